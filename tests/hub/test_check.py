"""`jisr-hub check` names what has changed: one bit of a random stored thing, on both databases, and exactly that thing.

A hub is filled once a database. Each case flips one bit, checks, and flips it back.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DatabaseError

from jisr_hub.cli import checking
from jisr_protocol import head as heads
from jisr_protocol import paths
from tests import postgres
from tests.hub.author import record_id
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub, some_author

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="module", params=KINDS)
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptHub]:
    folder = tmp_path_factory.mktemp("check") / "hub"
    if request.param == "sqlite":
        yield fill(KeptHub(folder))
        return
    with postgres.database(request.getfixturevalue("postgres_server")) as address:
        yield fill(KeptHub(folder, address))


def fill(hub: KeptHub) -> KeptHub:
    """Two pages and a bit, one record erased from the first of them, a snapshot, and what came after it."""
    author = some_author(records=260)
    hub.fill(author).erase(author.id, record_id("r5"))
    return hub.fill(some_author("other", records=5), snapshot=True).fill(some_author("third", records=4))


def faults(hub: KeptHub) -> list[str]:
    return list(run(checking.check(hub.folder, lambda *_: None))["faults"])


def flipped(value: bytes, bit: int) -> bytes:
    at, mask = divmod(bit % (len(value) * 8), 8)
    return value[:at] + bytes([value[at] ^ 1 << mask]) + value[at + 1 :]


@dataclass(frozen=True)
class Flip:
    """A place in a table: which rows, which column, and what the fault must say of a row."""

    table: str
    column: str
    keys: tuple[str, ...]
    said: Callable[..., str]
    where: str = "true"


def a_log(row: dict[str, Any]) -> str:
    return f"entry {row['seq']} of the log of {row['node']} ({row['name']})"


def a_statement(row: dict[str, Any]) -> str:
    return f"key statement {row['n']} of {row['node']}"


def a_record(row: dict[str, Any]) -> str:
    return f"record {row['id']} of {row['node']} ({row['audience']})"


FLIPS = {
    "a line of the log": Flip("entry", "line", ("seq",), lambda r: f"entry {r['seq']}:"),
    "a leaf": Flip("entry", "leaf", ("seq",), lambda r: f"entry {r['seq']}: its leaf hash"),
    "a kept line": Flip("node_entry", "line", ("node", "name", "seq"), a_log, "line IS NOT NULL"),
    "a leaf of a kept line": Flip("node_entry", "leaf", ("node", "name", "seq"), a_log, "line IS NOT NULL"),
    "a hash of a kept line": Flip("node_entry", "line_hash", ("node", "name", "seq"), a_log, "line IS NOT NULL"),
    "a node's head": Flip("node_feed", "head", ("node", "name"), lambda r: f"the head of the log of {r['node']}"),
    "a statement": Flip("key_statement", "body", ("node", "n"), a_statement),
    "a statement's signature": Flip("key_statement", "jws", ("node", "n"), a_statement),
    "a statement's digest": Flip("key_statement", "digest", ("node", "n"), a_statement),
    "a record's digest": Flip("record", "digest", ("node", "id", "audience"), a_record),
    "the signed head": Flip("feed", "published_head", ("name",), lambda r: "the signed head in the database"),
    "its frontier": Flip("feed", "published_frontier", ("name",), lambda r: "the frontier of the signed head"),
}  # fmt: skip


def rows(hub: KeptHub, flip: Flip) -> list[dict[str, Any]]:
    names = (*flip.keys, flip.column)
    found = hub.execute(
        f"SELECT {', '.join(names)} FROM {flip.table} WHERE {flip.where} ORDER BY {', '.join(flip.keys)}"
    )
    return [dict(zip(names, row, strict=True)) for row in found]


@contextmanager
def bent(hub: KeptHub, flip: Flip, row: dict[str, Any], draw: random.Random) -> Iterator[None]:
    """One bit of this value is another within the block."""
    value = row[flip.column]
    if isinstance(value, str):  # a text stays one: another letter of seven bits
        letters, at = list(value), draw.randrange(len(value))
        letters[at] = chr(ord(letters[at]) ^ 1 << draw.randrange(4))
        changed: object = "".join(letters)
    else:
        changed = flipped(bytes(value), draw.randrange(len(value) * 8))
    change = f"UPDATE {flip.table} SET {flip.column} = ? WHERE " + " AND ".join(f"{key} = ?" for key in flip.keys)
    keys = [row[key] for key in flip.keys]
    hub.execute(change, changed, *keys)
    try:
        yield
    finally:
        hub.execute(change, value, *keys)


def test_nothing_flipped_nothing_said(hub: KeptHub) -> None:
    said = run(checking.check(hub.folder, lambda *_: None))
    assert said == {"entries": said["entries"], "live": said["live"], "acts": 0, "faults": []}
    assert said["entries"] > 256 and said["live"] > 256


def strike(hub: KeptHub, what: str, most: int, seed: object = 0) -> int:
    """Flip a bit in up to `most` things of this kind, one at a time; each must be named, and nothing else."""
    draw, flip = random.Random(f"{what} {seed}"), FLIPS[what]
    places = rows(hub, flip)
    struck = draw.sample(places, min(len(places), most))
    for row in struck:
        with bent(hub, flip, row, draw):
            told = faults(hub)
        assert len(told) == 1 and flip.said(row) in told[0], (row, told)
    return len(struck)


def strike_signatures(hub: KeptHub, most: int, seed: object = 0) -> int:
    """The same within the signatures of entries of the log."""
    draw = random.Random(f"signature {seed}")
    signed = [(seq, line) for seq, line in hub.execute("SELECT seq, line FROM entry") if b'"jws":"' in bytes(line)]
    for seq, line in draw.sample(signed, most):
        line = bytes(line)
        start = line.index(b'"jws":"') + 7
        bit = draw.randrange(start * 8, line.index(b'"', start) * 8)
        hub.execute("UPDATE entry SET line = ? WHERE seq = ?", flipped(line, bit), seq)
        told = faults(hub)
        hub.execute("UPDATE entry SET line = ? WHERE seq = ?", line, seq)
        assert len(told) == 1 and told[0].startswith(f"entry {seq}:"), told
    return most


def strike_files(hub: KeptHub, each: int, seed: object = 0) -> int:
    """The same within every published file that the head promises."""
    draw, public = random.Random(f"files {seed}"), hub.folder / "public"
    files = promised(hub)
    for file in files:
        whole = file.read_bytes()
        for _ in range(each):
            file.write_bytes(flipped(whole, draw.randrange(len(whole) * 8)))
            told = faults(hub)
            file.write_bytes(whole)
            assert len(told) == 1 and file.relative_to(public).as_posix() in told[0], (file, told)
    return each * len(files)


@pytest.mark.parametrize("what", FLIPS)
def test_one_bit_is_named(hub: KeptHub, what: str, long: bool) -> None:
    assert strike(hub, what, 60 if long else 2) > 0
    assert faults(hub) == []


def test_one_bit_of_a_signature_is_named(hub: KeptHub, long: bool) -> None:
    assert strike_signatures(hub, 40 if long else 3) > 0


def test_a_nodes_leaf_without_a_line_is_named_by_its_part_of_the_tree(hub: KeptHub) -> None:
    """Only the roots that are kept beside the log tell of it: the sentence names the smallest part they leave."""
    draw = random.Random("leaf")
    flip = Flip("node_entry", "leaf", ("node", "name", "seq"), a_log, "line IS NULL")
    for row in draw.sample(rows(hub, flip), 3):
        with bent(hub, flip, row, draw):
            [told] = faults(hub)
        assert row["node"] in told
        words = told.split()
        first, last = (int(words[4]), int(words[6])) if words[0] == "one" else (int(words[1]), int(words[1]))
        assert first <= row["seq"] <= last and last - first < 256, told


@pytest.mark.parametrize("column", ["rev", "live_path", "seq"])
def test_a_number_of_a_record_is_named(hub: KeptHub, column: str) -> None:
    draw = random.Random(column)
    keys = "node, id, audience"
    found = hub.execute(f"SELECT {keys}, {column} FROM record WHERE {column} IS NOT NULL ORDER BY {keys}")
    for node, id_, audience, value in draw.sample(found, 2):
        change = f"UPDATE record SET {column} = ? WHERE node = ? AND id = ? AND audience = ?"
        hub.execute(change, value ^ 1 << draw.randrange(10), node, id_, audience)
        told = faults(hub)
        hub.execute(change, value, node, id_, audience)
        assert len(told) == 1 and f"record {id_} of {node} ({audience}): {column} is" in told[0], told


@pytest.mark.parametrize("column", ["path18", "prior"])
def test_a_number_beside_a_line_is_named(hub: KeptHub, column: str) -> None:
    draw = random.Random(column)
    for seq, value in draw.sample(hub.execute(f"SELECT seq, {column} FROM entry WHERE {column} IS NOT NULL"), 1):
        hub.execute(f"UPDATE entry SET {column} = ? WHERE seq = ?", value ^ 1 << 9, seq)
        told = faults(hub)
        hub.execute(f"UPDATE entry SET {column} = ? WHERE seq = ?", value, seq)
        assert len(told) == 1 and told[0].startswith(f"entry {seq}: its column {column}"), told


def promised(hub: KeptHub) -> list[Path]:
    """The files that the head promises: pages and parts, generations, manifest, head and keys."""
    public = hub.folder / "public"
    shown = heads.parse((public / "head.json").read_bytes())
    assert shown.gens is not None and shown.snap is not None
    pages = [public / f"{path}.zst" for _, _, path in paths.pages(shown.epoch, 0, shown.size, {0: 2})]
    manifest = public / shown.snap["path"]
    parts = sorted(manifest.parent.glob("*.ndjson.zst"))
    assert len(pages) == 2 and len(parts) >= 3, "keys, guards, live records"
    return [*pages, *parts, manifest, public / shown.gens["path"], public / "head.json", public / "keys.json"]


def test_one_bit_of_each_published_file_is_named(hub: KeptHub, long: bool) -> None:
    assert strike_files(hub, 10 if long else 1) > 0


def test_a_published_file_that_is_gone_is_named(hub: KeptHub) -> None:
    for file in promised(hub):
        whole = file.read_bytes()
        file.unlink()
        told = faults(hub)
        file.write_bytes(whole)
        assert len(told) == 1 and file.relative_to(hub.folder / "public").as_posix() in told[0], (file, told)


@pytest.mark.parametrize("name", ["keys.json", "signing.key"])
def test_one_bit_of_the_keys_in_the_folder_is_named(hub: KeptHub, name: str) -> None:
    draw = random.Random(name)
    file = hub.folder / name
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    first = len(lines[0]) if name == "signing.key" else 0
    body = len(lines[1]) - 1 if name == "signing.key" else len(whole)
    for _ in range(4):
        file.write_bytes(flipped(whole, draw.randrange(first * 8, (first + body) * 8)))
        told = faults(hub)
        file.write_bytes(whole)
        assert len(told) == 1 and told[0].startswith(name), told


def test_a_damaged_database_file_is_named(tmp_path: Path) -> None:
    """What the file system bends under SQLite: a sentence, whichever page it is in."""
    hub = fill(KeptHub(tmp_path / "hub"))
    hub.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file, draw = hub.folder / "hub.sqlite", random.Random("pages")
    whole = file.read_bytes()
    named = 0
    for _ in range(8):
        file.write_bytes(flipped(whole, draw.randrange(200 * 8, len(whole) * 8)))
        with suppress(DatabaseError):  # which the command says as "The hub's database cannot be used"
            named -= not faults(hub)
        named += 1
    assert named >= 3
