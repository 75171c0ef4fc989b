"""Duplicate candidates: what is found and why, what never comes again, and what no input can do."""

import random
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_hub.curation import candidates as found
from jisr_hub.curation import keys, wording
from jisr_hub.curation.candidates import Index, groups, pair
from jisr_hub.curation.folding import LONGEST, bones, fold
from jisr_hub.curation.likeness import Grade
from jisr_hub.curation.profiles import Profile, profile

NAUGHTY = [
    "", " ", "\u202e", "\u202egnp.exe", "\ufdfa" * 50, "ـــــ", "\u064b\u064c",
    "\U0001f468\u200d\U0001f469", "\u0000", "İIıi",
    "\u0345", "ﬀﬁ", "Ⅷ", "۱۲۳", "²³", "\ud800", "../../etc/passwd", "<script>alert(1)</script>",
    "' OR 1=1 --", "-1", "NaN", "𝒜𝓂𝒶𝓁",
    "a" * 100_000, "م" * 100_000, "́" * 100_000, "a b " * 25_000, ".a" * 50_000, "l'" * 50_000, "(" * 100_000,
]  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.sampled_from(NAUGHTY))


def organization(name: str, number: int = 0, lang: str = "en", node: str = "jisr:a", **more: Any) -> dict[str, Any]:
    written = {lang: {"value": name, "origin": "author"}}
    known = {"type": "org.jisr.organization/1", "id": str(uuid.UUID(int=number)), "node": node, "status": "active"}
    return {**known, "name": written, **more}


def phone(number: str) -> list[dict[str, str]]:
    return [{"role": "general", "phone": number}]


def index_of(*records: dict[str, Any]) -> Index:
    index = Index()
    for record in records:
        index.put(taken(record))
    return index


def taken(record: dict[str, Any]) -> Profile:
    profiled = profile(record)
    assert profiled is not None
    return profiled


def key(record: dict[str, Any]) -> tuple[str, str]:
    return record["node"], record["id"]


def grade(one: dict[str, Any], other: dict[str, Any]) -> Grade | None:
    return next((candidate.grade for candidate in index_of(one, other).candidates(key(one))), None)


def codes(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    (candidate,) = index_of(one, other).candidates(key(one))
    return {reason.code for reason in candidate.reasons}


# Folding


@given(TEXTS)
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert len(fold(text)) <= LONGEST


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("آسفي", "اسفي"), ("الجَمعيّة", "الجمعيه"), ("جمعـــية", "جمعية"), ("مؤسسة", "موسسه"),
        ("على", "علي"), ("٢٤", "24"),
        ("Århus", "arhus"), ("Ærø", "aero"), ("ISTANBUL", "istanbul"), ("Ιğdır", "ιgdir"),
        ("Cœur", "coeur"), ("N.H.F.", "nhf"),
        ("Jam'iyat", "jamiyat"), ("l'Espoir", "l espoir"), ("Am\u202eal", "amal"),
    ],
)  # fmt: skip
def test_one_word_has_one_folded_form(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    "words",
    [
        ("النور", "Noor", "Nour", "Annour"), ("الرحمة", "Rahma", "Rahmah"), ("المفرق", "Mafraq", "Almafraq"),
        ("الشمالية", "Shamaliyah", "Chamalia"), ("خديجة", "Khadija"), ("ⵜⴰⵡⵉⵣⴰ", "Tawiza", "Touiza"),
        ("وفاء", "Wafa", "Ouafa"),
    ],
)  # fmt: skip
def test_a_word_has_the_same_consonants_in_three_scripts(words: tuple[str, ...]) -> None:
    assert len({bones(fold(word)) for word in words}) == 1


@pytest.mark.parametrize(
    "name",
    [
        "Association Amal", "Fondation Amal", "Stichting Amal", "Vereniging Amal", "Amal vzw", "Asociación Amal",
        "Foreningen Amal", "Amal Derneği", "Amal Vakfı", "The Amal Society", "Jam'iyat Al Amal",
        "ⵜⴰⵎⵙⵎⵓⵏⵜ Amal", "ONG Amal",
    ],
)  # fmt: skip
def test_legal_words_and_articles_of_eight_languages_say_nothing(name: str) -> None:
    taken_apart = wording.name(name, "")
    assert taken_apart is not None and taken_apart.words == ("amal",)


def test_a_name_of_legal_words_alone_keeps_them() -> None:
    taken_apart = wording.name("Stichting", "nl")
    assert taken_apart is not None and taken_apart.words == ("stichting",)


# Keys


