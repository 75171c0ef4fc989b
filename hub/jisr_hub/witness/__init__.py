"""Cosigning other hubs' heads, and asking them for theirs."""
