"""Statements that hubs, nodes and anchors made about each other, and who asks to be let in."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "statement",
        *(sa.Column(name, _words, primary_key=True) for name in ("digest", "kid")),
        *(sa.Column(name, _words, nullable=False) for name in ("by", "subject", "type", "about")),
        *(sa.Column(name, _number, nullable=False) for name in ("n", "proven")),
        sa.Column("jws", _words, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("at", _words, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("statement_subject", "statement", ["subject"])
    op.create_table(
        "invitation",
        sa.Column("code", _words, primary_key=True),
        *(sa.Column(name, _words, nullable=False) for name in ("name", "made", "expires", "constraints", "node")),
        sqlite_strict=True,
    )
    op.create_table(
        "request",
        sa.Column("node", _words, primary_key=True),
        *(sa.Column(name, _words, nullable=False) for name in ("name", "source", "at")),
        sa.Column("keys", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
