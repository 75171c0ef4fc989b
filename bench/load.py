"""The load: nodes that have signed everything they will push, in files, before any clock runs.

    load = make(folder, 100_000, changed=1_000)
    for writer in load.writers:
        for body in writer.pushes(): …        compressed bodies of POST …/log, in order

Signed on all cores. Nobody holds a large load in memory: what is pushed is read from the file when it is sent.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import zstandard

from bench import cores, corpus
from jisr_protocol import entry, envelope, head, identifiers, keys, push, state_tree
from jisr_protocol.head import Head
from jisr_protocol.keys import KeyRing, SigningKey
from jisr_protocol.merkle import Tree

WRITERS = 4
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True)
class Writer:
    """One node of the load. `changed` of its `records` have another rev in what it pushes later."""

    number: int
    folder: Path
    records: int
    changed: int
    canonical_bytes: int
    """Of all its records, without their signatures."""

    @property
    def key_file(self) -> bytes:
        return (self.folder / f"{self.number}.keys").read_bytes()

    @property
    def ring(self) -> KeyRing:
        return keys.fold(keys.parse_file(self.key_file))

    def pushes(self) -> Iterator[bytes]:
        """All its records for the first time."""
        return _read(self.folder / f"{self.number}.pushes")

    def changes(self) -> Iterator[bytes]:
        """What it changes later."""
        return _read(self.folder / f"{self.number}.changes")


@dataclass(frozen=True)
class Load:
    """All nodes of a load."""

    writers: list[Writer]

    @property
    def records(self) -> int:
        return sum(writer.records for writer in self.writers)

    @property
    def changed(self) -> int:
        return sum(writer.changed for writer in self.writers)

    @property
    def entries(self) -> int:
        """In the log of a hub that has taken everything but the changes: with its own keys, and of each node its keys
        and that it was admitted. Some time after comes an entry of each node's own head."""
        return self.records + 2 * len(self.writers) + 1

    def signed_records(self) -> Iterator[bytes]:
        """All records with their signatures, and nothing around them."""
        for writer in self.writers:
            for body in writer.pushes():
                with zstandard.ZstdDecompressor().stream_reader(body) as plain:
                    lines = plain.read().split(b"\n")[1:-1]
                yield from (
                    thing.raw for line in lines if (thing := entry.parse(line).thing) and thing.kind == "record"
                )


