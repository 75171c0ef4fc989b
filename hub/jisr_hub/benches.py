"""What a batch of one writer is judged against, read from the ledger in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jisr_protocol import entry as entries
from jisr_protocol import lineage
from jisr_protocol.authority import Standing
from jisr_protocol.entry import Entry
from jisr_protocol.head import Head
from jisr_protocol.keys import KeyRing
from jisr_protocol.notice import ALL
from jisr_protocol.statement import HOME, Verified

from . import ingest
from .authority.attesting import Attesting, outdated
from .ingest import Bench, Outcome, Policy
from .ports import Clock, Held, Key, Ledger, Member, Position, Told


class Benches:
    """Makes benches of the hub `own`; `judging` gives the policy for an author of a home hub."""

    def __init__(
        self, own: str, ledger: Ledger, clock: Clock, attesting: Attesting, judging: Callable[[str], Policy]
    ) -> None:
        self._own, self._ledger, self._clock = own, ledger, clock
        self._attesting, self._judging = attesting, judging

    async def of(self, member: Member, name: str, signed: Head, ring: KeyRing, batch: Sequence[Entry]) -> Bench:
        node, restricted = member.node, name != "public"
        around = await self._ledger.around(node, ingest.touched(batch))
        elsewhere: dict[tuple[str, str], Held] = {}
        for other in ("public",) if restricted else ingest.RESTRICTED:
            for key, there in around.held.get(other, {}).items():
                elsewhere[key] = max(there, elsewhere.get(key, there), key=lambda one: one.rev)
        once = any(e.op in ("key", "recovery") or e.op not in entries.KNOWN_OPS for e in batch)
        statements = await self._ledger.statements_logged(node) if once else set()
        judging = self._judging(member.home_hub(self._own))
        held = dict(around.held.get(name, {}))
        bench = Bench(node, name, signed.epoch, ring, held, elsewhere, judging, known_statements=statements)
        bench.guards, bench.now = around.guards, self._clock()
        bench.holds = {} if restricted else around.holds
        if said := {e.id or "" for e in batch if e.op in ingest.NOTICES}:
            bench.last_notice = await self._ledger.last_notice(node, node, name)
            bench.newest_revs = {target: await self._ledger.newest_rev(node, target) for target in said}
        bench.bases = signed.bases
        await self._attest(bench, member, around.told, batch)
        bench.place = lambda said: (name, lineage.epoch_of_entry(signed, said.seq), said.seq)
        return bench

    async def _attest(self, bench: Bench, member: Member, told: Sequence[Told], batch: Sequence[Entry]) -> None:
        """How the writer of a log stands, and what its own word about its home changes in that."""
        bench.standing, held = await self._attesting.standing(member, told, bench.now)
        bench.home_said = held.home_said(bench.node)
        if any(e.type == HOME for e in batch):
            held = await self._attesting.authority([member], told=told)

        def moved(said: Verified) -> Standing | None:
            held.add(Told(said.statement, said.kid))
            return self._attesting.at_home(held, bench.node, bench.now)

        bench.moved = moved if bench.name == "public" else None

    async def said_of_homes(self, node: str, outcome: Outcome) -> dict[str, Any]:
        """What a change stores of what a node said of its home hub: only its last word stays held."""
        if not outcome.told:
            return {}
        last = outcome.told[-1]
        held = await self._attesting.authority([], also=[node])
        gone = outdated([last], held.told, void=held.void)
        return {"told": [last], "outdated": gone, "homes": {node: last.statement.value["home"]}}

    async def sources(self, fresh: Sequence[Entry], bench: Bench) -> dict[int, Position]:
        """Where that stands which overtook entries of a push, by their position: a node gives back what a hub lost."""
        keys = {e.seq: (e.node or "", e.id or "") for e in fresh}
        below = {e.seq for e in fresh if (held := bench.held.get(keys[e.seq])) and held.rev > (e.rev or 0)}
        found = await self._ledger.sources({keys[seq] for seq in below}) if below else {}
        return {seq: found[keys[seq]] for seq in below if keys[seq] in found}


def guarding(records: Iterable[Key]) -> set[Key]:
    """The targets under which a guard may keep these records out: each by itself, or all of its node."""
    named = set(records)
    return named | {(node, ALL) for node, _ in named}
