"""The versions of a record while it is written, as they are kept: what stands, what stood before, what went out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jisr_protocol import identifiers

from ..errors import Declined, Mistaken
from ..ports import Draft, Store, Version
from ..records import Records
from . import translating

MOST_VERSIONS = 100
SAVED, ASIDE, BACK, PUBLISHED, DELETED = "saved", "aside", "back", "published", "deleted"
"""What a version is; see ports.Version."""
UNCHANGED, MERGED = "unchanged", "merged"
"""What else a save comes to: nothing was different; another window's change stands beside it."""
RECORD_BYTES = 256 * 1024
"""How much one draft may hold, four times what a record may."""
_GIVEN = ("id", "node", "rev", "salt", "created", "modified")


def seen(record: Mapping[str, Any]) -> str:
    """A short digest of a record as a form shows it."""
    return hashlib.sha256(bytes_of(record)).hexdigest()[:24]


class Versions:
    """The drafts and versions in one store."""

    def __init__(self, store: Store, records: Records) -> None:
        self._store, self._records = store, records

    def held(self, record_id: str) -> dict[str, Any] | None:
        """What stands in the feed or waits for it; None when there is nothing."""
        change, stored = self._store.change(record_id), self._store.record(record_id)
        content = change.content if change is not None else stored.content if stored is not None else None
        return record_of(content) if content is not None else None

    def one(self, record_id: str, n: int) -> Version:
        """A version that is kept. Raises Mistaken when it is not."""
        for version in self._store.versions(record_id):
            if version.n == n:
                return version
        raise Mistaken("This version is not kept any more. Nothing was changed.")

    def next_number(self, record_id: str) -> int:
        """The number of the next version."""
        versions = self._store.versions(record_id)
        return versions[-1].n + 1 if versions else 1

    def stand(self, record_id: str, record: dict[str, Any], kind: str, now: datetime) -> int:
        """Make a record the draft that stands; what was published before is kept as the first version."""
        held = self.held(record_id)
        if self._store.draft(record_id) is None and held is not None and held != record:
            last = self._store.versions(record_id)
            if not last or record_of(last[-1].content) != held:
                self.note(record_id, PUBLISHED, held, now)
        n = self.note(record_id, kind, record, now)
        self._store.put_draft(Draft(record_id, str(record["type"]), n))
        return n

    def keep_published(self, record_id: str, kind: str, now: datetime) -> None:
        """Keep what is published as a version of this kind."""
        held = self.held(self._records.find(record_id))
        if held is not None:
            with self._store.transaction():
                self.note(record_id, kind, held, now)

    def note(self, record_id: str, kind: str, record: Mapping[str, Any], now: datetime) -> int:
        """Keep a record as the next version; the oldest go when there are too many. Returns its number."""
        n = self.next_number(record_id)
        version = Version(record_id, n, identifiers.to_instant(now), kind, bytes_of(record))
        self._store.put_version(version, MOST_VERSIONS)
        return n

    def keep_written(self, record_id: str, known: translating.Written) -> None:
        """Note for which words translations were made."""
        self._store.put_written_for(record_id, json.dumps(known, sort_keys=True))


def merged(base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any] | None:
    """What two windows made of a record, member by member; None when both changed one member to different things."""
    both = dict(theirs)
    for name in base.keys() | mine.keys():
        before, now, other = (record.get(name, NOTHING) for record in (base, mine, theirs))
        if now in (before, other):
            continue
        if other != before:
            return None
        if now is NOTHING:
            both.pop(name, None)
        else:
            both[name] = now
    return both


NOTHING = object()


def brought_back(version: Version) -> int:
    """The version that this one brought back; 0 when it brought none."""
    kind, _, number = version.kind.partition(" ")
    return int(number) if kind == BACK else 0


def record_of(content: bytes) -> dict[str, Any]:
    """A record of its bytes, without what the node gives."""
    value: dict[str, Any] = json.loads(content)
    return {name: member for name, member in value.items() if name not in _GIVEN}


def bytes_of(record: Mapping[str, Any]) -> bytes:
    """A record as it is kept."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def check_size(record: Mapping[str, Any]) -> None:
    """Refuse a record that is too much. Raises Declined."""
    if (size := len(bytes_of(record))) > RECORD_BYTES:
        raise Declined(
            f"This is too much for one record: {size} bytes, and {RECORD_BYTES} fit. What was saved before is safe; "
            "make it shorter."
        )
