"""Acts and their audit log, on both databases: who may, what is written down, what undoes it, what a second person
does, and what the proof of the chain finds when somebody has meddled with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from jisr_hub.desk import chain
from jisr_hub.desk.acts import By
from jisr_hub.desk.bench import CannotAct
from jisr_hub.desk.chain import Line, Outcome, Proof, Row
from jisr_hub.desk.denied import Denied, Why
from jisr_hub.desk.roles import CONFIRMED, RIGHTS, Role
from jisr_hub.desk.table import ACTS
from jisr_hub.ports import Conflict
from jisr_hub.storage import tables as t
from jisr_protocol.refusal import Refusal
from tests.desk.acting import ActingWorld, acting_world, actor
from tests.hub.author import Author
from tests.hub.hub_in_memory import MemoryHub

pytestmark = pytest.mark.anyio
OTHER = Author("another hub").id


@pytest.fixture
async def world(place: Path | str) -> AsyncIterator[ActingWorld]:
    async with acting_world(place) as world:
        yield world


def deeds(world: ActingWorld) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """One of each act that can be undone, by what it is called here: subject, reason, members."""
    node, one = world.author.id, world.subject("one")
    return {
        "hold": (one, "a wrong number", {"days": 3}),
        "hold all": (node, "", {}),
        "block": (one, "a complaint", {"until": "2026-12-24", "note": "of the police"}),
        "block all": (node, "a complaint", {"until": "2026-12-24"}),
        "refuse": (world.stranger.id, "", {}),
        "bound": (node, "", {"countries": "MA, NL"}),
        "withdraw": (node, "it closed", {}),
        "quota": (node, "", {"per_hour": 5, "per_day": "7"}),
        "say same": (one, "", {"predicate": "same_as", "records": [world.subject("two")]}),
        "say suppressed": (one, "closed", {"predicate": "suppressed"}),
        "say corrects": (one, "", {"predicate": "corrects", "pointer": "/status", "value": "paused"}),
        "hear": (OTHER, "", {"decision": "accept"}),
        "follower_add": (OTHER, "", {"name": "Hub Away"}),
    }


NAMES = (
    "hold", "hold all", "block", "block all", "refuse", "bound", "withdraw", "quota", "say same", "say suppressed",
    "say corrects", "hear", "follower_add",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
async def test_an_act_and_its_undoing_leave_the_very_view(world: ActingWorld, name: str) -> None:
    subject, reason, members = deeds(world)[name]
    before = await world.view()
    done = await world.do(name.partition(" ")[0], subject, reason, **members)
    after = await world.view()
    assert after != before, "an act that changes nothing proves nothing"
    undone = await world.undo(done.n)
    assert await world.view() == before
    line = (await world.lines())[0]
    assert (line.undoes, line.outcome) == (done.n, "done")
    await world.undo(undone.n)
    assert await world.view() == after, "the undoing is undone"
    with pytest.raises(CannotAct, match=f"act {done.n} was undone already, by act {undone.n}"):
        await world.undo(done.n)
    assert await world.faults() == []


async def test_a_longer_hold_is_undone_to_the_shorter_one(world: ActingWorld) -> None:
    one = world.subject("one")
    await world.do("hold", one, "", days=2)
    before = await world.hub.ledger.rows(sa.select(t.hold.c.id, t.hold.c.until))
    longer = await world.do("hold", one, "", days=9)
    await world.undo(longer.n)
    assert await world.hub.ledger.rows(sa.select(t.hold.c.id, t.hold.c.until)) == before


async def test_what_is_let_in_is_withdrawn_when_that_is_undone(world: ActingWorld) -> None:
    done = await world.do("admit", world.stranger.id, name="Dar", countries=["MA"])
    name, _, _, holds, bounds = (await world.view())["nodes"][world.stranger.id]
    assert (name, holds, bounds) == ("Dar", True, {"countries": ["MA"]})
    await world.undo(done.n, "a mistake")
    assert not (await world.view())["nodes"][world.stranger.id][3]
    assert (await world.lines())[0].kind == "withdraw"


@pytest.mark.parametrize("role", list(Role))
async def test_every_act_is_for_whom_the_table_of_rights_says(world: ActingWorld, role: Role) -> None:
    before = await world.view()
    for kind, act in ACTS.items():
        for by in (By.PAGE, By.TOKEN):
            for fresh in (True, False):
                may = act.right in RIGHTS[role] and (fresh or act.right not in CONFIRMED)
                why = Why.ROLE if act.right not in RIGHTS[role] else Why.CONFIRM
                if may:
                    actor(role, fresh=fresh, by=by).check(act.right)
                    continue
                with pytest.raises(Denied) as denied:
                    await world.do(kind, world.subject("one"), "why", actor(role, fresh=fresh, by=by))
                assert denied.value.why is why, kind
                (line,) = await world.lines(most=1)
                assert (line.kind, line.outcome, line.who) == (kind, "refused", f"the-{role.value}")
    assert await world.view() == before
    assert await world.faults() == []


async def test_a_token_has_no_more_rights_than_it_was_given(world: ActingWorld) -> None:
    narrow = replace(actor(by=By.TOKEN), rights=frozenset())
    with pytest.raises(Denied):
        await world.do("hold", world.subject("one"), who=narrow)


async def test_every_act_is_written_down_with_who_when_how_what_why_and_what_came_of_it(world: ActingWorld) -> None:
    one = world.subject("one")
    await world.do("hold", one, "a wrong number", actor(Role.CURATOR), days=3)
    with pytest.raises(CannotAct):
        await world.do("hold", one, "", days=99)
    refused, done = await world.lines()
    assert (done.n, done.who, done.by, done.kind, done.subject) == (1, "the-curator", "page", "hold", one)
    assert (done.outcome, done.words and done.words.reason) == ("done", "a wrong number")
    assert done.words is not None and done.words.undo[0] == "unhold" and done.words.members == {"days": 3}
    assert done.at.startswith("2026-") and done.at.endswith("Z")
    assert refused.outcome == "refused"
    assert refused.words is not None and "Expected 1 to 14 days, came 99" in refused.words.sentence


async def test_what_falls_over_is_written_down_and_goes_on(world: ActingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(world.hub.ledger, "erase", broken)
    with pytest.raises(OSError, match="the disk is full"):
        await world.do("hold", world.subject("one"))
    (line,) = await world.lines()
    assert (line.outcome, line.words and line.words.sentence) == ("failed", "the disk is full")
    assert await world.journal.open() == []


async def test_an_act_that_never_ended_is_written_down_as_interrupted(world: ActingWorld) -> None:
    await world.journal.begin(
        "dead", b'["the-curator","page","hold","x","why",{}]', "2020-01-01T00:00:00Z", waits=False
    )
    await world.do("hold", world.subject("one"))
    done, left = await world.lines()
    assert (left.outcome, left.who, left.kind, left.subject) == ("interrupted", "the-curator", "hold", "x")
    assert done.outcome == "done"
    assert await world.journal.open() == []


async def test_two_at_once_write_one_chain(world: ActingWorld) -> None:
    await asyncio.gather(*(world.do("quota", world.author.id, per_hour=n) for n in range(1, 9)))
    assert [line.n for line in await world.lines()] == list(range(8, 0, -1))
    assert await world.faults() == []


# A second person


@pytest.fixture
async def careful(place: Path | str) -> AsyncIterator[ActingWorld]:
    async with acting_world(place, second_person=True) as world:
        yield world


async def test_what_cannot_wait_waits_for_a_second_person(careful: ActingWorld) -> None:
    before = await careful.view()
    asked = await careful.do("block", careful.author.id, "a complaint", actor(name="first"), until="2026-12-24")
    assert asked.waits
    assert await careful.view() == before
    for who, why in ((actor(name="first"), Why.SAME_PERSON), (actor(Role.CURATOR), Why.ROLE),
                     (actor(name="second", fresh=False), Why.CONFIRM)):  # fmt: skip
        with pytest.raises(Denied) as denied:
            await careful.acts.approve(who, asked.waits)
        assert denied.value.why is why
    assert await careful.view() == before
    await careful.acts.approve(actor(name="second"), asked.waits)
    assert (await careful.view())["blocks"]
    done, waited = await careful.lines()
    assert (waited.outcome, waited.who) == ("asked", "first")
    assert (done.outcome, done.who, done.second) == ("done", "first", "second")
    with pytest.raises(CannotAct, match="decided already"):
        await careful.acts.approve(actor(name="second"), asked.waits)


async def test_a_second_person_may_say_no(careful: ActingWorld) -> None:
    asked = await careful.do("block", careful.author.id, "a complaint", until="2026-12-24")
    await careful.acts.decline(actor(name="second"), asked.waits, "not yet")
    (line,) = await careful.lines(outcome="declined")
    assert (line.second, line.words and line.words.sentence) == ("second", "not yet")
    assert (await careful.view())["blocks"] == []


async def test_who_is_alone_is_not_asked_for_a_second_person_nor_is_a_command(careful: ActingWorld) -> None:
    by_command = actor(by=By.COMMAND)
    assert not (await careful.do("block", careful.subject("one"), "why", by_command, until="2026-12-24")).waits
    careful.accounts = [Role.OPERATOR, Role.CURATOR]
    assert not (await careful.do("block", careful.subject("two"), "why", until="2026-12-24")).waits


# The chain


async def some_lines(world: ActingWorld) -> list[Row]:
    for days in (1, 2, 3, 4):
        await world.do("hold", world.subject("one"), f"for {days} days", days=days)
    rows = await world.rows()
    assert len(rows) == 4
    return rows


def proven(world: ActingWorld, rows: list[Row]) -> list[str]:
    proof = Proof(world.hub.identity.ring)
    return [fault for row in rows for fault in proof.take(row)]


async def test_nothing_can_be_changed_left_out_put_in_or_swapped_unseen(world: ActingWorld) -> None:
    rows = await some_lines(world)
    stranger = MemoryHub("a stranger")
    line = chain.read(rows[1])
    forged = chain.write(line, chain.hash_of(rows[0].line), stranger.identity.key)
    again = chain.write(line, chain.hash_of(rows[0].line), world.hub.identity.key)
    other_words = msgspec.structs.replace(rows[1], words=rows[2].words)
    changed = msgspec.structs.replace(rows[1], line=rows[1].line[:100] + "A" + rows[1].line[101:])
    renumbered = [*rows[:1], *(msgspec.structs.replace(row, n=row.n - 1) for row in rows[2:])]
    assert proven(world, rows) == []
    for tampered, said in (
        ([rows[0], forged, *rows[2:]], "act 2 of the audit log: it is not signed by a key of this hub"),
        ([rows[0], changed, *rows[2:]], "act 2 of the audit log: it is not signed"),
        ([rows[0], other_words, *rows[2:]], "act 2 of the audit log: its words are not those that were signed"),
        ([rows[0], *rows[2:]], "lacks the acts 2 to 2"),
        (rows[1:], "lacks the acts 1 to 1"),
        (renumbered, "act 2 of the audit log: it says it is act 3"),
        ([rows[0], rows[2], rows[1], rows[3]], "lacks the acts 2 to 2"),
        # whoever has the key can write another line, and is seen by the line after it
        ([rows[0], msgspec.structs.replace(again, line=_resigned(world, line, rows[0])), *rows[2:]], "act 3"),
    ):
        assert any(said in fault for fault in proven(world, tampered)), (said, proven(world, tampered))


def _resigned(world: ActingWorld, line: Line, before: Row) -> str:
    other = msgspec.structs.replace(line, who="somebody-else")
    return chain.write(other, chain.hash_of(before.line), world.hub.identity.key).line


async def test_words_that_are_erased_leave_the_chain_whole(world: ActingWorld) -> None:
    await some_lines(world)
    await world.do("hold", world.subject("two"), "of another record")
    node, record = world.subject("one").split("/")
    await world.bench.erasures.erase(node, record, 1, id="6a0f5d4e-93a5-4d0a-9d57-0d6f0f6f1c11", basis="asked for")
    kept = {line.n: line.words is not None for line in await world.lines()}
    assert kept == {1: False, 2: False, 3: False, 4: False, 5: True}
    assert await world.faults() == []
    raw = b"".join(bytes(row.line, "ascii") + (row.words or b"") for row in await world.rows())
    assert b"for 3 days" not in raw
    with pytest.raises(CannotAct, match="act 2 cannot be undone"):
        await world.undo(2)


async def test_words_are_salted_so_that_nobody_can_guess_at_them(world: ActingWorld) -> None:
    one, two = [await world.do("quota", world.author.id, "the same", per_hour=9) for _ in range(2)]
    words = {row.n: row.words for row in await world.rows()}
    assert words[one.n] != words[two.n]
    line = await world.journal.line(one.n)
    assert line is not None and line.words is not None and len(line.words.salt) == 22


async def test_the_log_is_looked_through_by_who_what_on_what_when_and_how_it_ended(world: ActingWorld) -> None:
    await some_lines(world)
    await world.do("quota", world.author.id, "", actor(name="desk-two"), per_hour=9)
    assert [line.n for line in await world.lines(who="desk-two")] == [5]
    assert [line.n for line in await world.lines(kinds=("hold",), most=2)] == [4, 3]
    assert [line.n for line in await world.lines(kinds=("hold",), before=3)] == [2, 1]
    assert [line.n for line in await world.lines(subject=world.subject("one"))] == [4, 3, 2, 1]
    assert len(await world.lines(subject=world.author.id)) == 5, "a record stands below its node"
    assert await world.lines(subject="%") == [] and await world.lines(outcome="failed") == []
    day = (await world.lines())[0].at[:10]
    assert len(await world.lines(since=day, until=day)) == 5
    assert await world.lines(until="2020-01-01") == []
    assert await world.journal.size() == 5


def test_every_outcome_and_act_has_a_code_of_its_own() -> None:
    assert len({one.value for one in Outcome}) == len(Outcome)
    assert all(kind == act.kind and kind.isidentifier() for kind, act in ACTS.items())


@pytest.mark.parametrize("members", [{}, {"until": "soon", "days": "many", "records": "x", "at": "", "keys": "?"}])
async def test_whoever_leaves_out_what_an_act_needs_or_bends_it_is_told_so(
    world: ActingWorld, members: dict[str, Any]
) -> None:
    """By acts about what is here, what is not, and nothing; a fault of ours would come out of `do` as it is."""
    told = 0
    for kind in ACTS:
        for subject in (Author("nobody here").id, world.subject("one"), ""):
            try:
                await world.do(kind, subject, "for a reason", **members)
            except (CannotAct, Denied, Refusal, Conflict):
                told += 1
    assert told > len(ACTS)
