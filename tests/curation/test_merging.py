"""One directory out of many voices: what joins records, what keeps them apart, and what an entry shows of them."""

from __future__ import annotations

import itertools

from jisr_hub.curation.clusters import CLUSTER_AT_MOST, OTHER_TYPE, TOO_MANY
from jisr_hub.curation.directory import merged
from jisr_hub.curation.merging import Entry, put_at
from jisr_hub.curation.terms import mappings
from jisr_hub.curation.words import Voices, Word, counting, word_of
from tests.curation.said import HEARD, OTHER, OWN, PEER, TODAY, at, key, record, word


def view(labels: str, *words: Word, voices: Voices = HEARD, today: str = TODAY) -> dict[str, Entry]:
    return merged((record(label) for label in labels), words, voices, today)


def joined(found: dict[str, Entry]) -> set[str]:
    """Which of the records a, b, c … are one, as `ab`, `c`."""
    names = {key(label): label for label in "abcdefgh"}
    return {"".join(sorted(names[one.node, one.id] for one in entry.records)) for entry in found.values()}


# What is one


def test_without_a_word_every_record_is_an_entry_of_its_own() -> None:
    assert joined(view("abc")) == {"a", "b", "c"}
    assert set(view("abc")) == {at("a"), at("b"), at("c")}


def test_the_address_is_that_of_the_oldest_record_and_the_others_lead_there() -> None:
    (entry,) = view("abc", word("w", "same_as", "b", "c"), word("v", "same_as", "c", "a")).values()
    assert (entry.address, set(entry.also)) == (at("a"), {at("b"), at("c")})


def test_a_split_gives_each_record_its_own_address_back() -> None:
    found = view("ab", word("w", "same_as", "a", "b", day=1), word("v", "not_same_as", "a", "b", day=2))
    assert {name: entry.also for name, entry in found.items()} == {at("a"): (), at("b"): ()}


def test_a_signers_later_word_about_a_pair_takes_the_place_of_its_earlier_one() -> None:
    no, yes = word("v", "not_same_as", "a", "b", day=1), word("w", "same_as", "a", "b", day=2)
    assert joined(view("ab", no, yes)) == {"ab"}


def test_in_the_same_second_not_the_same_is_the_later_word() -> None:
    assert joined(view("ab", word("w", "same_as", "a", "b"), word("v", "not_same_as", "a", "b"))) == {"a", "b"}


def test_one_not_the_same_of_an_accepted_signer_beats_any_same_of_others() -> None:
    voices = Voices(OWN, frozenset({PEER, OTHER}))
    no, yes = word("v", "not_same_as", "a", "b", by=PEER, day=1), word("w", "same_as", "a", "b", by=OTHER, day=2)
    assert joined(view("ab", no, yes, voices=voices)) == {"a", "b"}


def test_this_hubs_own_word_beats_all_others() -> None:
    no, yes = word("v", "not_same_as", "a", "b", by=PEER, day=9), word("w", "same_as", "a", "b", day=1)
    assert joined(view("ab", no, yes)) == {"ab"}
    no, yes = word("v", "not_same_as", "a", "b", day=1), word("w", "same_as", "a", "b", by=PEER, day=9)
    assert joined(view("ab", no, yes)) == {"a", "b"}


def test_a_signer_that_is_not_accepted_changes_nothing() -> None:
    words = [word("w", "same_as", "a", "b", by=OTHER), word("v", "suppressed", "c", by=OTHER)]
    assert view("abc", *words) == view("abc")


def test_nothing_is_chained_over_a_not_the_same() -> None:
    """a=b and b=c, but a≠c: the stronger of the two pairs is joined, the other is left apart and said."""
    words = [
        word("u", "same_as", "a", "b", day=2),
        word("w", "same_as", "b", "c", day=1),
        word("v", "not_same_as", "a", "c", by=PEER, day=3),
    ]
    found = view("abc", *words)
    assert joined(found) == {"a", "bc"}
    for entry in found.values():
        (apart,) = entry.apart
        assert (apart.word, apart.why, set(apart.between or ())) == (
            words[0].key,
            "not_same_as",
            {key("a"), key("c")},
        )


def test_the_own_word_about_just_that_pair_lifts_the_not_the_same_of_another() -> None:
    words = [word("w", "same_as", "a", "b", "c"), word("v", "not_same_as", "a", "c", by=PEER, day=3)]
    assert joined(view("abc", *words)) == {"abc"}


