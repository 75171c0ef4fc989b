"""Terms as words: what people type is a core term where one is called so in any language, else a term of their own."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jisr_protocol import core_terms

from .fields import Holder, Plain, Values, Writing, words_in
from .groups import Rows

ROLES = ("focus", "target_group", "situation", "competence", "skill", "activity", "goal")
OWN = "own"
"""The scheme of a node's own terms: their code follows from their words."""


@dataclass(frozen=True)
class TermWords:
    """One term as its words."""

    code: str = "words"
    default: str = ""
    required: bool = False

    @property
    def member(self) -> str:
        return "code"

    def read(self, holder: Mapping[str, Any], writing: Writing) -> dict[str, str]:
        return {self.code: called(holder, writing)}

    def write(self, holder: Holder, values: Values, writing: Writing) -> None:
        words = " ".join(values.get(self.code, "").split())
        holder.pop("label", None)
        if not words:
            for name in ("scheme", "code"):
                holder.pop(name, None)
            return
        holder["scheme"], holder["code"] = core_terms.find(words) or (OWN, own_code(words))
        if holder["scheme"] == OWN:
            holder["label"] = {writing.lang: {"value": words, "origin": "author"}}


def called(term: Mapping[str, Any], writing: Writing) -> str:
    """What a term is called: in the reader's language if it is a core term, else in its author's words."""
    scheme, code = str(term.get("scheme", "")), str(term.get("code", ""))
    if core_terms.known(scheme, code):
        return core_terms.label(scheme, code, writing.reader)
    label = term.get("label")
    others = sorted(label) if isinstance(label, Mapping) else []
    words = (words_in(label, lang) for lang in (writing.reader, writing.lang, *others))
    return next(filter(None, words), code)


def own_code(words: str) -> str:
    """The code of somebody's own term: the same for the same words."""
    return "t" + hashlib.sha256(unicodedata.normalize("NFC", words).casefold().encode()).hexdigest()[:16]


TERMS = Rows(
    "terms",
    (TermWords(), Plain("role", "role", ROLES, default="focus")),
)
