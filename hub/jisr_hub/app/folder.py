"""What stands in a hub's folder, and whose it is: enough for commands that look at it."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from jisr_protocol import entry as entries
from jisr_protocol import keys
from jisr_protocol.keys import KeyRing
from jisr_protocol.refusal import Refusal

from .. import config, identity
from ..config import Settings
from ..identity import Identity
from ..publish.fence import Gate
from ..publish.seen import Seen
from ..storage.fence import FileFence
from ..storage.folder import FolderPages
from ..storage.lock import only_one

if TYPE_CHECKING:
    from ..storage.sql import SqlLedger

KEYS = "keys.json"
PUBLIC = "public"
PEERS = "peers"
PULLS = "pulls"
ERASURES = "erasures.jsonl"
"""What was erased, kept apart from the database and its backups; beside what fences the hub against older ones."""
EVIDENCE = "evidence"
"""What others signed against themselves, for ever: `jisr verify FILE` judges it."""
SEEN = "seen.json"


def now() -> datetime:
    """The clock of the rim."""
    return datetime.now(UTC)


def read_identity(folder: Path, settings: Settings) -> Identity:
    """Who the hub in `folder` is."""
    ring: KeyRing = keys.fold(keys.parse_file((folder / KEYS).read_bytes()))
    identity.settle(folder, ring)
    return Identity(settings.name, ring, identity.read_key(folder))


class OtherHub(Exception):
    """The database is that of another hub than the folder; the sentence says what to do. Nothing was changed."""


async def check_owner(ledger: SqlLedger, who: Identity, folder: Path) -> None:
    """Raise OtherHub when the log in the database begins with the keys of somebody else."""
    async with ledger.reading() as view:
        async for rows in view.entries(0, 1):
            owner = _subject(rows[0][1])
            if owner not in (None, who.id):
                raise OtherHub(
                    f"The database that {folder / config.FILE} names is that of the hub {owner}; the hub in {folder} is"
                    f" {who.id}. Nothing was changed. Name this hub's own database, or use the other hub's folder."
                )


def _subject(line: bytes) -> str | None:
    try:
        return entries.parse(line).node
    except Refusal:
        return None  # damaged: for `jisr-hub check` to say


def read_seen(folder: Path) -> Seen:
    """What readers have claimed to see of this hub's feed, as its serving process noted it last."""
    try:
        return msgspec.json.decode((folder / SEEN).read_bytes(), type=Seen)
    except (FileNotFoundError, msgspec.DecodeError):
        return Seen()


def gate_of(folder: Path, settings: Settings, who: Identity, ledger: SqlLedger) -> Gate:
    """What says whether the hub in `folder` may sign."""
    return Gate(who, ledger, FolderPages(folder / PUBLIC), FileFence(config.fence_file(folder, settings)))


def sole(folder: Path) -> contextlib.AbstractContextManager[None]:
    """One process a folder, unless the ledger stands in PostgreSQL, which any number may share."""
    return contextlib.nullcontext() if config.read(folder).database else only_one(folder)
