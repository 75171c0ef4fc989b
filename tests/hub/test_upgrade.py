"""`jisr-hub upgrade`: a newer version takes over, or the hub is as it was and each command of the way back is said."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jisr_hub import __version__, config
from jisr_hub.cli import putting_back, setting_up, upgrading
from jisr_hub.cli.upgrading import UpgradeFailed
from jisr_hub.storage import migrations, sessions
from jisr_hub.storage.archive import Backup
from jisr_hub.storage.lock import AlreadyRunning, only_one
from tests import postgres
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub, some_author
from tests.hub.test_cli import Command, jisr_hub

__all__ = ["jisr_hub"]
BEFORE = "0011"
"""The step that the hubs of these tests are taken back to."""
LATER = (
    *("account", "account_secret", "desk_session", "desk_pending", "desk_try"),
    *("voice", "word", "word_about", "merged", "curated"),
    *("passkey", "desk_token"),
    *("double", "double_answer", "double_stand"),
    *("act", "act_open", "block", "unjudged"),
    *("node_tree", "node_branch", "node_touch"),
    *("source", "source_round", "source_order", "braked", "left_out"),
    *("correspondent", "letter", "mail_link", "campaign", "asked_record", "sealed_message"),
    *("usage_day", "mistake"),
    "coverage_day",
    *("search_entry", "search_source", "search_due", "search_stand"),
    "subscription",
)
"""The tables that steps after it brought."""
INDEXES = ("record_gone", "node_entry_aside_of", "record_type", "record_organization", "stated_open")


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def hub(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> KeptHub:
    """A hub as a version of that step left it. Others are looked for as long as it takes in a test of its own only."""
    monkeypatch.setattr(sessions, "WATCH_SECONDS", 0.1)
    address = request.getfixturevalue("postgres_address") if request.param == "PostgreSQL" else ""
    hub = KeptHub(tmp_path / "hub", address).fill(some_author())
    for table in LATER:
        hub.execute(f"DROP TABLE {table}")
    for index in ("node_entry_code", *INDEXES):
        hub.execute(f"DROP INDEX {index}")
    hub.execute("ALTER TABLE stated DROP COLUMN word")
    hub.execute("UPDATE alembic_version SET version_num = ?", BEFORE)
    return hub


def held(hub: KeptHub) -> dict[str, Any]:
    """All that is in its database, read as it is."""
    tables = (
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        if hub.address
        else "SELECT name FROM sqlite_master WHERE type = 'table'"
    )
    indexes = "SELECT indexname FROM pg_indexes" if hub.address else "SELECT name FROM sqlite_master"
    found: dict[str, Any] = {"indexes": sorted(hub.execute(indexes))}
    for (table,) in hub.execute(tables):
        found[table] = sorted(map(repr, hub.execute(f"SELECT * FROM {table}")))
    return found


def step(hub: KeptHub) -> str:
    return str(hub.execute("SELECT version_num FROM alembic_version")[0][0])


def go(hub: KeptHub, start: str = "") -> dict[str, Any]:
    found: dict[str, Any] = run(upgrading.upgrade(hub.folder, None, start, "http://127.0.0.1:1"))
    return found


def test_an_older_hub_is_taken_over_and_answers(hub: KeptHub) -> None:
    looked = run(upgrading.look(hub.folder))
    assert (looked["step"], looked["newest"], looked["before"]) == (BEFORE, migrations.NEWEST, "")
    before = held(hub)
    done = go(hub)
    assert (done["answers"], step(hub)) == (__version__, migrations.NEWEST)
    after = held(hub)
    assert set(after["entry"]) >= set(before["entry"]), "the hub may say something more as it serves"
    assert after["record"] == before["record"] and after["node_entry"] == before["node_entry"]
    assert upgrading.served(hub.folder) == __version__, "whoever has to go back from the next version knows to which"
    backup = Backup(Path(done["backup"]))
    assert backup.about.step == BEFORE, "the version before can put it back"
    with only_one(hub.folder):  # the trial has ended
        pass


def test_a_step_that_fails_leaves_all_as_it_was(hub: KeptHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted step has already thrown things away when it fails."""
    from alembic import op

    def planted(*_: object, **__: object) -> None:
        op.execute("DELETE FROM entry")
        op.execute("DROP TABLE record")
        op.execute("CREATE TABLE half (done integer)")
        raise RuntimeError("planted in the middle")

    monkeypatch.setattr(op, "create_index", planted)
    before, files = held(hub), sorted(p.name for p in hub.folder.iterdir() if not p.name.startswith("hub.sqlite-"))
    with pytest.raises(UpgradeFailed) as failed:
        go(hub)
    assert "could not be brought from step 0011 to" in str(failed.value)
    assert str(failed.value).endswith("planted in the middle. The database is as it was.")
    assert failed.value.back[1:] == [f"jisr-hub serve --dir {hub.folder}"], "there is nothing to put back"
    assert held(hub) == before
    left = {p.name for p in hub.folder.iterdir() if not p.name.startswith("hub.sqlite-")}
    assert left - {"serving.lock"} == set(files) - {"serving.lock"}
    monkeypatch.undo()
    assert go(hub)["answers"] == __version__, "and the same command goes on when the cause is gone"


