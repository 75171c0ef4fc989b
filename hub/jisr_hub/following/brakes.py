"""The deletion brake on what comes from peers: a feed that suddenly drops much of what it gave waits for a person.

Only `out` entries are held back, for nobody signed them but the peer. An author's own deletes, and erasures, always
pass. While the brake holds, nothing else does: new records and changes are taken as ever. When the operator lets it go,
the peer's whole copy is taken once more, with what leaves.
"""

from __future__ import annotations

from collections.abc import Iterable

from jisr_protocol import identifiers

from ..hub import Hub
from ..ports import Key
from ..views.policies import Brake, braked


class Brakes:
    """The brakes of all peers of one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def passes(self, peer: str, outs: Iterable[Key], puts: Iterable[Key] = ()) -> bool:
        """Whether what this peer drops may leave here now; if not, it is remembered why, and which records stay. What
        it gives again (`puts`, read only while a brake holds) is not dropped any more."""
        if self._hub.policies is None:
            return True
        store = self._hub.policies.store
        brake = (await store.brakes()).get(peer)
        if brake is not None and brake.released:
            return True
        leaving, live = await self._leaving(peer, outs), await store.live_from(peer)
        if brake is None and not (leaving and braked(len(leaving), live)):
            return True
        stays = await store.keep_braked(peer, leaving, [] if brake is None else list(puts))
        if not stays:
            await store.keep_brake(peer, None, "")
            return True
        seen = Brake(peer, stays, max(live, brake.live if brake else 0), False)
        if seen != brake:
            await store.keep_brake(peer, seen, identifiers.to_instant(self._hub.clock()))
        return False

    async def done(self, peer: str, passed: bool) -> str:
        """The round is over. The operator's word holds for one round; says what still waits for it."""
        if passed and self._hub.policies is not None and peer in await self._hub.policies.store.brakes():
            await self._hub.policies.store.keep_brake(peer, None, "")
        return await self.sentence(peer)

    async def sentence(self, peer: str) -> str:
        """What waits for the operator, "" for nothing."""
        if self._hub.policies is None:
            return ""
        brake = (await self._hub.policies.store.brakes()).get(peer)
        if brake is None or brake.released or brake.leaving <= await self._hub.policies.store.kept(peer):
            return ""
        return (
            f"This peer's feed dropped {brake.leaving} of {brake.live} records that are taken from it. They stay here "
            f"until you have looked. If it is meant: jisr-hub peer release {peer}"
        )

    async def _leaving(self, peer: str, outs: Iterable[Key]) -> list[Key]:
        """Which of these records are live here and taken from this peer."""
        asked = list(outs)
        held = await self._hub.ledger.held("public", asked)
        live = [key for key in asked if (one := held.get(key)) is not None and one.live]
        upstream = {m.node: m.upstream for m in await self._hub.ledger.members()} if live else {}
        return [key for key in live if upstream.get(key[0]) == peer]
