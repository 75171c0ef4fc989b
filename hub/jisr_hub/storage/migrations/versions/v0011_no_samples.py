"""PostgreSQL's planner keeps no sample of what was said, decided or refused."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """A sample would outlive an erasure; no search uses these columns."""
    if op.get_bind().dialect.name == "postgresql":
        for table, column in (("statement", "body"), ("policy", "body"), ("pull", "detail")):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")
