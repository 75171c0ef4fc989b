"""The index: for each record those that may be the same, found by what they share, without comparing all with all.

    index = Index()
    index.put(profile)                       a new record, or a new version of one
    index.candidates(("jisr:…", "9f39…"))    those that may be the same, surest first

Each record stands under a bounded number of blocks: its exact keys, its name by sound, the beginning and the end of
that, each two of its words, its initials; and by relation, under each word at its organization and its locations. Two
records are compared if they share a block. A block with more members than MOST_IN_BLOCK finds nothing: what many share
tells nobody apart, and so the cost stays bounded whatever comes. That the order of arrival plays no part follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import combinations

import msgspec

from .likeness import Comparison, Grade, Reason
from .profiles import LOCATION, SERVICE, Key, Place, Profile
from .wording import Name

MOST_IN_BLOCK = 60
MANY, TOO_MANY = 20, 50
"""Candidates of one record, or members of one group: over the first the curator is warned, over the second it stops."""
_CELL = 0.002
"""Degrees: at least 100 m on each side up to a latitude of 60."""
_PAIRED_WORDS = 6
_ENDS = 5
_BLOCKS_OF_NAMES = 64
Pair = tuple[Key, Key]
Progress = Callable[[int, int], None]


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A record that may be the same as the one that was asked about."""

    key: Key
    grade: Grade
    reasons: tuple[Reason, ...]


class Group(msgspec.Struct, frozen=True, gc=False):
    """Records each of which is a strong candidate of every other one; `warning` is "", `many` or `too_many`."""

    keys: tuple[Key, ...]
    warning: str = ""


