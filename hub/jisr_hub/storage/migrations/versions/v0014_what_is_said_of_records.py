"""What is said of records, whose word the operator accepts, and which records are one by it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _table(name: str, key: tuple[str, ...], words: tuple[str, ...], numbers: tuple[str, ...] = ()) -> None:
    op.create_table(
        name,
        *(sa.Column(each, _words, primary_key=True) for each in key),
        *(sa.Column(each, _words, nullable=False) for each in words),
        *(sa.Column(each, _number, nullable=False) for each in numbers),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def upgrade() -> None:
    """Add the tables, empty: the first look at the directory fills them from the log."""
    _table("voice", ("signer",), ("decision", "at"))
    _table("word", ("node", "id"), ("predicate", "since", "until"))
    _table("word_about", ("node", "id", "signer", "word"), ())
    op.create_index("word_about_word", "word_about", ["signer", "word"])
    _table("merged", ("node", "id"), ("entry",), ("leads",))
    _table("curated", ("feed",), ("epoch", "day", "heard"), ("cursor",))
