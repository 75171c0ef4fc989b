"""Human text of a record in the reader's language, never more certain than it is.

A localised text is `{"ar": {"value": "…", "origin": "author"}, "fr": {"value": "…", "origin": "human"}}`. The
reader gets their own language; where it is missing, the author's; where that is not known or missing too, what the
author wrote before what others translated, and a machine last. The choice keeps the language of the words and who made
them, so that a page can mark both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .language import primary

# The shape of a BCP 47 tag (RFC 5646 §2.1), enough to put it into a `lang` attribute.
_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,6}")

_ORIGINS = ("author", "human", "machine")
"""Who may have made words, the nearest to the author first; whoever is not told is a machine."""


@dataclass(frozen=True)
class Text:
    """Words of a record: `lang` is their own language ("" when unknown), `origin` author, human or machine."""

    value: str
    lang: str = ""
    origin: str = "author"

    @property
    def by_machine(self) -> bool:
        """Say whether a machine translated these words."""
        return self.origin == "machine"


def is_localised(value: object) -> bool:
    """Say whether a value has the shape of a localised text with at least one language."""
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(tag, str) and _TAG.fullmatch(tag) for tag in value)
        and all(isinstance(entry, Mapping) and isinstance(entry.get("value"), str) for entry in value.values())
    )


def choose(value: object, reader: str, author: object = "") -> Text | None:
    """Choose the words for a reader from a localised text or a plain string; None when there are none.

    `reader` is an interface language code, `author` the language the record's author wrote in.
    """
    if isinstance(value, str):
        return Text(value, _tag(author)) if value.strip() else None
    if not isinstance(value, Mapping) or not is_localised(value):
        return None
    filled = {
        tag: Text(entry["value"], tag, origin if (origin := entry.get("origin")) in _ORIGINS else _ORIGINS[-1])
        for tag, entry in value.items()
        if entry["value"].strip()
    }
    tag = _closest(filled, reader) or _closest(filled, _tag(author))
    if tag is not None:
        return filled[tag]
    return min(filled.values(), key=lambda text: (_ORIGINS.index(text.origin), text.lang), default=None)


def _tag(value: object) -> str:
    return value if isinstance(value, str) and _TAG.fullmatch(value) else ""


def _closest(tags: Mapping[str, object], wanted: str) -> str | None:
    """Find the tag itself, else the first in order that shares its primary subtag."""
    if wanted in tags:
        return wanted
    return min((tag for tag in tags if wanted and primary(tag) == primary(wanted)), default=None)
