"""The NoticeLedger part of the ledger in memory: holds, acks, followers (noticing.py)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs

from jisr_protocol import live
from jisr_protocol.ack import Ack
from jisr_protocol.keys import KeyRing
from jisr_protocol.limits import PAGE_ENTRIES
from jisr_protocol.notice import ALL

from ..ports import Draft, Erasure, Key, Number
from ..ports.notices import Follower, Handled, Heard, HeldBack
from ..takedown.erasure import covers, held_line, highest
from ..takedown.holding import put_again, until


@dataclass(frozen=True)
class Hold:
    """One target that one signer holds back."""

    notice: str
    max_rev: int | None
    until: str | None


class MemoryNotices:
    """Mixed into MemoryLedger, whose state holds the rest."""

    _s: Any
    _touch: Any

    def __init__(self) -> None:
        self._handled: dict[str, Handled] = {}
        self._acks: dict[tuple[str, str], Heard] = {}
        self._followers: dict[str, Follower] = {}

    # Holds; of the state, `holds` are by (node, target, signer)

    async def holds(self, keys: Iterable[Key]) -> dict[Key, int | None]:
        return {key: highest(h.max_rev for k, h in self._s.holds.items() if k[:2] == key) for key in keys}

    async def lift(self, at: str, number: Number) -> int:
        over = [key for key, hold in self._s.holds.items() if hold.until is not None and hold.until <= at]
        for key in over:
            del self._s.holds[key]
        for node, target, _ in over:
            self._bring_back(node, target, at, number)
            self._touch({node})
        return len(over)

    async def held_back(self, node: str = "") -> list[HeldBack]:
        return [self._s.back[key] for key in sorted(self._s.back) if node in ("", key[0])]

    def _hold(self, erasure: Erasure, at: str, number: Number) -> int:
        said, state = erasure.notice, self._s
        stood = any(n.draft.op in ("put", "del", "out") and _named(erasure, n.draft) for n in state.entries)
        if said.action == "unhold":
            for key in [k for k in state.holds if (k[0], k[2]) == (said.node, said.by)]:
                if erasure.target in (ALL, key[1]):
                    del state.holds[key]
            if stood:
                state.entries.append(number(erasure.draft, len(state.entries), at))
            return self._bring_back(said.node, erasure.target, at, number)
        end = until(said)
        if end is not None and end <= at:
            return 0
        state.holds[said.node, erasure.target, said.by] = Hold(said.envelope.digest, said.max_rev, end)
        self._set_aside(erasure)
        hidden = self._hide(erasure)
        for key, held in state.records.items():
            if key[2] == "public" and covers(erasure, key[0], key[1], held.rev):
                state.records[key] = structs.replace(held, live=False)
        if stood:
            state.entries.append(number(erasure.draft, len(state.entries), at))
        for page in {seq // PAGE_ENTRIES for seq in hidden}:
            state.generations[page] = state.generations.get(page, 1) + 1
        return len(hidden)

    def _set_aside(self, erasure: Erasure) -> None:
        newest = {(n.draft.node, n.draft.id): n.line for n in self._s.entries if n.draft.op == "put"}
        for (node, record_id, audience), held in self._s.records.items():
            if audience == "public" and held.live and covers(erasure, node, record_id, held.rev):
                line = newest[node, record_id]
                self._keep_back([HeldBack(node, record_id, held.rev, held.digest, held.type, line)])

    def _hide(self, erasure: Erasure) -> list[int]:
        hidden = []
        for place, numbered in enumerate(self._s.entries):
            if (line := held_line(erasure, numbered.line)) is not None:
                draft = structs.replace(numbered.draft, before=b"", after=b"")
                self._s.entries[place] = structs.replace(numbered, line=line, draft=draft)
                hidden.append(place)
        return hidden

    def _keep_back(self, rows: Iterable[HeldBack]) -> None:
        for back in rows:
            held = self._s.back.get((back.node, back.id))
            if held is None or back.rev >= held.rev:
                self._s.back[back.node, back.id] = back

    def _drop_back(self, erasure: Erasure) -> int:
        gone = [key for key, back in self._s.back.items() if covers(erasure, key[0], key[1], back.rev)]
        for key in gone:
            del self._s.back[key]
        return len(gone)

    def _bring_back(self, node: str, target: str, at: str, number: Number) -> int:
        came = 0
        for key, back in sorted(self._s.back.items()):
            if node != key[0] or target not in (ALL, key[1]) or self._held(back):
                continue
            del self._s.back[key]
            held = self._s.records.get((*key, "public"))
            newest = held is not None and (held.rev, held.digest, held.live) == (back.rev, back.digest, False)
            narrowed = any(k[:2] == key and k[2] != "public" and h.rev > back.rev for k, h in self._s.records.items())
            bounds = [*self._s.guards.get(key, {}).values(), *self._s.guards.get((node, ALL), {}).values()]
            if newest and not narrowed and not any(live.reaches(max_rev, back.rev) for max_rev in bounds):
                self._s.entries.append(number(put_again(back), len(self._s.entries), at))
                self._s.records[*key, "public"] = structs.replace(held, live=True)
                came += 1
        return came

    def _held(self, back: HeldBack) -> bool:
        bounds = [h.max_rev for k, h in self._s.holds.items() if k[0] == back.node and k[1] in (back.id, ALL)]
        return any(live.reaches(max_rev, back.rev) for max_rev in bounds)

    # What became of notices

    def _note(self, erasure: Erasure, at: str, outcome: str) -> None:
        said = erasure.notice
        task = "open" if outcome == "advice" and said.action != "unhold" else ""
        digest = said.envelope.digest
        before = self._handled.get(digest)
        if before is None:
            self._handled[digest] = Handled(digest, erasure.source, outcome, task, "", at)
        elif outcome == "done" or (before.outcome == "advice" and before.task != "declined"):
            self._handled[digest] = replace(before, outcome=outcome, task=task)

    async def handled(self, notice: str = "") -> list[Handled]:
        found = (one for digest, one in self._handled.items() if notice in ("", digest))
        return sorted(found, key=lambda one: (one.at, one.notice))

    async def decide(self, notice: str, task: str, outcome: str, reason: str) -> None:
        before = self._handled[notice]
        self._handled[notice] = replace(before, task=task, outcome=outcome, reason=reason)

    async def acks(self, notice: str) -> list[Heard]:
        return [self._acks[key] for key in sorted(self._acks) if key[0] == notice]

    async def unpassed(self, source: str) -> list[Ack]:
        of = {digest for digest, handled in self._handled.items() if handled.source == source}
        waiting = [heard.ack for heard in self._acks.values() if not heard.passed and heard.ack.notice in of]
        return sorted(waiting, key=lambda ack: (ack.at, ack.notice, ack.by))

    async def keep_ack(self, ack: Ack, ring: KeyRing) -> None:
        held = self._acks.get((ack.notice, ack.by))
        if held is None or ack.at > held.ack.at:
            self._acks[ack.notice, ack.by] = Heard(ack, False)
        self._s.rings[ring.id] = ring

    async def passed(self, acks: Sequence[Ack]) -> None:
        for ack in acks:
            held = self._acks.get((ack.notice, ack.by))
            if held is not None and held.ack.envelope.jws == ack.envelope.jws:
                self._acks[ack.notice, ack.by] = Heard(ack, True)

    async def followers(self) -> list[Follower]:
        return [self._followers[hub] for hub in sorted(self._followers)]

    async def keep_follower(self, follower: Follower) -> None:
        held = self._followers.get(follower.hub, follower)
        self._followers[follower.hub] = replace(held, name=follower.name)

    async def drop_follower(self, hub: str) -> None:
        self._followers.pop(hub, None)


def _named(erasure: Erasure, draft: Draft) -> bool:
    return draft.node == erasure.notice.node and erasure.target in (ALL, draft.id)
