"""Whether a copy holds all of a node: told by the node's own head in the feed, whatever the hub does (NHD-9)."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import orjson
import pytest

from jisr_protocol import evidence
from jisr_protocol.reader.nodes import Standing
from tests.reader.conftest import Reader
from tests.reader.node_heads import Live, live_of, say
from tests.reader.publisher import EPOCH, FeedFolder, Writer


def standing(reader: Reader, node: Writer) -> Standing:
    with reader.open() as copy:
        return next(found for found in copy.nodes() if found.node == node.id)


def synced(hub: FeedFolder, reader: Reader, node: Writer) -> Standing:
    """What a reader knows of the node after a sync that ends verified."""
    hub.publish()
    reader.verified()
    return standing(reader, node)


@pytest.fixture
def node(hub: FeedFolder) -> Writer:
    """A node with four records in the hub's feed, one of them changed, and one deleted."""
    node = hub.welcome(Writer("node"))
    records = [hub.put(by=node) for _ in range(5)]
    hub.put(node.record(id=records[0].value["id"], rev=2))
    hub.add("del", node.tombstone(records[4]))
    return node


def test_all_of_a_node_is_complete_as_of_its_own_head(hub: FeedFolder, hub_reader: Reader, node: Writer) -> None:
    say(hub, node, {}, size=8)
    found = synced(hub, hub_reader, node)
    assert (found.verdict, found.live, found.promised, found.size) == ("complete", 4, 4, 8)
    assert found.as_of in found.sentence


def test_without_a_head_there_is_no_statement(hub: FeedFolder, hub_reader: Reader, node: Writer) -> None:
    found = synced(hub, hub_reader, node)
    assert (found.verdict, found.live, found.as_of) == ("unsaid", 4, "")


def test_what_is_said_to_be_missing_is_counted(hub: FeedFolder, hub_reader: Reader, node: Writer) -> None:
    held = live_of(hub, node)
    further: Live = {record.value["id"]: (1, record.digest) for record in (node.record() for _ in range(3))}
    say(hub, node, {"policy": 2, "held": 1}, size=11, held=held | further)
    found = synced(hub, hub_reader, node)
    assert (found.verdict, found.live, found.promised, found.missing) == ("short", 4, 7, {"policy": 2, "held": 1})
    assert "3 of 7" in found.sentence


def left_out(hub: FeedFolder, node: Writer) -> Live:
    """What the node has: all that the feed holds of it, and one record that the hub leaves out."""
    record = node.record()
    return live_of(hub, node) | {record.value["id"]: (1, record.digest)}


def test_a_record_that_the_hub_leaves_out_is_found_out(hub: FeedFolder, hub_reader: Reader, node: Writer) -> None:
    say(hub, node, {}, size=9, held=left_out(hub, node))
    hub.publish()
    result = hub_reader.verified()
    found = standing(hub_reader, node)
    assert (found.verdict, found.live, found.promised) == ("unmet", 4, 5)
    assert "NHD-6" in found.why
    assert [one.node for one in result.unmet] == [node.id]
    assert "does not add up" in result.sentence
    (kept,) = hub_reader.evidence().values()
    case = evidence.parse(kept)
    assert case.incomplete is not None and len(case.incomplete.records) == 4
    finding = evidence.judge(case)
    assert (finding.kind, finding.by, finding.about) == ("incomplete", hub.writer.id, node.id)
    assert "NOT proven: that the list is all" in finding.sentence


def test_another_record_in_the_place_of_one_is_found_out(hub: FeedFolder, hub_reader: Reader, node: Writer) -> None:
    held = left_out(hub, node)
    held.pop(next(iter(held)))
    say(hub, node, {}, size=9, held=held)
    found = synced(hub, hub_reader, node)
    assert (found.verdict, found.live, found.promised) == ("unmet", 4, 4)
    assert "NHD-7" in found.why


def test_an_older_version_in_the_place_of_the_newest_is_found_out(
    hub: FeedFolder, hub_reader: Reader, node: Writer
) -> None:
    held = live_of(hub, node)
    record_id = next(iter(held))
    say(hub, node, {}, size=9, held=held | {record_id: (3, node.record(id=record_id, rev=3).digest)})
    assert synced(hub, hub_reader, node).verdict == "unmet"


def test_while_the_node_goes_on_nothing_is_called_complete(hub: FeedFolder, hub_reader: Reader, node: Writer) -> None:
    say(hub, node, {}, size=8)
    hub.put(by=node)
    assert synced(hub, hub_reader, node).verdict == "open"
    say(hub, node, {}, size=9)
    assert synced(hub, hub_reader, node).verdict == "complete"


def test_what_does_not_add_up_is_not_hidden_by_a_word_about_another_node(
    hub: FeedFolder, hub_reader: Reader, node: Writer
) -> None:
    say(hub, node, {}, size=9, held=left_out(hub, node))
    hub.put(by=hub.welcome(Writer("other")))
    assert synced(hub, hub_reader, node).verdict == "unmet"


