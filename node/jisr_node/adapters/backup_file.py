"""A backup: one zip file with the database as it was at one moment, the key statements, and a word on what it is.

    backup.json     {"at","entries":{"public":3},"jisr":"1","key":false,"name","node","records":2}
    keys.json       the node's key statements, which are public
    node.sqlite     one file, whole, whoever was writing meanwhile
    signing.key     only when it was asked for

The fence and the list of erasures are not in it: they have to be newer than any backup to be of use.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import Declined, Mistaken
from .key_files import SIGNING_KEY, write_secret

_WORD, _KEYS, _DATABASE = "backup.json", "keys.json", "node.sqlite"
_MAY_STAND = ("fence.json", "erasures.jsonl", "keys.json", "serve.lock", "public", SIGNING_KEY)
"""What a lost database leaves behind in its folder, and what a restore makes use of."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup says of itself; `key` is whether the signing key is in it."""

    at: str
    node: str
    name: str
    records: int
    entries: dict[str, int]
    key: bool
    jisr: str = "1"


def write(place: Path, contents: Contents, database: Path, key_file: bytes, signing_key: Path | None) -> None:
    """Write a backup, durably and whole or not at all. Raises Declined when the file exists, OSError."""
    if place.exists():
        raise Declined(f"{place} exists already and was left as it is. Choose another name for this backup.")
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
                bundle.writestr(_WORD, json.dumps(asdict(contents), ensure_ascii=False, indent=1))
                bundle.writestr(_KEYS, key_file)
                bundle.write(database, _DATABASE)
                if signing_key is not None:
                    bundle.write(signing_key, SIGNING_KEY)
            file.flush()
            os.fsync(file.fileno())
        _appear(part, place)
    finally:
        part.unlink(missing_ok=True)


def _appear(part: Path, place: Path) -> None:
    """Give the file its name, unless another took it meanwhile. Sticks know no links; there a rename has to do."""
    try:
        os.link(part, place)
    except FileExistsError:
        raise Declined(f"{place} exists already and was left as it is. Choose another name for this backup.") from None
    except OSError:
        os.replace(part, place)


@contextmanager
def opened(place: Path) -> Iterator[tuple[Contents, Path]]:
    """What a backup says, and its files in a folder that is gone afterwards. Raises Mistaken when it is no backup."""
    with tempfile.TemporaryDirectory(prefix="jisr-restore-") as folder:
        yield _unpacked(place, Path(folder)), Path(folder)


def _unpacked(place: Path, folder: Path) -> Contents:
    try:
        with zipfile.ZipFile(place) as bundle:
            there = set(bundle.namelist())
            for name in (_WORD, _KEYS, _DATABASE, SIGNING_KEY):
                if name in there:
                    with bundle.open(name) as source, open(folder / name, "wb") as target:
                        shutil.copyfileobj(source, target)
        value = json.loads((folder / _WORD).read_bytes())
        contents = Contents(**{name: value[name] for name in Contents.__dataclass_fields__})
        with closing(sqlite3.connect(f"{(folder / _DATABASE).as_uri()}?mode=ro", uri=True)) as database:
            (found,) = database.execute("PRAGMA integrity_check").fetchone()
    except FileNotFoundError as error:
        missing = Path(error.filename).name if error.filename else place.name
        raise Mistaken(f"{place} is not there, or is no backup of a node ({missing}). Nothing was changed.") from None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, sqlite3.DatabaseError) as error:
        raise Mistaken(f"{place} is no backup of a node that can be read ({error}). Nothing was changed.") from None
    if found != "ok":
        raise Mistaken(f"The database in {place} is damaged ({found}). Nothing was changed. Take another backup.")
    return contents


def check_target(folder: Path, contents: Contents) -> None:
    """Raise Declined unless a backup may be put into this folder: an empty one, or what is left of the same node."""
    if (folder / _DATABASE).exists():
        raise Declined(
            f"There is a node.sqlite in {folder} already. Nothing was changed. It may be newer than the backup: look "
            "with jisr-node status. To use the backup all the same, choose an empty folder."
        )
    if not folder.exists():
        return
    strange = [
        one.name
        for one in folder.iterdir()
        if one.name not in _MAY_STAND and not one.name.startswith(("recovery-", "set-aside-", "node.sqlite-"))
    ]
    if strange:
        raise Declined(f"{folder} holds other things ({strange[0]}). Nothing was changed. Choose an empty folder.")


def put(source: Path, folder: Path, restored: str, setting: str) -> None:
    """Put what was unpacked into a folder, the database last; it says of itself since when it is old.

    Dying on the way leaves no database; the same again goes on. Raises Declined, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = folder / _KEYS
    if held.exists() and not _same_node(held.read_bytes(), (source / _KEYS).read_bytes()):
        raise Declined(f"The keys in {folder} are another node's. Nothing was changed. Choose an empty folder.")
    if not held.exists():
        shutil.copyfile(source / _KEYS, held)
    if (source / SIGNING_KEY).exists() and not (folder / SIGNING_KEY).exists():
        write_secret(folder / SIGNING_KEY, (source / SIGNING_KEY).read_bytes())
    with closing(sqlite3.connect(source / _DATABASE, isolation_level=None)) as database:
        database.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (setting, restored))
    for suffix in ("-wal", "-shm"):
        # of the database that is gone: it would be read into the one that comes
        (folder / (_DATABASE + suffix)).unlink(missing_ok=True)
    part = folder / f".{_DATABASE}.part"
    shutil.copyfile(source / _DATABASE, part)
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, folder / _DATABASE)


def _same_node(held: bytes, came: bytes) -> bool:
    """Whether two chains of key statements begin alike: the first one names the node."""
    first = [json.loads(raw)["keys"][0] for raw in (held, came)]
    return bool(first[0] == first[1])
