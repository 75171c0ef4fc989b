"""What is taken in bulk comes to the same as what is judged at once, and nobody sees it before. (PUSH-11, PUSH-12)"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jisr_hub import bulk
from jisr_hub.answers import PushAnswer
from jisr_hub.node_heads import NodeHeads
from jisr_hub.ports import Conflict
from jisr_hub.storage.sql import SqlLedger
from jisr_protocol.refusal import Refusal
from jisr_protocol.signing import SigningKey
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import MemoryHub
from tests.hub.test_erasure import erase, say
from tests.reader.publisher import seeded

pytestmark = pytest.mark.anyio
FAULTS = ("put", "edit", "delete", "schema", "stolen", "flipped", "crit", "rev", "audience", "foreign", "partners")


def bent(line: bytes, jws: str) -> bytes:
    """The line with another signature."""
    header, _, signature = jws.partition("..")
    other = ("B" if signature[0] == "A" else "A") + signature[1:]
    return line.replace(jws.encode(), f"{header}..{other}".encode())


def written(kinds: list[str]) -> Author:
    """An author with an entry of each kind, sound and wrong ones, after two sound records."""
    author, other = Author("dar"), Author("other")
    author.puts(2)
    for number, kind in enumerate(kinds):
        match kind:
            case "put" | "partners":
                author.put(f"{kind}{number}")
            case "edit":
                author.edit(f"r{number % 2}")
            case "delete":
                author.delete(f"r{number % 2}")
            case "schema":
                author.put(f"odd{number}", status="asleep")
            case "stolen":
                stranger = SigningKey(seeded("stranger", "key"))
                author.add(author.sign(author.value(f"stolen{number}"), key=stranger))
            case "flipped":
                thing = author.put(f"flipped{number}")
                line = author.feed().lines.pop()
                author.line(bent(line, thing.jws))
            case "crit":
                author.put(f"strange{number}", crit=["org.example.more"])
            case "rev":
                author.put("r0", rev=1)
            case "audience":
                author.add(author.sign(author.value(f"hidden{number}", audience="hub")))
            case "foreign":
                author.add(other.sign(other.value(f"foreign{number}")))
    return author


async def begun(author: Author, ledger: Any = None) -> MemoryHub:
    hub = await MemoryHub("hub", ledger=ledger).begin()
    await hub.admit(author)
    return hub


async def later(hub: MemoryHub, author: Author, start: int = 0, end: int | None = None, **changes: Any) -> PushAnswer:
    return await hub.hub.push(author.id, "public", author.push(start, end, **changes), later=True)


async def judged(hub: MemoryHub) -> None:
    while await hub.hub.bulk.judge_next():
        pass


async def seen(hub: MemoryHub, author: Author) -> Any:
    """All that a hub says and holds of an author, but for times."""
    ledger = hub.ledger
    held = await ledger.before(author.id, "public", 0, 10_000)
    keys = {(e.node or "", e.id or "") for e in author.feed().entries() if e.op in ("put", "del")}
    return {
        "log": [entry.raw for entry in await hub.log()],
        "kept": await ledger.kept(author.id, "public"),
        "records": await ledger.held("public", keys),
        "live": await hub.live(),
        "places": held.places,
        "root": held.log.frontier.root(),
        "head": held.log.head and held.log.head.raw,
    }


def in_slices(author: Author, cuts: list[int]) -> list[tuple[int, int]]:
    size = len(author.feed().lines)
    ends = sorted({1 + cut % size for cut in cuts} | {size})
    return list(zip([0, *ends[:-1]], ends, strict=True))


@given(st.lists(st.sampled_from(FAULTS), max_size=12), st.lists(st.integers(0, 50), max_size=3), st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_in_bulk_or_not_comes_to_the_same(kinds: list[str], cuts: list[int], data: st.DataObject) -> None:
    """Whatever is wrong, wherever it is cut, and whenever what waits is judged, by itself or because a push comes."""
    author = written(kinds)
    slices = in_slices(author, cuts)
    how = [data.draw(st.sampled_from(["later", "later, judged", "at once"])) for _ in slices]

    async def story() -> None:
        plain, bulky = await begun(author), await begun(author)
        for (start, end), way in zip(slices, how, strict=True):
            await plain.push(author, start, end)
            if way == "at once":
                answer = await bulky.push(author, start, end)
                assert answer.waiting == 0
            else:
                answer = await later(bulky, author, start, end)
                assert (answer.next, answer.admitted, answer.quarantined) == (end, 0, [])
                assert answer.waiting >= end - start
            if way.endswith("judged"):
                await judged(bulky)
        await judged(bulky)
        assert await seen(bulky, author) == await seen(plain, author)
        ours, theirs = [await hub.hub.receipt(author.id, "public") for hub in (bulky, plain)]
        assert (ours.waiting, ours.next, ours.quarantined) == (0, theirs.next, theirs.quarantined)

    asyncio.run(story())


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Any:
    if request.param == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / "hub.sqlite"
    else:
        from tests import postgres

        with postgres.database(request.getfixturevalue("postgres_server")) as address:
            yield address


async def test_nothing_that_waits_is_in_anything_and_nothing_is_lost_by_a_crash(place: Any) -> None:
    """The hub goes away between the answer and the judgement, and again between two slices; then all is as it is
    without bulk."""
    author = written(["put", "flipped", "edit", "schema", "put"])
    size = len(author.feed().lines)
    plain = await begun(author)
    for start, end in [(0, 4), (4, size)]:
        await plain.push(author, start, end)
    ledger = await SqlLedger.open(place, new_epoch="1-hhhhhhhd")
    hub = await begun(author, ledger)
    before = await hub.lines()
    answers = [await later(hub, author, 0, 4), await later(hub, author, 4, size)]
    assert [(a.next, a.waiting) for a in answers] == [(4, 4), (size, size)]
    for judgements in range(3):
        await ledger.close()
        ledger = await SqlLedger.open(place)
        hub = await MemoryHub("hub", ledger=ledger).begin()
        receipt = await hub.hub.receipt(author.id, "public")
        assert (receipt.next, receipt.waiting) == (size, [size, size - 4, 0][judgements])
        if not judgements:
            assert await hub.lines() == before
            assert await ledger.kept(author.id, "public") == []
            assert await hub.live() == {}
            assert (await hub.publish()).live == 0
        await hub.hub.bulk.judge_next()
    assert await seen(hub, author) == {**await seen(plain, author), "log": [e.raw for e in await hub.log()]}
    assert [e.leaf for e in await hub.log()][1:] == [e.leaf for e in await plain.log()][1:]
    await ledger.close()


async def test_the_same_again_is_answered_the_same_and_held_once() -> None:
    author = written(["put"] * 8)
    hub = await begun(author)
    first, again = await later(hub, author, 0, 6), await later(hub, author, 0, 6)
    part = await later(hub, author, 2, 5)
    assert [(a.next, a.waiting) for a in (first, again, part)] == [(6, 6)] * 3
    assert first.receipt.value == again.receipt.value
    waits = await hub.ledger.unjudged(author.id, "public", 0, 100)
    assert [(one.start, one.end) for one in waits] == [(0, 6)]


async def test_a_push_is_refused_as_a_whole_as_ever_and_then_nothing_waits() -> None:
    author = written(["put"] * 4)
    hub = await begun(author)
    body = author.push(0, 4)
    bent = body.replace(b'"status":"active"', b'"status":"actife"', 1)
    with pytest.raises(Refusal) as refused:
        await hub.hub.push(author.id, "public", bent, later=True)
    assert refused.value.rule == "PUSH-4"
    with pytest.raises(Refusal) as refused:
        await hub.hub.push(author.id, "public", body.replace(b'"rev":1,', b'"rev": 1,', 1), later=True)
    assert refused.value.rule.startswith("CAN-")
    with pytest.raises(Refusal) as refused:
        await later(hub, author, 3, 5)
    assert refused.value.rule == "PUSH-2"
    assert await hub.ledger.unjudged_feeds() == []
    assert (await hub.hub.log_state(author.id, "public")).frontier.size == 0


async def test_other_lines_where_something_waits_are_a_fork_and_what_waits_is_judged_first() -> None:
    author, twin = written(["put"] * 4), written(["edit"] * 4)
    hub = await begun(author)
    await later(hub, author)
    with pytest.raises(Refusal) as refused:
        await hub.hub.push(twin.id, "public", twin.push(), later=True)
    assert refused.value.rule == "PUSH-3"
    assert await hub.ledger.unjudged_feeds() == []
    assert len(await hub.live()) == 6


async def test_what_is_acted_on_does_not_wait() -> None:
    """A push with a notice is judged at once, and what waits before it."""
    author = written(["put"] * 2)
    hub = await begun(author)
    await later(hub, author)
    say(author, "r0")
    answer = await later(hub, author, 5)
    assert (answer.waiting, answer.admitted) == (0, 1)
    assert (author.id, record_id("r0")) not in await hub.live()


async def test_no_head_of_a_node_is_said_while_something_of_it_waits() -> None:
    author = written(["put"] * 2)
    hub = await begun(author)
    await hub.push(author, 0, 3)
    await later(hub, author, 3)
    assert await NodeHeads(hub.hub).state() == 0
    await judged(hub)
    assert await NodeHeads(hub.hub).state() == 1


async def test_a_push_waits_so_long_for_what_waits_before_it_and_then_comes_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    author = written(["put"] * 9)
    hub = await begun(author)
    for start in range(0, 9, 3):
        await later(hub, author, start, start + 3)
    monkeypatch.setattr(bulk, "SETTLE_SECONDS", -1.0)
    monkeypatch.setattr("jisr_hub.hub.CONFLICT_TRIES", 1)
    with pytest.raises(Conflict):
        await hub.push(author, 9)
    assert (await hub.hub.receipt(author.id, "public")).waiting == 6, "a part is judged"
    monkeypatch.undo()
    answer = await hub.push(author, 9)
    assert (answer.waiting, len(await hub.live())) == (0, 11)


async def test_an_erasure_from_elsewhere_empties_what_waits(place: Any) -> None:
    author = written(["put"] * 2)
    ledger = await SqlLedger.open(place, new_epoch="1-hhhhhhhd")
    hub = await begun(author, ledger)
    await later(hub, author)

    await erase(hub, author, "r1")
    (waits,) = await ledger.unjudged(author.id, "public", 0, 100)
    assert "دار r1".encode() not in waits.lines and "دار r0".encode() in waits.lines
    await judged(hub)
    receipt = await hub.hub.receipt(author.id, "public")
    assert [(kept.seq, kept.code) for kept in receipt.quarantined] == [(2, "erased")]
    assert len(await hub.live()) == 3
    await ledger.close()


async def test_two_who_judge_at_once_judge_each_slice_once(place: Any) -> None:
    author = written(["put"] * 6)
    ledger = await SqlLedger.open(place, new_epoch="1-hhhhhhhd")
    one = await begun(author, ledger)
    other = MemoryHub("hub", ledger=ledger)
    for start in range(0, 9, 3):
        await later(one, author, start, start + 3)

    async def judge(hub: MemoryHub) -> None:
        while True:
            try:
                if not await hub.hub.bulk.judge_next():
                    return
            except Conflict:
                continue

    await asyncio.gather(judge(one), judge(other))
    assert len(await one.live()) == 8
    assert [e.seq for e in await one.log()] == list(range(10))
    await ledger.close()