def test_a_refused_record_counts_as_held_by_the_feed(hub: FeedFolder, hub_reader: Reader, node: Writer) -> None:
    hub.put(node.record(key=Writer("thief").key))
    say(hub, node, {}, size=9)
    found = synced(hub, hub_reader, node)
    assert (found.verdict, found.live) == ("complete", 5)


@pytest.mark.parametrize(
    ("what", "code", "changes"),
    [
        ("signed by somebody else", "signature_invalid", {"key": Writer("thief").key}),
        ("of another audience", "audience_mismatch", {"name": "partners"}),
    ],
)
def test_a_head_that_is_not_the_nodes_counts_for_nothing(
    hub: FeedFolder, hub_reader: Reader, node: Writer, what: str, code: str, changes: dict[str, Any]
) -> None:
    seq = say(hub, node, {}, size=8, **changes)
    hub.publish()
    result = hub_reader.verified()
    assert [(refused.seq, refused.code) for refused in result.refused] == [(seq, code)], what
    assert standing(hub_reader, node).verdict == "unsaid"


def test_a_head_that_falls_back_is_refused_and_the_later_one_counts(
    hub: FeedFolder, hub_reader: Reader, node: Writer
) -> None:
    say(hub, node, {}, size=8)
    hub.publish()
    hub_reader.verified()
    seq = say(hub, node, {}, size=7)
    hub.publish()
    result = hub_reader.verified()
    assert [(refused.seq, refused.code) for refused in result.refused] == [(seq, "head_older")]
    found = standing(hub_reader, node)
    assert (found.verdict, found.size) == ("complete", 8)


@pytest.mark.parametrize("between", ["one sync", "two syncs"])
def test_two_heads_of_a_node_that_contradict_each_other_are_kept(
    hub: FeedFolder, hub_reader: Reader, node: Writer, between: str
) -> None:
    say(hub, node, {}, size=8)
    if between == "two syncs":
        hub.publish()
        hub_reader.verified()
    seq = say(hub, node, {}, size=8, log_root=b"x" * 32)
    hub.publish()
    result = hub_reader.verified()
    assert [(refused.seq, refused.code) for refused in result.refused] == [(seq, "fork")]
    (case,) = hub_reader.evidence().values()
    finding = evidence.judge(evidence.parse(case))
    assert (finding.kind, finding.by) == ("fork", node.id)


def test_a_node_in_a_new_epoch_may_have_less(hub: FeedFolder, hub_reader: Reader, node: Writer) -> None:
    say(hub, node, {}, size=8)
    say(hub, node, {}, size=5, minutes=9, epoch="2-bbbbbbbb")
    found = synced(hub, hub_reader, node)
    assert (found.verdict, found.epoch, found.size) == ("complete", "2-bbbbbbbb", 5)
    assert found.epoch != EPOCH


def test_a_snapshot_carries_the_newest_head_of_each_node(hub: FeedFolder, hub_reader: Reader, node: Writer) -> None:
    say(hub, node, {}, size=7)
    say(hub, node, {}, size=8)
    hub.take_snapshot()
    hub.floor = hub.size
    hub.publish()
    assert hub_reader.verified().unproven == hub.size
    found = standing(hub_reader, node)
    assert (found.verdict, found.size) == ("complete", 8)


def test_after_the_hub_lost_its_last_word_the_one_before_is_not_made_up(
    hub: FeedFolder, hub_reader: Reader, node: Writer
) -> None:
    say(hub, node, {}, size=8)
    hub.publish()
    hub_reader.verified()
    hub.new_epoch(hub.size - 1)
    hub.put(by=Writer("node"), id=next(iter(live_of(hub, node))), rev=9)
    assert synced(hub, hub_reader, node).verdict == "unsaid"


def test_a_nodes_own_feed_is_complete_by_its_own_head(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(3)
    found = synced(feed, reader, feed.writer)
    assert (found.verdict, found.live, found.promised) == ("complete", 3, 3)


def test_the_command_lists_every_node(hub: FeedFolder, hub_reader: Reader, node: Writer) -> None:
    say(hub, node, {}, size=8)
    other = hub.welcome(Writer("other"))
    hub.put(by=other)
    hub.publish()
    hub_reader.verified()
    command = [sys.executable, "-m", "jisr_protocol.reader.cli", "nodes", str(hub_reader.file)]
    told = subprocess.run([*command, "--json"], capture_output=True, check=True, timeout=60)
    verdicts = {one["node"]: one["verdict"] for one in orjson.loads(told.stdout)["nodes"]}
    assert verdicts == {node.id: "complete", other.id: "unsaid"}
    people = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.decode()
    assert "complete as of" in people
    assert "no statement of completeness" in people
    assert "1 complete, 1 unsaid" in people
