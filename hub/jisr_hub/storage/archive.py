"""A backup: one file with every row of a hub's ledger, from one consistent moment, and the files that make it a hub.

    about.json              what this is: of which hub, when, at which step of the tables, how far it was published
    files/<name>            hub.json, keys.json; signing.key when asked for
    rows/<table>/<n>.zst    the rows of a table in order, MessagePack arrays, compressed
    index.json              every part with its rows, bytes and hash: a file without it was cut off

What opens the desk is left out: passwords, one-time links and sessions (tables.SECRET); and what is searched, which is
made anew.

A tar of rows, not of database files, so a backup of one database is put back into the other. Rows are read from one
transaction that sees one moment, and pass through memory in parts of a few megabytes.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
import zstandard
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol import head as heads
from jisr_protocol import identifiers

from . import migrations
from . import tables as t
from .database import Database, streamed

FORM = 1
PART_BYTES = 4 * 1024 * 1024
"""A part is closed when its rows come to this; one row is never divided."""
_LARGEST_PART = 2 * PART_BYTES + 64 * 1024 * 1024
_ROWS_AT_ONCE = 256
_ABOUT, _INDEX, _FILES, _ROWS = "about.json", "index.json", "files/", "rows/"
_pack = msgspec.msgpack.Encoder()


class BrokenBackup(Exception):
    """The file is no backup, or not whole; the sentence says where it breaks."""


class Part(msgspec.Struct, frozen=True):
    """One member of rows: its name, how many rows, the bytes and hash it has in the file."""

    path: str
    table: str
    rows: int
    bytes: int
    sha256: str


class About(msgspec.Struct, frozen=True):
    """What a backup says of itself."""

    form: int
    hub: str
    name: str
    made: str
    step: str
    columns: dict[str, list[str]]
    epoch: str
    entries: int
    published: int
    head_time: str | None
    with_key: bool


class _Index(msgspec.Struct, frozen=True):
    parts: list[Part]


# Writing


async def rows_of(connection: AsyncConnection, table: sa.Table) -> AsyncIterator[Sequence[Sequence[Any]]]:
    """Every row of a table in the order of its primary key, in batches."""
    async for part in streamed(connection, sa.select(table).order_by(*table.primary_key.columns), _ROWS_AT_ONCE):
        yield [tuple(row) for row in part]


async def write(database: Database, out: Path, about: Mapping[str, Any], files: Mapping[str, bytes]) -> About:
    """Write a backup to `out`, which must not exist; durable when this returns. `about` is completed here."""
    async with database.reading() as connection:
        step = await connection.run_sync(migrations.version) or migrations.NEWEST
        tables = await connection.run_sync(_tables, step)
        said = await _said(connection, about, step, tables)
        with _new(out) as raw, tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
            _add(archive, _ABOUT, msgspec.json.encode(said))
            for name, content in files.items():
                _add(archive, _FILES + name, content)
            parts: list[Part] = []
            for table in tables:
                async for number, rows, packed in _parts(connection, table):
                    path = f"{_ROWS}{table.name}/{number:06d}.zst"
                    _add(archive, path, packed)
                    parts.append(Part(path, str(table.name), rows, len(packed), hashlib.sha256(packed).hexdigest()))
            _add(archive, _INDEX, msgspec.json.encode(_Index(parts)))
            archive.close()
            raw.flush()
            os.fsync(raw.fileno())
    return said


def _tables(connection: sa.Connection, step: str) -> Sequence[sa.Table]:
    """The tables as this code knows them; of an older step as they are there, for an upgrade begins with a backup."""
    if step == migrations.NEWEST:
        found = t.metadata
    else:
        found = sa.MetaData()
        found.reflect(connection, only=lambda name, _: name in t.metadata.tables)
    left_out = t.SECRET | {table.name for table in t.SEARCH}
    return [table for table in found.sorted_tables if table.name not in left_out]


async def _said(connection: AsyncConnection, about: Mapping[str, Any], step: str, tables: Sequence[sa.Table]) -> About:
    c = t.feed.c
    row = (await connection.execute(sa.select(c.epoch, c.size, c.published_size, c.published_head))).one()
    return About(
        form=FORM,
        step=step,
        columns={str(table.name): [str(c.name) for c in table.columns] for table in tables},
        epoch=row.epoch,
        entries=row.size,
        published=row.published_size,
        head_time=identifiers.to_instant(heads.parse(row.published_head).time) if row.published_head else None,
        **about,
    )


def _new(out: Path) -> io.BufferedWriter:
    """A new file that only its owner may read: it holds what is not public."""
    return os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb")


async def _parts(connection: AsyncConnection, table: sa.Table) -> AsyncIterator[tuple[int, int, bytes]]:
    number, size = 0, 0
    rows: list[msgspec.Raw] = []
    compressor = zstandard.ZstdCompressor(level=6)
    async for batch in rows_of(connection, table):
        for row in batch:
            rows.append(msgspec.Raw(_pack.encode(row)))
            size += len(rows[-1])
            if size >= PART_BYTES:
                yield number, len(rows), compressor.compress(_pack.encode(rows))
                number, size, rows = number + 1, 0, []
    if rows:
        yield number, len(rows), compressor.compress(_pack.encode(rows))


def appear(draft: Path, out: Path) -> None:
    """Give a whole file its name, durably. Raises FileExistsError when somebody took the name meanwhile."""
    if out.exists():
        raise FileExistsError(f"There is a {out} already; the backup was thrown away. Choose another name.")
    os.replace(draft, out)
    if os.name != "nt":
        handle = os.open(out.parent, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


# Reading


class Backup:
    """A backup that was read through once: whole, every part as its index says. Rows are read again when asked for."""

    def __init__(self, path: Path) -> None:
        """Raises BrokenBackup."""
        self.path = path
        self.files: dict[str, bytes] = {}
        try:
            self.about, self.parts = self._read_through()
        except (tarfile.TarError, EOFError) as error:
            raise BrokenBackup(f"{path} is not a whole backup of a Jisr hub: {error}.") from error

    def rows(self) -> Iterator[tuple[str, list[list[Any]]]]:
        """(table, rows) of every part, in order."""
        tables = {part.path: part.table for part in self.parts}
        with tarfile.open(self.path, "r:") as archive:
            for member in archive:
                if member.name in tables:
                    yield tables[member.name], _unpacked(_content(archive, member))

    def _read_through(self) -> tuple[About, list[Part]]:
        about: About | None = None
        index: _Index | None = None
        seen: dict[str, tuple[int, str]] = {}
        with tarfile.open(self.path, "r:") as archive:
            for member in archive:
                content = _content(archive, member)
                if member.name == _ABOUT:
                    about = _decoded(content, About)
                elif member.name == _INDEX:
                    index = _decoded(content, _Index)
                elif member.name.startswith(_FILES):
                    self.files[member.name.removeprefix(_FILES)] = content
                else:
                    seen[member.name] = (len(content), hashlib.sha256(content).hexdigest())
        if about is None:
            raise BrokenBackup(f"{self.path} is not a backup of a Jisr hub: it does not say of which hub it is.")
        if about.form != FORM:
            raise BrokenBackup(f"{self.path} was written by a later version of Jisr (form {about.form}); install that.")
        if index is None:
            raise BrokenBackup(f"{self.path} is cut off: its end is missing. Take another backup.")
        for part in index.parts:
            if not part.path.startswith(f"{_ROWS}{part.table}/"):
                raise BrokenBackup(f"{self.path}: the index says {part.table} of {part.path}. Take another backup.")
            if seen.pop(part.path, None) != (part.bytes, part.sha256):
                raise BrokenBackup(f"{self.path}: the part {part.path} is missing or has changed. Take another backup.")
        if seen:
            raise BrokenBackup(f"{self.path}: the part {min(seen)} is in no index. Take another backup.")
        return about, index.parts


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member) if member.isreg() and member.size <= _LARGEST_PART else None
    if file is None:
        raise BrokenBackup(f"{member.name} is no plain part of a backup.")
    content = file.read()
    if len(content) != member.size:
        raise BrokenBackup(f"the file ends within {member.name}. Take another backup.")
    return content


def _decoded(content: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise BrokenBackup(f"what the backup says of itself cannot be read: {error}.") from error


def _unpacked(content: bytes) -> list[list[Any]]:
    with zstandard.ZstdDecompressor().stream_reader(content) as reader:
        raw = reader.read(_LARGEST_PART + 1)
    if len(raw) > _LARGEST_PART:
        raise BrokenBackup("a part of the backup is larger than any that was ever written.")
    rows: list[list[Any]] = msgspec.msgpack.decode(raw, type=list[list[Any]])
    return rows
