"""The survey is kept while nothing changes; what it measured stands day by day, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jisr_hub.directory.surveying import DAYS_KEPT, Surveys, measured, outdated
from jisr_hub.ports.surveying import Measured
from jisr_hub.storage.curation import SqlCuration
from jisr_hub.storage.sql import SqlLedger
from jisr_hub.storage.surveying import SqlSurvey
from tests.directory.test_coverage import effort, told
from tests.hub.memory_directory import MemoryDirectory

pytestmark = pytest.mark.anyio


class Kept:
    """The Surveyed port in memory; `turn` changes what it says of itself."""

    def __init__(self) -> None:
        self.turn, self.kept = 0, dict[str, list[Measured]]()

    async def stand(self) -> int:
        return self.turn

    async def meanings(self, today: str) -> dict[Any, Any]:
        return {}

    async def same(self) -> dict[Any, Any]:
        return {}

    async def measured(self, since: str = "") -> list[Measured]:
        return [one for _, day in sorted(self.kept.items()) for one in day]

    async def keep(self, day: str, measured: Any, drop: Any) -> None:
        self.kept[day] = list(measured)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 6, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_nothing_is_read_again_while_nothing_changes_and_a_change_is_shown_soon() -> None:
    directory, kept = MemoryDirectory([effort("one")]), Kept()
    surveys = Surveys(directory, kept, Clock())
    first = await surveys.now()
    directory.records.append(effort("two"))
    assert await surveys.now() is first  # as far as anybody said, nothing changed
    kept.turn, surveys._again = 1, 0.0
    assert await surveys.now() is first  # nobody waits
    await surveys.ended()
    second = await surveys.now()
    assert second.coverage == told(effort("one"), effort("two")) and second.entries == 2


async def test_a_day_is_measured_once() -> None:
    kept, clock = Kept(), Clock()
    surveys = Surveys(MemoryDirectory([effort("one"), effort("two")]), kept, clock)
    assert [await surveys.measure(), await surveys.measure()] == [True, False]
    clock.now += timedelta(days=1)
    assert await surveys.measure()
    past = await surveys.past("health")
    assert [one.day for one in past] == ["2026-03-06", "2026-03-07"] and past[0].covered > 0


def test_of_what_is_old_the_first_day_of_each_month_stays() -> None:
    days = [str(datetime(2025, 12, 30) + timedelta(days=number))[:10] for number in range(90)]
    today = days[-1]
    gone = outdated(days, today)
    assert set(days[: 90 - DAYS_KEPT - 1]) - set(gone) == {"2025-12-30", "2026-01-01"}
    assert all(day not in gone for day in days[-DAYS_KEPT:])


async def test_what_was_measured_comes_back_from_either_database(place: Path | str) -> None:
    ledger = await SqlLedger.open(place)
    try:
        survey = SqlSurvey(ledger, ledger, SqlCuration(ledger, "jisr:" + "a" * 52))
        day = measured(told(effort("one"), effort("two")), "2026-03-06")
        await survey.keep("2026-03-06", day, [])
        await survey.keep("2026-03-06", day, [])
        await survey.keep("2026-03-07", measured(told(effort("one")), "2026-03-07")[:1], ["2026-03-06"])
        assert [one.day for one in await survey.measured()] == ["2026-03-07"]
        assert await survey.same() == {} and await survey.meanings("2026-03-06") == {}
        assert await survey.stand() == await survey.stand()
    finally:
        await ledger.close()
