"""GeoJSON (RFC 7946): a feature an entry. What has no place that may be shown has no geometry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from .shown import About, Shown


class Features:
    """A collection of features."""

    def __init__(self, about: About) -> None:
        self._about, self._first = about, True

    def begin(self) -> bytes:
        named = orjson.dumps({"hub": self._about.hub, "source": self._about.address})
        return b'{"type":"FeatureCollection",' + named[1:-1] + b',"features":[\n'

    def part(self, entries: Sequence[Shown]) -> bytes:
        features = b",\n".join(orjson.dumps(feature(one)) for one in entries)
        before = b"" if self._first or not features else b",\n"
        self._first = self._first and not features
        return before + features

    def end(self) -> bytes:
        return b"\n]}\n"


def feature(one: Shown) -> dict[str, Any]:
    """One entry, with what a map shows of it."""
    properties = {
        "type": one.type,
        "name": one.name,
        "name_language": one.lang,
        "description": one.description,
        "organization": one.organization.name if one.organization is not None else "",
        "addresses": list(one.addressed()),
        "precision": [precision for place in one.places if (precision := _precision(place))],
        "phones": one.reached("phone"),
        "emails": one.reached("email"),
        "websites": one.websites,
        "languages": one.languages,
        "terms": [f"{scheme}:{code}" for scheme, code, _, _ in one.terms],
        "status": one.record.get("status"),
    }
    kept = {name: value for name, value in properties.items() if value}
    source = {"page": one.page, "licence": one.licence, "author": one.author, "author_nodes": one.nodes,
              "modified": one.modified}  # fmt: skip
    return {"type": "Feature", "id": one.entry, "geometry": geometry(one), "properties": kept | source}


def geometry(one: Shown) -> dict[str, Any] | None:
    """A point; several where it is at several places; None where no place is known or may be shown."""
    points = one.points
    if len(points) == 1:
        return {"type": "Point", "coordinates": list(points[0])}
    return {"type": "MultiPoint", "coordinates": [list(point) for point in points]} if points else None


def _precision(place: Shown) -> str:
    coordinates = place.record.get("coordinates")
    return str(coordinates.get("precision", "")) if place.point is not None and isinstance(coordinates, dict) else ""
