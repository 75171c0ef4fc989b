"""Yesterday's backup over a hub's folder, by its own commands (tests/acceptance tells the figures)."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from jisr_hub.app.folder import OtherHub
from jisr_hub.app.opening import open_hub
from jisr_hub.app.serving import application
from jisr_hub.cli import checking, inspection, main, setting_up
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub, some_author
from tests.hub.yesterday import yesterday


@pytest.mark.parametrize("pages", [True, False], ids=["pages there", "pages lost"])
def test_yesterdays_backup_on_sqlite(pages: bool, tmp_path: Path) -> None:
    assert "back from pages" in yesterday(tmp_path, pages=pages, records=40)


def test_yesterdays_backup_on_postgresql(tmp_path: Path, postgres_address: str) -> None:
    assert "a new epoch" in yesterday(tmp_path, postgres_address, pages=False, records=40)


# What belongs to another hub


@pytest.mark.parametrize("command", ["status", "serve", "check"])
def test_a_database_of_another_hub_is_refused_in_a_sentence(
    command: str, tmp_path: Path, postgres_address: str
) -> None:
    other = KeptHub(tmp_path / "other", postgres_address).fill(some_author(records=3))
    hub = KeptHub(tmp_path / "hub")
    settings = json.loads((hub.folder / "hub.json").read_bytes())
    (hub.folder / "hub.json").write_text(json.dumps({**settings, "database": postgres_address}))
    before = other.state()
    act = {
        "status": lambda: inspection.status(hub.folder),
        "serve": lambda: setting_up.check_opens(hub.folder),
        "check": lambda: checking.check(hub.folder, lambda *_: None),
    }[command]
    with pytest.raises(OtherHub, match=f"is that of the hub {other.id}; the hub in .* is {hub.id}"):
        run(act())
    with pytest.raises(OtherHub):
        run(open_hub(hub.folder))
    assert other.state() == before


# The command


def test_the_command_says_what_it_would_do_and_does_nothing_without_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def jisr_hub(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["jisr-hub", *map(str, arguments)])
        monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    author = some_author(records=5)
    hub = KeptHub(tmp_path / "hub").fill(author)
    here = ("--dir", hub.folder)
    status, out, _ = jisr_hub("rebase", *here)
    assert (status, "there is nothing to do" in out) == (0, True)
    assert jisr_hub("rebase", *here, "--at-least", "soon")[0] == 1
    shutil.copy(hub.folder / "hub.sqlite", tmp_path / "yesterday")
    author.put("late")
    hub.fill(author)
    for suffix in ("", "-wal", "-shm"):
        (hub.folder / f"hub.sqlite{suffix}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "yesterday", hub.folder / "hub.sqlite")
    status, out, _ = jisr_hub("rebase", *here, "--check")
    assert (status, "the log is whole again" in out) == (0, True), out
    status, _, err = jisr_hub("rebase", *here)
    assert (status, "Nothing was changed. Add --yes" in err) == (64, True)
    assert "FENCED" in jisr_hub("status", *here)[1]
    status, out, _ = jisr_hub("rebase", *here, "--yes")
    assert (status, "1 entries came back from the pages" in out) == (0, True), out
    assert "FENCED" not in jisr_hub("status", *here)[1]
    assert jisr_hub("check", *here)[0] == 0


def test_a_hub_that_may_not_sign_goes_on_being_read(tmp_path: Path) -> None:
    author = some_author(records=5)
    hub = KeptHub(tmp_path / "hub").fill(author)
    shutil.copy(hub.folder / "hub.sqlite", tmp_path / "yesterday")
    author.put("late")
    hub.fill(author)
    head = (hub.folder / "public" / "head.json").read_bytes()
    for suffix in ("", "-wal", "-shm"):
        (hub.folder / f"hub.sqlite{suffix}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "yesterday", hub.folder / "hub.sqlite")
    with TestClient(application(hub.folder), raise_server_exceptions=False) as client:
        assert client.get("/feeds/public/head.json").content == head
        page = next((hub.folder / "public" / "log").rglob("*.zst"))
        assert client.get(f"/feeds/public/{page.with_suffix('').relative_to(hub.folder / 'public')}").status_code == 200
        answer = client.post(f"/v1/nodes/{author.id}/feeds/public/log", content=author.push())
        assert (answer.status_code, answer.json()["code"]) == (503, "fenced")
        assert int(answer.headers["retry-after"]) > 0
        ready = client.get("/readyz")
        assert (ready.status_code, "older than what this hub has published" in ready.text) == (503, True)
        assert client.get("/directory").status_code == 503
        assert client.get("/healthz").status_code == 200
    assert (hub.folder / "public" / "head.json").read_bytes() == head
