"""What the candidates of a world come to: precision and recall with intervals, by rule and by kind of decoy."""

from collections import Counter
from dataclasses import dataclass
from math import sqrt
from typing import Any

from jisr_hub.curation.candidates import Index
from jisr_hub.curation.likeness import Grade
from jisr_hub.curation.profiles import profile
from tests.curation.pairs import Pair, World


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        return self.part / self.whole if self.whole else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, by Wilson."""
        if not self.whole:
            return 0.0, 1.0
        z, n = 1.96, self.whole
        middle = (self.value + z * z / (2 * n)) / (1 + z * z / n)
        half = z * sqrt(self.value * (1 - self.value) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return middle - half, middle + half

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.3f} ({low:.3f} to {high:.3f}; {self.part} of {self.whole})"


@dataclass(frozen=True)
class Measured:
    """A candidate counts as found when it is strong or worth a look; what is unsure does not count."""

    precision: Share
    """Of all pairs found in the whole world, planted or not."""
    strong: Share
    """The same, of the strong ones."""
    recall: Share
    by_rule: dict[str, Share]
    decoys: dict[str, Share]
    """Of the planted decoys, how many were taken for the same."""


def index_of(world: World) -> Index:
    index = Index()
    for record in world.records:
        if (profiled := profile(record)) is not None:
            index.put(profiled)
    return index


def measure(world: World) -> Measured:
    graded: dict[Pair, Grade] = {}
    for key, candidates in index_of(world).every():
        graded |= {(key, candidate.key): candidate.grade for candidate in candidates}
    found = {each for each, grade in graded.items() if grade >= Grade.WORTH_A_LOOK}
    strong = {each for each in found if graded[each] is Grade.STRONG}

    def among(pairs: dict[Pair, str]) -> dict[str, Share]:
        whole, part = Counter(pairs.values()), Counter(kind for each, kind in pairs.items() if each in found)
        return {kind: Share(part[kind], whole[kind]) for kind in sorted(whole)}

    return Measured(
        Share(sum(map(world.is_same, found)), len(found)),
        Share(sum(map(world.is_same, strong)), len(strong)),
        Share(sum(each in found for each in world.same), len(world.same)),
        among(world.same),
        among(world.decoys),
    )


def many(world: World, count: int) -> list[dict[str, Any]]:
    """Records of the world over and over, each time as other things: another node, phone, site and town."""
    found: list[dict[str, Any]] = []
    turn = 0
    while len(found) < count:
        turn += 1
        for record in world.records:
            found.append(_again(record, turn))
    return found[:count]


def _again(record: dict[str, Any], turn: int) -> dict[str, Any]:
    letters = "".join(chr(97 + int(digit)) for digit in f"{turn:03}")
    again = dict(record, node=f"{record['node'][:-3]}{letters}")
    again["name"] = {lang: {**text, "value": f"{text['value']} {letters}"} for lang, text in record["name"].items()}
    if points := record.get("contact_points"):
        again["contact_points"] = [_moved(point, turn, letters) for point in points]
    if sites := record.get("websites"):
        again["websites"] = [site.replace(".example", f"{letters}.example") for site in sites]
    if where := record.get("coordinates"):
        again["coordinates"] = {**where, "longitude": f"{float(where['longitude']) - turn * 0.1:.6f}"}
    for member in ("organization", "links", "at"):
        if member in record:
            again[member] = _pointing(record[member], letters)
    return again


def _moved(point: dict[str, str], turn: int, letters: str) -> dict[str, str]:
    moved = {name: value.replace("@", f"{letters}@") for name, value in point.items()}
    if "phone" in moved:
        moved["phone"] = f"+2125{turn:02}{moved['phone'][-6:]}"
    return moved


def _pointing(value: Any, letters: str) -> Any:
    if isinstance(value, list):
        return [_pointing(each, letters) for each in value]
    if isinstance(value, dict):
        return {name: _pointing(each, letters) for name, each in value.items()}
    node, slash, id = str(value).rpartition("/")
    return f"{node[:-3]}{letters}/{id}" if slash else value