def test_records_of_two_types_are_never_joined() -> None:
    records = [record("a"), record("b", type="org.jisr.location/1")]
    found = merged(records, [word("w", "same_as", "a", "b")], HEARD, TODAY)
    assert len(found) == 2
    assert {one.why for entry in found.values() for one in entry.apart} == {OTHER_TYPE}


def test_no_entry_grows_beyond_its_bound() -> None:
    labels = [f"a{number}" for number in range(CLUSTER_AT_MOST + 1)]
    pairs = itertools.pairwise(labels)
    words = [word(f"w{n}", "same_as", *pair, day=1 + n % 28) for n, pair in enumerate(pairs)]
    found = merged([record(label) for label in labels], words, HEARD, TODAY)
    assert sorted(len(entry.records) for entry in found.values())[-1] <= CLUSTER_AT_MOST
    assert {one.why for entry in found.values() for one in entry.apart} == {TOO_MANY}


def test_a_record_that_left_still_joins_those_it_was_the_same_as_and_its_address_leads_there() -> None:
    words = [word("w", "same_as", "a", "b"), word("v", "same_as", "a", "c")]
    (entry,) = view("bc", *words).values()
    assert (entry.address, set(entry.also)) == (at("b"), {at("a"), at("c")})


# What is shown


def test_all_values_are_there_and_the_one_confirmed_last_is_shown_with_its_source_and_date() -> None:
    old = record(
        "a", rev=1, name={"ar": {"origin": "author", "value": "قديم"}, "fr": {"origin": "author", "value": "F"}}
    )
    new = record("b", rev=2, name={"ar": {"origin": "author", "value": "جديد"}})
    (entry,) = merged([old, new], [word("w", "same_as", "a", "b")], HEARD, TODAY).values()
    name = entry.fields["name/ar"]
    assert (name.shown.value["value"], name.shown.sources) == ("جديد", ((*key("b"), "2026-02-02T08:00:00Z"),))
    assert [other.value["value"] for other in name.others] == ["قديم"]
    assert entry.fields["name/fr"].shown.sources == ((*key("a"), "2026-02-01T08:00:00Z"),)
    assert len(entry.fields["status"].shown.sources) == 2, "what both say stands once, with both sources"
    assert [one.licence for one in entry.records] == ["CC-BY-4.0", "CC-BY-4.0"]


def test_a_check_by_somebody_who_is_heard_confirms_a_record() -> None:
    records = [record("a", rev=1), record("b", rev=2)]
    words = [word("w", "same_as", "a", "b"), word("v", "assured", "a", by=PEER, method="visit")]
    (entry,) = merged(records, words, HEARD, TODAY).values()
    assert entry.fields["name/ar"].shown.value["value"] == "دار a"
    assert [(one.predicate, one.method, one.by) for one in entry.remarks] == [("assured", "visit", PEER)]


def test_a_date_that_is_still_to_come_wins_nothing() -> None:
    records = [record("a", rev=1, modified="2026-09-01T23:59:59Z"), record("b", modified="2099-01-01T00:00:00Z")]
    (entry,) = merged(records, [word("w", "same_as", "a", "b")], HEARD, TODAY).values()
    assert entry.fields["name/ar"].shown.value["value"] == "دار a"


def test_a_correction_stands_in_the_place_of_the_value_and_says_what_the_author_wrote() -> None:
    said = word("w", "corrects", "a", pointer="/name/ar/value", value="دار الشباب")
    records = [record("a", rev=1), record("b", rev=20)]
    (entry,) = merged(records, [said, word("v", "same_as", "a", "b")], HEARD, TODAY).values()
    shown = entry.fields["name/ar"].shown
    assert shown.value == {"origin": "author", "value": "دار الشباب"}
    (correction,) = shown.corrections
    assert (correction.by, correction.word, correction.at) == (OWN, said.key[1], said.modified)
    assert (correction.instead_of["value"], correction.older) == ("دار a", False)


def test_a_correction_of_an_older_record_says_so_when_the_author_wrote_it_anew() -> None:
    said = word("w", "corrects", "a", pointer="/status", value="paused")
    (entry,) = merged([record("a", modified="2026-08-01T00:00:00Z")], [said], HEARD, TODAY).values()
    assert entry.fields["status"].shown.corrections[0].older


