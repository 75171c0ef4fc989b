"""Documents of what is searched. The first look at the log fills them."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables, empty."""
    op.create_table(
        "search_entry",
        sa.Column("doc", _number, primary_key=True, autoincrement=False),
        sa.Column("turn", _number, nullable=False),
        *(sa.Column(name, _words, nullable=False) for name in ("node", "id", "content")),
        sqlite_strict=True,
    )
    op.create_index("search_entry_turn", "search_entry", ["turn", "doc"])
    op.create_index("search_entry_key", "search_entry", ["node", "id"])
    op.create_table(
        "search_source",
        *(sa.Column(name, _words, primary_key=True) for name in ("node", "id")),
        sa.Column("doc", _number, primary_key=True, autoincrement=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("search_source_doc", "search_source", ["doc"])
    op.create_table(
        "search_due",
        *(sa.Column(name, _words, primary_key=True) for name in ("node", "id")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "search_stand",
        sa.Column("feed", _words, primary_key=True),
        sa.Column("epoch", _words, nullable=False),
        *(sa.Column(n, _number, nullable=False) for n in ("cursor", "rules", "generation", "turn", "filled")),
        *(sa.Column(name, _words, nullable=False) for name in ("node", "id")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":  # a sample would outlive what was deleted
        op.execute("ALTER TABLE search_entry ALTER COLUMN content SET STATISTICS 0")
