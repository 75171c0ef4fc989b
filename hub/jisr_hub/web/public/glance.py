"""The four facts people came for: open now, where, contact, for whom. One block at the head of every entry.

What the block says is taken out of the facts below it (`LEFT_OUT`), so that little stands twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from jisr_hub.ports.directory import Listed
from jisr_protocol.pages.hours import hours, local_time, period
from jisr_protocol.pages.opening_now import Now
from jisr_protocol.pages.text import Text, choose

from .lines import Reader, place_keys, spoken, state_of
from .rim import Key, path_of

LEFT_OUT = frozenset(
    {
        *("name", "title", "summary", "description", "purpose", "body", "alert", "for_whom", "languages", "schedule"),
        *(
            "opening_hours",
            "at",
            "location",
            "contact_points",
            "websites",
            "url",
            "apply_url",
            "start",
            "end",
            "deadline",
        ),
        *("previous_start", "event_status", "online_url", "window", "period", "addresses", "phone", "email", "cost"),
        *("delivery", "mode"),
    }
)
"""Members that stand in the block or above it."""
_ASKED = ("contact_points", "contact")


@dataclass(frozen=True)
class Point:
    """One way to reach somebody: what it is for, where it leads, when somebody is there."""

    role: Text | None
    href: str
    words: str
    more: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Spot:
    """One place: its name and page, its address in a line, and the point on earth where that may be told. `hours` are
    those of this entry there, which stand with the hours."""

    name: Text
    href: str
    line: str
    point: tuple[str, str] | None
    hours: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Glance:
    """The block. `state` says that it does not go on, `now` whether it is open; `when` are hours and days in words."""

    state: str
    now: Now | None
    when: tuple[Text, ...]
    spots: tuple[Spot, ...]
    areas: tuple[Text, ...]
    points: tuple[Point, ...]
    for_whom: Text | None
    ages: str
    languages: str
    cost: str

    @property
    def plans(self) -> list[tuple[Text | None, tuple[Text, ...]]]:
        """The hours of each place that has its own; its name, where there are several places."""
        return [(spot.name if len(self.spots) > 1 else None, spot.hours) for spot in self.spots if spot.hours]


def glance(listed: Listed, related: Mapping[Key, Listed], reader: Reader) -> Glance:
    """Write the block of an entry; `related` holds the places it names."""
    record = listed.record
    spots = tuple(_spots(listed, related, reader))
    return Glance(
        state=state_of(record, reader.now, reader.language),
        now=reader.open_now(listed),
        when=tuple(_when(record, reader)),
        spots=spots,
        areas=() if spots else tuple(reader.places(record, related)),
        points=tuple(_points(record, reader)),
        for_whom=choose(record.get("for_whom"), reader.language.code, record.get("lang")),
        ages=_ages(record.get("eligibility"), reader),
        languages=spoken(record, reader.language),
        cost=_cost(record.get("cost"), reader),
    )


def _when(record: Mapping[str, Any], reader: Reader) -> Iterator[Text]:
    language, author = reader.language, record.get("lang")
    words = period(record.get("start"), record.get("end"), language)
    if record.get("event_status") == "moved" and record.get("previous_start"):
        before = local_time(record.get("previous_start"), language)
        words = f"{words} ({language.gettext('Was planned for')}{language.colon}{before})"
    spans = [words] + [
        period(span.get(first), span.get(last), language)
        for span, first, last in (
            (_group(record, "period"), "from", "until"),
            (_group(record, "window"), "opens", "closes"),
            (record, "from", "until"),
        )
    ]
    if isinstance(record.get("deadline"), str):
        spans.append(f"{language.gettext('Deadline')}{language.colon}{local_time(record['deadline'], language)}")
    yield from (Text(span, language.code) for span in spans if span)
    for member in ("schedule", "opening_hours"):
        if "timezone" in _group(record, member):
            yield from hours(record[member], language, author)


def _spots(listed: Listed, related: Mapping[Key, Listed], reader: Reader) -> Iterator[Spot]:
    record = listed.record
    if listed.type.startswith("org.jisr.location/"):
        yield Spot(reader.name(listed), "", _line(record, reader), point_of(record))
        return
    places = record.get("at")
    plans = {
        key: one.get("schedule")
        for one in (places if isinstance(places, list) else ())
        if isinstance(one, Mapping)
        for key in place_keys({"node": record.get("node"), "location": one.get("location")})
    }
    for key in place_keys(record):
        if key in related:
            place = related[key]
            plan = plans.get(key)
            said = tuple(hours(plan, reader.language, record.get("lang"))) if _is_plan(plan) else ()
            href = path_of(place) + reader.kept
            yield Spot(reader.name(place), href, _line(place.record, reader), point_of(place.record), said)


def point_of(record: Mapping[str, Any]) -> tuple[str, str] | None:
    """(latitude, longitude) as they were written; None where the place is not told."""
    match record.get("coordinates"):
        case {"latitude": str(north), "longitude": str(east)} if record.get("privacy") != "hidden":
            return north, east
    return None


def _points(record: Mapping[str, Any], reader: Reader) -> Iterator[Point]:
    language, author = reader.language, record.get("lang")
    places = record.get("at")
    holders = [record, *(one for one in (places if isinstance(places, list) else ()) if isinstance(one, Mapping))]
    listed = [one.get(member) for one in holders for member in _ASKED]
    for one in (each for found in listed if isinstance(found, list) for each in found):
        if not isinstance(one, Mapping):
            continue
        role = choose(one.get("label"), language.code, author)
        more = tuple(hours(one["hours"], language, author)) if _is_plan(one.get("hours")) else ()
        for member, scheme in (("phone", "tel:"), ("email", "mailto:"), ("url", "")):
            words = one.get(member)
            if isinstance(words, str) and _sound(member, words):
                yield Point(role, scheme + words, words, more)
    sites = record.get("websites")
    addresses = [record.get("apply_url"), record.get("online_url"), record.get("url")]
    for words in [*addresses, *(sites if isinstance(sites, list) else ())]:
        if isinstance(words, str) and _sound("url", words):
            yield Point(None, words, words)


def _sound(member: str, words: str) -> bool:
    """Whether these words may stand in a link: a schema judged them, but records of other forms are shown too."""
    if member == "phone":
        return words[:1] == "+" and words[1:].isascii() and words[1:].isdigit()
    if any(sign.isspace() or sign in "<>\"'" for sign in words):
        return False
    return (
        "@" in words and not set(words) & set("?&:") if member == "email" else words.startswith(("http://", "https://"))
    )


def _line(place: Mapping[str, Any], reader: Reader) -> str:
    """The first address of a place in one line."""
    addresses = place.get("addresses")
    for address in addresses if isinstance(addresses, list) else []:
        if isinstance(address, Mapping):
            texts = [choose(address.get(part), reader.language.code) for part in ("street", "locality", "region")]
            words = [one.value for one in texts if one is not None]
            words += [str(address[part]) for part in ("postal_code",) if isinstance(address.get(part), str)]
            country = address.get("country")
            words += [reader.language.country_name(country) or country] if isinstance(country, str) else []
            return reader.language.comma.join(words)
    return ""


def _ages(eligibility: object, reader: Reader) -> str:
    if not isinstance(eligibility, Mapping):
        return ""
    least, most = (eligibility.get(name) for name in ("minimum_age", "maximum_age"))
    _ = reader.language.gettext
    said = [
        f"{_(label)}{reader.language.colon}{reader.language.number(age)}"
        for label, age in (("Age at least", least), ("Age at most", most))
        if isinstance(age, int) and not isinstance(age, bool)
    ]
    return reader.language.comma.join(said)


def _cost(cost: object, reader: Reader) -> str:
    """What it costs."""
    if not isinstance(cost, Mapping):
        return ""
    said = [reader.language.gettext("Free of charge")] if cost.get("free") is True else []
    match cost.get("price"):
        case {"amount": str(amount), "currency": str(unit)}:
            said.append(f"{amount} {unit}")
    note = choose(cost.get("note"), reader.language.code)
    return reader.language.comma.join([*said, note.value] if note else said)


def _group(record: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    value = record.get(member)
    return value if isinstance(value, Mapping) else {}


def _is_plan(plan: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(plan, Mapping) and "timezone" in plan