def test_the_way_back_that_is_said_leads_back(hub: KeptHub, jisr_hub: Command) -> None:
    """The start fails after the tables were changed; what is said is done, word by word."""
    before = held(hub)
    with pytest.raises(UpgradeFailed) as failed:
        go(hub, start=f"{shlex.quote(sys.executable)} -c 'raise SystemExit(3)'")
    assert "ended with 3" in str(failed.value) and step(hub) == migrations.NEWEST
    install, *commands, serve = failed.value.back
    assert install.startswith("Install the version that served before again")
    assert serve == f"jisr-hub serve --dir {hub.folder}"
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "jisr-hub"
        done = jisr_hub(*arguments)
        assert done.status == 0, done.err
    after = held(hub)
    # the version that restores here is the new one: its tables have what the steps add to them
    grown = {"alembic_version", "indexes", "stated"}
    assert all(after[table] == before[table] for table in before.keys() - grown)
    assert len(after["stated"]) == len(before["stated"]) > 0


def test_views_are_left_out_of_the_way_back_by_name(hub: KeptHub) -> None:
    (hub.folder / config.VIEWS / "north-sea").mkdir(parents=True)
    (hub.folder / config.VIEWS / "north-sea.sqlite").touch()
    with pytest.raises(UpgradeFailed) as failed:
        go(hub, start="false")
    wanted = "DROP SCHEMA view_north_sea CASCADE" if hub.address else f"rm {hub.folder}/views/*.sqlite*"
    assert any(wanted in line for line in failed.value.back)