class Index:
    """The profiles of all records, by what they share. `put` and `remove` cost what the one record does."""

    def __init__(self) -> None:
        self._profiles: dict[Key, Profile] = {}
        self._numbers: dict[Key, int] = {}
        self._by_number: dict[int, Key] = {}
        self._next = 0
        # one record is the usual content of a block, and is kept without a list around it
        self._blocks: dict[int, int | list[int]] = {}
        self._comparison = Comparison(self._profiles.get, self._shared, self._like)
        self._likes: dict[Key, dict[Key, Grade]] = {}
        """Candidates of organizations that were asked for, until an organization or a location changes."""

    def __len__(self) -> int:
        return len(self._profiles)

    def __contains__(self, key: Key) -> bool:
        return key in self._profiles

    def every_key(self) -> Collection[Key]:
        """The keys of all records here."""
        return self._profiles.keys()

    def profile(self, key: Key) -> Profile | None:
        """What is compared of a record; None where it is not here."""
        return self._profiles.get(key)

    def put(self, profile: Profile) -> None:
        """Take in a record, or a new version of one. Twice is once."""
        self.remove(profile.key)
        self._forget(profile)
        number = self._next
        self._next += 1
        self._profiles[profile.key], self._numbers[profile.key] = profile, number
        self._by_number[number] = profile.key
        for block in (*blocks(profile), *_pointing(profile)):
            members = self._blocks.get(block)
            if members is None:
                self._blocks[block] = number
            elif isinstance(members, int):
                self._blocks[block] = [members, number]
            else:
                members.append(number)

    def remove(self, key: Key) -> None:
        """Forget a record; one that is not here changes nothing."""
        profile = self._profiles.pop(key, None)
        if profile is None:
            return
        self._forget(profile)
        number = self._numbers.pop(key)
        del self._by_number[number]
        for block in (*blocks(profile), *_pointing(profile)):
            members = self._blocks[block]
            if isinstance(members, int):
                del self._blocks[block]
            elif len(members) == 2:
                self._blocks[block] = members[0] if members[1] == number else members[1]
            else:
                members.remove(number)

    def _forget(self, profile: Profile) -> None:
        if self._likes and profile.kind != SERVICE:
            self._likes.clear()

    def _like(self, organization: Key) -> dict[Key, Grade]:
        if organization not in self._likes:
            found = {candidate.key: candidate.grade for candidate in self.candidates(organization)}
            self._likes[organization] = found
        return self._likes[organization]

    def candidates(
        self, of: Key | Profile, denied: Collection[Pair] = frozenset(), after: Key | None = None
    ) -> list[Candidate]:
        """Those that may be the same as a record here, or as one that is not here yet: surest first, then by key.

        `denied` are pairs, the smaller key first, of which was said that they are not the same: they never come again.
        With `after` only those with a greater key: who asks about all records meets each pair once.
        """
        profile = self._profiles.get(of) if isinstance(of, tuple) else of
        if profile is None:
            return []
        found = []
        for other in self._near(profile):
            if (after is not None and other.key < after) or pair(profile.key, other.key) in denied:
                continue
            like = self._comparison.likeness(profile, other)
            if like is not None:
                found.append(Candidate(other.key, like.grade, like.reasons))
        return sorted(found, key=lambda candidate: (-candidate.grade, candidate.key))

    def every(
        self, denied: Collection[Pair] = frozenset(), progress: Progress | None = None
    ) -> Iterator[tuple[Key, list[Candidate]]]:
        """Every record that has candidates of greater keys, with those, in the order of keys: a pair is compared once.

        `progress` is called with how many of how many are done. What is too much is said by `crowded`.
        """
        for done, key in enumerate(sorted(self._profiles), 1):
            if found := self.candidates(key, denied, after=key):
                yield key, found
            if progress is not None and (done % 500 == 0 or done == len(self._profiles)):
                progress(done, len(self._profiles))

    def pointing(self, key: Key) -> list[Key]:
        """The records that are given by this organization or are at this location, unless they are a crowd: how they
        compare changes with it."""
        members = self._blocks.get(hash(("pointing", key)), [])
        members = [members] if isinstance(members, int) else members
        return [self._by_number[number] for number in members] if len(members) <= MOST_IN_BLOCK else []

    def _near(self, profile: Profile) -> list[Profile]:
        """All profiles of its kind that share a block with it that is not crowded."""
        numbers: set[int] = set()
        for block in self._asked(profile):
            members = self._blocks.get(block)
            if isinstance(members, int):
                numbers.add(members)
            elif members is not None and len(members) <= MOST_IN_BLOCK:
                numbers.update(members)
        keys = (self._by_number[number] for number in numbers)
        found = (self._profiles[key] for key in keys if key != profile.key)
        return [other for other in found if other.kind == profile.kind]

    def _asked(self, profile: Profile) -> Iterator[int]:
        """The blocks of a profile, and by relation those at like organizations and near locations."""
        yield from blocks(profile)
        if profile.kind == LOCATION:
            for place in profile.places:
                for cell in _around(place):
                    yield from (hash((cell, word)) for word in _words(profile))
            return
        if profile.kind == SERVICE and profile.by is not None:
            given = [profile.by, *self._like(profile.by)]
            yield from (hash((key, word)) for key in given for word in _words(profile))
        for key in profile.at:
            if at := self._profiles.get(key):
                for other in self._locations_near(at):
                    yield from (hash((other, word)) for word in _words(profile))

    def _locations_near(self, at: Profile) -> set[Key]:
        """The location itself, and those within some hundred metres that are not in a crowd."""
        found = {at.key}
        for place in at.places:
            for cell in _around(place):
                members = self._blocks.get(hash(cell), [])
                members = [members] if isinstance(members, int) else members
                if len(members) <= MOST_IN_BLOCK:
                    found.update(self._by_number[number] for number in members)
        return found

    def _shared(self, kind: str, key: str) -> int:
        members = self._blocks.get(hash((kind, key)))
        return 0 if members is None else 1 if isinstance(members, int) else len(members)


def pair(one: Key, other: Key) -> Pair:
    """Two keys in one order."""
    return (one, other) if one < other else (other, one)


