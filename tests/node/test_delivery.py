"""Delivery: every entry reaches the hub once, whatever is lost on the way; a contradiction stops the signing."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_node.app import Node
from jisr_node.delivery import LEAST_LINES, MOST_CUTS, Pace
from jisr_node.errors import Contradiction, HubRefused, HubUnreachable, Mistaken
from jisr_node.feeds import HEAD_RENEWED
from jisr_protocol import push

from .conftest import NOW, SETTINGS, backup, need, organization, seeded, service
from .fake_hub import FakeHub


def deliver(node: Node, hub: FakeHub, **options: Any) -> Any:
    return asyncio.run(node.push(hub, now=NOW, **options))


def published(node: Node, *drafts: dict[str, Any]) -> None:
    assert node.import_drafts(drafts).refused == []
    node.publish(now=NOW)


def test_everything_published_reaches_the_hub_with_a_receipt(node: Node) -> None:
    hub = FakeHub()
    published(node, organization(), service(), need())
    sent = deliver(node, hub)
    assert [(d.feed, d.next, d.admitted) for d in sent.delivered] == [("public", 3, 3), ("partners", 2, 2)]
    assert len(hub.records()) == 2
    found = node.status(now=NOW)
    assert [d["receipt"]["entries"] for d in found["deliveries"]] == [3, 2]
    assert [d["waiting"] for d in found["deliveries"]] == [0, 0]


def test_delivering_again_pushes_nothing(node: Node) -> None:
    hub = FakeHub()
    published(node, organization())
    deliver(node, hub)
    sent = deliver(node, hub)
    assert len(hub.pushes) == 1
    assert [d.pushes for d in sent.delivered] == [0]


def test_a_lost_answer_costs_nothing_but_a_question(node: Node) -> None:
    hub = FakeHub()
    published(node, organization(), service())
    hub.lose_answers = MOST_CUTS + 1
    with pytest.raises(HubUnreachable):
        deliver(node, hub)
    assert [d["problem"] for d in node.status(now=NOW)["deliveries"]] == ["the line broke"]
    deliver(node, hub)
    assert len(hub.log("public").entries) == 3
    found = node.status(now=NOW)["deliveries"]
    assert [(d["received"], d["problem"]) for d in found] == [(3, None)]
    assert found[0]["receipt"]["entries"] == 3, "the receipt that was lost is asked for again"


def test_a_push_that_is_cut_is_tried_again_with_fewer_lines(node: Node) -> None:
    hub = FakeHub()
    published(node, *(organization(str(i)) for i in range(600)))
    hub.refuse_next = [HubUnreachable("cut"), HubUnreachable("cut")]
    [sent] = deliver(node, hub).delivered
    assert len(hub.log("public").entries) == 601
    assert sent.pushes == 3, "125, then 250, then the rest"


def test_the_pace_halves_on_a_slow_line_and_doubles_on_a_fast_one() -> None:
    pace = Pace()
    for seconds, lines in ((21, 250), (30, 125), (10, 125), (1, 250), (1, 500), (1, 500)):
        pace.passed(seconds)
        assert pace.lines == lines
    assert [pace.cut() for _ in range(MOST_CUTS + 1)] == [True] * MOST_CUTS + [False]
    for _ in range(10):
        pace.cut()
    assert pace.lines == LEAST_LINES


def test_a_lost_answer_does_not_hide_what_the_hub_keeps_back(node: Node) -> None:
    hub = FakeHub()
    hub.keep_back[1] = {"code": "schema_invalid", "pointer": "/record/name", "detail": "too short"}
    published(node, organization(), service())
    hub.lose_answers = MOST_CUTS + 1
    with pytest.raises(HubUnreachable):
        deliver(node, hub)
    deliver(node, hub)
    assert [refused["seq"] for refused in node.status(now=NOW)["refused"]] == [1]


def test_a_long_feed_goes_in_pushes_of_at_most_500_entries(node: Node) -> None:
    hub = FakeHub()
    published(node, *(organization(str(i)) for i in range(1100)))
    sent = deliver(node, hub)
    assert [push.parse(body).end - push.parse(body).start for body in hub.pushes] == [500, 500, 101]
    assert sent.delivered[0].next == 1101


def test_large_records_go_in_pushes_of_at_most_a_mebibyte(node: Node) -> None:
    hub = FakeHub()
    # incompressible only in name: what counts is the inflated size
    published(node, *(organization(str(i), extra="x" * 60_000) for i in range(40)))
    deliver(node, hub)
    assert len(hub.pushes) == 3
    assert len(hub.records()) == 40


def test_a_push_goes_on_where_a_hub_that_lost_its_end_stands(node: Node) -> None:
    """The hub's own word where it stands wins over what the node remembers."""
    hub = FakeHub()
    published(node, *(organization(str(i)) for i in range(600)))
    deliver(node, hub)
    hub.logs.clear()
    deliver(node, hub)
    assert len(hub.log("public").entries) == 601