@pytest.mark.parametrize("written", ["+212 539-12 34 56", "00212539123456", "0539 123456", "+212 (0)539123456"])
def test_a_phone_is_one_number_however_it_is_written(written: str) -> None:
    assert keys.phone(written, "MA") == "+212539123456"


def test_the_domain_of_a_free_mail_provider_is_no_key() -> None:
    assert keys.mail("Amal.Tanger@Gmail.com") == ["mail:amal.tanger@gmail.com"]
    assert keys.mail("info@menara.ma") == ["mail:info@menara.ma"]
    assert keys.mail("Info@Amal.example") == ["mail:info@amal.example", "domain:amal.example"]


def test_a_web_address_is_one_however_it_is_written() -> None:
    assert keys.web("https://www.Amal.example/index.html?utm_source=x") == ["domain:amal.example"]
    assert keys.web("http://amal.example/fr/") == ["page:amal.example/fr", "domain:amal.example"]
    assert keys.web("https://fr-fr.facebook.com/Amal/") == ["page:facebook.com/amal"] == keys.web("http://fb.com/amal")
    assert keys.web("https://facebook.com/") == []


# Grades and reasons


def test_a_name_and_a_phone_are_strong_and_the_reasons_carry_what_a_person_reads() -> None:
    one = organization("Association Ennour pour la femme", 1, "fr", contact_points=phone("+212539123456"))
    other = organization("Jam'iyat Annour pour la femme", 2, "fr", node="jisr:b", contact_points=phone("+212539123456"))
    (candidate,) = index_of(one, other).candidates(key(one))
    assert candidate.grade is Grade.STRONG
    assert {reason.code: reason.values for reason in candidate.reasons}["same_phone"] == ("+212539123456",)
    assert ("Association Ennour pour la femme", "Jam'iyat Annour pour la femme") in [
        r.values for r in candidate.reasons
    ]


def test_nhf_and_ifh_nhf_are_in_the_queue_and_not_sure() -> None:
    one, other = organization("NHF", 1), organization("IFH/NHF ", 2, node="jisr:b")
    assert grade(one, other) is Grade.UNSURE
    assert codes(one, other) == {"acronym"}


def test_the_same_name_in_another_city_is_no_candidate() -> None:
    def at(number: int, latitude: str) -> dict[str, Any]:
        point = {"latitude": latitude, "longitude": "-5.8", "precision": "exact"}
        place = organization(f"Office {number}", number, coordinates=point)
        return place | {"type": "org.jisr.location/1"}

    places = [at(10, "35.77"), at(11, "33.57")]
    one, other = (
        organization("Association Amal", n, links=[{"rel": "located_at", "target": place["id"]}])
        for n, place in enumerate(places, 1)
    )
    assert index_of(one, other, *places).candidates(key(one)) == []
    assert index_of(one, other).candidates(key(one)) != []


def test_who_follows_another_or_is_part_of_it_is_not_the_same() -> None:
    one = organization("Association Amal", 1, contact_points=phone("+212539123456"))
    after = organization("Association Amal", 2, contact_points=phone("+212539123456"))
    assert grade(one, after) is Grade.STRONG
    assert grade(one, after | {"links": [{"rel": "successor_of", "target": one["id"]}]}) is None
    assert grade(one, after | {"parent": one["id"]}) is None
    assert grade(one, after | {"status": "ended"}) is Grade.UNSURE


def test_two_numbers_of_one_register_make_a_pair_unsure() -> None:
    def with_number(number: int, value: str) -> dict[str, Any]:
        given = [{"scheme": "NL-KVK", "value": value, "kind": "primary", "checked": "format"}]
        return organization("Stichting Amal", number, contact_points=phone("+31534891234"), identifiers=given)

    assert grade(with_number(1, "12345678"), with_number(2, "1234 5678")) is Grade.STRONG
    assert grade(with_number(1, "12345678"), with_number(2, "87654321")) is Grade.UNSURE


def test_a_number_in_a_name_tells_two_apart() -> None:
    assert grade(organization("Azraq Village School 3", 1), organization("Azraq Village School 6", 2)) is None


# What was said stays said


def test_not_the_same_never_comes_again() -> None:
    one, other = organization("Association Amal", 1), organization("Association Amal", 2)
    index = index_of(one, other)
    denied = {pair(key(one), key(other))}
    assert index.candidates(key(one)) and index.candidates(key(one), denied) == []
    assert [*index.every(denied)] == [] != [*index.every()]


