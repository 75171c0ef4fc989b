"""The node's feeds: gap-free, signed, one for each audience; what leaves an audience leaves it by a tombstone."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_node.adapters.sqlite import SqliteStore
from jisr_node.app import Node
from jisr_node.errors import Contradiction, Unwritable
from jisr_node.export import inventory, pages
from jisr_node.feeds import HEAD_RENEWED, HEAD_VALID
from jisr_protocol import canonical, entry, head, identifiers, live, paths
from jisr_protocol.entry import Entry
from jisr_protocol.live import Order
from jisr_protocol.session import Outcome

from .conftest import NOW, SETTINGS, backup, need, organization, read, seeded, service

DAR = "local:organization/dar"


def entries(node: Node, feed: str = "public") -> list[Entry]:
    held = node.store.feed(feed)
    return [entry.parse(line.raw) for line in node.store.lines(feed, 0, held.size if held else 0)]


def check(node: Node, now: datetime = NOW) -> None:
    """Everything that must hold of a node's feeds at any moment."""
    for feed in node.store.feeds():
        files = dict([*pages(node.store, feed), *inventory(node.store, feed, node.id)])
        files |= {paths.KEYS: dict(node.files())[paths.KEYS], paths.HEAD: feed.head}
        done, judged = read(files, now=now)
        assert done.outcome is Outcome.VERIFIED, done.reason
        assert all(each.refusal is None for each in judged)
        assert judged[0].entry.op == "key"
        held: dict[str, tuple[int, str]] = {}
        for line in (each.entry for each in judged if each.entry.op in ("put", "del")):
            assert line.thing is not None
            assert line.thing.value["audience"] == feed.name, "an entry stands in its audience's feed only"
            assert line.id is not None
            assert line.rev is not None
            assert line.digest is not None
            assert live.order(line.rev, line.digest, *held.get(line.id, (None, None))) is Order.RISES
            held[line.id] = (line.rev, line.digest)
    salts = [
        e.thing.value["salt"]
        for feed in node.store.feeds()
        for e in entries(node, feed.name)
        if e.op != "key" and e.thing
    ]
    assert len(salts) == len(set(salts)), "a salt is never used twice"


def test_a_feed_begins_with_the_nodes_key(node: Node) -> None:
    node.import_drafts([organization(), need()])
    node.publish(now=NOW)
    for feed in ("public", "partners"):
        first = entries(node, feed)[0]
        assert (first.op, first.node) == ("key", node.id)
    check(node)


def test_the_first_publish_signs_a_feed_without_records(node: Node) -> None:
    assert node.publish(now=NOW).entries == {"public": 1}
    check(node)


def test_publishing_twice_is_once(node: Node) -> None:
    node.import_drafts([organization()])
    node.publish(now=NOW)
    before = node.store.feed("public")
    done = node.publish(now=NOW + timedelta(days=1))
    assert (done.count, done.heads) == (0, [])
    assert node.store.feed("public") == before


def test_a_local_record_enters_no_feed(node: Node) -> None:
    node.import_drafts([organization(audience="local")])
    done = node.publish(now=NOW)
    assert (done.local, done.entries) == (1, {"public": 1})
    assert [record["audience"] for record in node.records()] == ["local"]


def test_leaving_the_public_is_a_tombstone_there_with_the_next_rev(node: Node) -> None:
    """Pitfall 18d: a narrowed audience must not strand the old version in public."""
    node.import_drafts([organization()])
    node.publish(now=NOW)
    node.import_drafts([organization(audience="local")])
    node.publish(now=NOW)
    put, tombstone = entries(node)[1:]
    assert (put.op, put.rev, tombstone.op, tombstone.rev) == ("put", 1, "del", 2)
    assert [record["rev"] for record in node.records()] == [3]
    node.import_drafts([organization()])
    node.publish(now=NOW)
    again = entries(node)[3]
    assert (again.op, again.rev) == ("put", 4)
    check(node)