def test_a_feed_whose_state_is_restricted_goes_on_from_the_last_answer(node: Node) -> None:
    hub = FakeHub()
    hub.restricted = {"partners"}
    published(node, organization(), need("a"))
    deliver(node, hub)
    published(node, need("b"))
    deliver(node, hub)
    assert [push.parse(body).start for body in hub.pushes if push.parse(body).head.name == "partners"] == [0, 2]
    hub.logs.pop("partners")
    published(node, need("c"))
    deliver(node, hub)
    assert len(hub.log("partners").entries) == 4, "a gap is answered with where to resume"


def test_a_renewed_head_reaches_the_hub_without_lines(node: Node) -> None:
    hub = FakeHub()
    published(node, organization())
    deliver(node, hub)
    hub.now = NOW + HEAD_RENEWED
    node.renew(now=NOW + HEAD_RENEWED)
    asyncio.run(node.push(hub, now=NOW + HEAD_RENEWED))
    last = push.parse(hub.pushes[-1])
    assert (last.start, last.end) == (2, 2)
    held = hub.log("public").held.head
    assert held is not None
    assert held.time == NOW + HEAD_RENEWED
    asyncio.run(node.push(hub, now=NOW + HEAD_RENEWED))
    assert len(hub.pushes) == 2


def test_an_entry_kept_back_is_shown_with_its_reason_until_it_is_mended(node: Node) -> None:
    hub = FakeHub()
    hub.keep_back[1] = {"code": "schema_invalid", "pointer": "/record/name", "detail": "too short"}
    published(node, organization(), service())
    sent = deliver(node, hub)
    assert [q.seq for q in sent.delivered[0].quarantined] == [1]
    found = node.status(now=NOW)
    (refused,) = found["refused"]
    assert (refused["name"], refused["code"], refused["pointer"]) == (
        "جمعية دار الشباب", "schema_invalid", "/record/name",
    )  # fmt: skip
    assert [advice["code"] for advice in found["todo"]] == ["refused"]
    published(node, organization(name="اسم أطول"))
    deliver(node, hub)
    assert node.status(now=NOW)["refused"] == []
    assert node.status(now=NOW)["todo"] == []


def test_a_hub_that_holds_more_stops_the_signing_until_it_agrees_again(node: Node) -> None:
    """Pitfall 7: a node restored from a backup must not say other things at positions it has used."""
    hub = FakeHub()
    published(node, organization())
    deliver(node, hub)
    kept, fence = backup(node), node.fence.read()
    published(node, service())
    deliver(node, hub)
    newest = backup(node)
    old = Node(kept, node.fence, node.identity, folder=None, random_bytes=seeded("restored"))
    old.fence.write(fence)
    with pytest.raises(Contradiction, match="it holds 3 entries of the feed public, this folder 2"):
        deliver(old, hub)
    old.import_drafts([need()])
    with pytest.raises(Contradiction):
        old.publish(now=NOW)
    assert old.status(now=NOW)["todo"][0]["code"] == "contradiction"
    right = Node(newest, node.fence, node.identity, folder=None, random_bytes=seeded("right"))
    deliver(right, hub)
    right.publish(now=NOW)
    kept.close()
    newest.close()


def test_sync_asks_the_hub_before_it_signs(node: Node) -> None:
    hub = FakeHub()
    published(node, organization())
    kept, fence = backup(node), node.fence.read()
    published(node, service())
    deliver(node, hub)
    old = Node(kept, node.fence, node.identity, folder=None, random_bytes=seeded("restored"))
    old.fence.write(fence)
    old.import_drafts([need()])
    with pytest.raises(Contradiction):
        asyncio.run(old.sync(hub, now=NOW))
    assert [feed.name for feed in old.store.feeds()] == ["public"], "nothing was signed"
    kept.close()


