"""How rounds with sources end, what the operator decided of sources, what a brake or a refusal keeps out."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _table(name: str, key: str, columns: str) -> None:
    """`columns` are names; those that end in # are numbers."""
    op.create_table(
        name,
        *(sa.Column(each, _words, primary_key=True) for each in key.split()),
        *(sa.Column(each.strip("#"), _number if "#" in each else _words, nullable=False) for each in columns.split()),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def upgrade() -> None:
    """Add the tables, empty."""
    now = "run_at outcome detail since success_at failures# next_at stage done# total# stage_at"
    _table("source", "source way", now)
    counts = "runs# added# changed# gone# refused# first# next# live# renamed#"
    _table("source_round", "source way began by", f"ended outcome detail {counts} alarm looked")
    _table("source_order", "source way", "stopped_at retry_at kept#")
    _table("braked", "peer node id", "")
    _table("left_out", "peer node id", "rev# code pointer at")
    if op.get_bind().dialect.name == "postgresql":  # a sample would outlive an erasure
        for table in ("source", "source_round"):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN detail SET STATISTICS 0")
