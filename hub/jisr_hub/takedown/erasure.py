"""Erasure: the content of records goes from everything this hub keeps; positions, leaves and a guard stay.

    the database      lines become stubs, in the transaction that stores the notice (Ledger.erase, Ledger.store)
    the ledger file   what was erased, kept outside the database: an older database put back loses it again
    peers' copies     what this hub reads of others
    the disk          nothing of it in the database's files (Ledger.forget)

`covers`, `erased_line` and `erased_kept` are what every ledger does with a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
import orjson

from jisr_protocol import entry as entries
from jisr_protocol import envelope, identifiers, live, notice, push
from jisr_protocol.notice import ALL, Notice

from .. import log
from ..hub import Hub
from ..ports import NOTICE, Clock, Erased, Erasure, Kept


class Outside(Protocol):
    """An append-only file that is kept apart from the database."""

    def read(self) -> list[bytes]:
        """Its lines; what a crash cut off at the end is not one."""
        ...

    def append(self, lines: Sequence[bytes]) -> None:
        """Durable when it returns."""
        ...


class Copies(Protocol):
    """What is kept of other hubs' feeds."""

    async def erase(self, erasures: Iterable[Erasure]) -> None:
        """Take the content out of every copy, for ever."""
        ...


class _Lifted(msgspec.Struct):
    lifted: str


class Beside(Protocol):
    """The hub's feeds beside the public one, which stand in ledgers of their own."""

    async def erase(self) -> None:
        """Take out whatever was erased at the hub."""
        ...

    async def forget(self) -> list[str]:
        """Leave nothing of it in their databases; says what remains elsewhere."""
        ...


class _NothingBeside:
    async def erase(self) -> None:
        pass

    async def forget(self) -> list[str]:
        return []


class _Scrubbed(msgspec.Struct):
    scrubbed: str


def covers(erasure: Erasure, node: str | None, record_id: str | None, rev: int | None) -> bool:
    """Whether an erasure takes this rev of this record out."""
    said = erasure.notice
    return node == said.node and erasure.target in (record_id, ALL) and live.reaches(said.max_rev, rev or 0)


def covered(erasure: Erasure, line: bytes) -> entries.Entry | None:
    """The put, del or stub of this line, if the erasure takes it out."""
    said = entries.parse(line)
    return said if said.op in ("put", "del") and covers(erasure, said.node, said.id, said.rev) else None


def erased_line(erasure: Erasure, line: bytes) -> bytes | None:
    """The stub that takes the place of a line of the hub's own log; None for a line that stays."""
    said = covered(erasure, line)
    return entries.write_stub(said, "erased") if said is not None and said.gone != "erased" else None


def held_line(hold: Erasure, line: bytes) -> bytes | None:
    """The stub that takes the place of a line of the hub's own log while a hold lasts; None for a line that stays."""
    said = covered(hold, line)
    return entries.write_stub(said, "held") if said is not None and said.op == "put" and said.gone is None else None


def erased_kept(erasure: Erasure, kept: Kept) -> Kept | None:
    """What takes the place of a line of a node's log; None when it stays.

    Why it was put aside goes too, for it may quote the content. A stub that waited for this erasure is no fault now.
    """
    said = covered(erasure, kept.line) if kept.line is not None else None
    if said is None:
        return None
    if said.gone is not None:
        waited = kept.code == "stub_without_cause"
        return Kept(kept.seq, kept.leaf, kept.line, line_hash=kept.line_hash) if waited else None
    stub = entries.write_stub(said, "erased")
    return Kept(kept.seq, kept.leaf, stub, "erased" if kept.code else None, line_hash=push.line_hash(stub))


def erased_slice(erasure: Erasure, lines: bytes) -> tuple[bytes, int]:
    """What takes the place of lines that wait for their judgement, and how many of them became stubs."""
    stubs = [erased_line(erasure, line) for line in lines.splitlines()]
    kept = [stub or line for stub, line in zip(stubs, lines.splitlines(), strict=True)]
    return b"".join(line + b"\n" for line in kept), sum(stub is not None for stub in stubs)


def highest(max_revs: Iterable[int | None]) -> int | None:
    """Up to which rev several guards keep a record out together: None for any, 0 when there are none."""
    found = list(max_revs)
    return None if None in found else max((rev for rev in found if rev is not None), default=0)


