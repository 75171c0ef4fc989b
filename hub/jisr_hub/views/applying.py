"""What a policy comes to: beforehand in numbers and names, and then carried out.

What leaves does so by an `out` entry that says `policy`. What enters again is taken from where it stands: from the
hub's own log what left by policy before, from quarantine what never came in, from a peer's copy what was not taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from jisr_protocol import entry as entries
from jisr_protocol import identifiers
from jisr_protocol.entry import Entry
from jisr_protocol.policy import Policy

from .. import ingest, log
from ..hub import CONFLICT_TRIES, Hub
from ..ingest import POLICY
from ..ports import Conflict, Draft, Held, Member, Remembered, View
from .policies import OWN, Placed, Policies, braked, judged, of_peer

_NAMES = 10
"""Records of a node that are named beforehand."""


@dataclass
class Effect:
    """What a policy would do to the records of one node in the public feed."""

    member: Member
    live: int = 0
    leaves: list[Entry] = field(default_factory=list)
    enters: list[Entry] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Whether so much of this author would go that the operator must have seen the number."""
        return bool(self.leaves) and braked(len(self.leaves), self.live)


class Applying:
    """Carries out what the operator has put in place, in the process that leads."""

    def __init__(self, hub: Hub, policies: Policies) -> None:
        self._hub, self._policies = hub, policies

    async def effects(self, scope: str, policy: Policy | None) -> list[Effect]:
        """What this policy would change at this scope, node by node; nothing is stored."""
        found = []
        for member in await self._members(scope):
            rules = self._rules(member, {scope: policy})
            effect = Effect(member)
            async with self._hub.ledger.reading() as view:
                shown = await self._shown(view, member.node)
                effect.live = len(shown)
                effect.leaves = [e for e in shown if rules(e) is not None]
                if not member.upstream:
                    back = [e for e in await self._left(view, member.node) if rules(e) is None]
                    waiting = {e.id: e for e in await self._waiting(member.node) if rules(e) is None}
                    effect.enters = [e for e in back if e.id not in waiting] + list(waiting.values())
            if effect.leaves or effect.enters:
                found.append(effect)
        return found

    async def run(self) -> None:
        """Carry out whatever is pending; safe to be cut off anywhere, and to be done again."""
        await self._policies.refresh()
        for placed in self._policies.pending():
            if placed.scope == OWN or placed.scope.startswith("peer/"):
                await self._carry_out(placed)
                await self._policies.store.carried_out(placed.scope, placed.sha256)
                await self._policies.refresh()
                self._hub.changed.set()

    async def _carry_out(self, placed: Placed) -> None:
        for member in await self._members(placed.scope):
            await self._again(partial(self._change, member))
            if not member.upstream:
                for name in identifiers.FEED_AUDIENCES:
                    await self._hub.rejudge(member.node, name)
        for peer in await self._hub.ledger.peers():
            if placed.scope in (OWN, of_peer(peer.hub)):
                await self._policies.store.begin_again(peer.hub)

    async def _again(self, change: Callable[[], Awaitable[None]]) -> None:
        for _ in range(CONFLICT_TRIES):
            try:
                return await change()
            except Conflict:
                continue  # the node has sent something meanwhile: it is judged by the new policy already
        raise Conflict("a node kept sending while a policy was carried out")

    async def _change(self, member: Member) -> None:
        rules, places = self._rules(member, {}), await self._hub.ledger.node_places(member.node)
        drafts: list[Draft] = []
        remembered: list[Remembered] = []
        async with self._hub.ledger.reading() as view:
            for e in await self._shown(view, member.node):
                if rules(e) is not None:
                    now = Held(e.rev or 0, e.digest or "", e.type or "", False)
                    drafts.append(log.out_draft(e.node or "", e.id or "", now.rev, now.digest, now.type, POLICY))
                    remembered.append(Remembered(e.node or "", e.id or "", "public", now))
            for e in [] if member.upstream else await self._left(view, member.node):
                if rules(e) is None:
                    now = Held(e.rev or 0, e.digest or "", e.type or "", True)
                    drafts.append(log.draft(e, src=e.src, via=e.parts.get("via")))
                    remembered.append(Remembered(e.node or "", e.id or "", "public", now))
        if drafts:
            await self._hub.say_of(member.node, drafts, remembered, places)

    async def _members(self, scope: str) -> list[Member]:
        members = await self._hub.ledger.members()
        return [m for m in members if scope == OWN or of_peer(m.upstream) == scope]

    def _rules(self, member: Member, instead: Mapping[str, Policy | None]) -> Callable[[Entry], str | None]:
        """What judges a node's records, with other policies in the places of some."""
        scopes = (OWN, of_peer(member.upstream)) if member.upstream else (OWN,)
        policies = [instead[scope] if scope in instead else self._policies.of(scope) for scope in scopes]
        facts = self._policies.facts(member.home_hub(self._hub.identity.id))
        return lambda entry: judged(policies, entry, facts)

    # What stands where

    async def _shown(self, view: View, node: str) -> list[Entry]:
        """The put entries of a node's live records."""
        newest = await view.newest(node, "*")
        held = await self._hub.ledger.held("public", [(node, record_id) for record_id in newest])
        live = [seq for record_id, seq in newest.items() if (one := held.get((node, record_id))) and one.live]
        return [e for e in map(entries.parse, (await view.lines(live)).values()) if e.op == "put" and e.thing]

    async def _left(self, view: View, node: str) -> list[Entry]:
        """What left by policy and has not been overtaken since: the put entries before it."""
        newest = await view.newest(node, "*")
        held = await self._hub.ledger.held("public", [(node, record_id) for record_id in newest])
        dead = [seq for record_id, seq in newest.items() if (one := held.get((node, record_id))) and not one.live]
        outs = [seq for seq, line in (await view.lines(dead)).items() if _says_policy(line)]
        before = [seq for seq in (await view.priors(outs)).values() if seq is not None]
        puts = [e for e in map(entries.parse, (await view.lines(before)).values()) if e.op == "put" and e.thing]
        later = await self._later(node, puts)
        return [e for e in puts if (e.rev or 0) >= later[e.id or ""]]

    async def _later(self, node: str, puts: Iterable[Entry]) -> dict[str, int]:
        """The newest rev known of each record, in quarantine or in another audience."""
        revs: dict[str, int] = defaultdict(int)
        for e in await self._waiting(node):
            revs[e.id or ""] = max(e.rev or 0, revs[e.id or ""])
        asked = [(node, e.id or "") for e in puts]
        for name in ingest.RESTRICTED:
            for (_, record_id), held in (await self._hub.ledger.held(name, asked)).items():
                revs[record_id] = max(held.rev, revs[record_id])
        return revs

    async def _waiting(self, node: str) -> list[Entry]:
        """What a policy keeps in quarantine, oldest first."""
        kept = await self._hub.ledger.judged(node, "public")
        return [entries.parse(k.line) for k in kept if k.code == "policy_refused" and k.line]


def _says_policy(line: bytes) -> bool:
    said: dict[str, Any] = orjson.loads(line)
    return said["op"] == "out" and said.get("why") == POLICY


def named(records: Iterable[Entry]) -> list[str]:
    """What the first of these records are called, for a person."""
    found = []
    for e in records:
        value = e.thing.value if e.thing else {}
        texts = value.get("name") or value.get("title") or {}
        text = next((one.get("value") for one in texts.values() if isinstance(one, dict)), None)
        found.append(str(text or e.id))
    return found[:_NAMES]
