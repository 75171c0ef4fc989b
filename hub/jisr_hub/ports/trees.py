"""The tree of a node's live records, kept folded beside them (node_trees.py)."""

from __future__ import annotations

import msgspec

BranchPlace = tuple[int, int]
"""(level, number) of an inner node of a state tree; the root is (0, 0)."""


class KeptTree(msgspec.Struct, frozen=True):
    """How far the tree that is kept of a node's live records goes."""

    depth: int
    """0 from when it is begun until its branches stand."""
    round: int
    """Rises whenever anything is kept of it: who folded what is not kept so any more keeps nothing."""
    upto: int
    """The last of the touches that are told here; -1 for none."""
    touched: frozenset[int] | None
    """The paths of the records that may have changed since the branches were folded; None when any may have."""
