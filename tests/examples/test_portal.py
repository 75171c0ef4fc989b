"""The Danish portal's page shows what others wrote without trusting it; an area without efforts is found, no other."""

from typing import Any

import pytest

from examples.federation import portal
from examples.federation.coverage import uncovered


def record(kind: str, lang: str = "fr", **members: Any) -> dict[str, Any]:
    return {"type": f"org.jisr.{kind}/1", "lang": lang, "status": "active", **members}


def words(value: str, origin: str = "author") -> dict[str, str]:
    return {"value": value, "origin": origin}


def shown(*records: dict[str, Any]) -> str:
    return portal.page(records, title="Jisr på dansk", fresh="2026-11-22")


def test_danish_words_come_before_the_authors_and_say_when_a_machine_made_them() -> None:
    named = record("service", name={"fr": words("Écoute"), "da": words("Samtale", "machine")})
    page = shown(named, record("organization", "ar", name={"ar": words("دار الشباب"), "fr": words("Dar")}))
    assert '<bdi lang="da">Samtale</bdi> (maskinoversat)' in page
    assert "Écoute" not in page
    assert '<bdi lang="ar" dir="rtl">دار الشباب</bdi></li>' in page


def test_text_of_others_stays_text() -> None:
    page = shown(record("news", '"><b>', title={'"><b>': words("<script>alert(1)</script>")}))
    assert "<script>" not in page
    assert '"><b>' not in page
    assert "&lt;script&gt;" in page


def test_a_record_without_a_name_is_shown_by_its_type() -> None:
    assert "org.jisr.need/1" in shown(record("need"))


@pytest.mark.parametrize(("count", "told"), [(0, ""), (1, "1 organisation"), (2, "2 organisationer")])
def test_the_summary_counts_in_danish(count: int, told: str) -> None:
    assert portal.summary([record("organization")] * count + [record("membership")]) == told


HERE, THERE = [{"scheme": "iso3166-2", "code": "MA-TNG"}], [{"scheme": "iso3166-2", "code": "MA-FAH"}]


@pytest.mark.parametrize(
    ("work", "covered"),
    [
        ([record("service", area=HERE)], True),
        ([record("project", area=[*THERE, *HERE])], True),
        ([], False),
        ([record("service", area=THERE)], False),
        ([record("service")], False),
        ([record("service", area=[{"scheme": "hcp", "code": "MA-TNG"}])], False),
        ([{**record("service", area=HERE), "status": "ended"}], False),
        ([record("organization", area=HERE)], False),
    ],
)
def test_an_area_is_covered_by_work_that_goes_on_there(work: list[dict[str, Any]], covered: bool) -> None:
    people = record("indicator", area=HERE, value=41000)
    assert (uncovered([people, *work]) == []) is covered


def test_an_indicator_with_a_focus_wants_work_on_it_and_the_most_people_come_first() -> None:
    def focus(code: str) -> list[dict[str, str]]:
        return [{"scheme": "own", "code": code, "role": "focus"}]

    sport, women = (
        record("indicator", area=HERE, value=value, terms=focus(code)) for code, value in (("sport", 5), ("women", 9))
    )
    elsewhere = record("indicator", area=THERE, value=7)
    work = record("service", area=HERE, terms=focus("sport"))
    assert uncovered([elsewhere, sport, women, work]) == [women, elsewhere]
