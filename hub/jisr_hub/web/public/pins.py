"""The places of results, for the map: a GeoJSON text. Only what may be told of a place is in it."""

from __future__ import annotations

from collections.abc import Iterable

from .lines import Line
from .structured import written_out

Spots = Iterable[tuple[Line, tuple[str, str]]]


def pins(spots: Spots) -> str:
    """One feature a line and place, safe inside a script element; coordinates are east, then north."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [float(east), float(north)]},
            "properties": {"name": line.name.value, "lang": line.name.lang, "kind": line.kind, "href": line.address},
        }
        for line, (north, east) in spots
    ]
    return written_out({"type": "FeatureCollection", "features": features})