def test_another_version_that_answers_is_found_out(hub: KeptHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the service still starts what was installed before."""
    monkeypatch.setattr(upgrading, "__version__", "9.9.9")
    monkeypatch.setattr(upgrading, "READY_SECONDS", 3.0)
    with pytest.raises(UpgradeFailed, match=rf"version 9\.9\.9 does not serve .* answers version {__version__}"):
        go(hub)


@contextlib.contextmanager
def serving(hub: KeptHub) -> Iterator[None]:
    """What a hub's process holds while it serves."""
    if not hub.address:
        with only_one(hub.folder):
            yield
        return
    with psycopg.connect(postgres.plain(hub.address), autocommit=True) as session:
        session.execute("SELECT pg_try_advisory_lock(%s, hashtext('publisher'))", (0x4A697373,))
        yield


def test_beside_a_process_that_serves_nothing_is_done(hub: KeptHub) -> None:
    before = held(hub)
    with serving(hub), pytest.raises(AlreadyRunning, match=r"A process serves .* Nothing was changed\. Stop it"):
        go(hub)
    assert held(hub) == before
    assert not list(hub.folder.glob("before-upgrade-*"))


def test_a_second_process_that_leads_nothing_is_seen_too(tmp_path: Path, postgres_address: str) -> None:
    """Another hub process asks every two seconds whether it may lead. Idle sessions and persons do not count."""
    hub = KeptHub(tmp_path / "hub", postgres_address)
    plain = postgres.plain(postgres_address)

    async def asks() -> None:
        async with await psycopg.AsyncConnection.connect(plain, autocommit=True) as session:
            while True:
                await session.execute("SELECT 1")
                await asyncio.sleep(2.0)

    async def story(*, second: bool) -> list[str]:
        idle = await psycopg.AsyncConnection.connect(plain, autocommit=True)
        await idle.execute("SELECT 1")
        person = await psycopg.AsyncConnection.connect(plain, autocommit=True, application_name="psql")
        looks = asyncio.create_task(person.execute("SELECT pg_sleep(9)"))
        other = asyncio.create_task(asks()) if second else None
        await asyncio.sleep(0.5)
        try:
            return await sessions.working(hub.address)
        finally:
            for task in (looks, *([other] if other else [])):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, psycopg.Error):
                    await task
            await idle.close()
            await person.close()

    assert run(story(second=False)) == []
    [found] = run(story(second=True))
    assert found.startswith("session ")


def test_a_later_database_is_left_alone(hub: KeptHub) -> None:
    hub.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(migrations.NewerDatabase, match="Nothing was changed"):
        go(hub)
    assert step(hub) == "9999"


def test_the_command_says_what_it_would_do_and_what_it_did(hub: KeptHub, tmp_path: Path, jisr_hub: Command) -> None:
    looked = jisr_hub("upgrade", "--dir", hub.folder, "--check")
    assert looked.status == 0 and f"from step {BEFORE} to {migrations.NEWEST}" in looked.out
    assert step(hub) == BEFORE
    failed = jisr_hub("upgrade", "--dir", hub.folder, "--start", "false", "--json")
    assert failed.status == 1
    assert failed.json["back"][1].startswith("jisr-hub restore ")
    assert "To go back:" in failed.err
    done = jisr_hub("upgrade", "--dir", hub.folder, "--backup", tmp_path / "again.tar")  # one has a name by the second
    assert done.status == 0, done.err
    assert f"Version {__version__} answers" in done.out


def test_a_backup_of_an_older_step_is_put_back_by_this_version(hub: KeptHub, tmp_path: Path) -> None:
    before = held(hub)
    file = Path(go(hub)["backup"])
    again = tmp_path / "again"
    run(putting_back.restore(again, file, database="sqlite", yes=False))
    restored = KeptHub.__new__(KeptHub)
    restored.folder, restored.address = again, ""
    assert step(restored) == migrations.NEWEST
    assert len(restored.execute("SELECT * FROM entry")) == len(before["entry"])
    assert len(restored.execute("SELECT * FROM node_entry")) == len(before["node_entry"])


def test_an_empty_folder_is_no_hub(tmp_path: Path) -> None:
    with pytest.raises(config.SettingsError, match="There is no hub in"):
        run(upgrading.look(tmp_path))
    hub = KeptHub(tmp_path / "hub")
    (hub.folder / "hub.sqlite").unlink()
    with pytest.raises(setting_up.SettingUpError, match=r"lacks hub\.sqlite; nothing was changed"):
        run(upgrading.look(hub.folder))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no owners of files")
def test_another_user_than_the_one_that_serves_is_sent_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root would leave files behind that the service cannot write."""
    hub = KeptHub(tmp_path / "hub")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(
        setting_up.SettingUpError, match=r"nothing was changed\. Give the command as that user: sudo -u"
    ):
        go(hub)
    assert not list(hub.folder.glob("before-upgrade-*"))
