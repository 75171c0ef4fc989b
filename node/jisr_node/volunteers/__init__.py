"""Volunteers who have no node: an intermediary keeps for them a profile without a name, and a link of their own."""