def test_a_move_between_audiences_puts_above_the_tombstone(node: Node) -> None:
    node.import_drafts([organization()])
    node.publish(now=NOW)
    node.import_drafts([organization(audience="partners")])
    done = node.publish(now=NOW)
    assert done.entries == {"public": 1, "partners": 2}
    (tombstone,), (put,) = entries(node)[2:], entries(node, "partners")[1:]
    assert (tombstone.op, tombstone.rev, put.op, put.rev) == ("del", 2, "put", 3)
    public, partners = node.store.live("public"), node.store.live("partners")
    assert (len(public), len(partners)) == (0, 1)
    check(node)


def test_a_deletion_is_a_tombstone_and_the_content_goes(node: Node) -> None:
    node.import_drafts([organization()])
    node.publish(now=NOW)
    record_id = node.delete(DAR)
    node.publish(now=NOW)
    assert entries(node)[-1].op == "del"
    stored = node.store.record(record_id)
    assert stored is not None
    assert stored.content is None
    check(node)


def test_what_was_never_published_is_deleted_without_a_trace(node: Node) -> None:
    node.import_drafts([organization()])
    node.delete(DAR)
    assert node.publish(now=NOW).entries == {"public": 1}


def test_an_ended_record_stays_visible_as_ended(node: Node) -> None:
    node.import_drafts([organization()])
    node.publish(now=NOW)
    node.end(DAR)
    node.publish(now=NOW)
    assert [(r["status"], r["rev"]) for r in node.records()] == [("ended", 2)]


def test_created_stays_and_modified_moves(node: Node) -> None:
    node.import_drafts([organization()])
    node.publish(now=NOW)
    node.end(DAR)
    node.publish(now=NOW + timedelta(days=2))
    (record,) = node.records()
    assert (record["created"], record["modified"]) == ("2026-09-01T12:00:00Z", "2026-09-03T12:00:00Z")


def test_a_head_is_renewed_after_a_third_of_its_life_and_not_before(node: Node) -> None:
    node.publish(now=NOW)
    assert node.renew(now=NOW + HEAD_RENEWED - timedelta(seconds=1)) == []
    assert node.renew(now=NOW + HEAD_RENEWED) == ["public"]
    feed = node.store.feed("public")
    assert feed is not None
    signed = head.parse(feed.head)
    assert signed.expires == NOW + HEAD_RENEWED + HEAD_VALID
    assert signed.size == 1
    check(node, NOW + HEAD_RENEWED)


def test_renewing_publishes_nothing_that_waits(node: Node) -> None:
    node.publish(now=NOW)
    node.import_drafts([organization()])
    node.renew(now=NOW + HEAD_RENEWED)
    assert len(entries(node)) == 1


def test_a_clock_that_goes_back_a_little_does_not_date_a_head_before_the_last(node: Node) -> None:
    node.publish(now=NOW)
    node.import_drafts([organization()])
    node.publish(now=NOW - timedelta(minutes=5))
    feed = node.store.feed("public")
    assert feed is not None
    assert head.parse(feed.head).time >= NOW


def test_two_heads_of_one_second_are_dated_apart(node: Node) -> None:
    """A reader who meets the older one of two with one date takes it for a rollback (READ-3)."""
    node.publish(now=NOW)
    first = head.parse(node.store.feed("public").head)
    node.import_drafts([organization()])
    node.publish(now=NOW + timedelta(milliseconds=600))
    second = head.parse(node.store.feed("public").head)
    assert (second.size > first.size, second.time > first.time) == (True, True)


def test_a_head_dated_by_a_clock_gone_wrong_is_signed_anew_when_it_is_right(node: Node) -> None:
    """Hubs refuse a head from the future (HEAD-5): publishing again has to help, although no record changed."""
    node.publish(now=NOW + timedelta(days=400))
    assert node.publish(now=NOW).heads == ["public"]
    assert head.parse(node.store.feed("public").head).time == NOW
    assert node.publish(now=NOW).heads == [], "and not again and again"


def test_a_database_older_than_the_fence_signs_nothing(node: Node) -> None:
    node.import_drafts([organization()])
    node.publish(now=NOW)
    kept = backup(node)
    node.import_drafts([service()])
    node.publish(now=NOW)
    restored = Node(kept, node.fence, node.identity, folder=None, random_bytes=seeded("later"))
    restored.import_drafts([need()])
    with pytest.raises(Contradiction, match="An older database was put back"):
        restored.publish(now=NOW)
    assert len(entries(restored)) == 2
    assert restored.store.changes() != [], "what waits, waits on"
    assert [advice["code"] for advice in restored.status(now=NOW)["todo"]][:1] == ["contradiction"]
    kept.close()


