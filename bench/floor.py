"""The floor: the least that taking in one signed record can cost here, on one core, in Python.

The same records and pushes as the hub gets, and only what no hub can leave out: decompress, raw slices, signing input,
Ed25519 by libsodium, parse, canonical check, profile walk, NFC, the record's schema, hashes, Merkle frontier, one row a
record and one an entry in SQLite (WAL, synchronous=FULL, batches of 500). No HTTP, no state tree, no pages, no index.
"""

from __future__ import annotations

import base64
import sqlite3
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson
import zstandard

from bench import cores
from bench.load import Load, Writer
from jisr_protocol import schema
from jisr_protocol.envelope import digest
from jisr_protocol.merkle import Frontier, leaf_hash


class _Line(msgspec.Struct):
    record: msgspec.Raw = msgspec.Raw(b"")
    jws: str = ""


_lines = msgspec.json.Decoder(_Line).decode_lines


def _walk(value: Any, depth: int = 0) -> None:
    if depth > 16:
        raise ValueError("depth")
    kind = type(value)
    if kind is dict:
        for name, member in value.items():
            if not name.isascii():
                raise ValueError(name)
            if type(member) is not str:
                _walk(member, depth + 1)
    elif kind is list:
        for item in value:
            if type(item) is not str:
                _walk(item, depth + 1)
    elif kind is float or (kind is int and not -(2**53) < value < 2**53):
        raise ValueError(value)


def cpu_seconds(load: Load, bodies: Callable[[Writer], Iterator[bytes]] = Writer.pushes) -> float:
    """The CPU seconds for everything in the load's pushes, once; reading them from the disk is not counted."""
    spent = 0.0
    with tempfile.TemporaryDirectory() as folder, cores.as_a_hub_runs():
        database = sqlite3.connect(Path(folder) / "floor.sqlite", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            database.execute(f"PRAGMA {pragma}")
        database.execute(
            "CREATE TABLE record (node TEXT, id TEXT, rev INT, jws TEXT, body BLOB, digest BLOB, seq INT,"
            " UNIQUE (node, id)) STRICT"
        )
        database.execute("CREATE TABLE entry (seq INTEGER PRIMARY KEY, leaf BLOB NOT NULL) STRICT")
        frontier = Frontier()
        for writer in load.writers:
            header, key = next(iter(writer.ring.verifiers("record").items()))
            for body in bodies(writer):
                began = time.process_time()
                _take(body, header, key.verify_key, frontier, database)
                spent += time.process_time() - began
        database.close()
    return spent


def signature_seconds(load: Load) -> float:
    """The CPU seconds for verifying the signatures of all records of the load, and nothing else."""
    spent = 0.0
    with cores.as_a_hub_runs():
        for writer in load.writers:
            header, key = next(iter(writer.ring.verifiers("record").items()))
            for body in writer.pushes():
                text = zstandard.ZstdDecompressor().stream_reader(body).read(16 << 20)
                items = [item for item in _lines(text[text.index(b"\n") + 1 :]) if item.record]
                raws = [bytes(item.record) for item in items]
                began = time.process_time()
                _verify(items, raws, header, key.verify_key)
                spent += time.process_time() - began
    return spent


def _verify(items: Sequence[_Line], raws: Sequence[bytes], header: str, verify_key: Any) -> None:
    prefix = header.encode() + b"."
    for item, raw in zip(items, raws, strict=True):
        signature = base64.urlsafe_b64decode(item.jws.rpartition(".")[2] + "==")
        verify_key.verify(prefix + base64.urlsafe_b64encode(raw).rstrip(b"="), signature)


def _take(body: bytes, header: str, verify_key: Any, frontier: Frontier, database: sqlite3.Connection) -> None:
    text = zstandard.ZstdDecompressor().stream_reader(body).read(16 << 20)
    items = [item for item in _lines(text[text.index(b"\n") + 1 :]) if item.record]
    raws = [bytes(item.record) for item in items]
    _verify(items, raws, header, verify_key)
    values = [orjson.loads(raw) for raw in raws]
    for value, raw in zip(values, raws, strict=True):
        if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != raw:
            raise ValueError("not canonical")
        _walk(value)
        if not raw.isascii() and not unicodedata.is_normalized("NFC", raw.decode()):
            raise ValueError("not NFC")
        if not schema.accepts("org.jisr.service/1", value):
            raise ValueError("schema")
    digests = [digest("record", raw) for raw in raws]
    first = frontier.size
    leaves = [leaf_hash(bytes.fromhex(hashed)) for hashed in digests]
    for leaf in leaves:
        frontier.append(leaf)
    database.execute("BEGIN IMMEDIATE")
    database.executemany(
        "INSERT INTO record VALUES (?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET rev = excluded.rev, jws = excluded.jws, "
        "body = excluded.body, digest = excluded.digest, seq = excluded.seq WHERE excluded.rev > record.rev",
        [
            (v["node"], v["id"], v["rev"], i.jws, raw, bytes.fromhex(d), first + n)
            for n, (v, i, raw, d) in enumerate(zip(values, items, raws, digests, strict=True))
        ],
    )
    database.executemany("INSERT INTO entry VALUES (?,?)", [(first + n, leaf) for n, leaf in enumerate(leaves)])
    database.execute("COMMIT")
