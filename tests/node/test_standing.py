"""Where a record stands at a hub: what the receipts cover, and not more."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from jisr_node.app import Node

from .conftest import NOW, organization, service
from .fake_hub import FakeHub

LATER = NOW + timedelta(hours=1)


def hubs(node: Node, which: str = "local:organization/dar") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = node.show(which)["hubs"]
    return rows


def pushed(node: Node) -> FakeHub:
    hub = FakeHub()
    node.import_drafts([organization(), service()])
    node.publish(now=NOW)
    asyncio.run(node.push(hub, now=NOW))
    hub.now = LATER
    return hub


def test_before_a_delivery_nothing_is_known(node: Node) -> None:
    node.import_drafts([organization()])
    assert hubs(node) == []
    node.publish(now=NOW)
    assert hubs(node) == []


def test_a_newer_version_waits_and_the_older_one_stays_known(node: Node) -> None:
    hub = pushed(node)
    node.import_drafts([organization(name="اسم آخر")])
    assert hubs(node)[0]["state"] == "accepted", "a change that is not signed yet was sent nowhere"
    node.publish(now=LATER)
    (row,) = hubs(node)
    assert (row["state"], row["seq"], row["rev"]) == ("waiting", 3, 2)
    assert row["held"] == {"seq": 1, "op": "put", "rev": 1}
    assert hubs(node, "local:service/lessons")[0]["state"] == "accepted"
    asyncio.run(node.push(hub, now=LATER))
    (row,) = hubs(node)
    assert (row["state"], row["held"]["rev"], row["receipt"]["entries"]) == ("accepted", 2, 4)


def test_a_deletion_that_arrived_is_told_as_one(node: Node) -> None:
    hub = pushed(node)
    node.delete("local:service/lessons")
    node.publish(now=LATER)
    asyncio.run(node.push(hub, now=LATER))
    (row,) = hubs(node, "local:service/lessons")
    assert (row["state"], row["op"], row["seq"]) == ("accepted", "del", 3)


def test_an_erasure_is_told_as_one_and_nothing_that_it_emptied(node: Node) -> None:
    hub = pushed(node)
    record_id = node.find("local:organization/dar")
    node.erase(record_id, now=LATER)
    (row,) = hubs(node, record_id)
    assert (row["state"], row["op"], row["held"]) == ("waiting", "erase", None)
    asyncio.run(node.push(hub, now=LATER))
    assert [(row["state"], row["op"]) for row in hubs(node, record_id)] == [("accepted", "erase")]


def test_a_receipt_of_another_life_of_the_feed_proves_nothing(node: Node) -> None:
    pushed(node)
    feed = node.store.feed("public")
    assert feed is not None
    object.__setattr__(feed, "epoch", "2-aaaaaaaa")
    with node.store.transaction():
        node.store.put_feed(feed)
    (row,) = hubs(node)
    assert (row["state"], row["held"]) == ("waiting", None)
    assert row["receipt"]["entries"] == 3, "that the hub once signed it is still told"
