"""Where a node is taken from and which hub attests it are two things: what was `home` is `upstream`."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Rename the column, and leave open who attests: statements will say."""
    op.execute("ALTER TABLE node RENAME COLUMN home TO upstream")
    op.add_column("node", sa.Column("home", _words, nullable=False, server_default=""))
