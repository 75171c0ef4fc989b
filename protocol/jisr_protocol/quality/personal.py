"""What in a public record tells of a person, or where somebody hides: hints with a consequence, never a refusal.

    person.mail     a contact point's mail address is that of a person, not of a role
    person.phone    a mobile number, for a role that one person has
    person.name     a contact point is called after a person
    person.text     mail address or mobile number of a person within a text
    place.shelter   a place where people hide is shown exactly
    place.text      the street of a place whose `privacy` says hidden stands in a text

Looks only at what is public: what partners or the hub alone see is shown to them on purpose. Words cannot be sure of
persons; what is said here is "look", and a person decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..canonical import escape
from .findings import COULD_BE_BETTER, Finding, found
from .names import CONTACT_ROLES, GIVEN, ROLES, SHELTER_KINDS, SHELTERS, TITLES, folded, is_mobile

CODES = ("person.mail", "person.phone", "person.name", "person.text", "place.shelter", "place.text")
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{1,190}[A-Za-z]")
_PHONE = re.compile(r"(?:\+|00)?[0-9][0-9 ().-]{7,18}[0-9]")
_NUMBERED = re.compile(r"(?:\+|00)[1-9][0-9]{7,14}|0[67][0-9]{8}|05[0-9]{9}")
"""A number with its country; or one as people in Morocco, France, the Netherlands and Turkey write their mobile."""
_STREET = re.compile(
    r"\b(?:rue|avenue|boulevard|straat|laan|calle|avenida|gade|vej|sokak|cadde(?:si)?|street|road)\b[^\n]{0,40}?[0-9]{1,4}"
    r"|[0-9]{1,4}[^\n]{0,20}?\b(?:rue|avenue|boulevard|street|road)\b|شارع|زنقة",
    re.IGNORECASE,
)
_SHORTEST_NAME = 3


def look(record: Mapping[str, Any]) -> list[Finding]:
    """Every hint about a record, in the order of their places; none for a record that is not public."""
    if record.get("audience") != "public":
        return []
    type_name = str(record.get("type", ""))
    own = _own_words(record)
    return [
        found(code, COULD_BE_BETTER, pointer, type_name, came=came)
        for code, pointer, came in (*_contacts(record, own), *_texts(record, own), *_places(record))
    ]


def is_persons_mail(address: str, own: frozenset[str] = frozenset()) -> bool:
    """Whether a mail address looks like that of a person: a frequent given name, an initial and a name, or two names.

    `own` are folded words of the organization's name, which many addresses are made of.
    """
    local, _, domain = folded(address).partition("@")
    local = local.partition("+")[0]
    parts = [part for part in re.split(r"[._-]|[0-9]+", local) if part]
    house = own | frozenset(re.split(r"[.-]", domain))
    if not parts or local in house or any(part in ROLES or part in house for part in parts):
        return False
    if any(part in GIVEN for part in parts):
        return True
    names = [part for part in parts if len(part) >= _SHORTEST_NAME]
    initial = len(parts) == 2 and len(parts[0]) == 1 and len(names) == 1
    return local.isascii() and re.search(r"[._]", local) is not None and (initial or (len(names) == len(parts) == 2))


def texts(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """(JSON pointer, text) of every localised text in a record."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            below = f"{pointer}/{escape(str(name))}"
            if name == "value" and isinstance(member, str) and "origin" in value:
                yield below, member
            else:
                yield from texts(member, below)
    elif isinstance(value, list):
        for place, member in enumerate(value):
            yield from texts(member, f"{pointer}/{place}")


def _contacts(value: Any, own: frozenset[str], pointer: str = "") -> Iterator[tuple[str, str, str]]:
    """Contact points wherever they stand: whatever has a role and a way to be reached."""
    if isinstance(value, list):
        for place, member in enumerate(value):
            yield from _contacts(member, own, f"{pointer}/{place}")
        return
    if not isinstance(value, Mapping):
        return
    if isinstance(value.get("role"), str) and not value.keys().isdisjoint(("email", "phone", "label", "url")):
        yield from _contact(value, own, pointer)
    for name, member in value.items():
        yield from _contacts(member, own, f"{pointer}/{escape(str(name))}")


def _contact(point: Mapping[str, Any], own: frozenset[str], pointer: str) -> Iterator[tuple[str, str, str]]:
    mail, phone = point.get("email"), point.get("phone")
    if isinstance(mail, str) and is_persons_mail(mail, own):
        yield "person.mail", f"{pointer}/email", mail
    if isinstance(phone, str) and is_mobile(phone) and point["role"] not in CONTACT_ROLES:
        yield "person.phone", f"{pointer}/phone", phone
    if "scheme" in point:  # a term has a role and a label too, and is called after no one
        return
    for below, text in texts(point.get("label"), f"{pointer}/label"):
        if _names_a_person(text):
            yield "person.name", below, text


def _names_a_person(text: str) -> bool:
    words = text.split()
    if words and words[0].casefold() in TITLES and len(words) > 1:
        return True
    if any(folded(word) in ROLES for word in words):
        return False
    return 2 <= len(words) <= 3 and folded(words[0]) in GIVEN and all(word[:1].isupper() for word in words)


def _texts(record: Mapping[str, Any], own: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    hidden = record.get("privacy") == "hidden"
    for pointer, text in texts(record):
        for mail in _MAIL.findall(text):
            if is_persons_mail(mail, own):
                yield "person.text", pointer, mail
        for said in _PHONE.findall(text):
            number = re.sub(r"[ ().-]", "", said)
            if _NUMBERED.fullmatch(number) and (number.startswith("0") or is_mobile(number)):
                if number.startswith("00") and not is_mobile(f"+{number[2:]}"):
                    continue
                yield "person.text", pointer, said
        if hidden and (street := _STREET.search(text)):
            yield "place.text", pointer, street[0]


def _places(record: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """A shelter of which anybody can read the street or the point."""
    if record.get("privacy") != "exact" or not (record.get("addresses") or record.get("coordinates")):
        return
    if str(record.get("kind")) in SHELTER_KINDS:
        yield "place.shelter", "/privacy", str(record["kind"])
        return
    said = next((word for _, text in texts(record) if (word := _shelter_in(text))), None)
    if said is not None:
        yield "place.shelter", "/privacy", said


def _shelter_in(text: str) -> str | None:
    plain = text.casefold().replace("’", "'")
    return next((word for word in SHELTERS if word.casefold() in plain), None)


def _own_words(record: Mapping[str, Any]) -> frozenset[str]:
    """The folded words of a record's name, and what they are shortened to."""
    words: set[str] = set()
    for name in ("name", "short_name", "alternate_names"):
        for _, text in texts(record.get(name)):
            parts = [part for part in re.split(r"[^\w]+", folded(text)) if part]
            words.update(parts)
            words.add("".join(parts))
            words.add("".join(part[0] for part in parts))
    acronym = record.get("acronym")
    # a given name in the name of a foundation is still a person's in an address of two words
    return frozenset(words | ({folded(acronym)} if isinstance(acronym, str) else set()))