def a_twin_signs_other_lines(node: Node, hub: FakeHub) -> None:
    """A copy of the node's store, restored elsewhere, signs and delivers; then the node signs something else."""
    published(node, organization())
    twin_store = backup(node)
    twin = Node(twin_store, type(node.fence)(), node.identity, folder=None, random_bytes=seeded("twin"))
    published(twin, service())
    deliver(twin, hub)
    twin_store.close()
    published(node, service("other"))


def test_other_lines_at_the_hub_stop_the_signing(node: Node) -> None:
    hub = FakeHub()
    a_twin_signs_other_lines(node, hub)
    with pytest.raises(Contradiction, match="its first 3 entries of the feed public are not those held here"):
        deliver(node, hub)


def test_other_lines_in_a_feed_without_state_stop_the_signing_too(node: Node) -> None:
    hub = FakeHub()
    hub.restricted = {"public"}
    a_twin_signs_other_lines(node, hub)
    with pytest.raises(Contradiction, match="feed_fork"):
        deliver(node, hub)


def test_a_hub_that_agrees_again_holds_up_nothing(node: Node) -> None:
    """The hub's word is not signed: it may hold signing up, but not for ever."""
    hub = FakeHub()
    published(node, organization())
    deliver(node, hub)
    held = hub.logs["public"]
    liar = FakeHub()
    liar.logs["public"] = held

    async def more(node_id: str, feed: str) -> bytes:
        return orjson.dumps({"epoch": held.held.epoch, "next": 99, "log_root": "00" * 32})

    liar.log_state = more  # this hub lies
    with pytest.raises(Contradiction):
        deliver(node, liar)
    deliver(node, hub)
    published(node, service())


def test_a_hubs_words_cannot_command_a_terminal(node: Node) -> None:
    hub = FakeHub()
    hub.keep_back[1] = {"code": "x\x1b[2J", "pointer": "/a\u202eb", "detail": "first\nsecond " + "long " * 999}
    published(node, organization())
    deliver(node, hub)
    (refused,) = node.status(now=NOW)["refused"]
    assert (refused["code"], refused["pointer"]) == ("x·[2J", "/a·b")
    assert refused["detail"].startswith("first second long")
    assert len(refused["detail"]) == 500


def test_another_hub_at_the_known_address_gets_nothing(node: Node) -> None:
    hub = FakeHub()
    published(node, organization())
    deliver(node, hub)
    published(node, service())
    stranger = FakeHub(b"s" * 32)
    with pytest.raises(HubRefused, match="not those of the hub this node knows"):
        deliver(node, stranger)
    assert stranger.pushes == []


def test_a_hub_other_than_the_one_named_at_init_gets_nothing() -> None:
    right, wrong = FakeHub(), FakeHub(b"w" * 32)
    settings = {**SETTINGS, "hub": right.address, "hub_id": right.ring.id}
    with Node.in_memory(now=NOW, random_bytes=seeded("named"), **settings) as node:
        published(node, organization())
        with pytest.raises(HubRefused):
            deliver(node, wrong)
        deliver(node, right)


@pytest.mark.parametrize(
    "bend",
    [
        {"receipt": None},
        {"receipt": {}},
        {"next": 2},
        {"next": -1},
        {"next": "3"},
        {"next": None},
        {"quarantined": [{"seq": 2**63, "code": "x"}]},
    ],
    ids=str,
)
def test_an_answer_without_a_receipt_that_holds_is_no_delivery(node: Node, bend: dict[str, Any]) -> None:
    hub = FakeHub()
    hub.bend = lambda answer: {**answer, **bend}
    published(node, organization(), service())
    with pytest.raises(HubRefused):
        deliver(node, hub)
    (found,) = node.status(now=NOW)["deliveries"]
    assert (found["received"], found["receipt"]) == (0, None)
    assert "safe here" in found["problem"] or "Nothing is lost" in found["problem"]


@pytest.mark.parametrize("size", [4, 10**9])
def test_a_hub_that_claims_more_than_was_sent_is_a_contradiction(node: Node, size: int) -> None:
    hub = FakeHub()
    hub.bend = lambda answer: {**answer, "next": size}
    published(node, organization(), service())
    with pytest.raises(Contradiction):
        deliver(node, hub)


def test_a_receipt_of_another_hub_is_no_receipt(node: Node) -> None:
    hub, other = FakeHub(), FakeHub(b"o" * 32)
    published(node, organization())
    body = node.next_push("public", 0)
    assert body is not None
    node.meet(hub.address, asyncio.run(hub.keys()))
    with pytest.raises(HubRefused, match="without a receipt that holds"):
        node.take_answer(hub.address, "public", other.take(node.id, "public", body), now=NOW)


