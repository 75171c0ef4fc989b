"""The ledger of the first version: one feed, its nodes, their logs, the peers it follows."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table."""
    _feeds()
    _nodes()
    _node_logs()
    _records_and_peers()


def _words_of(*names: str, key: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, _words, primary_key=key, nullable=False) for name in names]


def _numbers_of(*names: str, key: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, _number, primary_key=key, nullable=False, autoincrement=False) for name in names]


def _feeds() -> None:
    op.create_table(
        "feed",
        *_words_of("name", key=True),
        *_words_of("epoch"),
        *_numbers_of("size", "published_size"),
        sa.Column("published_frontier", sa.LargeBinary),
        sa.Column("published_head", sa.LargeBinary),
        sqlite_strict=True,
    )
    op.create_table(
        "entry",
        *_numbers_of("seq", key=True),
        *_words_of("op"),
        sa.Column("path18", _number),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("line", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )


def _nodes() -> None:
    op.create_table(
        "node",
        *_words_of("node", key=True),
        *_words_of("name", "home"),
        *_numbers_of("per_hour", "per_day"),
        *_words_of("admitted_at"),
        sqlite_strict=True,
    )
    op.create_table(
        "key_statement",
        *_words_of("node", key=True),
        *_numbers_of("n", key=True),
        *_words_of("kind", "jws"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        *_words_of("digest"),
        sa.UniqueConstraint("node", "digest"),
        sqlite_strict=True,
    )
    op.create_table(
        "logged_statement", *_words_of("node", "digest", key=True), sqlite_strict=True, sqlite_with_rowid=False
    )


def _node_logs() -> None:
    op.create_table(
        "node_feed",
        *_words_of("node", "name", key=True),
        *_words_of("epoch"),
        *_numbers_of("size"),
        sa.Column("frontier", sa.LargeBinary, nullable=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "node_entry",
        *_words_of("node", "name", key=True),
        *_numbers_of("seq", key=True),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("line_hash", sa.LargeBinary),
        sa.Column("line", sa.LargeBinary),
        *(sa.Column(name, _words) for name in ("code", "pointer", "detail")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _records_and_peers() -> None:
    op.create_table(
        "record",
        *_words_of("node", "id", "audience", key=True),
        *_numbers_of("rev"),
        *_words_of("digest", "type"),
        sa.Column("live_path", _number),
        sa.Column("seq", _number),
        sqlite_strict=True,
    )
    live = sa.text("live_path IS NOT NULL")
    op.create_index("record_live_path", "record", ["live_path"], sqlite_where=live, postgresql_where=live)
    op.create_table(
        "peer",
        *_words_of("hub", key=True),
        *_words_of("name", "feed"),
        *_numbers_of("cursor"),
        *_words_of("epoch", "last_outcome", "last_detail", "last_at"),
        sqlite_strict=True,
    )
