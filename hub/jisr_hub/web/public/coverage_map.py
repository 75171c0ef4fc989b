"""A map of areas, drawn here: a mark with its state and its name where the records of an area show places, on the land
that is in sight. No border lines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import cos, radians

from jisr_hub.directory.coverage import AreaTold, Coverage
from jisr_protocol.pages.language import Language

from .coverage_words import area_word, state_word

WIDTH, HEIGHT, EDGE = 640, 400, 56
MOST_POINTS = 2500
"""Of the coast on one map, so that the page stays light."""
_LAND = files("jisr_hub.web").joinpath("static", "vendor", "land.json")


@dataclass(frozen=True)
class Mark:
    """One area in the map's pixels."""

    x: float
    y: float
    state: str
    word: str
    name: str


@dataclass(frozen=True)
class Map:
    """The marks, and the land behind them as the path of an SVG; "" where none is in sight."""

    marks: tuple[Mark, ...]
    land: str


def drawn(coverage: Coverage, areas: Iterable[AreaTold], theme: str, language: Language) -> Map | None:
    """The areas whose place is known, to scale, north up; less than two make no map."""
    placed = [(told, told.middle) for told in areas if told.middle is not None]
    if len(placed) < 2:
        return None
    squeeze = cos(radians(sum(at[0] for _, at in placed) / len(placed)))
    east, north = [at[1] * squeeze for _, at in placed], [at[0] for _, at in placed]
    scale = min(
        (WIDTH - 2 * EDGE) / max(max(east) - min(east), 0.1), (HEIGHT - 2 * EDGE) / max(max(north) - min(north), 0.1)
    )
    left = (WIDTH - (max(east) - min(east)) * scale) / 2
    top = (HEIGHT - (max(north) - min(north)) * scale) / 2
    found = []
    for (told, _), x, y in zip(placed, east, north, strict=True):
        state = coverage.cell(told.area, theme).state if theme else ("covered" if told.reporters else "nobody")
        word = state_word(state, language) if theme or state == "nobody" else ""
        at = round(left + (x - min(east)) * scale, 1), round(top + (max(north) - y) * scale, 1)
        found.append(Mark(*at, state, word, area_word(told, language).value))

    def across(longitude: float, latitude: float) -> tuple[float, float]:
        return left + (longitude * squeeze - min(east)) * scale, top + (max(north) - latitude) * scale

    return Map(tuple(found), _coast(across))


def _coast(across: Callable[[float, float], tuple[float, float]]) -> str:
    """The land in sight; of a coast with too many points every second, or third, and so on."""
    rings = []
    for ring, (west, south, east, north) in _rings():
        (first, top), (last, bottom) = across(west, north), across(east, south)
        if last > 0 and first < WIDTH and bottom > 0 and top < HEIGHT:
            rings.append(_near([across(*point) for point in ring]))
    step = 1 + sum(map(len, rings)) // MOST_POINTS
    shown = (ring[::step] for ring in rings)
    return "".join(f"M{'L'.join(f'{x} {y}' for x, y in ring)}z" for ring in shown if len(ring) > 2)


def _near(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A ring with what lies far outside the picture moved to its edge, and points that fall on one another left out."""
    kept: list[tuple[float, float]] = []
    for x, y in points:
        at = round(min(max(x, -WIDTH), 2 * WIDTH)), round(min(max(y, -HEIGHT), 2 * HEIGHT))
        if not kept or kept[-1] != at:
            kept.append(at)
    return kept


@cache
def _rings() -> tuple[tuple[Sequence[tuple[float, float]], tuple[float, float, float, float]], ...]:
    """Every coast, with its west, south, east and north ends."""
    rings = [ring for polygon in json.loads(_LAND.read_bytes())["coordinates"] for ring in polygon]
    return tuple((ring, (*map(min, zip(*ring, strict=True)), *map(max, zip(*ring, strict=True)))) for ring in rings)
