"""The query string of a search, the same for pages and programs: q, type, theme, for, what, lang_spoken, cost, area,
near, within, open, remote, order, page.

    asked = read(pairs, now)             what is asked, and which parts nobody understood
    written(asked.query, now)            the same as pairs, in one order: a good name for a cache

A part may come several times where it has several values. What cannot be understood is left out and named; no query
string is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from jisr_hub.ports.search import BEST, DEEPEST, FACETS, LONGEST_PAGE, NEAR, NEW, Query

LONGEST_WORDS = 200
"""Letters of what is typed that count."""
MOST_CODES = 20
MOST_PARTS = 200
PAGE_LENGTH = 20
FARTHEST_KM = 20_000.0
PARTS = {"theme": "theme", "for": "audience", "what": "what", "lang_spoken": "language", "cost": "cost", "area": "area"}
"""Part of the query string → facet."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]{0,120}")
_NUMBER = re.compile(r"-?[0-9]{1,5}(\.[0-9]{1,8})?")
_ASCII_NUMBER = re.compile(r"[1-9][0-9]{0,5}")
_YES_NO = {"yes": True, "1": True, "no": False, "0": False}
assert set(PARTS.values()) == set(FACETS)


class Asked(msgspec.Struct, frozen=True):
    """A query string as it was understood; `left_out` are the parts that were not."""

    query: Query
    left_out: tuple[str, ...] = ()
    page: int = 1


def read(pairs: Iterable[tuple[str, str]], now: datetime, limit: int = PAGE_LENGTH) -> Asked:
    """Read a query string; `now` (aware) is what "open=now" means, `limit` how many hits a page has."""
    reading = _Reading(now, max(1, min(limit, LONGEST_PAGE)))
    for name, value in list(pairs)[:MOST_PARTS]:
        value = value.strip()
        if value and not reading.take(name, value):
            reading.left_out.append(name if name in _KNOWN else name[:40])
    return reading.asked()


def written(query: Query, now: datetime | None = None, page: int = 1) -> list[tuple[str, str]]:
    """Write a query as pairs; `read` understands the same by them."""
    pairs = [("q", query.words)] if query.words else []
    pairs += [("type", one) for one in query.types]
    for part, facet in PARTS.items():
        pairs += [(part, code) for code in query.facets.get(facet, ())]
    if query.near is not None:
        pairs.append(("near", ",".join(_plain(degrees) for degrees in query.near)))
    elif query.place:
        pairs.append(("near", query.place))
    if query.within_km is not None:
        pairs.append(("within", _plain(query.within_km)))
    if query.open_at is not None:
        at = query.open_at
        pairs.append(("open", "now" if at == now else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")))
    if query.remote is not None:
        pairs.append(("remote", "yes" if query.remote else "no"))
    if query.order != BEST:
        pairs.append(("order", query.order))
    return [*pairs, ("page", str(page))] if page > 1 else pairs


def _plain(number: float) -> str:
    return f"{number:.8f}".rstrip("0").rstrip(".")


class _Reading:
    """A query string while it is read."""

    def __init__(self, now: datetime, limit: int) -> None:
        self._now, self._limit = now, limit
        self._members: dict[str, object] = {}
        self._types: list[str] = []
        self._facets: dict[str, list[str]] = {}
        self._page = 1
        self.left_out: list[str] = []

    def take(self, name: str, value: str) -> bool:
        """Take one part; whether it was understood."""
        if name in PARTS or name == "type":
            codes = self._types if name == "type" else self._facets.setdefault(PARTS[name], [])
            if not _CODE.fullmatch(value) or len(codes) >= MOST_CODES:
                return False
            if value not in codes:
                codes.append(value)
            return True
        match name:
            case "q":
                self._members["words"] = " ".join(_sound(value)[:LONGEST_WORDS].split())
            case "near":
                return self._near(value)
            case "within":
                return self._within(value)
            case "open":
                return self._open(value)
            case "remote":
                if value in _YES_NO:
                    self._members["remote"] = _YES_NO[value]
                return value in _YES_NO
            case "order":
                if value in (BEST, NEAR, NEW):
                    self._members["order"] = value
                return value in (BEST, NEAR, NEW)
            case "page":
                number = int(value) if _ASCII_NUMBER.fullmatch(value) else 0
                if not number or (number - 1) * self._limit > DEEPEST:
                    return False
                self._page = number
            case _:
                return name in _OTHERS
        return True

    def asked(self) -> Asked:
        facets = {name: tuple(codes) for name, codes in self._facets.items() if codes}
        offset = (self._page - 1) * self._limit
        query = Query(types=tuple(self._types), facets=facets, offset=offset, limit=self._limit)
        query = msgspec.structs.replace(query, **self._members)
        return Asked(query, tuple(dict.fromkeys(self.left_out)), self._page)

    def _near(self, value: str) -> bool:
        north, comma, east = value.partition(",")
        if comma and _NUMBER.fullmatch(north.strip()) and _NUMBER.fullmatch(east.strip()):
            point = float(north), float(east)
            if abs(point[0]) > 90 or abs(point[1]) > 180:
                return False
            self._members |= {"near": point, "place": ""}
        else:
            self._members |= {"place": " ".join(_sound(value)[:100].split()), "near": None}
        return True

    def _within(self, value: str) -> bool:
        kilometres = float(value) if _NUMBER.fullmatch(value) else 0.0
        if 0 < kilometres <= FARTHEST_KM:
            self._members["within_km"] = kilometres
            return True
        return False

    def _open(self, value: str) -> bool:
        if value == "now":
            self._members["open_at"] = self._now
            return True
        try:
            at = datetime.fromisoformat(value)
            usable = at.tzinfo is not None and 2000 <= at.year <= 2100
        except ValueError:
            return False
        if usable:
            self._members["open_at"] = at.astimezone(UTC)
        return usable


def _sound(value: str) -> str:
    """What is typed without what no text may hold."""
    return "".join(sign for sign in value if sign >= " " and not "\ud800" <= sign <= "\udfff")


_KNOWN = frozenset((*PARTS, "q", "type", "near", "within", "open", "remote", "order", "page"))
_OTHERS = frozenset({"lang"})
"""Parts of an address that say nothing of what is looked for."""
