"""Keeping a hub: a backup while it serves (putting_back.py puts one back).

A backup holds the ledger, hub.json and keys.json, and signing.key when asked for. It never holds what must outlive it:
the fence, which knows how far this hub has published, and erasures.jsonl, what was erased since. Both stay in the
folder when an older backup is put back, so the hub notices that it is older, and what was erased stays erased.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from jisr_protocol import identifiers

from .. import config, identity
from ..app.folder import KEYS, now, read_identity
from ..storage import archive, engines
from ..storage.archive import About
from ..storage.database import Database
from ..storage.folder import FolderPages
from .setting_up import SettingUpError, check_there, opened

NOTED = "backup.json"
"""In the hub's folder: when the last backup was taken, and where it went."""


async def backup(folder: Path, out: Path, *, with_key: bool, as_it_is: bool = False) -> dict[str, Any]:
    """Write a backup of the hub in `folder` to the new file `out`, whether it serves or not.

    With `as_it_is` the tables stay as an older version left them, in the database and in the backup, and it does not
    count as the last backup: it is meant for one step and deleted then.
    """
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
        async with _database(folder, as_it_is=as_it_is) as database:
            about = await archive.write(database, draft, told, files)
        archive.appear(draft, out)
    finally:
        draft.unlink(missing_ok=True)
    if not as_it_is:
        note = {"made": made, "file": str(out.absolute()), "entries": about.entries}
        FolderPages(folder).write(NOTED, orjson.dumps(note) + b"\n")
    return {**facts(about), "file": str(out), "bytes": out.stat().st_size}


@contextlib.asynccontextmanager
async def _database(folder: Path, *, as_it_is: bool) -> AsyncIterator[Database]:
    if not as_it_is:
        async with opened(folder) as ledger:
            yield ledger.database
        return
    database = engines.of(config.place(folder, config.read(folder)))
    try:
        yield database
    finally:
        await database.close()


def facts(about: About) -> dict[str, Any]:
    """What a backup says of itself, for a program."""
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
        f"{value['file']} holds {value['entries']} entries of {value['name']}, {head_words(value)}; "
        f"{value['bytes'] / 1e6:.1f} MB, taken {value['made']}.\n{key}\n"
        "It holds what is not public. Keep it on another machine, where few can read it. "
        f"See what it is good for with: jisr-hub restore --check {value['file']} DIR"
    )


def head_words(value: dict[str, Any]) -> str:
    """How far what is in a backup was published."""
    if value["head_time"] is None:
        return "nothing of it published yet"
    return f"published up to {value['published']} by the head of {value['head_time']}"


def last_backup(folder: Path) -> tuple[datetime, str] | None:
    """(when, file) of the last backup taken here."""
    raw = FolderPages(folder).read(NOTED)
    try:
        note = orjson.loads(raw or b"")
        return identifiers.from_instant(note["made"]), str(note["file"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
