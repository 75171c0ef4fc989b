"""A hub on two PostgreSQL servers: pages are read from the standby while it keeps up, and when the primary dies the
standby goes on from the same position. And a hub behind pgbouncer in transaction mode."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from jisr_hub import config, events
from jisr_hub.app.opening import Running, open_hub
from jisr_hub.app.serving import application
from jisr_hub.cli import checking, keeping, putting_back, setting_up
from jisr_hub.failures import Unwritable
from jisr_hub.ports import Member
from jisr_hub.storage.database import PooledAddress
from jisr_hub.storage.sql import SqlLedger
from jisr_hub.storage.standby import LOOK_SECONDS, SqlStandby
from tests.hub.author import Author
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub, some_author
from tests.replicated import Pair, pair, pooler

PUSHED = {"Content-Type": "application/vnd.jisr.push+ndjson"}


@pytest.fixture
def servers() -> Iterator[Pair]:
    with pair() as servers:
        yield servers


def settled(hub: KeptHub, **changed: str) -> None:
    """Change the hub's settings."""
    config.write(hub.folder, config.read(hub.folder).model_copy(update=changed))


def count(server: Any) -> int:
    """How many questions about records a server has answered: scans of the table and of its indexes."""
    server.ask("SELECT pg_stat_clear_snapshot()", "jisr")
    asked = "SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'record'"
    return int(server.ask(asked, "jisr")[0][0])


async def until(standby: SqlStandby, state: str) -> None:
    """Ask until the standby is in a state."""
    for _ in range(200):
        await standby.rows(sa.text("SELECT 1"))
        if standby.state == state:
            return
        await asyncio.sleep(LOOK_SECONDS / 5)
    raise AssertionError(f"expected {state!r}, the standby is {standby.state!r}")


def test_pages_come_from_the_standby_and_from_the_primary_when_it_is_away(servers: Pair, tmp_path: Path) -> None:
    hub = KeptHub(tmp_path / "hub", servers.address).fill(some_author())
    settled(hub, read_database=servers.standby.address)
    with TestClient(application(hub.folder)) as client, capture_logs() as log:

        def page() -> str:
            answer = client.get("/directory", headers={"accept-language": "en"})
            assert answer.status_code == 200
            return answer.text

        def pages_until(event: str) -> None:
            end = time.monotonic() + 60
            while event not in [line["event"] for line in log]:
                page()
                assert time.monotonic() < end, log
                time.sleep(0.1)

        pages_until("standby.asked")
        time.sleep(1.5)  # the server counts what a session did a second later
        before = count(servers.standby)
        listed = page()
        end = time.monotonic() + 30
        while count(servers.standby) == before:
            assert time.monotonic() < end, "the standby was not asked"
            time.sleep(0.3)
        servers.primary.ask("ALTER SYSTEM SET synchronous_standby_names = ''")
        servers.primary.ask("SELECT pg_reload_conf()")
        servers.standby.kill()
        again = page()
        assert "11" in listed and listed.count('class="name"') == again.count('class="name"') > 0
        pages_until("standby.away")
        [line] = [line for line in log if line["event"] == "standby.away"]
        assert line["log_level"] == "warning" and line["reason"], "told once, with its reason"


def test_a_standby_that_stands_still_shows_nothing_old(servers: Pair, tmp_path: Path) -> None:
    """What was taken out a moment ago must not be seen for hours because replication stopped."""
    KeptHub(tmp_path / "hub", servers.address).fill(some_author())
    servers.primary.ask("ALTER SYSTEM SET synchronous_standby_names = ''")
    servers.primary.ask("SELECT pg_reload_conf()")

    async def story() -> None:
        ledger = await SqlLedger.open(servers.address)
        standby = SqlStandby(ledger, servers.standby.address)
        live = sa.text("SELECT count(*) AS live FROM record WHERE live_path IS NOT NULL")
        try:
            await until(standby, "asked")
            assert (await standby.rows(live))[0].live == 11
            servers.standby.ask("SELECT pg_wal_replay_pause()")
            async with ledger.database.writing() as connection:
                await connection.execute(sa.text("UPDATE record SET live_path = NULL"))
            await until(standby, "behind")
            assert (await standby.rows(live))[0].live == 0, "the primary answers"
            servers.standby.ask("SELECT pg_wal_replay_resume()")
            await until(standby, "asked")
            assert (await standby.rows(live))[0].live == 0
        finally:
            await standby.close()
            await ledger.close()

    run(story())


