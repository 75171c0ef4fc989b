"""What of an entry is searched: its words, codes, points, hours. Made once, kept, and read by every process.

    made = document(value, places, organizations)        of an entry as it is shown, and the records it refers to
    content = made.packed()                              a text for a table
    Document.read(content)                               the same

Whatever is not public is in no record that comes here. A hidden place has no point, whatever its record says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from jisr_hub.directory.words import words
from jisr_hub.ports import Key
from jisr_protocol import opening

RULES = 2
"""Raised when the same record comes to another document: then all documents are made anew."""
MOST_WORDS = 600
MOST_POINTS = 20
ROLES = {
    "focus": "theme", "theme": "theme", "domain": "theme",
    "target_group": "audience", "situation": "audience",
    "activity": "what", "goal": "what", "competence": "what", "skill": "what", "method": "what",
}  # fmt: skip
"""Role of a term → facet."""
_OWN = "org.jisr."
_NAMES = ("name", "title", "short_name", "alternate_names", "acronym")
_SILENT = frozenset(
    {"type", "id", "node", "rev", "salt", "lang", "links", "contact_points", "source", "documents", "logo", "image"}
)
"""Members in which nobody looks for words."""
_PLACED = {"exact", "street"}
_CLOSED = ("paused", "planned", "ended")
_SCHEDULES = ("opening_hours", "schedule")
_WHEN = (
    *("type", *_SCHEDULES, "timezone", "period", "window", "from", "until", "deadline"),
    *("event_status", "start", "end", "expires"),
)
DATED = frozenset(_WHEN) - {"type", *_SCHEDULES, "timezone", "event_status"}
"""Members that begin or end what an entry is about."""
Record = Mapping[str, Any]


class Document(msgspec.Struct, frozen=True, array_like=True):
    """`name` and `text` are folded words with spaces between; `codes` are `facet=code`; `points` are (latitude,
    longitude, whether it is exact); `hours` are the members by which `jisr_protocol.opening` says when it is open;
    `last` is when the entry was last confirmed or changed and `expires` when it ends, instants or ""; `places` are
    folded names of where it is; `concepts` are (`scheme:code`, its words) that a code list explains."""

    name: str
    text: str
    codes: tuple[str, ...]
    points: tuple[tuple[float, float, bool], ...] = ()
    hours: dict[str, Any] = {}
    last: str = ""
    expires: str = ""
    places: tuple[str, ...] = ()
    concepts: tuple[tuple[str, str], ...] = ()

    def packed(self) -> str:
        return msgspec.json.encode(self).decode()

    @staticmethod
    def read(content: str) -> Document:
        return _decoder.decode(content)


_decoder = msgspec.json.Decoder(Document)


def short(type_: str) -> str:
    """The name of a type in an address: "service" for "org.jisr.service/1"."""
    own = type_.startswith(_OWN) and type_.endswith("/1")
    return type_[len(_OWN) : -2] if own else type_


def referred(value: Record) -> dict[str, list[str]]:
    """The references that a document needs, as they are written: "place" and "party"."""
    found: dict[str, list[str]] = {"place": [], "party": []}
    given = value.get("at")
    for holder in (value, *(given if isinstance(given, list) else ())):
        if isinstance(holder, Mapping) and isinstance(holder.get("location"), str):
            found["place"].append(holder["location"])
    found["party"] = [value[name] for name in ("organization", "organizer", "lead") if isinstance(value.get(name), str)]
    return {kind: list(dict.fromkeys(names))[:MOST_POINTS] for kind, names in found.items()}


def document(
    value: Record,
    places: Sequence[Record] = (),
    parties: Sequence[Record] = (),
    *,
    hidden: bool = False,
    last: str = "",
) -> Document:
    """The document of an entry: `places` are the location records it is given at, `parties` the organizations it names,
    `last` when it was last confirmed. With `hidden` one of its records hides the place."""
    names = [word for name in _NAMES for text in texts(value.get(name)) for word in words(text)]
    rest = {name: one for name, one in value.items() if name not in _SILENT and name not in _NAMES}
    where = [value, *places]
    said = [*texts(rest), *(text for one in places for text in texts({n: one.get(n) for n in ("name", "addresses")}))]
    said += [text for one in parties for text in texts(one.get("name"))]
    told = dict.fromkeys(word for text in said for word in words(text))
    kept = dict.fromkeys(names)
    text = [word for word in told if word not in kept][:MOST_WORDS]
    return Document(
        " ".join(list(kept)[:MOST_WORDS]),
        " ".join(text),
        tuple(dict.fromkeys(_codes(value, places))),
        () if hidden else tuple(dict.fromkeys(_points(where)))[:MOST_POINTS],
        _hours(value),
        max(last, str(value.get("modified", ""))),
        str(value.get("expires", "")),
        tuple(dict.fromkeys(_place_names(where)))[:MOST_POINTS],
        tuple(_concepts(value)),
    )


def texts(value: object) -> Iterator[str]:
    """The words for people in a member: localised texts, plain ones of lists, values of identifiers."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        if isinstance(value.get("value"), str):
            yield value["value"]
            return
        for one in value.values():
            if not isinstance(one, str):
                yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            if not isinstance(one, str):
                yield from texts(one)


