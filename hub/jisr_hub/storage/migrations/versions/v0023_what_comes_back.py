"""How often records were used, and what people reported as wrong."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables, empty."""
    op.create_table(
        "usage_day",
        sa.Column("node", _words, primary_key=True),
        sa.Column("id", _words, primary_key=True),
        sa.Column("day", _number, primary_key=True, autoincrement=False),
        *(sa.Column(name, _number, nullable=False) for name in ("views", "referrals", "applications")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("usage_day_day", "usage_day", ["day"])
    words = ("node", "id", "at", "what", "words", "reply", "lang", "reached")
    op.create_table(
        "mistake",
        sa.Column("number", _words, primary_key=True),
        *(sa.Column(name, _words, nullable=False) for name in words),
        sa.Column("until", _number, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("mistake_record", "mistake", ["node", "id"])
    op.create_index("mistake_until", "mistake", ["until"])
    if op.get_bind().dialect.name == "postgresql":  # a sample would outlive what was deleted
        for column in ("words", "reply"):
            op.execute(f"ALTER TABLE mistake ALTER COLUMN {column} SET STATISTICS 0")
