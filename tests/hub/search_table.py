"""Twenty records of two shores, what people type, and what they find: the same over every database, in this order."""

from __future__ import annotations

from typing import Any

from tests.hub.author import record_id
from tests.hub.search_world import place, said

_TAXONOMY = {
    "type": "taxonomy",
    "name": said(fr="Mots"),
    "scheme": "shores",
    "version": "1",
    "concepts": [
        {"code": "women", "label": said(fr="Femmes", ar="النساء", nl="Vrouwen", tr="Kadınlar")},
        {"code": "debt", "label": said(fr="Dettes", ar="الديون", nl="Schulden", da="Gæld")},
    ],
}


def _term(code: str, role: str = "focus") -> list[dict[str, str]]:
    return [{"scheme": "shores", "code": code, "role": role}]


def _at(label: str) -> list[dict[str, str]]:
    return [{"location": record_id(label)}]


_TANGIER = {"addresses": [{"kind": "physical", "locality": said(ar="طنجة", fr="Tanger", nl="Tanger"), "country": "MA"}]}
_ENSCHEDE = {"addresses": [{"kind": "physical", "locality": said(nl="Enschede", ar="إنسخديه"), "country": "NL"}]}
_EVENT = {
    "type": "event",
    "event_status": "scheduled",
    "organizer": record_id("nour"),
    "start": "2026-10-01T18:00",
    "timezone": "Europe/Brussels",
}
_OPEN = {"organization": record_id("nour"), "review_by": "2027-05-31"}

RECORDS: dict[str, dict[str, Any]] = {
    "words": _TAXONOMY,
    "tanger": place("35.7767", "-5.8039", name=said(ar="دار الجسر", fr="Maison du Pont"), **_TANGIER),
    "enschede": place("52.2215", "6.8937", name=said(nl="Huis van Verhalen"), **_ENSCHEDE),
    "nour": {"type": "organization", "name": said(ar="جمعيّة النُّور", fr="Association Ennour")},
    "amal": {"type": "organization", "name": said(ar="جمعية الأمل", fr="Association El Amal", zgh="ⵜⴰⵎⵙⵎⵓⵏⵜ ⵓⵙⵉⵔⵎ")},
    "school": {
        "name": said(ar="دعم مدرسي بعد الدوام", fr="Soutien scolaire après l'école"),
        "at": _at("tanger"),
        "languages": ["ar", "fr"],
        "cost": {"free": True},
    },
    "mothers": {
        "name": said(ar="والأمهات: دروس محو الأمية", fr="Alphabétisation des mères"),
        "terms": _term("women"),
        "at": _at("tanger"),
        "languages": ["ar"],
    },
    "taal": {
        "name": said(nl="Taalles voor vrouwen", tr="Kadınlar için dil kursu"),
        "at": _at("enschede"),
        "languages": ["nl", "tr"],
    },
    "buddy": {"name": said(nl="Maatje voor nieuwkomers", en="Buddy for newcomers"), "at": _at("enschede")},
    "debt": {
        "name": said(nl="Schuldhulpverlening", tr="Borç danışmanlığı"),
        "description": said(nl="Vrijwilligers gaan mee naar de gemeente."),
        "terms": _term("debt"),
    },
    "gaeld": {"name": said(da="Gældsrådgivning på Ærø"), "description": said(da="Frivillige hjælper med breve.")},
    "ninos": {"name": said(es="Niños y niñas: apoyo escolar"), "languages": ["es"]},
    "refuge": {"name": said(es="Información para mujeres", fr="Information pour femmes"), "delivery": ["remote"]},
    "istanbul": {"name": said(tr="Iğdır'dan İstanbul'a dayanışma")},
    "tafukt": {"name": said(zgh="ⵜⴰⴼⵓⴽⵜ", fr="Tafukt, maison du soleil")},
    "law": {"name": said(en="Legal advice for migrants"), "description": said(en="Free of charge, on Mondays.")},
    "choir": {**_EVENT, "name": said(fr="Chœur œcuménique", en="Choir")},
    "library": {"name": said(ar="مكتبة للأطفال", fr="Bibliothèque pour enfants"), "at": _at("tanger")},
    "work": {**_OPEN, "type": "opportunity", "name": said(nl="Vrijwilliger bij het taalcafé")},
    "roof": {**_OPEN, "type": "need", "kind": "material", "name": said(fr="Un toit pour l'association Ennour")},
}

Pairs = tuple[tuple[str, str], ...]

_SERVICE = ("type", "service")


def _q(words: str, *more: tuple[str, str]) -> Pairs:
    return (("q", words), *more)


TABLE: list[tuple[str, Pairs, list[str]]] = [
    # Arabic: marks, the article, what is written in one with it, letters that people write for one another
    ("marks are left out", _q("جمعية النور"), ["nour", "roof", "work", "choir"]),
    ("the article may be missing", _q("نور"), ["nour", "roof", "work", "choir"]),
    ("prefixes stand before the article", _q("الأمهات"), ["mothers"]),
    ("and before what has none", _q("بالأمية"), ["mothers"]),
    ("one letter for another", _q("جمعيه الامل"), ["amal"]),
    ("lil-", _q("الأطفال"), ["library"]),
    (
        "a place in its own script",
        (("near", "طنجة"), ("within", "5"), ("type", "service")),
        ["school", "library", "mothers"],
    ),
    # French and Spanish: accents, elisions, ligatures
    ("accents are left out", _q("ecole"), ["school"]),
    ("capitals and accents", _q("BIBLIOTHÈQUE"), ["library"]),
    ("an elision is a word of its own", _q("l'association"), ["roof", "nour", "amal", "work", "choir"]),
    ("a mistake in a ligature that came apart", _q("coeur"), ["choir"]),
    ("ligatures come apart", _q("choeur"), ["choir"]),
    ("n with a tilde", _q("ninos"), ["ninos"]),
    ("words between others are left out", _q("information pour les femmes"), ["refuge"]),
    # Dutch, Danish, English
    ("the beginning of a compound", _q("schuldhulp"), ["debt"]),
    ("letters of Danish", _q("gaeldsraadgivning"), ["gaeld"]),
    ("as Danes write it", _q("gældsrådgivning ærø"), ["gaeld"]),
    ("a name before a description", _q("vrijwilliger"), ["work", "debt"]),
    ("a plural of it", _q("vrijwilligers"), ["debt"]),
    ("two letters that changed places", _q("nieuwkomres"), ["buddy"]),
    ("a letter too many", _q("newcommers"), ["buddy"]),
    # Turkish: dotted and dotless, cedillas
    ("a capital I with a dot", _q("istanbul"), ["istanbul"]),
    ("a dotless i", _q("igdir"), ["istanbul"]),
    ("c with a cedilla", _q("borc danismanligi"), ["debt"]),
    # Tifinagh, and from one script to another
    ("Tifinagh", _q("ⵜⴰⴼⵓⴽⵜ"), ["tafukt"]),
    ("the beginning of a word in Tifinagh", _q("ⵜⴰⵎⵙ"), ["amal"]),
    ("a term by its Turkish label", _q("kadınlar", ("lang_spoken", "ar")), ["mothers"]),
    ("a term by its Danish label", _q("gæld"), ["gaeld", "words", "debt"]),
    # Facets and words together
    ("a language that is spoken", (("lang_spoken", "tr"),), ["taal"]),
    ("from afar", _q("femmes", ("remote", "yes")), ["refuge"]),
    ("free", (("cost", "free"),), ["school"]),
    ("near a named place, nearest first", _q("voor", ("near", "Enschede"), ("within", "10")), ["taal", "buddy"]),
]
