"""What a workload says: ours, the floor under the same n, and how near the one is to the other."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One workload at one size. `ratio` is 1 where ours does as well as the floor, and less where it does worse."""

    name: str
    n: int
    ours: float
    floor: float
    unit: str
    ratio: float
    min: float
    max: float
    beside: str = ""
    """Said beside it to people: wall rates, what the generator used."""
    rate: float = 0.0
    """The best wall rate, in records a second or as `beside` says it; 0 where there is none."""

    def told(self) -> dict[str, Any]:
        """As a program reads it."""
        members = asdict(self)
        del members["beside"], members["rate"]
        return members


def costs(
    name: str, n: int, ours: Sequence[float], floors: Sequence[float], unit: str, *, beside: str = "", rate: float = 0.0
) -> Row:
    """A row of what should be small: CPU seconds, milliseconds, bytes. A pair a run; medians, and the ratios' ends."""
    ratios = [floor / our if our else 0.0 for our, floor in zip(ours, floors, strict=True)]
    return _row(name, n, ours, floors, unit, ratios, beside, rate)


def rates(name: str, n: int, ours: Sequence[float], floors: Sequence[float], unit: str, *, beside: str = "") -> Row:
    """A row of what should be large: so many a second."""
    ratios = [our / floor if floor else 0.0 for our, floor in zip(ours, floors, strict=True)]
    return _row(name, n, ours, floors, unit, ratios, beside, max(ours))


def _row(
    name: str,
    n: int,
    ours: Sequence[float],
    floors: Sequence[float],
    unit: str,
    ratios: Sequence[float],
    beside: str,
    rate: float,
) -> Row:
    middle = [round(statistics.median(values), 4) for values in (ours, floors, ratios)]
    return Row(
        name, n, middle[0], middle[1], unit, middle[2], round(min(ratios), 4), round(max(ratios), 4), beside, rate
    )


def table(rows: Sequence[Row]) -> str:
    """The rows for people."""
    lines = [f"{'workload':20}{'n':>9}{'ours':>14}{'floor':>14}  {'unit':10}{'ratio':>8}{'min':>8}{'max':>8}"]
    for r in rows:
        ratios = f"{r.ratio:>8.3f}{r.min:>8.3f}{r.max:>8.3f}"
        lines.append(f"{r.name:20}{r.n:>9}{r.ours:>14,.3f}{r.floor:>14,.3f}  {r.unit:10}{ratios}  {r.beside}".rstrip())
    return "\n".join(lines)