class Erasures:
    """What erasures ask of a hub beside its database."""

    def __init__(self, hub: Hub, clock: Clock, outside: Outside, copies: Copies) -> None:
        self.hub, self._ledger, self._clock, self._outside, self._copies = hub, hub.ledger, clock, outside, copies
        self._unscrubbed: list[Erasure] = []
        self.beside: Beside = _NothingBeside()

    async def erase(
        self,
        node: str,
        target: str,
        max_rev: int | None,
        *,
        id: str,
        basis: str,
        jurisdiction: str | None = None,
    ) -> Erased:
        """Sign an erasure with the hub's own key and act on it; `id` is a new UUID. Raises Refusal for what would not
        be taken. What it took out is still on the disk until `scrub`."""
        return await self.say("erase", node, (target,), max_rev=max_rev, id=id, basis=basis, jurisdiction=jurisdiction)

    async def say(
        self,
        action: str,
        node: str,
        targets: Sequence[str],
        *,
        id: str,
        basis: str,
        max_rev: int | None = None,
        jurisdiction: str | None = None,
        expires: datetime | None = None,
    ) -> Erased:
        """Sign a notice of any action with the hub's own key and act on it. Raises Refusal."""
        who = self.hub.identity
        last = await self._ledger.last_notice(who.id, node, "public")
        at = identifiers.to_instant(self._clock())
        said = notice.write(
            who.key,
            id=id,
            action=action,
            by=who.id,
            node=node,
            ids=() if ALL in targets else tuple(targets),
            max_rev=max_rev,
            n=(last[0] if last else 0) + 1,
            issued=at,
            basis=basis,
            jurisdiction=jurisdiction,
            expires=identifiers.to_instant(expires) if expires is not None else None,
        )
        for target in said.targets:
            notice.judge(said, last, await self._ledger.newest_rev(node, target))
        erasures = [Erasure(said, target, log.notice_draft(said, target)) for target in said.targets]
        done = await self._ledger.erase(at, erasures, log.number)
        await self.settle(at, erasures)
        self.hub.changed.set()
        return done

    async def settle(self, at: str, erasures: Sequence[Erasure]) -> None:
        """ING-13: write down outside the database what was erased; before anybody is told that it was."""
        bound = [erasure for erasure in erasures if erasure.binds and erasure.notice.action == "erase"]
        if bound:
            self._outside.append([_written(at, erasure) for erasure in bound])
            self._unscrubbed += bound
            await self.beside.erase()

    async def lift(self, at: str, digests: Sequence[str]) -> None:
        """KEY-12: write down that these notices were a thief's, so that no later start carries them out again."""
        self._outside.append([msgspec.json.encode(_Lifted(digest)) for digest in digests])

    async def replay(self) -> int:
        """ING-13: erase again what the file knows and the database does not: an older one was put back. Before anything
        is served. Returns how many targets; what only the database knows is written to the file."""
        told = self._told()
        held = await self._held()
        at = identifiers.to_instant(self._clock())
        void = {one.digest for node in {e.notice.node for e in told.values()}
                for one in await self._ledger.nullified(node) if one.audience == NOTICE}  # fmt: skip
        if missing := [erasure for key, erasure in told.items() if key not in held and key[0] not in void]:
            await self._ledger.erase(at, missing, log.number)
            self._unscrubbed += missing
        await self.settle(at, [erasure for key, erasure in held.items() if key not in told])
        return len(missing)

    async def empty(self) -> int:
        """The same for a database that must not grow before a rebase: content goes, and nothing is said of it yet."""
        held = await self._held()
        missing = [erasure for key, erasure in self._told().items() if key not in held]
        await self._ledger.empty(missing)
        self._unscrubbed += missing
        return len(missing)

    async def _held(self) -> dict[tuple[str, str], Erasure]:
        return {
            (said.notice.envelope.digest, target): _anew(said.notice, target, said.feed)
            for said in await self._ledger.notices()
            for target in said.guards
        }

    def _told(self) -> dict[tuple[str, str], Erasure]:
        """The erasures in the file; those after its last word that all was scrubbed wait for it."""
        told: dict[tuple[str, str], Erasure] = {}
        waiting: list[Erasure] = []
        for line in self._outside.read():
            if line.startswith(b'{"scrubbed"'):
                waiting = []
                continue
            if line.startswith(b'{"lifted"'):
                lifted = msgspec.json.decode(line, type=_Lifted).lifted
                told = {key: erasure for key, erasure in told.items() if key[0] != lifted}
                continue
            erasure = _read(line)
            told[erasure.notice.envelope.digest, erasure.target] = erasure
            waiting.append(erasure)
        self._unscrubbed = waiting
        return told

    @property
    def to_scrub(self) -> bool:
        """Whether bytes of what was erased may still be on the disk."""
        return bool(self._unscrubbed)

    async def scrub(self) -> list[str]:
        """Leave nothing of it in peers' copies and the database's files; says what remains elsewhere."""
        erasures = list(self._unscrubbed)
        await self._copies.erase(erasures)
        remains = await self._ledger.forget() + await self.beside.forget()
        at = identifiers.to_instant(self._clock())
        self._outside.append([msgspec.json.encode(_Scrubbed(at))])
        self._unscrubbed = self._unscrubbed[len(erasures) :]
        return remains


def _anew(said: Notice, target: str, feed: str) -> Erasure:
    return Erasure(said, target, log.notice_draft(said, target), feed)


def _written(at: str, erasure: Erasure) -> bytes:
    """A line of the file: the entry that says it, at a position that means nothing."""
    return b'{"entry":%b,"feed":"%b"}' % (log.number(erasure.draft, 0, at).line, erasure.feed.encode())


def _read(line: bytes) -> Erasure:
    parts = envelope.slices(line)
    said = entries.parse(parts["entry"])
    return Erasure(notice.target(said), said.id or "", log.again(said), orjson.loads(parts["feed"]), again=True)
