"""What was erased is gone from the copy, its proofs hold, and it does not come back; a page written again is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jisr_protocol import entry, envelope, generations, paths
from jisr_protocol.reader.store import Copy
from jisr_protocol.session import Outcome
from tests.reader.conftest import Reader
from tests.reader.publisher import FeedFolder, Writer
from tests.reader.server import FeedServer
from tests.reader.test_outcomes import ends

# Generations


def test_a_page_that_was_written_again_is_read_under_its_generation(feed: FeedFolder, reader: Reader) -> None:
    records = feed.puts(600)
    feed.publish()
    feed.erase(records[3])
    feed.erase(records[599])
    feed.publish()
    assert not (feed.folder / paths.page(feed.epoch, 0)).exists()
    with FeedServer(feed.folder) as server:
        reader.verified(server.address, allow_private=True)
        asked = set(server.asked)
    assert {paths.page(feed.epoch, 0, 256, 2), paths.page(feed.epoch, 1), paths.page(feed.epoch, 2, 91, 2)} <= asked
    assert {records[3].value["id"], records[599].value["id"]}.isdisjoint(reader.records())


def test_a_page_written_again_and_again_is_read_under_its_last(feed: FeedFolder, reader: Reader) -> None:
    records = feed.puts(3)
    for record in records:
        feed.erase(record)
    feed.publish()
    assert feed.generations == {0: 4}
    assert reader.verified().live == 0


def test_without_new_entries_no_generations_are_fetched(feed: FeedFolder, reader: Reader) -> None:
    feed.erase(feed.put())
    feed.publish()
    reader.verified()
    assert reader.verified().requests == 1


def test_who_read_before_the_erasure_goes_on_and_lets_the_content_go(feed: FeedFolder, reader: Reader) -> None:
    record = feed.put(note="to be forgotten")
    feed.puts(300)
    feed.publish()
    reader.verified()
    feed.erase(record)
    feed.publish()
    assert reader.verified().applied == 1
    assert b"to be forgotten" not in reader.file.read_bytes()


Bent = Callable[[FeedFolder, str], None]


@pytest.mark.parametrize(
    ("bend", "rule", "code"),
    [
        (lambda feed, path: feed.write(path, b'{"pages":{"0":3}}\n'), "PAGE-5", "hash_mismatch"),
        (lambda feed, path: (feed.folder / path).unlink(), "PAGE-1", "page_missing"),
        (lambda feed, _: (feed.folder / paths.page(feed.epoch, 0, feed.size, 2)).unlink(), "PAGE-1", "page_missing"),
    ],
)
def test_generations_that_lie_are_found(feed: FeedFolder, reader: Reader, bend: Bent, rule: str, code: str) -> None:
    feed.erase(feed.put())
    feed.publish()
    bend(feed, generations.named(generations.write(feed.generations))["path"])
    ends(reader.follow(), Outcome.BROKEN, rule, code)


@pytest.mark.parametrize("pages", [b'{"pages":{"0":1}}', b'{"pages":{"00":2}}', b'{"pages":[2]}', b'{"pages":{"x":2}}'])
def test_generations_of_another_form_are_refused(feed: FeedFolder, reader: Reader, pages: bytes) -> None:
    feed.puts(3)
    content = pages + b"\n"
    feed.write(generations.named(content)["path"], content)
    feed.publish(gens=generations.named(content))
    ends(reader.follow(), Outcome.BROKEN, "PAGE-6", "malformed")


def test_a_stub_under_a_generation_still_needs_its_cause(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(3)
    feed.stub(2)
    feed.generations = {0: 2}
    feed.publish()
    ends(reader.follow(), Outcome.BROKEN, "ENT-7", "stub_without_cause")


# Guards


def test_what_was_erased_does_not_come_back_and_a_higher_rev_does(feed: FeedFolder, reader: Reader) -> None:
    record = feed.put(note="to be forgotten")
    feed.erase(record)
    feed.publish()
    reader.verified()
    feed.put(record)
    feed.publish()
    result = reader.verified()
    assert [(r.rule, r.code) for r in result.refused] == [("READ-13", "erased")]
    assert reader.statuses() == {record.value["id"]: "erased"}
    assert reader.records() == {}
    assert b"to be forgotten" not in reader.file.read_bytes()
    feed.put(id=record.value["id"], rev=2)
    feed.publish()
    assert reader.verified().refused_live == 0
    assert reader.records()[record.value["id"]].rev == 2


@pytest.mark.parametrize("at_once", [True, False])
def test_an_erasure_of_what_was_never_here_keeps_it_out(feed: FeedFolder, reader: Reader, at_once: bool) -> None:
    unknown = feed.writer.record()
    feed.erase(unknown)
    if not at_once:
        feed.publish()
        reader.verified()
    feed.put(unknown)
    feed.publish()
    reader.verified()
    assert reader.statuses() == {unknown.value["id"]: "erased"}


def test_the_furthest_of_several_erasures_binds(feed: FeedFolder, reader: Reader) -> None:
    record = feed.put(rev=9)
    feed.erase(record, max_rev=9)
    feed.erase(record, max_rev=3)
    feed.put(id=record.value["id"], rev=5)
    feed.publish()
    reader.verified()
    assert reader.statuses() == {record.value["id"]: "erased"}


def test_what_is_held_back_comes_again_after_an_unhold_only(feed: FeedFolder, reader: Reader) -> None:
    record = feed.put()
    target = record.value["id"]
    feed.add("hold", feed.writer.notice("hold"), target=target)
    feed.put(record)
    feed.publish()
    reader.verified()
    assert reader.statuses() == {target: "erased"}
    feed.add("unhold", feed.writer.notice("unhold"), target=target)
    feed.put(record)
    feed.publish()
    reader.verified()
    assert reader.records()[target].raw == record.body


def test_an_unhold_lifts_no_erasure(feed: FeedFolder, reader: Reader) -> None:
    record = feed.put()
    feed.erase(record)
    feed.add("unhold", feed.writer.notice("unhold"), target="*")
    feed.put(record)
    feed.publish()
    reader.verified()
    assert reader.statuses() == {record.value["id"]: "erased"}


def test_a_guard_stays_when_the_log_begins_anew(feed: FeedFolder, reader: Reader) -> None:
    """A publisher that restored a backup from before the erasure offers it again: it is not shown."""
    record = feed.put(note="to be forgotten")
    feed.fill(300)
    backup = list(feed.lines)
    feed.erase(record)
    feed.publish()
    reader.verified()
    feed.lines, feed.generations, feed.epoch = backup, {}, "2-bbbbbbbb"
    feed.publish()
    reader.verified()
    assert reader.statuses()[record.value["id"]] == "erased"
    assert record.value["id"] not in reader.records()
    assert b"to be forgotten" not in reader.file.read_bytes()


def test_erasures_of_one_node_bind_no_other(hub: FeedFolder, hub_reader: Reader) -> None:
    first, second = hub.welcome(Writer("first")), hub.welcome(Writer("second"))
    hub.add("erase", first.notice("erase"), target="*")
    kept, refused = hub.put(by=second), hub.put(by=first)
    hub.publish()
    hub_reader.verified()
    assert set(hub_reader.records()) == {kept.value["id"]}
    assert hub_reader.statuses()[refused.value["id"]] == "erased"


def test_a_notice_that_its_signer_did_not_sign_takes_out_and_keeps_nothing_out(
    hub: FeedFolder, hub_reader: Reader
) -> None:
    """READ-13: the publisher may take anything out of its feed, but not keep it out of ours in another's name."""
    writer, thief = hub.welcome(Writer("node")), Writer("thief")
    record = hub.put(by=writer)
    forged = thief.notice("erase").value | {"by": writer.id, "node": writer.id}
    hub.add("erase", envelope.sealed("notice", forged, thief.key), target="*")
    hub.publish()
    result = hub_reader.verified()
    assert [(r.op, r.code) for r in result.refused] == [("erase", "key_unknown")]
    assert hub_reader.records() == {}
    hub.put(record)
    hub.publish()
    hub_reader.verified()
    assert set(hub_reader.records()) == {record.value["id"]}


