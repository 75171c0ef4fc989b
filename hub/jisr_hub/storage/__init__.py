"""Adapters of the hub's ports: a ledger in memory, a ledger in SQL, pages in a folder."""
