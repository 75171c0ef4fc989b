"""`jisr why`: each step by which a record came here, and a proof of the last one that anybody can judge."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jisr_protocol import envelope, evidence, keys, merkle, statement
from jisr_protocol.authority import Why
from jisr_protocol.identifiers import to_instant
from jisr_protocol.keys import SigningKey
from jisr_protocol.merkle import Frontier, Tree, inclusion_by_pages, verify_inclusion
from jisr_protocol.reader import why
from jisr_protocol.refusal import Refusal
from tests.reader.conftest import Reader
from tests.reader.node_heads import say
from tests.reader.publisher import NOW, FeedFolder, Writer


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_one_page_the_roots_of_the_others_and_the_frontier_are_enough(data: st.DataObject) -> None:
    """The audit path is the one that a whole tree makes, wherever the leaf stands."""
    width = 8
    size = data.draw(st.integers(1, 200))
    index = data.draw(st.integers(0, size - 1))
    leaves = [merkle.leaf_hash(b"%d" % number) for number in range(size)]
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    roots = {n: merkle.root_of(leaves[n * width : n * width + width]) for n in range(size // width)}
    page = leaves[index - index % width :][:width]
    proof = inclusion_by_pages(index, size, page, roots, frontier, width)
    assert proof == Tree(leaves).inclusion(index, size)
    verify_inclusion(leaves[index], index, size, proof, frontier.root())


def found(reader: Reader, record_id: str, feed: Path | None = None) -> why.Chain:
    with reader.open() as copy:
        record = copy.record(None, record_id)
        assert record is not None
        return asyncio.run(why.chain(copy, record, feed or reader.feed.folder))


@pytest.fixture
def hub_of_pages(hub: FeedFolder, hub_reader: Reader) -> list[Any]:
    """A hub's feed of three pages, read; returns its records."""
    node = hub.welcome(Writer("node"))
    records = [hub.put(by=node) for _ in range(650)]
    say(hub, node, {}, size=651)
    hub.publish()
    hub_reader.verified()
    return records


@pytest.mark.parametrize("number", [0, 253, 254, 300, 509, 510, 649])
def test_a_record_anywhere_is_proven_with_one_page(hub_of_pages: list[Any], hub_reader: Reader, number: int) -> None:
    thing = hub_of_pages[number]
    chain = found(hub_reader, thing.value["id"])
    assert chain.unproven == ""
    raw = why.write_proof(chain)
    assert raw is not None
    finding = evidence.judge(evidence.parse(raw))
    assert (finding.kind, finding.by, finding.about) == ("inclusion", hub_reader.feed.writer.id, thing.value["id"])


def test_it_is_read_on_in_parts_and_still_proven(hub: FeedFolder, hub_reader: Reader) -> None:
    node = hub.welcome(Writer("node"))
    records = []
    for _ in range(7):
        records += [hub.put(by=node) for _ in range(97)]
        hub.publish()
        hub_reader.verified()
    for record in records[::60]:
        assert found(hub_reader, record.value["id"]).unproven == ""


def test_after_the_feed_went_on_the_proof_is_for_the_head_that_is_held(
    hub: FeedFolder, hub_reader: Reader, hub_of_pages: list[Any]
) -> None:
    size = hub.size
    for _ in range(200):
        hub.put(by=Writer("node"), id=hub_of_pages[0].value["id"], rev=2)
    hub.publish()
    chain = found(hub_reader, hub_of_pages[649].value["id"])
    assert chain.head.size == size
    assert chain.unproven == ""


def test_a_changed_page_proves_nothing(hub: FeedFolder, hub_reader: Reader, hub_of_pages: list[Any]) -> None:
    page = next(hub.folder.rglob("log/*/000.ndjson"))
    page.write_bytes(page.read_bytes().replace(b'"rev":1,', b'"rev":2,', 1))
    chain = found(hub_reader, hub_of_pages[100].value["id"])
    assert why.write_proof(chain) is None
    assert chain.unproven


def test_a_copy_that_began_with_a_snapshot_says_that_it_has_no_proof(hub: FeedFolder, hub_reader: Reader) -> None:
    node = hub.welcome(Writer("node"))
    records = [hub.put(by=node) for _ in range(600)]
    hub.take_snapshot()
    hub.publish()
    hub_reader.verified()
    chain = found(hub_reader, records[5].value["id"])
    assert "--whole" in chain.unproven


