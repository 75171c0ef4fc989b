"""An entry as schema.org describes it (JSON-LD), for search engines; names are those of the schemas' `x-schema-org`.

What a record does not say is left out, and an end that has passed ends it here too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from jisr_hub.ports.directory import Listed
from jisr_protocol.pages.text import choose

from .glance import point_of
from .lines import named, place_keys
from .rim import Key, path_of

TYPES: Mapping[str, str] = MappingProxyType(
    {
        "organization": "NGO",
        "service": "Service",
        "location": "Place",
        "opportunity": "JobPosting",
        "need": "Demand",
        "offer": "Offer",
        "fund": "MonetaryGrant",
        "grant": "MonetaryGrant",
        "project": "Project",
        "event": "Event",
        "alliance": "Organization",
        "membership": "OrganizationRole",
        "news": "NewsArticle",
        "standard": "CreativeWork",
    }
)
_EVENT_STATUS = {"scheduled": "EventScheduled", "moved": "EventRescheduled", "cancelled": "EventCancelled"}
_MAKER = {
    **dict.fromkeys(("service",), "provider"),
    **dict.fromkeys(("opportunity",), "hiringOrganization"),
    **dict.fromkeys(("event",), "organizer"),
    **dict.fromkeys(("need", "offer"), "offeredBy"),
    **dict.fromkeys(("news",), "publisher"),
}
_DAYS = {"MO": "Monday", "TU": "Tuesday", "WE": "Wednesday", "TH": "Thursday", "FR": "Friday"}
_DAYS |= {"SA": "Saturday", "SU": "Sunday"}
Written = Callable[[str], str]


def linked(listed: Listed, related: Mapping[Key, Listed], code: str, written: Written) -> str:
    """The JSON-LD of one entry in one language; "" for a type without a word of schema.org.

    `written` gives the whole address of a path. The answer is safe inside a script element.
    """
    short = short_name(listed.type)
    if short not in TYPES:
        return ""
    record = listed.record
    said: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": TYPES[short],
        "@id": written(path_of(listed)),
        "url": written(path_of(listed)),
        "name": _words(named(record), code),
        "description": _words(record.get("description") or record.get("purpose") or record.get("summary"), code),
        "inLanguage": code,
        "dateModified": record.get("modified"),
        "license": record.get("licence"),
        "areaServed": _areas(record, code),
        **_of_type(short, listed, code),
    }
    if short == "location":
        said |= _place(listed, code)
    else:
        places = [_place(related[key], code) for key in place_keys(record) if key in related]
        if places and short in ("event", "opportunity"):
            said["jobLocation" if short == "opportunity" else "location"] = places[0]
        elif places and short == "service":
            said["availableChannel"] = [{"@type": "ServiceChannel", "serviceLocation": place} for place in places]
    return written_out(said)


def written_out(value: Mapping[str, Any]) -> str:
    """JSON that no text inside it can end the script element of."""
    text = json.dumps(_filled(value), ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def short_name(type_: str) -> str:
    """The short name of one of our types; another's stays whole."""
    return type_.removeprefix("org.jisr.").removesuffix("/1")


def website(name: str, written: Written) -> str:
    """The hub itself: a site that can be searched."""
    search = {
        "@type": "SearchAction",
        "target": {"@type": "EntryPoint", "urlTemplate": written("/directory") + "?q={words}"},
        "query-input": "required name=words",
    }
    said = {"@context": "https://schema.org", "@type": "WebSite", "name": name, "url": written("/")}
    return written_out({**said, "potentialAction": search})


def _of_type(short: str, listed: Listed, code: str) -> dict[str, Any]:
    record = listed.record
    maker = {"@type": "NGO", "name": _words(listed.author_name, code)} if listed.author_name else None
    said: dict[str, Any] = {_MAKER[short]: maker} if short in _MAKER else {}
    if short == "organization":
        said |= {
            "foundingDate": record.get("founded"),
            "sameAs": record.get("websites"),
            "contactPoint": _contacts(record),
        }
    elif short == "service":
        said |= {"hoursAvailable": _hours(record.get("schedule")), "audience": _audience(record, code)}
    elif short == "opportunity":
        said |= {"title": said.get("title") or _words(named(record), code), "employmentType": "VOLUNTEER"}
        said |= {"validThrough": record.get("deadline"), "datePosted": str(record.get("created"))[:10]}
    elif short == "event":
        said |= {"startDate": record.get("start"), "endDate": record.get("end")}
        status = _EVENT_STATUS.get(str(record.get("event_status")))
        said |= {"eventStatus": f"https://schema.org/{status}" if status else None, "audience": _audience(record, code)}
    elif short == "news":
        said |= {"headline": _words(record.get("title"), code), "datePublished": record.get("published")}
    elif short in ("need", "offer"):
        said |= {"availabilityEnds": record.get("deadline")}
    return said


def _place(listed: Listed, code: str) -> dict[str, Any]:
    record = listed.record
    point = point_of(record)
    addresses = record.get("addresses")
    address = next((one for one in addresses if isinstance(one, Mapping)), {}) if isinstance(addresses, list) else {}
    said = {
        "streetAddress": _words(address.get("street"), code),
        "addressLocality": _words(address.get("locality"), code),
        "addressRegion": _words(address.get("region"), code),
        "postalCode": address.get("postal_code"),
        "addressCountry": address.get("country"),
    }
    return {
        "@type": "Place",
        "name": _words(named(record), code),
        "address": {"@type": "PostalAddress", **said} if any(said.values()) else None,
        "geo": {"@type": "GeoCoordinates", "latitude": point[0], "longitude": point[1]} if point else None,
        "openingHoursSpecification": _hours(record.get("opening_hours")),
    }


def _hours(schedule: object) -> list[dict[str, Any]] | None:
    """Normal hours whose end is known; nothing else can be told in this form without saying too much."""
    entries = schedule.get("operating_hours") if isinstance(schedule, Mapping) else None
    found = []
    for one in entries if isinstance(entries, list) else []:
        match one:
            case {"label": "normal", "days": list(days), "intervals": list(intervals)}:
                for interval in intervals:
                    if isinstance(interval, list) and len(interval) == 2:
                        named_days = [f"https://schema.org/{_DAYS[day]}" for day in days if day in _DAYS]
                        spec = {"@type": "OpeningHoursSpecification", "dayOfWeek": named_days}
                        found.append({**spec, "opens": interval[0], "closes": interval[1]})
    return found or None


def _contacts(record: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    points = record.get("contact_points")
    return [
        {
            "@type": "ContactPoint",
            "contactType": one.get("role"),
            "telephone": one.get("phone"),
            "email": one.get("email"),
            "url": one.get("url"),
        }
        for one in (points if isinstance(points, list) else ())
        if isinstance(one, Mapping)
    ] or None


def _audience(record: Mapping[str, Any], code: str) -> dict[str, Any] | None:
    said = _words(record.get("for_whom"), code)
    return {"@type": "Audience", "audienceType": said} if said else None


def _areas(record: Mapping[str, Any], code: str) -> list[str] | None:
    areas = record.get("area")
    found = [
        _words(one.get("name"), code) for one in (areas if isinstance(areas, list) else ()) if isinstance(one, Mapping)
    ]
    return [one for one in found if one] or None


def _words(value: object, code: str) -> str | None:
    said = choose(value, code)
    return said.value if said else None


def _filled(value: Any) -> Any:
    """Without members that say nothing."""
    if isinstance(value, Mapping):
        return {name: _filled(one) for name, one in value.items() if one is not None and one != {}}
    return [_filled(one) for one in value] if isinstance(value, list) else value
