"""What may be double, as rows that can be kept: grades and codes of reasons, nothing of what a record says.

    search = Search()
    search.take(lines, gone, nodes)          live records as the log has them; those that left
    search.find(keys)                        what each may be the same as
    search.part(1000, 500)                   the same of a part of all records, each pair once

A row is (the smaller key, the greater key, kind, grade, codes of reasons). It lives in a process of its own beside the
hub (app/beside.py), so that comparing takes no time from answering.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice

from jisr_protocol import entry as entries

from .candidates import TOO_MANY, Candidate, Index, pair
from .likeness import Grade
from .profiles import Key, profile

RULES = 1
"""Raised when other pairs are found, or graded in another way: then all records are compared anew."""
Row = tuple[str, str, str, str, str, int, str]
"""node, id, other node, other id, kind, grade, codes of reasons with spaces between; one against has a minus."""


class Search:
    """The index of one process, and what is asked of it."""

    def __init__(self) -> None:
        self._index = Index()
        self._order: list[Key] = []
        self._crowd: set[Key] = set()
        """Records that were found to have too many: pairs of them are no question, whoever is asked about."""

    def __len__(self) -> int:
        return len(self._index)

    def take(self, lines: Iterable[bytes], gone: Collection[Key] = (), nodes: Collection[str] = ()) -> list[Key]:
        """Forget these records and all of these nodes, then take in live ones; every record that may compare in
        another way now, in order."""
        changed = set(gone)
        if nodes:
            changed.update(key for key in self._index.every_key() if key[0] in nodes)
        for key in changed:
            self._index.remove(key)
        for line in lines:
            said = entries.parse(line)
            if said.thing is not None and (profiled := profile(said.thing.value)) is not None:
                self._index.put(profiled)
                changed.add(profiled.key)
        changed.update(other for key in list(changed) for other in self._index.pointing(key))
        return sorted(changed)

    def find(self, keys: Iterable[Key]) -> tuple[list[Key], list[Row]]:
        """What these records may be the same as: of one that has too many surer ones nothing, of the rest no more than
        a person would look at. Each pair once. With the records that were looked at: where one has too many, those that
        it is like may have too many now as well."""
        looked: dict[Key, list[Candidate]] = {}
        waiting = list(keys)
        while waiting:
            key = waiting.pop()
            if key in looked:
                continue
            looked[key] = candidates = self._index.candidates(key)
            if sum(each.grade > Grade.UNSURE for each in candidates) <= TOO_MANY:
                self._crowd.discard(key)
            elif key not in self._crowd:
                self._crowd.add(key)
                waiting += [each.key for each in candidates if each.key not in self._crowd]
        found = {
            pair(key, each.key): self._row(key, each)
            for key, candidates in looked.items()
            if key not in self._crowd
            for each in candidates[:TOO_MANY]
            if each.key not in self._crowd
        }
        return sorted(looked), list(found.values())

    def part(self, start: int, count: int) -> list[Row]:
        """The pairs of so many records from this one on, in the order of keys; `start` 0 begins anew."""
        if start == 0:
            self._order = sorted(self._index.every_key())
        return [
            self._row(key, each)
            for key in islice(self._order, start, start + count)
            for each in self._index.candidates(key, after=key)
        ]

    def _row(self, key: Key, candidate: Candidate) -> Row:
        (node, id), (other_node, other_id) = pair(key, candidate.key)
        profiled = self._index.profile(key)
        kind = profiled.kind if profiled is not None else ""
        codes = " ".join(reason.code if reason.speaks_for else f"-{reason.code}" for reason in candidate.reasons)
        return node, id, other_node, other_id, kind, int(candidate.grade), codes
