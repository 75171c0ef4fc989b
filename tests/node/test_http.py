"""Delivery over real HTTP, through the one guarded client: what is sent, and what each answer comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jisr_node.app import Node
from jisr_node.errors import HubRefused, HubUnreachable

from .conftest import NOW, SETTINGS, backup, organization, seeded, service
from .fake_hub import FakeHub
from .hub_server import HubServer


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer(FakeHub()) as running:
        yield running


@pytest.fixture
def sender(server: HubServer, tmp_path: Path) -> Iterator[Node]:
    settings = {**SETTINGS, "hub": server.address, "allow_private": True}
    with Node.init(tmp_path / "n", now=NOW, random_bytes=seeded("sender"), **settings) as node:
        node.import_drafts([organization(), service()])
        node.publish(now=NOW)
        yield node


def test_a_push_goes_compressed_to_the_address_of_the_feed(sender: Node, server: HubServer) -> None:
    sent = asyncio.run(sender.push(now=NOW))
    assert [(d.feed, d.next, d.admitted) for d in sent.delivered] == [("public", 3, 3)]
    log = f"/v1/nodes/{sender.id}/feeds/public/log"
    assert [(method, path) for method, path, _ in server.seen] == [
        ("GET", "/keys.json"),
        ("GET", f"{log}/state"),
        ("POST", log),
    ]
    headers = server.seen[-1][2]
    assert headers["content-type"] == "application/vnd.jisr.push+ndjson"
    assert headers["content-encoding"] == "zstd"
    assert headers["jisr-version"] == "1"
    assert len(server.hub.records()) == 2


PROBLEMS: list[tuple[int, str, str]] = [
    (403, "not_admitted", "Send the hub's operator the file keys.json"),
    (409, "head_older", "Check the clock"),
    (404, "not_found", "Check the hub's address"),
    (422, "proof_invalid", "Merkle proof"),
    (400, "some_new_code", "Nothing is lost"),
]


@pytest.mark.parametrize(("status", "code", "words"), PROBLEMS, ids=[code for _, code, _ in PROBLEMS])
def test_a_problem_document_becomes_a_sentence_with_its_code(
    sender: Node, server: HubServer, status: int, code: str, words: str
) -> None:
    server.troubles = [server.problem(status, code, detail="because")]
    with pytest.raises(HubRefused) as raised:
        asyncio.run(sender.push(now=NOW))
    assert raised.value.code == code
    assert words in str(raised.value)
    assert "Nothing is lost" in str(raised.value)
    assert [d["problem"] for d in sender.status(now=NOW)["deliveries"]] == [str(raised.value)]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"code":7,"next":"x","retry":[]}', b"[" * 9999, b"\xff"])
def test_an_error_that_is_no_problem_document_is_still_a_sentence(sender: Node, server: HubServer, body: bytes) -> None:
    server.troubles = [(400, {}, body)]
    with pytest.raises(HubRefused, match="Nothing is lost"):
        asyncio.run(sender.push(now=NOW))


def test_a_problem_documents_words_cannot_command_a_terminal(sender: Node, server: HubServer) -> None:
    server.troubles = [server.problem(400, "new\x1bcode", title="\x1b]0;mine\x07", detail="\x9b31m\u202e")]
    with pytest.raises(HubRefused) as raised:
        asyncio.run(sender.push(now=NOW))
    assert str(raised.value).isprintable()
    assert raised.value.code == "new·code"


def test_an_overloaded_hub_is_for_later_and_says_when(sender: Node, server: HubServer) -> None:
    server.troubles = [(429, {"Retry-After": "900"}, b"")]
    with pytest.raises(HubUnreachable) as raised:
        asyncio.run(sender.push(now=NOW))
    assert raised.value.retry_after == 900


def test_a_hub_that_may_not_sign_is_for_later_and_says_why(sender: Node, server: HubServer) -> None:
    told = {"Retry-After": "300", "Content-Type": "application/problem+json"}
    keys = asyncio.run(server.hub.keys())
    server.troubles = [(200, {}, keys), (503, told, b'{"code":"fenced","status":503}')]
    with pytest.raises(HubUnreachable, match="may not sign at the moment; nothing is lost") as raised:
        asyncio.run(sender.push(now=NOW))
    assert raised.value.retry_after == 300
    assert not sender.feeds.obstacles()
    asyncio.run(sender.push(now=NOW))


def test_what_a_hub_shows_is_read_back_over_its_feed(sender: Node, server: HubServer) -> None:
    asyncio.run(sender.push(now=NOW))
    kept = backup(sender)
    sender.import_drafts([organization(str(number)) for number in range(300)])
    sender.publish(now=NOW + timedelta(hours=1))
    server.hub.now = NOW + timedelta(hours=1)
    asyncio.run(sender.push(now=server.hub.now))
    old = Node(kept, sender.fence, sender.identity, folder=None, random_bytes=seeded("old"))
    done, _ = asyncio.run(old.rebase(now=NOW + timedelta(hours=2)))
    assert (done.taken, done.epochs) == (300, {})
    assert len(old.records()) == 302


@pytest.mark.parametrize("bend", [b"", b"{}", b"[" * 9999, b"\xff\n"])
def test_a_feed_that_cannot_be_read_back_is_a_sentence(sender: Node, server: HubServer, bend: bytes) -> None:
    asyncio.run(sender.push(now=NOW))
    good = server.hub_files()
    for path in (path for path in good if not path.endswith(".ndjson")):
        # this hub shows a bent file
        server.hub_files = lambda path=path: {**good, path: bend}
        with pytest.raises(HubRefused):
            asyncio.run(sender.rebase(now=NOW))


@pytest.mark.parametrize("answer", [b"", b"{}", b"[1]", b'{"next":3}', b"\xff\xfe", b"{" * 5000])
def test_an_answer_that_cannot_be_read_is_no_delivery(sender: Node, server: HubServer, answer: bytes) -> None:
    asyncio.run(server.hub.keys())
    server.troubles = [(200, {}, asyncio.run(server.hub.keys())), (200, {}, answer)]
    with pytest.raises(HubRefused, match="Nothing is lost here"):
        asyncio.run(sender.push(now=NOW))
    asyncio.run(sender.push(now=NOW))
    assert len(server.hub.records()) == 2, "the next try is as good as the first"


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"keys":[]}', b'{"keys":[{}]}', b"\xff", b"[" * 9999])
def test_a_hub_without_keys_that_hold_gets_nothing(sender: Node, server: HubServer, raw: bytes) -> None:
    server.troubles = [(200, {}, raw)]
    with pytest.raises(HubRefused):
        asyncio.run(sender.push(now=NOW))
    assert server.hub.pushes == []


def test_a_hub_that_is_not_there_is_for_later(sender: Node) -> None:
    with HubServer(FakeHub()) as gone:
        address = gone.address
    with pytest.raises(HubUnreachable, match="Nothing is lost"):
        asyncio.run(sender.push(address, now=NOW))


def test_a_redirect_to_another_host_is_not_followed(sender: Node, server: HubServer) -> None:
    server.troubles = [(302, {"Location": "http://127.0.0.1:1024/keys.json"}, b"")]
    with pytest.raises(HubRefused, match="redirect"):
        asyncio.run(sender.push(now=NOW))


def test_40_nodes_deliver_at_once(server: HubServer, tmp_path: Path) -> None:
    """A demonstration opens that many in one process."""
    settings: dict[str, Any] = {**SETTINGS, "hub": server.address, "allow_private": True}
    nodes = [Node.init(tmp_path / str(i), now=NOW, random_bytes=seeded(str(i)), **settings) for i in range(40)]
    hubs = {node.id: FakeHub() for node in nodes}

    async def push(node_id: str, feed: str, body: bytes) -> bytes:
        return await hubs[node_id].push(node_id, feed, body)

    async def log_state(node_id: str, feed: str) -> bytes:
        return await hubs[node_id].log_state(node_id, feed)

    server.hub.push, server.hub.log_state = push, log_state  # as it was before
    for node in nodes:
        node.import_drafts([organization(), service()])
        node.publish(now=NOW)

    async def everybody() -> None:
        await asyncio.gather(*(node.push(now=NOW) for node in nodes))

    asyncio.run(everybody())
    assert [len(hub.records()) for hub in hubs.values()] == [2] * 40
    for node in nodes:
        node.close()
