"""Messages that wait for nodes, sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table, empty."""
    op.create_table(
        "sealed_message",
        sa.Column("digest", _words, primary_key=True),
        sa.Column("node", _words, nullable=False),
        sa.Column("until", _number, nullable=False),
        sa.Column("at", _number, nullable=False),
        sa.Column("content", sa.LargeBinary()),
        sqlite_strict=True,
    )
    op.create_index("sealed_message_node", "sealed_message", ["node", "at"])
    op.create_index("sealed_message_until", "sealed_message", ["until"])
    if op.get_bind().dialect.name == "postgresql":  # a sample would outlive what was deleted
        op.execute("ALTER TABLE sealed_message ALTER COLUMN content SET STATISTICS 0")
