"""Entries of the hub's feed and of nodes' own logs, and what is held of the records they are about."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

Position = tuple[str, str, int]
"""(feed name, epoch, seq): a place in a node's own feed."""


Key = tuple[str, str]
"""(node, id) of a record; the id is `*` where all records of the node are meant."""


Place = tuple[str, int]
"""(epoch, size): how far a node's feed is held."""


class Held(msgspec.Struct, frozen=True, gc=False):
    """What is held of one record in one audience: its newest rev, and whether it is live in the hub's feed."""

    rev: int
    digest: str
    type: str
    live: bool


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An entry of the hub's feed without a position yet: the columns of its leaf, and its members in raw bytes.

    `before` are the members that stand between `at` and `seq` in its line, `after` those after `seq`, each as they
    will be written: `"name":value`, with commas between.
    """

    op: str
    type: str | None
    node: str | None
    id: str | None
    rev: int | None
    digest: str | None
    src: Position | None
    before: bytes
    after: bytes
    path: int | None = None
    """The record's path in the state tree; None for what is no record."""


class Numbered(msgspec.Struct, frozen=True, gc=False):
    """A draft that got its position: its line (without line feed) and its leaf hash."""

    seq: int
    line: bytes
    leaf: bytes
    draft: Draft


class Kept(msgspec.Struct, frozen=True, gc=False):
    """One entry of a node's own log as the hub keeps it. `code` is None when admitted; `line` is kept where the hub's
    own feed does not hold the content."""

    seq: int
    leaf: bytes
    line: bytes | None
    code: str | None = None
    pointer: str = ""
    detail: str = ""
    line_hash: bytes | None = None
    """By which the line is known when it is sent again (push.line_hash)."""


class Unjudged(msgspec.Struct, frozen=True, gc=False):
    """Entries [start, end) of a node's log that were taken in bulk and wait for their judgement (bulk.py)."""

    start: int
    end: int
    lines: bytes
    """As they came, each with its line feed."""


class Remembered(msgspec.Struct, frozen=True, gc=False):
    """The new state of one record in one audience. What is live has its entry among the drafts of the same change."""

    node: str
    id: str
    audience: str
    held: Held


class Touch(msgspec.Struct, frozen=True, gc=False):
    """An entry that says something of records. `prior` is where the entry about the same record before it stands."""

    seq: int
    op: str
    line: bytes
    prior: int | None


Number = Callable[[Draft, int, str], Numbered]
