"""Which head of each node the feed has said last, and whether anything has touched the node since."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table; of every node that is known nothing has been said yet."""
    op.create_table(
        "stated",
        sa.Column("node", _words, primary_key=True),
        sa.Column("touched", _number, nullable=False),
        sa.Column("judged", _number, nullable=False),
        sa.Column("seq", _number, nullable=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sa.Column("missing", _words, nullable=False),
        sa.Column("at", _words, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    empty = "''" if op.get_bind().dialect.name == "postgresql" else "x''"
    op.execute(f"INSERT INTO stated SELECT node, 1, 0, -1, {empty}, '{{}}', '' FROM node")
