"""The two databases a ledger may stand on.

sqlite.Sqlite(path)           one file, one process; one connection writes behind a lock (WAL)
postgresql.Postgres(address)  any number of processes; the writer's lock is an advisory lock of the feed
"""

from __future__ import annotations

from pathlib import Path

from .database import Database


def of(place: Path | str, schema: str = "", direct: str = "") -> Database:
    """The database at a path (SQLite) or an address (`postgresql://…`), there in a schema of its own or not; `direct`
    leads to the same one where the address is a pooler's."""
    # each brings its driver, and a command that needs one of them does not wait for the other
    if isinstance(place, Path):
        from .sqlite import Sqlite

        return Sqlite(place)
    from .postgresql import Postgres

    return Postgres(place, schema, direct)
