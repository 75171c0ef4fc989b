"""What this version does not know goes three hops unchanged: members of records and of entries, types, ops; and what
says it must be understood, and is not, stops where it is, alone."""

import random
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jisr_node.feeds import reopened
from jisr_node.ports import Line
from jisr_protocol import canonical, entry, envelope, identifiers
from jisr_protocol.entry import Entry
from jisr_protocol.reader import follow
from jisr_protocol.reader.store import open_copy
from jisr_protocol.session import Outcome
from tests.flow.actors import NodeActor, at_once
from tests.flow.world import START

from .topologies import Federation

HOPS = 3
ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964f{}"
PLACES = {"at", "seq", "src", "via"}


def append(actor: NodeActor, members: dict[str, Any], *, live: tuple[str, int, str] | None = None) -> bytes:
    """Append an entry as a later version would write it; its line."""
    store, feeds, now = actor.node.store, actor.node.feeds, actor.now()
    with store.transaction():
        feed = reopened(store.feed("public"))
        raw = canonical.dumps({"at": identifiers.to_instant(now), "seq": feed.frontier.size, **members})
        leaf = entry.parse(raw).leaf
        store.append("public", Line(feed.frontier.size, members["op"], live[0] if live else None, raw, leaf))
        feed.frontier.append(leaf)
        if live is not None:
            store.put_live("public", *live)
        feeds.sign(feed, now)
    return raw


def record(actor: NodeActor, number: int, **members: Any) -> tuple[dict[str, Any], tuple[str, int, str]]:
    """A signed record of a type nobody knows, as members of its entry."""
    at = identifiers.to_instant(actor.now())
    value = {
        "audience": "public", "created": at, "id": ID.format(number), "lang": "ar", "licence": "CC0-1.0",
        "modified": at, "node": actor.node.id, "rev": 1, "salt": identifiers.new_salt(actor.chance.randbytes(16)),
        "status": "active", "type": "org.example.boat/1", "tomorrow": {"deep": [1, 2, {"more": None}]}, **members,
    }  # fmt: skip
    thing = envelope.sealed("record", value, actor.node.identity.key)
    return {"jws": thing.jws, "op": "put", "record": value}, (ID.format(number), 1, thing.digest)


def told(raw: bytes) -> dict[str, bytes]:
    """What an entry carries, in its bytes, without its place in a feed."""
    return {name: part for name, part in entry.parse(raw).parts.items() if name not in PLACES}


@pytest.fixture
def line() -> Any:
    with Federation("line", hubs=HOPS + 1, nodes=1) as world:
        world.write(world.nodes[0], "first")
        world.settle()
        yield world


def last_hub(world: Federation) -> list[Entry]:
    return [entry.parse(n.line) for n in world.hubs[-1].ledger._s.entries]


def test_members_types_and_ops_nobody_knows_go_three_hops_byte_for_byte(line: Federation) -> None:
    actor = line.nodes[0]
    members, live = record(actor, 1)
    sent = [
        append(actor, {**members, "later": {"b": [True], "a": "نعم"}}, live=live),
        append(actor, {"op": "greeting", "node": actor.node.id, "object": {"n": 1}, "beside": "x"}),
        append(actor, {"op": "wave", "object": {"n": 2}}),
    ]
    line.send(actor)
    line.settle()
    line.settle()
    there = last_hub(line)
    assert all(sum(told(e.raw) == told(raw) for e in there) == 1 for raw in sent)
    came = next(e for e in there if e.op == "greeting")
    assert len(came.via) == HOPS
    assert came.src == ("public", actor.node.store.feed("public").epoch, entry.parse(sent[1]).seq)


def test_a_key_statement_keeps_what_stands_beside_it(line: Federation) -> None:
    actor = line.nodes[0]
    actor.rotate()
    lines = [entry.parse(raw) for raw in actor.node.store.key_lines("public").values()]
    line.send(actor)
    line.settle()
    digests = {e.digest for e in last_hub(line)}
    assert {one.digest for one in lines} <= digests


def test_what_must_be_understood_and_is_not_stops_there_alone(line: Federation) -> None:
    actor = line.nodes[0]
    for number, (outer, inner) in enumerate([({"crit": ["later"], "later": 1}, {}), ({}, {"crit": ["later"]})], 1):
        members, live = record(actor, number, **inner)
        append(actor, {**members, **outer}, live=live)
    members, live = record(actor, 3)
    append(actor, members, live=live)
    line.send(actor)
    line.settle()
    aside = at_once(line.hubs[0].ledger.judged(actor.node.id, "public"))
    assert [(kept.code, kept.pointer) for kept in aside] == [("crit_unknown", "/crit")] * 2
    ids = {e.id for e in last_hub(line)}
    assert ID.format(3) in ids
    assert not {ID.format(1), ID.format(2)} & ids


def test_a_reader_of_the_nodes_own_feed_refuses_it_by_its_rule_and_shows_the_rest(tmp_path: Path) -> None:
    actor = NodeActor("node", lambda: START, random.Random(1))
    actor.node.publish(now=START)
    for number, inner in ((1, {"crit": ["later"]}), (2, {})):
        members, live = record(actor, number, **inner)
        append(actor, members, live=live)
    actor.node.export(tmp_path / "feed")
    result = follow.follow_once(tmp_path / "feed", tmp_path / "copy", now=lambda: START)
    assert result.outcome is Outcome.VERIFIED
    with closing(open_copy(tmp_path / "copy")) as copy:
        assert [(one.rule, one.code) for one in copy.refusals()] == [("ENT-6", "crit_unknown")]
        assert [one.id for one in copy.records()] == [ID.format(2)]
    actor.node.close()
