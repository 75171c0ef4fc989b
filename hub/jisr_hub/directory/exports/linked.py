"""JSON-LD in the words of schema.org. A page of one entry and the whole directory say the same of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from .shown import About, Shown, objects

KINDS: Mapping[str, str] = {
    "organization": "NGO",
    "alliance": "Organization",
    "service": "Service",
    "location": "Place",
    "opportunity": "JobPosting",
    "event": "Event",
    "news": "NewsArticle",
    "project": "Project",
    "need": "Demand",
    "offer": "Offer",
    "fund": "MonetaryGrant",
    "grant": "MonetaryGrant",
    "standard": "CreativeWork",
    "taxonomy": "DefinedTermSet",
    "membership": "OrganizationRole",
    "indicator": "StatisticalPopulation",
}
_STATES = {
    "scheduled": "https://schema.org/EventScheduled",
    "moved": "https://schema.org/EventRescheduled",
    "cancelled": "https://schema.org/EventCancelled",
}
_NAMED = {"JobPosting": "title", "NewsArticle": "headline"}


class Graph:
    """One document with every entry in its graph."""

    def __init__(self, about: About) -> None:
        self._about, self._first = about, True

    def begin(self) -> bytes:
        return b'{"@context":"https://schema.org","@graph":[\n'

    def part(self, entries: Sequence[Shown]) -> bytes:
        things = b",\n".join(orjson.dumps(thing(one)) for one in entries)
        before = b"" if self._first or not things else b",\n"
        self._first = self._first and not things
        return before + things

    def end(self) -> bytes:
        return b"\n]}\n"


def thing(one: Shown) -> dict[str, Any]:
    """An entry as a thing of schema.org, without the context."""
    kind = KINDS.get(one.type, "Thing")
    value: dict[str, Any] = {
        "@type": kind,
        "@id": one.page,
        _NAMED.get(kind, "name"): _text(one, one.record.get("name") or one.record.get("title")) or one.name,
        "description": _described(one),
        "url": next(iter(one.websites), one.page),
        "license": one.licence,
        "identifier": f"{one.listed.node}/{one.listed.id}",
        "inLanguage": one.record.get("lang") if kind in ("NewsArticle", "CreativeWork") else None,
        "dateModified": one.modified if kind in ("NewsArticle", "CreativeWork") else None,
        "sdPublisher": {"@type": "Organization", "name": one.author, "identifier": one.listed.node},
        "sdLicense": one.licence,
        "sdDatePublished": one.modified,
        "mainEntityOfPage": one.page,
        "about": _terms(one) if kind in ("NewsArticle", "CreativeWork", "Event") else None,
    }
    value |= _BY_KIND.get(one.type, _nothing)(one)
    return {name: member for name, member in value.items() if member not in (None, "", [], {})}


def _nothing(one: Shown) -> dict[str, Any]:
    return {}


def _organization(one: Shown) -> dict[str, Any]:
    parent = one.target(one.record.get("parent"))
    return {
        **_reached(one),
        "alternateName": one.words(one.record.get("short_name")) or one.record.get("acronym"),
        "foundingDate": one.record.get("founded"),
        "knowsLanguage": one.languages,
        "location": [{"@id": place.page} for place in one.places],
        "parentOrganization": _named(parent),
    }


def _service(one: Shown) -> dict[str, Any]:
    channels = [
        {"@type": "ServiceChannel", "serviceLocation": {"@id": place.page}, "availableLanguage": one.languages}
        for place in one.places
    ]
    return {
        "provider": _named(one.organization),
        "audience": _audience(one),
        "availableChannel": channels,
        "offers": _offer(one),
        "termsOfService": one.words(one.record.get("how_to_apply")),
        "category": [code for _, code, _, _ in one.terms],
    }


def _place(one: Shown) -> dict[str, Any]:
    point = one.point
    return {
        "address": [
            {
                "@type": "PostalAddress",
                "streetAddress": one.words(each.get("street")),
                "addressLocality": one.words(each.get("locality")),
                "addressRegion": one.words(each.get("region")),
                "postalCode": each.get("postal_code", ""),
                "addressCountry": each.get("country", ""),
            }
            for each in one.postal
        ],
        "geo": {"@type": "GeoCoordinates", "latitude": point[1], "longitude": point[0]} if point else None,
        "telephone": next(iter(one.reached("phone")), ""),
    }


def _opportunity(one: Shown) -> dict[str, Any]:
    return {
        "employmentType": "VOLUNTEER",
        "datePosted": one.record.get("created"),
        "validThrough": one.record.get("deadline") or one.record.get("expires"),
        "hiringOrganization": _named(one.organization),
        "jobLocation": [{"@id": place.page} for place in one.places],
        "jobLocationType": "TELECOMMUTE" if one.record.get("mode") == "remote" else None,
        "responsibilities": [one.words(task) for task in _list(one.record.get("tasks"))],
    }


def _event(one: Shown) -> dict[str, Any]:
    online = one.record.get("online_url")
    places: list[dict[str, Any]] = [{"@id": place.page} for place in one.places]
    return {
        "startDate": one.record.get("start"),
        "endDate": one.record.get("end"),
        "previousStartDate": one.record.get("previous_start"),
        "eventStatus": _STATES.get(str(one.record.get("event_status"))),
        "organizer": _named(one.organization),
        "location": places + ([{"@type": "VirtualLocation", "url": online}] if isinstance(online, str) else []),
        "offers": _offer(one),
        "inLanguage": one.languages,
    }  # fmt: skip


def _news(one: Shown) -> dict[str, Any]:
    return {"datePublished": one.record.get("published"), "publisher": _named(one.organization),
            "abstract": one.words(one.record.get("summary"))}  # fmt: skip


_BY_KIND = {
    "organization": _organization,
    "alliance": _organization,
    "service": _service,
    "location": _place,
    "opportunity": _opportunity,
    "event": _event,
    "news": _news,
}


def _text(one: Shown, value: object) -> Any:
    """A text in its languages, so that none is lost; plain where there is only one and its language is unknown."""
    if not isinstance(value, Mapping):
        return value if isinstance(value, str) else None
    said = [(lang, each.get("value")) for lang, each in sorted(value.items()) if isinstance(each, Mapping)]
    found = [{"@language": lang, "@value": words} for lang, words in said if isinstance(words, str) and words]
    return found[0] if len(found) == 1 else found


def _terms(one: Shown) -> list[dict[str, Any]]:
    return [
        {"@type": "DefinedTerm", "inDefinedTermSet": scheme, "termCode": code} | ({"name": name} if name else {})
        for scheme, code, _, name in one.terms
    ]


def _described(one: Shown) -> Any:
    for name in ("description", "purpose", "body", "summary"):
        if found := _text(one, one.record.get(name)):
            return found
    return None


def _named(one: Shown | None) -> dict[str, Any] | None:
    return {"@type": KINDS.get(one.type, "Thing"), "@id": one.page, "name": one.name} if one is not None else None


def _reached(one: Shown) -> dict[str, Any]:
    points = []
    for each in objects(one.record.get("contact_points")):
        point = {"@type": "ContactPoint", "contactType": one.words(each.get("label")) or each.get("role"),
                 "telephone": each.get("phone"), "email": each.get("email"), "url": each.get("url")}  # fmt: skip
        points.append({name: member for name, member in point.items() if member})
    return {"contactPoint": points}


def _audience(one: Shown) -> dict[str, Any] | None:
    words = one.words(one.record.get("for_whom"))
    return {"@type": "Audience", "audienceType": words} if words else None


def _offer(one: Shown) -> dict[str, Any] | None:
    cost = one.record.get("cost")
    if not isinstance(cost, Mapping):
        return None
    price = cost.get("price")
    if isinstance(price, Mapping):
        return {"@type": "Offer", "price": price.get("amount"), "priceCurrency": price.get("currency")}
    return {"@type": "Offer", "price": "0"} if cost.get("free") is True else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
