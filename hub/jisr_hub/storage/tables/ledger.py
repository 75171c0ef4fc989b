"""The log and what stands for nodes' logs. `entry` and `node_entry` are the truth; `record` is rebuilt from them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, Index, LargeBinary, Table, UniqueConstraint

from .columns import ORGANIZATION, Number, String, metadata

feed = Table(
    "feed",
    metadata,
    Column("name", String, primary_key=True),
    Column("epoch", String, nullable=False),
    Column("size", Number, nullable=False),
    Column("published_size", Number, nullable=False),
    Column("published_frontier", LargeBinary),
    Column("published_head", LargeBinary),
    Column("bases", String, nullable=False),
    Column("floor", Number, nullable=False),
    Column("snap", String),
    sqlite_strict=True,
)
entry = Table(
    "entry",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("op", String, nullable=False),
    Column("path18", Number),
    Column("leaf", LargeBinary, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("prior", Number),
    sqlite_strict=True,
)
node = Table(
    "node",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("upstream", String, nullable=False),
    Column("per_hour", Number, nullable=False),
    Column("per_day", Number, nullable=False),
    Column("admitted_at", String, nullable=False),
    Column("home", String, nullable=False),
    sqlite_strict=True,
)
statement = Table(
    "key_statement",
    metadata,
    Column("node", String, primary_key=True),
    Column("n", Number, primary_key=True),
    Column("kind", String, nullable=False),
    Column("jws", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("digest", String, nullable=False),
    UniqueConstraint("node", "digest"),
    sqlite_strict=True,
)
logged_statement = Table(
    "logged_statement",
    metadata,
    Column("node", String, primary_key=True),
    Column("digest", String, primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
node_feed = Table(
    "node_feed",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("epoch", String, nullable=False),
    Column("size", Number, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("head", LargeBinary, nullable=False),
    sqlite_strict=True,
)
node_entry = Table(
    "node_entry",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("seq", Number, primary_key=True),
    Column("leaf", LargeBinary, nullable=False),
    Column("line_hash", LargeBinary),
    Column("line", LargeBinary),
    Column("code", String),
    Column("pointer", String),
    Column("detail", String),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
_code_is_set = node_entry.c.code.is_not(None)
Index(
    "node_entry_aside_of", node_entry.c.node, node_entry.c.name, node_entry.c.code,
    sqlite_where=_code_is_set, postgresql_where=_code_is_set,
)  # fmt: skip
Index("node_entry_code", node_entry.c.code, sqlite_where=_code_is_set, postgresql_where=_code_is_set)
unjudged = Table(
    "unjudged",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("start", Number, primary_key=True),
    Column("upto", Number, nullable=False),
    Column("lines", LargeBinary, nullable=False),
    sqlite_strict=True,
)
node_feed_aside = Table(
    "node_feed_aside",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("epoch", String, primary_key=True),
    Column("size", Number, nullable=False),
    Column("head", LargeBinary, nullable=False),
    sqlite_strict=True,
)
node_entry_aside = Table(
    "node_entry_aside",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("epoch", String, primary_key=True),
    Column("seq", Number, primary_key=True),
    Column("leaf", LargeBinary, nullable=False),
    Column("line_hash", LargeBinary),
    Column("line", LargeBinary),
    Column("code", String),
    Column("pointer", String),
    Column("detail", String),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
record = Table(
    "record",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("audience", String, primary_key=True),
    Column("rev", Number, nullable=False),
    Column("digest", String, nullable=False),
    Column("type", String, nullable=False),
    Column("live_path", Number),
    Column("seq", Number),
    sqlite_strict=True,  # and with a rowid: an index over long text keys costs half of a tree of long rows
)
live_path = record.c.live_path
Index("record_type", record.c.type, record.c.seq, sqlite_where=live_path.is_not(None),
      postgresql_where=live_path.is_not(None))  # fmt: skip
_names_a_node = sa.and_(live_path.is_not(None), record.c.type == ORGANIZATION)
Index("record_organization", record.c.node, record.c.seq, sqlite_where=_names_a_node, postgresql_where=_names_a_node)
Index("record_gone", record.c.node, sqlite_where=live_path.is_(None), postgresql_where=live_path.is_(None))
Index("record_live_path", live_path, sqlite_where=live_path.is_not(None), postgresql_where=live_path.is_not(None))
nullified = Table(
    "nullified",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("audience", String, primary_key=True),
    Column("digest", String, primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
generation = Table(
    "generation",
    metadata,
    Column("page", Number, primary_key=True, autoincrement=False),
    Column("generation", Number, nullable=False),
    sqlite_strict=True,
)
stated = Table(
    "stated",
    metadata,
    Column("node", String, primary_key=True),
    Column("touched", Number, nullable=False),
    Column("judged", Number, nullable=False),
    Column("seq", Number, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("missing", String, nullable=False),
    Column("at", String, nullable=False),
    Column("word", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
_open = stated.c.touched != stated.c.judged
Index("stated_open", stated.c.node, sqlite_where=_open, postgresql_where=_open)
node_tree = Table(
    "node_tree",
    metadata,
    Column("node", String, primary_key=True),
    Column("depth", Number, nullable=False),
    Column("round", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
node_branch = Table(
    "node_branch",
    metadata,
    Column("node", String, primary_key=True),
    Column("level", Number, primary_key=True, autoincrement=False),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("children", LargeBinary, nullable=False),
    sqlite_strict=True,
)
node_touch = Table(
    "node_touch",
    metadata,
    Column("node", String, primary_key=True),
    Column("n", Number, primary_key=True, autoincrement=False),
    Column("paths", String, nullable=False),
    sqlite_strict=True,
)
