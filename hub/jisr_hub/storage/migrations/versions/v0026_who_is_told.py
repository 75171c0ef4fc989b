"""Who is to be told when the feed has grown."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table, empty."""
    op.create_table(
        "subscription",
        sa.Column("id", _words, primary_key=True),
        *(sa.Column(name, _words, nullable=False) for name in ("callback", "host", "secret", "state")),
        sa.Column("until", _number, nullable=False),
        sa.Column("due", _number, nullable=False),
        sa.Column("epoch", _words, nullable=False),
        *(sa.Column(name, _number, nullable=False) for name in ("size", "told", "failed", "failing")),
        sa.Column("why", _words, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("subscription_due", "subscription", ["due"])
