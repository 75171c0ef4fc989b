"""What the node has already, as an import asks for it."""

from __future__ import annotations

import json
from typing import Any

from ..ids import family
from ..ports import Store
from .preparing import digest
from .text import folded


class StoreHeld:
    """preparing.Held over one store. Organizations are looked up once, at the beginning."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._organizations: dict[str, str] = {}
        self._all: set[str] = set()
        here = [(held.id, held.type, held.content) for held in store.records()]
        here += [(held.id, held.type, held.content) for held in store.changes()]
        for record_id, type_name, content in here:
            if content is not None and family(type_name) == "org.jisr.organization":
                self._all.add(record_id)
                self._learn(record_id, json.loads(content))

    def _learn(self, record_id: str, record: dict[str, Any]) -> None:
        texts = [record.get("name", {}), record.get("short_name", {}), *record.get("alternate_names", [])]
        names = [text["value"] for one in texts for text in one.values()]
        for name in (*names, record.get("acronym", ""), record.get("source", {}).get("local_id", "")):
            if name:
                self._organizations.setdefault(folded(name), record_id)

    def record_id(self, type_name: str, local_id: str) -> str | None:
        return self._store.local_id(family(type_name), local_id)

    def content(self, record_id: str) -> dict[str, Any] | None:
        held = self._bytes(record_id)
        found: dict[str, Any] | None = json.loads(held) if held is not None else None
        return found

    def digest(self, record_id: str) -> str:
        held = self._bytes(record_id)
        return digest(held) if held is not None else ""

    def _bytes(self, record_id: str) -> bytes | None:
        change = self._store.change(record_id)
        if change is not None:
            return change.content
        record = self._store.record(record_id)
        return record.content if record is not None else None

    def erased(self, record_id: str) -> str | None:
        return self._store.erased_at(record_id)

    def listed(self, list_name: str) -> frozenset[str]:
        return frozenset(self._store.imported(list_name))

    def organization(self, name: str) -> str | None:
        if name:
            return self._organizations.get(name)
        return next(iter(self._all)) if len(self._all) == 1 else None
