"""What comes from elsewhere: other hubs, nodes' feeds that are fetched, and when each is asked."""
