"""What was used is counted, told and gone again, the same on both databases (USE-2 to USE-5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jisr_hub.storage import archive
from jisr_hub.storage.usage import SqlUses
from jisr_hub.usage import counting as counting_module
from jisr_hub.usage.counting import Counting, Row, zone_of
from jisr_protocol.limits import USAGE_DAYS
from jisr_protocol.usage import APPLICATIONS, REFERRALS, VIEWS, Day, told, weeks
from tests.hub.author import Author, record_id
from tests.hub.test_erasure import erase
from tests.hub.viewed import ViewedHub, viewed_hub

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)
TODAY = date(2026, 6, 3)


@dataclass
class World:
    hub: ViewedHub
    author: Author
    uses: SqlUses
    now: datetime = NOW

    def counting(self, zone: str = "UTC") -> Counting:
        return Counting(self.uses, lambda: self.now, ZoneInfo(zone))

    async def days(self, after: str = "") -> list[Day]:
        end = TODAY + timedelta(days=400)
        return list(await self.uses.days(self.author.id, weeks(TODAY)[0], end, after, 100))

    async def everything(self) -> list[Day]:
        return list(await self.uses.everything(self.author.id, weeks(TODAY)[0], TODAY + timedelta(days=400)))


@pytest.fixture
async def world(place: Path | str) -> AsyncIterator[World]:
    async with viewed_hub(place) as hub:
        author = Author("dar")
        await hub.admit(author)
        for name in ("one", "two"):
            author.put(name)
        await hub.push(author)
        yield World(hub, author, SqlUses(hub.ledger))


async def test_what_was_noted_is_written_down_and_added_to(world: World) -> None:
    one, two = ((world.author.id, record_id(name)) for name in ("one", "two"))
    counting = world.counting()
    for _ in range(7):
        counting.note(VIEWS, [one, two])
    counting.note(REFERRALS, [one])
    assert await world.days() == [], "nothing is written for a view"
    assert await counting.flush() == 2 and await counting.flush() == 0
    for _ in range(4):
        counting.note(APPLICATIONS, [one])
    await world.counting().flush()
    await counting.flush()
    found = {one.id: one.counts for one in await world.days()}
    assert found == {one[1]: (7, 1, 4), two[1]: (7, 0, 0)}
    assert [one.counts for one in await world.everything()] == [(14, 1, 4)]
    value = told("jisr:h", world.author.id, TODAY + timedelta(days=1), await world.days(), await world.everything(), {})
    assert [row["views"][-1] for row in value["records"]] == [5, 5] and value["sum"]["views"][-1] == 10


async def test_weeks_are_those_of_the_civil_day_and_what_is_small_is_left_out(world: World) -> None:
    one = (world.author.id, record_id("one"))
    world.now = datetime(2026, 5, 31, 23, 30, tzinfo=UTC)  # Sunday there, Monday in Casablanca
    here, there = world.counting(), world.counting("Africa/Casablanca")
    for _ in range(5):
        here.note(VIEWS, [one])
    for _ in range(4):
        there.note(VIEWS, [one])
    await here.flush()
    await there.flush()
    assert await world.days() == [Day(one[1], date(2026, 5, 31), (5, 0, 0))], "four in the next week reach nothing"
    assert [one.day for one in await world.everything()] == [date(2026, 5, 31), date(2026, 6, 1)]


async def test_what_is_not_shown_here_is_not_counted_and_what_is_erased_goes(world: World, tmp_path: Path) -> None:
    one, two = ((world.author.id, record_id(name)) for name in ("one", "two"))
    counting = world.counting()
    for key in (one, two, (world.author.id, record_id("nowhere")), ("jisr:" + "q" * 52, record_id("one"))):
        for _ in range(5):
            counting.note(VIEWS, [key])
    await counting.flush()
    assert {one.id for one in await world.days()} == {one[1], two[1]}
    counting.note(VIEWS, [one])  # somebody looked just before it was erased
    await erase(world.hub, world.author, "one")
    await counting.flush()
    assert {one.id for one in await world.days()} == {two[1]}


async def test_after_400_days_it_is_gone(world: World) -> None:
    one = (world.author.id, record_id("one"))
    counting = world.counting()
    for _ in range(5):
        counting.note(VIEWS, [one])
    await counting.flush()
    world.now += timedelta(days=USAGE_DAYS)
    assert await counting.forget() == 0
    world.now += timedelta(days=1)
    assert await counting.forget() == 1 and await world.days() == []


async def test_a_backup_holds_what_was_counted(world: World, tmp_path: Path) -> None:
    counting = world.counting()
    counting.note(VIEWS, [(world.author.id, record_id("one"))])
    await counting.flush()
    about = {"hub": "jisr:x", "name": "x", "made": "2026-06-02T12:00:00Z", "with_key": False}
    await archive.write(world.hub.ledger.database, tmp_path / "backup.tar", about, {})
    rows = dict(archive.Backup(tmp_path / "backup.tar").rows())
    assert rows["usage_day"] == [[world.author.id, record_id("one"), TODAY.toordinal(), 1, 0, 0]]
    assert "mistake" not in rows


class Away:
    """A database that cannot be reached at the third part."""

    def __init__(self) -> None:
        self.taken: list[Row] = []
        self.away = True

    async def add(self, rows: list[Row]) -> None:
        if self.away and len(self.taken) >= 2 * counting_module.AT_ONCE:
            raise ConnectionError("away")
        self.taken += rows


async def test_what_could_not_be_written_down_is_counted_once_later() -> None:
    away = Away()
    counting = Counting(away, lambda: NOW, UTC)
    keys = [("jisr:n", record_id(str(number))) for number in range(3 * counting_module.AT_ONCE)]
    counting.note(VIEWS, keys)
    with pytest.raises(ConnectionError):
        await counting.flush()
    counting.note(VIEWS, keys[-1:])
    away.away = False
    await counting.flush()
    assert sorted(key for key, _, _ in away.taken) == sorted(keys)
    assert sum(counts[0] for _, _, counts in away.taken) == len(keys) + 1


async def test_memory_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting_module, "WAITING_MOST", 3)
    away = Away()
    counting = Counting(away, lambda: NOW, UTC)
    keys = [("jisr:n", record_id(str(number))) for number in range(5)]
    counting.note(VIEWS, keys)
    counting.note(VIEWS, keys[:1])
    assert counting.full.is_set() and counting.lost == 2
    await counting.flush()
    assert not counting.full.is_set() and sum(counts[0] for _, _, counts in away.taken) == 4


def test_the_civil_day_is_that_of_the_hub() -> None:
    assert str(zone_of("", "MA")) == "Africa/Casablanca"
    assert str(zone_of("", "ES")) == "Europe/Madrid"
    assert str(zone_of("", "JP")) == "UTC"
    assert str(zone_of("America/Montreal", "MA")) == "America/Montreal"
