"""The place that a row describes: its address and point, or none of them where people hide."""

from __future__ import annotations

from typing import Any

from jisr_protocol.quality.names import SHELTERS

from .cells import TEXTS, Cells
from .making import Draft, named
from .problems import COULD_BE_BETTER
from .text import folded

ADDRESS = ("street", "locality", "region", "postal_code")


def place_of(cells: Cells, title: str, key: str) -> Draft | None:
    """The place that the address of a row describes; None where it has none."""
    given = [name for name in ("place", "latitude", "coordinates", *ADDRESS) if name in cells.said]
    if not given or cells.setting.kind == "project":
        return None
    record, places = described(cells)
    shown = () if record["privacy"] == "hidden" else ("place", "street", "locality")
    own = next((cells.texts(name) for name in shown if name in cells.said), None)
    names = own or cells.texts("name")
    record["name"] = {lang: {"value": text[:300], "origin": "author"} for lang, text in names.items()}
    column = cells.columns.first(given[0])
    places |= {"/name": column, **{f"/name/{lang}": column for lang in names}}
    record["lang"] = next(iter(names), cells.setting.lang)
    local_id = f"{key}/place" if cells.setting.kind == "organization" else named(_address_key(cells))
    owned = frozenset({"name", "addresses", "coordinates", "privacy"})
    return Draft("org.jisr.location/1", local_id, record, next(iter(names.values()), title), places, owned)


def described(cells: Cells) -> tuple[dict[str, Any], dict[str, int]]:
    """Address, point and privacy of the row's place, and from which columns they came. Where its words are those of a
    place where people hide, it has no address and no point, and that is said."""
    record: dict[str, Any] = {}
    places: dict[str, int] = {}
    address: dict[str, Any] = {"country": cells.country}
    for name in ("street", "locality"):
        for value, column in cells.said.get(name, []):
            for lang, text in value.items():
                address.setdefault(name, {})[lang] = {"value": text, "origin": "author"}
                places[f"/addresses/0/{name}"] = column.place
    for name in ("region", "postal_code"):
        if name in cells.said:
            value, column = cells.said[name][0]
            address[name] = cells.label(value) if name == "region" else value
            places[f"/addresses/0/{name}"] = column.place
    point, exact = _point(cells, places)
    record["privacy"] = "exact" if "street" in address or exact else "area"
    if _hides(cells):
        record["privacy"] = "hidden"
        return record, places
    if len(address) > 1:
        record["addresses"] = [address]
    if point:
        record["coordinates"] = point
    return record, places


def _address_key(cells: Cells) -> str:
    parts = [cells.country]
    for name in ("place", "street", "locality", "region"):
        parts.append(
            folded(" ".join(cells.texts(name).values())) if name in TEXTS else folded(str(cells.one(name) or ""))
        )
    parts.append(folded(str(cells.one("postal_code") or "")))
    if not any(parts[1:]):
        parts.append(f"{cells.one('latitude')} {cells.one('longitude')} {cells.one('coordinates')}")
    return "|".join(parts)


def hides(text: str) -> bool:
    """Whether the words are those of a place where people hide."""
    plain = text.casefold().replace("’", "'")
    return any(word.casefold() in plain for word in SHELTERS)


def _hides(cells: Cells) -> bool:
    """Whether the words of a row are those of a place where people hide: then its address is not taken."""
    for value, column in [one for listed in cells.said.values() for one in listed]:
        text = " ".join(value.values()) if isinstance(value, dict) else value if isinstance(value, str) else ""
        if hides(text):
            cells.problem(COULD_BE_BETTER, "hidden_place", column, came=text[:100])
            return True
    return False


def _point(cells: Cells, places: dict[str, int]) -> tuple[dict[str, str] | None, bool]:
    if "coordinates" in cells.said:
        (latitude, longitude), column = cells.said["coordinates"][0]
        at = (column.place, column.place)
    elif "latitude" in cells.said and "longitude" in cells.said:
        latitude, longitude = cells.one("latitude"), cells.one("longitude")
        at = (cells.columns.first("latitude"), cells.columns.first("longitude"))
    else:
        return None, False
    places["/coordinates/latitude"], places["/coordinates/longitude"] = at
    places["/coordinates"] = at[0]
    fine = min(len(one.partition(".")[2]) for one in (latitude, longitude)) >= 4
    point = {"latitude": latitude, "longitude": longitude, "precision": "exact" if fine else "locality"}
    return point, fine
