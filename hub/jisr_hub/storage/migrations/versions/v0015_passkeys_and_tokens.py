"""Passkeys of the people at the desk, and tokens with which programs act for them, by their hashes."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _words_of(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _words, nullable=False) for name in names]


def _numbers_of(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, _number, nullable=False) for name in names]


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "passkey",
        sa.Column("id", _words, primary_key=True),
        *_words_of("account", "label"),
        sa.Column("public", sa.LargeBinary, nullable=False),
        *_numbers_of("count", "made", "used", "copied"),
        sqlite_strict=True,
    )
    op.create_table(
        "desk_token",
        sa.Column("key", _words, primary_key=True),
        sa.Column("id", _words, nullable=False, unique=True),
        *_words_of("account", "label", "rights"),
        *_numbers_of("made", "expires", "used"),
        sqlite_strict=True,
    )
