"""What lines of the hub's own log are about. They were checked before they were stored, so they are only read here:
a hundredth of the cost of judging them again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from jisr_protocol.notice import ALL

from ..ports import Key

_MOVING = frozenset(("put", "del", "out", "erase", "hold", "unhold"))


class _Named(msgspec.Struct):
    node: str = ""
    id: str = ""


class _Op(msgspec.Struct):
    op: str


class _Line(msgspec.Struct):
    """What the ops that move records name them with (ENT-2, ENT-4); other ops may use these members in any way."""

    node: str = ""
    id: str = ""
    record: _Named | None = None
    tombstone: _Named | None = None
    notice: _Named | None = None


_op, _read = msgspec.json.Decoder(_Op).decode, msgspec.json.Decoder(_Line).decode


@dataclass
class Touched:
    """The records that entries of the log change, and the nodes of which all records are meant."""

    keys: set[Key] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)

    def take(self, lines: Iterable[bytes]) -> Touched:
        """Add what these lines are about."""
        for raw in lines:
            if _op(raw).op not in _MOVING:
                continue
            line = _read(raw)
            thing = line.record or line.tombstone or line.notice or line
            name = line.id or thing.id
            if name == ALL:
                self.nodes.add(thing.node)
            else:
                self.keys.add((thing.node, name))
        return self