def _codes(value: Record, places: Iterable[Record]) -> Iterator[str]:
    yield f"type={short(str(value.get('type', '')))}"
    for term in _maps(value.get("terms")):
        facet = ROLES.get(str(term.get("role")))
        if facet is not None:
            yield f"{facet}={term.get('scheme')}:{term.get('code')}"
    kind = value.get("kind")
    if isinstance(kind, str) and kind:
        yield f"what=kind:{kind}"
    spoken = value.get("languages")
    for one in spoken if isinstance(spoken, list) else ():
        tag = one.get("lang") if isinstance(one, Mapping) else one
        if isinstance(tag, str):
            yield f"language={tag.partition('-')[0]}"
    cost = value.get("cost")
    if isinstance(cost, Mapping) and (cost.get("free") is not None or "price" in cost):
        yield "cost=free" if cost.get("free") is True else "cost=paid"
    areas = [*_maps(value.get("area")), *_maps([value.get("municipality")])]
    areas += [area for one in (value, *places) for area in _maps(one.get("admin_codes"))]
    for area in areas:
        if "code" in area:
            yield f"area={area.get('scheme')}:{area['code']}"
    yield from _remote(value)


def _remote(value: Record) -> Iterator[str]:
    delivery = value.get("delivery")
    ways = {one for one in delivery if isinstance(one, str)} if isinstance(delivery, list) else set()
    if "remote" in ways or value.get("mode") in ("remote", "hybrid") or "online_url" in value:
        yield "remote=yes"
    elif ways or "mode" in value:
        yield "remote=no"


def _points(where: Iterable[Record]) -> Iterator[tuple[float, float, bool]]:
    for one in where:
        point = one.get("coordinates")
        if one.get("privacy", "exact") == "hidden" or not isinstance(point, Mapping):
            continue
        try:
            north, east = float(str(point["latitude"])), float(str(point["longitude"]))
        except (KeyError, ValueError):
            continue
        if abs(north) <= 90 and abs(east) <= 180:
            exact = one.get("privacy", "exact") == "exact" and point.get("precision") in _PLACED
            # a place that shows its area alone is moved to a corner of a few kilometres
            yield (north, east, True) if exact else (round(north, 2), round(east, 2), False)


def _hours(value: Record) -> dict[str, Any]:
    """What says when it is open, and nothing else; nothing of what is never open, whatever the day."""
    if value.get("event_status") == "cancelled" or value.get("status") in _CLOSED or not any(opening.schedules(value)):
        return {}
    found = {name: value[name] for name in _WHEN if name in value}
    given = [
        {name: one[name] for name in ("opening_hours", "schedule") if name in one} for one in _maps(value.get("at"))
    ]
    return {**found, "at": given} if given else found


def _place_names(where: Iterable[Record]) -> Iterator[str]:
    for one in where:
        if str(one.get("type")).startswith("org.jisr.location/"):
            yield from (" ".join(words(text)) for text in texts(one.get("name")))
        for address in _maps(one.get("addresses")):
            for text in texts(address.get("locality")):
                yield " ".join(words(text))
        for area in (*_maps(one.get("area")), *_maps(one.get("admin_codes")), *_maps([one.get("municipality")])):
            for text in texts(area.get("name")):
                yield " ".join(words(text))


def _concepts(value: Record) -> Iterator[tuple[str, str]]:
    scheme = value.get("scheme")
    if str(value.get("type")).startswith("org.jisr.taxonomy/") and isinstance(scheme, str):
        for concept in _maps(value.get("concepts")):
            label = dict.fromkeys(word for text in texts(concept.get("label")) for word in words(text))
            yield f"{scheme}:{concept.get('code')}", " ".join(label)


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


class Kept(msgspec.Struct, frozen=True):
    """A document in its place: `doc` is a small whole number, used again when the entry has left; `content` is "" then.
    `turn` rises with every change."""

    doc: int
    turn: int
    key: Key
    content: str
