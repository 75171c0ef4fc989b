"""Whether two records may be of one thing: a grade, and the reasons for and against it as codes with values.

    strong             one more exact fact agrees beside the name, or the name within 100 m
    worth_a_look       the name and the town; or two exact facts where the names are in two scripts
    unsure             something agrees, and something else speaks against it

Nothing is ever joined by a grade. Equal numbers of a register make a candidate, never a merge: branches and umbrellas
share them. The same name in another town is a branch; an organization and what follows it are two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum

import msgspec

from . import names
from .names import Level
from .places import Found as Where
from .places import Nearness
from .places import compare as compare_places
from .profiles import LOCATION, ORGANIZATION, SERVICE, Key, Place, Profile


class Grade(IntEnum):
    """How sure a candidate is."""

    UNSURE = 1
    WORTH_A_LOOK = 2
    STRONG = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class Reason(msgspec.Struct, frozen=True, gc=False):
    """One fact for or against: a code that the desk translates, and the values it is about, as they may be shown."""

    code: str
    values: tuple[str, ...] = ()
    speaks_for: bool = True


class Likeness(msgspec.Struct, frozen=True, gc=False):
    """The grade of a pair and why."""

    grade: Grade
    reasons: tuple[Reason, ...]


FEW = 5
"""As many records of a type may share a key; what more share is a switchboard or a portal, and no key."""
PLAIN_LETTERS = 16
"""Letters that must agree in a name before it says something without a place."""
Find = Callable[[Key], Profile | None]
Shared = Callable[[str, str], int]
"""(kind, key): how many records of this kind have the key."""
Like = Callable[[Key], Mapping[Key, Grade]]
"""The candidates of an organization with their grades."""

_CODE = {
    Level.SAME: "same_name",
    Level.LIKE: "like_name",
    Level.ACROSS: "same_name_in_two_scripts",
    Level.ACRONYM: "acronym",
    Level.PART: "part_of_name",
    Level.UNREADABLE: "names_in_two_scripts",
    Level.OTHER: "other_name",
}
KEY_CODES = {
    "phone": "same_phone",
    "mail": "same_mail",
    "domain": "same_domain",
    "page": "same_page",
    "identifier": "same_identifier",
}


_SAYS_NOTHING = {
    ORGANIZATION: frozenset({Level.OTHER, Level.UNREADABLE}),
    SERVICE: frozenset({Level.OTHER}),
    LOCATION: frozenset({Level.OTHER}),
}
"""Names of a pair without a common key that say nothing, wherever the two are."""


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What the grades are decided by."""

    name: names.Compared
    where: Where
    keys: tuple[str, ...]
    """Exact keys that both have and few others, without identifiers."""
    crowded: tuple[str, ...]
    """Exact keys that both have, and more than FEW."""
    numbers: tuple[str, ...]
    """Identifiers that both have."""
    other_number: str
    """A scheme in which they have different numbers; "" where there is none."""
    other_ways: bool
    """Whether both can be reached in the same way, and never at the same one."""

    @property
    def level(self) -> Level:
        return self.name.level

    @property
    def named(self) -> bool:
        """Whether the name says yes."""
        return self.name.level >= Level.LIKE


class Comparison:
    """Compares profiles; `find` gives the profiles they refer to, `shared` how many have a key, `like` the
    organizations that are candidates of one."""

    def __init__(self, find: Find, shared: Shared, like: Like) -> None:
        self._find, self._shared, self._like = find, shared, like

    def likeness(self, a: Profile, b: Profile) -> Likeness | None:
        """Grade two records; None where nothing worth saying agrees. The same both ways round."""
        if a.kind != b.kind or a.key == b.key or a.key in b.kin or b.key in a.kin:
            return None
        if b.key < a.key:
            a, b = b, a
        common = sorted(set(a.keys).intersection(b.keys)) if a.keys and b.keys else []
        first, second = self.places(a), self.places(b)
        where = _where(a, b, first, second)
        given = self._provider(a, b) if a.kind == SERVICE else None
        # most pairs end here, before the names are read
        if given is False or (where.nearness is Nearness.APART and (a.kind != ORGANIZATION or not common)):
            return None
        if a.kind == LOCATION and where.points and where.nearness < Nearness.NEAR:
            return None
        of = (*first, *second)
        name = names.compare(a.names, b.names, _towns(of))
        if not common and name.level in _SAYS_NOTHING[a.kind]:
            return None
        facts = self._facts(a, b, common, where, name)
        if a.kind == ORGANIZATION:
            grade = _organizations(facts)
        elif a.kind == LOCATION:
            grade = _locations(facts, _only_town(a, b, of))
        else:
            grade = _services(facts, bool(given), bool(a.terms) and a.terms == b.terms)
        if grade is None:
            return None
        reasons = _reasons(facts) + ([given] if isinstance(given, Reason) else [])
        if a.ended != b.ended:
            reasons.append(Reason("one_has_ended", (), False))
            grade = Grade.UNSURE if facts.named else None
        return None if grade is None else Likeness(grade, tuple(reasons))

    def _facts(self, a: Profile, b: Profile, common: list[str], where: Where, name: names.Compared) -> Facts:
        exact = [key for key in common if not key.startswith("identifier:")]
        few = tuple(key for key in exact if self._shared(a.kind, key) <= FEW)
        return Facts(
            name,
            where,
            few,
            tuple(key for key in exact if key not in few),
            tuple(key for key in common if key.startswith("identifier:")),
            _other_number(a, b),
            not common and bool(_ways(a) & _ways(b)),
        )

    def places(self, of: Profile) -> tuple[Place, ...]:
        """The places of a record: its own, or those of its locations."""
        if of.places or not of.at:
            return of.places
        return tuple(place for key in of.at if (found := self._find(key)) for place in found.places)

    def _provider(self, a: Profile, b: Profile) -> Reason | bool | None:
        """Why both are given by one organization; False where two give them; None where nobody knows."""
        if a.by is None or b.by is None:
            return None
        if a.by == b.by:
            return Reason("same_organization")
        one, other = self._find(a.by), self._find(b.by)
        if one is None or other is None:
            return None
        grade = self._like(a.by).get(b.by)
        if grade is None:
            return False
        if grade >= Grade.WORTH_A_LOOK:
            return Reason("like_organization", (one.names[0].shown, other.names[0].shown))
        return None


