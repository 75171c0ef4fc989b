"""Addresses that want to be told when the feed has grown. Times are whole seconds since 1970."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from .columns import Number, String, metadata

subscription = Table(
    "subscription",
    metadata,
    Column("id", String, primary_key=True),
    *(Column(name, String, nullable=False) for name in ("callback", "host", "secret", "state")),
    Column("until", Number, nullable=False),
    Column("due", Number, nullable=False),
    Column("epoch", String, nullable=False),
    *(Column(name, Number, nullable=False) for name in ("size", "told", "failed", "failing")),
    Column("why", String, nullable=False),
    sqlite_strict=True,
)
Index("subscription_due", subscription.c.due)
