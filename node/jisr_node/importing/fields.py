"""The fields that a row of each kind of record can fill."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_ALL = "id name description status email phone website focus target_group area review_by assured"
_PLACE = "place street locality region postal_code country latitude longitude coordinates"
_HOURS = "opening_hours days opens closes"

KINDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        kind: frozenset(f"{_ALL} {more} person wrong".split())
        for kind, more in {
            "organization": f"{_PLACE} {_HOURS} short_name acronym languages founded size register",
            "service": f"{_PLACE} {_HOURS} organization languages for_whom cost how_to_apply apply_url minimum_age"
            " maximum_age start end waiting_days referral_required",
            "opportunity": f"{_PLACE} {_HOURS} organization how_to_apply apply_url minimum_age deadline places",
            "event": f"{_PLACE} {_HOURS} organization languages for_whom cost start end places",
            "project": "organization start end country",
            "need": f"{_PLACE} organization need_kind deadline for_whom",
            "offer": f"{_PLACE} organization need_kind start end",
            "location": f"{_PLACE} {_HOURS}",
        }.items()
    }
)
"""Kind of record → its fields."""

ORGANIZATION: Mapping[str, str] = MappingProxyType(
    {
        "service": "organization",
        "opportunity": "organization",
        "need": "organization",
        "offer": "organization",
        "event": "organizer",
        "project": "lead",
    }
)
"""The member of a kind of record that says whose it is."""

REQUIRED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(KINDS, ("name",)),
        "need": ("name", "need_kind"),
        "offer": ("name", "need_kind"),
    }
)
"""What a row cannot do without; an event needs its start or its hours too."""

_TELLS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "event": ("event", "evenement", "agenda", "begivenhed", "etkinlik", "evento", "فعالي"),
        "opportunity": ("vacanc", "volunteer", "vrijwillig", "bénévol", "voluntari", "frivillig", "gönüllü", "تطوع"),
        "need": ("need", "behoef", "besoin", "necesidad", "behov", "ihtiyaç", "حاج"),
        "offer": ("offer", "aanbod goederen", "offre", "oferta", "teklif", "عرض"),
        "project": ("project", "projet", "proyecto", "projekt", "proje", "مشروع", "مشاريع"),
        "location": ("location", "place", "locatie", "lieux", "lugares", "steder", "yerler", "أماكن"),
        "service": ("service", "dienst", "servicio", "tilbud", "hizmet", "خدم", "activity", "activit", "actividad"),
        "organization": ("organi", "association", "ngo", "ong", "verenig", "asocia", "dernek", "جمعي", "منظم"),
    }
)  # fmt: skip


def kind_of(fields: frozenset[str], words: str) -> str:
    """The kind of record that a table's rows are, by its columns and by the words of its names and headings."""
    from .text import folded

    if "need_kind" in fields:
        return "offer" if any(folded(tell) in words for tell in _TELLS["offer"]) else "need"
    if "deadline" in fields and "places" in fields:
        return "opportunity"
    told = [kind for kind, tells in _TELLS.items() if any(folded(tell) in words for tell in tells)]
    if "organization" not in fields:
        told = [kind for kind in told if kind in ("organization", "location", "event")]
        return told[0] if told and fields & {"organization", "place", "start"} else "organization"
    told = [kind for kind in told if kind not in ("organization", "location", "need", "offer")]
    return told[0] if told else "service"
