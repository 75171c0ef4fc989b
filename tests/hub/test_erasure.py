"""Erasure at a hub: what a notice takes out, who may say one, what stays, what does not come back.

Each story runs over the ledger in memory, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from jisr_hub import ingest
from jisr_hub.ports import Erasure, Ledger
from jisr_hub.storage.memory import MemoryLedger
from jisr_hub.storage.sql import SqlLedger
from jisr_hub.takedown.erasure import Erasures
from jisr_protocol import entry, identifiers, merkle, notice
from jisr_protocol.merkle import Tree
from jisr_protocol.notice import ALL
from jisr_protocol.refusal import Refusal
from tests import postgres
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import Clock, MemoryHub
from tests.reader.publisher import NOW, seeded

pytestmark = pytest.mark.anyio
EPOCH = "1-aaaaaaaa"
Begun = Callable[..., AbstractAsyncContextManager[MemoryHub]]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def begun(request: pytest.FixtureRequest, tmp_path: Path) -> Begun:
    """A hub over one kind of ledger, which has admitted these authors."""
    kind = request.param
    server = request.getfixturevalue("postgres_server") if kind == "postgresql" else ""

    @asynccontextmanager
    async def begin(*authors: Author, label: str = "hub") -> AsyncIterator[MemoryHub]:
        with contextlib.ExitStack() as stack:
            ledger: Any = MemoryLedger(EPOCH)
            if kind == "sqlite":
                ledger = await SqlLedger.open(tmp_path / f"{label}.sqlite", new_epoch=EPOCH)
            elif kind == "postgresql":
                ledger = await SqlLedger.open(stack.enter_context(postgres.database(server)), new_epoch=EPOCH)
            hub = await MemoryHub(label, ledger=ledger).begin()
            await hub.admit(*authors)
            try:
                yield hub
            finally:
                if isinstance(ledger, SqlLedger):
                    await ledger.close()

    return begin


class Beside:
    """The files beside the database, in memory."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.copies: list[Erasure] = []

    def read(self) -> list[bytes]:
        return list(self.lines)

    def append(self, lines: Any) -> None:
        self.lines += lines

    async def erase(self, erasures: Any) -> None:
        self.copies += erasures


def erasures_of(hub: MemoryHub, beside: Beside | None = None) -> Erasures:
    beside = beside or Beside()
    made = Erasures(hub.hub, hub.clock, beside, beside)
    hub.hub.erased = made.settle
    return made


async def erase(hub: MemoryHub, author: Author, label: str, max_rev: int | None = None) -> Any:
    """The operator erases a record, or all of a node."""
    target = ALL if label == ALL else record_id(label)
    return await erasures_of(hub).erase(author.id, target, max_rev, id=str(uuid.uuid4()), basis="a court's order")


def say(author: Author, *labels: str, n: int = 1, max_rev: int | None = 9, feed: str = "public", **changes: Any) -> Any:
    """The author erases records of its own, or all of them: one entry for each, and stubs in its own log."""
    ids = tuple(record_id(label) for label in labels)
    value = {
        "id": str(uuid.UUID(bytes=seeded("notice", n)[:16], version=4)), "action": "erase", "by": author.id,
        "node": author.id, "ids": ids, "max_rev": max_rev, "n": n, "issued": identifiers.to_instant(NOW),
        "basis": "by its author", **changes,
    }  # fmt: skip
    said = notice.write(author.writer.key, **value)
    for target in said.targets:
        author.add(said.envelope, op=said.action, feed=feed, target=target)
    return said


def stubbed(author: Author, *labels: str, feed: str = "public") -> None:
    """The author's own lines of these records lose their content."""
    ids = {record_id(label) for label in labels}
    lines = author.feed(feed).lines
    for seq, parsed in enumerate(author.feed(feed).entries()):
        if parsed.op in ("put", "del") and parsed.id in ids and parsed.gone is None:
            lines[seq] = entry.write_stub(parsed, "erased")


def words(text: str) -> dict[str, Any]:
    return {"name": {"ar": {"origin": "author", "value": text}}}


async def everything(ledger: Ledger, *authors: Author) -> bytes:
    """Every line that the ledger keeps of anybody."""
    async with ledger.reading() as view:
        lines = [line async for rows in view.entries(0) for _, line, _ in rows]
    if isinstance(ledger, SqlLedger):
        for table in ("node_entry", "unjudged", "node_entry_aside", "notice", "guard", "record", "entry", "held_back"):
            lines += [repr(tuple(row)).encode() for row in await ledger.rows(_text(f"SELECT * FROM {table}"))]
    elif isinstance(ledger, MemoryLedger):
        lines.append(repr(ledger._s).encode())
    return b"\n".join(lines)


