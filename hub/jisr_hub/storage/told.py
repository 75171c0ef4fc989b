"""Rows of statements: what is told of whom, as ports.Told."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jisr_protocol import statement
from jisr_protocol.envelope import Envelope

from ..ports import Change, Conflict, Told
from . import tables as t
from .database import Database

KEPT = 4096
"""Statements whose reading is remembered: that a node is ours is looked at with every push of it."""


def about(subjects: Iterable[str]) -> sa.Select[Any]:
    """The query for all that is told of these subjects."""
    c = t.told.c
    return sa.select(t.told).where(c.subject.in_(list(subjects))).order_by(c.subject, c.n, c.digest, c.kid)


def of(row: sa.Row[Any]) -> Told:
    return known(row.jws, row.body, row.kid, row.proven, row.at)


@functools.lru_cache(maxsize=KEPT)
def known(jws: str, body: bytes, kid: str, proven: int, at: str) -> Told:
    """A statement from its row; the same bytes are read once."""
    thing = Envelope("statement", jws, body, orjson.loads(body))
    return Told(statement.of(thing), kid, bool(proven), at)


def row_of(told: Told) -> dict[str, Any]:
    said = told.statement
    return {
        "digest": said.digest, "kid": told.kid, "by": said.by, "subject": said.subject, "type": said.type,
        "about": said.about, "n": said.n, "proven": int(told.proven), "jws": said.envelope.jws,
        "body": said.envelope.body, "at": told.at,
    }  # fmt: skip


async def keep(database: Database, connection: AsyncConnection, change: Change) -> None:
    """Store what a change tells, each signature once. Raises Conflict when a newer number stands already."""
    c = t.told.c
    for digest, kid in change.outdated:
        await connection.execute(sa.delete(t.told).where(c.digest == digest, c.kid == kid))
    for told in change.told:
        said = told.statement
        newest = sa.select(sa.func.max(c.n)).where(
            c.by == said.by, c.subject == said.subject, c.type == said.type, c.about == said.about
        )
        held = (await connection.execute(newest.where(c.digest != said.digest))).scalar_one()
        if held is not None and held >= said.n and not told.by_anchor:
            raise Conflict(f"a statement of {said.by} about {said.subject} came meanwhile")
        inserted = database.insert(t.told).values(row_of(told)).on_conflict_do_nothing().returning(c.digest)
        if (await connection.execute(inserted)).first() is None:
            raise Conflict(f"a statement of {said.by} about {said.subject} stands here already")
    for node, home in change.homes.items():
        await connection.execute(sa.update(t.node).where(t.node.c.node == node).values(home=home))
    for node, upstream in change.upstreams.items():
        await connection.execute(sa.update(t.node).where(t.node.c.node == node).values(upstream=upstream))


async def replace_all(connection: AsyncConnection, rows: Sequence[Told]) -> None:
    """Put these in the place of all that are held: when everything is worked out again from the log."""
    await connection.execute(sa.delete(t.told))
    if rows:
        await connection.execute(sa.insert(t.told), [row_of(told) for told in rows])
