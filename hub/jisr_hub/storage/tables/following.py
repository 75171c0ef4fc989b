"""What comes from elsewhere: what is taken by which policy, of which peers and pulled feeds, and how each is."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, Table

from .columns import Number, String, metadata

policy = Table(
    "policy",
    metadata,
    Column("scope", String, primary_key=True),
    Column("body", LargeBinary),
    Column("applied", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
derived = Table(
    "derived",
    metadata,
    Column("name", String, primary_key=True),
    Column("audience", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
brake = Table(
    "brake",
    metadata,
    Column("peer", String, primary_key=True),
    Column("leaving", Number, nullable=False),
    Column("live", Number, nullable=False),
    Column("released", Number, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
source = Table(
    "source",
    metadata,
    Column("source", String, primary_key=True),
    Column("way", String, primary_key=True),
    Column("run_at", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("since", String, nullable=False),
    Column("success_at", String, nullable=False),
    Column("failures", Number, nullable=False),
    Column("next_at", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("done", Number, nullable=False),
    Column("total", Number, nullable=False),
    Column("stage_at", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
source_round = Table(
    "source_round",
    metadata,
    Column("source", String, primary_key=True),
    Column("way", String, primary_key=True),
    Column("began", String, primary_key=True),
    Column("by", String, primary_key=True),
    Column("ended", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("runs", Number, nullable=False),
    Column("added", Number, nullable=False),
    Column("changed", Number, nullable=False),
    Column("gone", Number, nullable=False),
    Column("refused", Number, nullable=False),
    Column("first", Number, nullable=False),
    Column("next", Number, nullable=False),
    Column("live", Number, nullable=False),
    Column("renamed", Number, nullable=False),
    Column("alarm", String, nullable=False),
    Column("looked", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
source_order = Table(
    "source_order",
    metadata,
    Column("source", String, primary_key=True),
    Column("way", String, primary_key=True),
    Column("stopped_at", String, nullable=False),
    Column("retry_at", String, nullable=False),
    Column("kept", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
braked = Table(
    "braked",
    metadata,
    Column("peer", String, primary_key=True),
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
left_out = Table(
    "left_out",
    metadata,
    Column("peer", String, primary_key=True),
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("rev", Number, nullable=False),
    Column("code", String, nullable=False),
    Column("pointer", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
peer = Table(
    "peer",
    metadata,
    Column("hub", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("feed", String, nullable=False),
    Column("cursor", Number, nullable=False),
    Column("epoch", String, nullable=False),
    Column("last_outcome", String, nullable=False),
    Column("last_detail", String, nullable=False),
    Column("last_at", String, nullable=False),
    sqlite_strict=True,
)
pull = Table(
    "pull",
    metadata,
    Column("node", String, primary_key=True),
    Column("address", String, nullable=False),
    Column("added_at", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
