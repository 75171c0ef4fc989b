"""The words of a query against the vocabulary: which documents answer each, and how well.

A word answers whole, by its beginning while somebody types, or by a term that a code list explains with it. One that
stands nowhere is looked for by words that are spelled or sound like it, and they are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from jisr_hub.directory.vocabulary import Vocabulary
from jisr_hub.directory.words import words

MOST_TERMS = 8
"""Words of a query that count."""
_SHORTEST_BEGINNING = 2
_SHORT, _MOST_OF_SHORT, _MOST = 3, 64, 256
"""A beginning of fewer letters than _SHORT stands for fewer words."""
# Written between the words that are meant, in the eight languages; alone they are looked for as any other
_BETWEEN = frozenset(
    words(
        """a al and at au aux by d da das de dei del den der des det di die dos du e een el en et fi for from het i ile
        in l la las le les los med met mit n o of og om on op ou par por pour s se som sur te the til to un una une van
        ve veya voor with y من في على عن إلى مع أو و ⵏ ⴷ ⵖ ⵙ"""
    )
)


class Term(msgspec.Struct):
    """One word that is asked for, as sets of documents: `anywhere` answers it at all, `whole` by the word itself,
    `named` in the name, `named_whole` both. `numbers` are the words of the vocabulary that answer it, `instead` those
    that are only like it."""

    anywhere: int
    whole: int
    named: int
    named_whole: int
    numbers: tuple[int, ...]
    instead: tuple[str, ...] = ()


def terms(typed: str, vocabulary: Vocabulary, explained: Callable[[str], int]) -> list[Term]:
    """The words of what was typed; `explained` gives the documents with a term that a code list explains by a word."""
    asked = list(dict.fromkeys(words(typed)))
    meant = [word for word in asked if word not in _BETWEEN] or asked
    return [_term(word, vocabulary, explained(word)) for word in meant[:MOST_TERMS]]


def _term(word: str, vocabulary: Vocabulary, explained: int) -> Term:
    own = vocabulary.find(word)
    whole, named_whole = (0, 0) if own is None else (vocabulary.told[own].bits(), vocabulary.named[own].bits())
    begun = _begun(word, vocabulary)
    anywhere, named = _united(begun, vocabulary)
    numbers = begun if own is None else (own, *begun)
    instead: tuple[str, ...] = ()
    anywhere, named = anywhere | whole | explained, named | named_whole
    if not anywhere:
        numbers = vocabulary.like(word)
        instead = tuple(vocabulary.words[number] for number in numbers)
        anywhere, named = _united(numbers, vocabulary)
    return Term(anywhere, whole, named, named_whole, numbers, instead)


def _begun(word: str, vocabulary: Vocabulary) -> tuple[int, ...]:
    if len(word) < _SHORTEST_BEGINNING:
        return ()
    return vocabulary.beginning(word, _MOST_OF_SHORT if len(word) < _SHORT else _MOST)


def _united(numbers: tuple[int, ...], vocabulary: Vocabulary) -> tuple[int, int]:
    anywhere = named = 0
    for number in numbers:
        anywhere |= vocabulary.told[number].bits()
        named |= vocabulary.named[number].bits()
    return anywhere, named


def points_of(hits: int, asked: list[Term]) -> Iterator[int]:
    """The hits by how well they answer, best first: of each word a point for standing in the name, one for standing in
    it whole, and one for standing anywhere whole."""
    at_least = [hits]
    for term in asked:
        for layer in (term.named, term.named_whole, term.whole):
            at_least.append(0)
            for points in range(len(at_least) - 1, 0, -1):
                at_least[points] |= at_least[points - 1] & layer
    above = 0
    for bits in reversed(at_least):
        if bits & ~above:
            yield bits & ~above
        above |= bits
