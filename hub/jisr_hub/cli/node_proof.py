"""What a ledger keeps of each node, proven: key statements, the node's own logs, the records they make, notices."""

from __future__ import annotations

from collections.abc import Mapping

from jisr_protocol import entry as entries
from jisr_protocol import head as heads
from jisr_protocol import keys, notice, push, validity
from jisr_protocol.entry import Entry
from jisr_protocol.envelope import Envelope, verify_bytes
from jisr_protocol.keys import KeyRing
from jisr_protocol.merkle import Frontier
from jisr_protocol.refusal import Refusal

from .. import node_trees
from ..storage.proving import RECORD_COLUMNS, Folded, Row, Stored
from .faults import Faults

MEND = "Mend it with: jisr-hub rebuild"


async def chains(stored: Stored, faults: Faults) -> dict[str, KeyRing]:
    """The chain of every author, as far as its statements hold; each that does not is named by its number."""
    rings: dict[str, KeyRing] = {}
    stopped: set[str] = set()
    async for rows in stored.statements():
        for row in rows:
            if row.node in stopped:
                continue
            try:
                rings[row.node] = _grown(rings.get(row.node), row)
            except Refusal as refusal:
                faults.add(f"key statement {row.n} of {row.node}: {refusal}")
                stopped.add(row.node)
    return rings


def _grown(ring: KeyRing | None, row: Row) -> KeyRing:
    statement = keys.parse_statement(row.kind, row.jws, row.body)
    grown = keys.fold([statement], expected_id=row.node) if ring is None else ring.admit(statement)
    if row.digest != statement.digest:
        raise Refusal("KEY-1", "", statement.digest, row.digest)
    return grown


async def notices(stored: Stored, rings: Mapping[str, KeyRing], faults: Faults) -> None:
    """Every notice that is kept: its bytes under its digest, its signature."""
    async for rows in stored.notices():
        for row in rows:
            thing = Envelope("notice", row.jws, row.body, {})
            where = f"notice {row.n} of {row.by} about {row.node}"
            try:
                if thing.digest != row.digest:
                    faults.add(f"{where}: its content is not what its digest says")
                elif row.by in rings:
                    notice.parse(thing.raw)
                    verify_bytes(thing, validity.ever(rings[row.by], "notice"))
            except Refusal as refusal:
                faults.add(f"{where}: {refusal}")


class NodeLogProof:
    """One feed of a node, as it came: the leaves up to its frontier, and each line that is kept."""

    def __init__(self, feed: Row, ring: KeyRing | None, faults: Faults) -> None:
        self._feed, self._ring, self._faults = feed, ring, faults
        self._name = f"the log of {feed.node} ({feed.name})"
        self._frontier = Frontier()
        self._broken = False
        self.lost = False
        """Whether a line is lost, so that the records of this feed cannot be made again."""

    async def run(self, stored: Stored, folded: Folded) -> None:
        """Prove the feed; what was admitted of a restricted one is folded into the records."""
        expected = self._expected()
        async for rows in stored.node_entries(self._feed.node, self._feed.name):
            batch: list[tuple[str, Entry]] = []
            for row in rows:
                entry = self._take(row)
                if entry is not None and row.code is None and self._feed.name != "public":
                    batch.append((self._feed.name, entry))
            await folded.take(batch)
        async for rows in stored.unjudged(self._feed.node, self._feed.name):
            for row in rows:
                self._take_waiting(row)
        self._meet(expected)

    def _expected(self) -> Frontier | None:
        """Where the log stands, from its own head or else from the frontier kept beside it."""
        try:
            head = heads.parse(self._feed.head)
            if self._ring is not None:
                self._ring.verify(head.envelope)
        except Refusal as refusal:
            self._faults.add(f"the head of {self._name}: {refusal}")
        try:
            return Frontier.from_bytes(self._feed.size, self._feed.frontier)
        except Refusal as refusal:
            self._faults.add(f"the frontier of {self._name}: {refusal}")
            return None

    def _take_waiting(self, row: Row) -> None:
        """Lines that wait for their judgement are held to the frontier alone."""
        where = f"entries {row.start} to {row.upto - 1} of {self._name}, which wait for their judgement"
        try:
            held = [entries.parse(line) for line in row.lines.splitlines()]
        except Refusal as refusal:
            self._changed(where, f"a line cannot be read: {refusal}")
            return
        if [entry.seq for entry in held] != list(range(self._frontier.size, row.upto)):
            self._changed(where, "they are not these entries")
            return
        for entry in held:
            self._frontier.append(entry.leaf)

    def _take(self, row: Row) -> Entry | None:
        where = f"entry {row.seq} of {self._name}"
        if row.seq != self._frontier.size:
            if not self._broken:
                self._faults.add(f"entry {self._frontier.size} of {self._name} is missing")
            self._broken = True
        self._frontier.append(row.leaf if len(row.leaf) == 32 else b"\0" * 32)
        if row.line is None:
            return None
        whole = row.line_hash is None or push.line_hash(row.line) == row.line_hash
        try:
            entry = entries.parse(row.line)
        except Refusal as refusal:
            self._lost(where, f"its line cannot be read: {refusal}")
            return None
        if entry.leaf != row.leaf and not (whole and row.line_hash):
            self._lost(where, "its line and its leaf hash do not fit")
            return None
        if entry.leaf != row.leaf:
            self._changed(where, "its leaf hash is not that of its line")
        elif entry.gone is None and not whole:
            self._changed(where, "its line is not the one whose hash is kept beside it")
        return entry

    def _changed(self, where: str, why: str) -> None:
        self._faults.add(f"{where} has changed since it came: {why}")
        self._broken = True

    def _lost(self, where: str, why: str) -> None:
        """A line that nobody can read any more: what it made of its record cannot be told either."""
        self._changed(where, why)
        self.lost = True

    def _meet(self, expected: Frontier | None) -> None:
        if expected is None or self._broken:
            return
        if self._frontier.size != expected.size:
            self._faults.add(f"{self._name} has {expected.size} entries, {self._frontier.size} are here")
            return
        start = 0
        for came, right, width in zip(self._frontier.roots, expected.roots, _widths(expected.size), strict=True):
            if came != right:
                which = f"entry {start}" if width == 1 else f"one of the entries {start} to {start + width - 1}"
                self._faults.add(f"{which} of {self._name}: a leaf hash has changed, or the frontier kept beside it")
            start += width


