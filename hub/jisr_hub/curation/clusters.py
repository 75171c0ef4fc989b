"""Which records are one organization, service or place: a function of the set of words, in whatever order they came.

1. Of each signer its latest word about a pair counts. This hub's own word about a pair beats all others; else one "not
   the same" of a signer that is accepted beats any number of "the same".
2. Pairs are joined strongest first: this hub's own words, then older before newer, then by digest and by names.
3. A pair is left apart when joining it would bring together two that are not the same, however long the way between
   them; two that are of different types; or more than CLUSTER_AT_MOST. The rest is joined, and what is not is told.

A record that left the feed still joins those it was said to be the same as: nothing falls apart because one author
goes. What is joined never depends on what a record says, but for its type.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from itertools import combinations

import msgspec

from ..ports import Key
from .words import NOT_SAME, SAME, Voices, Word

CLUSTER_AT_MOST = 50
"""Records in one entry; a merge that would make more is left undone."""
Pair = tuple[Key, Key]
OTHER_TYPE, TOO_MANY = "type", "size"


class Apart(msgspec.Struct, frozen=True, order=True):
    """A pair that was said to be the same and is not joined: by which word, and why not. `why` is OTHER_TYPE, TOO_MANY,
    or NOT_SAME with the two records that are kept apart by it."""

    pair: Pair
    word: Key
    why: str
    between: Pair | None = None


class Cluster(msgspec.Struct, frozen=True):
    """Records that are one, in the order of their names, and what was not joined to them."""

    records: tuple[Key, ...]
    apart: tuple[Apart, ...] = ()


class _Edge(msgspec.Struct, frozen=True, order=True):
    rank: int
    modified: str
    digest: str
    pair: Pair
    word: Key


def clusters(keys: Iterable[Key], words: Iterable[Word], voices: Voices, types: Mapping[Key, str]) -> list[Cluster]:
    """The clusters of these records by words that count; `types` are those of the records that are live."""
    edges, differ = _verdicts(words, voices)
    group: dict[Key, set[Key]] = {key: {key} for key in keys}
    apart: list[Apart] = []
    for edge in sorted(edges):
        a, b = (group.setdefault(key, {key}) for key in edge.pair)
        if a is b:
            continue
        if (reason := _kept_apart(edge, a, b, differ, types)) is not None:
            apart.append(reason)
            continue
        a |= b
        for key in b:
            group[key] = a
    found = {id(members): members for members in group.values()}.values()
    return [
        Cluster(tuple(sorted(members)), tuple(sorted(one for one in apart if not members.isdisjoint(one.pair))))
        for members in sorted(found, key=min)
    ]


def _verdicts(words: Iterable[Word], voices: Voices) -> tuple[list[_Edge], dict[Key, set[Key]]]:
    """The pairs that are the same, each by its strongest word; and of each record those it is not the same as."""
    latest: dict[Pair, dict[str, Word]] = defaultdict(dict)
    for word in words:
        if word.predicate in (SAME, NOT_SAME):
            for pair in combinations(word.subjects, 2):
                before = latest[pair].get(word.by)
                if before is None or word.age > before.age:
                    latest[pair][word.by] = word
    edges: list[_Edge] = []
    differ: dict[Key, set[Key]] = defaultdict(set)
    for pair, said in latest.items():
        deciding = [said[voices.own]] if voices.own in said else list(said.values())
        if any(word.predicate == NOT_SAME for word in deciding):
            differ[pair[0]].add(pair[1])
            differ[pair[1]].add(pair[0])
        else:
            edges.append(min(_Edge(_rank(voices, w), w.modified, w.digest, pair, w.key) for w in deciding))
    return edges, differ


def _rank(voices: Voices, word: Word) -> int:
    rank = voices.rank(word.by)
    if rank is None:
        raise ValueError(f"{word.by} is not heard here, and its word was given to be counted")
    return rank


def _kept_apart(
    edge: _Edge, a: Collection[Key], b: Collection[Key], differ: Mapping[Key, set[Key]], types: Mapping[Key, str]
) -> Apart | None:
    between = min(((x, y) for x in a for y in differ.get(x, ()) if y in b), default=None)
    if between is not None:
        return Apart(edge.pair, edge.word, NOT_SAME, between)
    if len({types[key] for key in (*a, *b) if key in types}) > 1:
        return Apart(edge.pair, edge.word, OTHER_TYPE)
    return Apart(edge.pair, edge.word, TOO_MANY) if len(a) + len(b) > CLUSTER_AT_MOST else None


class Reach(msgspec.Struct, frozen=True):
    """What a change may concern: records, among them such as are words themselves, and the words about them."""

    keys: frozenset[Key]
    words: tuple[Word, ...]


def reach(starts: Iterable[Key], voices: Voices) -> Generator[frozenset[Key], Sequence[Word], Reach]:
    """Walk from what changed to all it may concern. Yields records, and is sent the words that are about them or bear
    their name; also those that nobody hears."""
    begun = frozenset(starts)
    known: set[Key] = set()
    words: dict[Key, Word] = {}
    fresh = begun
    while fresh:
        known |= fresh
        found = yield fresh
        words |= {word.key: word for word in found}
        wanted = set()
        for word in found:
            wanted.add(word.key)  # somebody may dispute it
            joins = word.predicate == SAME and voices.rank(word.by) is not None
            if joins or word.key in begun:
                wanted.update(word.subjects)
        fresh = frozenset(wanted - known)
    return Reach(frozenset(known - words.keys()), tuple(words[key] for key in sorted(words)))


def begins(changed: Iterable[Word]) -> set[Key]:
    """Where a walk begins after these words came, changed or went: at what they are about, and at themselves."""
    return {key for word in changed for key in (word.key, *word.subjects)}
