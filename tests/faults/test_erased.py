"""What was erased is in no byte of anything: of the hub that was told, of a hub that follows it, of a reader's copy.

Every text field of every record type gets a word of its own. Before the erasure the same search finds the words, in the
same places; a search that cannot fail shows nothing.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import itertools
import random
import shutil
import subprocess
import sys
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
import zstandard
from starlette.testclient import TestClient

from jisr_hub import config
from jisr_hub.app.opening import Running, open_hub
from jisr_hub.app.serving import application
from jisr_hub.cli import checking, erasing, keeping, setting_up
from jisr_hub.ports import Peer, StillSeen
from jisr_hub.storage import postgresql, sqlite
from jisr_hub.storage import tables as t
from jisr_hub.storage.sql import SqlLedger
from jisr_node.adapters.hub import HttpHub
from jisr_node.app import Node
from jisr_protocol import entry, merkle
from jisr_protocol.merkle import Tree
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from jisr_protocol.session import Outcome
from tests import postgres
from tests.faults.test_canaries import RECORDS, ThroughTheApp, planted

STAYS = "stayingword"
"""A word of a record that nobody erases."""
_ids = itertools.count(1)


# The search


def forms(content: bytes) -> Iterator[bytes]:
    """The bytes, and what stands compressed anywhere in them: pages, and parts of a backup."""
    yield content
    for magic, inflate in ((b"\x28\xb5\x2f\xfd", _zstd), (b"\x1f\x8b\x08", _gzip)):
        place = content.find(magic)
        while place >= 0:
            yield inflate(content[place:])
            place = content.find(magic, place + 1)


def _zstd(content: bytes) -> bytes:
    with contextlib.suppress(zstandard.ZstdError):
        return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    return b""


def _gzip(content: bytes) -> bytes:
    with contextlib.suppress(zlib.error):
        return zlib.decompressobj(31).decompress(content)
    return b""


def in_base64(word: str) -> list[bytes]:
    """How the word looks within base64 text, at each of three offsets, without the edges that its neighbours share."""
    found = []
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + word.encode())
        found.append(encoded[-(-offset * 8 // 6) : (offset + len(word)) * 8 // 6])
    return found


def seen(words: Sequence[str], content: bytes) -> set[str]:
    """Which of the words are in these bytes, as they are, in base64, or in another case or normal form."""
    found = set()
    begins = [words[0][:6]] if all(word.startswith(words[0][:6]) for word in words) else words
    for form in forms(content):
        if not any(_in(begin, form) for begin in begins):
            continue  # none of them can be there
        folded = unicodedata.normalize("NFKC", form.decode("utf-8", "ignore")).casefold()
        for word in words:
            if word in folded or any(part in form for part in in_base64(word)):
                found.add(word)
    return found


def _in(word: str, content: bytes) -> bool:
    if word.encode() in content or any(part in content for part in in_base64(word)):
        return True
    return word in unicodedata.normalize("NFKC", content.decode("utf-8", "ignore")).casefold()


def files(*places: Path) -> list[Path]:
    return sorted(file for place in places for file in place.rglob("*") if file.is_file())


def holding(words: Sequence[str], *places: Path) -> dict[str, set[str]]:
    """The files with any of the words, and which."""
    found = {}
    for file in files(*places):
        with contextlib.suppress(FileNotFoundError):  # a database removes files when it likes
            if some := seen(words, file.read_bytes()):
                found[str(file)] = some
    return found


def test_the_search_finds_every_form() -> None:
    word = "canaryabcdef"
    for wrapped in (
        word.encode(), word.upper().encode(), "ｃａｎａｒｙａｂｃｄｅｆ".encode(), gzip.compress(word.encode() * 9),
        b"tar" + zstandard.compress(word.encode() * 9) + b"tar",
        *(base64.b64encode(b"x" * n + word.encode() + b"yyy") for n in range(3)),
    ):  # fmt: skip
        assert seen([word], wrapped) == {word}, wrapped
    assert seen([word], b"canaryabcdeg" + base64.b64encode(b"canaryabcdeg")) == set()


# The world: a node, its hub, a hub that follows it, a reader


@dataclass
class World:
    place: Path
    node: Node
    addresses: tuple[str, ...]
    """Where the databases of the two hubs stand; empty for SQLite."""
    words: dict[str, str] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    restricted: set[str] = field(default_factory=set)
    """Words that only the home hub holds."""
    replaced: set[str] = field(default_factory=set)
    """Words of public revs that a later one took the place of."""

    @property
    def hub(self) -> Path:
        return self.place / "hub"

    @property
    def second(self) -> Path:
        return self.place / "second"

    @property
    def copy(self) -> Path:
        return self.place / "reader" / "copy.jisr"

    def secret(self, *ids: str) -> list[str]:
        """The words of these records, or of all that are to be erased."""
        return [word for word, id_ in self.words.items() if id_ in (ids or self.ids)]

    def tables(self) -> list[Path]:
        """The files in which PostgreSQL keeps the tables of both hubs."""
        return [_relations(address) for address in self.addresses]

    def write(self, number: int, audience: str = "public", again: bool = False) -> str:
        where: dict[str, str] = {}
        draft = planted({**RECORDS[number], "audience": audience}, where, audience)
        draft = {k: v for k, v in draft.items() if k not in ("node", "rev", "salt", "created", "modified", "source")}
        draft["id"] = self.ids[-1] if again else f"{next(_ids):08x}-bbbb-4bbb-8bbb-{number:012x}"
        taken = self.node.import_drafts([draft])
        if taken.refused and audience == "public":  # what public records may not say
            return self.write(number, "hub", again)
        assert not taken.refused, taken.refused
        if again:
            self.replaced |= set(self.secret(self.ids[-1]))
        if audience != "public":
            self.restricted |= where.keys()
        self.words.update(dict.fromkeys(where, draft["id"]))
        if not again:
            self.ids.append(draft["id"])
        return str(draft["id"])


def _relations(address: str) -> Path:
    with psycopg.connect(postgres.plain(address), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        row = connection.execute(
            "SELECT current_setting('data_directory'), (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
    assert row is not None
    return Path(row[0]) / "base" / str(row[1])


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        addresses: tuple[str, ...] = ()
        if request.param == "postgresql":
            server = request.getfixturevalue("postgres_server")
            addresses = tuple(stack.enter_context(postgres.database(server)) for _ in range(2))
        node = stack.enter_context(Node.init(tmp_path / "node", name="Node", country="MA", lang="ar"))
        for number, name in enumerate(("hub", "second")):
            made = setting_up.create(
                tmp_path / name, name=name, country="MA", lang="fr", address="http://testserver", allow_private=True,
                random_bytes=lambda n: next(_ids).to_bytes(n, "big"), database=addresses[number] if addresses else "",
            )  # fmt: skip
            asyncio.run(made)
            quick = {"publish_seconds": 0.01, "snapshot_entries": 1}
            settings = config.read(tmp_path / name).model_copy(update=quick)
            config.write(tmp_path / name, settings)
        for address in addresses:
            _uncompressed(address)
        candidate = asyncio.run(setting_up.candidate(tmp_path / "hub", str(tmp_path / "node" / "keys.json")))
        asyncio.run(setting_up.admit(tmp_path / "hub", candidate, "Node"))
        (tmp_path / "reader").mkdir()
        yield World(tmp_path, node, addresses)


def _uncompressed(address: str) -> None:
    """Long values as they are: the search does not read the database's own compression."""
    with psycopg.connect(postgres.plain(address), autocommit=True) as connection:
        for table in ("entry", "node_entry", "node_entry_aside"):
            connection.execute(f"ALTER TABLE {table} ALTER COLUMN line SET STORAGE EXTERNAL")


