"""What the feed has said of each node's head, in the table `stated`, within the transactions that change it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ..ports import Change, Conflict, Numbered, Stated
from . import tables as t
from .dialogue import Ask, Dialogue
from .engines import Database

_TOUCHING = ("put", "del", "out")


def touched(change: Change) -> set[str]:
    """The nodes of which a change says something, in the public feed; those that come new by a peer too, whose heads a
    crash may leave unsaid."""
    nodes = {draft.node or "" for draft in change.drafts if draft.op in _TOUCHING} | {m.node for m in change.members}
    grows = change.log is not None and change.name == "public" and change.unjudged is None
    return nodes | ({change.node} if grows else set())


def touching(database: Database, nodes: Collection[str]) -> list[Ask]:
    """What is said of these nodes has to be judged anew."""
    if not nodes:
        return []
    sql = (
        "INSERT INTO stated (node, touched, judged, seq, head, missing, at)"
        f" SELECT asked.value, 1, 0, -1, {database.no_bytes}, '{{}}', '' FROM {database.named} WHERE true"
        " ON CONFLICT (node) DO UPDATE SET touched = stated.touched + 1"
    )
    return [Ask(sql, (database.asked_texts(sorted(nodes)),))]


async def touch(database: Database, connection: AsyncConnection, nodes: Collection[str]) -> None:
    """The same within a transaction that is open."""

    def dialogue() -> Dialogue[None]:
        yield touching(database, nodes)

    await database.converse(connection, dialogue())


async def settle(database: Database, connection: AsyncConnection, change: Change, numbered: Iterable[Numbered]) -> None:
    """Note what was judged, and what was said with it. Raises Conflict when a node was touched since."""
    said = {item.draft.node: item.seq for item in numbered if item.draft.op == "nodehead"}
    c = t.stated.c
    for one in change.stated:
        if not one.touched:  # nothing of the node was ever stored here
            first = {"node": one.node, "touched": 0, "judged": 0, "seq": -1, "head": b"", "missing": "{}", "at": ""}
            await connection.execute(database.insert(t.stated).values(first).on_conflict_do_nothing())
        values: dict[str, Any] = {"judged": one.touched}
        if one.node in said:
            missing = msgspec.json.encode(dict(one.missing)).decode()
            values |= {"seq": said[one.node], "head": one.head, "missing": missing, "at": change.at}
        same = (c.node == one.node, c.touched == one.touched)
        if (await connection.execute(sa.update(t.stated).where(*same).values(values))).rowcount != 1:
            raise Conflict(f"{one.node} was touched since it was judged")


def query(nodes: Iterable[str] | None) -> sa.Select[Any]:
    c = t.stated.c
    wanted = c.touched != c.judged if nodes is None else c.node.in_(list(nodes))
    return sa.select(t.stated).where(wanted).order_by(c.node)


def read(rows: Sequence[sa.Row[Any]]) -> list[Stated]:
    return [Stated(r.node, r.touched, r.head, orjson.loads(r.missing), r.seq, r.at) for r in rows]
