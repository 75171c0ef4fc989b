"""The tree that is kept of a node's records is the one that all of them make, whatever happens to them, and costs what
changed."""

from __future__ import annotations

import random
from typing import Any

import pytest
import sqlalchemy as sa

from jisr_hub import log, node_trees
from jisr_hub.node_heads import Account, compare
from jisr_hub.ports import Change, Held, Ledger, Remembered
from jisr_hub.storage import tables as t
from jisr_hub.storage.proving import stored
from jisr_hub.storage.rebuild import rebuild_records
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol import state_tree
from tests.contracts.stored import AT, Opened
from tests.hub.author import Author
from tests.hub.test_erasure import Begun, begun, erase
from tests.hub.test_holding import act, lift

__all__ = ["begun"]

pytestmark = pytest.mark.anyio
NODE = "jisr:" + "a" * 52


@pytest.fixture
def small_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees of few records are kept as well."""
    monkeypatch.setattr(node_trees, "KEPT_FROM", 1)


def drafts_of(numbers: range, rev: int = 1) -> tuple[list[Any], list[Remembered]]:
    """Words about records of one node that nobody signed."""
    drafts, held = [], []
    for number in numbers:
        record_id = f"{number:08x}-0000-4000-8000-000000000000"
        digest = f"{number:032x}{rev:032x}"
        drafts.append(log.out_draft(NODE, record_id, rev, digest, "org.jisr.organization/1"))
        held.append(Remembered(NODE, record_id, "public", Held(rev, digest, "org.jisr.organization/1", True)))
    return drafts, held


async def fill(ledger: Ledger, numbers: range, rev: int = 1) -> None:
    drafts, held = drafts_of(numbers, rev)
    await ledger.store(Change(AT, drafts, held), log.number)


async def rows_in(ledger: Ledger, table: sa.Table) -> int:
    assert isinstance(ledger, SqlLedger)
    return int((await ledger.rows(sa.select(sa.func.count().label("n")).select_from(table)))[0].n)


async def check(ledger: Ledger, node: str, promised: int) -> None:
    """What the kept tree makes, before and after it is brought up to now, is what every record makes."""
    depth = state_tree.depth_for(promised)
    for _ in range(2):
        async with ledger.reading() as view:
            rows = [row async for part in view.of_node(node) for row in part]
            tree = state_tree.StateTree(depth)
            lines: dict[int, list[bytes]] = {}
            for path, *row in rows:
                lines.setdefault(state_tree.bucket_of(path, depth), []).append(state_tree.line(node, *row))
            for number, each in lines.items():
                tree.set_bucket(number, state_tree.bucket_hash(state_tree.bucket_bytes(each)))
            assert await compare(view, node, Account(), promised) == ({}, tree.root(), len(rows))
            kept = await view.kept_tree(node)
            assert kept is None or await node_trees.stands(view, node, kept.depth)
        await node_trees.keep(ledger, node, promised)


async def test_it_is_what_all_records_make_whatever_happens_to_them(begun: Begun, small_too: None) -> None:
    """Pushes, edits, deletions, erasures and holds of one record and of all, their ends; trees that change depth."""
    seed = 7
    chance, author, other = random.Random(seed), Author("dar"), Author("other")
    async with begun(author, other) as hub:
        labels: list[str] = []
        for step in range(18):
            what = chance.choice(["put", "put", "edit", "delete", "erase", "hold", "all held", "unhold", "pass", "all"])
            if what == "put" or not labels:
                fresh = [f"s{step}-{n}" for n in range(chance.randint(1, 6))]
                labels += fresh
                for label in fresh:
                    author.put(label)
                    other.put(label)
            elif what in ("edit", "delete"):
                getattr(author, what)(chance.choice(labels))
            elif what == "erase":
                await erase(hub, author, chance.choice(labels))
            elif what == "all" and step > 9:
                await erase(hub, author, "*", 1)
            elif what in ("hold", "unhold"):
                await act(hub, what, author, chance.choice(labels))
            elif what == "all held":
                await act(hub, "hold", author, "*")
            else:
                hub.clock.pass_time(days=15)
                await lift(hub)
            await hub.push(author)
            await hub.push(other)
            await check(hub.ledger, author.id, chance.choice([10, 10, 10, 5_000, 300_000]))


async def test_one_change_reads_and_writes_what_changed(opened: Opened, small_too: None) -> None:
    """Counted: rows of records, and branches that are kept anew."""
    costs = []
    for size in (300, 3_000):
        async with opened() as ledger:
            if not isinstance(ledger, SqlLedger):
                return  # a ledger in memory keeps no tree
            await fill(ledger, range(size))
            await node_trees.keep(ledger, NODE, 5_000)
            await fill(ledger, range(7, 8), rev=2)
            assert await rows_in(ledger, t.node_touch) == 1
            read, kept = [], []
            async with ledger.reading() as view:
                for rows in (await node_trees.rows_of(view, NODE, await _buckets(view), 2)).values():
                    read += rows
            keep = ledger.keep_tree

            async def keeping(
                node: str, before: Any, depth: int, made: Any, keep: Any = keep, kept: Any = kept, **more: Any
            ) -> bool:
                kept.extend(made)
                return bool(await keep(node, before, depth, made, **more))

            ledger.keep_tree = keeping
            await node_trees.keep(ledger, NODE, 5_000)
            costs.append((len(read), len(kept)))
            assert await rows_in(ledger, t.node_touch) == 0
    assert [branches for _, branches in costs] == [2, 2]
    assert all(1 <= rows <= 8 for rows, _ in costs), costs


async def _buckets(view: Any) -> set[int]:
    found = await node_trees.differing(view, NODE, 2)
    assert found is not None, "every record would be read"
    return found


async def test_nothing_is_kept_of_small_nodes_nor_noted_of_any_without_a_tree(opened: Opened) -> None:
    async with opened() as ledger:
        await fill(ledger, range(10))
        await node_trees.keep(ledger, NODE, 10)
        await fill(ledger, range(3), rev=2)
        async with ledger.reading() as view:
            assert await view.kept_tree(NODE) is None
            assert await view.branches(NODE, None) == {}
        if isinstance(ledger, SqlLedger):
            assert await rows_in(ledger, t.node_touch) == 0


async def test_who_was_overtaken_keeps_nothing(opened: Opened, small_too: None) -> None:
    """Two processes fold at once: the one that read less must not take back what the other has kept."""
    async with opened() as ledger:
        if not isinstance(ledger, SqlLedger):
            return
        await fill(ledger, range(10))
        await node_trees.keep(ledger, NODE, 10)
        await fill(ledger, range(3), rev=2)
        async with ledger.reading() as view:
            before, old = await view.kept_tree(NODE), await view.branches(NODE, None)
        assert before is not None
        await fill(ledger, range(3), rev=3)
        await node_trees.keep(ledger, NODE, 10)
        assert not await ledger.keep_tree(NODE, before, 1, old, whole=False)
        await check(ledger, NODE, 10)


async def test_what_comes_while_a_tree_is_made_is_not_lost(opened: Opened, small_too: None) -> None:
    async with opened() as ledger:
        await fill(ledger, range(20))
        keep = ledger.keep_tree

        async def late(*args: Any, **more: Any) -> bool:
            await fill(ledger, range(5), rev=2)
            return await keep(*args, **more)

        ledger.keep_tree = late
        await node_trees.keep(ledger, NODE, 20)
        ledger.keep_tree = keep
        await check(ledger, NODE, 20)


@pytest.mark.parametrize("damage", ["another hash", "cut off", "a touch is lost"])
async def test_damage_is_named_and_a_rebuild_mends_it(opened: Opened, small_too: None, damage: str) -> None:
    async with opened() as ledger:
        if not isinstance(ledger, SqlLedger):
            return
        await fill(ledger, range(10))
        await node_trees.keep(ledger, NODE, 10)
        c = t.node_branch.c
        if damage == "a touch is lost":
            await fill(ledger, range(3), rev=2)
            change: Any = sa.delete(t.node_touch)
        else:
            held = (await ledger.rows(sa.select(c.children)))[0].children
            bent = held[:-1] if damage == "cut off" else held[:20] + b"\0\1\2" + held[23:]
            change = sa.update(t.node_branch).values(children=bent)
        async with ledger.database.writing() as connection:
            await connection.execute(change)
        async with stored(ledger) as rows:
            assert await rows.kept_trees() == {NODE: 1}
            assert not await node_trees.stands(await rows.view(), NODE, 1)
        await rebuild_records(ledger)
        assert await rows_in(ledger, t.node_branch) == await rows_in(ledger, t.node_tree) == 0


def test_a_branch_is_read_as_it_was_written() -> None:
    chance = random.Random(3)
    for _ in range(50):
        children = {
            n: node_trees.Child(chance.randbytes(32), chance.randint(1, 9)) for n in chance.sample(range(64), 5)
        }
        assert node_trees.unpack(node_trees.pack(children)) == children
    with pytest.raises(ValueError, match="bytes for"):
        node_trees.unpack(node_trees.pack(children)[:-1])
