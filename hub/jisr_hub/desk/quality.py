"""What is wrong with the records of a node and what could be better, and the last good versions that are kept.

    judged(records, today)            every finding of every record, by cause, and the criteria counted
    kept_back(live, refused)          records of which a newer version was refused, so that an older one is shown

The same validator as at the node; its version and day stand beside what it says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from jisr_protocol import entry as entries
from jisr_protocol import schema
from jisr_protocol.quality import VERSION, criteria
from jisr_protocol.quality.criteria import MET, NOT_APPLICABLE, NOT_MET
from jisr_protocol.quality.findings import MUST_FIX, Finding, grouped
from jisr_protocol.quality.validating import validate
from jisr_protocol.refusal import Refusal

from ..mail.occasions import Figures
from ..ports import Kept


class Live(msgspec.Struct, frozen=True):
    """A live public record, and when this hub took this version (an instant)."""

    id: str
    rev: int
    since: str
    value: Mapping[str, Any]


class Counted(msgspec.Struct, frozen=True):
    """One criterion over many records."""

    code: str
    side: str
    met: int
    not_met: int
    not_applicable: int


class LastGood(msgspec.Struct, frozen=True):
    """A record whose newer version was refused: the one that is shown, since when, and why the newer is not.

    `live` is None when no version was ever good. `rev` and `said` (an instant, as its author wrote it) are the refused
    one's; `code`, `pointer` and `detail` say why.
    """

    id: str
    live: Live | None
    rev: int
    said: str
    code: str
    pointer: str
    detail: str


class Judgement(msgspec.Struct, frozen=True):
    """What the validator of a version said on a day, of all records of a node."""

    day: str
    records: int
    groups: Mapping[str, list[tuple[str, Finding]]]
    """Cause → (id, finding), none left out."""
    criteria: Sequence[Counted]
    version: str = VERSION


class Records(Protocol):
    """Read what a node has here."""

    async def live(self, node: str) -> Sequence[Live]:
        """Its live public records."""
        ...

    async def refused(self, node: str) -> Sequence[Kept]:
        """What of its public feed is quarantined."""
        ...

    async def nodes(self) -> Mapping[str, tuple[str, int]]:
        """Every node that has live public records: its name here, and how many."""
        ...


def judged(records: Sequence[Live], today: str) -> Judgement:
    """Judge all records of a node. Takes a tenth of a millisecond for each or more: not for an event loop."""
    found: list[tuple[str, Finding]] = []
    counts: Counter[tuple[str, str]] = Counter()
    for one in records:
        found += [(one.id, finding) for finding in validate(one.value, today).findings]
        type_name = str(one.value.get("type"))
        fits = schema.known(type_name) and schema.accepts(type_name, dict(one.value))
        for state in criteria.judge(one.value, today) if fits else criteria.misfit():
            counts[state.code, state.state] += 1
    counted = [
        Counted(c.code, c.side, *(counts[c.code, state] for state in (MET, NOT_MET, NOT_APPLICABLE)))
        for c in criteria.CRITERIA
    ]
    return Judgement(today, len(records), grouped(found), counted)


def together(judgements: Iterable[Judgement]) -> tuple[int, int, list[Counted]]:
    """Over many nodes: how many records, how many findings that must be fixed, and the criteria counted."""
    records, must, counts = 0, 0, {one.code: [0, 0, 0] for one in criteria.CRITERIA}
    for each in judgements:
        records += each.records
        must += sum(finding.level == MUST_FIX for group in each.groups.values() for _, finding in group)
        for one in each.criteria:
            counts[one.code] = [a + b for a, b in zip(counts[one.code], (one.met, one.not_met, one.not_applicable),
                                                      strict=True)]  # fmt: skip
    return records, must, [Counted(one.code, one.side, *counts[one.code]) for one in criteria.CRITERIA]


def kept_back(live: Iterable[Live], refused: Iterable[Kept]) -> list[LastGood]:
    """The records of which a newer version than the one shown was refused, each by its newest; by their ids."""
    shown = {one.id: one for one in live}
    newest: dict[str, LastGood] = {}
    for kept in refused:
        entry = _read(kept)
        if entry is None or not entry.id or kept.code is None:
            continue
        held, rev = shown.get(entry.id), entry.rev or 0
        before = newest.get(entry.id)
        if (held is None or rev > held.rev) and (before is None or rev > before.rev):
            said = str(entry.thing.value.get("modified", "")) if entry.thing is not None else ""
            newest[entry.id] = LastGood(entry.id, held, rev, said, kept.code, kept.pointer or "", kept.detail or "")
    return [newest[record_id] for record_id in sorted(newest)]


def figures(live: Sequence[Live], refused: Sequence[Kept], today: str) -> Figures:
    """What a digest tells of a node."""
    stale = sum(criteria.freshness(criteria.confirmed(one.value), today) < 1.0 for one in live)
    return Figures(len(live), stale, len(refused))


def _read(kept: Kept) -> entries.Entry | None:
    try:
        return entries.parse(kept.line) if kept.line else None
    except Refusal:
        return None
