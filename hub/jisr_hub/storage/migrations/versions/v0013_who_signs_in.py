"""Who may sign in at the desk, their passwords apart, their sessions, and how often it was tried."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _table(name: str, key: str, words: tuple[str, ...], *columns: sa.Column[Any]) -> None:
    texts = (sa.Column(each, _words, nullable=False) for each in words)
    op.create_table(name, sa.Column(key, _words, primary_key=True), *texts, *columns, sqlite_strict=True)


def _count(name: str) -> sa.Column[Any]:
    return sa.Column(name, _number, nullable=False)


def upgrade() -> None:
    """Add the tables."""
    _table("account", "name", ("role", "made"), sa.Column("subject", _words, unique=True))
    _table("account_secret", "name", ("password", "link"), _count("expires"))
    _table("desk_session", "key", ("account", "by"), _count("made"), _count("seen"), _count("confirmed"))
    _table("desk_pending", "key", ("nonce", "verifier"), _count("expires"))
    op.create_table(
        "desk_try",
        sa.Column("key", _words, primary_key=True),
        sa.Column("window", _number, primary_key=True, autoincrement=False),
        _count("ends"),
        _count("count"),
        sqlite_strict=True,
    )
