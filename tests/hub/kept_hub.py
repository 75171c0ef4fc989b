"""A hub's folder with something in it, on either database, for the tests of keeping one.

hub = KeptHub(folder)                  made as `jisr-hub init` makes it; KeptHub(folder, address) on PostgreSQL
hub.fill(author)                       the author is admitted, pushes both feeds, the hub publishes
hub.state()                            what must not change: every entry's bytes, the head, the state root
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from jisr_hub.app.opening import open_hub
from jisr_hub.cli import erasing, setting_up
from jisr_protocol.limits import BATCH_ENTRIES
from tests import postgres
from tests.hub.author import Author
from tests.hub.hub_in_memory import run


class State(NamedTuple):
    """What a hub is: all of its entries, the head it signed, the root of what is live."""

    entries: list[tuple[int, bytes, bytes]]
    head: bytes
    state_root: str
    tables: dict[str, list[Any]]


def some_author(label: str = "dar", records: int = 12) -> Author:
    """A node with records of two audiences, a tombstone, and one record that no schema takes."""
    author = Author(label, now=setting_up.now())
    author.puts(records)
    author.put("faulty", founded="long ago")
    author.delete("r3")
    author.put("hidden", audience="hub")
    author.put("hidden", audience="hub")
    return author


class KeptHub:
    """A hub in a folder, on the database at `address` or a file."""

    def __init__(self, folder: Path, address: str = "") -> None:
        self.folder, self.address = folder, address
        made = setting_up.create(
            folder, name="Hub Maroc", country="MA", lang="fr", address="http://127.0.0.1:8470", allow_private=True,
            random_bytes=secrets.token_bytes, database=address,
        )  # fmt: skip
        self.id = run(made).id

    def fill(self, author: Author, *, snapshot: bool = False) -> KeptHub:
        """Take all an author has, and publish, if asked for with a snapshot."""
        run(self._fill(author, snapshot))
        return self

    def erase(self, node: str, record: str) -> KeptHub:
        """Erase a record as its operator would."""

        async def story() -> None:
            what = await erasing.wanted(self.folder, node, record, None, "asked for", "MA")
            await erasing.erase(self.folder, what)

        run(story())
        return self

    async def _fill(self, author: Author, snapshot: bool) -> None:
        running = await open_hub(self.folder)
        try:
            await running.hub.admit(author.label, author.ring.statements, author.ring, per_hour=10**6, per_day=10**6)
            for feed in sorted(author.feeds):
                size = len(author.feed(feed).lines)
                for start in range(0, size, BATCH_ENTRIES):
                    await running.hub.push(
                        author.id, feed, author.push(start, min(start + BATCH_ENTRIES, size), feed=feed)
                    )
            await running.publisher.publish(snapshot=snapshot)
        finally:
            await running.close()

    def state(self) -> State:
        return run(state_of(self.folder))

    def execute(self, statement: str, *values: object) -> list[Any]:
        """Run a statement on the database itself, as a bad disk would; `?` stands for a value."""
        return execute(self.folder, self.address, statement, *values)


def execute(folder: Path, address: str, statement: str, *values: object) -> list[Any]:
    import sqlite3

    if address:
        with psycopg.connect(postgres.plain(address), autocommit=True) as postgresql:
            cursor = postgresql.execute(statement.replace("?", "%s"), values)
            return cursor.fetchall() if cursor.description else []
    sqlite = sqlite3.connect(folder / "hub.sqlite")
    try:
        with sqlite:
            return sqlite.execute(statement, values).fetchall()
    finally:
        sqlite.close()


async def state_of(folder: Path) -> State:
    """The state of the hub in a folder, read through its ledger."""
    from jisr_hub.storage import tables as t
    from jisr_hub.storage.archive import rows_of

    running = await open_hub(folder)
    try:
        async with running.ledger.reading() as view:
            entries = [row async for part in view.entries(0) for row in part]
        published = await running.ledger.published()
        assert published is not None
        tables = {}
        async with running.ledger.database.reading() as connection:
            for table in t.metadata.sorted_tables:
                tables[table.name] = [row async for part in rows_of(connection, table) for row in part]
        return State(entries, published.head.raw, published.head.state_root, tables)
    finally:
        await running.close()
