"""What a hub does with single entries of a push: those it puts aside, and those that were bent on the way."""

from __future__ import annotations

import orjson
import pytest

from jisr_hub.ingest import pass_all
from jisr_protocol import schema
from jisr_protocol.limits import REV_JUMP
from tests.hub.author import TYPE, Author, record_id
from tests.hub.pushing import codes, hub_of

pytestmark = pytest.mark.anyio


async def test_one_bad_entry_is_put_aside_and_the_rest_proceeds() -> None:
    author, other = Author("dar"), Author("other")
    author.put("good")
    author.add(author.sign(author.value("by a stranger"), key=other.writer.key))
    author.add(other.sign(other.value("of another node")))
    author.put("wrong form", name="plain words")
    author.add(author.sign(author.value("wrong feed", audience="partners")))
    author.put("jump", rev=REV_JUMP + 1)
    author.put("later major", type="org.jisr.organization/2")
    author.put("unknown type", type="org.example.boat/1", sails=3)
    author.put("also good")
    hub = await hub_of(author)
    answer = await hub.push(author)
    assert codes(answer) == [
        (2, "key_unknown"), (3, "not_authoritative"), (4, "schema_invalid"), (5, "audience_mismatch"),
        (6, "rev_jump"), (7, "type_unknown"),
    ]  # fmt: skip
    assert (answer.next, answer.admitted) == (10, 4)
    assert set(await hub.live()) == {(author.id, record_id(label)) for label in ("good", "unknown type", "also good")}
    relayed = [e for e in await hub.log() if e.type == "org.example.boat/1"]
    assert relayed[0].thing is not None and relayed[0].thing.value["sails"] == 3


async def test_every_fault_of_a_record_is_told_with_its_place() -> None:
    author = Author("dar")
    faulty = {"founded": "long ago", "size": "huge", "websites": ["x"] * 30, "legal_form": 5, "name": {"ar": "x"}}
    author.put("faulty", **faulty)
    hub = await hub_of(author)
    [kept] = (await hub.push(author)).quarantined
    expected = schema.errors(TYPE, orjson.loads(kept.line or b"")["record"])
    assert len(expected) > 5
    assert kept.pointer == "/record" + expected[0].pointer
    for fault in expected:
        assert fault.message in kept.detail


async def test_a_rev_must_rise_and_a_second_content_of_one_rev_is_equivocation() -> None:
    author = Author("dar")
    author.put("one", rev=5)
    author.put("one", rev=4)
    author.add(author.sign(author.value("one", rev=5, size="10-49")))
    author.put("one", rev=9)
    hub = await hub_of(author)
    assert codes(await hub.push(author)) == [(2, "rev_not_increasing"), (3, "equivocation")]
    assert (await hub.live())[author.id, record_id("one")][0] == 9


async def test_the_same_bytes_at_two_positions_are_a_duplicate() -> None:
    author = Author("dar")
    thing = author.put("one")
    author.add(thing)
    hub = await hub_of(author)
    answer = await hub.push(author)
    assert (answer.admitted, answer.duplicates, answer.next) == (2, 1, 3)
    assert [e.op for e in await hub.log()].count("put") == 1


async def test_a_rev_may_jump_as_far_as_the_limit_and_no_further() -> None:
    author = Author("dar")
    author.put("one", rev=REV_JUMP)
    author.put("one", rev=2 * REV_JUMP)
    author.put("one", rev=3 * REV_JUMP + 1)
    hub = await hub_of(author)
    assert codes(await hub.push(author)) == [(3, "rev_jump")]


async def test_what_no_version_understands_goes_on_and_what_must_be_understood_is_put_aside() -> None:
    author = Author("dar")
    author.put("one")
    at = "2026-08-30T00:00:00Z"
    author.line(orjson.dumps({"at": at, "object": {"a": 1}, "op": "greet", "seq": 2}, option=orjson.OPT_SORT_KEYS))
    thing = author.sign({**author.value("crit"), "crit": ["x"]})
    author.add(thing)
    hub = await hub_of(author)
    answer = await hub.push(author)
    assert codes(answer) == [(3, "crit_unknown")]
    assert [e.op for e in await hub.log()] == ["key", "key", "put", "greet"]