def _text(query: str) -> Any:
    import sqlalchemy as sa

    return sa.text(query)


async def test_what_is_erased_leaves_the_log_its_leaves_and_its_proofs_stay(begun: Begun) -> None:
    author = Author("dar")
    author.put("one", **words("canaryone"))
    author.put("two", **words("canarytwo"))
    author.put("one", **words("canaryonelater"))
    async with begun(author) as hub:
        await hub.push(author)
        before = await hub.log()
        tree = Tree(e.leaf for e in before)
        size = len(before)
        assert b"canaryone" in await everything(hub.ledger)

        done = await erase(hub, author, "one")

        assert (done.entries, done.lines) == (2, 0)
        after = await hub.log()
        assert [e.leaf for e in after[:size]] == [e.leaf for e in before]
        assert [e.gone for e in after if e.id == record_id("one")] == ["erased", "erased", None]
        assert (after[-1].op, after[-1].id, after[-1].src) == ("erase", record_id("one"), None)
        kept = await everything(hub.ledger)
        assert b"canaryone" not in kept and b"canarytwo" in kept
        assert await hub.live() == {(author.id, record_id("two")): (1, before[-2].digest)}
        grown = Tree(e.leaf for e in after)
        for seq in range(size):
            proof = tree.inclusion(seq, size)
            merkle.verify_inclusion(after[seq].leaf, seq, size, proof, tree.root())
        consistency = grown.consistency(size, len(after))
        merkle.verify_consistency(size, len(after), consistency, tree.root(), grown.root())
        async with hub.ledger.reading() as view:
            assert await view.generations() == {0: 2}


async def test_erasing_twice_appends_nothing(begun: Begun) -> None:
    author = Author("dar")
    author.put("one")
    async with begun(author) as hub:
        await hub.push(author)
        assert (await erase(hub, author, "one")).entries == 1
        size = len(await hub.log())
        assert (await erase(hub, author, "one")).entries == 0
        assert len(await hub.log()) == size
        assert [s.notice.n for s in await hub.ledger.notices()] == [1, 2]


async def test_what_was_erased_does_not_come_back_and_a_later_rev_does(begun: Begun) -> None:
    author = Author("dar")
    author.put("one", **words("canaryone"))
    async with begun(author) as hub:
        await hub.push(author)
        await erase(hub, author, "one", max_rev=2)
        author.put("one", **words("canarylate"))
        author.put("one", **words("lawful"))
        answer = await hub.push(author, 2)
        assert [(k.code, k.pointer) for k in answer.quarantined] == [("erased", "/record/rev")]
        assert answer.admitted == 1
        kept = await everything(hub.ledger)
        assert b"canary" not in kept
        assert await hub.names() == {"lawful"}


async def test_a_restricted_record_is_erased_and_never_named_in_public(begun: Begun) -> None:
    author = Author("dar")
    author.put("one", audience="hub", **words("canaryone"))
    author.put("two", audience="partners", status="bad", **words("canarytwo"))
    async with begun(author) as hub:
        await hub.push(author, feed="hub")
        assert [k.code for k in (await hub.push(author, feed="partners")).quarantined] == ["schema_invalid"]
        size = len(await hub.log())
        assert b"canaryone" in await everything(hub.ledger) and b"canarytwo" in await everything(hub.ledger)
        assert (await erase(hub, author, "one")).lines == 1
        assert (await erase(hub, author, "two")).lines == 1
        assert len(await hub.log()) == size
        assert b"canary" not in await everything(hub.ledger)
        (waiting,) = await hub.ledger.judged(author.id, "partners")
        assert (waiting.code, waiting.pointer, waiting.detail) == ("erased", "", "")
        leaves = await hub.ledger.node_leaves(author.id, "hub", 0, 2)
        assert [leaves[seq] for seq in range(2)] == [e.leaf for e in author.feed("hub").entries()]
        assert (await hub.push(author, feed="hub")).next == 2, "the node may send it again; nothing is stored"
        assert b"canary" not in await everything(hub.ledger)


async def test_all_of_a_node_goes_at_once_and_nothing_of_another(begun: Begun) -> None:
    author, other = Author("dar"), Author("other")
    author.puts(5)
    author.put("kept aside", status="bad", **words("canaryone"))
    author.delete("r1")
    other.puts(2, "o")
    async with begun(author, other) as hub:
        await hub.push(author)
        await hub.push(other)
        done = await erase(hub, author, ALL)
        assert (done.entries, done.lines) == (6, 1)
        log = await hub.log()
        assert all(e.gone for e in log if e.node == author.id and e.op in ("put", "del"))
        assert log[-1].id == ALL
        assert set(await hub.live()) == {(other.id, record_id("o0")), (other.id, record_id("o1"))}
        author.put("new")
        answer = await hub.push(author, len(author.feed().lines) - 1)
        assert [k.code for k in answer.quarantined] == ["erased"]


