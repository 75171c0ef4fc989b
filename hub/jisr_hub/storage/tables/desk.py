"""Who signs in at the desk, and what people did there."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table

from .columns import Number, String, metadata

account = Table(
    "account",
    metadata,
    Column("name", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("made", String, nullable=False),
    Column("subject", String, unique=True),
    sqlite_strict=True,
)
account_secret = Table(
    "account_secret",
    metadata,
    Column("name", String, primary_key=True),
    Column("password", String, nullable=False),
    Column("link", String, nullable=False),
    Column("expires", Number, nullable=False),
    sqlite_strict=True,
)
desk_session = Table(
    "desk_session",
    metadata,
    Column("key", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("by", String, nullable=False),
    Column("made", Number, nullable=False),
    Column("seen", Number, nullable=False),
    Column("confirmed", Number, nullable=False),
    sqlite_strict=True,
)
desk_pending = Table(
    "desk_pending",
    metadata,
    Column("key", String, primary_key=True),
    Column("nonce", String, nullable=False),
    Column("verifier", String, nullable=False),
    Column("expires", Number, nullable=False),
    sqlite_strict=True,
)
desk_try = Table(
    "desk_try",
    metadata,
    Column("key", String, primary_key=True),
    Column("window", Number, primary_key=True, autoincrement=False),
    Column("ends", Number, nullable=False),
    Column("count", Number, nullable=False),
    sqlite_strict=True,
)
passkey = Table(
    "passkey",
    metadata,
    Column("id", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("label", String, nullable=False),
    Column("public", LargeBinary, nullable=False),
    Column("count", Number, nullable=False),
    Column("made", Number, nullable=False),
    Column("used", Number, nullable=False),
    Column("copied", Number, nullable=False),
    sqlite_strict=True,
)
desk_token = Table(
    "desk_token",
    metadata,
    Column("key", String, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("account", String, nullable=False),
    Column("label", String, nullable=False),
    Column("rights", String, nullable=False),
    Column("made", Number, nullable=False),
    Column("expires", Number, nullable=False),
    Column("used", Number, nullable=False),
    sqlite_strict=True,
)
SECRET = frozenset({"account_secret", "desk_session", "desk_pending", "desk_try", "passkey", "desk_token"}) | {
    "sealed_message",
    "mistake",
    "subscription",
}
"""Tables whose rows no backup holds: a copy of a backup must open no desk, and outlive nothing that people wrote."""
act = Table(
    "act",
    metadata,
    Column("n", Number, primary_key=True, autoincrement=False),
    Column("line", String, nullable=False),
    Column("words", LargeBinary),
    Column("at", String, nullable=False),
    Column("who", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("undoes", Number, nullable=False),
    sqlite_strict=True,
)
Index("act_undoes", act.c.undoes)
act_open = Table(
    "act_open",
    metadata,
    Column("ticket", String, primary_key=True),
    Column("asked", LargeBinary, nullable=False),
    Column("at", String, nullable=False),
    Column("waits", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
