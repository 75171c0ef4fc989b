"""What people did at the desk, a chain of signed lines; what has begun or waits; what is blocked until a day."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables, empty."""
    op.create_table(
        "act",
        sa.Column("n", _number, primary_key=True, autoincrement=False),
        sa.Column("line", _words, nullable=False),
        sa.Column("words", sa.LargeBinary),
        *(sa.Column(name, _words, nullable=False) for name in ("at", "who", "kind", "subject", "outcome")),
        sa.Column("undoes", _number, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("act_undoes", "act", ["undoes"])
    op.create_table(
        "act_open",
        sa.Column("ticket", _words, primary_key=True),
        sa.Column("asked", sa.LargeBinary, nullable=False),
        sa.Column("at", _words, nullable=False),
        sa.Column("waits", _number, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "block",
        sa.Column("node", _words, primary_key=True),
        sa.Column("target", _words, primary_key=True),
        *(sa.Column(name, _words, nullable=False) for name in ("until", "reason", "note", "at")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":  # a sample would outlive an erasure
        for table, column in (("act", "line"), ("act", "words"), ("act_open", "asked"), ("block", "note")):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")
