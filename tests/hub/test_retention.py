"""The floor: it moves forward only, late enough, and nothing live goes with the pages below it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from jisr_hub.ports import Snapshot
from jisr_hub.publish import forms, retention, snapshots
from jisr_hub.publish.snapshots import Cadence
from jisr_hub.storage.rebuild import rebuild_records
from jisr_protocol import identifiers, paths
from jisr_protocol.session import Outcome
from tests.hub.author import Author
from tests.hub.hub_in_memory import copy_of
from tests.hub.published import NEVER, assert_stands, hub_over, read_by, restart
from tests.reader.publisher import NOW

pytestmark = pytest.mark.anyio
DAILY = Cadence(entries=10**9, age=timedelta(days=1), aged_entries=0)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_pages_go_when_their_tombstones_are_old_and_every_live_record_stays(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Three pages, 200 days between them; some of the oldest records live on, some are gone."""
    author = Author("dar")
    async with hub_over(kind, request, tmp_path, author) as hub:
        await restart(hub, cadence=NEVER)

        async def write(prefix: str) -> None:
            start = len(author.feeds["public"].lines) if author.feeds else 0
            author.puts(270, prefix)
            for number in range(0, 40, 2):
                author.delete(f"{prefix}{number}")
            author.now = hub.clock()
            for first in range(start, len(author.feed().lines), 200):
                await hub.push(author, first, first + 200)
            await hub.publish()

        await write("first ")
        await read_by(hub, tmp_path, tmp_path / "early")
        hub.clock.pass_time(days=200)
        await write("second ")
        assert (await hub.publisher.publish(snapshot=True)).floor == 0
        hub.clock.pass_time(days=29)
        await hub.publish()
        hub.clock.pass_time(days=200 - 29)
        await write("third ")
        head = await hub.publish()
        assert head.floor == 0, "nothing is 400 days old yet"
        hub.clock.pass_time(days=1)
        await hub.publish()
        hub.clock.pass_time(days=1)
        head = await hub.publish()
        assert head.floor == 256, "the page whose entries are all older than 400 days"
        assert forms.source(hub.pages, paths.page(head.epoch, 0)) is None
        await assert_stands(hub)
        live = await hub.live()
        assert head.live == len(live) == 3 * 250
        for copy in ("new", "early"):
            result = await read_by(hub, tmp_path, tmp_path / copy)
            assert (result.outcome, result.live) == (Outcome.VERIFIED, len(live))
            with copy_of(tmp_path / copy) as held:
                assert {(r.node, r.id): (r.rev, r.digest) for r in held.records()} == live
        if kind == "sqlite":
            await rebuild_records(hub.ledger)
        again = await hub.publisher.publish_again()
        assert (again.state_root, again.live, again.floor) == (head.state_root, head.live, head.floor)
        await assert_stands(hub)
        await restart(hub)
        assert (await hub.publish()).floor == 256


async def test_the_floor_waits_for_a_snapshot_that_has_stood_for_a_month(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    author = Author("dar")
    author.puts(600)
    async with hub_over("memory", request, tmp_path, author) as hub:
        await hub.push(author, 0, 500)
        await hub.push(author, 500)
        now = NOW + timedelta(days=500)
        async with hub.ledger.reading() as view:

            async def floor(before: int, *stood: tuple[int, int]) -> int:
                """`stood`: (position, days since it was published) of snapshots."""
                at = [identifiers.to_instant(now - timedelta(days=days)) for _, days in stood]
                held = [Snapshot("1-aaaaaaaa", seq, when) for (seq, _), when in zip(stood, at, strict=True)]
                return await retention.floor(view, held, before, now)

            assert await floor(0) == 0
            assert await floor(0, (600, 29)) == 0
            assert await floor(0, (600, 30)) == 512
            assert await floor(0, (300, 30), (600, 3)) == 256
            assert await floor(0, (255, 30), (600, 3)) == 0
            assert await floor(512, (300, 30)) == 512, "it never goes back"
            assert await floor(0, (6000, 30)) == 512, "nor past what is here"


def test_the_history_of_snapshots_stays_short_and_says_what_stood_a_month_ago() -> None:
    held: tuple[Snapshot, ...] = ()
    for hour in range(24 * 90):
        at = NOW + timedelta(hours=hour)
        held = snapshots.remembered(held, Snapshot("1-aaaaaaaa", hour, identifiers.to_instant(at)))
        assert len(held) <= 36 and held[-1].seq == hour
        month = [s.seq for s in held if identifiers.from_instant(s.at) <= at - timedelta(days=30)]
        if hour > 24 * 33:
            assert hour - 24 * 33 <= max(month) <= hour - 24 * 30


def test_after_an_older_backup_only_snapshots_that_its_epoch_includes_may_be_named() -> None:
    held = tuple(
        Snapshot(epoch, seq, "2026-09-01T00:00:00Z") for epoch, seq in [("1-a", 50), ("2-b", 90), ("2-b", 120)]
    )
    bases = ({"epoch": "1-a", "size": 60}, {"epoch": "2-b", "size": 100})
    assert [s.seq for s in snapshots.standing(held, 300, "3-c", bases)] == [50, 90]
    assert [s.seq for s in snapshots.standing(held, 300, "2-b", bases[:1])] == [50, 90, 120]
