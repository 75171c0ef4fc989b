"""Where evidence is kept: what a node's log held beyond the base from which its next epoch goes on."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    feed = ("node", "name", "epoch")
    op.create_table(
        "node_feed_aside",
        *(sa.Column(name, _words, primary_key=True) for name in feed),
        sa.Column("size", _number, nullable=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "node_entry_aside",
        *(sa.Column(name, _words, primary_key=True) for name in feed),
        sa.Column("seq", _number, primary_key=True, autoincrement=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        *(sa.Column(name, sa.LargeBinary) for name in ("line_hash", "line")),
        *(sa.Column(name, _words) for name in ("code", "pointer", "detail")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        for column in ("line", "detail"):
            op.execute(f"ALTER TABLE node_entry_aside ALTER COLUMN {column} SET STATISTICS 0")
