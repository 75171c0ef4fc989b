"""Exact keys: what two records of one thing share letter by letter, once it is written in one way.

A key is `kind:value`, such as `phone:+212539123456`, `mail:info@amal.example`, `domain:amal.example`,
`page:facebook.com/amal` or `identifier:NL-KVK:12345678`.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import phonenumbers

_MAIL_FOR_ALL = (
    "gmail googlemail hotmail outlook live msn yahoo ymail icloud aol gmx protonmail proton mailo tutanota zoho"
)
"""Free mail providers by the first part of their domain: they write it under many countries."""
_DOMAINS_FOR_ALL = (
    "me.com mac.com mail.com mail.ru yandex.com yandex.ru menara.ma iam.ma orange.fr wanadoo.fr free.fr sfr.fr "
    "laposte.net bbox.fr neuf.fr club-internet.fr ziggo.nl kpnmail.nl planet.nl hetnet.nl home.nl xs4all.nl "
    "casema.nl telenet.be skynet.be proximus.be scarlet.be telefonica.net terra.es ono.com mail.dk jubii.dk "
    "stofanet.dk mynet.com ttmail.com turk.net superonline.com onatel.bi cbinf.com usan-bu.net orange.jo"
)
_SITES_FOR_ALL = (
    "facebook.com fb.com instagram.com twitter.com x.com linkedin.com youtube.com youtu.be tiktok.com wa.me t.me "
    "telegram.me whatsapp.com linktr.ee sites.google.com docs.google.com forms.gle google.com bit.ly goo.gl "
    "wordpress.com blogspot.com wixsite.com weebly.com helloasso.com eventbrite.com"
)
_SHARED_MAIL = frozenset(_MAIL_FOR_ALL.split())
_SHARED_DOMAINS = frozenset(_DOMAINS_FOR_ALL.split())
_SHARED_SITES = frozenset(_SITES_FOR_ALL.split())
"""Sites where everybody has a page: the page is a key, the site is none."""
_ALIASES = {"fb.com": "facebook.com", "twitter.com": "x.com"}
_FRONT = re.compile(r"^(?:www\d?|m|mobile|web|[a-z]{2}-[a-z]{2})\.(?=.+\.)")
_INDEX = re.compile(r"/(?:index|default|home)\.\w{2,5}$")


def phone(written: str, country: str | None = None) -> str | None:
    """Give a phone number in E.164; None where it is none. `country` (ISO 3166-1) reads one without its prefix."""
    try:
        number = phonenumbers.parse(written[:40], country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mail(written: str) -> list[str]:
    """The keys of a mail address: itself, and its domain where that belongs to one organization."""
    local, at, domain = written[:254].strip().casefold().rpartition("@")
    domain = domain.strip(".")
    if not (local and at and domain):
        return []
    found = [f"mail:{local}@{domain}"]
    if domain.split(".")[0] not in _SHARED_MAIL and domain not in _SHARED_DOMAINS:
        found.append(f"domain:{domain}")
    return found


def web(written: str) -> list[str]:
    """The keys of a web address: its page, and its site where that belongs to one organization."""
    try:
        parts = urlsplit(written[:1000].strip())
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return []
    if "." not in host:
        return []
    host = _FRONT.sub("", host)
    host = _ALIASES.get(host, host)
    path = _INDEX.sub("", parts.path).rstrip("/").casefold()
    shared = any(host == site or host.endswith(f".{site}") for site in _SHARED_SITES)
    if shared and path == "/profile.php":
        path += f"?{parts.query.casefold()}"
    if not path:
        return [f"domain:{host}"] if host not in _SHARED_SITES else []
    return [f"page:{host}{path}"] if host in _SHARED_SITES else [f"page:{host}{path}", f"domain:{host}"]


def identifier(scheme: str, value: str) -> str | None:
    """The key of a number of a register: the scheme, and the value without its spaces and points."""
    plain = re.sub(r"[^0-9A-Z]", "", value.upper())
    return f"identifier:{scheme.upper()}:{plain}" if plain else None


def keys_of(record: dict[str, Any], country: str | None) -> tuple[str, ...]:
    """All keys of a record of any type, each once, in order. What has not the form of the schema gives none."""
    found: list[str | None] = []
    for point in _objects(record, "contact_points"):
        if isinstance(number := point.get("phone"), str):
            e164 = phone(number, country)
            found.append(f"phone:{e164}" if e164 else None)
        if isinstance(address := point.get("email"), str):
            found += mail(address)
        if isinstance(url := point.get("url"), str):
            found += web(url)
    sites = record.get("websites")
    for url in [*(sites[:10] if isinstance(sites, list) else []), record.get("url"), record.get("apply_url")]:
        if isinstance(url, str):
            found += web(url)
    for given in _objects(record, "identifiers"):
        if isinstance(scheme := given.get("scheme"), str) and isinstance(value := given.get("value"), str):
            found.append(identifier(scheme, value))
    return tuple(dict.fromkeys(key for key in found if key))


def _objects(record: dict[str, Any], member: str) -> list[dict[str, Any]]:
    value = record.get(member)
    return [each for each in value[:20] if isinstance(each, dict)] if isinstance(value, list) else []
