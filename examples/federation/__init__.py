"""The pieces of `python3 run.py demo`: hubs as processes, nodes in this one, a reader, and a voice that tells.

partners.py     drafts from a file, and whose they are
worlds.py       a world: its hubs, who follows whom, who writes what
hubs.py         a hub: made, served by `jisr-hub serve`, asked for its head, stopped
nodes.py        a node: made, filled, published, pushed
narration.py    what a person sees
comparison.py   what differs between two feeds that should be equal
coverage.py     areas with people but without help
portal.py       a Danish page made of a reader's copy
story.py        the order of events
"""
