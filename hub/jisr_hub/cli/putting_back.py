"""Putting a backup back: all of it, proven first, or nothing; and looking at one before (keeping.py makes them)."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson

from jisr_protocol import head as heads
from jisr_protocol import identifiers, keys, paths
from jisr_protocol.head import Head
from jisr_protocol.keys import KeyRing
from jisr_protocol.refusal import Refusal

from .. import config, identity
from ..app.folder import KEYS, PUBLIC, now
from ..config import Settings
from ..ports import Mark
from ..publish.fence import further, mark_of
from ..storage import restoring
from ..storage.archive import About, Backup
from ..storage.fence import FileFence
from ..storage.folder import FolderPages
from ..storage.lock import AlreadyRunning, only_one
from ..storage.proving import Stored
from .checking import prove
from .faults import Faults
from .keeping import facts, head_words
from .setting_up import SettingUpError

SQLITE = "sqlite"
"""What --database says to mean the file in the folder."""


async def look(file: Path, folder: Path, database: str | None) -> dict[str, Any]:
    """What a backup holds, proven as `check` proves a hub, and what would become of the hub in `folder`."""
    found = Backup(file)
    faults = Faults()
    with tempfile.TemporaryDirectory(prefix="jisr-restore-") as place:
        async with restoring.scratch(Path(place), found) as rows:
            told = await prove(rows, found.files[KEYS], faults, _quiet)
    standing = await _standing(folder, found, database)
    return {
        **facts(found.about),
        "age_hours": round((now() - identifiers.from_instant(found.about.made)).total_seconds() / 3600, 1),
        "live": told.live,
        "faults": faults.sentences(),
        **standing,
    }


def _quiet(_done: int, _total: int) -> None:
    pass


async def _standing(folder: Path, found: Backup, database: str | None) -> dict[str, Any]:
    """What is in `folder` now: nothing, this hub or another; and how far it has published."""
    who = _who_is_in(folder)
    place = _place(folder, found, database)
    there = await restoring.who_is_there(place, found.about.hub) if folder.exists() or isinstance(place, str) else ""
    mark = _furthest(folder, found, database)
    return {
        "folder": "nothing" if who is None else "this hub" if who == found.about.hub else "another",
        "database": there or "nothing",
        "shown": mark.size if mark else None,
        "fenced": mark is not None and _ahead(mark, found.about),
        "key_there": (folder / identity.KEY_FILE).is_file(),
    }


def _furthest(folder: Path, found: Backup, database: str | None) -> Mark | None:
    """How far the hub in `folder` has published, by its fence and its head.json; None when neither tells."""
    settings = Settings(**_settings(folder, found, database))
    marks = [mark_of(shown)] if (shown := _shown(folder, _newest_ring(folder, found))) else []
    try:
        fence = FileFence(config.fence_file(folder, settings)).read()
    except (OSError, ValueError):
        fence = None  # the hub says so when it is opened
    return max([*marks, *([fence] if fence and fence.by == found.about.hub else [])], key=further, default=None)


def _shown(folder: Path, ring: KeyRing) -> Head | None:
    try:
        head = heads.parse(FolderPages(folder / PUBLIC).read(paths.HEAD) or b"")
        ring.verify(head.envelope)
    except Refusal:
        return None
    return head


def _ahead(mark: Mark, about: About) -> bool:
    """Whether more was published than the backup holds."""
    there, here = identifiers.epoch_number(mark.epoch), identifiers.epoch_number(about.epoch)
    return there > here or (there == here and mark.size > about.entries)


def _who_is_in(folder: Path) -> str | None:
    """The identifier of the hub in a folder; None where there is none."""
    if (folder / KEYS).is_file():
        return keys.fold(keys.parse_file((folder / KEYS).read_bytes())).id
    return "unknown" if (folder / config.FILE).is_file() else None


def _newest_ring(folder: Path, found: Backup) -> KeyRing:
    """The longer chain of the two: an older backup must not take a new key or a revocation back."""
    kept = keys.fold(keys.parse_file(found.files[KEYS]))
    if not (folder / KEYS).is_file():
        return kept
    there = keys.fold(keys.parse_file((folder / KEYS).read_bytes()))
    return keys.longer(there, kept) if there.id == kept.id else kept


def _settings(folder: Path, found: Backup, database: str | None) -> dict[str, Any]:
    """The settings after a restore: those that are there, for they are newer, else those of the backup."""
    values: dict[str, Any] = orjson.loads(found.files[config.FILE])
    with contextlib.suppress(FileNotFoundError, orjson.JSONDecodeError):
        values = orjson.loads((folder / config.FILE).read_bytes())
    if database is not None:
        values["database"] = "" if database == SQLITE else database
        # they belong to the database that is left
        values = {name: value for name, value in values.items() if name not in ("direct_database", "read_database")}
    return values


def _place(folder: Path, found: Backup, database: str | None) -> Path | str:
    return config.place(folder, Settings(**_settings(folder, found, database)))


def look_words(value: dict[str, Any]) -> str:
    """What a backup is good for, in sentences."""
    lines = [
        (
            f"A backup of {value['name']} ({value['hub']}), {value['age_hours']} hours old: {value['entries']} "
            f"entries, {value['live']} live records, {head_words(value)}."
        ),
        *value["faults"],
        "It is damaged as named above; it would not be put back."
        if value["faults"]
        else "Every entry, signature and root in it fits.",
    ]
    if value["folder"] == "another" or value["database"] == "another":
        lines.append("Another hub is in that place; it would not be put back there.")
    elif value["fenced"]:
        lines.append(
            f"The hub in that folder has published up to {value['shown']} entries since. Put back, it serves no more "
            "than its feed until jisr-hub rebase fetches what is missing from its pages, from nodes and from peers."
        )
    if not value["with_key"] and not value["key_there"]:
        lines.append("The signing key is neither in it nor in that folder; without it the hub cannot sign.")
    return "\n".join(lines)


async def restore(folder: Path, file: Path, *, database: str | None, yes: bool) -> dict[str, Any]:
    """Put a backup back into `folder`: all of it, proven first, or nothing."""
    found = Backup(file)
    standing = await _standing(folder, found, database)
    _refuse_others(folder, found, standing, yes=yes)
    place = _place(folder, found, database)
    stamp = f"{now():%Y%m%dT%H%M%SZ}"
    folder.mkdir(parents=True, exist_ok=True)
    ring = _newest_ring(folder, found)

    async def proven(rows: Stored) -> None:
        faults = Faults()
        await prove(rows, keys.write_file(ring), faults, _quiet)
        if faults:
            raise SettingUpError(f"{file} is damaged; nothing was changed. {' '.join(faults.sentences()[:3])}")

    with only_one(folder):
        async with _nobody_publishes(place):
            aside = await restoring.put_back(place, found, stamp, proven)
        _put_files(folder, found, ring, database, stamp)
    return {**facts(found.about), **standing, "aside": aside, "key_there": (folder / identity.KEY_FILE).is_file()}


def _refuse_others(folder: Path, found: Backup, standing: dict[str, Any], *, yes: bool) -> None:
    if standing["folder"] == "another":
        raise SettingUpError(f"{folder} holds another hub than {found.about.hub}; nothing was changed.")
    if standing["database"] == "another":
        raise SettingUpError(f"That database holds another hub than {found.about.hub}; nothing was changed.")
    if (standing["database"] != "nothing" or standing["folder"] == "this hub") and not yes:
        raise SettingUpError(
            f"{folder} holds this hub already; nothing was changed. With --yes its database is kept beside under a "
            f"dated name and the backup of {found.about.made} takes its place. Look first: jisr-hub restore --check"
        )


@contextlib.asynccontextmanager
async def _nobody_publishes(place: Path | str) -> AsyncIterator[None]:
    """Hold the publisher's place while a database is exchanged. Raises AlreadyRunning."""
    if isinstance(place, Path):
        yield
        return
    async with restoring.leading(place, "publisher") as leads:
        if not leads:
            raise AlreadyRunning("another process serves that database; nothing was changed. Stop it first")
        yield


