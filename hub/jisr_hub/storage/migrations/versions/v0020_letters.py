"""Letters and who agreed to get them; campaigns that ask whether something is still correct."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _table(name: str, key: tuple[str, ...], *columns: tuple[str, bool]) -> None:
    """`columns` in their order, each with whether it holds numbers."""
    op.create_table(
        name,
        *(sa.Column(each, _words, primary_key=True) for each in key),
        *(sa.Column(each, _number if number else _words, nullable=False) for each, number in columns),
        sqlite_strict=True,
    )


def _texts(*names: str) -> list[tuple[str, bool]]:
    return [(name, False) for name in names]


def upgrade() -> None:
    """Add the tables, empty: who agreed is asked anew."""
    _table("correspondent", ("address", "node"), *_texts("lang", "agreed", "how", "ended"))
    letter = [*_texts("address", "node", "kind", "about", "made", "state"), ("tries", True), ("due", True)]
    _table("letter", ("cause",), *letter, *_texts("said", "at"))
    waits = sa.text("state = 'waiting'")
    op.create_index("letter_due", "letter", ["due"], sqlite_where=waits, postgresql_where=waits)
    _table("mail_link", ("key",), *_texts("purpose", "address", "about"), ("expires", True))
    _table("campaign", ("id",), *_texts("name", "by", "made"))
    _table("asked_record", ("campaign", "node", "id"), ("rev", True), *_texts("answer", "note", "at", "done"))
