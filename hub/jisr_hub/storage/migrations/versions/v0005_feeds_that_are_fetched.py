"""Nodes without a server: their feeds, which this hub fetches."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "pull",
        sa.Column("node", _words, primary_key=True),
        *(sa.Column(name, _words, nullable=False) for name in ("address", "added_at", "outcome", "detail", "at")),
        sqlite_strict=True,
    )
