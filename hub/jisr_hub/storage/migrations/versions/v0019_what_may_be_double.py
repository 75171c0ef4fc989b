"""What may be double, how far it was looked for, and what a person answered."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PAIR = ("node", "id", "other_node", "other_id")


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
    """Add the tables, empty: a hub that serves looks at all its records."""
    _table("double", _PAIR, ("kind", "codes"), ("grade",))
    op.create_index("double_other", "double", ["other_node", "other_id"])
    op.create_index("double_grade", "double", ["grade", "kind"])
    _table("double_answer", _PAIR, ("answer", "until", "account", "at"))
    _table("double_stand", ("feed",), ("epoch", "trouble"), ("cursor", "rules"))