@given(
    st.binary(max_size=80)
    | st.builds(orjson.dumps, st.dictionaries(st.sampled_from(["next", "receipt"]), st.integers(-9, 9)))
)
def test_no_answer_does_anything_but_be_taken_or_refused(answer: bytes) -> None:
    with Node.in_memory(now=NOW, random_bytes=seeded("answers"), **SETTINGS) as node:
        hub = FakeHub()
        published(node, organization())
        node.meet(hub.address, asyncio.run(hub.keys()))
        for take in (node.take_state, node.take_answer):
            with pytest.raises((HubRefused, Contradiction)):
                take(hub.address, "public", answer)


def test_a_short_wait_is_waited(node: Node) -> None:
    hub = FakeHub()
    hub.refuse_next = [HubUnreachable("busy", retry_after=0.0), HubUnreachable("busy", retry_after=0.01)]
    published(node, organization())
    deliver(node, hub)
    assert len(hub.log("public").entries) == 2


def test_a_long_wait_is_for_later(node: Node) -> None:
    hub = FakeHub()
    hub.refuse_next = [HubUnreachable("quota", retry_after=900.0)]
    published(node, organization())
    with pytest.raises(HubUnreachable) as raised:
        deliver(node, hub)
    assert raised.value.retry_after == 900.0


def test_one_feed_that_fails_does_not_keep_the_others_back(node: Node) -> None:
    hub = FakeHub()
    hub.refuse_next = [HubRefused("policy_refused", "no")]
    published(node, organization(), need())
    sent = asyncio.run(node.attempt(hub, now=NOW))
    assert [feed for feed, _ in sent.errors] == ["public"]
    assert [d.feed for d in sent.delivered] == ["partners"]


def test_without_a_hub_there_is_nowhere_to_push(node: Node) -> None:
    with pytest.raises(Mistaken, match="knows no hub"):
        asyncio.run(node.push())


@given(st.lists(st.sampled_from(["write", "publish", "push", "lose", "restart", "hub restart"]), max_size=30))
def test_whatever_is_lost_the_hub_ends_with_what_was_published(steps: list[str]) -> None:
    with Node.in_memory(now=NOW, random_bytes=seeded("lossy"), **SETTINGS) as node:
        hub, numbers = FakeHub(), itertools.count()
        for step in [*steps, "publish", "push"]:
            if step == "write":
                node.import_drafts([organization(str(next(numbers)))])
            elif step == "publish":
                node.publish(now=NOW)
            elif step == "restart":
                node = node.reopened()
            elif step == "hub restart":
                hub.logs.clear()
            elif node.store.feeds():
                hub.lose_answers = int(step == "lose")
                try:
                    deliver(node, hub)
                except HubUnreachable:
                    assert step == "lose"
        assert {r["id"] for r in hub.records().values()} == {r["id"] for r in node.records()}
        feed = node.store.feed("public")
        assert feed is not None
        assert hub.log("public").held.frontier.size == feed.size


def test_a_head_dated_later_than_the_hubs_clock_is_refused_with_advice(node: Node) -> None:
    hub = FakeHub()
    hub.now = NOW - timedelta(hours=2)
    published(node, organization())
    with pytest.raises(HubRefused) as raised:
        deliver(node, hub)
    assert raised.value.code == "clock_skew"


def test_a_head_refused_for_its_date_is_signed_anew_when_the_clock_is_right(node: Node) -> None:
    """The answer that would have told what the hub has was lost, and then the battery of the clock was empty."""
    hub = FakeHub()
    node.import_drafts([organization()])
    node.publish(now=NOW)
    hub.lose_answers = MOST_CUTS + 1
    with pytest.raises(HubUnreachable):
        deliver(node, hub)
    node.import_drafts([organization("later")])
    node.publish(now=NOW - timedelta(hours=30))
    with pytest.raises(HubRefused) as raised:
        deliver(node, hub)
    assert raised.value.code == "head_older"
    assert node.publish(now=NOW + timedelta(hours=1)).heads == ["public"], "although nothing else has changed"
    hub.now = NOW + timedelta(hours=1)
    deliver(node, hub)
    assert {record["id"] for record in hub.records().values()} == {record["id"] for record in node.records()}
