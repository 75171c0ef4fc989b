"""Many new databases in one run: the first of each kind is made by the steps, the others by the statements these gave.

The steps of a new database take two tenths of a second of the processor, and thousands are made in a run. Whoever tests
the steps themselves asks for `by_steps`. tests/contracts/test_migrations.py holds that both come to the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from jisr_hub.storage import migrations

by_steps: Callable[..., None] = migrations.upgrade
_made: dict[str, list[tuple[str, Any]]] = {}
_READING = ("SELECT", "PRAGMA", "SHOW", "SAVEPOINT", "RELEASE")


def upgrade(connection: sa.Connection, to: str = migrations.NEWEST) -> None:
    """As `migrations.upgrade`, which does it wherever anything stands already, or another step is asked for."""
    if to != migrations.NEWEST or migrations.version(connection) is not None:
        by_steps(connection, to)
        return
    kind = connection.dialect.name
    if kind not in _made:
        with _noted(connection) as statements:
            by_steps(connection, to)
        _made[kind] = statements
        return
    for statement, parameters in _made[kind]:
        connection.exec_driver_sql(statement, parameters)


@contextlib.contextmanager
def _noted(connection: sa.Connection) -> Iterator[list[tuple[str, Any]]]:
    """Every statement of this connection that changes something."""
    statements: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, ___: object, ____: bool) -> None:
        if not statement.lstrip().upper().startswith(_READING):
            statements.append((statement, parameters))

    sa.event.listen(connection, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(connection, "before_cursor_execute", note)
