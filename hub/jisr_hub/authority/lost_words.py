"""What a thief has said with the lost key of another: it is held, as the log is, and does not count (AUTH-8).

Its place in its signer's own feed decides. That place is the `src` of its entry in this hub's feed, which is read only
for statements of lost keys: after their signer has said them again with a good key, for none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jisr_protocol import authority
from jisr_protocol import entry as entries
from jisr_protocol.keys import KeyRing
from jisr_protocol.refusal import Refusal
from jisr_protocol.statement import Verified
from jisr_protocol.validity import Source

from ..ports import Ledger, Told

_Signed = tuple[str, str]
"""(digest, jws) of a statement."""


class LostWords:
    """Statements held, judged under the keys that are known now. This hub's own are its operator's to judge."""

    def __init__(self, ours: str, ledger: Ledger) -> None:
        self._ours, self._ledger = ours, ledger
        self._places: dict[_Signed, Source] = {}
        """Of those that were looked for; an entry of the log never moves."""

    async def sorted_out(self, told: Sequence[Told], offered: Mapping[str, KeyRing]) -> tuple[list[Told], list[Told]]:
        """What counts, and what does not. `offered`: newer keys of signers than those that are held."""
        strangers = {one.statement.by for one in told} - {self._ours}
        rings = await self._ledger.rings(strangers) if strangers else {}
        rings = {by: _grown(ring, offered.get(by)) for by, ring in rings.items()}
        doubtful = {_signed(one) for one in told if not _counts(one, rings, None)}
        await self._find(doubtful - self._places.keys())
        counting: list[Told] = []
        void: list[Told] = []
        for one in told:
            counts = _signed(one) not in doubtful or _counts(one, rings, self._places.get(_signed(one)))
            (counting if counts else void).append(one)
        return counting, void

    async def _find(self, wanted: set[_Signed]) -> None:
        if not wanted:
            return
        async with self._ledger.reading() as view:
            async for lines in view.said(("statement",)):
                for said in map(entries.parse, lines):
                    signed = (said.digest or "", said.thing.jws) if said.thing is not None else ("", "")
                    if signed in wanted and said.src is not None:
                        self._places.setdefault(signed, said.src)


def _signed(one: Told) -> _Signed:
    return one.statement.digest, one.statement.envelope.jws


def _counts(one: Told, rings: Mapping[str, KeyRing], src: Source | None) -> bool:
    try:
        authority.check_good(Verified(one.statement, one.kid), rings.get(one.statement.by), src)
    except Refusal:
        return False
    return True


def _grown(held: KeyRing, offered: KeyRing | None) -> KeyRing:
    """A chain with what another tells beyond it (KEY-8); as it was where they part."""
    known = {one.digest for one in held.statements}
    grown = held
    try:
        for one in offered.statements if offered is not None else ():
            if one.digest not in known:
                grown = grown.admit(one)
    except Refusal:
        return held
    return grown
