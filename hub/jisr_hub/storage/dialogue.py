"""What is asked of a database in one go, apart from how it gets there.

    def places(node):                       a dialogue: statements go out, their rows come in, a result comes out
        (rows,) = yield [Ask("SELECT name, size FROM node_feed WHERE node = ?", (node,))]
        return dict(rows)

SQLite answers a whole dialogue in one thread, PostgreSQL each `yield` in one round trip: a push asks a dozen things,
and the way there costs more than the answers. `?` stands for a value in both.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa

Rows = Sequence[tuple[Any, ...]]


class Ask(NamedTuple):
    """One statement; it answers with its rows."""

    sql: str
    values: tuple[Any, ...] = ()


class Put(NamedTuple):
    """Whole rows of a table; with `replace` a row of the same primary key gives way."""

    table: sa.Table
    rows: Rows
    replace: bool = False


T = TypeVar("T")
Dialogue = Generator[Sequence[Ask | Put], Sequence[Rows], T]


def several(*asked: Ask) -> Dialogue[Sequence[Rows]]:
    """Questions that do not follow from one another."""
    rows = yield asked
    return rows


def beside(*dialogues: Dialogue[Any]) -> Dialogue[list[Any]]:
    """Several dialogues side by side: what each asks in one turn goes in one trip, in their order; their results."""
    results: list[Any] = [None] * len(dialogues)
    turns: dict[int, Sequence[Ask | Put]] = {}

    def go_on(place: int, rows: Sequence[Rows] | None) -> None:
        try:
            turns[place] = next(dialogues[place]) if rows is None else dialogues[place].send(rows)
        except StopIteration as done:
            results[place] = done.value

    for place in range(len(dialogues)):
        go_on(place, None)
    while turns:
        asked, turns = turns, {}
        answers = iter((yield [one for each in asked.values() for one in each]))
        for place, each in asked.items():
            go_on(place, [next(answers) for _ in each])
    return results


def answer_in_thread(connection: sqlite3.Connection, dialogue: Dialogue[T]) -> T:
    """Answer a dialogue on an open connection of SQLite, within its transaction."""
    try:
        asked = next(dialogue)
        while True:
            asked = dialogue.send([_answered(connection, one) for one in asked])
    except StopIteration as done:
        result: T = done.value
        return result


def _answered(connection: sqlite3.Connection, one: Ask | Put) -> Rows:
    if isinstance(one, Ask):
        return connection.execute(one.sql, one.values).fetchall()
    if one.rows:
        connection.executemany(sqlite_put(one.table.name, len(one.table.columns), one.replace), one.rows)
    return ()


async def answer_in_its_thread(connection: Any, dialogue: Dialogue[T]) -> T:
    """Answer a dialogue on a connection of aiosqlite, in one trip to its thread."""
    result: T = await connection._execute(answer_in_thread, connection._conn, dialogue)
    return result


@functools.cache
def sqlite_put(table: str, columns: int, replace: bool) -> str:
    """The statement that puts one whole row."""
    return f"{'INSERT OR REPLACE' if replace else 'INSERT'} INTO {table} VALUES ({','.join('?' * columns)})"
