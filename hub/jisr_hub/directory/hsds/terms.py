"""Taxonomies and their terms: the core lists, and those that nodes publish, a taxonomy for each scheme.

A scheme that several publish is one taxonomy: what the first of them says of a term stands, in the order of their
names. Core schemes are ours, and no record changes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jisr_protocol import core_terms

from ..exports.shown import Shown, objects, texts
from . import ids
from .parts import filled

MOST_TERMS = 20_000
_CORE = {core_terms.FOCUS: "Focus areas", core_terms.GOALS: "Sustainable Development Goals"}


class Terms:
    """What terms there are, in one language; at most MOST_TERMS."""

    def __init__(self, records: Iterable[Shown], lang: str) -> None:
        self.taxonomies: dict[str, dict[str, Any]] = {}
        self.terms: dict[str, dict[str, Any]] = {}
        for scheme, name in _CORE.items():
            self._taxonomy(scheme, name, name, None, None)
        for scheme, code, label in _core(lang):
            self._term(scheme, code, label, label, None)
        for one in records:
            self._read(one)

    def of(self, said: str) -> tuple[str, str] | None:
        """(scheme, code) of a term by its id, or written `scheme:code`; None when there is none."""
        found = self.terms.get(said)
        if found is not None:
            return str(found["taxonomy"]), str(found["code"])
        scheme, colon, code = said.partition(":")
        return (scheme, code) if colon else None

    def scheme(self, said: str) -> str:
        """The scheme of a taxonomy by its id, or by its own name."""
        found = self.taxonomies.get(said)
        return str(found["jisr"]["scheme"]) if found is not None else said

    def _read(self, one: Shown) -> None:
        scheme = str(one.record.get("scheme", ""))
        if not scheme or scheme in _CORE:
            return
        name, version = one.name or scheme, one.record.get("version")
        self._taxonomy(scheme, name, one.description or name, one.record.get("url"), version, one)
        for concept in objects(one.record.get("concepts")):
            code = str(concept.get("code", ""))
            label = one.words(concept.get("label")) or code
            parents = texts(concept.get("parents"))
            meaning = one.words(concept.get("definition")) or label
            self._term(scheme, code, label, meaning, ids.term(scheme, parents[0]) if parents else None)

    def _taxonomy(
        self, scheme: str, name: str, description: str, uri: object, version: object, one: Shown | None = None
    ) -> None:
        id_ = ids.taxonomy(scheme)
        known: Mapping[str, Any] = (
            {"entry": one.entry, "page": one.page, "licence": one.licence} if one is not None else {}
        )
        value = {"id": id_, "name": name, "description": description, "uri": uri, "version": version}
        self.taxonomies.setdefault(id_, filled(value) | {"jisr": {"scheme": scheme, **known}})

    def _term(self, scheme: str, code: str, label: str, description: str, parent: str | None) -> None:
        id_ = ids.term(scheme, code)
        if len(self.terms) < MOST_TERMS:
            value = {"id": id_, "code": code, "name": label, "description": description, "parent_id": parent,
                     "taxonomy": scheme, "taxonomy_id": ids.taxonomy(scheme)}  # fmt: skip
            self.terms.setdefault(id_, filled(value))


def _core(lang: str) -> Iterator[tuple[str, str, str]]:
    for scheme, code in core_terms.labels():
        yield scheme, code, core_terms.label(scheme, code, lang)
