"""What this hub cosigned as a witness, one file a feed, and its witness key: beside the database, in no backup of it.

A witness that forgets can be led to cosign a fork, so this is kept like the fence: changed under a lock file by
compare-and-swap, written aside, synced, renamed. When the files are lost, so is the witness: it begins with a new key.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jisr_protocol.keys import SigningKey
from jisr_protocol.witness import Held

from .folder import FolderPages, flush_folder
from .lock import locked

FOLDER = "witness"
KEY = "witness.key"
LOCK_SECONDS = 10.0


class FileMemory:
    """The witness.Memory port on a folder, which several processes of a hub may share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, by: str, name: str) -> Held | None:
        file = self._file(by, name)
        try:
            raw = file.read_bytes()
        except FileNotFoundError:
            if not self.folder.is_dir():  # a disk that is not there is no memory that was never written
                raise
            return None
        try:
            return msgspec.json.decode(raw, type=Held)
        except msgspec.DecodeError as error:
            raise ValueError(f"{file} is not what this hub wrote ({error})") from error

    def swap(self, by: str, name: str, before: Held | None, after: Held) -> bool:
        file = self._file(by, name)
        with locked(self.folder / "lock", seconds=LOCK_SECONDS):
            if self.read(by, name) != before:
                return False
            pages = FolderPages(self.folder)
            pages.write(file.name, orjson.dumps(after) + b"\n")
            pages.flush()
        return True

    def _file(self, by: str, name: str) -> Path:
        return self.folder / f"{hashlib.sha256(f'{by}/{name}'.encode()).hexdigest()}.json"


class LocalMemory:
    """The same in memory."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], Held] = {}

    def read(self, by: str, name: str) -> Held | None:
        return self.held.get((by, name))

    def swap(self, by: str, name: str, before: Held | None, after: Held) -> bool:
        if self.held.get((by, name)) != before:
            return False
        self.held[by, name] = after
        return True


def open_witness(folder: Path, random_bytes: Callable[[int], bytes]) -> tuple[SigningKey, FileMemory]:
    """The key and the memory of the hub in `folder`. Both are made together, so that no key outlives its memory."""
    place = folder / FOLDER
    with contextlib.suppress(FileExistsError):
        place.mkdir()
    with locked(place / "lock", seconds=LOCK_SECONDS):
        if not (place / KEY).exists():
            _write_key(place, random_bytes(32))
    loaded = serialization.load_pem_private_key((place / KEY).read_bytes(), password=None)
    if not isinstance(loaded, Ed25519PrivateKey):
        raise ValueError(f"{place / KEY} holds another kind of key than Ed25519")
    return SigningKey(loaded.private_bytes_raw()), FileMemory(place)


def _write_key(place: Path, seed: bytes) -> None:
    pem = Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = place / f".{KEY}"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, place / KEY)
    flush_folder(place)
