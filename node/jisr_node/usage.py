"""How often our records were used at hubs, as each hub told us (docs/spec/usage.md): kept, and read again to be shown.

keep(store, Told(address, at, until, weeks, sum, records))     in place of what that hub told before
told(store)                                                    what each hub told last, by address
forget(store, ids)                                             nothing is kept of records that were erased
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from jisr_protocol import identifiers
from jisr_protocol.usage import KINDS, Report

from .ports import Store

PLACE = "usage "
"""Begins the name of each setting that keeps what a hub told."""
RECORDS_MOST = 300
"""Of how many records it is kept: those that were used most."""
FRESH = timedelta(hours=20)
Counts = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Told:
    """What the hub at `address` told at `at`: of each kind a number for each week, together and by record; who says a
    correction of a record. `weeks` are Mondays, the oldest first, `until` is the last day that was counted."""

    address: str
    at: str
    until: str
    weeks: tuple[str, ...]
    sum: Counts
    records: dict[str, Counts] = field(default_factory=dict)
    corrected: dict[str, tuple[str, ...]] = field(default_factory=dict)


def of_pages(address: str, pages: Iterable[Report], now: datetime) -> Told:
    """The pages of one report as one, of the records that were used most."""
    read = list(pages)
    rows = sorted((row for page in read for row in page.records), key=_weight, reverse=True)[:RECORDS_MOST]
    return Told(
        address,
        identifiers.to_instant(now),
        read[0].until,
        read[0].weeks,
        {kind: tuple(read[0].sum[kind]) for kind in KINDS},
        {row["id"]: {kind: tuple(row[kind]) for kind in KINDS} for row in rows},
        {row["id"]: tuple(row["corrected_by"]) for row in rows if row["corrected_by"]},
    )


def _weight(row: Mapping[str, Any]) -> tuple[bool, int]:
    return bool(row["corrected_by"]), sum(sum(row[kind]) for kind in KINDS)


def keep(store: Store, what: Told) -> None:
    """Remember what a hub told."""
    with store.transaction():
        store.set(PLACE + what.address, json.dumps(asdict(what), ensure_ascii=False))


def told(store: Store) -> list[Told]:
    """What each hub told last."""
    kept = sorted((name, text) for name, text in store.settings().items() if name.startswith(PLACE) and text)
    return [_read(json.loads(text)) for _, text in kept]


def _read(value: dict[str, Any]) -> Told:
    records = {record_id: _counts(counts) for record_id, counts in value["records"].items()}
    corrected = {record_id: tuple(by) for record_id, by in value["corrected"].items()}
    return Told(
        value["address"], value["at"], value["until"], tuple(value["weeks"]), _counts(value["sum"]), records, corrected
    )


def _counts(value: Mapping[str, Any]) -> Counts:
    return {kind: tuple(value[kind]) for kind in KINDS}


def is_due(store: Store, address: str, now: datetime) -> bool:
    """Whether this hub may know something new: it tells of whole days."""
    before = next((one for one in told(store) if one.address == address), None)
    return before is None or now - identifiers.from_instant(before.at) >= FRESH


def forget(store: Store, ids: frozenset[str]) -> None:
    """Keep nothing of these records. Within a transaction."""
    for one in told(store):
        if not ids.isdisjoint(one.records.keys() | one.corrected.keys()):
            records = {name: counts for name, counts in one.records.items() if name not in ids}
            corrected = {name: by for name, by in one.corrected.items() if name not in ids}
            rest = replace(one, records=records, corrected=corrected)
            store.set(PLACE + one.address, json.dumps(asdict(rest), ensure_ascii=False))
