"""Measurements: what the least possible work costs on this machine, what ours costs, and the ratio."""
