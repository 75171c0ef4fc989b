"""What was taken in bulk waits for its judgement."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table, empty."""
    op.create_table(
        "unjudged",
        sa.Column("node", _words, primary_key=True),
        sa.Column("name", _words, primary_key=True),
        sa.Column("start", _number, primary_key=True),
        sa.Column("upto", _number, nullable=False),
        sa.Column("lines", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
