"""A directory in memory: the port of the public pages, filled by a test in one line a record."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from jisr_hub.curation.merging import address as address_of
from jisr_hub.ports.directory import Listed, Summary
from jisr_protocol.identifiers import to_instant

NOW = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)
NODE = "jisr:" + "a" * 52
OTHER_NODE = "jisr:" + "b" * 52
HOUSE = {
    "ar": {"value": "دار الجسر", "origin": "author"},
    "fr": {"value": "Maison du Pont", "origin": "human"},
}


def identifier(number: int) -> str:
    """Make the identifier of the record with this number."""
    return f"00000000-0000-4000-8000-{number:012d}"


def record(number: int, type: str = "service", **members: Any) -> dict[str, Any]:
    """Make a record with the members every record has; `members` replaces or adds some."""
    return {
        "type": f"org.jisr.{type}/1",
        "id": identifier(number),
        "node": NODE,
        "rev": 1,
        "status": "active",
        "created": "2026-01-01T08:00:00Z",
        "modified": "2026-03-03T09:30:00Z",
        "lang": "ar",
        "audience": "public",
        "licence": "CC-BY-4.0",
        "salt": "AAAAAAAAAAAAAAAAAAAAAA",
        "name": {"ar": {"value": f"خدمة {number}", "origin": "author"}},
    } | members


@dataclass
class MemoryDirectory:
    """Keeps its records in the order of the port: newest change first, then node and id."""

    records: list[dict[str, Any]] = field(default_factory=list)
    hub_name: str = "Tangier hub"
    author_name: dict[str, Any] | str | None = field(default_factory=lambda: dict(HOUSE))
    via: tuple[str, ...] = ()
    published_at: datetime | None = NOW
    lapsed: bool = False

    def _listed(self) -> list[Listed]:
        ordered = sorted(self.records, key=lambda record: (record["node"], record["id"]))
        ordered.sort(key=lambda record: str(record["modified"]), reverse=True)
        return [
            Listed(
                one["node"],
                one["id"],
                one["type"],
                one,
                self.author_name,
                NOW,
                self.via,
                "sha256:" + "0" * 64,
                self.lapsed,
            )
            for one in ordered
        ]

    async def summary(self) -> Summary:
        types = Counter(record["type"] for record in self.records)
        nodes = len({record["node"] for record in self.records})
        return Summary(self.hub_name, len(self.records), nodes, "/feeds/public", self.published_at, types)

    async def page(self, type: str | None, offset: int, limit: int) -> list[Listed]:
        wanted = [listed for listed in self._listed() if type in (None, listed.type)]
        return wanted[offset : offset + limit]

    async def record(self, node: str, id: str) -> Listed | None:
        return next((listed for listed in self._listed() if (listed.node, listed.id) == (node, id)), None)

    async def listed(self, keys: Iterable[tuple[str, str]]) -> list[Listed]:
        held = {(listed.node, listed.id): listed for listed in self._listed()}
        return [held[key] for key in dict.fromkeys(keys) if key in held]

    async def stream(self, types: Collection[str] = ()) -> AsyncIterator[Listed]:
        for listed in sorted(self._listed(), key=lambda one: (one.node, one.id)):
            if not types or listed.type in types:
                yield listed

    async def entry(self, address: str) -> Listed | None:
        found = (one for one in self._listed() if address_of((one.node, one.id)) == address)
        return next((replace(one, entry=address) for one in found), None)

    async def beside(self, node: str, limit: int) -> list[Listed]:
        own = [one for one in self._listed() if one.node == node and not one.type.startswith("org.jisr.location/")]
        return own[:limit]

    async def dated_keys(self, offset: int, limit: int) -> AsyncIterator[tuple[str, str, str]]:
        for node, id in sorted((one["node"], one["id"]) for one in self.records)[offset : offset + limit]:
            yield node, id, to_instant(NOW)
