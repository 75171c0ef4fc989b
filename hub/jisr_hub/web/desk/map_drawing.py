"""A small map of some points, drawn here: positions and labels, a line of known length, nothing from another host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, log10, radians

from ...curation.explaining import Spot

WIDTH, HEIGHT, EDGE = 480, 240, 40
_DEGREE_METRES = 111_195


@dataclass(frozen=True)
class Mark:
    """One point on the map, in its pixels."""

    x: float
    y: float
    side: int
    label: str


@dataclass(frozen=True)
class Drawing:
    """The map: its marks, and a line that is `metres` long."""

    marks: tuple[Mark, ...]
    line: float
    metres: int


def drawn(spots: Sequence[Spot]) -> Drawing | None:
    """Draw these points to scale, north up; None without any."""
    if not spots:
        return None
    middle = sum(spot.latitude for spot in spots) / len(spots)
    east = [spot.longitude * cos(radians(middle)) * _DEGREE_METRES for spot in spots]
    north = [spot.latitude * _DEGREE_METRES for spot in spots]
    wide, high = max(east) - min(east), max(north) - min(north)
    scale = min((WIDTH - 2 * EDGE) / max(wide, 50.0), (HEIGHT - 2 * EDGE) / max(high, 50.0))
    left = (WIDTH - wide * scale) / 2
    top = (HEIGHT - high * scale) / 2
    marks = [
        Mark(round(left + (x - min(east)) * scale, 1), round(top + (max(north) - y) * scale, 1), s.side, s.label)
        for s, x, y in zip(spots, east, north, strict=True)
    ]
    length = 10 ** int(log10(max(1.0, WIDTH / 3 / scale)))
    return Drawing(tuple(marks), round(length * scale, 1), length)
