"""Entries, key chains, pushes and heads: what holds for every one of them."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_protocol import canonical, entry, envelope, head, keys, live, push, state_tree
from jisr_protocol.entry import Entry
from jisr_protocol.head import Head, Relation
from jisr_protocol.keys import KeyRing, SigningKey
from jisr_protocol.merkle import Frontier, Tree
from jisr_protocol.push import NodeLog
from jisr_protocol.refusal import Refusal
from tests.protocol.refusals import refusal_of
from tests.protocol.test_canonical_properties import names, values

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AT = "2026-05-01T08:00:00Z"
KEY, LOST, FRESH = SigningKey(bytes(32)), SigningKey(bytes([1] * 32)), SigningKey(bytes([2] * 32))
FIRST = envelope.sealed("key", keys.first_statement(KEY, [LOST.public], role="node", created=AT, salt="A" * 22), KEY)
RING = keys.begin(FIRST)
extra_members = st.dictionaries(names.filter(lambda name: name not in {"crit", "later"}), values, max_size=3)


def record(number: int, rev: int = 1, **members: Any) -> dict[str, Any]:
    required = {
        "audience": "public",
        "id": f"00000000-0000-4000-8000-{number:012x}",
        "node": RING.id,
        "rev": rev,
        "salt": "A" * 22,
        "type": "org.jisr.news/1",
    }
    return members | required


def put(seq: int, value: dict[str, Any]) -> bytes:
    return entry.write("put", envelope.sealed("record", value, KEY), seq=seq, at=AT)


# Entries


@given(extra_members)
def test_a_written_entry_reads_back_and_keeps_its_bytes(members: dict[str, Any]) -> None:
    """ENT-9: what was signed is what stands in the line, unknown members and all."""
    value = record(1, **members)
    raw = put(7, value)
    found = entry.parse(raw)
    assert found.thing is not None
    assert (found.raw, found.thing.body, found.thing.value) == (raw, canonical.dumps(value), value)
    assert found.digest == envelope.digest("record", canonical.dumps(value))
    accepted = entry.accepted(found, RING.verifiers("record"), RING.id)
    assert accepted.verified.kid == KEY.kid
    source, hop = ("public", "1-aaaaaaaa", 7), {"by": RING.id, "epoch": "1-aaaaaaaa", "seq": 3}
    passed_on = entry.write("put", found.thing, seq=90, at=AT, src=source, via=canonical.dumps([hop]))
    again = entry.parse(passed_on)
    assert again.thing is not None
    assert (again.thing.raw, again.src, again.via) == (found.thing.raw, source, (hop,))


@given(extra_members)
def test_unknown_members_of_an_entry_are_kept_and_change_no_leaf(members: dict[str, Any]) -> None:
    plain = orjson.loads(put(7, record(1)))
    taken = {"type", "node", "id", "rev", "digest", "gone", "src", "via", *plain}
    known = {name: value for name, value in members.items() if name not in taken}
    bare, with_more = entry.parse(canonical.dumps(plain)), entry.parse(canonical.dumps(plain | known))
    assert bare.leaf == with_more.leaf
    assert orjson.loads(with_more.raw) == plain | known


@given(st.binary(max_size=80) | st.dictionaries(names, values, max_size=5).map(canonical.dumps))
def test_no_line_makes_parse_do_anything_but_return_or_refuse(raw: bytes) -> None:
    refusal_of(entry.parse, raw)


MEMBERS = ("at", "crit", "gone", "id", "jws", "node", "object", "op", "record", "rev", "seq", "src", "type", "via")
CONTENTS = ("head", "key", "missing", "notice", "record", "recovery", "statement", "tombstone")
ops = st.sampled_from(["put", "del", "out", "key", "recovery", "erase", "hold", "statement", "nodehead", "other"])
near_lines = st.fixed_dictionaries(
    {"at": st.just(AT), "op": ops, "seq": st.integers(0, 9)},
    optional={name: values for name in MEMBERS if name not in ("at", "op", "seq")}
    | {
        name: values | st.dictionaries(st.sampled_from(["node", "id", "jwk", "kid", "rev", "n", "by"]), values)
        for name in CONTENTS
    },
)


@given(near_lines)
def test_no_line_that_looks_like_an_entry_makes_parse_do_more(line: dict[str, Any]) -> None:
    raw = canonical.dumps(line)
    if refusal_of(entry.parse, raw) is None:
        assert len(entry.parse(raw).leaf) == 32


@given(st.integers(0, 500), extra_members)
def test_a_stub_has_the_leaf_of_what_it_stands_for(seq: int, members: dict[str, Any]) -> None:
    """ENT-7."""
    found = entry.parse(put(seq, record(1, **members)))
    for gone in ("erased", "held", "superseded"):
        stub = entry.parse(entry.write_stub(found, gone))
        assert (stub.leaf, stub.thing, stub.gone) == (found.leaf, None, gone)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3), st.sampled_from(["put", "out"])), max_size=20))
def test_the_live_set_is_what_the_last_word_says(words: list[tuple[int, int, str]]) -> None:
    """LIVE-1."""
    lines: list[Entry] = []
    expected: dict[int, int] = {}
    for seq, (number, rev, op) in enumerate(words):
        found = entry.parse(put(seq, record(number, rev)))
        if op == "out":
            assert found.node and found.id and found.rev and found.digest and found.type
            raw = entry.write_out(
                seq=seq, at=AT, node=found.node, id=found.id, rev=rev, digest=found.digest, type=found.type
            )
            found = entry.parse(raw)
            expected.pop(number, None)
        else:
            expected[number] = rev
        lines.append(found)
    held = live.fold(lines)
    assert {int(id_[-12:], 16): rev for (_, id_), (rev, _) in held.items()} == expected


# Keys


steps = st.lists(
    st.tuples(st.sampled_from(["add", "retire", "revoke", "recover"]), st.integers(0, 5), st.integers(0, 5)), max_size=6
)


def _grown(plan: list[tuple[str, int, int]]) -> list[envelope.Envelope]:
    """A chain that follows a plan as far as the rules let it; what they refuse is left out."""
    signers = {key.kid: key for key in (SigningKey(bytes([n] * 32)) for n in range(10, 16))} | {KEY.kid: KEY}
    ring, fresh, chain = RING, list(range(20, 30)), [FIRST]
    for action, who, whom in plan:
        known = list(ring.keys)
        value: dict[str, Any] = {"action": action, "created": AT, "n": ring.next_n, "node": ring.id}
        if action in ("add", "recover"):
            key = SigningKey(bytes([fresh.pop(0)] * 32))
            signers[key.kid] = key
            value["jwk"] = keys.jwk_of(key.public.public)
        else:
            value["kid"] = known[whom % len(known)]
        if action == "recover":
            value |= {"n": 1 + who % ring.next_n, "revoked": [known[whom % len(known)]]}
            statement = envelope.sealed("recovery", value, LOST)
        else:
            statement = envelope.sealed("key", value, signers[known[who % len(known)]])
        try:
            ring = ring.admit(statement)
        except Refusal:
            continue
        chain = [*ring.statements]
    return chain


def _states(ring: KeyRing) -> dict[str, str]:
    return {kid: state.state for kid, state in ring.keys.items()}


@given(steps)
def test_a_chain_means_the_same_read_at_once_or_step_by_step(plan: list[tuple[str, int, int]]) -> None:
    chain = _grown(plan)
    ring = keys.fold(chain, expected_id=RING.id)
    read = keys.fold(keys.parse_file(keys.write_file(ring)))
    assert _states(read) == _states(ring)
    assert ring.next_n == len(chain) == len(ring.statements)


@given(steps, st.data())
def test_a_chain_with_a_statement_left_out_or_moved_is_refused(
    plan: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    chain = _grown(plan)
    at = data.draw(st.integers(0, len(chain) - 1))
    less = chain[:at] + chain[at + 1 :]
    if at < len(chain) - 1:
        assert refusal_of(keys.fold, less, expected_id=RING.id) is not None
    twice = [*chain[: at + 1], *chain[at:]]
    if chain[at].kind == "key":
        assert refusal_of(keys.fold, twice, expected_id=RING.id) is not None


@given(steps)
def test_a_revoked_key_is_never_good_again(plan: list[tuple[str, int, int]]) -> None:
    """KEY-6, whatever statement comes after; only a recovery replaces what a statement said."""
    chain = _grown(plan)
    revoked: set[str] = set()
    for size in range(1, len(chain) + 1):
        if chain[size - 1].kind == "recovery":
            revoked = set()
        states = _states(keys.fold(chain[:size]))
        assert all(states[kid] == "revoked" for kid in revoked)
        revoked |= {kid for kid, state in states.items() if state == "revoked"}


# Heads


def made_head(size: int, hour: int, epoch: str = "1-aaaaaaaa", root: int = 0) -> Head:
    return head.write(
        KEY, by=RING.id, name="public", epoch=epoch, size=size, live=0, log_root=bytes([root] * 32),
        state_root=bytes(32), time=NOW + timedelta(hours=hour), valid_for=timedelta(days=1), next_in=timedelta(hours=1),
    )  # fmt: skip


heads = st.builds(
    made_head,
    st.integers(0, 3),
    st.integers(0, 2),
    st.sampled_from(["1-aaaaaaaa", "1-bbbbbbbb", "2-aaaaaaaa"]),
    st.integers(0, 1),
)


@given(heads, heads)
def test_two_heads_stand_to_each_other_as_their_order_says(one: Head, two: Head) -> None:
    there, back = head.compare(one, two), head.compare(two, one)
    both = {there, back}
    if one.epoch != two.epoch:
        assert both in ({Relation.FORK}, {Relation.NEW_EPOCH, Relation.OLDER})
    elif one.size == two.size:
        assert both in ({Relation.SAME}, {Relation.FORK})
        assert (there is Relation.SAME) == (one.log_root == two.log_root)
    else:
        assert Relation.LARGER in both
        assert both & {Relation.OLDER, Relation.ROLLBACK}
    assert head.compare(one, one) is Relation.SAME


# Pushes


def _log(size: int) -> tuple[list[bytes], list[Entry]]:
    lines = [entry.write("key", FIRST, seq=0, at=AT)]
    lines += [put(seq, record(seq % 3, seq)) for seq in range(1, size)]
    return lines, [entry.parse(line) for line in lines]


LINES, ENTRIES = _log(12)
TREE = Tree(line.leaf for line in ENTRIES)


def _signed(size: int, hour: int = 0) -> Head:
    rows = [(node, id_, *row) for (node, id_), row in live.fold(ENTRIES[:size]).items()]
    return head.write(
        KEY, by=RING.id, name="public", epoch="1-aaaaaaaa", size=size, live=len(rows), log_root=TREE.root(size),
        state_root=state_tree.build(rows)[0].root(), time=NOW + timedelta(minutes=hour),
        valid_for=timedelta(days=30), next_in=timedelta(hours=1),
    )  # fmt: skip


def _held(size: int) -> NodeLog:
    if size == 0:
        return NodeLog(None, Frontier(), None, None)
    frontier = Frontier()
    for line in ENTRIES[:size]:
        frontier.append(line.leaf)
    return NodeLog("1-aaaaaaaa", frontier, _signed(size, -60), RING)


def _check(body: bytes, held: NodeLog) -> push.Extension:
    leaves = {seq: ENTRIES[seq].leaf for seq in range(held.frontier.size)}
    return push.check(push.parse(body), held, leaves, node=RING.id, name="public", now=NOW)


slices = st.tuples(st.integers(1, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12)).map(
    lambda t: (t[0], *sorted((min(t[1], t[0]), min(t[2], t[0]))), min(t[3], t[0]))
)


@given(slices)
def test_every_slice_that_leaves_no_gap_is_taken_and_nothing_is_changed(where: tuple[int, int, int, int]) -> None:
    size, start, end, held_size = where
    body = push.write(_signed(size), LINES[start:end], start, Tree(TREE.levels[0]), {0: LINES[0]})
    held = _held(held_size)
    before = copy.deepcopy((held.epoch, held.frontier.to_bytes(), held.frontier.size))
    if start > held_size:
        assert (refusal := refusal_of(_check, body, held)) is not None
        assert refusal.rule == "PUSH-2"
    elif end or held_size:
        found, reached = _check(body, held), max(end, held_size)
        assert (found.frontier.size, found.frontier.root()) == (reached, TREE.root(reached))
        assert len(found.entries) == max(0, end - max(start, held_size))
        assert len(found.entries) + found.repeated == end - start
    assert (held.epoch, held.frontier.to_bytes(), held.frontier.size) == before


@given(st.data())
def test_a_push_with_any_byte_changed_is_refused_or_says_the_same(data: st.DataObject) -> None:
    """What no signature and no hash covers is refused as a form, or is the signature of a record, judged later."""
    body = push.write(_signed(6), LINES[2:6], 2, Tree(TREE.levels[0]), {0: LINES[0]})
    at = data.draw(st.integers(0, len(body) - 1))
    bent = body[:at] + bytes([body[at] ^ 1 << data.draw(st.integers(0, 7))]) + body[at + 1 :]
    held = _held(2)
    if refusal_of(_check, bent, held) is None:
        good, found = _check(body, held), _check(bent, held)
        assert [line.leaf for line in found.entries] == [line.leaf for line in good.entries]
        assert (found.head.envelope.body, found.frontier.root()) == (good.head.envelope.body, good.frontier.root())


@pytest.mark.parametrize("size", [1, 6, 12])
def test_a_push_again_is_answered_again_and_adds_nothing(size: int) -> None:
    body = push.write(_signed(size), LINES[:size], 0, Tree(TREE.levels[0]), {0: LINES[0]})
    found = _check(body, _held(size))
    assert (found.entries, found.repeated, found.frontier.size) == ([], size, size)
