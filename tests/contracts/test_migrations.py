"""Databases of older versions come up to date step by step, on both databases, and lose nothing on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from jisr_hub import log
from jisr_hub.ports import Change
from jisr_hub.storage import migrations
from jisr_hub.storage import tables as t
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol import entry
from tests import new_databases, postgres
from tests.hub.author import Author

pytestmark = pytest.mark.anyio
AT = "2026-09-01T12:00:00Z"


@pytest.fixture
def postgres_address(postgres_server: str) -> Iterator[str]:
    """Of an empty database: the tables are what is tested."""
    with postgres.database(postgres_server, empty=True) as address:
        yield address


@pytest.fixture
def engine(place: Path | str) -> Iterator[sa.Engine]:
    url = f"sqlite:///{place}" if isinstance(place, Path) else sa.make_url(place).set(drivername="postgresql+psycopg")
    made = sa.create_engine(url)
    yield made
    made.dispose()


def _lines() -> list[tuple[Any, ...]]:
    """A key statement, three records, the first of them again: what the first version of Jisr stored of it."""
    author = Author("migrated")
    author.puts(3)
    drafts = [log.draft(e, src=("public", "1-aaaaaaaa", e.seq)) for e in author.feed().entries()]
    numbered = [log.number(draft, seq, AT) for seq, draft in enumerate([*drafts, drafts[1]])]
    return [(n.seq, n.draft.op, n.draft.path, n.leaf, n.line) for n in numbered]


def _fill_first(connection: sa.Connection) -> None:
    columns = sa.column("seq"), sa.column("op"), sa.column("path18"), sa.column("leaf"), sa.column("line")
    old = sa.table("entry", *columns)
    connection.execute(sa.insert(old), [dict(zip((c.name for c in columns), row, strict=True)) for row in _lines()])
    names = ("name", "epoch", "size", "published_size")
    feed = sa.table("feed", *(sa.column(name) for name in names))
    connection.execute(sa.insert(feed).values(dict(zip(names, ("public", "1-aaaaaaaa", 5, 0), strict=True))))


def _upgrade_in_one_transaction(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # as the ledger does: the driver would begin too late
        migrations.upgrade(connection)


def test_the_steps_end_at_the_tables_the_code_uses(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        migrations.upgrade(connection)
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, t.metadata) == []
        assert migrations.version(connection) == migrations.NEWEST


_SHAPES = {
    "sqlite": ["SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"],
    "postgresql": [
        (
            "SELECT attrelid::regclass::text, attname, atttypid, attnotnull, attstattarget, attstorage, attcollation"
            " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
            " WHERE relnamespace = current_schema()::regnamespace ORDER BY 1, 2"
        ),
        (
            "SELECT relname, relkind, reloptions FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
            " ORDER BY 1"
        ),
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1",
        (
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = current_schema()::regnamespace ORDER BY 1"
        ),
        "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
        "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = current_schema()::regnamespace ORDER BY 1",
    ],
}


def test_a_new_database_of_these_tests_is_what_the_steps_make(engine: sa.Engine) -> None:
    """See tests/new_databases.py."""
    shapes, rows = [], []
    for made in (new_databases.by_steps, new_databases.upgrade, new_databases.upgrade):
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "SELECT 1")
            made(connection)
            wanted = _SHAPES[connection.dialect.name]
            shapes.append([connection.exec_driver_sql(query).all() for query in wanted])
            names = sorted(sa.inspect(connection).get_table_names())
            rows.append({name: connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in names})
            connection.rollback()
    assert len(rows[0]) > 50 and shapes[0] == shapes[1] == shapes[2]
    assert rows[0] == rows[1] == rows[2]


def test_every_step_ends_where_the_next_begins(engine: sa.Engine) -> None:
    steps = sorted(p.name[1:5] for p in Path(migrations.__file__).parent.glob("versions/v*.py"))
    assert steps[-1] == migrations.NEWEST
    for step in steps:
        with engine.begin() as connection:
            migrations.upgrade(connection, step)
        with engine.begin() as connection:
            assert migrations.version(connection) == step


@pytest.mark.parametrize("told", [True, False], ids=["step written down", "no step written down"])
async def test_a_ledger_of_the_first_version_is_whole_afterwards(
    engine: sa.Engine, place: Path | str, told: bool
) -> None:
    with engine.begin() as connection:
        migrations.upgrade(connection, "0001")
        _fill_first(connection)
        if not told:  # the first version made its tables without Alembic
            connection.exec_driver_sql("DROP TABLE alembic_version")
    ledger = await SqlLedger.open(place)
    try:
        async with ledger.reading() as view:
            rows = [row async for part in view.entries(0) for row in part]
        assert [(seq, line, leaf) for seq, _, _, leaf, line in _lines()] == rows
        assert all(entry.parse(line).leaf == leaf for _, line, leaf in rows)
        c = t.entry.c
        priors = {row.seq: row.prior for row in await ledger.rows(sa.select(c.seq, c.prior))}
        assert priors == {0: None, 1: None, 2: None, 3: None, 4: 1}, "where a record stood before is worked out"
        assert await ledger.store(Change(AT, (), ()), log.number) == 5
    finally:
        await ledger.close()


def test_a_step_that_fails_leaves_the_database_as_it_was(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        migrations.upgrade(connection, "0001")
        _fill_first(connection)
        connection.execute(sa.text("UPDATE entry SET line = :line WHERE seq = 4"), {"line": b"no JSON"})
    with pytest.raises(ValueError):
        _upgrade_in_one_transaction(engine)
    with engine.begin() as connection:
        assert migrations.version(connection) == "0001"
        assert "guard" not in sa.inspect(connection).get_table_names()
        assert connection.exec_driver_sql("SELECT count(*) FROM entry").scalar() == 5


async def test_a_database_of_a_later_version_is_left_alone(engine: sa.Engine, place: Path | str) -> None:
    with engine.begin() as connection:
        migrations.upgrade(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(migrations.NewerDatabase, match="later version"):
        await SqlLedger.open(place)
    with engine.begin() as connection:
        assert migrations.version(connection) == "9999"
