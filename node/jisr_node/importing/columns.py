"""From headings to fields: one table of words in eight languages, then what a person chose for files of this shape."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .heading_words import fields_by_word, languages_by_word
from .text import folded

NOT_TAKEN = ("person", "wrong")
"""Fields that are understood and left out: names of persons, and what an earlier import said is wrong."""
LOCALISED = frozenset({"name", "short_name", "description", "for_whom", "how_to_apply", "place", "street", "locality"})
"""Fields that may have a column for each language."""
_TAIL = re.compile(r"^(.*?)[\s_./:(\[-]+([^\s_./:()\[\]-]+)[)\]]?\s*$")
_CUTS = re.compile(r"[\n/|()\[\]*:]+")


@dataclass(frozen=True, slots=True)
class Column:
    """What a column (from 1) is taken for: `field` "" when it is left out, `lang` for a column of one language, `sure`
    when its heading is known word for word, `order` of the parts of its dates: dmy, mdy, or "" as they show."""

    place: int
    heading: str
    field: str = ""
    lang: str = ""
    sure: bool = True
    order: str = ""

    @property
    def taken(self) -> bool:
        return bool(self.field) and self.field not in NOT_TAKEN


@dataclass(frozen=True, slots=True)
class Found:
    """What one heading says, and in which language it says it."""

    field: str
    lang: str
    spoken: str
    sure: bool


def recognised(words: Sequence[str]) -> Found | None:
    """The field of a heading by its words from top to bottom: the lowest alone, with its group, the group alone."""
    low = [word for word in words if word]
    if not low:
        return None
    tries = [low[-1]]
    if len(low) > 1:
        tries = [f"{low[0]} {low[-1]}", f"{low[-1]} {low[0]}", low[-1], *reversed(low[:-1])]
    for sure in (True, False):
        for text in tries:
            if found := _exact(text) if sure else _within(text):
                return found
    return None


def _exact(text: str) -> Found | None:
    whole = folded(text)
    if held := fields_by_word().get(whole):
        return Found(held[0], "", held[1], True)
    match = _TAIL.match(text.strip())
    if match and (lang := languages_by_word().get(folded(match[2]))):
        held = fields_by_word().get(folded(match[1]))
        if held and held[0] in LOCALISED:
            return Found(held[0], lang, held[1], True)
    return None


def _within(text: str) -> Found | None:
    """A part of a heading that is known: "Nom / الاسم", "Phone (with country)", "Adresse du siège social"."""
    for part in _CUTS.split(text):
        if held := fields_by_word().get(folded(part)):
            return Found(held[0], "", held[1], False)
    words = folded(text).split()
    if len(words) > 6:
        return None
    for length in range(min(len(words) - 1, 4), 0, -1):
        # the first words say what it is, the others of what: "phone of the office"
        held = fields_by_word().get(" ".join(words[:length]))
        if held and len(" ".join(words[:length])) > 2:
            return Found(held[0], "", held[1], False)
    return None


def columns_of(names: Sequence[Sequence[str]]) -> tuple[list[Column], str]:
    """Every column as its heading says, and the language that most headings are in. A field is taken once in each
    language, from the surest heading; telephones, mails, web pages and subjects may stand in several columns."""
    found = [recognised(words) for words in names]
    spoken = Counter(one.spoken for one in found if one)
    columns = []
    used: set[tuple[str, str]] = set()
    surest_first = sorted(enumerate(found), key=lambda one: (one[1] is None or not one[1].sure, one[0]))
    for place, one in surest_first:
        heading = next((word for word in reversed(names[place]) if word), "")
        if one is None or ((one.field, one.lang) in used and one.field not in SEVERAL):
            columns.append(Column(place + 1, heading, sure=one is None))
            continue
        used.add((one.field, one.lang))
        columns.append(Column(place + 1, heading, one.field, one.lang, one.sure))
    columns.sort(key=lambda column: column.place)
    return columns, _most(spoken)


SEVERAL = frozenset({"phone", "email", "website", "focus", "target_group", "person", "wrong", "languages"})
"""Fields that may stand in several columns."""


def _most(spoken: Counter[str]) -> str:
    # a word of several languages was counted for English, so that English wins no tie
    return max(spoken, key=lambda lang: (spoken[lang], lang != "en"), default="")


def corrected(columns: Sequence[Column], chosen: Mapping[str, str]) -> list[Column]:
    """The columns as a person wants them: heading or letter → field, "field:lang", "field:dmy", or "-" to leave out."""
    return [_chosen(column, chosen) for column in columns]


def _chosen(column: Column, chosen: Mapping[str, str]) -> Column:
    wanted = chosen.get(str(column.place), chosen.get(column.heading))
    if wanted is None:
        return column
    field, _, more = wanted.partition(":")
    if field in ("", "-"):
        return replace(column, field="", lang="", sure=True, order="")
    order = more if more in ("dmy", "mdy") else ""
    return replace(column, field=field, lang="" if order else more, sure=True, order=order)


def shape(kind_of_file: str, names: Sequence[Sequence[str]]) -> str:
    """The same for every file with the same headings in the same order, whatever its rows say."""
    text = "\n".join("\t".join(map(folded, words)) for words in names)
    return hashlib.sha256(f"{kind_of_file}\n{text}".encode()).hexdigest()[:32]
