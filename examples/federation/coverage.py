"""Which areas lack efforts: an indicator says who lives there, and no record says that somebody works there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Record = dict[str, Any]
WORK = ("service", "project", "event")
"""What counts as work, unless it has ended."""


def short_type(record: Record) -> str:
    """The type without family and major: service."""
    return str(record["type"]).rpartition("/")[0].rpartition(".")[2]


def uncovered(records: Iterable[Record]) -> list[Record]:
    """The indicators of areas, and of a focus where they name one, for which there is no work; by their number."""
    everything = list(records)
    work = [each for each in everything if short_type(each) in WORK and each["status"] != "ended"]
    indicators = [each for each in everything if short_type(each) == "indicator"]
    lacking = [each for each in indicators if not any(_covers(one, each) for one in work)]
    return sorted(lacking, key=lambda each: -int(each["value"]))


def _covers(work: Record, indicator: Record) -> bool:
    wanted = _focus(indicator)
    return bool(_areas(work) & _areas(indicator)) and (not wanted or bool(_focus(work) & wanted))


def _areas(record: Record) -> set[tuple[str, str]]:
    return {(area.get("scheme", ""), area["code"]) for area in record.get("area", []) if "code" in area}


def _focus(record: Record) -> set[tuple[str, str]]:
    return {(term["scheme"], term["code"]) for term in record.get("terms", []) if term["role"] == "focus"}
