"""What is put aside is found without walking through what is sound."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the index: it holds a row for each quarantined entry, and those are few."""
    is_set = sa.text("code IS NOT NULL")
    op.create_index("node_entry_code", "node_entry", ["code"], sqlite_where=is_set, postgresql_where=is_set)