async def test_policy_puts_aside_with_its_reason_and_a_new_policy_lets_in() -> None:
    author = Author("dar")
    author.put("one")
    author.put("event", type="org.example.event/1")
    hub = await hub_of(author, policy=lambda e: "no events here" if e.type == "org.example.event/1" else None)
    [kept] = (await hub.push(author)).quarantined
    assert (kept.code, "no events here" in kept.detail) == ("policy_refused", True)
    hub.hub.policy = pass_all
    outcome = await hub.hub.rejudge(author.id, "public")
    assert len(outcome.kept) == 1 and outcome.quarantined == []
    assert len(await hub.live()) == 2
    assert await hub.ledger.judged(author.id, "public") == []
    assert (await hub.hub.rejudge(author.id, "public")).kept == [], "twice is once"


async def test_after_a_schema_changed_what_waited_is_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    author = Author("dar")
    author.put("waits", founded="long ago")
    author.put("overtaken", founded="long ago")
    author.put("overtaken")
    hub = await hub_of(author)
    assert len((await hub.push(author)).quarantined) == 2
    monkeypatch.setattr(schema, "accepts", lambda *_: True)
    outcome = await hub.hub.rejudge(author.id, "public")
    assert [kept.code for kept in outcome.kept] == [None, "rev_not_increasing"]
    assert (await hub.live())[author.id, record_id("overtaken")][0] == 2


# What no hash covers may be bent on the way


def bent_signature(author: Author, seq: int) -> bytes:
    """The author's push with another signature on one line, as a stranger on the way could make it."""
    body = author.push()
    line = author.feed().lines[seq]
    jws = orjson.loads(line)["jws"].encode()
    head, _, last = jws.rpartition(b"..")
    other = head + b".." + (b"B" if last[:1] != b"B" else b"C") + last[1:]
    before, _, lines = body.partition(b"\n")
    return before + b"\n" + lines.replace(jws, other)


async def test_a_signature_bent_on_the_way_does_not_shut_the_record_out() -> None:
    author = Author("dar")
    author.puts(3)
    hub = await hub_of(author)
    answer = await hub.hub.push(author.id, "public", bent_signature(author, 2))
    assert codes(answer) == [(2, "signature_invalid")]
    state = await hub.hub.log_state(author.id, "public")
    assert state.frontier.size == 2, "the node is asked to send from there again"
    assert state.frontier.root() == author.feed().tree().root(2)
    again = await hub.push(author, 2)
    assert (again.next, again.admitted, again.duplicates, codes(again)) == (4, 1, 1, [])
    assert len(await hub.live()) == 3
    assert (await hub.hub.log_state(author.id, "public")).frontier.size == 4


async def test_bending_a_line_that_was_taken_changes_nothing() -> None:
    author = Author("dar")
    author.puts(3)
    hub = await hub_of(author)
    await hub.push(author)
    before = await hub.lines()
    answer = await hub.hub.push(author.id, "public", bent_signature(author, 2))
    assert (codes(answer), answer.admitted) == ([], 0)
    assert await hub.lines() == before


async def test_bending_a_line_twice_keeps_it_aside_until_the_true_one_comes() -> None:
    author = Author("dar")
    author.put("faulty", founded="long ago")
    hub = await hub_of(author)
    await hub.hub.push(author.id, "public", bent_signature(author, 1))
    await hub.hub.push(author.id, "public", bent_signature(author, 1))
    assert codes(await hub.push(author)) == [(1, "schema_invalid")]
    answer = await hub.hub.push(author.id, "public", bent_signature(author, 1))
    assert codes(answer) == [(1, "schema_invalid")], "what was judged of the true line stands"
    assert [k.code for k in await hub.ledger.judged(author.id, "public")] == ["schema_invalid"]


async def test_a_push_whose_answer_was_lost_is_answered_the_same() -> None:
    author = Author("dar")
    author.put("faulty", founded="long ago")
    author.put("sound")
    hub = await hub_of(author)
    first, again = await hub.push(author), await hub.push(author)
    assert codes(first) == codes(again) == [(1, "schema_invalid")]
    assert (first.admitted, first.duplicates) == (2, 0)
    assert (again.admitted, again.duplicates, again.next) == (0, 2, first.next)


async def test_a_key_statement_goes_out_under_the_signature_that_was_verified() -> None:
    author = Author("dar")
    author.put("one")
    hub = await hub_of(author)
    await hub.hub.push(author.id, "public", bent_signature(author, 0))
    entry = next(e for e in await hub.log() if e.node == author.id and e.op == "key")
    assert entry.thing is not None and entry.thing.jws == author.ring.statements[0].jws
