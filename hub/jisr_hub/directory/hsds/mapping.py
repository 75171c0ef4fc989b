"""Entries as objects of HSDS 3.0: organizations, services, services at locations, places; projects as programs, and
grants as sources of funding, within the organizations and services that have them.

Each object has a member beyond the standard, `jisr`: the entry and its page, who wrote it, under which licence, when
and by which way it came, and its texts in the other languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ...ports.catalogue import Key
from ..exports.shown import Shown, meant, objects, texts
from . import ids, parts
from .parts import filled

STATUS = {"active": "active", "planned": "inactive", "paused": "temporarily closed", "ended": "defunct"}
_TRANSLATED = ("name", "title", "description", "purpose", "how_to_apply", "alert", "for_whom")


def key_of(one: Shown) -> Key:
    return one.listed.node, one.listed.id


def id_of(one: Shown) -> str:
    return ids.of(key_of(one))


def organization(
    one: Shown,
    services: Sequence[Shown] = (),
    projects: Sequence[Shown] = (),
    grants: Sequence[Shown] = (),
    *,
    nested: bool = True,
) -> dict[str, Any]:
    """An organization; `nested` with what has many values. `services` are named in it, or whole with `full_service`;
    `projects` are those it leads, `grants` those it received."""
    id_, parent = id_of(one), one.target(one.record.get("parent"))
    mails, webs = one.reached("email"), one.websites
    value = {
        "id": id_,
        "name": one.name or one.entry,
        "alternate_name": one.words(one.record.get("short_name")) or _text(one, "acronym"),
        "email": mails[0] if mails else None,
        "website": webs[0] if webs else None,
        "year_incorporated": _year(one.record.get("founded")),
        "legal_status": _text(one, "legal_form"),
        "logo": _inner(one, "logo", "url"),
        "uri": one.page,
        "parent_organization_id": id_of(parent) if parent is not None else None,
        "jisr": provenance(one),
    }
    whole = filled(value) | {"description": one.description}
    if not nested:
        return whole
    return whole | filled(
        {
            "contacts": parts.contacts(one, one.record.get("contact_points"), id_),
            "phones": parts.phones(one, one.record.get("contact_points"), id_),
            "locations": [location(place) for place in one.places],
            "organization_identifiers": parts.identifiers(one, id_),
            "attributes": parts.attributes(one, id_, "organization"),
            "programs": [program(each) for each in projects],
            "funding": [funding(each, id_) for each in grants],
            "services": [service(each, nested=False) for each in services],
        }
    )


def program(one: Shown) -> dict[str, Any]:
    """A project, as what its services are a part of. Its budget, partners, period and outcomes have no place here."""
    id_, lead = id_of(one), one.target(one.record.get("lead"))
    value = {
        "id": id_,
        "organization_id": id_of(lead) if lead is not None else None,
        "name": one.name or one.entry,
        "attributes": parts.attributes(one, id_, "program"),
        "jisr": provenance(one),
    }
    return filled(value) | {"description": one.description}


def funding(one: Shown, recipient: str) -> dict[str, Any]:
    """A grant, as a source of funds of its recipient: HSDS has words for it alone, so `jisr` has the amount."""
    funder = one.record.get("funder")
    giver = one.target(funder.get("organization")) if isinstance(funder, Mapping) else None
    name = giver.name if giver is not None else one.words(_inner(one, "funder", "name"))
    amount = " ".join(filter(None, (str(_inner(one, "amount", part) or "") for part in ("amount", "currency"))))
    exact = {part: one.record.get(part) for part in ("amount", "awarded", "period")}
    return {
        "id": id_of(one),
        "organization_id": recipient,
        "source": ", ".join(filter(None, (name, one.name, amount))),
        "jisr": provenance(one) | filled(exact),
    }


def service(one: Shown, *, nested: bool = True, within: bool = True) -> dict[str, Any]:
    """A service; `within` with its organization and, `nested`, its places."""
    id_, host = id_of(one), one.organization
    webs, mails = one.websites, one.reached("email")
    value = {
        "id": id_,
        "organization_id": id_of(host) if host is not None else None,
        "program_id": id_of(one.project) if one.project is not None else None,
        "name": one.name or one.entry,
        "description": one.description,
        "url": webs[0] if webs else None,
        "email": mails[0] if mails else None,
        "status": STATUS.get(str(one.record.get("status")), "inactive"),
        "interpretation_services": ", ".join(texts(one.record.get("interpreting"))),
        "application_process": _application(one),
        "fees_description": one.words(_inner(one, "cost", "note")),
        "wait_time": _waiting(one),
        "accreditations": _accreditations(one),
        "eligibility_description": " ".join(
            filter(None, (one.words(one.record.get("for_whom")), one.words(_inner(one, "eligibility", "note"))))
        ),
        "minimum_age": _inner(one, "eligibility", "minimum_age"),
        "maximum_age": _inner(one, "eligibility", "maximum_age"),
        "assured_date": _inner(one, "assured", "at"),
        "alert": one.words(one.record.get("alert")),
        "last_modified": one.modified,
        "jisr": provenance(one),
    }  # fmt: skip
    whole = filled(value)
    if within and host is not None:
        whole["organization"] = organization(host, nested=False)
    if not nested:
        return whole
    held: dict[str, Any] = {
        "phones": parts.phones(one, one.record.get("contact_points"), id_),
        "contacts": parts.contacts(one, one.record.get("contact_points"), id_),
        "schedules": parts.schedules(one, one.record.get("schedule"), id_),
        "service_areas": parts.areas(one, id_),
        "languages": parts.languages(one.languages, id_),
        "cost_options": parts.costs(one, id_),
        "required_documents": parts.documents(one, id_),
        "attributes": parts.attributes(one, id_, "service"),
        "program": program(one.project) if one.project is not None else None,
    }
    if within:
        held["service_at_locations"] = services_at(one, named=False)
    return whole | filled(held)


def services_at(one: Shown, *, nested: bool = True, named: bool = True) -> list[dict[str, Any]]:
    """A service at each of its places that is public here; `named` with the service itself."""
    found = []
    said = {str(each.get("location")): each for each in objects(one.record.get("at")) if each.get("location")}
    marks = ids.places(_plain(one, reference) for reference in said)
    for reference, each in said.items():
        place = one.target(reference)
        if place is None or place.type != "location":
            continue
        id_ = ids.of(key_of(one), marks[_plain(one, reference)])
        value: dict[str, Any] = {
            "id": id_,
            "service_id": id_of(one),
            "location_id": id_of(place),
            "description": one.words(each.get("note")),
            "location": location(place, nested=nested),
        }
        if named:
            # the API description of HSDS 3.0 asks for the members of a service at this address
            value |= {"name": one.name or one.entry, "status": STATUS.get(str(one.record.get("status")), "inactive")}
            value["service"] = service(one, nested=nested, within=False) | {"organization": _host(one)}
            value["jisr"] = provenance(one)
        if nested:
            value["contacts"] = parts.contacts(one, each.get("contact"), id_)
            value["phones"] = parts.phones(one, each.get("contact"), id_)
            value["schedules"] = parts.schedules(one, each.get("schedule"), id_)
        found.append(filled({name: member for name, member in value.items() if member != {}}))
    return found


def location(place: Shown, *, nested: bool = True) -> dict[str, Any]:
    """A place. Of one that is hidden there is a name and no more, as its author wrote it."""
    id_, point = id_of(place), place.point
    value: dict[str, Any] = {
        "id": id_,
        "location_type": "physical",
        "name": place.name,
        "description": place.description,
        "transportation": place.words(place.record.get("transport")),
        "latitude": point[1] if point else None,
        "longitude": point[0] if point else None,
        "jisr": provenance(place) | {"privacy": place.record.get("privacy")},
    }
    if nested:
        value |= {
            "addresses": parts.addresses(place, id_),
            "accessibility": parts.accessibility(place, id_),
            "phones": parts.phones(place, place.record.get("contact_points"), id_),
            "schedules": parts.schedules(place, place.record.get("opening_hours"), id_),
            "attributes": parts.attributes(place, id_, "location"),
        }
    return filled(value)


def minimal(one: Shown) -> dict[str, Any]:
    """The least that is still valid: the standard's `minimal` asks for id and date alone, its schema for more."""
    value = {
        "id": id_of(one),
        "name": one.name or one.entry,
        "status": STATUS.get(str(one.record.get("status")), "inactive"),
    }
    return value | {"last_modified": one.modified}


