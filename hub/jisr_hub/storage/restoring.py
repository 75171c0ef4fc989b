"""A backup put back into a database of either kind; what stood there before is kept beside, under a dated name."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from . import engines, migrations
from . import tables as t
from .archive import Backup
from .proving import Stored
from .sqlite import Sqlite

Prove = Callable[[Stored], Awaitable[None]]
"""Looks at what was put back before it takes its place; raises when it must not."""
_FILES = ("", "-wal", "-shm")


async def who_is_there(place: Path | str, hub: str) -> str:
    """What stands at this place already: "nothing", "this hub", "another", or "rubbish", a file that is no database any
    more. Raises what PostgreSQL raises."""
    if isinstance(place, Path) and not place.exists():
        return "nothing"
    database = engines.of(place)
    try:
        async with database.askers.connect() as connection:
            if await connection.run_sync(migrations.version) is None:
                return "nothing"
            c = t.statement.c
            known = await connection.execute(sa.select(c.node).where(c.node == hub).limit(1))
            empty = await connection.execute(sa.select(c.node).limit(1))
            return "this hub" if known.first() or not empty.first() else "another"
    except sa.exc.DatabaseError:
        if isinstance(place, Path):
            return "rubbish"  # all the more is a backup to be put back
        raise
    finally:
        await database.close()


async def put_back(place: Path | str, backup: Backup, stamp: str, prove: Prove) -> str:
    """Put the rows back at `place`; what was there goes aside, named with `stamp`. Returns where it is then, or "".

    All of it or nothing: a file is written beside and renamed, PostgreSQL does it in one transaction. Raises
    migrations.NewerDatabase when the backup is of a later version, and what `prove` raises.
    """
    if backup.about.step > migrations.NEWEST:
        raise migrations.NewerDatabase(
            f"This backup is of a later version of Jisr (step {backup.about.step}, known here up to "
            f"{migrations.NEWEST}). Nothing was changed. Install that version, or a newer one."
        )
    if isinstance(place, Path):
        return await _into_file(place, backup, stamp, prove)
    return await _into_postgres(place, backup, stamp, prove)


@asynccontextmanager
async def leading(place: str, role: str) -> AsyncIterator[bool]:
    """Be the one process that does this work on the database at an address; False while another one is."""
    database = engines.of(place)
    try:
        async with database.leading(role) as lead:
            yield lead is not None
    finally:
        await database.close()


@asynccontextmanager
async def scratch(folder: Path, backup: Backup) -> AsyncIterator[Stored]:
    """The rows of a backup in a database of their own in `folder`, to be looked at."""
    database = Sqlite(folder / "looked-at.sqlite")
    try:
        async with database.writing(long=True) as connection:
            await _fill(connection, backup)
        async with database.reading() as connection:
            yield Stored(connection, database)
    finally:
        await database.close()


async def _into_file(place: Path, backup: Backup, stamp: str, prove: Prove) -> str:
    fresh = place.with_name(place.name + ".restoring")
    _remove(fresh)
    database = Sqlite(fresh)
    try:
        async with database.writing(long=True) as connection:
            await _fill(connection, backup)
        async with database.reading() as connection:
            await prove(Stored(connection, database))
    # also after a Ctrl-C no half database lies beside the whole one
    except BaseException:
        await database.close()
        _remove(fresh)
        raise
    await database.close()  # the last connection takes the write-ahead log into the file
    aside = ""
    if place.exists():
        aside = f"{place.name}.before-{stamp}"
        for end in reversed(_FILES):  # the log of a database goes before it: it must never meet another
            if (part := place.with_name(place.name + end)).exists():
                os.replace(part, place.with_name(aside + end))
    for end in _FILES[1:]:
        place.with_name(place.name + end).unlink(missing_ok=True)
    os.replace(fresh, place)
    _remove(fresh)
    return aside


def _remove(file: Path) -> None:
    for end in _FILES:
        file.with_name(file.name + end).unlink(missing_ok=True)


async def _into_postgres(address: str, backup: Backup, stamp: str, prove: Prove) -> str:
    database = engines.of(address)
    try:
        async with database.writing(long=True) as connection:
            aside = await _set_aside(connection, stamp)
            await _fill(connection, backup)
            await prove(Stored(connection, database))
            return aside
    finally:
        await database.close()


async def _set_aside(connection: AsyncConnection, stamp: str) -> str:
    """Move what stands in the database into a schema of its own."""
    there = await connection.run_sync(lambda c: set(sa.inspect(c).get_table_names()))
    ours = sorted(there & {"alembic_version", *t.metadata.tables})
    if not ours:
        return ""
    schema = f"before_{stamp.replace('-', '').replace(':', '').lower()}"
    await connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"')
    for table in ours:
        await connection.exec_driver_sql(f'ALTER TABLE "{table}" SET SCHEMA "{schema}"')
    return f"the schema {schema}"


async def _fill(connection: AsyncConnection, backup: Backup) -> None:
    """Make the tables as they were when the backup was taken, fill them, and bring them up to date."""
    await connection.run_sync(migrations.upgrade, backup.about.step)
    columns = backup.about.columns
    for table, rows in backup.rows():
        names = columns[table]
        insert = sa.insert(sa.table(table, *map(sa.column, names)))
        await connection.execute(insert, [dict(zip(names, row, strict=True)) for row in rows])
    await connection.run_sync(migrations.upgrade)
