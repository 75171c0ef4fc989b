"""What coverage was, day by day."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table, empty: what was before was not measured."""
    counts = ("covered", "thin", "none", "nobody", "organizations", "services")
    op.create_table(
        "coverage_day",
        sa.Column("day", _words, primary_key=True),
        sa.Column("theme", _words, primary_key=True),
        *(sa.Column(name, _number, nullable=False) for name in counts),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
