"""How often records were used here, and what people reported as wrong. Days are numbers (date.toordinal)."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from .columns import Number, String, metadata

usage_day = Table(
    "usage_day",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("day", Number, primary_key=True, autoincrement=False),
    Column("views", Number, nullable=False),
    Column("referrals", Number, nullable=False),
    Column("applications", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
Index("usage_day_day", usage_day.c.day)
mistake = Table(
    "mistake",
    metadata,
    Column("number", String, primary_key=True),
    Column("node", String, nullable=False),
    Column("id", String, nullable=False),
    Column("at", String, nullable=False),
    Column("what", String, nullable=False),
    Column("words", String, nullable=False),
    Column("reply", String, nullable=False),
    Column("lang", String, nullable=False),
    Column("reached", String, nullable=False),
    Column("until", Number, nullable=False),
    sqlite_strict=True,
)
Index("mistake_record", mistake.c.node, mistake.c.id)
Index("mistake_until", mistake.c.until)
