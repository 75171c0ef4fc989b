"""The facts of a record as the directory shows them: what it points to leads to its page there."""

from collections.abc import Mapping
from typing import Any

from jisr_hub.curation.merging import address
from jisr_protocol.pages import facts
from jisr_protocol.pages.facts import DEPTH, Fact, Names, Value, references
from jisr_protocol.pages.language import Language

__all__ = ["DEPTH", "Fact", "Names", "Value", "facts_of", "references"]


def facts_of(record: Mapping[str, Any], language: Language, names: Names, kept: str) -> list[Fact]:
    """Give the facts of a record; `kept` is the query that links keep. See facts.facts_of of the shared pages."""
    unknown = language.gettext("A record that this hub does not show")
    return facts.facts_of(
        record, language, names, lambda node, id_: f"/directory/{address((node, id_))}{kept}", unknown
    )
