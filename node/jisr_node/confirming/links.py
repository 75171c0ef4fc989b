"""A link that opens one page for some days, without signing in: confirming what is public, and nothing else.

The link is its last day and a keyed hash of purpose and day; nothing is stored. It names no record, and the page behind
it changes nothing before somebody presses its button: programs that read mail open links by themselves.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256

DAYS = 14
_FORM = re.compile(r"([0-9]{1,12})-([A-Za-z0-9_-]{32})")
_PURPOSE = b"jisr still correct 1 "


def write(secret: bytes, expires: datetime) -> str:
    """The link's last part: `<second>-<hash>`."""
    second = int(expires.timestamp())
    return f"{second}-{_hash(secret, second)}"


def holds(secret: bytes, link: str, now: datetime) -> bool:
    """Whether a link is ours and not expired. Never raises."""
    found = _FORM.fullmatch(link)
    if found is None:
        return False
    second = int(found[1])
    return hmac.compare_digest(found[2], _hash(secret, second)) and now.astimezone(UTC).timestamp() < second


def _hash(secret: bytes, second: int) -> str:
    return urlsafe_b64encode(hmac.digest(secret, _PURPOSE + str(second).encode(), sha256)[:24]).decode()
