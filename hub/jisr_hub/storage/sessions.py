"""Who else works on a PostgreSQL database, for what must happen alone."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa

from . import engines
from .database import PROGRAM

WATCH_SECONDS = 5.0
"""A hub that serves asks its database more often than this, whatever it waits for: it looks whether it is its turn."""
_OTHERS = sa.text(
    "SELECT pid, coalesce(client_addr::text, 'this machine') AS address FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name IN ('', :program)"
    " AND backend_type = 'client backend'"
    " AND (state <> 'idle' OR state_change > :began) ORDER BY pid"
)


async def working(address: str) -> list[str]:
    """A word for each session of a hub that does something within five seconds; older versions gave no name.

    The sessions a pool keeps open do nothing, and whoever has another name is no hub.
    """
    database = engines.of(address)
    try:
        async with database.askers.connect() as connection:
            began = (await connection.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
            await asyncio.sleep(WATCH_SECONDS)
            found = await connection.execute(_OTHERS, {"began": began, "program": PROGRAM})
            return [f"session {row.pid} from {row.address}" for row in found]
    finally:
        await database.close()
