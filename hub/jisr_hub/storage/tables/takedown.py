"""What is out of sight, and the words about it."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table

from .columns import Number, String, metadata

notice = Table(
    "notice",
    metadata,
    Column("digest", String, primary_key=True),
    Column("feed", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("node", String, nullable=False),
    Column("n", Number, nullable=False),
    Column("action", String, nullable=False),
    Column("jws", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
Index("notice_n", notice.c.by, notice.c.node, notice.c.n)
guard = Table(
    "guard",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("notice", String, primary_key=True),
    Column("max_rev", Number),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
hold = Table(
    "hold",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("notice", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("max_rev", Number),
    Column("until", String),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
held_back = Table(
    "held_back",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("rev", Number, nullable=False),
    Column("digest", String, nullable=False),
    Column("type", String, nullable=False),
    Column("line", LargeBinary, nullable=False),
    sqlite_strict=True,
)
handled = Table(
    "handled",
    metadata,
    Column("notice", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("task", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
follower = Table(
    "follower",
    metadata,
    Column("hub", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("added_at", String, nullable=False),
    sqlite_strict=True,
)
ack = Table(
    "ack",
    metadata,
    Column("notice", String, primary_key=True),
    Column("by", String, primary_key=True),
    Column("jws", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at", String, nullable=False),
    Column("passed", Number, nullable=False),
    sqlite_strict=True,
)
block = Table(
    "block",
    metadata,
    Column("node", String, primary_key=True),
    Column("target", String, primary_key=True),
    Column("until", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("note", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