async def opened(folder: Path, story: Callable[[Running], Any]) -> Any:
    running = await open_hub(folder)
    try:
        return await story(running)
    finally:
        await running.close()


def sent(world: World) -> None:
    """The node's log reaches the hub, which publishes; the second hub and the reader follow."""
    with TestClient(application(world.hub)) as client:
        # it has only what HttpHub asks of a client
        link = HttpHub("http://testserver", ThroughTheApp(client))
        world.node.publish()
        answer = asyncio.run(world.node.push(link))
        assert not answer.errors, answer.errors
    spread(world)


def spread(world: World) -> None:
    async def publish(running: Running) -> Any:
        head = await running.publisher.publish()
        return running.hub.identity.id, await running.erasures.scrub() if running.erasures.to_scrub else head

    hub_id, _ = asyncio.run(opened(world.hub, publish))

    async def follow(running: Running) -> None:
        feed = str(world.hub / "public")
        await running.ledger.keep_peer(Peer(hub_id, "hub", feed, 0, ""))
        (peer,) = await running.ledger.peers()
        await running.followers.once(peer)
        await running.publisher.publish()
        if running.erasures.to_scrub:
            await running.erasures.scrub()

    asyncio.run(opened(world.second, follow))
    result = follow_once(world.hub / "public", world.copy)
    assert result.outcome is Outcome.VERIFIED, result.sentence


