"""What an address of the result page asks for, and the addresses that ask for a little more or less.

The query string of pages and programs is one (jisr_hub/directory/query.py reads it); here it is kept as pairs, so that
each thing that is applied can be taken off again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from urllib.parse import urlencode

from starlette.requests import Request

from jisr_hub.web.language import load_languages

NAMES = (
    *("q", "near", "within", "type", "theme", "for", "what", "lang_spoken", "cost", "area"),
    *("open", "remote", "order"),
)
"""Members of the query that pages know, in the order in which they are written."""
_MOST = 40
_LONGEST = 200
_VIEWS = ("map",)


@dataclass(frozen=True)
class Asked:
    """Pairs of name and value, each once; `page` counts from 1, `view` is "" or a way to show the results."""

    pairs: tuple[tuple[str, str], ...] = ()
    page: int = 1
    view: str = ""
    lang: str = ""

    @classmethod
    def of(cls, request: Request, zone: tzinfo = UTC) -> Asked:
        """Read an address; what a page does not know is left out, and values are cut where nobody writes longer ones.

        A form gives the moment that something is to be open at without its zone: it is `zone`, the hub's.
        """
        found = [
            (name, _moment(value.strip(), zone) if name == "open" else value.strip()[:_LONGEST])
            for name, value in request.query_params.multi_items()[:_MOST]
            if name in NAMES and value.strip()
        ]
        ordered = sorted(dict.fromkeys(found), key=lambda pair: NAMES.index(pair[0]))
        view = request.query_params.get("view", "")
        lang = request.query_params.get("lang", "")
        return cls(tuple(ordered), 1, view if view in _VIEWS else "", lang if lang in load_languages() else "")

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for one, value in self.pairs if one == name)

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def address(self, **changes: str) -> str:
        """The address of these results; `page`, `view` and `lang` may be set anew. It begins at the first page."""
        return self._written(self.pairs, **changes)

    def at(self, path: str, **changes: str) -> str:
        """The same question at another page."""
        return self._written(self.pairs, path, **changes)

    def with_(self, name: str, value: str) -> str:
        """The address that asks for one thing more."""
        return self._written([*self.pairs, (name, value)])

    def in_place(self, name: str, value: str) -> str:
        """The address with this value alone under a name; "" takes the name off."""
        rest = [pair for pair in self.pairs if pair[0] != name]
        return self._written([*rest, (name, value)] if value else rest)

    def without(self, name: str, value: str) -> str:
        """The address that asks for one thing less. With the place goes how far from it."""
        gone = ("within",) if name == "near" else ()
        return self._written([pair for pair in self.pairs if pair != (name, value) and pair[0] not in gone])

    def members(self) -> dict[str, str]:
        """As a mapping, for the canonical address; of several values of a name the last stands."""
        return dict(self._in_order(self.pairs)) | ({"page": str(self.page)} if self.page > 1 else {})

    def hidden(self) -> Iterator[tuple[str, str]]:
        """What a new question keeps: everything but the question itself."""
        yield from (pair for pair in self.pairs if pair[0] not in ("q", "near"))
        if self.lang:
            yield "lang", self.lang
        if self.view:
            yield "view", self.view

    @staticmethod
    def _in_order(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return sorted(pairs, key=lambda pair: NAMES.index(pair[0]))

    def _written(self, pairs: Iterable[tuple[str, str]], path: str = "/directory", **changes: str) -> str:
        more = {"view": self.view, "lang": self.lang} | changes
        written = [*self._in_order(pairs), *((name, value) for name, value in more.items() if value)]
        return path + ("?" + urlencode(written) if written else "")


def _moment(value: str, zone: tzinfo) -> str:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return value[:_LONGEST]
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).isoformat(timespec="minutes")
