"""Links in letters: a word of 256 random bits, of which only the hash is kept.

Whoever has the word may do what the link is for, and nothing else. Mail programs look at links by themselves, so
looking shows a page with a button, and only the button does something.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from .letters import Link, Postbox

STOP, STILL = "stop", "still"
STILL_DAYS = 60
WORD_CHARACTERS = 43
_DAY = 86_400


async def make(
    box: Postbox,
    random_bytes: Callable[[int], bytes],
    purpose: str,
    address: str,
    about: Mapping[str, Any],
    expires: int = 0,
) -> str:
    """The word of a new link."""
    word = base64.urlsafe_b64encode(random_bytes(32)).decode().rstrip("=")
    await box.keep_link(Link(hashed(word), purpose, address, about, expires))
    return word


async def find(box: Postbox, purpose: str, word: str, now: int) -> Link | None:
    """What a word leads to, if it is one for this purpose."""
    if len(word) != WORD_CHARACTERS or not word.isascii():
        return None
    link = await box.link(hashed(word), now)
    return link if link is not None and link.purpose == purpose else None


def hashed(word: str) -> str:
    return hashlib.sha256(word.encode("ascii")).hexdigest()


def still_until(now: int) -> int:
    """Until when somebody may answer."""
    return now + STILL_DAYS * _DAY