async def _log(running: Running) -> list[entry.Entry]:
    async with running.ledger.reading() as view:
        return [entry.parse(line) async for rows in view.entries(0) for _, line, _ in rows]


def log_of(folder: Path) -> list[entry.Entry]:
    return list(asyncio.run(opened(folder, _log)))


def assert_sound(world: World) -> None:
    """Both hubs hold what they sign, and the reader's copy, and one made anew, hold the same."""
    roots = set()
    for folder in (world.hub, world.second):
        assert asyncio.run(checking.check(folder, lambda *_: None))["faults"] == []
        roots.add(asyncio.run(keeping_status(folder)))
    with open_copy(world.copy) as copy:
        roots.add(copy.state_root.hex())
    fresh = world.place / "reader" / "fresh.jisr"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.unlink(missing_ok=True)
    result = follow_once(world.hub / "public", fresh)
    assert (result.outcome, int(result.outcome)) == (Outcome.VERIFIED, 0), result.sentence
    assert len(roots) == 1, roots


async def keeping_status(folder: Path) -> str:
    async with setting_up.opened(folder) as ledger:
        published = await ledger.published()
    assert published is not None
    return published.head.state_root


def filled(world: World) -> None:
    """Every type in public, some of them with an earlier rev, one in a restricted feed, and one that stays."""
    for number in range(len(RECORDS)):
        world.write(number)
    world.write(0, again=False)
    world.write(0, again=True)
    sent(world)
    world.write(0, again=True)
    world.write(1, audience="hub")
    stays = {**RECORDS[0], "audience": "public", "id": "00000000-cccc-4ccc-8ccc-000000000000"}
    stays = {k: v for k, v in stays.items() if k not in ("node", "rev", "salt", "created", "modified", "source")}
    stays["name"] = {"ar": {"origin": "author", "value": STAYS}}
    assert not world.node.import_drafts([stays]).refused
    sent(world)


def test_no_byte_is_left_of_what_its_node_and_its_hub_erased(world: World, figure: Callable[..., None]) -> None:
    figure(erased_everywhere(world))


def erased_everywhere(world: World) -> str:
    """Erase all of it, by its node and by its hub, search everything before and after, prove; say what was searched."""
    filled(world)
    folders = [world.hub, world.second, world.place / "reader"]
    before = log_of(world.hub)
    tree, size = Tree(e.leaf for e in before), len(before)
    public = set(world.secret()) - world.restricted
    for place in [*folders, *world.tables()]:
        found = set[str]().union(*holding(world.secret(), place).values())
        # a word may lie across the pages of a database
        assert len(found & public) >= 0.9 * len(public - world.replaced), f"the search sees too little in {place}"
        if place in (world.tables() or [world.hub])[:1]:
            assert len(found & world.restricted) >= 0.9 * len(world.restricted)
    by_operator = [world.ids[2], world.ids[-1]]
    by_node = [id_ for id_ in world.ids if id_ not in by_operator]
    for id_ in by_node:
        world.node.erase(id_)
    sent(world)
    left = holding(world.secret(*by_node), *folders, world.place / "node", *world.tables())
    assert left == {}, left

    for id_ in by_operator:
        what = asyncio.run(erasing.wanted(world.hub, world.node.id, id_, None, "a court's order", "MA"))
        done = asyncio.run(erasing.erase(world.hub, what))
        assert done["entries"] + done["lines"] > 0
    spread(world)
    asyncio.run(keeping.backup(world.hub, world.place / "hub" / "after.backup", with_key=True))
    searched = files(*folders, *world.tables())
    left = holding(["canary", *world.secret()], *folders, *world.tables())
    assert left == {}, left
    assert len(holding([STAYS], *folders, *world.tables())) >= 6, "what nobody erased is still found"

    after = log_of(world.hub)
    assert [e.leaf for e in after[:size]] == [e.leaf for e in before]
    for seq in range(size):
        merkle.verify_inclusion(after[seq].leaf, seq, size, tree.inclusion(seq, size), tree.root())
    grown = Tree(e.leaf for e in after)
    merkle.verify_consistency(size, len(after), grown.consistency(size, len(after)), tree.root(), grown.root())
    assert_sound(world)
    kind = "PostgreSQL" if world.addresses else "SQLite"
    words = f"{len(world.secret())} words of {len(world.ids)} records"
    return f"{kind}: {words} in 0 of {len(searched)} files; {size} inclusion proofs and the consistency hold"


