"""The queue of likely duplicates, on both databases: it follows the log, and no answer is forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jisr_hub.app.beside import Ended, Process, Within
from jisr_hub.app.curating import Searching
from jisr_hub.curation.candidates import MANY, TOO_MANY, Pair, pair
from jisr_hub.curation.doubles import LATER, UNSURE
from jisr_hub.curation.likeness import Grade
from jisr_hub.storage.doubles import SqlDoubles
from jisr_protocol import identifiers
from tests.curation.curated import CuratedHub, curated_hub, key_of
from tests.hub.author import Author

pytestmark = pytest.mark.anyio
PHONE = {"contact_points": [{"role": "general", "phone": "+212539123456"}]}
ORGANIZATION = {"type": "org.jisr.organization/1"}


class Desk:
    """A curated hub, and its search in this process."""

    def __init__(self, hub: CuratedHub) -> None:
        self.hub = hub
        self.doubles = SqlDoubles(hub.ledger, hub.id)
        self.beside = Within()
        self.searching = Searching(self.doubles, self.beside, 0)
        self.author = Author("doubles")

    async def write(self, label: str, name: str, **members: Any) -> None:
        self.author.put(label, name=named(name), **{**ORGANIZATION, **members})
        await self.push()

    async def push(self) -> None:
        await self.hub.push(self.author)
        await self.follow()

    async def follow(self) -> None:
        await self.hub.curation.follow(self.hub.today)
        await self.searching.round()

    def both(self, one: str, other: str) -> Pair:
        return pair(key_of(self.author, one), key_of(self.author, other))

    async def open(self, day: str = "") -> list[Pair]:
        return [one.pair for one in await self.doubles.open(day or self.hub.today)]


def named(name: str) -> dict[str, Any]:
    return {"en": {"value": name, "origin": "author"}}


@pytest.fixture(params=["SQLite", "PostgreSQL"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    place = tmp_path / "hub.sqlite" if request.param == "SQLite" else request.getfixturevalue("postgres_address")
    async with curated_hub(place) as hub:
        found = Desk(hub)
        await hub.admit(found.author)
        await found.write("amal", "Association Amal", **PHONE)
        await found.write("amal2", "Fondation Amal", **PHONE)
        await found.write("nour", "Dar Nour Center", **PHONE)
        yield found


async def test_a_pair_is_in_the_queue_with_its_grade_and_the_codes_of_its_reasons_alone(desk: Desk) -> None:
    (found,) = [one for one in await desk.doubles.open(desk.hub.today) if one.grade is Grade.STRONG]
    assert found.pair == desk.both("amal", "amal2") and found.kind == "organization"
    assert found.codes == ("same_name", "same_phone")
    assert (await desk.doubles.counts(desk.hub.today))["organization", Grade.STRONG] == 1


async def test_what_changed_or_left_is_looked_at_again(desk: Desk) -> None:
    await desk.write("amal2", "Fondation Rif Cooperative Farming", contact_points=[])
    assert desk.both("amal", "amal2") not in await desk.open()
    await desk.write("amal2", "Fondation Amal", **PHONE)
    assert desk.both("amal", "amal2") in await desk.open()
    desk.author.delete("amal2")
    await desk.push()
    assert desk.both("amal", "amal2") not in await desk.open()


@pytest.mark.parametrize("predicate", ["same_as", "not_same_as", "suppressed"])
async def test_what_was_decided_is_not_asked_again_until_it_is_taken_back(desk: Desk, predicate: str) -> None:
    both, labels = desk.both("amal", "amal2"), ("amal", "amal2")[: 1 if predicate == "suppressed" else 2]
    word = await desk.hub.say(predicate, desk.author, *labels)
    await desk.follow()
    assert both not in await desk.open()
    await desk.write("amal2", "Fondation Amal", **PHONE, url="https://amal.example")
    assert both not in await desk.open()
    await desk.hub.saying.take_back(word.key)
    await desk.follow()
    assert both in await desk.open()


async def test_unsure_is_kept_and_later_comes_on_its_day(desk: Desk) -> None:
    both, now = desk.both("amal", "amal2"), identifiers.to_instant(desk.hub.clock())
    await desk.doubles.answer(both, UNSURE, "", "desk-one", now)
    assert both not in await desk.open() and both not in await desk.open("2999-01-01")
    await desk.doubles.answer(both, LATER, "2999-01-01", "desk-one", now)
    assert both not in await desk.open("2998-12-31") and both in await desk.open("2999-01-01")
    assert [(one.pair, one.answer, one.account) for one in await desk.doubles.answers()] == [(both, LATER, "desk-one")]
    await desk.doubles.unanswer(both)
    assert both in await desk.open()


async def test_a_new_start_finds_the_same_without_comparing_all_again(desk: Desk) -> None:
    before, stand = await desk.doubles.open(desk.hub.today), await desk.doubles.stand()
    again = Searching(desk.doubles, Within(), 0)
    desk.author.put("rif", name=named("Dar Nour Center"), **ORGANIZATION, **PHONE)
    await desk.hub.push(desk.author)
    await again.round()
    await again.round()
    after = await desk.doubles.open(desk.hub.today)
    assert stand is not None and set(before) < set(after)
    assert desk.both("nour", "rif") in [one.pair for one in after]


async def test_a_pass_over_all_finds_what_following_found(desk: Desk) -> None:
    followed = await desk.doubles.open(desk.hub.today)
    await desk.doubles.begin()
    again = Searching(desk.doubles, Within(), 0)
    await again.round()
    assert await desk.doubles.open(desk.hub.today) == followed != []


async def test_records_with_too_many_are_no_question(desk: Desk) -> None:
    """Some are a question; more than a person would look at are not, and what else there is stays."""
    for number in range(MANY):
        desk.author.put(f"r{number}", name=named("Tawiza Imouzzer Kandar Cooperative"), **ORGANIZATION)
    await desk.push()
    assert len(await desk.doubles.of(key_of(desk.author, "r0"))) == MANY - 1
    for number in range(MANY, TOO_MANY + 3):
        desk.author.put(f"r{number}", name=named("Tawiza Imouzzer Kandar Cooperative"), **ORGANIZATION)
    await desk.push()
    assert [len(await desk.doubles.of(key_of(desk.author, f"r{number}"))) for number in (0, 30, TOO_MANY + 2)] == [
        0
    ] * 3
    assert desk.both("amal", "amal2") in await desk.open()


async def test_a_service_is_looked_at_again_when_its_organization_comes_late(desk: Desk) -> None:
    for label, place in (("s1", "late1"), ("s2", "late2")):
        where, given = [{"location": key_of(desk.author, place)[1]}], key_of(desk.author, f"giver {label}")[1]
        lessons = {"type": "org.jisr.service/1", "name": named("Evening lessons")}
        desk.author.put(label, **lessons, at=where, organization=given)
    await desk.push()
    assert desk.both("s1", "s2") not in await desk.open()
    point = {"latitude": "33.971600", "longitude": "-6.849800", "precision": "exact"}
    for label in ("late1", "late2"):
        agdal = {"type": "org.jisr.location/1", "name": named("Centre Agdal"), "privacy": "exact"}
        desk.author.put(label, **agdal, coordinates=point)
    await desk.push()
    assert desk.both("s1", "s2") in await desk.open()


async def test_a_search_that_takes_too_much_ends_and_says_so(desk: Desk) -> None:
    class Large(Within):
        async def size(self) -> tuple[int, int]:
            return 3, 501

    assert await Searching(desk.doubles, Large(), 500).round() > 60
    stand = await desk.doubles.stand()
    assert stand is not None and "501 MB" in stand.trouble


async def test_a_process_that_dies_is_begun_again(desk: Desk) -> None:
    process, large = Process(), bytearray(b"x") * (400 << 20)
    searching = Searching(desk.doubles, process, 0)
    try:
        await searching.round()
        found = await desk.doubles.open(desk.hub.today)
        assert (await process.size())[1] < len(large) >> 20, "not the memory of whoever began it"
        assert process._pool is not None
        for worker in process._pool._processes.values():
            worker.kill()
        desk.author.put("rif", name=named("Dar Nour Center"), **ORGANIZATION, **PHONE)
        await desk.hub.push(desk.author)
        assert await searching.round() == 10.0
        with pytest.raises(Ended):
            await process.size()
        await searching.round()
        await searching.round()
        after = await desk.doubles.open(desk.hub.today)
        assert set(found) < set(after)
    finally:
        searching.close()