def _put_files(folder: Path, found: Backup, ring: KeyRing, database: str | None, stamp: str) -> None:
    """Settings last: without them there is no hub. A key that is there already is newer or the same, and stays."""
    files = FolderPages(folder)
    files.write(KEYS, keys.write_file(ring))
    key = found.files.get(identity.KEY_FILE)
    if key is not None and not (folder / identity.KEY_FILE).exists():
        identity.put_key(folder, key)
    settings = orjson.dumps(_settings(folder, found, database), option=orjson.OPT_INDENT_2) + b"\n"
    before = files.read(config.FILE)
    if before is not None and before != settings:
        files.write(f"{config.FILE}.before-{stamp}", before)
    files.write(config.FILE, settings)
    files.flush()


def restore_words(value: dict[str, Any], folder: Path) -> str:
    """What was put back and what comes next, in sentences."""
    lines = [f"{value['name']} is back with {value['entries']} entries as of {value['made']}, {head_words(value)}."]
    if value["aside"]:
        lines.append(f"What stood there before is kept as {value['aside']}.")
    if not value["key_there"]:
        lines.append(f"Put signing.key into {folder} before you serve.")
    if value["fenced"]:
        lines.append(f"It has published more since. Next: jisr-hub rebase --dir {folder}")
    elif value["shown"] is None:
        lines.append(
            "Nothing here tells how far it published. If it served after this backup was taken, do not serve yet; see: "
            "jisr-hub rebase --help"
        )
    else:
        lines.append(f"Next: jisr-hub check --dir {folder}, then jisr-hub serve --dir {folder}")
    return "\n".join(lines)
