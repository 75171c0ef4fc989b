"""`jisr-hub doctor`: each thing that can be wrong around a hub is found, in a sentence that says what to do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from jisr_hub.cli import doctor, keeping, setting_up
from jisr_hub.cli.doctor import BAD, LOOK, WELL, Finding
from jisr_hub.ports import Peer
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub, some_author


@pytest.fixture
def hub(tmp_path: Path) -> KeptHub:
    """A hub of which all is well: filled, published, backed up, its recovery key put away."""
    author = some_author()
    hub = KeptHub(tmp_path / "hub").fill(author)
    (hub.folder / "recovery-key.txt").unlink()
    run(keeping.backup(hub.folder, tmp_path / "hub.tar", with_key=False))
    hub.execute("UPDATE node_entry SET code = NULL")  # nothing put aside
    return hub


def looked(folder: Path) -> list[Finding]:
    return list(run(doctor.doctor(folder)))


def ill(folder: Path) -> list[tuple[str, str, str]]:
    return [(each.about, each.state, each.says) for each in looked(folder) if each.state != WELL]


def test_all_is_well_and_each_thing_was_looked_at(hub: KeptHub) -> None:
    assert ill(hub.folder) == []
    about = {each.about for each in looked(hub.folder)}
    assert about == {"settings", "keys", "disk", "backup", "database", "fence", "head", "clock", "pages", "erasures"}
    assert doctor.facts(looked(hub.folder))["well"] is True


def test_it_changes_nothing(hub: KeptHub) -> None:
    before = hub.state()
    files = sorted(path for path in (hub.folder / "public").rglob("*"))
    looked(hub.folder)
    assert hub.state() == before
    assert sorted(path for path in (hub.folder / "public").rglob("*")) == files


def a_stale_head(hub: KeptHub, monkeypatch: pytest.MonkeyPatch) -> None:
    later = setting_up.now() + timedelta(days=3)
    monkeypatch.setattr(doctor, "now", lambda: later)


def a_clock_that_is_behind(hub: KeptHub, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = setting_up.now() - timedelta(hours=1)
    monkeypatch.setattr(doctor, "now", lambda: earlier)


def a_full_disk(hub: KeptHub, monkeypatch: pytest.MonkeyPatch) -> None:
    full = type("Room", (), {"free": 10**7, "total": 10**10})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: full)


def no_backup(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    (hub.folder / keeping.NOTED).unlink()


def an_old_backup(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    note = {"made": "2026-01-01T00:00:00Z", "file": "/media/stick/hub.tar", "entries": 3}
    (hub.folder / keeping.NOTED).write_bytes(orjson.dumps(note))


def an_open_key(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    (hub.folder / "signing.key").chmod(0o644)


def a_recovery_key_that_lies_about(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    (hub.folder / "recovery-key.txt").write_text("words")


def an_older_database(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    hub.execute("UPDATE feed SET size = 3, published_head = NULL")


def a_missing_page(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    for page in (hub.folder / "public" / "log").rglob("*.ndjson.zst"):
        page.unlink()


def a_peer_that_fails(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with setting_up.opened(hub.folder) as ledger:
            await ledger.keep_peer(
                Peer("jisr:x", "Jisr Nederland", "https://x", 0, "", "temporary", "no answer.", "2026-08-01T00:00:00Z")
            )

    run(story())


def something_put_aside(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    hub.execute("UPDATE node_entry SET code = 'schema_invalid' WHERE line IS NOT NULL AND name = 'hub' AND seq = 1")


def an_erasure_that_waits(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    (hub.folder / "erasures.jsonl").write_bytes(b'{"scrubbed":"x"}\n{"entry":{}}\n')


def a_newer_database(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    hub.execute("UPDATE alembic_version SET version_num = '9999'")


def an_earlier_database(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    hub.execute("UPDATE alembic_version SET version_num = '0001'")


def an_empty_database(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    for name in ("hub.sqlite", "hub.sqlite-wal", "hub.sqlite-shm"):
        (hub.folder / name).unlink(missing_ok=True)
    (hub.folder / "hub.sqlite").touch()


def a_database_of_rubbish(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    for name in ("hub.sqlite-wal", "hub.sqlite-shm"):
        (hub.folder / name).unlink(missing_ok=True)
    (hub.folder / "hub.sqlite").write_bytes(b"rubbish " * 1000)


def wrong_settings(hub: KeptHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JISR_HUB_COUNTRY", "Morocco")


def a_lost_key(hub: KeptHub, _: pytest.MonkeyPatch) -> None:
    (hub.folder / "signing.key").unlink()


ILLS: list[tuple[Callable[[KeptHub, pytest.MonkeyPatch], None], str, str, str]] = [
    (a_stale_head, "head", BAD, "Is the hub being served?"),
    (a_clock_that_is_behind, "clock", BAD, "Set the clock."),
    (a_full_disk, "disk", BAD, "Make room now."),
    (no_backup, "backup", LOOK, "jisr-hub backup FILE"),
    (an_old_backup, "backup", LOOK, "/media/stick/hub.tar"),
    (an_open_key, "keys", BAD, "chmod 600"),
    (a_recovery_key_that_lies_about, "keys", LOOK, "delete the file"),
    (an_older_database, "fence", BAD, "jisr-hub rebase"),
    (a_missing_page, "pages", BAD, "jisr-hub rebuild"),
    (a_peer_that_fails, "peer", LOOK, "no answer."),
    (something_put_aside, "quarantine", LOOK, "jisr-hub rejudge"),
    (an_erasure_that_waits, "erasures", LOOK, "1 erasures"),
    (a_newer_database, "database", BAD, "later version"),
    (an_earlier_database, "database", LOOK, "by itself"),
    (an_empty_database, "database", BAD, "put a backup back"),
    (a_database_of_rubbish, "database", BAD, "file is not a database"),
    (wrong_settings, "hub", BAD, "country"),
    (a_lost_key, "hub", BAD, "signing.key"),
]


@pytest.mark.parametrize(("spoil", "about", "state", "says"), ILLS, ids=lambda each: getattr(each, "__name__", ""))
def test_each_ill_is_found_with_what_to_do(
    hub: KeptHub, monkeypatch: pytest.MonkeyPatch, spoil: Any, about: str, state: str, says: str
) -> None:
    spoil(hub, monkeypatch)
    found = ill(hub.folder)
    assert [each for each in found if each[:2] == (about, state) and says in each[2]], found
    assert doctor.facts(looked(hub.folder))["well"] is False
    told = doctor.words(looked(hub.folder)).splitlines()
    assert told[0].startswith("!")


def test_postgresql_is_asked_for_what_keeps_data(tmp_path: Path, postgres_address: str) -> None:
    hub = KeptHub(tmp_path / "hub", postgres_address).fill(some_author())
    [told] = [each.says for each in looked(hub.folder) if each.about == "database"]
    assert told.startswith("PostgreSQL ") and "answers" in told
    name = hub.execute("SELECT current_database()")[0][0]
    hub.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    assert [each for each in ill(hub.folder) if "synchronous_commit off" in each[2]]


def test_a_database_that_does_not_answer_is_a_sentence(hub: KeptHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JISR_HUB_DATABASE", "postgresql://nobody:hidden-word@127.0.0.1:1/none")
    began = time.monotonic()
    [found] = [each for each in ill(hub.folder) if each[0] == "database"]
    assert found[1] == BAD and "Is it up, and its address right?" in found[2]
    assert "hidden-word" not in found[2] and time.monotonic() - began < 30
    assert os.environ["JISR_HUB_DATABASE"]
