"""`jisr-hub backup` and `restore`: one file, one moment, of either database into either, all of it or nothing."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jisr_hub.app.opening import open_hub
from jisr_hub.cli import checking, keeping, putting_back
from jisr_hub.cli.setting_up import SettingUpError
from jisr_hub.storage.archive import Backup, BrokenBackup
from jisr_hub.storage.lock import AlreadyRunning, only_one
from tests import postgres
from tests.hub.author import Author
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub, execute, some_author, state_of

Place = Callable[[], str]
KINDS = ("sqlite", "postgresql")


@pytest.fixture
def postgres_address(postgres_server: str) -> Iterator[str]:
    """Of an empty database: backups are put back where nothing stands."""
    with postgres.database(postgres_server, empty=True) as address:
        yield address


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The address for a kind of database; "" is the file in the folder."""
    return lambda kind: str(request.getfixturevalue("postgres_address")) if kind == "postgresql" else ""


@pytest.fixture
def hub(tmp_path: Path) -> KeptHub:
    return KeptHub(tmp_path / "hub").fill(some_author())


def backup(hub: KeptHub, file: Path, **options: bool) -> dict[str, Any]:
    return run(keeping.backup(hub.folder, file, with_key=options.get("with_key", True)))


def restore(folder: Path, file: Path, *, database: str | None = None, yes: bool = False) -> dict[str, Any]:
    return run(putting_back.restore(folder, file, database=database, yes=yes))


def faults(folder: Path) -> list[str]:
    return run(checking.check(folder, lambda *_: None))["faults"]


@pytest.mark.parametrize("into", KINDS)
@pytest.mark.parametrize("of", KINDS)
def test_every_byte_comes_back_from_either_database_in_either(
    of: str, into: str, tmp_path: Path, place: Callable[[str], str]
) -> None:
    address = place("postgresql") if "postgresql" in (of, into) else ""
    hub = KeptHub(tmp_path / "hub", address if of == "postgresql" else "").fill(some_author())
    before = hub.state()
    backup(hub, tmp_path / "hub.tar")
    if of == into == "postgresql":
        hub.execute("DROP SCHEMA public CASCADE")
        hub.execute("CREATE SCHEMA public")
    database = address if into == "postgresql" else putting_back.SQLITE
    done = restore(tmp_path / "again", tmp_path / "hub.tar", database=database)
    assert (done["entries"], done["aside"]) == (len(before.entries), "")
    assert run(state_of(tmp_path / "again")) == before
    assert (tmp_path / "again" / "hub.sqlite").exists() == (into == "sqlite")
    assert [fault for fault in faults(tmp_path / "again") if "page" not in fault] == []


def test_a_hub_moves_to_postgresql_and_goes_on(hub: KeptHub, tmp_path: Path, postgres_address: str) -> None:
    before = hub.state()
    backup(hub, tmp_path / "hub.tar")
    done = restore(hub.folder, tmp_path / "hub.tar", database=postgres_address, yes=True)
    assert not done["fenced"]
    assert json.loads((hub.folder / "hub.json").read_bytes())["database"] == postgres_address
    assert hub.state() == before
    assert faults(hub.folder) == []
    other = some_author("other")
    hub.fill(other)
    assert len(hub.state().entries) > len(before.entries)
    assert faults(hub.folder) == []


def test_a_backup_of_a_serving_hub_is_one_moment(hub: KeptHub, tmp_path: Path) -> None:
    """Pushes go on while it is written; what is in it adds up to some head, and proves."""

    async def both() -> None:
        running = await open_hub(hub.folder)
        stop = asyncio.Event()

        async def pushing() -> int:
            count = 0
            while not stop.is_set():
                author = Author(f"late{count}", now=running.hub.clock())
                author.puts(3)
                await running.hub.admit("late", author.ring.statements, author.ring, per_hour=10**6, per_day=10**6)
                await running.hub.push(author.id, "public", author.push())
                await running.publisher.publish()
                count += 1
            return count

        task = asyncio.create_task(pushing())
        try:
            for number in range(4):
                await keeping.backup(hub.folder, tmp_path / f"{number}.tar", with_key=False)
        finally:
            stop.set()
            count = await task
            await running.close()
        assert count > 1

    run(both())
    sizes = []
    for number in range(4):
        told = run(putting_back.look(tmp_path / f"{number}.tar", tmp_path / "nowhere", putting_back.SQLITE))
        assert told["faults"] == []
        sizes.append(told["entries"])
    assert sizes == sorted(sizes) and sizes[-1] > sizes[0]
    assert not (tmp_path / "nowhere").exists()


