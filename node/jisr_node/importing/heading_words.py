"""The one table of headings, heading_words.txt: what people in eight languages write above a column.

The first word of a language is the name of the field in that language, shown in lists; the others are only understood.
They are compared folded, see text.folded; no word stands for two fields. language_words.txt says what languages are
called, for headings such as "Nom (arabe)" and cells that list languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from .text import folded

_HERE = Path(__file__).parent


@cache
def headings() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Field → language → its words, the name first."""
    found: dict[str, Mapping[str, tuple[str, ...]]] = {}
    for block in (_HERE / "heading_words.txt").read_text("utf-8").strip().split("\n\n"):
        name, *lines = block.split("\n")
        found[name] = MappingProxyType(dict(map(_line, lines)))
    return MappingProxyType(found)


def _line(line: str) -> tuple[str, tuple[str, ...]]:
    lang, _, listed = line.partition(":")
    return lang, tuple(word.strip() for word in listed.split(","))


@cache
def fields_by_word() -> Mapping[str, tuple[str, str]]:
    """Folded heading → its field, and the language that says so; a word of several languages counts for English."""
    found: dict[str, tuple[str, str]] = {}
    for field, words in headings().items():
        for lang, listed in words.items():
            for word in listed:
                found.setdefault(folded(word), (field, lang))
    return MappingProxyType(found)


@cache
def languages_by_word() -> Mapping[str, str]:
    """Folded word → language: fr, français and fransk are all fr."""
    lines = (_HERE / "language_words.txt").read_text("utf-8").splitlines()
    return MappingProxyType({folded(word): lang for lang, words in map(_line, lines) for word in words})


def field_name(field: str, lang: str) -> str:
    """What a field is called in a language."""
    words = headings()[field]
    return words.get(lang, words["en"])[0]
