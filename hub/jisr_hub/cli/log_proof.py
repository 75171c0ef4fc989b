"""The hub's own log proven entry by entry: bytes, leaf hash, signature, the columns beside them, the roots of its head.

What is not whole is named by its index. One pass; what it needs of a log of any length is the keys of its authors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jisr_protocol import entry as entries
from jisr_protocol import envelope, keys, live, notice, state_tree, statement, validity
from jisr_protocol.entry import Entry
from jisr_protocol.keys import KeyRing
from jisr_protocol.merkle import Frontier
from jisr_protocol.refusal import Refusal

from .. import log
from ..ports import Published
from ..storage.proving import Folded, Row
from .faults import Faults

_RECORD_OPS = ("put", "del", "out")


class LogProof:
    """Takes the rows of the log in order; `finish` says what the whole comes to."""

    def __init__(
        self,
        rings: Mapping[str, KeyRing],
        published: Published | None,
        folded: Folded,
        faults: Faults,
    ) -> None:
        """`rings`: every author's chain as it is kept beside the log, for those whose statements in it are damaged."""
        self._kept_rings, self._published, self._folded, self._faults = rings, published, folded, faults
        self._rings: dict[str, KeyRing] = {}
        self._by_leaf, self._by_line = Frontier(), Frontier()
        self._unlike: list[int] = []
        self._stubs: dict[str, dict[str, list[tuple[int, int]]]] = {}
        """node → id → (position, rev) of the stubs that nothing has taken out yet."""
        self.size = 0
        self.statements: set[tuple[str, str]] = set()
        """(node, log.once) of what stands in the log once: key statements, entries of unknown ops."""
        self.told: set[str] = set()
        """Digests of the statements in the log."""
        self.broken: set[int] = set()
        """Positions whose line or leaf is not what it was."""
        self.doubtful: set[int] = set()
        """Positions after which nobody can say what the record is that they are about."""

    async def take(self, rows: Sequence[Row]) -> None:
        batch: list[tuple[str, Entry]] = []
        for row in rows:
            if row.seq != self.size:
                self._faults.add(f"entry {self.size} is missing: the next one is {row.seq}")
                self.broken.add(self.size)
                self._published = None  # no root can be met with a gap
            self.size = row.seq + 1
            entry = self._entry(row)
            if entry is not None:
                batch.append(("public", entry))
            if self._published is not None and self.size == self._published.head.size:
                await self._folded.take(batch)
                batch = []
                await self._meet(self._published)
        await self._folded.take(batch)

    def _entry(self, row: Row) -> Entry | None:
        """The entry of a row if its line can be read; every fault of the row is named."""
        entry: Entry | None = None
        try:
            entry = entries.parse(row.line)
            if entry.leaf != row.leaf:
                self._unlike.append(row.seq)
                self.doubtful.add(row.seq)
            else:
                self._columns(row, entry)
                self._cause(entry)
                self._verify(entry)
        except Refusal as refusal:
            self._faults.add(f"entry {row.seq}: {refusal}")
            self.broken.add(row.seq)
        self._by_leaf.append(row.leaf if len(row.leaf) == 32 else b"\0" * 32)
        self._by_line.append(entry.leaf if entry is not None else row.leaf)
        if entry is None or entry.seq != row.seq or (row.op == "out" and row.prior in self.doubtful):
            self.doubtful.add(row.seq)
        return entry

    def _columns(self, row: Row, entry: Entry) -> None:
        path = state_tree.path(entry.node or "", entry.id or "") if entry.op in _RECORD_OPS else None
        for name, came, expected in (("op", row.op, entry.op), ("path18", row.path18, path)):
            if came != expected and (name != "path18" or came is not None):
                self._faults.add(f"entry {row.seq}: its column {name} says {came}, its line {expected}")
        if row.prior is not None and not 0 <= row.prior < row.seq:
            self._faults.add(f"entry {row.seq}: its column prior says {row.prior}, which is not before it")

    def _cause(self, entry: Entry) -> None:
        """ENT-7: a stub needs a later entry that takes its record out or puts another in its place."""
        node, target = entry.node or "", entry.id or ""
        waiting = self._stubs.get(node, {})
        for name in [target] if target != notice.ALL else list(waiting):
            if entry.op in _RECORD_OPS:
                waiting.pop(name, None)
            elif entry.op in ("erase", "hold") and name in waiting:
                waiting[name] = [stub for stub in waiting[name] if not live.reaches(entry.rev, stub[1])]
        if entry.gone is not None:
            self._stubs.setdefault(node, {}).setdefault(target, []).append((entry.seq, entry.rev or 0))

    def _verify(self, entry: Entry) -> None:
        node = entry.node or ""
        if entry.op in ("key", "recovery") and entry.thing is not None:
            self._grow(node, entry)
        elif entry.op in ("put", "del") and entry.gone is None:
            ring = self._rings.get(node) or self._kept_rings.get(node)
            validity.accept(entry, ring, node)
        elif entry.op not in entries.KNOWN_OPS:
            self.statements.add((node, log.once(log.again(entry)) or ""))
        elif entry.op == "statement" and entry.thing is not None:
            self.told.add(entry.digest or "")
            said = statement.of(entry.thing)
            by = self._rings.get(said.by) or self._kept_rings.get(said.by)
            if by is not None:  # an anchor has no keys here
                envelope.verify_bytes(said.envelope, by.verifiers("statement"))
        elif entry.op in notice.ACTIONS:
            found = notice.target(entry)
            by = self._rings.get(found.by) or self._kept_rings.get(found.by)
            # a notice is appended last of its batch, so a revocation that came after it may stand before it
            envelope.verify_bytes(found.envelope, validity.ever(by, "notice"))

    def _grow(self, node: str, entry: Entry) -> None:
        ring = self._rings.get(node)
        statement = entry.thing
        self.statements.add((node, entry.digest or ""))
        if statement is None:
            return
        try:
            if ring is None:
                self._rings[node] = keys.fold([statement], expected_id=node)
            elif all(s.digest != entry.digest for s in ring.statements):
                self._rings[node] = ring.admit(statement)
        except Refusal:
            if (kept := self._kept_rings.get(node)) is not None:
                self._rings[node] = kept  # so that one damaged statement is not told of every later entry too
            raise

    async def _meet(self, published: Published) -> None:
        """The log up to the head's size against what the head promises."""
        head = published.head
        for seq in self._unlike:
            which = "leaf hash" if self._by_line.root().hex() == head.log_root else "line"
            self._faults.add(f"entry {seq}: its {which} has changed since the head was signed; the two do not fit")
            self.broken.add(seq)
        self._unlike = []
        if self.broken:
            return  # what is named already explains the roots
        if self._by_leaf.root().hex() != head.log_root:
            self._faults.add(f"the entries up to {head.size} do not add up to the log root of the signed head")
        if await self._state_differs(published):
            self._faults.add(f"the live set after {head.size} entries is not the one the signed head states")

    async def _state_differs(self, published: Published) -> bool:
        root, live = await self._folded.state()
        return (root.hex(), live) != (published.head.state_root, published.head.live)

    def finish(self, size: int) -> None:
        """`size`: how many entries the feed says it holds."""
        for seq, _ in sorted(stub for ids in self._stubs.values() for stubs in ids.values() for stub in stubs):
            self._faults.add(f"entry {seq}: its content is gone, and no later entry says why")
        for seq in self._unlike:
            self._faults.add(f"entry {seq}: its line and its leaf hash do not fit; one of them has changed")
            self.broken.add(seq)
        if self.size != size:
            self._faults.add(f"the log says it holds {size} entries, {self.size} are here")
        if self._published is not None and self._published.head.size > self.size:
            self._faults.add(f"the signed head covers {self._published.head.size} entries, {self.size} are here")