async def test_anothers_line_that_holds_the_record_loses_it_too(begun: Begun) -> None:
    author, other = Author("dar"), Author("other")
    author.put("one", **words("canaryone"))
    other.feed()
    other.add(author.sign(author.value("one", **words("canaryelsewhere"))))
    async with begun(author, other) as hub:
        await hub.push(author)
        assert [k.code for k in (await hub.push(other)).quarantined] == ["not_authoritative"]
        assert b"canaryelsewhere" in await everything(hub.ledger)
        assert (await erase(hub, author, "one")).lines == 1
        assert b"canary" not in await everything(hub.ledger)


# The node's own erasure


async def test_a_nodes_own_erasure_is_acted_on_in_the_same_push_and_passed_on(begun: Begun) -> None:
    author = Author("dar")
    author.put("one", **words("canaryone"))
    async with begun(author) as hub:
        await hub.push(author)
        said = say(author, "one")
        stubbed(author, "one")
        answer = await hub.push(author)
        assert (answer.admitted, answer.quarantined) == (1, [])
        log = await hub.log()
        assert (log[-1].op, log[-1].src) == ("erase", ("public", author.feed().epoch, 2))
        assert log[-1].thing == said.envelope
        assert b"canary" not in await everything(hub.ledger)
        assert await hub.live() == {}
        author.put("one", rev=5, **words("canarylate"))
        author.put("one", rev=10, **words("lawful"))
        assert [k.code for k in (await hub.push(author, 3)).quarantined] == ["erased"]
        assert await hub.names() == {"lawful"}


async def test_a_new_hub_takes_an_old_log_with_its_stubs(begun: Begun) -> None:
    author = Author("dar")
    author.put("one")
    author.put("two")
    stubbed(author, "one")
    say(author, "one")
    async with begun(author) as hub:
        answer = await hub.push(author)
        assert (answer.admitted, answer.quarantined) == (4, [])
        assert [e.op for e in await hub.log()] == ["key", "key", "put"], "of what never was here nothing is said"
        assert await hub.ledger.guards([(author.id, record_id("one"))]) == {(author.id, record_id("one")): 9}


async def test_a_stub_waits_for_its_erasure_in_a_later_push(begun: Begun) -> None:
    author = Author("dar")
    author.put("one")
    author.put("two")
    stubbed(author, "one")
    say(author, "one")
    async with begun(author) as hub:
        answer = await hub.push(author, 0, 3)
        assert [(k.seq, k.code) for k in answer.quarantined] == [(1, "stub_without_cause")]
        assert (await hub.push(author, 3)).quarantined == []
        assert await hub.ledger.judged(author.id, "public") == []
        held = await hub.ledger.held("public", [(author.id, record_id("one"))])
        assert [(h.rev, h.live) for h in held.values()] == [(1, False)]


async def test_a_notice_counts_upwards_and_only_of_the_node_itself(begun: Begun) -> None:
    author, other = Author("dar"), Author("other")
    author.puts(3)
    async with begun(author, other) as hub:
        await hub.push(author)
        say(author, "r0", n=5)
        say(author, "r1", n=4)
        say(author, "r1", n=5, basis="another")
        say(author, "r1", n=6, by=other.id)
        value: dict[str, Any] = {"id": str(uuid.uuid4()), "action": "erase", "by": hub.id, "node": author.id}
        value |= {"max_rev": 9, "n": 9}
        said = notice.write(
            hub.identity.key, ids=(record_id("r2"),), issued=identifiers.to_instant(NOW), basis="x", **value
        )
        author.add(said.envelope, op="erase", target=record_id("r2"))
        answer = await hub.push(author, 4)
        codes = [k.code for k in answer.quarantined]
        assert codes == ["notice_old", "notice_old", "not_authoritative", "not_authoritative"]
        assert {id_ for _, id_ in await hub.live()} == {record_id("r1"), record_id("r2")}