def test_this_hubs_own_correction_beats_that_of_a_peer_and_of_one_signer_the_later() -> None:
    words = [
        word("u", "corrects", "a", pointer="/status", value="ended", by=PEER, day=20),
        word("v", "corrects", "a", pointer="/status", value="planned", day=1),
        word("w", "corrects", "a", pointer="/status", value="paused", day=2),
    ]
    assert view("a", *words)[at("a")].fields["status"].shown.value == "paused"


def test_a_correction_that_would_make_a_record_unfit_is_told_and_not_shown() -> None:
    for pointer, value in (("/status", "gone"), ("/node", PEER), ("/nothing/there/at/all", "x"), ("/name/ar/value", 7)):
        entry = view("a", word("w", "corrects", "a", pointer=pointer, value=value))[at("a")]
        assert entry.fields == view("a")[at("a")].fields
        assert [(one.predicate, one.pointer) for one in entry.remarks] == [("corrects", pointer)]


def test_a_pointer_reaches_into_lists_and_nothing_else() -> None:
    value = {"list": [{"a": 1}], "te/xt": 1, "ti~lde": 2}
    assert put_at(value, "/list/0/a", 2) == {**value, "list": [{"a": 2}]}
    assert put_at(value, "/te~1xt", 2) == {**value, "te/xt": 2}
    assert put_at(value, "/ti~0lde", 3) == {**value, "ti~lde": 3}
    for pointer in ("", "/list/1/a", "/list/00", "/list/-1", "/list/x", "/te~1xt/deeper", "/salt"):
        assert put_at(value, pointer, 2) is None
    assert value == {"list": [{"a": 1}], "te/xt": 1, "ti~lde": 2}


def test_what_is_suppressed_is_absent_and_its_address_leads_to_what_is_left() -> None:
    hidden = word("v", "suppressed", "a", by=PEER)
    assert joined(view("ab", hidden)) == {"b"}
    (entry,) = view("ab", hidden, word("w", "same_as", "a", "b")).values()
    assert (entry.address, entry.also) == (at("b"), (at("a"),))


def test_a_doubt_is_shown_beside_the_entry() -> None:
    entry = view("a", word("v", "disputed", "a", by=PEER))[at("a")]
    assert [(one.predicate, one.by, one.about) for one in entry.remarks] == [("disputed", PEER, (key("a"),))]


# What counts


def test_this_hub_overrides_one_word_of_a_peer_by_disputing_it() -> None:
    theirs = word("v", "suppressed", "a", by=PEER)
    mine = word("w", "disputed", subjects=["/".join(theirs.key)])
    assert joined(view("a", theirs)) == set()
    assert view("a", theirs, mine) == view("a")
    by_another = word("w", "disputed", subjects=["/".join(theirs.key)], by=OTHER)
    voices = Voices(OWN, frozenset({PEER, OTHER}))
    assert joined(view("a", theirs, by_another, voices=voices)) == set(), "a peer's doubt about a word moves nothing"


def test_a_word_holds_from_its_first_day_to_its_last() -> None:
    said = word("v", "suppressed", "a", **{"from": "2026-09-01", "until": "2026-09-02"})
    days = ["2026-08-31", "2026-09-01", "2026-09-02", "2026-09-03"]
    assert [len(view("a", said, today=day)) for day in days] == [1, 0, 0, 1]


def test_a_reference_without_a_node_is_one_of_the_signers_own() -> None:
    said = word("v", "suppressed", subjects=[key("a")[1]], by=PEER)
    assert said.subjects == ((PEER, key("a")[1]),)


def test_what_does_not_fit_the_schema_is_no_word() -> None:
    assert word_of({"type": "org.jisr.assertion/1", "predicate": "suppressed"}, "d") is None
    assert word_of(dict(record("a").value), "d") is None


def test_a_term_means_what_this_hub_says_else_what_was_said_last() -> None:
    def mapped(label: str, to: str, **said: object) -> Word:
        mapping = {"from": {"scheme": "own", "code": "x"}, "to": {"scheme": "core", "code": to}, "match": "exact"}
        return word(label, "maps_term", mapping=mapping, **said)

    theirs, later = mapped("u", "a", by=PEER, day=1), mapped("v", "b", by=PEER, day=2)
    mine = mapped("w", "c", day=1)
    for words, meant in (([theirs], "a"), ([later, theirs], "b"), ([mine, later], "c")):
        (found,) = mappings(counting(words, HEARD, TODAY), HEARD).values()
        assert found.to == ("core", meant)
