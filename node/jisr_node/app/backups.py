"""Backups of a node: one file with its database, its keys when asked for, and what is in it."""

from __future__ import annotations

import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jisr_protocol import identifiers

from .. import outbox as outboxes
from ..adapters import backup_file, key_files
from ..adapters.backup_file import Contents
from ..adapters.ledger import FileLedger
from ..adapters.sqlite import SqliteStore
from ..feeds import RESTORED
from ..status import BACKUP
from .beginning import DATABASE, LEDGER

if TYPE_CHECKING:
    from .node import Node


def write(node: Node, store: SqliteStore, folder: Path, place: Path, *, with_key: bool, now: datetime) -> Contents:
    """Write a backup of the node in `folder` into one new file. Raises Declined, OSError."""
    at = identifiers.to_instant(now)
    with tempfile.TemporaryDirectory(prefix="jisr-backup-") as aside:
        copy = Path(aside) / DATABASE
        store.copy_to(copy)
        with closing(SqliteStore(copy)) as held:
            records = sum(record.content is not None for record in held.records())
            entries = {feed.name: feed.size for feed in held.feeds()}
        contents = Contents(at, node.id, node.settings.name, records, entries, with_key)
        key = folder / key_files.SIGNING_KEY if with_key else None
        backup_file.write(place, contents, copy, outboxes.key_file(node.identity), key)
    with store.transaction():
        store.set(BACKUP, at)
    return contents


def put(place: Path, folder: Path, *, check: bool) -> tuple[Contents, int]:
    """Put a backup into a folder, or only look with `check`; what is in it, and how many of the folder's erasures it
    does not know. Raises Mistaken, Declined; then nothing was changed."""
    with backup_file.opened(place) as (contents, unpacked):
        backup_file.check_target(folder, contents)
        with closing(SqliteStore(unpacked / DATABASE)) as held:
            known = {erasure.notice for erasure in held.erasures()}
        later = [erasure for erasure in FileLedger(folder / LEDGER).read() if erasure.notice not in known]
        if not check:
            backup_file.put(unpacked, folder, contents.at[:10], RESTORED)
    return contents, len(later)