def test_records_are_grouped_only_where_each_is_like_each() -> None:
    a, b, c, d = (("jisr:a", name) for name in "abcd")
    assert [group.keys for group in groups([(a, b), (b, c)])] == [(a, b)]
    assert [group.keys for group in groups([(a, b), (b, c), (a, c), (c, d)])] == [(a, b, c)]


@pytest.mark.parametrize(("size", "said"), [(20, ""), (21, "many"), (50, "many"), (51, "too_many")])
def test_a_group_over_20_warns_and_over_50_stops(size: int, said: str) -> None:
    keys_ = [("jisr:a", f"{number:02}") for number in range(size)]
    strong = [(one, other) for one in keys_ for other in keys_ if one < other]
    (group,) = groups(strong)
    assert (len(group.keys), group.warning) == (size, said)


# Properties


WORDS = st.sampled_from(
    [
        "Amal",
        "Nour",
        "النور",
        "الأمل",
        "Tanger",
        "طنجة",
        "IFH",
        "NHF",
        "Association",
        "جمعية",
        "School",
        "3",
        "6",
        "Women",
        "femme",
        "Ennour",
    ]
)
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
PHONES = st.sampled_from(["", "+212539123456", "+212539123457"])
RECORDS = st.lists(st.tuples(NAMES, st.sampled_from(["ar", "fr"]), PHONES, st.booleans()), min_size=2, max_size=9)
Given = list[tuple[str, str, str, bool]]


def written(drawn: Given) -> list[dict[str, Any]]:
    return [
        organization(name, number, lang, f"jisr:{number % 3}", status="ended" if ended else "active")
        | ({"contact_points": phone(reached)} if reached else {})
        for number, (name, lang, reached, ended) in enumerate(drawn)
    ]


@given(RECORDS)
def test_a_candidate_of_one_is_one_of_the_other_with_the_same_reasons(drawn: Given) -> None:
    records = written(drawn)
    index = index_of(*records)
    for record in records:
        for candidate in index.candidates(key(record)):
            back = [c for c in index.candidates(candidate.key) if c.key == key(record)]
            assert [(c.grade, c.reasons) for c in back] == [(candidate.grade, candidate.reasons)]


@given(RECORDS, st.randoms(use_true_random=False))
def test_the_order_of_arrival_plays_no_part(drawn: Given, draw: random.Random) -> None:
    records = written(drawn)
    expected = [*index_of(*records).every()]
    draw.shuffle(records)
    index = index_of(*records, *records[:2])
    late = organization("Association Amal Nour", 99)
    index.put(taken(late))
    index.remove(key(late))
    assert [*index.every()] == expected


@given(TEXTS, TEXTS, st.sampled_from(["+212539123456", "", "x" * 1000, "٠٥٣٩"]))
def test_no_text_crashes_it(one: str, other: str, number: str) -> None:
    index = Index()
    for at, text in enumerate((one, other)):
        record = organization(text, at, contact_points=[{"phone": number, "email": text, "url": f"https://{text}"}])
        record |= {"acronym": text, "websites": [text], "identifiers": [{"scheme": text, "value": text}]}
        if (profiled := profile(record)) is not None:
            index.put(profiled)
    assert len([*index.every()]) <= 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = "name contact_points addresses coordinates links area terms at organization parent"


@given(VALUES, st.sampled_from(MEMBERS.split()))
def test_no_shape_crashes_it(value: Any, member: str) -> None:
    for kind in ("organization", "service", "location"):
        record = organization("Amal", 1) | {"type": f"org.jisr.{kind}/1", member: value}
        profiled = profile(record)
        assert (profiled is not None) or member == "name"


@pytest.mark.parametrize("hostile", ["one phone", "one name", "many words"])
def test_what_all_share_costs_no_more_for_many(hostile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparisons for one record stay under a bound, however many records say the same thing."""
    compared = 0
    likeness = found.Comparison.likeness

    def counted(*arguments: Any) -> Any:
        nonlocal compared
        compared += 1
        return likeness(*arguments)

    monkeypatch.setattr(found.Comparison, "likeness", counted)
    index, draw = Index(), random.Random(7)
    words = [f"word{chr(97 + n)}{chr(120 - n)}" for n in range(12)]
    for number in range(1_000):
        name = {"one name": "Association Amal Tanger", "one phone": f"Unit {draw.random()}"}.get(hostile)
        record = organization(name or " ".join(draw.sample(words, 12)), number)
        index.put(taken(record | {"contact_points": phone("+212539123456")}))
    assert len(index.candidates(("jisr:a", str(uuid.UUID(int=5))))) <= found.MOST_IN_BLOCK * 80
    assert compared <= found.MOST_IN_BLOCK * 80
    assert 0 <= compared < 700
