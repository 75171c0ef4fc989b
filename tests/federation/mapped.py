"""Whether each sentence of a world's description is carried: every record it names, and every check."""

from typing import Any

from tests.federation.shown_world import Shown, sentences
from tests.federation.world_checks import CHECKS


def unmapped(shown: Shown) -> list[str]:
    """A line for each record or check that a sentence names and that does not hold; none when all is carried."""
    lacking = []
    for sentence in sentences(shown.name):
        for called, pointers in sentence.records.items():
            lacking += [f"{sentence.says} {called}: {why}" for why in _faults(shown, called, pointers)]
        for check in sentence.checks:
            try:
                CHECKS[check](shown)
            except (AssertionError, KeyError, StopIteration) as error:
                lacking.append(f"{sentence.says} {check}: {error!r}")
    return lacking


def _faults(shown: Shown, called: str, pointers: list[str]) -> list[str]:
    """What is wrong with one record: a public one must be live at the reader, any other only at its node."""
    mine = shown.own.get(called)
    if mine is None:
        return ["its node does not hold it"]
    key = mine["node"], mine["id"]
    if mine["audience"] != "public":
        return ["it is not public, and a hub shows it"] if key in shown.anywhere else _absent(mine, pointers)
    found = shown.public.get(called)
    if found is None:
        return ["the reader does not have it"]
    if found["rev"] != mine["rev"]:
        return [f"the reader has rev {found['rev']}, its node {mine['rev']}"]
    return _absent(found, pointers)


def _absent(record: dict[str, Any], pointers: list[str]) -> list[str]:
    return [f"nothing at {pointer}" for pointer in pointers if not _at(record, pointer)]


def _at(value: Any, pointer: str) -> bool:
    for step in pointer.split("/")[1:]:
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True
