"""What is searched of the public directory: documents made of its entries. All of it is made anew from the log."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from .columns import Number, String, metadata

search_entry = Table(
    "search_entry",
    metadata,
    Column("doc", Number, primary_key=True, autoincrement=False),
    Column("turn", Number, nullable=False),
    Column("node", String, nullable=False),
    Column("id", String, nullable=False),
    Column("content", String, nullable=False),
    sqlite_strict=True,
)
Index("search_entry_turn", search_entry.c.turn, search_entry.c.doc)
Index("search_entry_key", search_entry.c.node, search_entry.c.id)
search_source = Table(
    "search_source",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("doc", Number, primary_key=True, autoincrement=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
Index("search_source_doc", search_source.c.doc)
search_due = Table(
    "search_due",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
search_stand = Table(
    "search_stand",
    metadata,
    Column("feed", String, primary_key=True),
    Column("epoch", String, nullable=False),
    Column("cursor", Number, nullable=False),
    Column("rules", Number, nullable=False),
    Column("generation", Number, nullable=False),
    Column("turn", Number, nullable=False),
    Column("filled", Number, nullable=False),
    Column("node", String, nullable=False),
    Column("id", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
SEARCH = (search_entry, search_source, search_due, search_stand)