def provenance(one: Shown) -> dict[str, Any]:
    """Where it came from, under which licence, and the texts in the languages that are not shown."""
    listed = one.listed
    texts_ = {}
    for name in _TRANSLATED:
        said = one.record.get(name)
        if isinstance(said, Mapping) and len(said) > 1:
            texts_[name] = {lang: {"value": each.get("value"), "origin": each.get("origin")}
                            for lang, each in said.items() if isinstance(each, Mapping)}  # fmt: skip
    chosen = one.text(one.record.get("name"))
    return filled(
        {
            "entry": one.entry,
            "page": one.page,
            "type": listed.type,
            "licence": one.licence,
            "author": one.author,
            "records": [f"{node}/{id_}" for node, id_, _ in listed.sources] or [f"{listed.node}/{listed.id}"],
            "digest": listed.digest,
            "received_at": _instant(listed.received_at),
            "via": list(listed.via),
            "modified": one.modified,
            "language": chosen.lang if chosen is not None else "",
            "origin": chosen.origin if chosen is not None else "",
            "translations": texts_ or None,
        }
    )


def _host(one: Shown) -> dict[str, Any]:
    host = one.organization
    return organization(host, nested=False) if host is not None else {}


def _plain(one: Shown, reference: str) -> str:
    """A reference written out, so that it is the same whoever says it."""
    return "/".join(meant(one.listed, reference)[0])


def _application(one: Shown) -> str:
    said = [one.words(one.record.get("how_to_apply")), one.words(_inner(one, "referral", "note"))]
    return " ".join(filter(None, said))


def _accreditations(one: Shown) -> str:
    names = (one.words(each.get("name")) for each in objects(one.record.get("accreditation")))
    return "; ".join(filter(None, names))


def _waiting(one: Shown) -> str:
    days = _inner(one, "waiting", "days")
    said = f"{days} days" if isinstance(days, int) else ""
    return " ".join(filter(None, (said, one.words(_inner(one, "waiting", "note")))))


def _inner(one: Shown, name: str, member: str) -> Any:
    value = one.record.get(name)
    return value.get(member) if isinstance(value, Mapping) else None


def _text(one: Shown, name: str) -> str:
    value = one.record.get(name)
    return value if isinstance(value, str) else ""


def _year(value: object) -> int | None:
    year = str(value)[:4]
    return int(year) if isinstance(value, str) and year.isascii() and year.isdigit() else None


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