def test_while_the_primary_is_away_the_standby_goes_on(servers: Pair, tmp_path: Path) -> None:
    KeptHub(tmp_path / "hub", servers.address).fill(some_author())

    async def story() -> None:
        ledger = await SqlLedger.open(servers.address)
        standby = SqlStandby(ledger, servers.standby.address)
        try:
            await until(standby, "asked")
            servers.caught_up()
            servers.primary.kill()
            for _ in range(3):
                try:
                    assert len(await standby.members()) == 1
                except Unwritable as error:
                    raise AssertionError(f"the standby is {standby.state!r}") from error
                await asyncio.sleep(LOOK_SECONDS)
            assert standby.state == "asked"
        finally:
            await standby.close()
            await ledger.close()

    run(story())


# Promotion


async def promoted(servers: Pair, running: Running, author: Author, batches: int) -> tuple[float, list[int]]:
    """Push in batches; in the middle the primary dies and the standby is promoted. Returns the seconds from the death
    to the first push that was taken after it, and the positions that were acknowledged."""
    acknowledged: list[int] = []
    seconds = 0.0
    size = len(author.feed().entries()) // batches + 1
    total = len(author.feed().entries())
    for number, start in enumerate(range(0, total, size)):
        died = time.monotonic()
        if number == batches // 2:
            await asyncio.to_thread(servers.primary.kill)
            await asyncio.to_thread(servers.standby.promote)
        while True:
            try:
                body = author.push(start, min(start + size, total))
                acknowledged.append((await running.hub.push(author.id, "public", body)).next)
                break
            except Unwritable:
                assert time.monotonic() < died + 60, "nobody takes writes"
                await asyncio.sleep(0.02)
        if number == batches // 2:
            seconds = time.monotonic() - died
    return seconds, acknowledged