# What a hub does with its copies of peers


def test_a_hub_takes_content_out_of_its_copy_before_the_peer_does(hub: FeedFolder, hub_reader: Reader) -> None:
    writer = hub.welcome(Writer("node"))
    gone, stays = hub.put(by=writer, note="to be forgotten"), hub.put(by=writer, note="to be kept")
    hub.publish()
    hub_reader.verified()
    with hub_reader.open() as copy:
        root = copy.state_root
    with Copy(hub_reader.file, create=True) as copy:
        assert copy.erase((writer.id, gone.value["id"], 1)) == 1
        assert copy.erase((writer.id, gone.value["id"], 1)) == 0
        assert b"to be forgotten" not in b"".join(p.read_bytes() for p in hub_reader.file.parent.glob("hub-copy*"))
        assert (copy.recomputed_root(), copy.state_root) == ((root, 2), root)
        assert copy.line_without_record() is None
        assert [(r.code, r.rule, r.id) for r in copy.refusals()] == [("erased", "READ-13", gone.value["id"])]
    assert set(hub_reader.records()) == {stays.value["id"]}
    hub.put(gone)
    hub.publish()
    assert hub_reader.verified().refused_live == 1
    assert b"to be forgotten" not in hub_reader.file.read_bytes()
    hub.put(writer.record(id=gone.value["id"], rev=2))
    hub.publish()
    assert hub_reader.verified().refused_live == 0


def test_an_erasure_up_to_a_rev_leaves_what_is_above_it(hub: FeedFolder, hub_reader: Reader) -> None:
    writer = hub.welcome(Writer("node"))
    record = hub.put(by=writer, rev=5)
    hub.publish()
    hub_reader.verified()
    with Copy(hub_reader.file, create=True) as copy:
        assert copy.erase((writer.id, "*", 4)) == 0
        assert copy.erase((writer.id, "*", None)) == 1
    assert hub_reader.statuses() == {record.value["id"]: "erased"}


def test_changes_bring_the_signed_notices_to_a_hub_that_asks(hub: FeedFolder, hub_reader: Reader) -> None:
    writer = hub.welcome(Writer("node"))
    record = hub.put(by=writer)
    notice = writer.notice("erase", max_rev=1, ids=[record.value["id"]])
    via = b'[{"by":"%b","epoch":"1-aaaaaaaa","seq":3}]' % writer.id.encode()
    seq = hub.add("erase", notice, target=record.value["id"], src=("public", "1-aaaaaaaa", 7), via=via)
    hub.add("hold", writer.notice("hold"), target="*")
    hub.publish()
    hub_reader.verified()
    with hub_reader.open() as copy:
        plain = [(change.op, change.envelope) for change in copy.changes(seq - 1)]
        assert plain == [("erase", None)]
        erase, gone, hold = copy.changes(seq - 1, notices=True)
    assert (erase.op, erase.id, erase.rev, erase.envelope) == ("erase", record.value["id"], 1, notice)
    line = entry.write("erase", notice, seq=seq, at=erase.at, src=erase.src, via=erase.via, target=erase.id)
    assert line == hub.lines[seq]
    assert (gone.op, gone.id, gone.raw) == ("erase", record.value["id"], b"")
    assert (hold.op, hold.id, hold.rev) == ("hold", "*", None)