async def test_a_notice_of_many_in_a_restricted_feed_tells_the_public_nothing(begun: Begun) -> None:
    author = Author("dar")
    author.put("shown", **words("canaryone"))
    author.put("hidden", audience="hub", **words("canarytwo"))
    say(author, "shown", "hidden", feed="hub")
    async with begun(author) as hub:
        await hub.push(author)
        size = len(await hub.log())
        await hub.push(author, feed="hub")
        assert len(await hub.log()) == size, "it names what the public must not know of"
        say(author, "shown")
        await hub.push(author)
        assert (await hub.log())[-1].op == "erase"
        public = b"\n".join(await hub.lines())
        assert b"canary" not in await everything(hub.ledger) and record_id("hidden").encode() not in public


async def test_judging_again_leaves_what_was_erased_as_it_is(begun: Begun) -> None:
    author = Author("dar")
    author.put("one", status="bad", **words("canaryone"))
    author.put("two", status="bad")
    async with begun(author) as hub:
        await hub.push(author)
        await erase(hub, author, "one")
        outcome = await hub.hub.rejudge(author.id, "public")
        assert [k.code for k in outcome.kept] == ["schema_invalid"]
        codes = [k.code for k in await hub.ledger.judged(author.id, "public")]
        assert codes == ["erased", "schema_invalid"]


async def test_an_erasure_between_judging_and_storing_is_not_overtaken(begun: Begun) -> None:
    """A push that was judged before an erasure is stored after it: it is judged again."""
    author = Author("dar")
    author.put("one", **words("canaryone"))
    async with begun(author) as hub:
        await hub.push(author)
        author.put("one", **words("canarylate"))
        store, first = hub.ledger.store, True

        async def late(change: Any, number: Any) -> int:
            nonlocal first
            if first:
                first = False
                await erase(hub, author, "one", max_rev=2)
            return int(await store(change, number))

        hub.hub.ledger.store = late  # the erasure comes between
        assert [k.code for k in (await hub.push(author, 2)).quarantined] == ["erased"]
        assert b"canary" not in await everything(hub.ledger)


async def test_an_unknown_target_is_kept_out_when_it_comes(begun: Begun) -> None:
    author = Author("dar")
    author.put("one", **words("canaryone"))
    async with begun(author) as hub:
        await erase(hub, author, "one", max_rev=3)
        assert [k.code for k in (await hub.push(author)).quarantined] == ["erased"]
        assert b"canary" not in await everything(hub.ledger)
        with pytest.raises(Refusal, match="NTC-6"):
            await erase(hub, author, "one", max_rev=2_000_000)


# The ledger beside the database


async def test_an_older_database_put_back_loses_it_again(begun: Begun) -> None:
    """ING-13."""
    author = Author("dar")
    author.put("one", **words("canaryone"))
    author.put("two", audience="hub", **words("canarytwo"))
    beside = Beside()
    async with begun(author, label="hub") as hub:
        await hub.push(author)
        await hub.push(author, feed="hub")
        erasures = erasures_of(hub, beside)
        for label in ("one", "two"):
            await erasures.erase(author.id, record_id(label), 7, id=str(uuid.uuid4()), basis="asked for")
        assert erasures.to_scrub
        await erasures.scrub()
        assert not erasures.to_scrub and len(beside.copies) == 2
        assert await erasures_of(hub, beside).replay() == 0
    async with begun(author, label="older") as older:
        await older.push(author)
        await older.push(author, feed="hub")
        assert b"canary" in await everything(older.ledger)
        again = erasures_of(older, beside)
        assert await again.replay() == 2
        assert again.to_scrub
        assert b"canary" not in await everything(older.ledger)
        assert [e.op for e in await older.log()][-2:] == ["put", "erase"]
        assert await again.replay() == 0


async def test_a_fenced_database_loses_it_in_silence_and_says_so_when_it_may(begun: Begun) -> None:
    """ING-13 where nothing may enter the log yet: the stubs come first, their cause with the replay."""
    author = Author("dar")
    author.put("one", **words("canaryone"))
    author.put("two", audience="hub", **words("canarytwo"))
    beside = Beside()
    async with begun(author) as hub:
        await hub.push(author)
        await erasures_of(hub, beside).erase(author.id, ALL, 7, id=str(uuid.uuid4()), basis="asked for")
    async with begun(author, label="older") as older:
        await older.push(author)
        await older.push(author, feed="hub")
        size = len(await older.log())
        again = erasures_of(older, beside)
        assert await again.empty() == 1
        assert again.to_scrub
        assert len(await older.log()) == size and b"canary" not in await everything(older.ledger)
        assert await again.replay() == 1
        log = await older.log()
        assert ([e.op for e in log[size:]], await older.live()) == (["erase"], {})
        async with older.ledger.reading() as view:
            assert await view.generations() == {0: 2}
        assert await again.replay() == await again.empty() == 0