def test_an_older_database_put_back_serves_nothing_of_it(tmp_path: Path) -> None:
    """The file of yesterday: what was erased since is erased again before anything is served."""
    world = sqlite_world(tmp_path)
    filled(world)
    yesterday = (world.hub / "hub.sqlite").read_bytes()
    assert seen(world.secret(), yesterday)
    world.node.erase(world.ids[0])
    sent(world)
    what = asyncio.run(erasing.wanted(world.hub, world.node.id, world.ids[1], None, "asked for", ""))
    asyncio.run(erasing.erase(world.hub, what))
    gone = world.secret(*world.ids[:2])
    assert holding(gone, world.hub) == {}
    for file in world.hub.glob("hub.sqlite*"):
        file.unlink()
    (world.hub / "hub.sqlite").write_bytes(yesterday)
    assert holding(gone, world.hub)

    async def look(running: Running) -> str:
        await running.erasures.scrub()
        return running.publisher.fenced

    assert "older" in asyncio.run(opened(world.hub, look)), "it is fenced; nothing enters its log before a rebase"
    assert holding(gone, world.hub) == {}, "and holds nothing of it, in the database and in what it serves"
    assert holding([STAYS], world.hub / "public")


def sqlite_world(place: Path) -> World:
    node = Node.init(place / "node", name="Node", country="MA", lang="ar")
    for name in ("hub", "second"):
        made = setting_up.create(
            place / name, name=name, country="MA", lang="fr", address="http://testserver", allow_private=True,
            random_bytes=lambda n: next(_ids).to_bytes(n, "big"),
        )  # fmt: skip
        asyncio.run(made)
        quick = {"publish_seconds": 0.01, "snapshot_entries": 1}
        config.write(place / name, config.read(place / name).model_copy(update=quick))
    candidate = asyncio.run(setting_up.candidate(place / "hub", str(place / "node" / "keys.json")))
    asyncio.run(setting_up.admit(place / "hub", candidate, "Node"))
    (place / "reader").mkdir()
    return World(place, node, ())


# What deleting leaves in a database's files, and what we do does not


def test_overwriting_leaves_rows_that_moved_and_what_we_do_does_not(
    tmp_path: Path, figure: Callable[..., None]
) -> None:
    """Why SQLite's file is written anew: a page that was split keeps bytes of what moved to its neighbour."""
    file = tmp_path / "hub.sqlite"
    chance, keys = random.Random(1), list(range(3000))
    chance.shuffle(keys)

    async def story() -> tuple[int, int]:
        ledger = await SqlLedger.open(file, new_epoch="1-aaaaaaaa")
        async with ledger.database.writing() as connection:
            for key in keys:
                line = (b"canary" if key % 7 == 0 else b"staying") + b"x" * chance.choice([50, 300, 900])
                row = {"node": f"{key:05d}", "name": "hub", "seq": 0, "leaf": b"x", "line": line}
                await connection.execute(sa.insert(t.node_entry).values(row))
        async with ledger.database.writing() as connection:
            c = t.node_entry.c
            erased = sa.update(t.node_entry).where(sa.cast(c.node, sa.Integer) % 7 == 0)
            await connection.execute(erased.values(line=b"stub"))
        async with ledger.database.askers.connect() as connection:
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        overwritten = file.read_bytes().count(b"canary")
        assert await ledger.forget() == []
        await ledger.close()
        return overwritten, sum(each.read_bytes().count(b"canary") for each in tmp_path.iterdir())

    overwritten, anew = asyncio.run(story())
    assert overwritten > 0 and anew == 0
    assert holding(["staying"], tmp_path)
    figure(f"of 429 erased rows, overwriting leaves {overwritten} in the gaps of pages, the rewritten file {anew}")


def test_a_plain_vacuum_leaves_the_bytes_and_what_we_do_does_not(
    postgres_address: str, tmp_path: Path, figure: Callable[..., None]
) -> None:
    """Why tables are written anew: the old rows stay in the free space of their pages otherwise."""
    word = "canaryvacuum"
    relations = _relations(postgres_address)
    with psycopg.connect(postgres.plain(postgres_address), autocommit=True) as connection:
        connection.execute("CREATE TABLE plain (id int PRIMARY KEY, line bytea)")
        connection.execute("ALTER TABLE plain ALTER COLUMN line SET STORAGE EXTERNAL")
        for number in range(200):
            line = (f"{word} {number} " * (400 if number % 2 else 3)).encode()
            connection.execute("INSERT INTO plain VALUES (%s, %s)", (number, line))
        connection.execute("UPDATE plain SET line = 'stub' WHERE id % 10 < 9")
        connection.execute("DELETE FROM plain WHERE id % 10 = 9 AND id <> 199")
        connection.execute("UPDATE plain SET line = 'stub' WHERE id = 199")
        connection.execute("VACUUM plain")
        connection.execute("CHECKPOINT")
        after_plain = len(holding([word], relations))
        connection.execute("VACUUM (FULL) plain")
        connection.execute("CHECKPOINT")
    after_full = len(holding([word], relations))
    log = holding([word], relations.parents[1] / "pg_wal")
    assert after_plain > 0 and after_full == 0
    figure(f"VACUUM leaves it in {after_plain} files, VACUUM FULL in {after_full}; {len(log)} files of pg_wal hold it")


