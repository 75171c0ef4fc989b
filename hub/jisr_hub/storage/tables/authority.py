"""Who is who, who asks to be let in, and who may read what."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table

from .columns import Number, String, metadata

told = Table(
    "statement",
    metadata,
    Column("digest", String, primary_key=True),
    Column("kid", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("type", String, nullable=False),
    Column("about", String, nullable=False),
    Column("n", Number, nullable=False),
    Column("proven", Number, nullable=False),
    Column("jws", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
Index("statement_subject", told.c.subject)
invitation = Table(
    "invitation",
    metadata,
    Column("code", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("made", String, nullable=False),
    Column("expires", String, nullable=False),
    Column("constraints", String, nullable=False),
    Column("node", String, nullable=False),
    sqlite_strict=True,
)
request = Table(
    "request",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("source", String, nullable=False),
    Column("at", String, nullable=False),
    Column("keys", LargeBinary, nullable=False),
    sqlite_strict=True,
)
reader = Table(
    "reader",
    metadata,
    Column("id", String, primary_key=True),
    Column("audience", String, primary_key=True),
    Column("statements", LargeBinary, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
used_assertion = Table(
    "used_assertion",
    metadata,
    Column("by", String, primary_key=True),
    Column("jti", String, primary_key=True),
    Column("expires", Number, nullable=False),
    sqlite_strict=True,
)
access_token = Table(
    "access_token",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("expires", Number, nullable=False),
    sqlite_strict=True,
)
