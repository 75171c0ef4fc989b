"""`serve`: the feed and nothing else over HTTP, news to the hub in the background, one server to a folder."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard
from starlette.types import Message

from jisr_node.app import Node, messages, volunteers
from jisr_node.app.first import Invited
from jisr_node.errors import Declined, HubRefused
from jisr_node.web.feed import site
from jisr_node.web.server import Upkeep
from jisr_protocol import paths
from jisr_protocol.reader.follow import follow
from jisr_protocol.session import Outcome

from .conftest import NOW, SETTINGS, need, organization, seeded, service
from .fake_hub import FakeHub
from .hub_server import HubServer

REST_BYTES = 80_000_000


class Site:
    """Asks the web site without a network."""

    def __init__(self, folder: Path) -> None:
        self._app = site(folder, "jisr:x")

    def __call__(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        sent: list[Message] = []
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope: dict[str, Any] = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": raw, "scheme": "http", "server": ("x", 80), "client": ("y", 1), "http_version": "1.1",
            "root_path": "",
        }  # fmt: skip

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self._app(scope, receive, send))
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def folder(node: Node, tmp_path: Path) -> Path:
    node.import_drafts([organization(), service(), need()])
    node.publish(now=NOW)
    node.export(tmp_path / "public")
    return tmp_path / "public"


def test_every_file_of_the_feed_is_served_as_it_is(folder: Path) -> None:
    ask = Site(folder)
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".gz", ".zst")]
    assert len(files) >= 6
    for path in files:
        status, headers, body = ask("/" + path.relative_to(folder).as_posix())
        assert (status, body) == (200, path.read_bytes())
        assert headers["content-type"].startswith("application/")


def test_a_head_is_fresh_for_seconds_and_a_page_for_ever(folder: Path) -> None:
    ask = Site(folder)
    assert ask("/head.json")[1]["cache-control"] == "public, max-age=10, stale-if-error=86400"
    (page,) = (folder / "log").rglob("*.ndjson")
    headers = ask("/" + page.relative_to(folder).as_posix())[1]
    assert headers["cache-control"] == "public, max-age=604800, immutable"


def test_nothing_changed_is_one_answer_304(folder: Path) -> None:
    ask = Site(folder)
    etag = ask("/head.json")[1]["etag"]
    status, headers, body = ask("/head.json", if_none_match=f'W/"x", {etag}')
    assert (status, body, headers["etag"]) == (304, b"", etag)


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("zstd, gzip", "zstd"), ("gzip", "gzip"), ("gzip;q=0, br", None), ("", None), ("ZSTD;q=0.1", "zstd")],
)
def test_the_compressed_forms_are_chosen_by_what_is_accepted(folder: Path, accepted: str, encoding: str | None) -> None:
    _, headers, body = Site(folder)("/head.json", accept_encoding=accepted)
    assert headers.get("content-encoding") == encoding
    assert headers["vary"] == "Accept-Encoding"
    if encoding == "zstd":
        assert zstandard.decompress(body) == (folder / "head.json").read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/node.sqlite",
        "/../node.sqlite",
        "/log/../../node.sqlite",
        "/signing.key",
        "/head.json.gz",
        "/log/",
        "/x.json",
    ],
)
def test_nothing_else_is_served(folder: Path, path: str) -> None:
    (folder.parent / "node.sqlite").write_text("secret")
    (folder / "x.json").write_text("{}")
    status, headers, body = Site(folder)(path)
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(body)["code"] == "not_found"


def test_another_method_is_a_problem_document(folder: Path) -> None:
    status, _, body = Site(folder)("/head.json", "POST")
    assert (status, json.loads(body)["code"]) == (405, "method_not_allowed")


def test_before_the_first_publish_there_is_only_health(tmp_path: Path) -> None:
    ask = Site(tmp_path / "nothing")
    assert ask("/head.json")[0] == 404
    assert json.loads(ask("/healthz")[2])["status"] == "ok"


def upkeep(node: Node, folder: Path, said: list[str]) -> Upkeep:
    return Upkeep(node, folder, 100.0, said.append, lambda: 0.5)


def test_upkeep_exports_and_delivers_news_at_once_and_else_in_its_time(tmp_path: Path) -> None:
    with HubServer(FakeHub()) as server:
        settings = {**SETTINGS, "hub": server.address, "allow_private": True}
        with Node.init(tmp_path / "n", random_bytes=seeded("up"), **settings) as node:
            server.hub.now = NOW + timedelta(days=3650)
            said: list[str] = []
            keep = upkeep(node, tmp_path / "public", said)
            asyncio.run(keep.step(0.0))
            assert server.seen == [], "nothing is published, so nobody is bothered"
            node.import_drafts([organization()])
            node.publish()
            asyncio.run(keep.step(2.0))
            assert len(server.hub.records()) == 1
            assert (tmp_path / "public" / paths.HEAD).is_file()
            seen, pushed = len(server.seen), len(server.hub.pushes)
            asyncio.run(keep.step(50.0))
            assert len(server.seen) == seen
            asyncio.run(keep.step(110.0))
            asked = [(method, path.partition("?")[0]) for method, path, _ in server.seen[seen:]]
            assert asked[0] == ("GET", "/keys.json") and len(server.hub.pushes) == pushed, "nothing new, nothing pushed"
            assert len(said) == 1


def test_serve_does_what_the_pages_do_profiles_that_are_over_messages_and_an_invitation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    async def fetch(node: Node, **_: object) -> None:
        told.append("messages")
        raise HubRefused("not_found", "This hub carries no messages.")

    async def join(node: Node, link: str, **_: object) -> bool:
        told.append(link)
        node.settings = replace(node.settings, hub=server.address)
        return True

    monkeypatch.setattr(messages, "fetch", fetch)
    monkeypatch.setattr(volunteers, "expire", lambda node, now: told.append("volunteers"))
    monkeypatch.setattr(Node, "join", join)
    with HubServer(FakeHub()) as server:
        settings = {**SETTINGS, "allow_private": True}
        with Node.init(tmp_path / "n", random_bytes=seeded("up"), **settings) as node:
            server.hub.now = NOW + timedelta(days=3650)
            keep = upkeep(node, tmp_path / "public", [])
            asyncio.run(keep.step(0.0))
            assert told == ["volunteers"], "nobody is bothered before there is a hub"
            Invited(node.store).note("https://hub.example/join#x.y")
            node.import_drafts([organization()])
            node.publish()
            asyncio.run(keep.step(2.0))
            assert told == ["volunteers", "volunteers", "https://hub.example/join#x.y", "messages"]
            assert len(server.hub.records()) == 1 and Invited(node.store).link() == ""


def test_upkeep_waits_longer_after_each_failure_and_says_it_once(tmp_path: Path) -> None:
    with HubServer(FakeHub()) as gone:
        address = gone.address
    settings = {**SETTINGS, "hub": address, "allow_private": True}
    with Node.init(tmp_path / "n", random_bytes=seeded("up"), **settings) as node:
        node.publish()
        said: list[str] = []
        keep = upkeep(node, tmp_path / "public", said)
        tried = []
        for moment in range(0, 4000, 20):
            before = keep._failures
            asyncio.run(keep.step(float(moment)))
            if keep._failures > before:
                tried.append(moment)
        assert tried == [0, 200, 600, 1400, 3000]
        assert len(said) == 1
        assert "Nothing is lost" in said[0]


def test_a_second_server_of_a_folder_is_declined(folder_node: Node) -> None:
    with folder_node.serving(), pytest.raises(Declined, match="Another jisr-node serves"), folder_node.serving():
        pass
    with folder_node.serving():
        pass


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "jisr_node.cli", "serve", "--dir", str(folder), "--port", "0", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield process, json.loads(line)["address"]
    finally:
        process.kill()
        process.communicate(timeout=30)


def resident_bytes(pid: int) -> int | None:
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        return None
    return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmRSS"))


def until(what: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_a_served_node_is_followed_delivers_by_itself_and_stays_small(tmp_path: Path, figure: Any) -> None:
    with HubServer(FakeHub()) as server:
        server.hub.now = NOW + timedelta(days=3650)
        settings = {**SETTINGS, "hub": server.address, "allow_private": True}
        with Node.init(tmp_path / "n", **settings) as node:
            node.import_drafts([organization()])
            node.publish()
            began = time.monotonic()
            with serving(tmp_path / "n") as (process, address):
                figure("node ready after", f"{time.monotonic() - began:.2f} s")
                until(lambda: server.hub.records())
                node.import_drafts([service()])
                node.publish()
                until(lambda: len(server.hub.records()) == 2)
                until(lambda: json.load(urllib.request.urlopen(address + "head.json"))["head"]["live"] == 2)
                result = asyncio.run(follow(address, tmp_path / "copy", allow_private=True))
                assert (result.outcome, result.live) == (Outcome.VERIFIED, 2), result.sentence
                size = resident_bytes(process.pid)
                if size is not None:
                    figure("node at rest after a delivery", f"{size / 1e6:.0f} MB")
                    assert size < REST_BYTES
                process.send_signal(signal.SIGINT)
                assert process.wait(timeout=30) == 0


def test_a_killed_server_leaves_no_lock(tmp_path: Path) -> None:
    with Node.init(tmp_path / "n", **SETTINGS) as node:
        node.publish()
    with serving(tmp_path / "n") as (process, _):
        process.kill()
        process.wait()
        with serving(tmp_path / "n") as (_, address):
            until(lambda: _status(address + "head.json") == 200)


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
