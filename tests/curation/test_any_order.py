"""The merged directory is a function of the set of records and words, and a change costs what it concerns."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jisr_hub.curation.directory import merged
from jisr_hub.curation.merging import Record
from jisr_hub.curation.words import Voices, Word
from tests.curation.directory_in_memory import Directory
from tests.curation.said import HEARD, OTHER, OWN, PEER, TODAY, key, record, word

LABELS = "abcdef"
DAYS = ("2026-02-15", TODAY, "2026-09-09")
SIGNERS = (OWN, PEER, OTHER)

records = st.builds(
    record,
    st.sampled_from(LABELS),
    rev=st.integers(1, 27),
    type=st.sampled_from(["org.jisr.organization/1"] * 4 + ["org.jisr.location/1"]),
    status=st.sampled_from(["active", "paused"]),
)


@st.composite
def words(draw: st.DrawFn, number: int) -> Word:
    predicate = draw(
        st.sampled_from(["same_as"] * 4 + ["not_same_as"] * 2 + ["suppressed", "assured", "disputed", "corrects"])
    )
    least = 2 if predicate in ("same_as", "not_same_as") else 1
    about = draw(st.lists(st.sampled_from(LABELS), min_size=least, max_size=3, unique=True))
    subjects = ["/".join(key(label)) for label in about]
    if predicate == "disputed" and draw(st.booleans()):
        subjects = [f"{draw(st.sampled_from(SIGNERS))}/{key(f'w{draw(st.integers(0, 9))}')[1]}"]
    members: dict[str, object] = {"subjects": subjects}
    if predicate == "corrects":
        members |= {"pointer": draw(st.sampled_from(["/status", "/name/ar/value", "/name/nl"])), "value": "planned"}
    if predicate == "assured":
        members["method"] = "visit"
    if draw(st.integers(0, 4)) == 0:
        members |= {"from": "2026-08-01", "until": "2026-09-05"}
    signer, day = draw(st.sampled_from(SIGNERS)), draw(st.integers(1, 5))
    return word(f"w{number}", predicate, by=signer, day=day, **members)


@st.composite
def sets(draw: st.DrawFn) -> tuple[list[Record], list[Word]]:
    held = {one.key: one for one in draw(st.lists(records, max_size=6))}
    return list(held.values()), [draw(words(number)) for number in range(draw(st.integers(0, 7)))]


Step = tuple[str, Record | Word]


def arrive(directory: Directory, steps: Sequence[Step]) -> None:
    for what, thing in steps:
        if isinstance(thing, Record):
            directory.take(records=[thing]) if what == "put" else directory.take(gone=[thing.key])
        else:
            directory.take(words=[thing]) if what == "put" else directory.take(silent=[thing.key])


def steps_of(held: tuple[list[Record], list[Word]]) -> list[Step]:
    return [("put", thing) for thing in (*held[0], *held[1])]


@settings(max_examples=80, deadline=None)
@given(sets(), st.randoms(use_true_random=False))
def test_in_any_order_of_arrival_it_is_the_one_that_is_made_at_once(held: tuple[list[Record], list[Word]], by) -> None:
    whole = merged(*held, HEARD, TODAY)
    steps = steps_of(held)
    by.shuffle(steps)
    directory = Directory(HEARD, TODAY)
    arrive(directory, steps)
    assert directory.entries == whole
    assert merged(reversed(held[0]), reversed(held[1]), HEARD, TODAY) == whole


@settings(max_examples=80, deadline=None)
@given(sets(), sets(), st.randoms(use_true_random=False))
def test_what_came_and_went_again_leaves_the_very_same_view(
    held: tuple[list[Record], list[Word]], more: tuple[list[Record], list[Word]], by
) -> None:
    """Words and records that are put and taken back, and others in whose place later ones stood for a while."""
    directory = Directory(HEARD, TODAY)
    arrive(directory, steps_of(held))
    before = dict(directory.entries)
    added = steps_of(more)
    by.shuffle(added)
    arrive(directory, added)
    assert directory.entries == merged(
        {one.key: one for one in (*held[0], *more[0])}.values(),
        {one.key: one for one in (*held[1], *more[1])}.values(),
        HEARD,
        TODAY,
    )
    by.shuffle(added)
    arrive(directory, [("take", thing) for _, thing in added])
    arrive(directory, [step for step in steps_of(held) if any(step[1].key == thing.key for _, thing in added)])
    assert directory.entries == before == merged(*held, HEARD, TODAY)


@settings(max_examples=60, deadline=None)
@given(sets(), st.lists(st.tuples(st.sets(st.sampled_from([PEER, OTHER])), st.sampled_from(DAYS)), max_size=4))
def test_whoever_is_heard_and_whatever_day_it_is_it_stays_the_one_made_at_once(
    held: tuple[list[Record], list[Word]], changes: list[tuple[set[str], str]]
) -> None:
    directory = Directory(HEARD, TODAY)
    arrive(directory, steps_of(held))
    for accepted, day in changes:
        voices = Voices(OWN, frozenset(accepted))
        directory.hear(voices)
        directory.wake(day)
        assert directory.entries == merged(*held, voices, day)


@settings(max_examples=60, deadline=None)
@given(sets())
def test_every_address_leads_to_one_entry_at_most_and_no_pair_that_is_not_the_same_is_in_one(
    held: tuple[list[Record], list[Word]],
) -> None:
    found = merged(*held, HEARD, TODAY)
    names = [name for entry in found.values() for name in (entry.address, *entry.also)]
    assert len(names) == len(set(names))
    sources = [(one.node, one.id) for entry in found.values() for one in entry.records]
    assert len(sources) == len(set(sources))
    assert set(sources) <= {one.key for one in held[0]}
    assert all(len({one.type for one in held[0] if (one.key in group(entry))}) == 1 for entry in found.values())


def group(entry) -> set[tuple[str, str]]:
    return {(one.node, one.id) for one in entry.records}


@pytest.mark.parametrize("size", [100, 1_000])
def test_a_change_costs_what_it_concerns_however_much_there_is(size: int) -> None:
    directory = Directory(HEARD, TODAY)
    directory.take(records=[record(f"a{number}") for number in range(size)])
    pairs = [word(f"w{n}", "same_as", f"a{2 * n}", f"a{2 * n + 1}") for n in range(size // 4)]
    directory.take(words=pairs)
    counted = []
    for change in (
        {"words": [word("x", "same_as", "a0", "a3")]},
        {"silent": [(OWN, key("x")[1])]},
        {"records": [record("a0", rev=2)]},
        {"words": [word("y", "corrects", "a9", pointer="/status", value="paused")]},
        {"gone": [key(f"a{size - 1}")]},
    ):
        before = directory.settled
        directory.take(**change)
        counted.append(directory.settled - before)
    assert counted == [1, 2, 1, 1, 0]
