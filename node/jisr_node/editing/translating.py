"""The languages of a text side by side, and the state of each.

missing     there are no words in this language
machine     a machine's words that nobody has read
outdated    the author changed the text after these words were written
good        everything else

What a translation was written for is remembered as a digest of the author's words: when they change, it is outdated,
and when they change back, it is good again. Origin is never lost: a translator's words are `human`, words that were
the author's in that language stay the author's, and what is not changed keeps its origin.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..author import tidy
from .fields import Field, Holder, Words, put_words, words_in

MISSING, MACHINE, OUTDATED, GOOD = "missing", "machine", "outdated", "good"
Written = dict[str, dict[str, str]]
"""Member → language → digest of the author's words for which its words were written."""


@dataclass(frozen=True)
class Translation:
    """The words of one text in one language."""

    lang: str
    words: str
    origin: str
    state: str


def texts_of(fields: Iterable[Field]) -> list[Words]:
    """The texts among some fields."""
    return [field for field in fields if isinstance(field, Words)]


def translations(record: Mapping[str, Any], member: str, langs: Iterable[str], written: Written) -> list[Translation]:
    """A text in these languages and all others it has, the author's not among them."""
    text, source = record.get(member), str(record.get("lang", ""))
    held = text if isinstance(text, Mapping) else {}
    every = list(dict.fromkeys([*langs, *sorted(held)]))
    return [_translation(held, lang, source, written.get(member, {})) for lang in every if lang != source]


def _translation(text: Mapping[str, Any], lang: str, source: str, written: Mapping[str, str]) -> Translation:
    words = words_in(text, lang)
    entry = text.get(lang)
    origin = str(entry.get("origin", "")) if isinstance(entry, Mapping) else ""
    if not words:
        return Translation(lang, "", "", MISSING)
    if lang in written and written[lang] != digest(words_in(text, source)):
        return Translation(lang, words, origin, OUTDATED)
    return Translation(lang, words, origin, MACHINE if origin == "machine" else GOOD)


def digest(words: str) -> str:
    """What is remembered of the author's words."""
    return hashlib.sha256(tidy(words).encode()).hexdigest()[:16]


def translate(holder: Holder, member: str, lang: str, words: str, *, read: bool, written: Written) -> Written:
    """Write the words of one text in one language that is not the author's; with `read` a person says that words which
    are there already are right. Other languages and texts keep their words, origins and states."""
    text = holder.get(member)
    entry = text.get(lang) if isinstance(text, Mapping) else None
    origin = str(entry.get("origin", "")) if isinstance(entry, Mapping) else ""
    words, before = tidy(words).strip(), words_in(text, lang)
    if words == tidy(before).strip() and not (read and words):
        return written
    kept = origin if origin == "author" else "human"
    put_words(holder, member, lang, before if words == tidy(before).strip() else words, kept)
    mine = dict(written.get(member, {}))
    if words:
        mine[lang] = digest(words_in(text, str(holder.get("lang", ""))))
    else:
        mine.pop(lang, None)
    return {**written, member: mine}


def after_change(before: Mapping[str, Any], after: Mapping[str, Any], written: Written) -> Written:
    """What is remembered once the author's words changed: the others were written for what stood there before."""
    source = str(before.get("lang", ""))
    known = dict(written)
    for member, text in before.items():
        old, new = words_in(text, source), words_in(after.get(member), source)
        if not old or old == new or not isinstance(text, Mapping):
            continue
        others = {lang: digest(old) for lang in text if lang != source}
        known[member] = {**others, **known.get(member, {})}
    return known