def _widths(size: int) -> list[int]:
    """How many leaves stand under each root of a frontier, largest first."""
    return [1 << bit for bit in range(size.bit_length() - 1, -1, -1) if size >> bit & 1]


async def unshown(stored: Stored, folded: Folded, node: str) -> None:
    """Fold the lines of a node's public feed that never showed."""
    async for rows in stored.node_entries(node, "public"):
        batch = []
        for row in rows:
            if row.line is not None and row.code is None:
                try:
                    batch.append(("public", entries.parse(row.line)))
                except Refusal:
                    continue  # named when the feed was proven
        await folded.take_unshown(batch)


async def held_back(stored: Stored, rings: Mapping[str, KeyRing], folded: Folded, faults: Faults) -> None:
    """What holds keep back: each line is the author's own and what the columns beside it say; then folded."""
    async for rows in stored.held_back():
        batch = []
        for row in rows:
            try:
                said = entries.parse(row.line)
                ring = rings.get(row.node)
                entries.accepted(said, validity.ever(ring, "record"), row.node)
                if (said.id, said.rev, said.digest, said.type) != (row.id, row.rev, row.digest, row.type):
                    faults.add(f"record {row.id} of {row.node}, held back: its columns are not those of its line")
                batch.append(("public", said))
            except Refusal as refusal:
                faults.add(f"record {row.id} of {row.node}, which is held back: {refusal}")
        await folded.take_unshown(batch)


async def records(
    stored: Stored, folded: Folded, doubtful: set[int], lost: set[tuple[str, str]], faults: Faults
) -> None:
    """The table of records against what the logs make; what follows from a damaged entry is not told twice.

    `doubtful`: positions of the hub's log that make nobody knows what, `lost`: (node, feed) of logs with such lines.
    """
    async for held, made in folded.differences(stored):
        row = held or made
        if row is None or row.seq in doubtful or (row.seq is None and (row.node, row.audience) in lost):
            continue
        name = f"record {row.id} of {row.node} ({row.audience})"
        if held is None or made is None:
            what = "is missing in the table of records" if held is None else "is in the table of records, in no log"
        else:
            unlike = [each for each in zip(RECORD_COLUMNS, held, made, strict=True) if each[1] != each[2]]
            what = "; ".join(f"{column} is {came}, the log says {right}" for column, came, right in unlike)
        faults.add(f"{name}: {what}. {MEND}")


async def trees(stored: Stored, faults: Faults) -> None:
    """The trees that are kept of nodes, with what was touched since, against what the records make."""
    kept = await stored.kept_trees()
    view = await stored.view() if kept else None
    for node, depth in kept.items():
        if view is not None and not await node_trees.stands(view, node, depth):
            faults.add(f"the state tree that is kept of {node} is not the one of its records. {MEND}")


async def logged_statements(stored: Stored, logged: set[tuple[str, str]], doubtful: set[int], faults: Faults) -> None:
    """The list of what stands in the hub's log once, key statements above all, against the log."""
    left = set(logged)
    async for rows in stored.logged_statements():
        for row in rows:
            if (row.node, row.digest) not in logged and not doubtful:
                faults.add(f"the statement {row.digest} of {row.node} is listed as logged, and is not in the log")
            left.discard((row.node, row.digest))
    for node, digest in sorted(left):
        faults.add(f"the statement {digest} of {node} is in the log, and not listed as logged")
