"""What is held back and until when, what became of each notice, and who has answered for it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _table(name: str, key: tuple[str, ...], *columns: sa.Column[Any], rowid: bool = True) -> None:
    keys = (sa.Column(each, _words, primary_key=True) for each in key)
    op.create_table(name, *keys, *columns, sqlite_strict=True, sqlite_with_rowid=rowid)


def upgrade() -> None:
    """Add the tables; what became of notices that are there already is worked out from their guards."""
    _table(
        "hold",
        ("node", "id", "notice"),
        sa.Column("by", _words, nullable=False),
        sa.Column("max_rev", _number),
        sa.Column("until", _words),
        rowid=False,
    )
    texts = (sa.Column(name, _words, nullable=False) for name in ("digest", "type"))
    line = sa.Column("line", sa.LargeBinary, nullable=False)
    _table("held_back", ("node", "id"), sa.Column("rev", _number, nullable=False), *texts, line)
    words = ("source", "outcome", "task", "reason", "at")
    _table("handled", ("notice",), *(sa.Column(name, _words, nullable=False) for name in words))
    _table("follower", ("hub",), *(sa.Column(name, _words, nullable=False) for name in ("name", "added_at")))
    _table(
        "ack",
        ("notice", "by"),
        sa.Column("jws", _words, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("at", _words, nullable=False),
        sa.Column("passed", _number, nullable=False),
    )
    op.execute(
        "INSERT INTO handled (notice, source, outcome, task, reason, at)"
        " SELECT digest, '', CASE WHEN EXISTS (SELECT 1 FROM guard WHERE guard.notice = notice.digest) THEN 'done'"
        " ELSE 'advice' END, '', '', min(at) FROM notice GROUP BY digest"
    )
    if op.get_bind().dialect.name == "postgresql":
        for table, column in (("held_back", "line"), ("ack", "body")):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")