def _where(a: Profile, b: Profile, first: tuple[Place, ...], second: tuple[Place, ...]) -> Where:
    if a.at and b.at and not set(a.at).isdisjoint(b.at):
        return Where(Nearness.HERE, "location", "")
    return compare_places(first, second, (a.areas, b.areas))


def _towns(of: Sequence[Place]) -> frozenset[str]:
    """The consonants of the towns of these places."""
    return frozenset(bone for place in of for town in place.localities for bone in town.bones)


def _only_town(a: Profile, b: Profile, of: Sequence[Place]) -> bool:
    towns = [{word for town in place.localities for word in town.words} for place in of]
    return any(town.issuperset(name.words) for town in towns for name in (*a.names, *b.names))


def _ways(of: Profile) -> set[str]:
    """In which ways it can be reached, as far as they are its own."""
    return {kind for key in of.keys if (kind := key.split(":", 1)[0]) in ("phone", "mail")}


def _other_number(a: Profile, b: Profile) -> str:
    """The first scheme in which both have numbers and none in common."""
    first, second = _numbers(a), _numbers(b)
    return next((each for each in sorted(first) if each in second and not first[each] & second[each]), "")


def _numbers(of: Profile) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key in of.keys:
        if key.startswith("identifier:"):
            found.setdefault(key.split(":")[1], set()).add(key)
    return found


def _organizations(facts: Facts) -> Grade | None:
    near, level, keys = facts.where.nearness, facts.level, len(facts.keys) + len(facts.numbers)
    if near is Nearness.APART or facts.other_number:
        return Grade.UNSURE if facts.named and keys else None
    if facts.named:
        if keys or near >= Nearness.NEAR:
            return Grade.STRONG
        said = facts.name.weight >= PLAIN_LETTERS and not facts.other_ways
        return Grade.WORTH_A_LOOK if near is Nearness.TOWN or said else Grade.UNSURE
    if level is Level.ACRONYM:
        if keys:
            return Grade.STRONG
        if facts.name.letters < 3:
            return None
        return Grade.WORTH_A_LOOK if near >= Nearness.TOWN else Grade.UNSURE
    if level is Level.PART:
        return Grade.WORTH_A_LOOK if keys or near >= Nearness.NEAR else Grade.UNSURE
    if level is Level.UNREADABLE:
        if keys > 1:
            return Grade.WORTH_A_LOOK
        return Grade.UNSURE if keys else None
    return Grade.UNSURE if facts.numbers or (keys > 1 and near >= Nearness.NEAR) else None


def _services(facts: Facts, given: bool, same_terms: bool) -> Grade | None:
    """A service is its name, who gives it, and where: the same name alone is said by everybody."""
    near, level = facts.where.nearness, facts.level
    known = given or bool(facts.keys)
    if facts.named:
        if known:
            return Grade.STRONG if near >= Nearness.TOWN else Grade.WORTH_A_LOOK
        if near is Nearness.HERE or (near is Nearness.NEAR and level is not Level.LIKE):
            return Grade.WORTH_A_LOOK
        return Grade.UNSURE if near is Nearness.TOWN else None
    if known and level is Level.UNREADABLE and near >= Nearness.NEAR:
        return Grade.WORTH_A_LOOK if same_terms else Grade.UNSURE
    return Grade.UNSURE if known and level is Level.PART and near >= Nearness.TOWN else None


def _locations(facts: Facts, only_town: bool) -> Grade | None:
    """`only_town`: the name of one is no more than that of a town."""
    near, level = facts.where.nearness, facts.level
    if facts.named:
        if near >= Nearness.NEAR:
            return Grade.STRONG
        if only_town:
            return Grade.UNSURE
        said = facts.name.weight >= PLAIN_LETTERS
        return Grade.WORTH_A_LOOK if near is Nearness.TOWN or facts.keys or said else Grade.UNSURE
    if level in (Level.UNREADABLE, Level.PART, Level.ACRONYM):
        if near is Nearness.HERE or (near is Nearness.NEAR and facts.keys):
            return Grade.WORTH_A_LOOK
        return Grade.UNSURE if near is Nearness.NEAR else None
    return Grade.UNSURE if near is Nearness.HERE and facts.keys else None


def _reasons(facts: Facts) -> list[Reason]:
    name, where = facts.name, facts.where
    found = [Reason(_CODE[name.level], (name.one, name.other), name.level >= Level.PART)]
    found += [Reason(KEY_CODES[key.split(":")[0]], (_value(key),)) for key in (*facts.numbers, *facts.keys)]
    found += [Reason("shared_by_many", (_value(key),), False) for key in facts.crowded]
    if where.nearness is Nearness.APART:
        found.append(Reason("elsewhere", (where.value,) if where.value else (), False))
    elif where.by:
        found.append(Reason({"metres": "within_metres"}.get(where.by, f"same_{where.by}"), (where.value,)))
    if facts.other_number:
        found.append(Reason("other_identifier", (facts.other_number,), False))
    return found


def _value(key: str) -> str:
    return key.split(":", 1)[1]
