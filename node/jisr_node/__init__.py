"""The light Jisr node: one organisation writes, signs, publishes and delivers its own records."""

__version__ = "0.1.0"
