"""Policies, feeds beside the public one, who may read them, and peers that wait for the operator."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, _words, primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, _words, nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, _number, nullable=False)


def upgrade() -> None:
    """Add the tables."""
    body = sa.Column("body", sa.LargeBinary)
    op.create_table("policy", _key("scope"), body, _text("applied"), _text("at"), sqlite_strict=True)
    op.create_table("derived", _key("name"), _text("audience"), _text("at"), sqlite_strict=True)
    counts = (_count("leaving"), _count("live"), _count("released"))
    op.create_table("brake", _key("peer"), *counts, _text("at"), sqlite_strict=True)
    chain = sa.Column("statements", sa.LargeBinary, nullable=False)
    op.create_table("reader", _key("id"), _key("audience"), chain, _text("at"), sqlite_strict=True)
    op.create_table("used_assertion", _key("by"), _key("jti"), _count("expires"), sqlite_strict=True)
    columns = (_text("by"), _text("audience"), _count("expires"))
    op.create_table("access_token", _key("sha256"), *columns, sqlite_strict=True)
