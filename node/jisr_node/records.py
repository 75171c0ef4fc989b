"""The records of one node as their author sees them: taken in, found, changed, ended, deleted, listed, shown.

Nothing is signed here. What the author wants waits in the store as a change until the outbox publishes it; to erase is
another thing, see erasure.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .errors import Mistaken
from .identity import RandomBytes
from .ids import local_reference
from .outbox import content_with, show
from .ports import Change, Store, Stored
from .settings import Settings
from .standing import standing
from .status import name_of

if TYPE_CHECKING:
    from .author import Author
    from .drafts import Taken


class Records:
    """The records in one store, of the node with this identifier."""

    def __init__(self, store: Store, node: str, import_secret: bytes, random_bytes: RandomBytes) -> None:
        """`import_secret` is for ids.derived."""
        self._store, self._node, self._secret, self._random = store, node, import_secret, random_bytes

    def take(
        self, lines: Iterable[str | bytes | Mapping[str, Any]], label: str | None = None, *, again: bool = False
    ) -> Taken:
        """Take drafts, parsed or as JSON lines; see drafts.Drafts.take."""
        # the schemas' judges take a quarter of a second to load, and only writing needs them
        from .drafts import Drafts

        return Drafts(self._store, self.author(), self._random).take(lines, label, again=again)

    def author(self) -> Author:
        """Who completes drafts at this node."""
        from .author import Author

        settings = Settings.load(self._store)
        return Author(self._node, self._secret, settings.lang, settings.licence)

    def edit(self, which: str, draft: Mapping[str, Any], *, again: bool = False) -> Taken:
        """Replace what the author says in one record. Raises Mistaken when there is no such record."""
        record_id = self.find(which)
        return self.take([{**draft, "id": record_id}], again=again)

    def end(self, which: str) -> str:
        """Say that a record's matter has ended; it stays visible as ended. Returns its id."""
        record_id = self.find(which)
        with self._store.transaction():
            held = self._store.change(record_id) or self._store.record(record_id)
            if held is None or held.content is None:
                raise Mistaken(f"The record {which} is deleted. Nothing was changed.")
            content = content_with(held.content, status="ended")
            self._store.put_change(Change(record_id, held.type, content))
        return record_id

    def delete(self, which: str) -> str:
        """Want a record gone: at the next publish a signed tombstone goes where it was. Returns its id."""
        record_id = self.find(which)
        with self._store.transaction():
            stored = self._store.record(record_id)
            self._store.drop_change(record_id)
            if stored is not None and stored.content is not None:
                self._store.put_change(Change(record_id, stored.type, None))
        return record_id

    def find(self, which: str) -> str:
        """The id of a record named by its id or by local:<type>/<local id>. Raises Mistaken when there is none."""
        local = local_reference(which)
        record_id = self._store.local_id(*local) if local else which
        if record_id is None or not (self._store.change(record_id) or self._store.record(record_id)):
            raise Mistaken(f"There is no record {which} here. Nothing was changed. See: jisr-node list")
        return record_id

    def published(self) -> list[dict[str, Any]]:
        """The published records that are not deleted, as last published, local ones too."""
        stored = self._store.records()
        return [show(self._node, record) for record in stored if record.content is not None]

    def overview(self) -> list[dict[str, Any]]:
        """Every record in short: id, type, name, audience, status, rev, whether it is published or waits, the languages
        of its words, and when it was last changed and checked."""
        changes = {change.id: change for change in self._store.changes()}
        stored = {record.id: record for record in self._store.records()}
        rows = []
        for record_id in [*stored, *(changes.keys() - stored.keys())]:
            change, record = changes.get(record_id), stored.get(record_id)
            content = change.content if change else None
            content = content or (record.content if record else None)
            if content is not None:
                rows.append(_row(record_id, content, change, record))
        return rows

    def show(self, which: str) -> dict[str, Any]:
        """One record: `published` as it stands, `waiting` as it will be if it changes, `delete` if it goes;
        `hubs` is what each hub has said of it, see standing.standing."""
        record_id = self.find(which)
        record, change = self._store.record(record_id), self._store.change(record_id)
        return {
            "id": record_id,
            "published": show(self._node, record) if record and record.content is not None else None,
            "waiting": json.loads(change.content) if change and change.content is not None else None,
            "delete": bool(change and change.content is None),
            "hubs": standing(self._store, record_id),
        }


def _row(record_id: str, content: bytes, change: Change | None, record: Stored | None) -> dict[str, Any]:
    value = json.loads(content)
    published = record is not None and record.content is not None
    state = (
        "published" if change is None else "to delete" if change.content is None else "changed" if published else "new"
    )
    return {
        "id": record_id,
        "type": value["type"],
        "name": name_of(content),
        "audience": value["audience"],
        "status": value["status"],
        "rev": record.rev if record else 0,
        "state": state,
        "languages": _languages(value),
        "modified": record.modified if record else None,
        "assured": value.get("assured"),
    }


def _languages(record: Mapping[str, Any]) -> list[str]:
    """The languages that some text of a record is written in, its author's first."""
    texts = [member for member in record.values() if isinstance(member, dict)]
    tags = {tag for text in texts for tag, said in text.items() if isinstance(said, dict) and "origin" in said}
    return sorted(tags, key=lambda tag: (tag != record.get("lang"), tag))
