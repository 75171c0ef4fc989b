"""Texts in two languages with the origin of their words, and the count of what did not become part of a draft."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

from rows import LABEL_MAX_CHARACTERS, Answer

ARABIC = re.compile(r"[\u0600-\u06ff]")
# a word in small Latin letters inside Arabic text; acronyms in capitals are part of good Arabic
REPLACED = re.compile(r"[a-z]{2}")

Text = dict[str, dict[str, str]]


class Tally:
    """What was not mapped, by (field, reason, value), and how the times and the Arabic texts fared."""

    def __init__(self) -> None:
        self.unmapped: Counter[tuple[str, str, str]] = Counter()
        self.opening: Counter[str] = Counter()
        self.closing: Counter[str] = Counter()
        self.arabic: Counter[str] = Counter()
        self.shortened_coordinates = 0

    def leave(self, field: str, reason: str, value: str) -> None:
        self.unmapped[field, reason, value] += 1


def slug(value: str, most: int = 60) -> str:
    """Return small Latin letters, digits and hyphens; a long value ends in six digits of its hash."""
    short = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")
    if len(short) <= most and short:
        return short
    return f"{short[: most - 7].strip('-')}-{hashlib.sha256(value.encode()).hexdigest()[:6]}".strip("-")


def label(ar_field: str, answer: Answer, tally: Tally) -> Text:
    """Return the text in the languages the source has it in; what the Arabic half lacks or spoils is counted."""
    text = {"en": {"value": answer.en, "origin": "author"}}
    if answer.ar is None or answer.ar == answer.en:
        tally.arabic["absent" if answer.ar is None else "same as the English"] += 1
    elif not ARABIC.search(answer.ar):
        tally.leave(ar_field, "no Arabic letters in it", answer.ar)
    elif len(answer.ar) > LABEL_MAX_CHARACTERS:
        tally.leave(ar_field, f"longer than {LABEL_MAX_CHARACTERS} characters", answer.ar)
    else:
        origin = "machine" if REPLACED.search(answer.ar) else "author"
        tally.arabic[origin] += 1
        text["ar"] = {"value": answer.ar, "origin": origin}
    return text


def joined(texts: list[Text], between: str = "; ") -> Text:
    """Join answers to one question; a language is there only if every answer has it, since half a list misleads."""
    langs = [lang for lang in ("en", "ar") if texts and all(lang in text for text in texts)]
    return {lang: one_text([text[lang] for text in texts], lang, between) for lang in langs}


def together(parts: list[Text]) -> Text:
    """Put whole answers to several questions one after the other, in each language those that it has."""
    found: Text = {}
    for lang in ("en", "ar"):
        if present := [part[lang] for part in parts if lang in part]:
            found[lang] = one_text(present, lang, ". ")
    return found


def one_text(parts: list[dict[str, str]], lang: str, between: str) -> dict[str, str]:
    mark = between.replace(";", "؛") if lang == "ar" else between
    origin = "machine" if any(part["origin"] == "machine" for part in parts) else "author"
    return {"value": mark.join(part["value"] for part in parts), "origin": origin}
