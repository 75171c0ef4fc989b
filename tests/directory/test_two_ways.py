"""Two-way matching: the best first, a reason for every point, and the same answer as trying everything."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jisr_hub.directory.matching import NOT_ALONE, Aspect, Index, Match
from jisr_hub.directory.sides import FUNDED, GIVEN, VOLUNTEERED, Board
from tests.directory.three_w import common, text

TODAY = "2026-03-06"
NODE, OTHER, THIRD = ("jisr:" + letter * 52 for letter in "abc")
HEALTH = [{"scheme": "jisr-focus", "code": "health", "role": "focus"}]
VALUES = ("a", "b", "c")


def side(type_: str, node: str, kind: str = "material", **members: Any) -> Any:
    by = {"funder": {"organization": common(node, "organization", "o")["id"]}} if type_ == "fund" else {
        "organization": common(node, "organization", "o")["id"], "kind": kind}  # fmt: skip
    return common(node, type_, f"{type_}{kind}") | by | members


def board(*records: Any) -> Board:
    made = Board(TODAY, {})
    for record in records:
        made.take(record)
    return made


def codes(match: Match) -> dict[str, int]:
    return {reason.code: reason.weight for reason in match.reasons}


def at(code: str) -> list[dict[str, str]]:
    return [{"scheme": "nuts", "code": code}]


def test_a_need_finds_an_offer_and_the_offer_finds_the_need_with_the_same_points() -> None:
    need = side("need", NODE, terms=HEALTH, area=at("NL329"))
    offer = side("offer", OTHER, terms=HEALTH, area=at("NL32"))
    both = board(need, offer)
    (there,), (back,) = both.matches(need, 5), both.matches(offer, 5)
    assert there.key == (OTHER, offer["id"]) and back.key == (NODE, need["id"])
    assert codes(there) == codes(back) == {"kind": 30, "theme": 25, "near": 20, "country": 10, "language": 5}
    assert there.score == back.score == sum(codes(there).values())


def test_money_crosses_borders_where_the_fund_says_so() -> None:
    need = side("need", NODE, "funding", terms=HEALTH, area=at("NL329"), amount={"minimum": "5000", "currency": "EUR"})
    here = side("fund", OTHER, terms=HEALTH, eligible_countries=["NL"], amount={"maximum": "9000", "currency": "EUR"})
    anywhere = side("fund", THIRD, terms=HEALTH)
    elsewhere = side("fund", "jisr:" + "d" * 52, terms=HEALTH, eligible_countries=["MA"])
    made = board(need, here, anywhere, elsewhere)
    found = made.matches(need, 5)
    assert [one.key[0] for one in found] == [OTHER, THIRD]
    assert codes(found[0]) == FUNDED and "amount" not in codes(found[1])
    assert [one.key[0] for one in made.matches(here, 5)] == [NODE]
    assert made.matches(elsewhere, 5) == []
    assert [one.key[0] for one in made.matches(anywhere, 5)] == [NODE]


def test_what_is_over_met_or_ones_own_fits_nobody() -> None:
    need = side("need", NODE, terms=HEALTH)
    open_ = side("offer", OTHER, terms=HEALTH)
    assert len(board(need, open_).matches(need, 5)) == 1
    for members in ({"status": "ended"}, {"expires": "2026-03-05T00:00:00Z"}, {"period": {"until": "2026-03-05"}}):
        assert board(need, open_ | members).matches(need, 5) == []
    assert board(need | {"met": "fully"}, open_).matches(open_, 5) == []
    assert board(need, side("offer", NODE, terms=HEALTH)).matches(need, 5) == []
    assert board(need, side("offer", OTHER, "venue", terms=HEALTH)).matches(need, 5) == []


def test_a_country_and_a_language_alone_are_no_reason() -> None:
    need, offer = side("need", NODE, area=at("NL329")), side("offer", OTHER, area=at("NL11"))
    assert board(need, offer).matches(need, 5) == []
    assert len(board(need, offer | {"area": at("NL32")}).matches(need, 5)) == 1


def test_the_points_of_everything_come_to_a_hundred() -> None:
    assert [sum(weights.values()) for weights in (GIVEN, FUNDED, VOLUNTEERED)] == [100, 100, 100]


aspects = st.dictionaries(
    st.sampled_from(["theme", "near", "country", "skill"]), st.frozensets(st.sampled_from(VALUES))
)


@given(st.lists(aspects, max_size=40), aspects, st.integers(1, 10))
def test_the_index_finds_what_trying_everything_finds(held: list[Any], asked: Any, most: int) -> None:
    weights = {"theme": 40, "near": 30, "skill": 20, "country": 10}
    index = Index()
    for number, features in enumerate(held):
        index.add((f"{number:03d}", ""), features)
    found = index.best([Aspect(code, weights[code], values) for code, values in asked.items()], most)
    scored = []
    for number, features in enumerate(held):
        fit = [code for code in weights if asked.get(code, frozenset()) & features.get(code, frozenset())]
        if any(code not in NOT_ALONE for code in fit):
            scored.append((-sum(weights[code] for code in fit), f"{number:03d}"))
    assert [(-one.score, one.key[0]) for one in found] == sorted(scored)[:most]
    for one in found:
        features = held[int(one.key[0])]
        assert {r.code: set(r.values) for r in one.reasons} == {
            code: asked[code] & features[code] for code in asked if asked[code] & features.get(code, frozenset())
        }


def test_names_do_not_matter() -> None:
    need = side("need", NODE, terms=HEALTH) | {"name": text("insulin")}
    offer = side("offer", OTHER, terms=HEALTH) | {"name": text("insulin")}
    named, other = board(need, offer), board(need, offer | {"name": text("beds")})
    assert named.matches(need, 5) == other.matches(need, 5)
