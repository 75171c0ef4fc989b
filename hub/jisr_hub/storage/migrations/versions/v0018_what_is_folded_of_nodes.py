"""Nodes' state trees kept folded; what is asked often is found without reading all that is stored."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    """Add the tables, empty: a tree is made when the head of its node is said next."""
    op.create_table(
        "node_tree",
        sa.Column("node", _words, primary_key=True),
        sa.Column("depth", _number, nullable=False),
        sa.Column("round", _number, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "node_branch",
        sa.Column("node", _words, primary_key=True),
        sa.Column("level", _number, primary_key=True, autoincrement=False),
        sa.Column("number", _number, primary_key=True, autoincrement=False),
        sa.Column("children", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "node_touch",
        sa.Column("node", _words, primary_key=True),
        sa.Column("n", _number, primary_key=True, autoincrement=False),
        sa.Column("paths", _words, nullable=False),
        sqlite_strict=True,
    )
    _partial("record_gone", "record", ["node"], "live_path IS NULL")
    _partial("node_entry_aside_of", "node_entry", ["node", "name", "code"], "code IS NOT NULL")
    _partial("record_type", "record", ["type", "seq"], "live_path IS NOT NULL")
    organization = "live_path IS NOT NULL AND type = 'org.jisr.organization/1'"
    _partial("record_organization", "record", ["node", "seq"], organization)
    _partial("stated_open", "stated", ["node"], "touched != judged")
    # of a node that was touched before, what is missing is said once more: the newest word may be about any
    op.add_column("stated", sa.Column("word", _number, nullable=False, server_default="-1"))
    op.execute("UPDATE stated SET word = (SELECT coalesce(max(size), 0) FROM feed)")
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("stated", "word", server_default=None)
