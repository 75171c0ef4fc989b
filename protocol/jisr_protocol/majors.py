"""Major versions: which are spoken here, and in what one differs from another (docs/spec/versions.md).

A major is a way to write the lines of a feed. Leaves are made of what a line says, digests and signatures of the signed
thing in it: so log root, state root and every record are the same in all majors. What differs are the bytes of files
that hold lines (pages, parts of snapshots, record files), and with them manifests and the head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from .limits import SIDE_BY_SIDE_DAYS
from .refusal import refuse

MAJOR = "1"
"""The major in which lines are kept, calls are made, and nodes write."""


def _same(line: bytes) -> bytes:
    return line


@dataclass(frozen=True)
class Major:
    """A major by the lines it differs in: pure functions, each the other's inverse, on lines without line feed."""

    name: str
    write: Callable[[bytes], bytes] = _same
    """A line of major 1 as this major writes it."""
    read: Callable[[bytes], bytes] = _same
    """Back. Raises Refusal."""

    def write_lines(self, body: bytes) -> bytes:
        """A file of lines as this major writes it."""
        return body if self.write is _same else _each(self.write, body)

    def read_lines(self, body: bytes) -> bytes:
        """A file of lines of this major as major 1 writes it. Raises Refusal."""
        return body if self.read is _same else _each(self.read, body)


def _each(change: Callable[[bytes], bytes], body: bytes) -> bytes:
    return b"\n".join(change(line) if line else line for line in body.split(b"\n"))


SPOKEN: dict[str, Major] = {MAJOR: Major(MAJOR)}
"""What this program speaks."""


def spoken() -> list[str]:
    """The names of what this program speaks, the lowest first."""
    return sorted(SPOKEN, key=int)


def of(name: str) -> Major:
    """A major that is spoken here, as a head that was read has it (HEAD-2)."""
    return SPOKEN.get(name, SPOKEN[MAJOR])


def highest(offered: Iterable[str]) -> str:
    """VER-2: the highest major that both sides speak. Raises Refusal when there is none."""
    offered = list(offered)
    both = [name for name in offered if name in SPOKEN]
    if not both:
        refuse("VER-2", "/feeds", expected=f"a feed of major version {' or '.join(spoken())}", came=offered)
    return max(both or offered or [MAJOR], key=lambda name: int(name) if name.isdecimal() else 0)


def check_called(asked: str, spoken_here: Iterable[str] = (MAJOR,)) -> None:
    """VER-1: a call may name a major, or a minor of it. Raises Refusal unless that is spoken in calls."""
    known = list(spoken_here)
    if asked.partition(".")[0] not in known:
        refuse("VER-1", "", expected=f"Jisr-Version {' or '.join(known)}", came=asked)


def check_ending(deprecated: date, sunset: date) -> None:
    """VER-3: whoever is told that a major ends has a year to go on to the next. Raises Refusal."""
    days = (sunset - deprecated).days
    if days < SIDE_BY_SIDE_DAYS:
        expected = f"a sunset at least {SIDE_BY_SIDE_DAYS} days after {deprecated}"
        refuse("VER-3", "/sunset", expected=expected, came=f"{sunset}, {_days(days)}")


def _days(days: int) -> Any:
    return f"after {days} days" if days >= 0 else "before it"
