"""The small values everything is named by, one check each (docs/spec/identifiers.md).

Each check takes any value and returns what was expected if it does not fit, None if it does, so that shapes
(shapes.py) can name the place.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from datetime import UTC, datetime

from .limits import INTEGER_MAX
from .refusal import is_switched_off

_NODE = re.compile(r"jisr:[a-z2-7]{52}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_EPOCH = re.compile(r"([1-9][0-9]{0,8})-[a-z2-7]{8}")
_HEX = re.compile(r"[0-9a-f]{64}")
_B64_32 = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_SALT = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
_FEED = re.compile(r"[a-z][a-z0-9-]{0,31}")
_TYPE = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+/[1-9][0-9]{0,3}")
AUDIENCES = ("public", "partners", "hub", "local")
FEED_AUDIENCES = AUDIENCES[:3]


def node(value: object) -> str | None:
    """ID-1: `jisr:` and 52 letters or digits of base32, the SHA-256 of the first key statement."""
    ok = isinstance(value, str) and _NODE.fullmatch(value)
    return None if ok or is_switched_off("ID-1") else "an identifier: jisr: and 52 characters of a-z and 2-7"


def uuid(value: object) -> str | None:
    """ID-2: a record's id (RFC 9562), lowercase."""
    ok = isinstance(value, str) and _UUID.fullmatch(value)
    return None if ok or is_switched_off("ID-2") else "a UUID in lowercase"


def instant(value: object) -> str | None:
    """ID-3: an instant in UTC with seconds, one that exists in the calendar."""
    ok = isinstance(value, str) and len(value) == 20 and _is_instant(value)
    return None if ok or is_switched_off("ID-3") else "a UTC instant such as 2026-09-01T10:02:11Z"


@functools.lru_cache(4096)
def _is_instant(value: str) -> bool:
    """The entries of one batch carry few different ones."""
    if not _INSTANT.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def epoch(value: object) -> str | None:
    """ID-4: an ordered epoch: a number, a hyphen, eight random characters."""
    ok = isinstance(value, str) and _EPOCH.fullmatch(value)
    return None if ok or is_switched_off("ID-4") else "an epoch such as 3-k7x2m4qa"


def digest(value: object) -> str | None:
    """ID-5: SHA-256 in lowercase hexadecimal."""
    ok = isinstance(value, str) and _HEX.fullmatch(value)
    return None if ok or is_switched_off("ID-5") else "64 lowercase hexadecimal digits"


def kid(value: object) -> str | None:
    """ID-6: an RFC 7638 thumbprint in strict base64url (no padding, no stray bits)."""
    ok = isinstance(value, str) and _B64_32.fullmatch(value)
    return None if ok or is_switched_off("ID-6") else "a key thumbprint: 43 characters of base64url"


def salt(value: object) -> str | None:
    """ID-7: 128 random bits in strict base64url."""
    ok = isinstance(value, str) and _SALT.fullmatch(value)
    return None if ok or is_switched_off("ID-7") else "128 bits as 22 characters of base64url"


def feed_name(value: object) -> str | None:
    """ID-9: the name of a feed among those of its owner."""
    ok = isinstance(value, str) and _FEED.fullmatch(value)
    return None if ok or is_switched_off("ID-9") else "a feed name of lowercase letters, digits and hyphens"


_PUT = re.compile(
    f"(?:{'|'.join(AUDIENCES)})\n{_UUID.pattern}\n{_NODE.pattern}\n{_SALT.pattern}\n(?=[^\n]{{1,120}}$){_TYPE.pattern}"
)


def named_well(audience: object, id: object, node: object, salt: object, type: object) -> bool:
    """Whether what every record is named by keeps ID-1, ID-2, ID-7, ID-8 and ID-11, told in one look.

    Each pattern takes only text without a line feed, and the JSON forms of other kinds of values fit none of them.
    """
    return _PUT.fullmatch(f"{audience}\n{id}\n{node}\n{salt}\n{type}") is not None


def type_name(value: object) -> str | None:
    """ID-8: a dotted name and a major version."""
    ok = isinstance(value, str) and len(value) <= 120 and _TYPE.fullmatch(value)
    return None if ok or is_switched_off("ID-8") else "a type such as org.jisr.service/1"


def audience(value: object) -> str | None:
    """ID-11: who may see a record."""
    return None if value in AUDIENCES or is_switched_off("ID-11") else "one of " + ", ".join(AUDIENCES)


def count(value: object) -> str | None:
    """ID-10: a number of entries or records, or a position."""
    ok = type(value) is int and 0 <= value <= INTEGER_MAX
    return None if ok or is_switched_off("ID-10") else "a whole number from 0 to 2^53−1"


def rev(value: object) -> str | None:
    """ID-10: the number of a version of a record, from 1."""
    ok = type(value) is int and 1 <= value <= INTEGER_MAX
    return None if ok or is_switched_off("ID-10") else "a whole number from 1 to 2^53−1"


def text(value: object) -> str | None:
    return None if isinstance(value, str) and value else "text that is not empty"


def epoch_number(value: str) -> int:
    """The number by which epochs are ordered; `value` has been checked."""
    return int(value.partition("-")[0])


def identifier_of(first_statement: bytes) -> str:
    """The identifier that follows from the canonical bytes of a first key statement (ID-1)."""
    hashed = hashlib.sha256(b"jisr-id-1\x00" + first_statement).digest()
    return "jisr:" + base64.b32encode(hashed).decode().rstrip("=").lower()


def to_instant(moment: datetime) -> str:
    """Write an aware datetime as ID-3, cut to seconds."""
    return f"{moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def from_instant(value: str) -> datetime:
    """Read a checked ID-3 instant as an aware datetime."""
    return datetime.fromisoformat(value)


def new_epoch(number: int, random_bytes: bytes) -> str:
    """Name an epoch from its number and at least five random bytes."""
    return f"{number}-{base64.b32encode(random_bytes[:5]).decode().lower()}"


def new_salt(random_bytes: bytes) -> str:
    """Write 16 random bytes as ID-7."""
    return base64.urlsafe_b64encode(random_bytes[:16]).decode().rstrip("=")
