"""Looking at one's own records with the validator that the hub uses too: what must be fixed, what could be better."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jisr_protocol import identifiers
from jisr_protocol.quality.findings import Verdict
from jisr_protocol.quality.validating import validate

from .outbox import show
from .ports import Change, Store, Stored
from .status import name_of

_SALT = identifiers.new_salt(bytes(16))


@dataclass(frozen=True, slots=True)
class Checked:
    """One record and what is to be said of it; `waits` for what is not signed yet."""

    id: str
    name: str
    waits: bool
    verdict: Verdict


def check(store: Store, node: str, now: datetime, ids: Collection[str] = ()) -> list[Checked]:
    """Judge the records that are here, or some of them, each as it will be once what waits is published. Nothing is
    changed; what was deleted, or will be, is left out."""
    changes = {change.id: change for change in store.changes()}
    stored = {record.id: record for record in store.records()}
    wanted = set(ids) or changes.keys() | stored.keys()
    found = []
    for record_id in sorted(wanted & (changes.keys() | stored.keys())):
        change, record = changes.get(record_id), stored.get(record_id)
        whole = _whole(node, now, change, record)
        if whole is not None:
            content, value = whole
            verdict = validate(value, identifiers.to_instant(now)[:10])
            found.append(Checked(record_id, name_of(content) or record_id, change is not None, verdict))
    return found


def _whole(
    node: str, now: datetime, change: Change | None, record: Stored | None
) -> tuple[bytes, dict[str, Any]] | None:
    """A record with the members its node gives, as it is or as it would be signed now."""
    at = identifiers.to_instant(now)
    if change is not None:
        if change.content is None:
            return None
        rev, created = (record.rev + 1, record.created) if record is not None else (1, at)
        record = Stored(change.id, change.type, rev, change.content, None, created or at, at)
    if record is None or record.content is None:
        return None
    return record.content, {**show(node, record), "salt": _SALT}