def crowded(graded: Mapping[Pair, Grade]) -> dict[Key, str]:
    """Records with more candidates that are surer than unsure than a person would look at, each with its warning.

    Pairs of one that has TOO_MANY are no question of duplicates, and are not asked about.
    """
    count = Counter(key for both, grade in graded.items() if grade > Grade.UNSURE for key in both)
    return {key: said for key, size in count.items() if (said := warning(size))}


def groups(strong: Collection[Pair]) -> list[Group]:
    """Put together records each of which is a strong candidate of every other one.

    No chaining: where A is like B and B like C, C stays out unless it is like A too. The same in any order.
    """
    near: dict[Key, set[Key]] = {}
    for one, other in strong:
        near.setdefault(one, set()).add(other)
        near.setdefault(other, set()).add(one)
    of: dict[Key, tuple[Key, ...]] = {key: (key,) for key in near}
    for one, other in sorted(strong):
        first, second = of[one], of[other]
        if first is not second and all(b in near[a] for a in first for b in second):
            joined = tuple(sorted((*first, *second)))
            of.update(dict.fromkeys(joined, joined))
    return [Group(keys, warning(len(keys))) for keys in sorted(set(of.values())) if len(keys) > 1]


def warning(size: int) -> str:
    """What to say of so many candidates of a record, or members of a group: nothing, `many` or `too_many`."""
    return "too_many" if size > TOO_MANY else "many" if size > MANY else ""


def blocks(profile: Profile) -> set[int]:
    """All blocks that a record stands in; they depend on the record alone."""
    kind = profile.kind
    found = {hash((kind, key)) for key in profile.keys}
    named = {block for name in profile.names for block in _of_name(kind, name)}
    found.update(sorted(named)[:_BLOCKS_OF_NAMES])
    related = (*profile.at, *((profile.by,) if profile.by else ()))
    for word in _words(profile):
        found.update(hash((key, word)) for key in related)
        found.update(hash((cell, word)) for place in profile.places for cell in _cell(place))
    for place in profile.places:
        found.update(hash(cell) for cell in _cell(place))
        towns = {"".join(town.bones) for town in place.localities}
        found.update(hash(("town", town, word)) for town in towns for word in _words(profile))
    return found


def _pointing(profile: Profile) -> set[int]:
    """Blocks in which nothing is compared: by which it is found when what it points to changes."""
    return {hash(("pointing", key)) for key in (*profile.at, *((profile.by,) if profile.by else ()))}


def _of_name(kind: str, name: Name) -> Iterator[int]:
    sounds = "".join(sorted(name.bones))
    yield hash((kind, "whole", sounds))
    joined = "".join(name.bones)
    if len(joined) >= _ENDS:
        yield hash((kind, "begins", joined[:_ENDS]))
        yield hash((kind, "ends", joined[-_ENDS:]))
    longest = sorted(set(name.bones), key=lambda bone: (-len(bone), bone))
    for bone in longest[:_PAIRED_WORDS]:
        if len(bone) > 1:
            yield hash((kind, "word", bone))
    for two in combinations(sorted(longest[:_PAIRED_WORDS]), 2):
        yield hash((kind, "words", two))
    for letters in dict.fromkeys((*name.acronyms, *name.initials)):
        yield hash((kind, "letters", letters))


def _words(profile: Profile) -> list[str]:
    """The words of its names by sound, by which it is found at a place or an organization."""
    return sorted({bone for name in profile.names for bone in name.bones})[:24]


def _cell(place: Place) -> list[tuple[str, int, int]]:
    if place.latitude is None or place.longitude is None or not place.exact:
        return []
    return [("cell", int(place.latitude // _CELL), int(place.longitude // _CELL))]


def _around(place: Place) -> list[tuple[str, int, int]]:
    return [(name, y + north, x + east) for name, y, x in _cell(place) for north in (-1, 0, 1) for east in (-1, 0, 1)]
