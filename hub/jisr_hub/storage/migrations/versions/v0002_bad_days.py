"""What bad days need: epochs with bases, floor and snapshot, rewritten pages, notices and the guards they leave.

`entry.prior` is where the record of an entry stood before: with it all that was ever said of a record is found.
"""

from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BATCH = 512
# A sample of contents in the planner's statistics would outlive their erasure.
_CONTENT = {"entry": ["line"], "node_entry": ["line", "detail"], "notice": ["body"]}


def upgrade() -> None:
    """Add the columns and tables, and work out `prior` for what is there."""
    op.add_column("feed", sa.Column("bases", _words, nullable=False, server_default="[]"))
    op.add_column("feed", sa.Column("floor", _number, nullable=False, server_default="0"))
    op.add_column("feed", sa.Column("snap", _words))
    op.add_column("entry", sa.Column("prior", _number))
    _notices()
    op.create_table(
        "generation",
        sa.Column("page", _number, primary_key=True, autoincrement=False),
        sa.Column("generation", _number, nullable=False),
        sqlite_strict=True,
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table, columns in _CONTENT.items():
            for column in columns:
                op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")
    _work_out_prior(connection)


def _notices() -> None:
    op.create_table(
        "notice",
        *(sa.Column(name, _words, primary_key=True) for name in ("digest", "feed")),
        *(sa.Column(name, _words, nullable=False) for name in ("by", "node")),
        sa.Column("n", _number, nullable=False),
        *(sa.Column(name, _words, nullable=False) for name in ("action", "jws")),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("at", _words, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("notice_n", "notice", ["by", "node", "n"])
    op.create_table(
        "guard",
        *(sa.Column(name, _words, primary_key=True) for name in ("node", "id", "notice")),
        sa.Column("max_rev", _number),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _work_out_prior(connection: sa.Connection) -> None:
    newest: dict[tuple[str, str], int] = {}
    update = sa.text("UPDATE entry SET prior = :prior WHERE seq = :seq")
    for rows in _entries(connection):
        found = []
        for seq, name, line in rows:
            about = _about(name, orjson.loads(line))
            if about in newest:
                found.append({"seq": seq, "prior": newest[about]})
            newest[about] = seq
        if found:
            connection.execute(update, found)


def _entries(connection: sa.Connection) -> Iterator[list[Any]]:
    query = sa.text("SELECT seq, op, line FROM entry WHERE seq > :last AND path18 IS NOT NULL ORDER BY seq LIMIT :most")
    last = -1
    while rows := list(connection.execute(query, {"last": last, "most": _BATCH})):
        yield rows
        last = rows[-1][0]


def _about(name: str, line: dict[str, Any]) -> tuple[str, str]:
    """The record an entry of these ops is about."""
    content = line if name == "out" else line["record" if name == "put" else "tombstone"]
    return content["node"], content["id"]
