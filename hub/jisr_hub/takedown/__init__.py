"""Erasures and holds, and the words about them that go between hubs."""