def test_a_proof_that_is_called_something_else_proves_nothing(hub_of_pages: list[Any], hub_reader: Reader) -> None:
    raw = why.write_proof(found(hub_reader, hub_of_pages[3].value["id"])) or b""
    bent = raw.replace(b'"kind":"inclusion"', b'"kind":"rollback"')
    with pytest.raises(Refusal):
        evidence.judge(evidence.parse(bent))


def test_each_line_is_one_step(hub: FeedFolder, hub_reader: Reader) -> None:
    node, first = hub.welcome(Writer("node")), Writer("first", role="hub")
    record = node.record()
    via = orjson.dumps([{"by": first.id, "epoch": "1-cccccccc", "seq": 90}])
    hub.add("put", record, src=("public", "1-bbbbbbbb", 7), via=via)
    say(hub, node, {}, size=8)
    statement = {"by": first.id, "id": "5d2c1f3e-0000-4000-8000-000000000001", "issued": "2026-08-01T00:00:00Z", "n": 3}
    hub.raw(op="statement", jws="a..b", statement=statement | {"subject": node.id, "type": "org.jisr.node/1"})
    hub.publish()
    hub_reader.follow()
    lines = list(why.as_lines(found(hub_reader, record.value["id"])))
    told = {line[:12].strip(): line[12:] for line in lines if line[:12].strip()}
    assert node.id in told["written by"]
    assert "active" in told["written by"]
    assert any("entry 7" in line for line in lines)
    assert first.id in told["by way of"]
    assert "proven by nothing" in told["by way of"]
    assert hub.writer.id in told["stands in"]
    assert "log root" in told["proven by"]
    assert "complete as of" in told["its node"]
    assert "org.jisr.node/1" in told["statement"]
    assert "unknown" in told["statement"], "its signer's keys are not here"
    assert "a copy holds none" in told["receipt"]


# What is said of its node


def says(
    by: Writer, subject: Writer, type_: str = statement.NODE, *, n: int = 1, ago: float = 40, **members: Any
) -> Any:
    """A signed statement, issued so many days ago; of a node for 30 days."""
    issued = NOW - timedelta(days=ago)
    if type_ == statement.NODE:
        members = {"name": "Dar", "expires": to_instant(issued + timedelta(days=30)), **members}
    key = members.pop("key", by.key)
    return statement.write(
        key, type_, id="5d2c1f3e-0000-4000-8000-000000000001", by=by.id, subject=subject.id, n=n,
        issued=to_instant(issued), **members,
    ).envelope  # fmt: skip


def told_of(hub: FeedFolder, hub_reader: Reader, said: list[Any]) -> why.Chain:
    """The chain of a record, put 30 days ago into a feed of a hub that carries these statements about its node."""
    node = Writer("node")
    if node.id not in {e.node for e in hub.entries() if e.op == "key"}:
        hub.welcome(node)
    record = hub.put(by=node)
    for one in said:
        hub.add("statement", one)
    hub.publish()
    hub_reader.follow()
    return found(hub_reader, record.value["id"])


def judged(chain: why.Chain) -> list[tuple[str, bool | None]]:
    return [(one.verdict, one.stood) for one in chain.attested.said]


def test_the_word_of_its_home_hub_is_judged_under_the_keys_that_are_here(hub: FeedFolder, hub_reader: Reader) -> None:
    chain = told_of(hub, hub_reader, [says(hub.writer, Writer("node"))])
    assert judged(chain) == [("verified", True)]
    (one,) = chain.attested.said
    assert (one.kid, one.key_state) == (hub.writer.key.kid, "active")
    assert chain.attested.standing.holds
    answer = why.as_dict(chain)
    assert answer["attested"]["by"] == hub.writer.id
    assert answer["statements"][0]["judged"]["verdict"] == "verified"
    assert answer["receipt"] is None
    assert any("attested at" in line and hub.writer.id in line for line in why.as_lines(chain))


@pytest.mark.parametrize(
    ("ago", "word"), [(70, "expired by"), (1, "not yet said")], ids=["it had expired", "it came later"]
)
def test_a_statement_that_did_not_stand_when_the_record_came_is_said_not_to(
    hub: FeedFolder, hub_reader: Reader, ago: float, word: str
) -> None:
    chain = told_of(hub, hub_reader, [says(hub.writer, Writer("node"), ago=ago)])
    assert judged(chain) == [("verified", False)]
    assert word in chain.attested.said[0].line
    assert not chain.attested.standing.holds
    assert "not attested" in chain.attested.sentence


