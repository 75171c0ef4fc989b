"""The words of a text as they are searched: one spelling for what people write in several, in any script.

    words("والجمعية")           ["جمعيه"]
    words("L'École d'Été")      ["l", "ecole", "d", "ete"]

A word that is asked for goes the same way. No database cuts or stems anything, so every database finds the same.
"""

from __future__ import annotations

from jisr_hub.curation.folding import folded, stripped

LONGEST_WORD = 40
LONGEST_TEXT = 4000
"""Letters of one text that are searched."""


def words(text: str) -> list[str]:
    """The words of a text in their order, with repetitions."""
    return [stripped(word)[:LONGEST_WORD] for word in folded(text, LONGEST_TEXT).split()]
