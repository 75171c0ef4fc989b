"""What a lost key had signed, and counts in nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "nullified",
        *(sa.Column(name, _words, primary_key=True) for name in ("node", "id", "audience", "digest")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
