"""Where documents are: the points of each, and which lie near one.

Points lie in cells of a quarter of a degree, so that only what is near is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from jisr_hub.directory.docs import Docs, members

Point = tuple[float, float]
_CELL = 0.25
_KM_A_DEGREE = 111.195
FARTHEST_KM = 20_100.0


def distance_km(one: Point, other: Point) -> float:
    """Along the surface (haversine, a sphere of 6371 km)."""
    north, east = math.radians(other[0] - one[0]) / 2, math.radians(other[1] - one[1]) / 2
    part = (
        math.sin(north) ** 2 + math.cos(math.radians(one[0])) * math.cos(math.radians(other[0])) * math.sin(east) ** 2
    )
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(part)))


class Points:
    """The points of all documents. Only what may be shown comes here."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[tuple[float, float, bool], ...]] = {}
        self._cells: dict[tuple[int, int], Docs] = {}

    def put(self, doc: int, points: tuple[tuple[float, float, bool], ...]) -> None:
        self.drop(doc)
        if points:
            self._of[doc] = points
            for cell in {_cell(north, east) for north, east, _ in points}:
                self._cells.setdefault(cell, Docs()).add(doc)

    def drop(self, doc: int) -> None:
        for cell in {_cell(north, east) for north, east, _ in self._of.pop(doc, ())}:
            docs = self._cells[cell]
            docs.drop(doc)
            if not docs.count:
                del self._cells[cell]

    def of(self, doc: int) -> tuple[Point, ...]:
        """The points of a document; () where it has none."""
        return tuple((north, east) for north, east, _ in self._of.get(doc, ()))

    def distance(self, doc: int, start: Point) -> float | None:
        """How far the nearest point of a document is: to a hundred metres, or to a kilometre where it is no exact one;
        None where it has none."""
        return min((_told(start, point) for point in self._of.get(doc, ())), default=None)

    def within(self, start: Point, kilometres: float) -> dict[int, float]:
        """The documents with a point so near, and how far each is."""
        bits = 0
        for cell in self._around(start, kilometres):
            docs = self._cells.get(cell)
            bits |= docs.bits() if docs is not None else 0
        found = {}
        for doc in members(bits):
            distance = self.distance(doc, start)
            if distance is not None and distance <= kilometres:
                found[doc] = distance
        return found

    def rings(self, start: Point) -> Iterator[dict[int, float]]:
        """What lies within 5 km, within 20 km, and so on up to everything."""
        kilometres = 5.0
        while kilometres < 4 * FARTHEST_KM:
            yield self.within(start, kilometres)
            kilometres *= 4

    def middle(self, docs: Iterable[int]) -> Point | None:
        """A point in the middle of these documents: the median of their first points."""
        points = [self._of[doc][0] for doc in docs if doc in self._of]
        if not points:
            return None
        half = len(points) // 2
        return sorted(point[0] for point in points)[half], sorted(point[1] for point in points)[half]

    def _around(self, start: Point, kilometres: float) -> Iterable[tuple[int, int]]:
        high = min(90.0, kilometres / _KM_A_DEGREE + 0.01)
        edge = min(89.9, abs(start[0]) + high)
        wide = min(180.0, high / max(0.0017, math.cos(math.radians(edge))))
        rows = range(_cell(start[0] - high, 0)[0], _cell(start[0] + high, 0)[0] + 1)
        columns = range(_cell(0, start[1] - wide)[1], _cell(0, start[1] + wide)[1] + 1)
        if len(rows) * len(columns) > len(self._cells) or wide >= 180:
            return list(self._cells)
        around = round(360 / _CELL)
        return [(row, (column + around // 2) % around - around // 2) for row in rows for column in columns]


def _told(start: Point, point: tuple[float, float, bool]) -> float:
    distance = distance_km(start, (point[0], point[1]))
    return round(distance, 1) if point[2] else float(max(1, round(distance)))


def _cell(north: float, east: float) -> tuple[int, int]:
    return math.floor(north / _CELL), math.floor(east / _CELL)