def fail_over(servers: Pair, folder: Path, records: int) -> tuple[float, int]:
    """The whole story; returns the seconds to the first write, and how many entries the log then has."""
    hub = KeptHub(folder, servers.address).fill(some_author())
    author = Author("writes on", now=setting_up.now())
    author.puts(records)

    async def story() -> float:
        running = await open_hub(hub.folder)
        try:
            await running.hub.admit("n", author.ring.statements, author.ring, per_hour=10**6, per_day=10**6)
            await running.publisher.publish()
            before = running.publisher.head
            seconds, acknowledged = await promoted(servers, running, author, max(8, records // 40))
            assert acknowledged[-1] == len(author.feed().entries())
            held = await running.ledger.node_log(author.id, "public")
            assert held.frontier.size == acknowledged[-1], "what was acknowledged is there"
            head = await running.publisher.publish()
            assert not running.publisher.fenced, "nothing that was published is missing"
            assert before is not None and head.size > before.size and head.epoch == before.epoch
            return seconds
        finally:
            await running.close()

    seconds = run(story())
    entries = [row[0] for row in servers.standby.ask("SELECT seq FROM entry ORDER BY seq", "jisr")]
    assert entries == list(range(len(entries))), "no position lost, none given twice"
    checked = run(checking.check(hub.folder, lambda *_: None))
    assert checked["faults"] == [] and checked["entries"] == len(entries)
    return seconds, len(entries)


def test_a_promoted_standby_goes_on_from_the_same_position(
    servers: Pair, tmp_path: Path, figure: Callable[..., None]
) -> None:
    seconds, entries = fail_over(servers, tmp_path / "hub", 80)
    figure(f"{seconds:.2f} s from the primary's death to the next push; {entries} positions, none lost")


def test_a_hub_that_serves_goes_on_by_itself(servers: Pair, tmp_path: Path) -> None:
    """Nobody starts it again: it leads, takes pushes and publishes at the promoted standby, and says so."""
    hub = KeptHub(tmp_path / "hub", servers.address).fill(some_author())
    settled(hub, read_database=servers.standby.address)
    author = Author("afterwards", now=setting_up.now())
    author.puts(3)

    async def admit() -> None:
        async with setting_up.opened(hub.folder) as ledger:
            member = Member(author.id, "n", "", 10**6, 10**6, "2026-09-01T00:00:00Z")
            await ledger.admit(member, author.ring.statements)

    run(admit())
    events.set_up(io.StringIO())  # as it serves: what comes otherwise draws pictures of every error
    with TestClient(application(hub.folder)) as client:

        def until_ready(size: int) -> None:
            end = time.monotonic() + 90
            while True:
                told = client.get("/readyz").json()
                if told["publishes"] and told["ready"] and told["head"]["size"] >= size:
                    return
                assert time.monotonic() < end, told
                time.sleep(0.3)

        until_ready(16)
        servers.primary.kill()
        refused = client.post(f"/v1/nodes/{author.id}/feeds/public/log", content=author.push(0), headers=PUSHED)
        assert (refused.status_code, refused.json()["code"]) == (503, "busy"), "until then nodes are told to come back"
        servers.standby.promote()
        end = time.monotonic() + 60
        while True:
            taken = client.post(f"/v1/nodes/{author.id}/feeds/public/log", content=author.push(0), headers=PUSHED)
            if taken.status_code == 200:
                break
            assert taken.status_code == 503 and time.monotonic() < end, taken.text
            time.sleep(0.1)
        until_ready(20)
        assert client.get("/directory").status_code == 200
        assert client.get("/feeds/public/head.json").json()["head"]["size"] >= 20


def test_a_standby_that_was_behind_signs_nothing_when_promoted(tmp_path: Path) -> None:
    """Without synchronous_standby_names what was acknowledged can be lost; the fence keeps the hub from denying it."""
    with pair(synchronous=False) as servers:
        hub = KeptHub(tmp_path / "hub", servers.address).fill(some_author())
        servers.caught_up()
        servers.standby.kill()
        hub.fill(some_author("lost"))
        servers.primary.kill()
        servers.standby.start().promote()

        async def fenced() -> str:
            running = await open_hub(hub.folder)
            try:
                return running.publisher.fenced
            finally:
                await running.close()

        assert "older than what this hub has published" in run(fenced())


# pgbouncer


@pytest.fixture
def pooled(servers: Pair, tool: Callable[[str], str]) -> Iterator[str]:
    with pooler(tool("pgbouncer"), servers.primary) as before:
        yield before.address


def test_a_pooler_that_stands_alone_is_refused_by_name(servers: Pair, pooled: str, tmp_path: Path) -> None:
    with pytest.raises(PooledAddress, match=r"direct_database"):
        KeptHub(tmp_path / "hub", pooled)
    assert servers.primary.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "jisr") == [(0,)]


def test_a_hub_works_through_a_pooler(servers: Pair, pooled: str, tmp_path: Path) -> None:
    """Pushes, publishes, pages and records by pgbouncer's two sessions; who leads is settled at the database itself."""
    hub = KeptHub(tmp_path / "hub", servers.primary.address).fill(some_author())
    settled(hub, database=pooled, direct_database=servers.primary.address)
    for number in range(6):  # psycopg would prepare a statement at its fifth time
        hub.fill(some_author(f"pooled {number}", records=4))

    async def story() -> None:
        running = await open_hub(hub.folder)
        try:
            async with running.ledger.leading("publisher") as mine, running.ledger.leading("publisher") as other:
                assert mine is not None and other is None, "two never lead at once"
            await asyncio.gather(*(running.ledger.members() for _ in range(40)))
            async with running.ledger.reading() as view:
                assert [row async for part in view.puts() for row in part]
        finally:
            await running.close()

    run(story())
    with TestClient(application(hub.folder)) as client:
        assert client.get("/directory").status_code == 200
        end = time.monotonic() + 60
        while not (told := client.get("/readyz").json())["publishes"]:
            assert time.monotonic() < end, told
            time.sleep(0.2)
    checked = run(checking.check(hub.folder, lambda *_: None))
    assert checked["faults"] == []


def test_nothing_is_prepared_through_a_pooler(servers: Pair, pooled: str, tmp_path: Path) -> None:
    """And, to compare: the same questions to the database itself are prepared at their fifth time."""
    KeptHub(tmp_path / "hub", servers.primary.address)

    async def prepared(address: str, direct: str) -> int:
        ledger = await SqlLedger.open(address, direct=direct)
        try:
            for _ in range(12):
                await ledger.members()
            found = await ledger.rows(sa.text("SELECT count(*) AS prepared FROM pg_prepared_statements"))
            return int(found[0].prepared)
        finally:
            await ledger.close()

    assert run(prepared(pooled, servers.primary.address)) == 0
    assert run(prepared(servers.primary.address, "")) > 0


def test_a_backup_is_put_back_at_the_database_itself(servers: Pair, pooled: str, tmp_path: Path) -> None:
    """And a backup that goes into another database leaves the addresses of this one behind."""
    hub = KeptHub(tmp_path / "hub", servers.primary.address).fill(some_author())
    settled(hub, database=pooled, direct_database=servers.primary.address, read_database=servers.standby.address)
    run(keeping.backup(hub.folder, tmp_path / "hub.tar", with_key=True))
    put_back = run(putting_back.restore(hub.folder, tmp_path / "hub.tar", database=None, yes=True))
    assert put_back["aside"].startswith("the schema before_")
    assert config.read(hub.folder).direct_database == servers.primary.address
    run(putting_back.restore(tmp_path / "moved", tmp_path / "hub.tar", database="sqlite", yes=False))
    moved = config.read(tmp_path / "moved")
    assert (moved.database, moved.direct_database, moved.read_database) == ("", "", "")