async def test_what_only_the_database_knows_is_written_beside_it(begun: Begun) -> None:
    author = Author("dar")
    author.put("one")
    async with begun(author) as hub:
        await hub.push(author)
        await erase(hub, author, "one")  # the process died before the line was written
        beside = Beside()
        assert await erasures_of(hub, beside).replay() == 0
        assert len(beside.lines) == 1 and record_id("one").encode() in beside.lines[0]


# Between hubs


async def following(tmp_path: Path, *labels: str) -> list[MemoryHub]:
    clock = Clock()
    return [await MemoryHub(label, clock=clock).begin() for label in labels]


async def follow(tmp_path: Path, hubs: list[MemoryHub], *ways: tuple[int, int]) -> None:
    for follower, followed in ways:
        await hubs[followed].publish()
        await hubs[follower].follow(hubs[followed], tmp_path)
        await hubs[follower].publish()
        for hub in hubs:
            hub.clock.pass_time(seconds=1)


async def test_a_nodes_erasure_reaches_the_hubs_that_follow_its_hub(tmp_path: Path) -> None:
    author = Author("dar")
    author.put("one", **words("canaryone"))
    author.put("two")
    hubs = await following(tmp_path, "home", "second", "third hub")
    await hubs[0].admit(author)
    await hubs[0].push(author)
    await follow(tmp_path, hubs, (1, 0), (2, 1))
    assert [b"canaryone" in await everything(hub.ledger) for hub in hubs] == [True] * 3
    said = say(author, "one")
    stubbed(author, "one")
    await hubs[0].push(author)
    await follow(tmp_path, hubs, (1, 0), (2, 1))
    for number, hub in enumerate(hubs):
        assert b"canary" not in await everything(hub.ledger), number
        log = await hub.log()
        assert (log[-1].op, log[-1].thing, len(log[-1].via)) == ("erase", said.envelope, number)
        assert log[-1].src == ("public", author.feed().epoch, 3)
        assert [id_ for _, id_ in await hub.live()] == [record_id("two")]
    assert len({(await hub.publish()).state_root for hub in hubs}) == 1
    for file in tmp_path.glob("*.copy"):
        assert b"canary" not in file.read_bytes(), file


async def test_a_home_hubs_erasure_binds_at_who_follows_it_and_a_strangers_is_kept_for_the_operator(
    tmp_path: Path,
) -> None:
    author = Author("dar")
    author.put("one", **words("canaryone"))
    author.put("two", **words("staying"))
    hubs = await following(tmp_path, "home", "second", "third hub")
    await hubs[0].admit(author)
    await hubs[0].push(author)
    await follow(tmp_path, hubs, (1, 0), (2, 0))
    await erase(hubs[0], author, "one", max_rev=1)
    await erase(hubs[1], author, "two", max_rev=1)
    await follow(tmp_path, hubs, (1, 0), (2, 0), (2, 1), (0, 1))
    assert [b"canary" in await everything(hub.ledger) for hub in hubs] == [False] * 3
    assert [b"staying" in await everything(hub.ledger) for hub in hubs] == [True, False, True]
    for hub in (hubs[0], hubs[2]):
        notices = {s.notice.by: s.guards for s in await hub.ledger.notices()}
        assert notices == {hubs[0].id: (record_id("one"),), hubs[1].id: ()}, "advice binds nobody and is not lost"
        assert [id_ for _, id_ in await hub.live()] == [record_id("two")]
    author.put("one", **words("lawful"))
    await hubs[0].push(author, 3)
    await follow(tmp_path, hubs, (1, 0), (2, 0))
    assert b"lawful" in await everything(hubs[1].ledger) and b"lawful" in await everything(hubs[2].ledger)


async def test_what_was_erased_here_is_not_taken_from_a_peer(tmp_path: Path) -> None:
    author = Author("dar")
    author.put("one", **words("canaryone"))
    hubs = await following(tmp_path, "home", "second")
    await hubs[0].admit(author)
    await hubs[0].push(author)
    await erase(hubs[1], author, "one", max_rev=2)
    author.put("one", **words("canarytwo"))
    await hubs[0].push(author, 2)
    await follow(tmp_path, hubs, (1, 0))
    assert b"canary" not in await everything(hubs[1].ledger)
    author.put("one", **words("lawful"))
    await hubs[0].push(author, 3)
    await follow(tmp_path, hubs, (1, 0))
    assert await hubs[1].names() == {"lawful"}


def test_the_steps_begin_with_what_was_erased() -> None:
    """A line that fails for another reason too is kept without its content."""
    assert ingest.STEPS[0] == ("erased", ingest.erased)
