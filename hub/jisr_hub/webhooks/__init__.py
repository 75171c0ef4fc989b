"""Portals that want to be told when the public feed has grown: who they are, and telling them."""
