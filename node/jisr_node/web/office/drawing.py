"""A place as a small picture drawn here: a grid of degrees, the point or how far around it others will see it, and our
other places for comparison. No map of anybody else is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians
from typing import Any

WIDTH, HEIGHT = 480, 320
_METRES = 111_195
AROUND: Mapping[str, int] = {"exact": 0, "street": 250, "locality": 2_500, "region": 25_000}
"""How far around a point it may be, by its precision, in metres."""


@dataclass(frozen=True)
class Spot:
    """A point in the picture; `around` is the radius that is shown, in pixels."""

    x: float
    y: float
    label: str
    around: float = 0.0


@dataclass(frozen=True)
class Line:
    """A line of the grid, with its degrees."""

    place: float
    upright: bool
    label: str


@dataclass(frozen=True)
class Drawing:
    """The picture: lines of the grid, our point, and other places."""

    lines: tuple[Line, ...]
    spot: Spot
    others: tuple[Spot, ...]
    width: int = WIDTH
    height: int = HEIGHT


def drawn(record: Mapping[str, Any], others: Sequence[tuple[str, Mapping[str, Any]]]) -> Drawing | None:
    """Draw a location; None without a point that can be read, or when its place is hidden."""
    point = _point(record.get("coordinates"))
    if point is None or record.get("privacy") == "hidden":
        return None
    coordinates = record["coordinates"]
    around = max(AROUND.get(str(coordinates.get("precision")), 0), 2_500 if record.get("privacy") == "area" else 0)
    span = max(4_000, around * 3)
    scale = HEIGHT / 2 / span
    north, east = point

    def at(place: tuple[float, float]) -> tuple[float, float]:
        x = WIDTH / 2 + (place[1] - east) * cos(radians(north)) * _METRES * scale
        return round(x, 1), round(HEIGHT / 2 - (place[0] - north) * _METRES * scale, 1)

    found = [(name, *at(other)) for name, held in others if (other := _point(held)) is not None]
    seen = tuple(Spot(x, y, name) for name, x, y in found if 0 < x < WIDTH and 0 < y < HEIGHT)
    step = next(one for one in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0) if one * _METRES * scale > 60)
    return Drawing(tuple(_grid(north, east, step, at)), Spot(WIDTH / 2, HEIGHT / 2, "", around * scale), seen)


def _grid(north: float, east: float, step: float, at: Any) -> list[Line]:
    lines = []
    for count in range(-8, 9):
        latitude, longitude = (round(middle / step) * step + count * step for middle in (north, east))
        x, y = at((latitude, longitude))
        if 0 < x < WIDTH:
            lines.append(Line(x, True, f"{longitude:.2f}°"))
        if 0 < y < HEIGHT:
            lines.append(Line(y, False, f"{latitude:.2f}°"))
    return lines


def _point(value: object) -> tuple[float, float] | None:
    if not isinstance(value, Mapping):
        return None
    try:
        north, east = float(value["latitude"]), float(value["longitude"])
    except (KeyError, TypeError, ValueError):
        return None
    return (north, east) if -90 < north < 90 and -180 <= east <= 180 else None
