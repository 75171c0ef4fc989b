"""Findings and criteria for people, in the eight languages of the interface; the one place that words them.

    sentence(finding, "nl")                         what is wrong and what to do
    told(finding, "nl", title, cell)                with the record's title, and file, sheet and cell where known
    name(criterion, "nl"), reason(judged, "nl")     a criterion, and why it is met, not met or not applicable

A language that is not known is answered in English. Values are put in as they came: a page escapes and isolates them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import cast

from ..criteria import MET, NOT_APPLICABLE, Judged
from ..findings import Cell, Finding
from ..validating import LIKE
from . import ar, da, en, es, fr, nl, tr, zgh

LANGUAGES: Mapping[str, ModuleType] = MappingProxyType(
    {"ar": ar, "da": da, "en": en, "es": es, "fr": fr, "nl": nl, "tr": tr, "zgh": zgh}
)
_LIKE = frozenset(code for code, _ in LIKE.values())
FACTS = ("fresh", "review", "over", "languages")
"""Criteria whose fact is worth a sentence when they are met: a day, or languages."""


def findings(lang: str) -> Mapping[str, str]:
    """The sentences of a language by their code."""
    return cast(Mapping[str, str], LANGUAGES.get(lang, en).FINDINGS)


def shared(key: str, lang: str) -> str:
    """A word that pages share: levels, sides and states of criteria."""
    return cast(str, LANGUAGES.get(lang, en).SHARED[key])


def sentence(finding: Finding, lang: str) -> str:
    """A finding as one or two sentences: what is the matter, and what to do."""
    if finding.code in en.CRITERIA:
        return _criterion(finding.code, lang)[1]
    words = findings(lang)["like" if finding.code in _LIKE else finding.code]
    return words.format(expected=finding.expected, came=finding.came or "—")


def told(finding: Finding, lang: str, title: str, cell: Cell | None = None) -> str:
    """A finding with the title of its record, and where the publisher wrote it."""
    where = place(cell, lang) if cell is not None else ""
    said = shared("title", lang).format(title=title, sentence=sentence(finding, lang))
    return f"{said} ({where})" if where else said


def place(cell: Cell, lang: str) -> str:
    """File, sheet and cell as far as they are known."""
    key = "cell" if cell.sheet else "row"
    within = shared(key, lang).format(sheet=cell.sheet, cell=cell.cell) if cell.cell else cell.sheet
    comma = "، " if lang == "ar" else ", "
    return comma.join(part for part in (cell.file, within) if part)


def name(code: str, lang: str) -> str:
    """What a criterion asks."""
    return _criterion(code, lang)[0]


def reason(judged: Judged, lang: str) -> str:
    """Why a criterion is met, not met or not applicable: what was found, or what to do."""
    if judged.state == NOT_APPLICABLE:
        return shared("not asked", lang)
    if judged.state != MET:
        return _criterion(judged.code, lang)[1]
    fact = judged.fact if judged.code in FACTS else judged.pointer
    return shared("found", lang).format(came=fact) if fact else ""


def _criterion(code: str, lang: str) -> tuple[str, str]:
    return cast(tuple[str, str], LANGUAGES.get(lang, en).CRITERIA[code])