def test_another_history_of_the_same_size_as_the_fence_signs_nothing(node: Node) -> None:
    node.publish(now=NOW)
    kept = backup(node)
    node.import_drafts([organization()])
    node.publish(now=NOW)
    twin = Node(kept, type(node.fence)(), node.identity, folder=None, random_bytes=seeded("twin"))
    twin.import_drafts([organization(name="توأم")])
    twin.publish(now=NOW)
    twin = Node(kept, node.fence, node.identity, folder=None, random_bytes=seeded("twin"))
    with pytest.raises(Contradiction):
        twin.publish(now=NOW)
    kept.close()


def test_a_fence_that_lags_behind_holds_nothing_up(node: Node) -> None:
    """Dying between commit and fence leaves the fence behind."""
    node.import_drafts([organization()])
    before = node.fence.read()
    node.publish(now=NOW)
    node.fence.write(before)
    node.import_drafts([service()])
    node.publish(now=NOW)
    assert node.fence.read()["public"].size == 3
    check(node)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "end", "delete", "publish"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["public", "partners", "hub", "local"]),
    ),
    max_size=25,
)


@given(STEPS)
def test_whatever_an_author_does_every_feed_stays_sound(steps: list[tuple[str, str, str]]) -> None:
    with Node.in_memory(now=NOW, random_bytes=seeded("steps"), **SETTINGS) as node:
        wanted: dict[str, str] = {}
        for number, (step, which, audience) in enumerate(steps):
            known = which in wanted
            if step == "put":
                node.import_drafts([organization(which, name=f"{which} {number}", audience=audience)])
                wanted[which] = audience
            elif step == "end" and known:
                node.end(f"local:organization/{which}")
            elif step == "delete" and known:
                node.delete(f"local:organization/{which}")
                del wanted[which]
            elif step == "publish":
                node.publish(now=NOW)
                check(node)
        node.publish(now=NOW)
        check(node)
        held = {record["source"]["local_id"]: record["audience"] for record in node.records()}
        assert held == wanted
        for audience in ("public", "partners", "hub"):
            there = {json.loads(_content(node, i))["source"]["local_id"] for i, _, _ in node.store.live(audience)}
            assert there == {which for which, where in wanted.items() if where == audience}


def _content(node: Node, record_id: str) -> bytes:
    stored = node.store.record(record_id)
    assert stored is not None
    assert stored.content is not None
    return stored.content


def test_a_full_disk_leaves_the_old_state_and_a_sentence(folder_node: Node) -> None:
    folder_node.import_drafts([organization()])
    folder_node.publish(now=NOW)
    before = folder_node.store.feed("public")
    assert isinstance(folder_node.store, SqliteStore)
    (pages_,) = folder_node.store._db.execute("PRAGMA page_count").fetchone()
    folder_node.store._db.execute(f"PRAGMA max_page_count = {pages_ + 2}")
    with pytest.raises(Unwritable, match="Nothing of this command was kept"):
        folder_node.import_drafts([service(str(i)) for i in range(500)])
    assert folder_node.store.changes() == []
    assert folder_node.store.feed("public") == before
    folder_node.store._db.execute("PRAGMA max_page_count = 1000000")
    folder_node.import_drafts([service()])
    folder_node.publish(now=NOW)
    check(folder_node)


def test_every_line_is_canonical_and_numbered(node: Node) -> None:
    node.import_drafts([organization(), service()])
    node.publish(now=NOW)
    for seq, line in enumerate(node.store.lines("public", 0, 9)):
        assert canonical.parse(line.raw)["seq"] == seq
        assert canonical.parse(line.raw)["at"] == identifiers.to_instant(NOW)


def test_600_records_make_three_pages_that_verify(node: Node) -> None:
    node.import_drafts([organization(str(i)) for i in range(600)])
    assert node.publish(now=NOW).entries == {"public": 601}
    feed = node.store.feed("public")
    assert feed is not None
    assert [path.rpartition("/")[2] for path, _ in pages(node.store, feed)] == ["000.ndjson", "001.ndjson", "89.ndjson"]
    check(node)
