"""Keeping a hub: a backup while it serves, and putting one back.

A backup holds the ledger, hub.json and keys.json, and signing.key when asked for. It never holds what must outlive it:
the fence, which knows how far this hub has published, and erasures.jsonl, what was erased since. Both stay in the
folder when an older backup is put back, so the hub notices that it is older, and what was erased stays erased.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from jisr_protocol import head as heads
from jisr_protocol import identifiers, keys, paths
from jisr_protocol.keys import KeyRing
from jisr_protocol.refusal import Refusal

from .. import config, identity
from ..app import KEYS, PUBLIC, now, read_identity
from ..storage import archive, restoring
from ..storage.archive import About, Backup
from ..storage.folder import FolderPages
from ..storage.lock import AlreadyRunning, only_one
from ..storage.proving import Stored
from .checking import prove
from .faults import Faults
from .setting_up import SettingUpError, check_there, opened

NOTED = "backup.json"
"""In the hub's folder: when the last backup was taken, and where it went."""
SQLITE = "sqlite"
"""What --database says to mean the file in the folder."""


async def backup(folder: Path, out: Path, *, with_key: bool) -> dict[str, Any]:
    """Write a backup of the hub in `folder` to the new file `out`, whether it serves or not."""
    check_there(folder)
    if out.exists():
        raise SettingUpError(f"There is a {out} already; nothing was written. Choose another name for the backup.")
    who = read_identity(folder, config.read(folder))
    names = [config.FILE, KEYS, *([identity.KEY_FILE] if with_key else [])]
    files = {name: (folder / name).read_bytes() for name in names}
    made = identifiers.to_instant(now())
    told = {"hub": who.id, "name": who.name, "made": made, "with_key": with_key}
    draft = out.with_name(out.name + ".unfinished")
    draft.unlink(missing_ok=True)
    try:
        async with opened(folder) as ledger:
            about = await archive.write(ledger.database, draft, told, files)
        archive.appear(draft, out)
    finally:
        draft.unlink(missing_ok=True)
    note = {"made": made, "file": str(out.absolute()), "entries": about.entries}
    FolderPages(folder).write(NOTED, orjson.dumps(note) + b"\n")
    return {**_facts(about), "file": str(out), "bytes": out.stat().st_size}


def _facts(about: About) -> dict[str, Any]:
    names = ("hub", "name", "made", "entries", "published", "head_time", "with_key")
    return {name: getattr(about, name) for name in names}


def backup_words(value: dict[str, Any]) -> str:
    """The backup in sentences: what it holds, how old, where to keep it."""
    key = (
        "The signing key is in it: whoever holds this file can sign in the hub's name."
        if value["with_key"]
        else "The signing key is not in it: keep signing.key too, apart from this file, or add --with-key."
    )
    return (
        f"{value['file']} holds {value['entries']} entries of {value['name']}, {_head_words(value)}; "
        f"{value['bytes'] / 1e6:.1f} MB, taken {value['made']}.\n{key}\n"
        "It holds what is not public. Keep it on another machine, where few can read it. "
        f"See what it is good for with: jisr-hub restore --check {value['file']} DIR"
    )


def _head_words(value: dict[str, Any]) -> str:
    if value["head_time"] is None:
        return "nothing of it published yet"
    return f"published up to {value['published']} by the head of {value['head_time']}"


# Putting it back


async def look(file: Path, folder: Path, database: str | None) -> dict[str, Any]:
    """What a backup holds, proven as `check` proves a hub, and what would become of the hub in `folder`."""
    found = Backup(file)
    faults = Faults()
    with tempfile.TemporaryDirectory(prefix="jisr-restore-") as place:
        async with restoring.scratch(Path(place), found) as rows:
            told = await prove(rows, found.files[KEYS], faults, _quiet)
    standing = await _standing(folder, found, database)
    return {
        **_facts(found.about),
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
    ring = _newest_ring(folder, found)
    place = _place(folder, found, database)
    there = await restoring.who_is_there(place, found.about.hub) if folder.exists() or isinstance(place, str) else ""
    shown = _shown(folder, ring)
    return {
        "folder": "nothing" if who is None else "this hub" if who == found.about.hub else "another",
        "database": there or "nothing",
        "shown": shown,
        "fenced": shown is not None and shown > found.about.published,
        "key_there": (folder / identity.KEY_FILE).is_file(),
    }


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


def _shown(folder: Path, ring: KeyRing) -> int | None:
    """How many entries the head.json in the folder covers, if it is this hub's own."""
    raw = FolderPages(folder / PUBLIC).read(paths.HEAD)
    if raw is None:
        return None
    try:
        head = heads.parse(raw)
        ring.verify(head.envelope)
    except Refusal:
        return None
    return head.size


def _settings(found: Backup, database: str | None) -> dict[str, Any]:
    values: dict[str, Any] = orjson.loads(found.files[config.FILE])
    if database is not None:
        values["database"] = "" if database == SQLITE else database
    return values


def _place(folder: Path, found: Backup, database: str | None) -> Path | str:
    return _settings(found, database)["database"] or folder / config.DATABASE


def look_words(value: dict[str, Any]) -> str:
    """What a backup is good for, in sentences."""
    lines = [
        (
            f"A backup of {value['name']} ({value['hub']}), {value['age_hours']} hours old: {value['entries']} "
            f"entries, {value['live']} live records, {_head_words(value)}."
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
            f"The hub in that folder has published up to {value['shown']} entries since. Put back, it will not serve "
            "until jisr-hub rebase opens a new epoch and fetches what is missing from nodes and peers."
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
    return {**_facts(found.about), **standing, "aside": aside, "key_there": (folder / identity.KEY_FILE).is_file()}


def _refuse_others(folder: Path, found: Backup, standing: dict[str, Any], *, yes: bool) -> None:
    if standing["folder"] == "another":
        raise SettingUpError(f"{folder} holds another hub than {found.about.hub}; nothing was changed.")
    if standing["database"] == "another":
        raise SettingUpError(f"That database holds another hub than {found.about.hub}; nothing was changed.")
    if "this hub" in (standing["database"], standing["folder"]) and not yes:
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
    settings = orjson.dumps(_settings(found, database), option=orjson.OPT_INDENT_2) + b"\n"
    before = files.read(config.FILE)
    if before is not None and before != settings:
        files.write(f"{config.FILE}.before-{stamp}", before)
    files.write(config.FILE, settings)
    files.flush()


def restore_words(value: dict[str, Any], folder: Path) -> str:
    """What was put back and what comes next, in sentences."""
    lines = [f"{value['name']} is back with {value['entries']} entries as of {value['made']}, {_head_words(value)}."]
    if value["aside"]:
        lines.append(f"What stood there before is kept as {value['aside']}.")
    if not value["key_there"]:
        lines.append(f"Put signing.key into {folder} before you serve.")
    if value["fenced"]:
        lines.append(f"It has published more since. Next: jisr-hub rebase --dir {folder}")
    elif value["shown"] is None:
        lines.append(
            "Nothing here tells how far it published. If it served after this backup was taken, "
            f"run this before you serve: jisr-hub rebase --dir {folder}"
        )
    else:
        lines.append(f"Next: jisr-hub check --dir {folder}, then jisr-hub serve --dir {folder}")
    return "\n".join(lines)


def last_backup(folder: Path) -> tuple[datetime, str] | None:
    """(when, file) of the last backup taken here."""
    raw = FolderPages(folder).read(NOTED)
    try:
        note = orjson.loads(raw or b"")
        return identifiers.from_instant(note["made"]), str(note["file"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
