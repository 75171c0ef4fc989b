"""Where the node touches files, a database and the network; only app and cli know these modules."""
