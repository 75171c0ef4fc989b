"""The Jisr protocol: bytes and the time go in, verified values come out.

Nothing here (but `reader`) opens a socket or a file, asks the clock or draws a random number.
"""

__version__ = "0.1.0"
