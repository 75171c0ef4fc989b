"""How the tables came to be what they are, step by step (Alembic); `upgrade` takes a database to the newest.

A database of an older version is brought up when it is opened, in one transaction: it is as it was, or whole. One of a
newer version is left alone.
"""

from __future__ import annotations

import sqlalchemy as sa

NEWEST = "0026"
_FIRST = "0001"


class NewerDatabase(Exception):
    """The database was made by a later version of Jisr; the sentence says what to do."""


def version(connection: sa.Connection) -> str | None:
    """The step this database stands at; None when it is empty."""
    tables = set(sa.inspect(connection).get_table_names())
    if "alembic_version" in tables:
        held = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        if held is not None:
            return str(held)
    return _FIRST if "feed" in tables else None  # the first version of Jisr wrote down no step


def upgrade(connection: sa.Connection, to: str = NEWEST) -> None:
    """Bring the database to step `to`, within the transaction of `connection`. Raises NewerDatabase."""
    held = version(connection)
    if held == to:
        return
    if held is not None and held > NEWEST:
        raise NewerDatabase(
            f"This database was written by a later version of Jisr (step {held}, known here up to {NEWEST}). Nothing "
            "was changed. Install that version again, or a newer one."
        )
    # takes a tenth of a second to import, and is needed once a version
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "jisr_hub.storage:migrations")
    config.attributes["connection"] = connection
    if held == _FIRST and "alembic_version" not in sa.inspect(connection).get_table_names():
        command.stamp(config, _FIRST)
    command.upgrade(config, to)
