"""A hub to try things on: example records of a node that is made for it, thrown away and made anew every so often.

Beside its own feed it serves the feeds of the vectors, bent ones among them (web/sandbox.py), so that whoever writes a
reader sees it end as it should.
"""
