"""One writer per record: its rev rises, and an equal rev is the same bytes."""

from __future__ import annotations

import pytest

from jisr_protocol import evidence
from jisr_protocol.refusal import switched_off
from tests.reader.conftest import Reader
from tests.reader.publisher import FeedFolder


@pytest.mark.parametrize("at_once", [True, False])
def test_a_rev_that_does_not_rise_is_refused_and_the_newest_stays(
    feed: FeedFolder, reader: Reader, at_once: bool
) -> None:
    first = feed.put()
    second = feed.edit(first)
    if not at_once:
        feed.publish()
        reader.verified()
    feed.put(first)
    feed.publish()
    result = reader.verified()
    assert [(r.rule, r.code) for r in result.refused] == [("READ-7", "rev_not_increasing")]
    assert reader.statuses() == {first.value["id"]: "rev_not_increasing"}
    assert reader.records()[first.value["id"]].raw == second.body


def test_a_deleted_record_does_not_rise_again_below_its_tombstone(feed: FeedFolder, reader: Reader) -> None:
    record = feed.put()
    feed.delete(record)
    feed.publish()
    reader.verified()
    feed.put(record)
    feed.publish()
    reader.verified()
    assert reader.statuses() == {record.value["id"]: "rev_not_increasing"}
    assert reader.records() == {}
    feed.put(id=record.value["id"], rev=3)
    feed.publish()
    reader.verified()
    assert reader.statuses() == {record.value["id"]: "verified"}


def test_an_old_tombstone_is_refused_but_the_record_is_gone_from_this_feed(feed: FeedFolder, reader: Reader) -> None:
    record = feed.put(rev=5)
    feed.delete(record, rev=3)
    feed.publish()
    result = reader.verified()
    assert [(r.op, r.rule) for r in result.refused] == [("del", "READ-7")]
    assert reader.records() == {}
    feed.put(record)
    feed.publish()
    reader.verified()
    assert reader.records()[record.value["id"]].raw == record.body


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("at_once", [True, False])
def test_two_contents_of_one_rev_are_kept_and_every_reader_shows_the_same(
    feed: FeedFolder, reader: Reader, order: tuple[int, int], at_once: bool
) -> None:
    first = feed.writer.record()
    pair = [first, feed.writer.record(id=first.value["id"], note="the other")]
    pair = [pair[i] for i in order]
    feed.put(pair[0])
    if not at_once:
        feed.publish()
        reader.verified()
    feed.put(pair[1])
    feed.publish()
    result = reader.verified()
    assert [(r.rule, r.code) for r in result.refused] == [("READ-8", "equivocation")]
    shown = reader.records()[first.value["id"]]
    assert shown.raw == min(pair, key=lambda thing: thing.digest).body
    assert shown.disputed
    assert reader.statuses() == {first.value["id"]: "equivocation"}
    [case] = reader.cases()
    assert {thing.raw for thing in pair} == {thing.raw for thing in case.said}
    assert evidence.judge(case).about == first.value["id"]
    # a higher rev ends the dispute
    feed.put(id=first.value["id"], rev=2)
    feed.publish()
    reader.verified()
    assert reader.statuses() == {first.value["id"]: "verified"}
    assert not reader.records()[first.value["id"]].disputed


def test_the_same_bytes_again_are_no_dispute(feed: FeedFolder, reader: Reader) -> None:
    record = feed.put()
    feed.put(record)
    feed.publish()
    assert reader.verified().refused == []
    assert reader.evidence() == {}


def test_a_higher_rev_that_is_refused_leaves_the_older_one_shown(feed: FeedFolder, reader: Reader) -> None:
    record = feed.put()
    feed.put(id=record.value["id"], rev=2, crit=["org.example.new"])
    feed.publish()
    reader.verified()
    assert reader.statuses() == {record.value["id"]: "crit_unknown"}
    assert reader.records()[record.value["id"]].raw == record.body
    good = feed.put(id=record.value["id"], rev=3)
    feed.publish()
    assert reader.verified().refused_live == 0
    assert reader.records()[record.value["id"]].raw == good.body
    with reader.open() as copy:
        assert list(copy.refusals()) == []


@pytest.mark.parametrize("rule", ["READ-7", "READ-8"])
def test_without_the_rule_the_old_record_would_be_back(feed: FeedFolder, reader: Reader, rule: str) -> None:
    """The check is what does it: switched off, the replay and the second content pass."""
    first = feed.put(rev=2)
    feed.put(id=first.value["id"], rev=1 if rule == "READ-7" else 2, note="again")
    feed.publish()
    with switched_off(rule):
        reader.verified()
    assert reader.statuses() == {first.value["id"]: "verified"}


def test_an_erasure_takes_out_what_it_names_up_to_its_rev(feed: FeedFolder, reader: Reader) -> None:
    low, high, other = feed.put(), feed.put(rev=5), feed.put()
    feed.publish()
    reader.verified()
    feed.add("erase", feed.writer.notice("erase", max_rev=2), target=low.value["id"])
    feed.add("erase", feed.writer.notice("erase", max_rev=2), target=high.value["id"])
    feed.publish()
    reader.verified()
    assert set(reader.records()) == {high.value["id"], other.value["id"]}
    feed.add("hold", feed.writer.notice("hold", max_rev=3), target="*")
    feed.publish()
    reader.verified()
    assert set(reader.records()) == {high.value["id"]}


def test_an_erasure_of_a_whole_node_leaves_nothing_of_it_in_the_file(hub: FeedFolder, hub_reader: Reader) -> None:
    from tests.reader.publisher import Writer

    gone, stays = hub.welcome(Writer("gone")), hub.welcome(Writer("stays"))
    for number in range(700):
        hub.put(by=gone, note=f"to be forgotten {number}")
    kept = hub.put(by=stays, note="to be kept")
    hub.publish()
    hub_reader.verified()
    assert b"to be forgotten" in hub_reader.file.read_bytes()
    hub.add("erase", gone.notice("erase"), target="*")
    hub.publish()
    assert hub_reader.verified().live == 1
    assert set(hub_reader.records()) == {kept.value["id"]}
    raw = hub_reader.file.read_bytes()
    assert b"to be forgotten" not in raw
    assert b"to be kept" in raw
