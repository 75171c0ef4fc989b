"""The tables of the hub's ledger. `entry` and `node_entry` are the truth; `record` is rebuilt from them.

`entry`       the hub's own log: whole lines, leaf hashes
`node_entry`  each node's log under the node's own positions; a line only where `entry` does not hold its content
`record`      per (node, id, audience) the newest rev, and whether it is live in the hub's feed

`key_statement` holds the chains as they now are; `logged_statement` what stands in the hub's feed, also of chains whose
end a recovery replaced.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

metadata = MetaData()

feed = Table(
    "feed",
    metadata,
    Column("name", Text, primary_key=True),
    Column("epoch", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("published_size", Integer, nullable=False),
    Column("published_frontier", LargeBinary),
    Column("published_head", LargeBinary),
    sqlite_strict=True,
)
entry = Table(
    "entry",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("op", Text, nullable=False),
    Column("path18", Integer),
    Column("leaf", LargeBinary, nullable=False),
    Column("line", LargeBinary, nullable=False),
    sqlite_strict=True,
)
node = Table(
    "node",
    metadata,
    Column("node", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("home", Text, nullable=False),
    Column("per_hour", Integer, nullable=False),
    Column("per_day", Integer, nullable=False),
    Column("admitted_at", Text, nullable=False),
    sqlite_strict=True,
)
statement = Table(
    "key_statement",
    metadata,
    Column("node", Text, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("jws", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("digest", Text, nullable=False),
    UniqueConstraint("node", "digest"),
    sqlite_strict=True,
)
logged_statement = Table(
    "logged_statement",
    metadata,
    Column("node", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
node_feed = Table(
    "node_feed",
    metadata,
    Column("node", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("epoch", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("head", LargeBinary, nullable=False),
    sqlite_strict=True,
)
node_entry = Table(
    "node_entry",
    metadata,
    Column("node", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("leaf", LargeBinary, nullable=False),
    Column("line_hash", LargeBinary),
    Column("line", LargeBinary),
    Column("code", Text),
    Column("pointer", Text),
    Column("detail", Text),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
record = Table(
    "record",
    metadata,
    Column("node", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("audience", Text, primary_key=True),
    Column("rev", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("live_path", Integer),
    Column("seq", Integer),
    sqlite_strict=True,  # and with a rowid: an index over long text keys costs half of a tree of long rows
)
Index("record_live_path", record.c.live_path, sqlite_where=record.c.live_path.is_not(None))
peer = Table(
    "peer",
    metadata,
    Column("hub", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("feed", Text, nullable=False),
    Column("cursor", Integer, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("last_outcome", Text, nullable=False),
    Column("last_detail", Text, nullable=False),
    Column("last_at", Text, nullable=False),
    sqlite_strict=True,
)
