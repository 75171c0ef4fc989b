"""What the hub's core asks of the world: a ledger that keeps, and places for pages. Adapters stand in storage/.

The ledger is the truth. Each method says what an adapter must guarantee; tests/contracts runs one suite over all.

    ledger      the Ledger, a Change, and what it is judged against
    view        one consistent moment of the feed
    entries     lines of logs, and what is held of records
    nodes       who a node is, what is said of it
    takedown    notices as they are carried out
    notices     holds, what they hold back, acks, and who follows
    trees       state trees of single nodes, as they are kept
    following   hubs and feeds that are followed
    publishing  Pages, the Fence, what was published last
    objects     a store such as a bucket
    directory   what is public, as people and programs are shown it
    search      what is looked for in the public directory, and found
    clock       the time, and waiting
"""

from .clock import Clock, Sleep
from .entries import Draft, Held, Kept, Key, Number, Numbered, Place, Position, Remembered, Touch, Unjudged
from .following import Peer, Pull
from .ledger import Around, Before, Change, Conflict, Lead, Ledger
from .nodes import NOTICE, Member, Nullified, Stated, Told
from .objects import Objects, Shown, Unstored
from .publishing import Fence, Mark, Pages, Published, Snapshot
from .search import Found, Hit, Query, Search
from .takedown import Erased, Erasure, Said, StillSeen
from .trees import BranchPlace, KeptTree
from .view import View

__all__ = [
    "NOTICE",
    "Around",
    "Before",
    "BranchPlace",
    "Change",
    "Clock",
    "Conflict",
    "Draft",
    "Erased",
    "Erasure",
    "Fence",
    "Found",
    "Held",
    "Hit",
    "Kept",
    "KeptTree",
    "Key",
    "Lead",
    "Ledger",
    "Mark",
    "Member",
    "Nullified",
    "Number",
    "Numbered",
    "Objects",
    "Pages",
    "Peer",
    "Place",
    "Position",
    "Published",
    "Pull",
    "Query",
    "Remembered",
    "Said",
    "Search",
    "Shown",
    "Sleep",
    "Snapshot",
    "Stated",
    "StillSeen",
    "Told",
    "Touch",
    "Unjudged",
    "Unstored",
    "View",
]
