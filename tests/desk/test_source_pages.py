"""The pages of sources: what they show by name, what they let a person decide, and what they refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from jisr_hub.desk.roles import Role
from jisr_hub.desk.sources import broken_sources, listed
from jisr_hub.following.history import Counted
from jisr_hub.ports import Pull
from jisr_hub.ports.history import Way
from jisr_hub.views.policies import Brake
from tests.desk.watched import BRAKED, PEER, Watched, watched

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watched(tmp_path / "hub.sqlite") as world:
        yield world


async def test_the_list_begins_with_what_needs_somebody(world: Watched) -> None:
    text = (await world.get("/desk/sources")).text
    assert text.index("Hub Elsewhere") < text.index(world.author.label), "what waits for a decision comes first"
    assert "<svg" in text and 'role="img"' in text and "<script" not in text
    alone = (await world.get("/desk/peers")).text
    assert "Hub Elsewhere" in alone and world.author.label not in alone


async def test_a_source_shows_what_went_by_name_and_how_it_goes_in_each_direction(world: Watched) -> None:
    text = (await world.get(f"/desk/sources/{world.author.id}")).text
    assert "Last success" in text and "Last round" in text and "ended everything" in text
    for label in ("r0", "r1", "r2"):
        assert f"دار {label} 1" in text, "deleted by name"
    peer = (await world.get(f"/desk/sources/{PEER}")).text
    assert peer.count("Last success") == 2, "one for each direction"
    assert "Let it through" in peer and "Keep what was" in peer and "Accept its words" in peer


async def test_the_numbers_open_into_names_and_the_last_versions_are_a_file(world: Watched) -> None:
    source = f"/desk/sources/{world.author.id}"
    last = (await world.sources.rounds(world.author.id))[0]
    place = {"way": last.way, "began": last.began, "by": last.by}
    names = await world.get(f"{source}/names", **place, did="gone")
    assert names.status_code == 200 and "دار r2 1" in names.text
    file = await world.get(f"{source}/gone.jsonl", **place)
    assert len(file.text.splitlines()) == 3 and "دار r2 1" in file.text
    for wrong in ({"did": "everything"}, {"did": "gone", "by": "nobody"}):
        assert (await world.get(f"{source}/names", **place | wrong)).status_code == 404
    assert (await world.get(f"/desk/sources/jisr:{'z' * 52}")).status_code == 404


async def test_what_was_not_taken_is_grouped_with_the_last_good_version(world: Watched) -> None:
    author = world.other
    author.edit("good", name="no text with a language")
    author.put("bad", status="sleepy")
    await world.hub.push(author, len(author.feed().lines) - 2)
    text = (await world.get(f"/desk/sources/{author.id}")).text
    assert "Something in the record is missing or not as expected" in text and "2 entries" in text
    assert "Shown meanwhile is the last good version" in text and "دار good 1" in text
    arabic = (await world.get(f"/desk/sources/{author.id}", lang="ar")).text
    assert "Something in the record" not in arabic


async def test_a_person_lets_it_through_or_keeps_what_was_and_it_stands_in_the_log_of_acts(world: Watched) -> None:
    assert (await world.post("brake_keep", PEER)).status_code == 303
    assert await world.sources.kept(PEER) == BRAKED
    (source,) = [one for one in await listed(world.sources, world.hub.clock()) if one.id == PEER]
    assert source.harm == 0, "it does not ask again for the same"
    assert (await world.post("brake_ask", PEER)).status_code == 303
    assert (await world.post("brake_release", PEER)).status_code == 303
    assert (await world.sources.brakes())[PEER] == Brake(PEER, BRAKED, 20, True)
    assert (await world.sources.orders(Way.PEER))[PEER].retry_at
    again = await world.post("brake_release", PEER)
    assert again.status_code == 409 and "nothing of this source waits for you" in again.text
    assert [line.kind for line in await world.acting.lines()][:4] == ["brake_release"] * 2 + ["brake_ask", "brake_keep"]


async def test_a_source_is_stopped_resumed_and_tried_now(world: Watched) -> None:
    assert (await world.post("source_stop", PEER)).status_code == 303
    assert "Resume" in (await world.get(f"/desk/sources/{PEER}")).text
    assert (await world.post("source_stop", PEER)).status_code == 409
    assert (await world.post("source_resume", PEER)).status_code == 303
    assert (await world.post("source_retry", PEER)).status_code == 303
    assert (await world.post("source_retry", world.author.id)).status_code == 409, "it sends by itself"
    assert (await world.post("erase", PEER)).status_code == 404, "no other act goes by this form"
    done = await world.acting.do("source_stop", PEER)
    await world.acting.undo(done.n)
    assert not (await world.sources.orders(Way.PEER))[PEER].stopped_at


async def test_an_alarm_ends_when_somebody_has_looked_and_a_peers_words_are_accepted(world: Watched) -> None:
    (alarm,) = await world.sources.alarms()
    more = f"{alarm.way} {alarm.began} {alarm.by}"
    assert (await world.post("source_look", alarm.source, more)).status_code == 303
    assert await world.sources.alarms() == []
    assert (await world.post("source_look", alarm.source, more)).status_code == 409
    assert (await world.post("hear", PEER, "accept")).status_code == 303
    assert (await world.sources.voices())[PEER] == "accept"


@pytest.mark.parametrize("role", [Role.CURATOR, Role.AUDITOR])
async def test_who_may_only_look_finds_no_button_and_is_refused(world: Watched, role: Role) -> None:
    async with world.as_role(role):
        text = (await world.get(f"/desk/sources/{PEER}")).text
        assert "Hub Elsewhere" in text and "Let it through" not in text
        assert (await world.post("brake_release", PEER)).status_code == 403
    assert not (await world.sources.brakes())[PEER].released


async def test_broken_sources_are_those_that_fail_for_a_day(world: Watched) -> None:
    notes, clock = world.hub.hub.notes, world.hub.clock
    await world.hub.ledger.keep_pull(Pull(world.other.id, "https://static.example/", ""), add=True)
    for hours in range(30):
        notes.begin(world.other.id, Way.PULL)
        notes.end(world.other.id, Way.PULL, "unreachable", "no answer")
        notes.pushed(world.other.id, Counted())
        clock.pass_time(hours=1)
        await notes.flush(world.sources, 0.0, all=True)
        found = [(one.source, one.way) for one in await broken_sources(world.sources, clock())]
        assert ((world.other.id, "pull") in found) == (hours >= 23), "that it pushes heals nothing"
    await world.sources.order(world.other.id, Way.PULL, stopped_at="2026-09-01T00:00:00Z")
    assert await broken_sources(world.sources, clock() + timedelta(days=3)) == []
