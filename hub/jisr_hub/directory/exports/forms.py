"""The forms there are: endings, media types, and which types of records each takes. One table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import msgspec

from .delimited import Delimited
from .geo import Features
from .linked import Graph
from .murmurations import Profiles
from .shown import About, Shown, full
from .workbook import Workbook

EVERYTHING = "all"
"""The name of an export of every type."""


class Form(Protocol):
    """Something that entries are written into, front to back; what each step gives goes out."""

    def begin(self) -> bytes: ...

    def part(self, entries: Sequence[Shown]) -> bytes: ...

    def end(self) -> bytes: ...


class Kind(msgspec.Struct, frozen=True):
    """A form of files. `types` are the short names it takes, none means all. `make` makes it out of who hands on and
    whether it is of one entry alone; None where web/exports.py has a way of its own."""

    ending: str
    media_type: str
    title: str
    types: tuple[str, ...] = ()
    make: Callable[[About, bool], Form] | None = None

    def takes(self, name: str) -> bool:
        """Whether there is an export of this name: all, or a type."""
        return name == EVERYTHING or not self.types or name in self.types

    def full_types(self, name: str) -> tuple[str, ...]:
        """The types of an export, as records name them; () means every type."""
        return tuple(full(one) for one in (self.types if name == EVERYTHING else (name,)))


def _calendar(about: About, single: bool) -> Form:
    from .calendars import Activities  # a heavy library, and few hubs hand on a calendar every day

    return Activities(about)


NEWS = ("news", "opportunity", "event", "need", "offer", "fund")
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.ending: kind
        for kind in (
            Kind("csv", "text/csv; charset=utf-8", "CSV", make=lambda about, single: Delimited(about)),
            Kind(
                "xlsx",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "XLSX",
                make=lambda about, single: Workbook(about),
            ),
            Kind("geojson", "application/geo+json", "GeoJSON", make=lambda about, single: Features(about)),
            Kind("jsonld", "application/ld+json", "JSON-LD", make=lambda about, single: Graph(about)),
            Kind("jsonl", "application/jsonl", "JSON Lines"),
            Kind("ics", "text/calendar; charset=utf-8", "iCalendar", ("event",), _calendar),
            Kind("rss", "application/rss+xml", "RSS", NEWS),
            Kind("atom", "application/atom+xml", "Atom", NEWS),
            Kind("murmurations.json", "application/json", "Murmurations", ("organization", "alliance"), Profiles),
        )
    }
)
"""By ending."""


def parted(file: str) -> tuple[str, Kind] | None:
    """The name and the kind of an export by its file name: "service.csv", "all.jsonl", "<entry>.jsonld"."""
    for ending, kind in KINDS.items():
        if file.endswith(f".{ending}"):
            return file.removesuffix(f".{ending}"), kind
    return None
