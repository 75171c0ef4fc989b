"""Letters, who agreed to get them, and whom the hub asked."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from .columns import Number, String, metadata

correspondent = Table(
    "correspondent",
    metadata,
    Column("address", String, primary_key=True),
    Column("node", String, primary_key=True),
    Column("lang", String, nullable=False),
    Column("agreed", String, nullable=False),
    Column("how", String, nullable=False),
    Column("ended", String, nullable=False),
    sqlite_strict=True,
)
letter = Table(
    "letter",
    metadata,
    Column("cause", String, primary_key=True),
    Column("address", String, nullable=False),
    Column("node", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("about", String, nullable=False),
    Column("made", String, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Number, nullable=False),
    Column("due", Number, nullable=False),
    Column("said", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
Index(
    "letter_due", letter.c.due, sqlite_where=letter.c.state == "waiting", postgresql_where=letter.c.state == "waiting"
)
mail_link = Table(
    "mail_link",
    metadata,
    Column("key", String, primary_key=True),
    Column("purpose", String, nullable=False),
    Column("address", String, nullable=False),
    Column("about", String, nullable=False),
    Column("expires", Number, nullable=False),
    sqlite_strict=True,
)
campaign = Table(
    "campaign",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("by", String, nullable=False),
    Column("made", String, nullable=False),
    sqlite_strict=True,
)
asked_record = Table(
    "asked_record",
    metadata,
    Column("campaign", String, primary_key=True),
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("rev", Number, nullable=False),
    Column("answer", String, nullable=False),
    Column("note", String, nullable=False),
    Column("at", String, nullable=False),
    Column("done", String, nullable=False),
    sqlite_strict=True,
)
