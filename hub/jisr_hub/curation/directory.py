"""The merged directory as a value, and what a change of it concerns.

merged(records, words, voices, today)     address → entry, from scratch
settle(reach, live, voices, today)        the entries of what a change may concern (clusters.reach): the same ones
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from ..ports import Key
from .clusters import Reach, clusters
from .merging import Entry, Record, compose
from .words import Voices, Word, counting


def merged(records: Iterable[Record], words: Iterable[Word], voices: Voices, today: str) -> dict[str, Entry]:
    """Every entry by its address; `also` in each says which other addresses lead to it."""
    live = {record.key: record for record in records}
    held = list(words)
    keys = {*live, *(key for word in held for key in word.subjects)} - {word.key for word in held}
    return {entry.address: entry for entry in settle(Reach(frozenset(keys), tuple(held)), live, voices, today)}


def settle(found: Reach, live: Mapping[Key, Record], voices: Voices, today: str) -> list[Entry]:
    """The entries of the records that a change may concern."""
    words = counting(found.words, voices, today)
    about: dict[Key, list[Word]] = defaultdict(list)
    for word in words:
        for key in word.subjects:
            about[key].append(word)
    types = {key: live[key].type for key in found.keys if key in live}
    entries = []
    for cluster in clusters(found.keys, words, voices, types):
        there = [live[key] for key in cluster.records if key in live]
        said = {word.key: word for key in cluster.records for word in about[key]}
        entry = compose(cluster.records, there, said.values(), voices, today, cluster.apart)
        if entry is not None:
            entries.append(entry)
    return entries
