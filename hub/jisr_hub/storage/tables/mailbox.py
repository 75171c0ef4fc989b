"""Sealed messages that wait; no backup holds them."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table

from .columns import Number, String, metadata

sealed_message = Table(
    "sealed_message",
    metadata,
    Column("digest", String, primary_key=True),
    Column("node", String, nullable=False),
    Column("until", Number, nullable=False),
    Column("at", Number, nullable=False),
    Column("content", LargeBinary),
    sqlite_strict=True,
)
Index("sealed_message_node", sealed_message.c.node, sealed_message.c.at)
Index("sealed_message_until", sealed_message.c.until)
