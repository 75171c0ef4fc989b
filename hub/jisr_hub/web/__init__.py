"""HTTP at the hub: the API, the public pages and their languages."""