def test_the_planner_keeps_no_sample_of_content(postgres_address: str) -> None:
    """Columns with content have no statistics, so ANALYZE copies none of it."""

    async def made() -> None:
        await (await SqlLedger.open(postgres_address, new_epoch="1-aaaaaaaa")).close()

    asyncio.run(made())
    word = b"canarysample"
    with psycopg.connect(postgres.plain(postgres_address), autocommit=True) as connection:
        for seq in range(300):
            connection.execute(
                "INSERT INTO entry (seq, op, leaf, line) VALUES (%s, 'put', %s, %s)", (seq, b"x", word + b"%d" % seq)
            )
        connection.execute("CREATE TABLE other AS SELECT line FROM entry")
        connection.execute("ANALYZE")
        rows = connection.execute(
            "SELECT tablename FROM pg_stats WHERE attname = 'line' AND schemaname = 'public'"
        ).fetchall()
        assert rows == [("other",)], "a table without that setting is sampled: the test can fail"
        content = connection.execute(
            "SELECT c.relname, a.attname, a.attstattarget FROM pg_attribute AS a"
            " JOIN pg_class AS c ON c.oid = a.attrelid"
            " WHERE a.attname IN ('line', 'detail', 'body') AND c.relname = ANY(%s)",
            ([table.name for table in t.metadata.sorted_tables],),
        ).fetchall()
    assert {target for _, _, target in content if _ != "key_statement"} <= {0, -1, None}
    sampled = [(table, column) for table, column, target in content if target != 0 and table != "key_statement"]
    assert sampled == [], "a column with content may be sampled"


def test_a_table_is_written_anew_only_when_nobody_sees_the_old_rows(postgres_address: str) -> None:
    """VACUUM FULL takes along what an older transaction may still read: it is waited for, or told."""

    async def story() -> list[str]:
        database = postgresql.Postgres(postgres_address)
        try:
            return await database.forget([t.peer])
        finally:
            await database.close()

    async def made() -> None:
        await (await SqlLedger.open(postgres_address, new_epoch="1-aaaaaaaa")).close()

    asyncio.run(made())
    word = "canaryvacuum"
    relations = _relations(postgres_address)
    plain = postgres.plain(postgres_address)
    with psycopg.connect(plain, autocommit=True) as connection, psycopg.connect(plain) as reader:
        connection.execute("INSERT INTO peer VALUES ('jisr:x', %s, '', 0, '', '', '', '')", (word,))
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM record")
        connection.execute("UPDATE peer SET name = ''")
        seconds, postgresql.FORGET_SECONDS = postgresql.FORGET_SECONDS, 1
        try:
            with pytest.raises(StillSeen, match="1 old rows of the table peer"):
                asyncio.run(story())
        finally:
            postgresql.FORGET_SECONDS = seconds
        assert holding([word], relations)
        reader.rollback()
    remains = asyncio.run(story())
    assert any("the write-ahead log still holds it" in sentence for sentence in remains)
    assert holding([word], relations) == {}


COPYING = """
import fcntl, sys, time
with open(sys.argv[1], "r+b") as shared:
    fcntl.lockf(shared, fcntl.LOCK_EX, 1, 121)  # WAL_CKPT_LOCK, see walformat.html of SQLite
    print("copying", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.mark.anyio
@pytest.mark.parametrize(("seconds", "told"), [(1.0, False), (30.0, True)])
async def test_whoever_copies_pages_at_this_moment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, told: bool
) -> None:
    monkeypatch.setattr(sqlite, "FORGET_SECONDS", 2 if told else 20)
    ledger = await SqlLedger.open(tmp_path / "hub.sqlite", new_epoch="1-aaaaaaaa")
    program = [sys.executable, "-c", COPYING, str(tmp_path / "hub.sqlite-shm"), str(seconds)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "copying\n"
        try:
            if told:
                with pytest.raises(StillSeen, match="its write-ahead log"):
                    await ledger.forget()
            else:
                assert await ledger.forget() == []
        finally:
            other.kill()
            await ledger.close()
