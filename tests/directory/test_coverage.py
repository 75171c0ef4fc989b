"""Coverage: four states that mean what they say, counted as by hand; and no number that could lead to somebody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_hub.directory.areas import holders, narrowest
from jisr_hub.directory.coverage import STATES, Cell, Count, Coverage
from jisr_hub.directory.efforts import THEMES
from tests.directory import three_w
from tests.directory.three_w import common, counted, records, rows, text

TODAY = "2026-03-06"
NODE, OTHER = "jisr:" + "a" * 52, "jisr:" + "b" * 52
TOWN, PART, COUNTRY = ("nuts", "NL329"), ("nuts", "NL321"), ("iso3166-1", "NL")


def effort(name: str, theme: str = "health", node: str = NODE, type_: str = "organization", **members: Any) -> Any:
    said = {"scheme": "nuts", "code": "NL329"}
    terms = [{"scheme": "jisr-focus", "code": theme, "role": "focus"}]
    record = common(node, type_, name) | {"modified": "2026-01-01T00:00:00Z", "area": [said], "terms": terms}
    return record | members


def told(*found: Any, today: str = TODAY, meanings: Any = None, same: Any = None) -> Coverage:
    count = Count(today, meanings or {}, same or {})
    for record in found:
        count.take(record)
    return count.coverage()


def population(code: str = "NL321", **members: Any) -> Any:
    area = [{"scheme": "nuts", "code": code}]
    cited = {"citation": {"name": text("CBS")}, "as_of": "2025-01-01"}
    return common(NODE, "indicator", code) | {"area": area, "value": 5000} | cited | members


def test_rows_of_who_does_what_where_come_to_what_a_count_by_hand_says(shared: Path) -> None:
    found = rows(shared)
    coverage = told(*records(found), today=three_w.DAY, meanings=three_w.MEANINGS)
    by_hand = counted(found)
    cells = {}
    for (code, theme), _ in by_hand.items():
        cell = coverage.cell(("iso3166-1" if len(code) == 2 else "pcode", code), theme)
        cells[code, theme] = (cell.state, cell.organizations, cell.services)
    # organizations themselves name no theme and no area here, so they are in none of these cells
    assert cells == by_hand and len(by_hand) > 400
    assert {state for state, _, _ in cells.values()} == {"covered", "thin", "none", "quiet"}


def test_an_area_without_a_reporter_is_never_none(shared: Path) -> None:
    left = [row for row in rows(shared) if row["Region"] != "Bo"]
    bo = [{"scheme": "iso3166-1", "code": "SL"}, {"scheme": "pcode", "code": "SLE003001", "name": text("Bo")}]
    coverage = told(*records(left), population("x", area=bo), today=three_w.DAY, meanings=three_w.MEANINGS)
    area = ("pcode", "SLE003001")
    assert coverage.areas[area].reporters == ()
    assert {coverage.cell(area, theme).state for theme in THEMES} == {"nobody"}
    assert [one.area for one in coverage.inside(("iso3166-1", "SL"))].count(area) == 1
    assert all(
        coverage.cell(one, theme).state != "none"
        for one, said in coverage.areas.items()
        for theme in THEMES
        if not said.reporters
    )


def test_two_organizations_cover_one_is_thin_and_old_news_is_thin() -> None:
    one, two = effort("one"), effort("two")
    assert told(one, two).cell(TOWN, "health").state == "covered"
    assert told(one).cell(TOWN, "health").state == "thin"
    old = [record | {"modified": "2023-01-01T00:00:00Z"} for record in (one, two)]
    assert told(*old).cell(TOWN, "health").state == "thin"
    checked = old[0] | {"assured": {"by": NODE, "at": "2026-02-01", "method": "call"}}
    cell = told(checked, old[1]).cell(TOWN, "health")
    assert (cell.state, cell.newest) == ("covered", "2026-02-01")
    assert told(one, two).cell(TOWN, "debt").state == "none"
    assert told(one).cell(PART, "health").state == "nobody"


def test_records_that_are_one_organization_count_once() -> None:
    one, two = effort("one"), effort("two", node=OTHER)
    keys = [(record["node"], record["id"]) for record in (one, two)]
    services = [effort(name, type_="service", organization="/".join(key)) for name, key in zip("ab", keys, strict=True)]
    assert told(*services).cell(TOWN, "health").organizations == 2
    assert told(*services, same={keys[1]: keys[0]}).cell(TOWN, "health").organizations == 1


@pytest.mark.parametrize(
    "members",
    [
        {"status": "planned"},
        {"status": "ended"},
        {"status": "paused"},
        {"expires": "2026-03-05T00:00:00Z"},
        {"period": {"until": "2026-03-05"}},
        {"period": {"from": "2026-03-07"}},
    ],
)
def test_what_is_not_there_now_is_none_and_its_author_still_reports(members: dict[str, Any]) -> None:
    coverage = told(effort("one", type_="service", organization=common(NODE, "organization", "o")["id"], **members))
    cell = coverage.cell(TOWN, "health")
    assert (cell.state, cell.organizations, cell.services) == ("none", 0, 0)
    assert [one.node for one in coverage.areas[TOWN].reporters] == [NODE]


def test_a_part_counts_in_its_whole_and_the_whole_stands_beside_its_part() -> None:
    wide = effort("wide", area=[{"scheme": "iso3166-1", "code": "NL"}])
    coverage = told(effort("one"), wide, population())
    assert coverage.cell(COUNTRY, "health").organizations == 2
    town = coverage.cell(TOWN, "health")
    assert (town.state, town.organizations, town.wider) == ("thin", 1, 1)
    part = coverage.cell(PART, "health")
    assert (part.state, part.wider) == ("nobody", 1)


def test_terms_that_nobody_mapped_count_as_unmapped_until_somebody_does() -> None:
    own = effort("one", terms=[{"scheme": "own", "code": "z", "role": "focus"}])
    assert told(own).cell(TOWN, "unmapped").organizations == 1
    mapped = told(own, meanings={("own", "z"): ("jisr-focus", "debt")})
    assert (mapped.cell(TOWN, "unmapped").organizations, mapped.cell(TOWN, "debt").organizations) == (0, 1)
    assert told(effort("one", terms=[])).cell(TOWN, "unmapped").organizations == 1


def test_what_is_free_is_summed_by_unit_and_people_are_counted_by_the_newest_figure() -> None:
    free = [{"what": text("beds"), "unit": "beds", "available": 3, "as_of": "2026-01-01"}]
    service = effort("s", type_="service", organization=common(NODE, "organization", "o")["id"], capacity=free)
    other = effort("t", type_="service", organization=common(NODE, "organization", "p")["id"], capacity=free)
    older = population("NL329", as_of="2020-01-01", value=1) | {"id": common(NODE, "indicator", "x")["id"]}
    coverage = told(service, other, older, population("NL329", value=9000))
    cell = coverage.cell(TOWN, "health")
    assert (cell.services, cell.room) == (2, (("beds", 6),))
    denominator = coverage.areas[TOWN].denominator("health")
    assert denominator is not None and denominator.value == 9000


def place(privacy: str) -> Any:
    codes = {"admin_codes": [{"scheme": "nuts", "code": "NL329"}]}
    return common(NODE, "location", "place") | {"privacy": privacy} | codes


def at_place(name: str, privacy: str) -> list[Any]:
    where = place(privacy)
    by = common(NODE, "organization", name)["id"]
    service = effort(name, type_="service", organization=by, at=[{"location": where["id"]}])
    del service["area"]
    return [where, service]


def test_help_at_a_hidden_place_counts_in_its_country_alone() -> None:
    shown, hidden = told(*at_place("one", "exact")), told(*at_place("one", "hidden"))
    assert shown.cell(TOWN, "health").organizations == 1
    assert hidden.cell(TOWN, "health") == Cell("nobody")
    assert (hidden.cell(COUNTRY, "health").organizations, hidden.areas[TOWN].reporters) == (1, ())


@given(st.integers(0, 2), st.integers(0, 2), st.booleans())
def test_small_cells_of_a_guarded_theme_look_all_the_same(first: int, second: int, beside: bool) -> None:
    """Nobody can tell nought, one and two organizations apart: in the cell, beside it, or from who reports."""

    def world(many: int) -> Coverage:
        guarded = [effort(f"p{number}", "protection", OTHER) for number in range(many)]
        return told(*guarded, population("NL329"), *([effort("one")] if beside else []))

    one, other = world(first), world(second)
    assert one.cell(TOWN, "protection") == other.cell(TOWN, "protection")
    assert one.areas[TOWN].reporters == other.areas[TOWN].reporters
    three = [effort(f"p{number}", "protection") for number in range(3)]
    assert told(*three).cell(TOWN, "protection").organizations == 3


def test_the_whole_does_not_tell_its_only_quiet_part() -> None:
    many = [effort(f"p{n}", "protection", area=[{"scheme": "nuts", "code": "NL321"}]) for n in range(3)]
    alone = effort("alone", "protection")
    coverage = told(*many, alone, effort("other"), effort("other", area=[{"scheme": "nuts", "code": "NL321"}]))
    assert coverage.cell(PART, "protection").organizations == 3
    assert coverage.cell(TOWN, "protection") == coverage.cell(("nuts", "NL32"), "protection") == Cell("quiet")


def test_the_most_frequent_word_names_an_area_and_says_its_country() -> None:
    def at(name: str, words: str, country: str) -> Any:
        code = {"scheme": "pcode", "code": "GIN008", "name": text(words)}
        return effort(name, area=[{"scheme": "iso3166-1", "code": country}, code])

    coverage = told(at("a", "Nzérékoré", "GN"), at("b", "Nzérékoré", "GN"), at("c", "Anything", "DE"))
    area = coverage.areas["pcode", "GIN008"]
    assert area.name["en"]["value"] == "Nzérékoré" and area.holders == (("iso3166-1", "GN"),)


def test_codes_say_what_holds_them() -> None:
    assert holders(TOWN) == (("nuts", "NL32"), ("nuts", "NL3"), COUNTRY)
    assert holders(("nuts", "EL30")) == (("nuts", "EL3"), ("iso3166-1", "GR"))
    assert holders(("iso3166-2", "MA-01")) == (("iso3166-1", "MA"),)
    assert holders(("hcp", "01.511")) == (("iso3166-1", "MA"),)
    assert narrowest([TOWN, COUNTRY]) == (TOWN,)


@given(st.permutations([effort("a"), effort("b", "debt"), effort("c", node=OTHER), population()]))
def test_the_order_of_entries_changes_nothing(found: list[Any]) -> None:
    assert told(*found) == told(*sorted(found, key=lambda record: str(record["id"])))
    assert set(STATES) == {"covered", "thin", "none", "nobody"}
