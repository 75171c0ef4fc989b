"""Write the land of the hub's maps, hub/jisr_hub/web/static/vendor/land.json, from land-50m.json of world-atlas.

    python3 docs/write_land.py land-50m.json

TopoJSON in, one GeoJSON MultiPolygon out, in hundredths of a degree (about a kilometre): lines are drawn once there
and are cut into whole rings here. What is smaller than that falls together and is left out. No borders are in it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OUT = Path(__file__).resolve().parent.parent / "hub" / "jisr_hub" / "web" / "static" / "vendor" / "land.json"
Point = tuple[float, float]


def arcs(topology: dict[str, Any]) -> list[list[Point]]:
    """The lines in degrees; each is written as steps from the point before."""
    (scale_x, scale_y), (left, bottom) = topology["transform"]["scale"], topology["transform"]["translate"]
    found = []
    for steps in topology["arcs"]:
        x = y = 0
        line = []
        for step_x, step_y in steps:
            x, y = x + step_x, y + step_y
            line.append((round(x * scale_x + left, 2), round(y * scale_y + bottom, 2)))
        found.append(line)
    return found


def ring(numbers: list[int], lines: list[list[Point]]) -> list[Point]:
    """One closed line; a number below zero names a line that is walked backwards (~n)."""
    found: list[Point] = []
    for number in numbers:
        line = lines[number] if number >= 0 else lines[~number][::-1]
        found += [point for point in line if not found or point != found[-1]]
    return found


def polygons(topology: dict[str, Any]) -> Iterator[list[list[Point]]]:
    lines = arcs(topology)
    for geometry in topology["objects"]["land"]["geometries"]:
        several = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        for polygon in several:
            rings = [one for one in (ring(numbers, lines) for numbers in polygon) if len(one) >= 4]
            if rings:
                yield rings


def main(source: str) -> None:
    topology = json.loads(Path(source).read_text(encoding="utf-8"))
    land = {"type": "MultiPolygon", "coordinates": list(polygons(topology))}
    OUT.write_text(json.dumps(land, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
