"""What stands inside the objects of HSDS: ways to reach somebody, hours, addresses, costs, terms.

Every part has an id made of its owner and of what it says. What is empty is left out, but for what HSDS requires.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jisr_protocol import core_terms

from ..exports.shown import Shown, objects, texts
from . import ids

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def filled(value: Mapping[str, Any]) -> dict[str, Any]:
    """Without members that say nothing."""
    return {name: member for name, member in value.items() if member is not None and member != "" and member != []}


def contacts(one: Shown, points: object, owner: str) -> list[dict[str, Any]]:
    """A contact a role: HSDS's `title` is the role, and no contact has a person's name."""
    found = []
    for point in objects(points):
        title = one.words(point.get("label")) or str(point.get("role", ""))
        id_ = ids.part(owner, "contact", title, point.get("email"), point.get("phone"), point.get("url"))
        held = {"email": point.get("email"), "phones": phones(one, [point], id_), "url": point.get("url")}
        found.append(filled({"id": id_, "title": title, **held}))
    return _apart(found)


def phones(one: Shown, points: object, owner: str) -> list[dict[str, Any]]:
    found = []
    for point in objects(points):
        if isinstance(number := point.get("phone"), str):
            id_ = ids.part(owner, "phone", number, point.get("role"))
            label = one.words(point.get("label")) or str(point.get("role", ""))
            held = {"description": label, "languages": languages(texts(point.get("languages")), id_)}
            found.append(filled({"id": id_, "number": number, "type": "voice", **held}))
    return _apart(found)


def languages(codes: list[str], owner: str) -> list[dict[str, Any]]:
    return [{"id": ids.part(owner, "language", code), "code": code, "name": code} for code in dict.fromkeys(codes)]


def schedules(one: Shown, schedule: object, owner: str) -> list[dict[str, Any]]:
    """A schedule a row of hours; the zone's name stands in `timezone_name`, HSDS's `timezone` is its offset now."""
    if not isinstance(schedule, Mapping):
        return []
    zone = _zone(schedule.get("timezone"))
    rows = [row for hours in objects(schedule.get("operating_hours")) for row in _hours(one, hours, zone)]
    rows += [_occasion(one, each, zone) for each in objects(schedule.get("events"))]
    if note := one.words(schedule.get("note")):
        rows.append({"description": note})
    found = []
    for row in rows:
        offset = _offset(zone, one.about.now)
        whole = {"timezone": offset, "timezone_name": schedule.get("timezone")} | row
        found.append(filled({"id": ids.part(owner, "schedule", sorted(row.items(), key=str)), **whole}))
    return _apart(found)


def _hours(one: Shown, hours: Mapping[str, Any], zone: ZoneInfo | None) -> Iterator[dict[str, Any]]:
    days = [day for day in _DAYS if day in (hours.get("days") or ())]
    label = str(hours.get("label", ""))
    closed = "closed" if hours.get("closed") is True else ""
    row = filled(
        {
            "freq": "WEEKLY" if days else None,
            "byday": ",".join(days),
            "valid_from": hours.get("valid_from"),
            "valid_to": hours.get("valid_to"),
            "description": "" if label == "normal" else label,
            "notes": " ".join(filter(None, (closed, one.words(hours.get("note"))))),
        }
    )
    intervals = [each for each in hours.get("intervals") or () if isinstance(each, list) and each]
    for interval in intervals:
        ends = [_clock(text, zone, one.about.now, hours.get("valid_from")) for text in interval[:2]]
        yield row | filled({"opens_at": ends[0], "closes_at": ends[1] if len(ends) > 1 else ""})
    if not intervals:
        yield row


def _occasion(one: Shown, each: Mapping[str, Any], zone: ZoneInfo | None) -> dict[str, Any]:
    start, end = str(each.get("start", "")), str(each.get("end", ""))
    return filled(
        {
            "dtstart": start[:10],
            "until": end[:10] or start[:10],
            "count": 1,
            "opens_at": _clock(start[11:], zone, one.about.now, start[:10]),
            "closes_at": _clock(end[11:], zone, one.about.now, end[:10]),
            "notes": one.words(each.get("note")),
        }
    )


def _zone(name: object) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if isinstance(name, str) else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _offset(zone: ZoneInfo | None, now: datetime) -> float | None:
    offset = now.astimezone(zone).utcoffset() if zone is not None else None
    return offset.total_seconds() / 3600 if offset is not None else None


def _clock(text: object, zone: ZoneInfo | None, now: datetime, on: object) -> str:
    """A time of day with its offset, as HSDS asks for: of the first day it holds, else of today."""
    if not isinstance(text, str) or len(text) < 5:
        return ""
    try:
        day = date.fromisoformat(on) if isinstance(on, str) else now.date()
        at = datetime.combine(day, time.fromisoformat("00:00" if text == "24:00" else text), zone)
    except ValueError:
        return ""
    offset = at.strftime("%z") if zone is not None else ""
    return f"{text[:5]}{offset[:3]}:{offset[3:5]}" if offset else text[:5]


def addresses(place: Shown, owner: str) -> list[dict[str, Any]]:
    """Addresses; what HSDS requires and nobody said is empty. Of a hidden place there are none."""
    found = []
    for each in place.postal:
        street, town, region = (place.words(each.get(name)) for name in ("street", "locality", "region"))
        postal, country = str(each.get("postal_code", "")), str(each.get("country", ""))
        kind = each.get("kind") if each.get("kind") in ("physical", "postal") else "physical"
        id_ = ids.part(owner, "address", street, town, region, postal, country, kind)
        found.append({"id": id_, "address_1": street, "city": town, "state_province": region, "postal_code": postal,
                      "country": country, "address_type": kind})  # fmt: skip
    return _apart(found)


def accessibility(place: Shown, owner: str) -> list[dict[str, Any]]:
    found = []
    for each in objects(place.record.get("accessibility")):
        feature, there = str(each.get("feature", "")), str(each.get("available", ""))
        id_ = ids.part(owner, "accessibility", feature, there)
        found.append(
            filled({"id": id_, "description": f"{feature}: {there}", "details": place.words(each.get("note"))})
        )
    return _apart(found)


def areas(one: Shown, owner: str) -> list[dict[str, Any]]:
    found = []
    for each in objects(one.record.get("area")):
        scheme, code = str(each.get("scheme", "")), str(each.get("code", ""))
        name = one.words(each.get("name")) or code
        id_ = ids.part(owner, "area", scheme, code, name)
        found.append(filled({"id": id_, "name": name, "extent": code, "extent_type": scheme}))
    return _apart(found)


def costs(one: Shown, owner: str) -> list[dict[str, Any]]:
    cost = one.record.get("cost")
    if not isinstance(cost, Mapping):
        return []
    price = cost.get("price")
    note = one.words(cost.get("note"))
    try:
        amount = float(price["amount"]) if isinstance(price, Mapping) else 0.0 if cost.get("free") is True else None
    except (KeyError, TypeError, ValueError):
        amount = None
    currency = price.get("currency") if isinstance(price, Mapping) else None
    if amount is None and not note:
        return []
    id_ = ids.part(owner, "cost", amount, currency, note)
    return [filled({"id": id_, "amount": amount, "currency": currency, "amount_description": note})]


def documents(one: Shown, owner: str) -> list[dict[str, Any]]:
    found = []
    for each in objects(one.record.get("documents")):
        name = one.words(each.get("name"))
        id_ = ids.part(owner, "document", name, each.get("url"))
        found.append(filled({"id": id_, "document": name, "uri": each.get("url")}))
    return _apart(found)


def identifiers(one: Shown, owner: str) -> list[dict[str, Any]]:
    found = []
    for each in objects(one.record.get("identifiers")):
        scheme, value = str(each.get("scheme", "")), str(each.get("value", ""))
        found.append({"id": ids.part(owner, "identifier", scheme, value), "identifier_scheme": scheme,
                      "identifier_type": scheme, "identifier": value})  # fmt: skip
    return _apart(found)


def attributes(one: Shown, owner: str, entity: str) -> list[dict[str, Any]]:
    """A term an attribute; its role is the kind of link."""
    found = []
    for scheme, code, role, label in one.terms:
        name = label or core_terms.label(scheme, code, one.about.lang)
        term = {"id": ids.term(scheme, code), "code": code, "name": name, "description": name}
        term |= {"taxonomy": scheme, "taxonomy_id": ids.taxonomy(scheme)}
        link = {"link_id": owner, "link_entity": entity, "link_type": role}
        id_ = ids.part(owner, "attribute", scheme, code, role)
        found.append({"id": id_, **link, "taxonomy_term_id": term["id"], "taxonomy_term": term})
    return _apart(found)


def _apart(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each once."""
    return list({str(one["id"]): one for one in found}.values())
