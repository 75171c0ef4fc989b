"""What is ended or taken away, and bringing it back: its text stays here until somebody lets go of it.

Each call that writes is one transaction of the store.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jisr_protocol import entry

from ..errors import Mistaken
from ..ports import Store
from ..records import Records
from .versions import DELETED, PUBLISHED, SAVED, Versions, bytes_of, record_of


@dataclass(frozen=True)
class Gone:
    """A record in the trash: `waits` when its end is not published yet, `back` when its text is still here."""

    id: str
    type: str
    record: dict[str, Any]
    deleted: bool
    waits: bool
    back: bool


class Trash:
    """The trash of one store."""

    def __init__(self, store: Store, records: Records) -> None:
        self._store, self._records, self._versions = store, records, Versions(store, records)

    def end(self, record_id: str, now: datetime) -> None:
        """Say that its matter has ended: it stays visible as ended once that is published."""
        self._versions.keep_published(record_id, SAVED, now)
        self._records.end(record_id)
        with self._store.transaction():
            self._store.drop_draft(record_id)

    def delete(self, record_id: str, now: datetime) -> None:
        """Want a record gone from everything that is published; its text stays in the trash here."""
        self._versions.keep_published(record_id, DELETED, now)
        self._records.delete(record_id)
        with self._store.transaction():
            self._store.drop_draft(record_id)

    def all(self) -> list[Gone]:
        """What is ended or deleted, the newest last."""
        changes = {change.id: change for change in self._store.changes()}
        stored = {record.id: record for record in self._store.records()}
        found = []
        for record_id in dict.fromkeys([*stored, *changes, *self._store.version_ids()]):
            change, record = changes.get(record_id), stored.get(record_id)
            content = change.content if change else record.content if record else None
            if content is None:
                text = self._last(record_id)
                kind = str((text or {}).get("type", change.type if change else record.type if record else ""))
                if self._store.erased_at(record_id) is None and self._store.draft(record_id) is None:
                    found.append(Gone(record_id, kind, text or {}, True, change is not None, text is not None))
            elif (value := json.loads(content))["status"] == "ended":
                found.append(Gone(record_id, str(value["type"]), value, False, change is not None, True))
        return found

    def restore(self, record_id: str, now: datetime) -> bool:
        """Bring back what is in the trash. What is not published yet is called off at once (True); else it becomes a
        draft (False), and publishing that shows it again. Raises Mistaken when its text is not here any more."""
        with self._store.transaction():
            change, stored = self._store.change(record_id), self._store.record(record_id)
            was = stored.content if stored is not None else None
            if change is not None and was is not None and json.loads(was)["status"] != "ended":
                self._store.drop_change(record_id)
                return True
            text = self._last(record_id)
            if text is None:
                raise Mistaken("The text of this record is not kept here any more, so it cannot be brought back.")
            self._versions.stand(record_id, {**text, "status": "active"}, SAVED, now)
        return False

    def forget(self, record_id: str) -> None:
        """Let go of the text of something that was never published. Raises Mistaken for what was: that is erased."""
        with self._store.transaction():
            if self._store.record(record_id) is not None or self._store.change(record_id) is not None:
                raise Mistaken(
                    "This was published, so its text is not only here. Nothing was changed. To take it out everywhere: "
                    "jisr-node erase"
                )
            self._store.forget_drafts(record_id)

    def _last(self, record_id: str) -> dict[str, Any] | None:
        """The text of a record as it last stood: here, or in a feed of this node."""
        change, stored = self._store.change(record_id), self._store.record(record_id)
        for content in (change and change.content, stored and stored.content):
            if content:
                return record_of(content)
        kept = [version for version in self._store.versions(record_id) if version.kind in (DELETED, PUBLISHED)]
        if kept:
            return record_of(kept[-1].content)
        lines = [line for feed in self._store.feeds() for line in self._store.lines_of(feed.name, record_id)]
        for line in reversed(lines):
            said = entry.parse(line.raw)
            if said.op == "put" and said.thing is not None:
                return record_of(bytes_of(said.thing.value))
        return None
