"""What tells of a person: found where it is planted, silent where addresses are those of roles; and how often it errs
on real services."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_protocol.quality.personal import is_persons_mail, look

ROOT = Path(__file__).parents[2]
PERSONS = (
    *("fatima.alaoui@example.org", "f.alaoui@example.org", "j.devries@example.org", "jan.jansen@example.org"),
    *("karim2009@example.net", "mehmet_yilmaz@example.com", "desire.n@example.org", "søren.holm@example.org"),
    *("maria.garcia@example.es", "nadia@example.ma", "peter-smith@example.org", "h.elidrissi+dons@example.ma"),
)
ROLES = (
    *(
        "info@example.org",
        "contact@example.ma",
        "accueil.tanger@example.ma",
        "volunteers@example.org",
        "hola@example.es",
    ),
    *("team-jeunes@example.org", "secretariat@example.org", "gonullu@example.org", "benevoles@example.org"),
    *("annour@annour.example", "maria@maria.example", "reception.desk@example.org", "office2@example.org"),
    *("dar.jisr@example.org", "fundraising@example.org", "no-reply@example.org", "noor@example.org"),
)


def _organization(**members: Any) -> dict[str, Any]:
    name = {"fr": {"value": "Dar Jisr", "origin": "author"}}
    return {"type": "org.jisr.organization/1", "audience": "public", "name": name, **members}


def _text(value: str) -> dict[str, Any]:
    return {"en": {"value": value, "origin": "author"}}


@pytest.mark.parametrize("address", PERSONS)
def test_a_persons_address_is_told(address: str) -> None:
    record = _organization(contact_points=[{"role": "general", "email": address}])
    assert [(one.code, one.pointer) for one in look(record)] == [("person.mail", "/contact_points/0/email")]
    assert [one.code for one in look(_organization(purpose=_text(f"Ask {address} first.")))] == ["person.text"]


@pytest.mark.parametrize("address", ROLES)
def test_a_roles_address_is_no_alarm(address: str) -> None:
    record = _organization(contact_points=[{"role": "general", "email": address}], purpose=_text(f"Mail {address}."))
    assert look(record) == []


@pytest.mark.parametrize("audience", ["partners", "hub", "local"])
def test_only_what_everybody_sees_is_looked_at(audience: str) -> None:
    record = _organization(contact_points=[{"role": "general", "email": PERSONS[0]}])
    assert look(record | {"audience": audience}) == []


@pytest.mark.parametrize("phone", ["+212661234567", "+31612345678", "+33712345678", "+905321234567"])
def test_a_mobile_number_is_told_where_one_person_has_the_role(phone: str) -> None:
    alone = _organization(contact_points=[{"role": "treasurer", "phone": phone}])
    assert [one.code for one in look(alone)] == ["person.phone"]
    passed_on = _organization(contact_points=[{"role": "intake", "phone": phone}])
    assert look(passed_on) == [], "small associations answer on a mobile telephone that is passed on"


@pytest.mark.parametrize("phone", ["+212539123456", "+31534801234", "+4533123456"])
def test_a_number_of_a_house_is_no_alarm(phone: str) -> None:
    assert look(_organization(contact_points=[{"role": "treasurer", "phone": phone}])) == []


@pytest.mark.parametrize(
    "text", ["Call 06 61 23 45 67", "+212 661-234567", "00 31 612345678", "appelez le 0661234567."]
)
def test_a_mobile_number_in_a_text_is_told(text: str) -> None:
    assert [one.code for one in look(_organization(purpose=_text(text)))] == ["person.text"]


@pytest.mark.parametrize(
    "text",
    [
        "From 2014-01-01 to 2014-12-31",
        "open 08:30 - 17:00",
        "number 123456789012",
        "1 250 000 MAD",
        "+212 539 12 34 56",
    ],
)
def test_days_sums_and_numbers_of_houses_are_no_alarm(text: str) -> None:
    assert look(_organization(purpose=_text(text))) == []


@pytest.mark.parametrize("label", ["Mme El Idrissi", "Fatima Alaoui", "السيدة العلوي", "Dhr. Jansen"])
def test_a_contact_that_is_called_after_a_person_is_told(label: str) -> None:
    record = _organization(contact_points=[{"role": "general", "label": _text(label), "phone": "+212539123456"}])
    assert [one.code for one in look(record)] == ["person.name"]


@pytest.mark.parametrize("label", ["Accueil des familles", "Maria Stichting", "Front desk", "مكتب الاستقبال"])
def test_a_contact_that_is_called_after_its_role_is_no_alarm(label: str) -> None:
    record = _organization(contact_points=[{"role": "general", "label": _text(label), "phone": "+212539123456"}])
    assert [one.code for one in look(record)] == []


def _place(**members: Any) -> dict[str, Any]:
    street = {"country": "MA", "street": _text("1, rue du Phare")}
    base = {"type": "org.jisr.location/1", "audience": "public", "privacy": "exact", "addresses": [street]}
    return base | {"name": _text("A house")} | members


@pytest.mark.parametrize(
    "members",
    [
        {"kind": "shelter"},
        {"name": _text("Foyer pour femmes")},
        {"name": _text("Blijf-van-mijn-lijf-huis")},
        {"description": _text("دار إيواء")},
        {"name": _text("Kadın Sığınma Evi")},
    ],
)
def test_a_shelter_that_is_shown_exactly_is_told_with_its_consequence(members: dict[str, Any]) -> None:
    assert [(one.code, one.pointer) for one in look(_place(**members))] == [("place.shelter", "/privacy")]
    assert look(_place(**members) | {"privacy": "hidden", "addresses": []}) == []


def test_a_hidden_place_whose_text_tells_the_street_is_told() -> None:
    place = _place(privacy="hidden", addresses=[], description=_text("Come to rue du Phare 12, second door."))
    assert [one.code for one in look(place)] == ["place.text"]


@given(st.text(max_size=200))
def test_any_text_is_looked_at_in_time_and_without_falling_over(text: str) -> None:
    for one in look(_organization(purpose=_text(text), contact_points=[{"role": "x", "email": text, "phone": text}])):
        assert one.came


def test_a_long_text_of_digits_and_signs_is_no_trap() -> None:
    for text in ("a" * 20_000 + "@", "1 " * 10_000, ".".join("a" * 9_000), "rue " * 5_000):
        assert isinstance(look(_organization(purpose=_text(text))), list)


def test_how_often_it_errs_on_real_services_and_on_planted_persons(shared: Path, tmp_path: Path, figure: Any) -> None:
    """The real services were cleaned of persons by hand, so each alarm in them is false. Then each gets one person."""
    drafts = tmp_path / "drafts.jsonl"
    source = shared / "data" / "services-ar-en" / "services.jsonl"
    convert = [sys.executable, "-S", str(ROOT / "examples" / "services_ar_en" / "convert.py"), str(source), str(drafts)]
    subprocess.run(convert, check=True, capture_output=True, timeout=120)
    records = [json.loads(line) for line in drafts.read_text("utf-8").splitlines()]
    for world in ("tangier", "enschede", "burundi", "alliance"):
        lines = (ROOT / "examples" / world / "drafts.jsonl").read_text("utf-8").splitlines()
        records += [json.loads(line) for line in lines if line.strip()]
    public = [record | {"audience": record.get("audience", "public")} for record in records]
    false = Counter(finding.code for record in public for finding in look(record))
    addresses = sum(record_text.count("@") for record_text in map(json.dumps, public))
    figure("personal data: false alarms on real services and the worlds", f"{dict(false)} of {len(public)} records")
    figure("personal data: mail addresses of roles among them", addresses)
    assert sum(false.values()) <= len(public) / 100

    found = 0
    planted = [record for record in public if record["audience"] == "public"]
    for place, record in enumerate(planted):
        person = PERSONS[place % len(PERSONS)]
        if place % 2:
            bent = record | {"contact_points": [{"role": "general", "email": person}]}
        else:
            bent = record | {"description": _text(f"Write to {person}.")}
        found += any(one.code.startswith("person.") for one in look(bent))
    figure("personal data: planted persons found", f"{found} of {len(planted)}")
    assert found >= 0.95 * len(planted)


def test_an_address_is_judged_without_the_record_too() -> None:
    assert is_persons_mail("fatima.alaoui@example.org")
    assert not is_persons_mail("dar.jisr@example.org", frozenset({"dar", "jisr"}))
