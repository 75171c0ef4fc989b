"""The hub's own keys: rotated, taken back, protected; and what a file that others may read says."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from jisr_hub import identity
from jisr_hub.app.folder import read_identity
from jisr_hub.app.opening import open_hub
from jisr_hub.cli import hub_keys, setting_up
from jisr_hub.config import read
from jisr_protocol import entry
from jisr_protocol.keys import SigningKey
from jisr_protocol.reader import private_keys


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "hub"
    made = setting_up.create(
        place, name="hub", country="MA", lang="ar", address="http://127.0.0.1:8470", allow_private=True,
        random_bytes=os.urandom,
    )  # fmt: skip
    asyncio.run(made)
    return place


async def ops(folder: Path) -> list[str]:
    """Open the hub as `serve` does; the ops of its feed."""
    running = await open_hub(folder)
    try:
        head = await running.publisher.publish()
        assert running.hub.identity.ring.verify(head.envelope, active_only=True) == running.hub.identity.key.kid
        async with running.ledger.reading() as view:
            return [entry.parse(line).op async for rows in view.entries(0) for _, line, _ in rows]
    finally:
        await running.close()


def test_a_hub_goes_on_with_a_new_key_and_says_so_in_its_feed(folder: Path) -> None:
    asyncio.run(ops(folder))
    done = hub_keys.rotate(folder, os.urandom)
    assert asyncio.run(ops(folder)) == ["key", "key", "key"]
    assert [row["state"] for row in hub_keys.listed(folder)] == ["retired", "active", "recovery"]
    assert read_identity(folder, read(folder)).key.kid == done["signing"]


def test_a_hub_is_taken_back_with_its_recovery_sheet(folder: Path) -> None:
    asyncio.run(ops(folder))
    sheet = (folder / "recovery-key.txt").read_text("utf-8")
    (folder / identity.KEY_FILE).unlink()
    done = asyncio.run(hub_keys.recover(folder, sheet, "stolen", os.urandom))
    assert done["last"][1] == 1
    assert asyncio.run(ops(folder)) == ["key", "recovery"]
    assert [row["state"] for row in hub_keys.listed(folder)] == ["revoked", "active", "recovery"]
    with pytest.raises(hub_keys.KeysError, match="another hub's"):
        asyncio.run(hub_keys.recover(folder, " ".join(["AAAA"] * 13), "stolen", os.urandom))
    with pytest.raises(hub_keys.KeysError, match="13 groups"):
        asyncio.run(hub_keys.recover(folder, "no words", "stolen", os.urandom))


@pytest.mark.parametrize("said", [True, False])
def test_a_change_that_was_cut_off_is_finished_or_forgotten(said: bool, folder: Path) -> None:
    before = read_identity(folder, read(folder)).key.kid
    old, chain = (folder / identity.KEY_FILE).read_bytes(), (folder / "keys.json").read_bytes()
    done = hub_keys.rotate(folder, os.urandom)
    os.replace(folder / identity.KEY_FILE, folder / identity.NEXT_KEY)
    (folder / identity.KEY_FILE).write_bytes(old)
    if not said:
        (folder / "keys.json").write_bytes(chain)
    assert read_identity(folder, read(folder)).key.kid == (done["signing"] if said else before)
    assert not (folder / identity.NEXT_KEY).exists()


def test_a_passphrase_comes_by_file_credential_or_environment(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kid = read_identity(folder, read(folder)).key.kid
    hub_keys.protect(folder, b"a long passphrase")
    assert private_keys.is_encrypted((folder / identity.KEY_FILE).read_bytes())
    with pytest.raises(private_keys.KeyProblem, match="none was given"):
        identity.read_key(folder)
    file = tmp_path / "jisr.passphrase"
    for wrong, right in ((b"another\n", b"a long passphrase\nand a second line\n"),):
        file.write_bytes(wrong)
        monkeypatch.setenv("JISR_KEY_PASSPHRASE_FILE", str(file))
        with pytest.raises(private_keys.KeyProblem, match="does not open"):
            identity.read_key(folder)
        file.write_bytes(right)
        assert identity.read_key(folder).kid == kid
    monkeypatch.delenv("JISR_KEY_PASSPHRASE_FILE")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert identity.read_key(folder).kid == kid
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    monkeypatch.setenv("JISR_KEY_PASSPHRASE", "a long passphrase")
    done = hub_keys.rotate(folder, os.urandom)
    assert private_keys.is_encrypted((folder / identity.KEY_FILE).read_bytes()), "the next key is protected too"
    assert identity.read_key(folder).kid == done["signing"]
    hub_keys.protect(folder, None)
    monkeypatch.delenv("JISR_KEY_PASSPHRASE")
    assert identity.read_key(folder).kid == done["signing"]


def test_a_key_may_be_handed_over_by_the_system(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kid = identity.read_key(folder).kid
    os.replace(folder / identity.KEY_FILE, tmp_path / private_keys.CREDENTIAL_KEY)
    with pytest.raises(FileNotFoundError):
        identity.read_key(folder)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert identity.read_key(folder).kid == kid


@pytest.mark.skipif(os.name != "posix", reason="only where the system knows owners")
def test_a_key_that_others_may_read_is_told(folder: Path) -> None:
    file = folder / identity.KEY_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert private_keys.warning(file) == ""
    for mode in (0o640, 0o604, 0o666):
        file.chmod(mode)
        assert f"chmod 600 {file}" in private_keys.warning(file)


def test_what_is_no_key_is_said(folder: Path) -> None:
    file = folder / identity.KEY_FILE
    file.write_bytes(b"-----BEGIN PRIVATE KEY-----\nno\n-----END PRIVATE KEY-----\n")
    with pytest.raises(private_keys.KeyProblem, match="not a key that can be read"):
        identity.read_key(folder)
    seed = os.urandom(32)
    assert SigningKey(private_keys.seed_of(private_keys.pem(seed), "key", lambda: None)).kid == SigningKey(seed).kid