def make(folder: Path, records: int, *, changed: int = 0, writers: int = WRITERS, first: int = 0) -> Load:
    """Sign a load of about so many records, of which `changed` are changed later. Nodes are others where their `first`
    number is another."""
    folder.mkdir(parents=True)
    numbers = range(first, first + writers)
    share = [(folder, number, records // writers, changed // writers) for number in numbers]
    return _on_all_cores(_signed, share)


def make_single(folder: Path, writers: int, each: int, *, first: int = 0) -> Load:
    """Sign a load of nodes that push one entry at a time, each under its own head: their keys, then the records."""
    folder.mkdir(parents=True)
    return _on_all_cores(_signed_singly, [(folder, number, each) for number in range(first, first + writers)])


def _on_all_cores(sign: Callable[..., Writer], shares: list[tuple[Any, ...]]) -> Load:
    processes = max(1, len(cores.ALL))
    with cores.pinned(set(cores.ALL)), ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return Load(list(pool.map(sign, *zip(*shares, strict=True))))


def _signed(folder: Path, number: int, count: int, changed: int) -> Writer:
    rng = random.Random(corpus.SEED * 1000 + number)
    node = _Node(rng)
    later: list[dict[str, Any]] = []
    canonical_bytes = 0
    lines = folder / f"{number}.lines"
    with lines.open("wb") as file:
        _write(file, [node.key_line])
        for place, record in enumerate(corpus.records(count, node.ring.id, rng)):
            line, raw_bytes = node.put(record)
            _write(file, [line])
            canonical_bytes += raw_bytes
            if len(later) < changed and place % (count // changed) == 0:
                later.append(record)
    _write_bodies(folder / f"{number}.pushes", _pushes(node, node.head(), 0, _read(lines)))
    changes = [node.put(corpus.changed(record, rng))[0] for record in later]
    _write_bodies(folder / f"{number}.changes", _pushes(node, node.head(), count + 1, iter(changes)))
    (folder / f"{number}.keys").write_bytes(keys.write_file(node.ring))
    lines.unlink()
    return Writer(number, folder, count, len(later), canonical_bytes)


def _signed_singly(folder: Path, number: int, count: int) -> Writer:
    rng = random.Random(corpus.SEED * 2000 + number)
    node = _Node(rng)
    bodies = [*_pushes(node, node.head(), 0, iter([node.key_line]))]
    canonical_bytes = 0
    for record in corpus.records(count, node.ring.id, rng):
        line, raw_bytes = node.put(record)
        bodies += _pushes(node, node.head(), node.tree.size - 1, iter([line]))
        canonical_bytes += raw_bytes
    _write_bodies(folder / f"{number}.pushes", bodies)
    _write_bodies(folder / f"{number}.changes", [])
    (folder / f"{number}.keys").write_bytes(keys.write_file(node.ring))
    return Writer(number, folder, count, 0, canonical_bytes)


class _Node:
    """A node's keys, and what of its log its heads are made of."""

    def __init__(self, rng: random.Random) -> None:
        self._key, recovery = SigningKey(rng.randbytes(32)), SigningKey(rng.randbytes(32))
        salt, self._at = identifiers.new_salt(rng.randbytes(16)), identifiers.to_instant(corpus.NOW)
        first = keys.first_statement(self._key, [recovery.public], role="node", created=self._at, salt=salt)
        self.ring = keys.begin(envelope.sealed("key", first, self._key))
        self.key_line = entry.write("key", self.ring.statements[0], seq=0, at=self._at)
        self.tree = Tree([entry.parse(self.key_line).leaf])
        self._live: dict[str, tuple[int, str]] = {}

    def put(self, record: dict[str, Any]) -> tuple[bytes, int]:
        """Sign a record as the next entry: its line, and the length of the record without a signature."""
        signed = envelope.sealed("record", record, self._key)
        line = entry.write("put", signed, seq=self.tree.size, at=self._at)
        self.tree.append(entry.parse(line).leaf)
        self._live[record["id"]] = record["rev"], signed.digest
        return line, len(signed.body)

    def head(self) -> Head:
        state, _ = state_tree.build((self.ring.id, id_, rev, digest) for id_, (rev, digest) in self._live.items())
        return head.write(
            self._key,
            by=self.ring.id,
            name="public",
            epoch=identifiers.new_epoch(1, b"bench"),
            size=self.tree.size,
            live=len(self._live),
            log_root=self.tree.root(),
            state_root=state.root(),
            time=datetime.now(UTC) - timedelta(minutes=1),
            valid_for=timedelta(days=45),
            next_in=timedelta(days=1),
        )


def _pushes(node: _Node, signed: Head, start: int, lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines, from position `start` on, as compressed pushes."""
    compressor = zstandard.ZstdCompressor(level=3)
    held: list[bytes] = []
    for line in lines:
        held.append(line)
        if len(held) == corpus.BATCH and (fits := push.fits(held)):
            yield compressor.compress(push.write(signed, held[:fits], start, node.tree, {0: node.key_line}))
            held, start = held[fits:], start + fits
    while held:
        fits = push.fits(held)
        yield compressor.compress(push.write(signed, held[:fits], start, node.tree, {0: node.key_line}))
        held, start = held[fits:], start + fits


def _write_bodies(path: Path, bodies: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        _write(file, bodies)


def _write(file: Any, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        file.write(_LENGTH.pack(len(piece)) + piece)


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while prefix := file.read(_LENGTH.size):
            yield file.read(_LENGTH.unpack(prefix)[0])
