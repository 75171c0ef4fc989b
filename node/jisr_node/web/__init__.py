"""The node's public feed over HTTP, and the loop that keeps feed and hub up to date behind it."""
