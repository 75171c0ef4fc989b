"""How a node begins: its keys and its store are made, in a new folder or in memory, or found in the folder again."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from jisr_protocol import canonical, keys, limits
from jisr_protocol.keys import SigningKey

from .. import outbox as outboxes
from ..adapters import key_files
from ..adapters.sqlite import SqliteStore
from ..errors import Declined, Mistaken
from ..identity import SEED_BYTES, Identity, RandomBytes, create, is_active, restore
from ..ports import Store
from ..settings import Settings

DATABASE = "node.sqlite"
KEYS = "keys.json"
FENCE = "fence.json"
LEDGER = "erasures.jsonl"
RECOVERY = "recovery"
"""The setting that says where the recovery sheet was written; KEPT once somebody said it is safe."""
KEPT = "kept"
CHAIN = "keys"
"""The setting that holds the chain of key statements."""
IMPORT_SECRET = "import_secret"
CAPABILITIES = "capabilities"


def make(
    folder: Path, chosen: Settings, recovery: Path | None, now: datetime, random_bytes: RandomBytes
) -> tuple[SqliteStore, Identity]:
    """A new node in a new or empty folder. Raises Declined when there is one already; then nothing was changed."""
    if (folder / DATABASE).exists():
        raise Declined(f"There is a node in {folder} already, and it was left as it is. Choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    birth = create(random_bytes, now)
    place = recovery or folder / key_files.recovery_name(birth.identity.id)
    sheet = key_files.recovery_sheet(chosen.name, birth.identity.id, now.date().isoformat(), birth.recovery_seed)
    # If the process dies between these steps there is a key without a node: nothing was signed with it yet.
    key_files.write_secret(folder / key_files.SIGNING_KEY, key_files.signing_pem(birth.signing_seed))
    key_files.write_secret(place, sheet.encode())
    (folder / KEYS).write_bytes(outboxes.key_file(birth.identity))
    store = SqliteStore(folder / DATABASE)
    try:
        _begin(store, birth.identity, chosen, random_bytes, recovery=str(place.resolve()))
    # a Ctrl-C too leaves no database open
    except BaseException:
        store.close()
        raise
    return store, birth.identity


def find(folder: Path, *, lost: bool) -> tuple[SqliteStore, Identity]:
    """The node in a folder. Raises Mistaken when there is none or its key is missing; with `lost` the key may be
    missing or be another's."""
    if not (folder / DATABASE).is_file():
        raise Mistaken(
            f"There is no node in {folder.resolve()}. Go to its folder, name it with --dir, or make one with: "
            "jisr-node init FOLDER"
        )
    store = SqliteStore(folder / DATABASE)
    try:
        key_file = store.settings().get(CHAIN)
        if key_file is None:
            raise Mistaken(f"The node in {folder.resolve()} was never finished. Delete the folder and init again.")
        return store, _identity(folder, key_file.encode(), lost=lost)
    # a Ctrl-C too leaves no database open
    except BaseException:
        store.close()
        raise


def in_memory(settings: Settings, now: datetime, random_bytes: RandomBytes) -> tuple[SqliteStore, Identity]:
    """A new node that lives as long as its store."""
    identity, store = create(random_bytes, now).identity, SqliteStore()
    _begin(store, identity, settings, random_bytes)
    return store, identity


def _identity(folder: Path, key_file: bytes, *, lost: bool) -> Identity:
    """Who the node in a folder is. A change of keys that was cut off after its commit is finished."""
    ring = keys.fold(keys.parse_file(key_file))
    try:
        key_files.settle_next(folder, lambda seed: is_active(ring, seed))
        return restore(key_file, key_files.read_signing_key(folder / key_files.SIGNING_KEY))
    except (Mistaken, Declined):
        if not lost:
            raise
        return Identity(ring, SigningKey(os.urandom(SEED_BYTES)))


def _begin(
    store: Store, identity: Identity, settings: Settings, random_bytes: RandomBytes, *, recovery: str = KEPT
) -> None:
    """Write a new node into an empty store, in one transaction."""
    with store.transaction():
        settings.save(store)
        store.set(RECOVERY, recovery)
        store.set(CHAIN, outboxes.key_file(identity).decode())
        store.set(IMPORT_SECRET, random_bytes(32).hex())
        store.set(CAPABILITIES, _capabilities(identity.id, settings.name).decode())


def _capabilities(node: str, name: str) -> bytes:
    """The capability document, made once, as jisr_protocol.capabilities would write it: that model is heavy, and a node
    must stay light."""
    value: dict[str, Any] = {
        "jisr": ["1"],
        "id": node,
        "role": "node",
        "name": name,
        "feeds": [{"name": outboxes.PUBLIC, "href": "../", "audience": "public"}],
        "keys": "../keys.json",
        "encodings": ["gzip", "zstd"],
        "features": [],
        "limits": {
            "record_bytes": limits.RECORD_BYTES,
            "batch_entries": limits.BATCH_ENTRIES,
            "batch_bytes": limits.BATCH_BYTES,
            "inflate_ratio": limits.INFLATE_RATIO,
            "wait_seconds": limits.LONG_POLL_SECONDS,
            "per_node_day": limits.PER_NODE_DAY,
        },
    }
    return canonical.dumps(value, limit_bytes=limits.HEAD_BYTES) + b"\n"
