"""A map of areas, drawn here: a mark with its state and its name where the records of an area show places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, radians

from jisr_hub.directory.coverage import AreaTold, Coverage
from jisr_protocol.pages.language import Language

from .coverage_words import area_word, state_word

WIDTH, HEIGHT, EDGE = 640, 400, 56


@dataclass(frozen=True)
class Mark:
    """One area in the map's pixels."""

    x: float
    y: float
    state: str
    word: str
    name: str


def marks(coverage: Coverage, areas: Iterable[AreaTold], theme: str, language: Language) -> Sequence[Mark]:
    """The areas whose place is known, to scale, north up; less than two make no map."""
    placed = [(told, told.middle) for told in areas if told.middle is not None]
    if len(placed) < 2:
        return ()
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
    return found