def test_the_key_is_in_it_only_when_asked_for_and_the_fence_never(hub: KeptHub, tmp_path: Path) -> None:
    (hub.folder / "erasures.jsonl").write_bytes(b"{}\n")
    backup(hub, tmp_path / "without.tar", with_key=False)
    backup(hub, tmp_path / "with.tar", with_key=True)
    secret = (hub.folder / "signing.key").read_bytes().splitlines()[1]
    assert secret not in (tmp_path / "without.tar").read_bytes()
    assert secret in (tmp_path / "with.tar").read_bytes()
    for name in ("without.tar", "with.tar"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
        with tarfile.open(tmp_path / name) as archive:
            files = {member.name for member in archive if member.name.startswith("files/")}
        assert files <= {"files/hub.json", "files/keys.json", "files/signing.key"}
    assert "The signing key is not in it" in keeping.backup_words(backup(hub, tmp_path / "third.tar", with_key=False))


def test_a_backup_overwrites_nothing_and_leaves_nothing_half_done(hub: KeptHub, tmp_path: Path) -> None:
    (tmp_path / "there.tar").write_bytes(b"mine")
    with pytest.raises(SettingUpError, match="nothing was written"):
        backup(hub, tmp_path / "there.tar")
    assert (tmp_path / "there.tar").read_bytes() == b"mine"
    with pytest.raises(OSError, match="no-such-folder"):
        backup(hub, tmp_path / "no-such-folder" / "hub.tar")
    assert [file.name for file in tmp_path.iterdir() if "unfinished" in file.name] == []


def test_a_backup_notes_itself(hub: KeptHub, tmp_path: Path) -> None:
    assert keeping.last_backup(hub.folder) is None
    backup(hub, tmp_path / "hub.tar")
    noted = keeping.last_backup(hub.folder)
    assert noted is not None and noted[1] == str(tmp_path / "hub.tar")


# Putting it back


def test_what_is_there_stays_unless_yes_and_is_kept_beside(hub: KeptHub, tmp_path: Path) -> None:
    backup(hub, tmp_path / "hub.tar")
    before = hub.state()
    hub.fill(some_author("later"))
    later = hub.state()
    with pytest.raises(SettingUpError, match="nothing was changed"):
        restore(hub.folder, tmp_path / "hub.tar")
    assert hub.state() == later
    (hub.folder / "erasures.jsonl").write_bytes(b"")
    done = restore(hub.folder, tmp_path / "hub.tar", yes=True)
    assert done["fenced"] and "rebase" in putting_back.restore_words(done, hub.folder)
    [kept] = hub.folder.glob("hub.sqlite.before-*Z")
    assert kept.name == done["aside"]
    shutil.copytree(hub.folder, tmp_path / "old")
    for part in ("", "-wal", "-shm"):
        aside = tmp_path / "old" / (kept.name + part)
        (tmp_path / "old" / ("hub.sqlite" + part)).unlink(missing_ok=True)
        if aside.exists():
            aside.rename(tmp_path / "old" / ("hub.sqlite" + part))
    assert run(state_of(tmp_path / "old")) == later
    rows = execute(hub.folder, "", "SELECT count(*) FROM entry")
    assert rows == [(len(before.entries),)]
    assert (hub.folder / "erasures.jsonl").exists()


def test_postgresql_keeps_what_was_there_in_a_schema(tmp_path: Path, postgres_address: str) -> None:
    hub = KeptHub(tmp_path / "hub", postgres_address).fill(some_author())
    backup(hub, tmp_path / "hub.tar")
    hub.fill(some_author("later"))
    size = hub.execute("SELECT count(*) FROM entry")
    done = restore(hub.folder, tmp_path / "hub.tar", yes=True)
    schema = done["aside"].removeprefix("the schema ")
    assert hub.execute(f"SELECT count(*) FROM {schema}.entry") == size
    assert hub.execute("SELECT count(*) FROM entry") == [(done["entries"],)]
    assert done["entries"] < size[0][0]


@pytest.mark.parametrize("content", [b"rubbish " * 1000, b"", None])
def test_a_database_that_cannot_be_read_is_replaced_and_kept(
    hub: KeptHub, tmp_path: Path, content: bytes | None
) -> None:
    backup(hub, tmp_path / "hub.tar")
    before = hub.state()
    for end in ("", "-wal", "-shm"):
        (hub.folder / ("hub.sqlite" + end)).unlink(missing_ok=True)
    if content is not None:
        (hub.folder / "hub.sqlite").write_bytes(content)
    with pytest.raises(SettingUpError, match="nothing was changed"):
        restore(hub.folder, tmp_path / "hub.tar")
    done = restore(hub.folder, tmp_path / "hub.tar", yes=True)
    assert hub.state() == before and not done["fenced"]
    if content:
        assert (hub.folder / done["aside"]).read_bytes() == content


def test_another_hub_is_never_replaced(hub: KeptHub, tmp_path: Path, postgres_address: str) -> None:
    backup(hub, tmp_path / "hub.tar")
    other = KeptHub(tmp_path / "other", postgres_address).fill(some_author())
    before = other.state()
    for folder, database in ((other.folder, None), (tmp_path / "new", postgres_address)):
        told = run(putting_back.look(tmp_path / "hub.tar", folder, database))
        assert "Another hub" in putting_back.look_words(told)
        with pytest.raises(SettingUpError, match="another hub"):
            restore(folder, tmp_path / "hub.tar", database=database, yes=True)
    assert other.state() == before


def test_a_serving_hub_is_not_replaced(hub: KeptHub, tmp_path: Path) -> None:
    backup(hub, tmp_path / "hub.tar")
    with only_one(hub.folder), pytest.raises(AlreadyRunning):
        restore(hub.folder, tmp_path / "hub.tar", yes=True)


def test_a_newer_key_is_not_taken_back(hub: KeptHub, tmp_path: Path) -> None:
    backup(hub, tmp_path / "hub.tar", with_key=True)
    (hub.folder / "signing.key").write_bytes(b"newer")
    restore(hub.folder, tmp_path / "hub.tar", yes=True)
    assert (hub.folder / "signing.key").read_bytes() == b"newer"


def test_without_a_key_it_says_so(hub: KeptHub, tmp_path: Path) -> None:
    backup(hub, tmp_path / "hub.tar", with_key=False)
    told = run(putting_back.look(tmp_path / "hub.tar", tmp_path / "new", None))
    assert "without it the hub cannot sign" in putting_back.look_words(told)
    done = restore(tmp_path / "new", tmp_path / "hub.tar")
    assert "Put signing.key into" in putting_back.restore_words(done, tmp_path / "new")
    assert not (tmp_path / "new" / "signing.key").exists()


def test_the_fence_tells_how_far_it_published_also_when_the_pages_are_lost(hub: KeptHub, tmp_path: Path) -> None:
    backup(hub, tmp_path / "hub.tar")
    assert run(putting_back.look(tmp_path / "hub.tar", hub.folder, None))["fenced"] is False
    hub.fill(some_author("later"))
    shutil.rmtree(hub.folder / "public")
    told = run(putting_back.look(tmp_path / "hub.tar", hub.folder, None))
    assert told["fenced"] is True and "jisr-hub rebase" in putting_back.look_words(told)
    fence = (hub.folder / "fence.json").read_bytes()
    restore(hub.folder, tmp_path / "hub.tar", yes=True)
    assert (hub.folder / "fence.json").read_bytes() == fence
    assert any("older than what this hub has published" in fault for fault in faults(hub.folder))


def test_settings_that_are_there_stay_and_broken_ones_come_back(hub: KeptHub, tmp_path: Path) -> None:
    backup(hub, tmp_path / "hub.tar")
    settings = json.loads((hub.folder / "hub.json").read_bytes())
    (hub.folder / "hub.json").write_text(json.dumps({**settings, "poll_seconds": 7.0}))
    restore(hub.folder, tmp_path / "hub.tar", yes=True)
    assert json.loads((hub.folder / "hub.json").read_bytes())["poll_seconds"] == 7.0
    (hub.folder / "hub.json").write_text("{half of")
    restore(hub.folder, tmp_path / "hub.tar", yes=True)
    assert json.loads((hub.folder / "hub.json").read_bytes()) == settings


# A damaged backup


def test_a_backup_that_is_cut_off_or_bent_anywhere_is_refused(hub: KeptHub, tmp_path: Path) -> None:
    """A bit of every 97th byte and of each table's name in the index: it is refused, or it was in the padding and what
    is read is the same."""
    backup(hub, tmp_path / "hub.tar")
    whole = (tmp_path / "hub.tar").read_bytes()
    good = list(Backup(tmp_path / "hub.tar").rows())
    bent = tmp_path / "bent.tar"
    refused = 0
    names = [found.end() for found in re.finditer(rb'"table":"', whole)]
    assert names
    for at in [*range(0, len(whole), 97), *names]:
        bent.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        try:
            assert list(Backup(bent).rows()) == good
        except BrokenBackup:
            refused += 1
    assert refused > 20
    for length in (0, 100, 512, len(whole) // 2, whole.index(b"index.json")):
        bent.write_bytes(whole[:length])
        with pytest.raises(BrokenBackup):
            Backup(bent)


def test_rows_that_do_not_prove_are_not_put_back(hub: KeptHub, tmp_path: Path) -> None:
    hub.execute("UPDATE entry SET leaf = ? WHERE seq = 5", b"\x01" * 32)
    backup(hub, tmp_path / "hub.tar")
    told = run(putting_back.look(tmp_path / "hub.tar", tmp_path / "new", None))
    assert any("entry 5" in fault for fault in told["faults"])
    with pytest.raises(SettingUpError, match="entry 5"):
        restore(tmp_path / "new", tmp_path / "hub.tar")
    assert not (tmp_path / "new" / "hub.sqlite").exists()
    assert not (tmp_path / "new" / "hub.json").exists()


def test_many_rows_pass_in_parts(hub: KeptHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jisr_hub.storage.archive.PART_BYTES", 500)
    before = hub.state()
    backup(hub, tmp_path / "hub.tar")
    assert sum(part.table == "entry" for part in Backup(tmp_path / "hub.tar").parts) > 5
    restore(tmp_path / "again", tmp_path / "hub.tar")
    assert run(state_of(tmp_path / "again")) == before