def test_what_was_withdrawn_before_did_not_stand_and_what_was_withdrawn_later_did(
    hub: FeedFolder, hub_reader: Reader
) -> None:
    node = Writer("node")
    given = says(hub.writer, node)
    taken = says(hub.writer, node, statement.WITHDRAWAL, ago=35, of=statement.NODE, reason="closed")
    assert judged(told_of(hub, hub_reader, [given, taken])) == [("verified", False), ("verified", True)]
    later = says(hub.writer, node, n=2, ago=34)
    taken_later = says(hub.writer, node, statement.WITHDRAWAL, n=2, ago=2, of=statement.NODE, reason="closed")
    chain = told_of(hub, hub_reader, [later, taken_later])
    assert [stood for _, stood in judged(chain)] == [False, True, True, False]
    assert chain.attested.standing.holds


def test_the_word_of_a_hub_that_is_not_its_home_is_carried_and_not_believed(
    hub: FeedFolder, hub_reader: Reader
) -> None:
    other, node = hub.welcome(Writer("other", role="hub")), Writer("node")
    chain = told_of(hub, hub_reader, [says(other, node)])
    assert judged(chain) == [("verified", False)]
    assert "not by its home hub" in chain.attested.said[0].line
    assert chain.attested.standing.why is Why.OTHERS
    named = says(node, node, statement.HOME, home=other.id)
    chain = told_of(hub, hub_reader, [named])
    assert judged(chain) == [("verified", True), ("verified", True)], "its node named that hub itself"
    assert chain.attested.standing.by == other.id


@pytest.mark.parametrize("good", [True, False])
def test_what_a_lost_key_has_said_is_judged_by_its_place(good: bool, hub: FeedFolder, hub_reader: Reader) -> None:
    other, node = hub.welcome(Writer("other", role="hub")), Writer("node")
    said = says(other, node)
    hub.add("statement", said, src=("public", "1-bbbbbbbb", 7))
    value = {
        "action": "recover", "created": "2026-03-01T00:00:00Z", "jwk": keys.jwk_of(SigningKey(bytes(32)).public.public),
        "last": {"public": ["1-bbbbbbbb", 7 + good]}, "n": 1, "node": other.id, "revoked": [other.key.kid],
    }  # fmt: skip
    hub.key_entry(envelope.sealed("recovery", value, other.recovery))
    chain = told_of(hub, hub_reader, [says(node, node, statement.HOME, home=other.id)])
    first = chain.attested.said[0]
    assert (first.verdict, first.stood) == (("verified", True) if good else ("refused", None))
    assert ("at a place where it was good" if good else "AUTH-8") in first.line
    assert chain.attested.standing.holds is good


def test_the_command_writes_a_proof_that_verifies_elsewhere(
    hub_of_pages: list[Any], hub_reader: Reader, tmp_path: Path
) -> None:
    out = tmp_path / "elsewhere" / "proof.json"
    out.parent.mkdir()
    run = [sys.executable, "-m", "jisr_protocol.reader.cli"]
    record_id = hub_of_pages[300].value["id"]
    command = [*run, "why", record_id, "--in", str(hub_reader.file), "--json", "--proof", str(out)]
    told = subprocess.run(command, capture_output=True, check=True, timeout=60)
    answer = orjson.loads(told.stdout)
    assert (answer["id"], len(answer["inclusion"]["proof"])) == (record_id, 10)
    judged = subprocess.run([*run, "verify", str(out)], capture_output=True, check=True, timeout=60)
    assert record_id in judged.stderr.decode()
    hub_reader.feed.now = datetime.now(UTC)
    hub_reader.feed.publish()
    by_folder = [*run, "why", record_id, "--in", str(hub_reader.feed.folder)]
    assert b"proven by" in subprocess.run(by_folder, capture_output=True, check=True, timeout=60).stdout


def test_the_command_says_what_is_not_there(hub_of_pages: list[Any], hub_reader: Reader) -> None:
    run = [sys.executable, "-m", "jisr_protocol.reader.cli", "why"]
    none = subprocess.run([*run, "nobody", "--in", str(hub_reader.file)], capture_output=True, timeout=60)
    assert (none.returncode, b"no live, verified record" in none.stderr) == (64, True)
