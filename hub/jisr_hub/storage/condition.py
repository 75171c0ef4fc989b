"""What a database says of itself, for `jisr-hub doctor`: only facts, nothing is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from . import engines, migrations

_STANDBYS = (
    "SELECT application_name, state, coalesce(extract(epoch FROM replay_lag), 0)::float FROM pg_stat_replication"
)


async def condition(place: Path | str) -> dict[str, Any]:
    """{"step", "newest", "engine", "version", and of PostgreSQL "synchronous_commit", "standbys"}.

    Raises what the database raises when it cannot be opened.
    """
    database = engines.of(place)
    try:
        async with database.askers.connect() as connection:
            step = await connection.run_sync(migrations.version)
            told: dict[str, Any] = {"step": step, "newest": migrations.NEWEST, "engine": connection.dialect.name}
            if isinstance(place, Path):
                told["version"] = (await connection.execute(sa.text("SELECT sqlite_version()"))).scalar_one()
                return told
            for name in ("server_version", "synchronous_commit", "fsync", "full_page_writes"):
                told[name] = (await connection.execute(sa.text(f"SHOW {name}"))).scalar_one()
            told["version"] = str(told.pop("server_version")).split()[0]
            rows = await connection.execute(sa.text(_STANDBYS))
            told["standbys"] = [{"name": name, "state": state, "behind_seconds": lag} for name, state, lag in rows]
            return told
    finally:
        await database.close()
