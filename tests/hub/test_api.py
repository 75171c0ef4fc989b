"""The hub over HTTP: what caches may keep, what is compressed, what is told of what went wrong."""

from __future__ import annotations

import asyncio
import gzip
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from starlette.testclient import TestClient

from jisr_hub.app.serving import application
from jisr_hub.cli import setting_up
from jisr_protocol import canonical, capabilities, envelope, head, identifiers, keys, paths, receipt, state_tree
from jisr_protocol.problems import PROBLEMS
from tests.hub.author import Author
from tests.hub.hub_in_memory import run

FEED = "/feeds/public"


class World:
    """A hub's application and a node that it has admitted."""

    def __init__(self, folder: Path, client: TestClient) -> None:
        self.folder, self.client = folder, client
        self.author = Author("dar")
        self.author.puts(300)
        (folder.parent / "keys.json").write_bytes(keys.write_file(self.author.ring))
        candidate = run(setting_up.candidate(folder, str(folder.parent / "keys.json")))
        run(setting_up.admit(folder, candidate, "dar"))
        self.log = f"/v1/nodes/{self.author.id}/feeds/public/log"

    def push(self, start: int = 0, end: int | None = None, **headers: str) -> Any:
        return self.client.post(self.log, content=self.author.push(start, end), headers=headers)

    def head(self) -> head.Head:
        return head.parse(self.client.get(f"{FEED}/head.json").content)

    def settled(self, size: int) -> head.Head:
        got = self.client.get(f"{FEED}/head.json", params={"after": size - 1, "wait": 20})
        found = head.parse(got.content)
        assert found.size >= size
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("api") / "hub"
    made = setting_up.create(
        folder, name="Hub", country="MA", lang="ar", address="http://testserver", allow_private=True,
        random_bytes=secrets.token_bytes,
    )  # fmt: skip
    run(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JISR_HUB_PUBLISH_SECONDS", "0.01")
        with TestClient(application(folder)) as client:
            world = World(folder, client)
            assert world.push().status_code == 200
            world.settled(302)
            until(lambda: any((folder / "public").glob("log/*/000.ndjson.gz")))
            yield world


def until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for what a hub does beside answering."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.headers["cache-control"] == "no-store"
    value: dict[str, Any] = canonical.parse(answer.content.removesuffix(b"\n"))
    assert (value["code"], value["status"], value["title"]) == (code, status, PROBLEMS[code].title)
    assert value["type"] == f"urn:jisr:problem:{code}"
    return value


# Files


def test_the_capability_document_says_what_is_here_and_all_of_it_is(world: World) -> None:
    answer = world.client.get("/" + paths.CAPABILITIES)
    offered = capabilities.parse(answer.content)
    assert (offered.role, offered.name, offered.jisr) == ("hub", "Hub", ["1"])
    assert "max-age=3600" in answer.headers["cache-control"]
    [feed] = offered.feeds
    assert head.parse(world.client.get(f"{feed.href}/head.json").content).by == offered.id
    assert keys.fold(keys.parse_file(world.client.get(offered.keys).content)).id == offered.id
    assert offered.push is not None and offered.ping is not None
    assert world.client.get(offered.push.format(node=world.author.id, name="public")).status_code == 405
    assert world.client.post(offered.ping).status_code == 202


@pytest.mark.parametrize("path", [f"{FEED}/head.json", f"{FEED}/keys.json", "/keys.json", "/" + paths.CAPABILITIES])
def test_a_small_file_is_asked_for_again_by_its_etag(world: World, path: str) -> None:
    first = world.client.get(path)
    etag = first.headers["etag"]
    for sent in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        again = world.client.get(path, headers={"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-control"] == first.headers["cache-control"]
    assert world.client.get(path, headers={"If-None-Match": '"other"'}).content == first.content


def test_caches_keep_a_head_for_moments_and_pages_for_a_week(world: World) -> None:
    assert world.client.get(f"{FEED}/head.json").headers["cache-control"] == "public, max-age=10, stale-if-error=86400"
    page = world.client.get(f"{FEED}/{paths.page(world.head().epoch, 0)}")
    assert page.headers["cache-control"] == "public, max-age=604800, immutable"
    assert page.headers["vary"] == "Accept-Encoding"
    node = world.client.get(f"{FEED}/inv/{world.head().state_root}.json")
    assert node.headers["cache-control"] == "public, max-age=604800, immutable"


def raw_page(world: World, accepted: str) -> tuple[dict[str, str], bytes]:
    """A page without the client's own decoding."""
    path = f"{FEED}/{paths.page(world.head().epoch, 0)}"
    with world.client.stream("GET", path, headers={"Accept-Encoding": accepted}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/x-ndjson"
        return dict(answer.headers), b"".join(answer.iter_raw())


def test_a_page_comes_as_the_reader_takes_it_and_is_always_the_same(world: World) -> None:
    headers, plain = raw_page(world, "identity")
    assert "content-encoding" not in headers
    assert plain.count(b"\n") == 256
    headers, body = raw_page(world, "gzip")
    assert (headers["content-encoding"], gzip.decompress(body)) == ("gzip", plain)
    headers, body = raw_page(world, "gzip;q=0.5, zstd")
    assert (headers["content-encoding"], zstandard.decompress(body)) == ("zstd", plain)
    assert len(body) < len(plain) / 3
    assert raw_page(world, "gzip, zstd;q=0.5")[0]["content-encoding"] == "gzip", "it is weighed higher"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("zstd;q=0", None), ("zstd;q=0.000, gzip", "gzip"), ("gzip;q=0", None), ("", None), ("br", None),
        ("GZIP", "gzip"), ("ZSTD", "zstd"), ("x-zstdish", None), ("*;q=0", None), ("identity;q=1, *;q=0", None),
    ],
)  # fmt: skip
def test_no_encoding_is_sent_that_was_not_asked_for(world: World, accepted: str, encoding: str | None) -> None:
    headers, _ = raw_page(world, accepted)
    assert headers.get("content-encoding") == encoding


def test_pages_and_head_are_what_a_reader_can_prove(world: World) -> None:
    signed = world.head()
    ring = keys.fold(keys.parse_file(world.client.get("/keys.json").content))
    head.verified(signed, ring, now=identifiers.from_instant(signed.envelope.value["time"]))
    pages = [world.client.get(f"{FEED}/{path}").content for _, _, path in paths.pages(signed.epoch, 0, signed.size)]
    assert b"".join(pages).count(b"\n") == signed.size
    root = world.client.get(f"{FEED}/inv/{signed.state_root}.json").content
    assert len(state_tree.parse_inner(root, bytes.fromhex(signed.state_root))) == 64


@pytest.mark.parametrize(
    "path",
    [
        f"{FEED}/head.json", f"{FEED}/keys.json", "/keys.json", "/.well-known/jisr.json", "/healthz", "/readyz",
        "/directory", "PAGE", "INV",
    ],
)  # fmt: skip
def test_head_requests_have_the_headers_and_no_body(world: World, path: str) -> None:
    path = path.replace("PAGE", f"{FEED}/{paths.page(world.head().epoch, 0)}")
    path = path.replace("INV", f"{FEED}/inv/{world.head().state_root}.json")
    asked, got = world.client.head(path), world.client.get(path)
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers.get("etag") == got.headers.get("etag")
    assert asked.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    "path",
    [
        "/log/../hub.json", "/log/%2e%2e/%2e%2e/hub.json", "/log/..%2f..%2fhub.sqlite",
        "/log//etc/passwd", "/log/1-aaaaaaaa/000.ndjson.draft", "/log/",
        "/log/1-aaaaaaaa/000.ndjson%00", "/inv/" + "0" * 64 + "/x", "/log/1-aaaaaaaa/x001/x002/.ndjson",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_feed(world: World, path: str) -> None:
    answer = world.client.get(FEED + path)
    assert answer.status_code == 404
    assert b"signing" not in answer.content and b"per_hour" not in answer.content


def test_a_page_or_node_that_is_not_there_is_told(world: World) -> None:
    epoch = world.head().epoch
    assert problem(world.client.get(f"{FEED}/log/{epoch}/999.ndjson"), 404, "page_missing")["retry"] == "same"
    problem(world.client.get(f"{FEED}/log/{epoch}/nine.ndjson"), 404, "not_found")
    problem(world.client.get(f"{FEED}/inv/{'0' * 64}.json"), 404, "not_found")
    problem(world.client.get("/nothing/here"), 404, "not_found")
    page = world.client.get("/nothing/here", headers={"Accept": "text/html"})
    assert (page.status_code, "text/html" in page.headers["content-type"]) == (404, True), "people get a page"


def test_health_and_readiness(world: World) -> None:
    assert world.client.get("/healthz").text == "ok\n"
    assert world.client.get("/readyz").json()["ready"] is True


# Waiting


def test_a_long_poll_ends_at_once_when_there_is_more(world: World) -> None:
    began = time.monotonic()
    answer = world.client.get(f"{FEED}/head.json?after=0&wait=55")
    assert time.monotonic() - began < 5
    assert answer.headers["cache-control"] == "no-store"
    assert head.parse(answer.content).raw == world.head().raw


def test_a_long_poll_that_ends_without_news_answers_the_head_all_the_same(world: World) -> None:
    answer = world.client.get(f"{FEED}/head.json?after={world.head().size}&wait=0")
    assert (answer.status_code, head.parse(answer.content).size) == (200, world.head().size)


def test_a_long_poll_hears_of_a_push_while_it_waits(world: World) -> None:
    size = world.head().size
    heard: list[head.Head] = []

    def wait() -> None:
        got = world.client.get(f"{FEED}/head.json", params={"after": size, "wait": 30})
        heard.append(head.parse(got.content))

    waiting = threading.Thread(target=wait)
    waiting.start()
    start = len(world.author.feed().lines)
    world.author.put("late")
    assert world.push(start).status_code == 200
    waiting.join(20)
    assert heard[0].size == size + 1


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=0&wait=long", "after=1.5", "after=" + "9" * 40])
def test_a_parameter_that_is_no_number_is_told(world: World, query: str) -> None:
    assert problem(world.client.get(f"{FEED}/head.json?{query}"), 400, "malformed")["retry"] == "fix_request"


# Pushes


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_a_push_is_taken_compressed_or_not_and_answered_with_a_receipt(world: World, encoding: str) -> None:
    body = world.author.push(0, 5)
    packed = {"identity": body, "gzip": gzip.compress(body), "zstd": zstandard.compress(body)}[encoding]
    answer = world.client.post(world.log, content=packed, headers={"Content-Encoding": encoding})
    value = orjson.loads(answer.content)
    assert (answer.status_code, value["admitted"], value["duplicates"], value["quarantined"]) == (200, 0, 5, [])
    assert value["next"] == len(world.author.feed().lines)
    signed = receipt.parse(orjson.dumps(value["receipt"], option=orjson.OPT_SORT_KEYS))
    envelope.verified(signed, keys.fold(keys.parse_file(world.client.get("/keys.json").content)))


def test_the_log_state_says_where_to_go_on(world: World) -> None:
    answer = world.client.get(world.log + "/state")
    size = len(world.author.feed().lines)
    assert orjson.loads(answer.content) == {
        "epoch": world.author.feed().epoch,
        "head": orjson.loads(world.author.head().raw),
        "log_root": world.author.feed().tree().root(size).hex(),
        "next": size,
    }
    assert answer.headers["cache-control"] == "no-store"


def test_each_refusal_of_a_push_has_its_code_and_says_what_to_do(world: World) -> None:
    size = len(world.author.feed().lines)
    head_line = world.author.push(0, 0)
    gap = world.client.post(world.log, content=head_line.replace(b'"from":0', b'"from":%d' % (size + 5), 1).replace(
        b'"to":0', b'"to":%d' % (size + 5), 1))  # fmt: skip
    value = problem(gap, 409, "seq_gap")
    assert (value["next"], value["rule"], value["pointer"]) == (size, "PUSH-2", "/from")
    problem(world.client.post(world.log, content=b"{}\n"), 400, "malformed")
    problem(world.client.post(world.log, content=b"{} \n"), 400, "not_canonical")
    problem(world.client.post(world.log, content=b"{\n"), 400, "not_json")
    problem(world.client.post(world.log, content=b"x", headers={"Content-Encoding": "br"}), 415, "encoding_unsupported")
    problem(world.client.post(world.log, content=b"x", headers={"Content-Encoding": "gzip"}), 400, "encoding_broken")
    stranger = f"/v1/nodes/jisr:{'a' * 52}/feeds/public/log"
    assert problem(world.client.post(stranger, content=head_line), 403, "not_admitted")["retry"] == "never"
    problem(world.client.get(stranger + "/state"), 403, "not_admitted")
    problem(world.client.get(world.log.replace("/public/", "/hub/") + "/state"), 401, "restricted")
    problem(world.client.post("/v1/nodes/nobody/feeds/public/log", content=head_line), 400, "malformed")
    older = problem(world.client.post(world.log, content=head_line, headers={"Jisr-Version": "2"}), 400,
                    "version_unsupported")  # fmt: skip
    assert "1" in older["detail"]
    assert world.client.post(world.log, content=head_line, headers={"Jisr-Version": "1.7"}).status_code == 200


def test_too_much_at_once_says_how_long_to_wait(world: World) -> None:
    hasty = Author("hasty")
    hasty.puts(20)
    (world.folder.parent / "hasty.json").write_bytes(keys.write_file(hasty.ring))
    candidate = run(setting_up.candidate(world.folder, str(world.folder.parent / "hasty.json")))
    run(setting_up.admit(world.folder, candidate, "hasty"))
    run(setting_up.set_quota(world.folder, hasty.id, 3, 5))
    log = f"/v1/nodes/{hasty.id}/feeds/public/log"
    assert world.client.post(log, content=hasty.push(0, 4)).status_code == 200
    refused = world.client.post(log, content=hasty.push(4, 8))
    value = problem(refused, 429, "rate_limited")
    assert (refused.headers["retry-after"], value["retry"]) == ("900", "after:900")
    assert orjson.loads(world.client.get(log + "/state").content)["next"] == 4


def test_a_body_that_does_not_end_in_time_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never_ends(_: object) -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    monkeypatch.setattr("jisr_hub.web.api.BODY_SECONDS", 0.05)
    monkeypatch.setattr("starlette.requests.Request.stream", never_ends)
    assert problem(world.client.post(world.log, content=b"{}"), 400, "encoding_broken")["retry"] == "same"


def test_a_method_that_is_not_taken_names_those_that_are(world: World) -> None:
    answer = world.client.get(world.log)
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


def test_our_own_failure_is_a_problem_too_and_tells_nothing_of_ours(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("jisr_hub.web.api.keys.write_file", fails)
    calm = TestClient(world.client.app, raise_server_exceptions=False)
    value = problem(calm.get("/keys.json"), 500, "internal")
    assert "secret" not in orjson.dumps(value).decode()
    assert value["retry"] == "after:30"


def test_a_hub_that_has_signed_no_head_yet_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        raise OSError("no space left on device")

    made = setting_up.create(
        tmp_path / "hub", name="Hub", country="MA", lang="ar", address="http://testserver", allow_private=True,
        random_bytes=secrets.token_bytes,
    )  # fmt: skip
    run(made)
    monkeypatch.setattr("jisr_hub.publish.feed.Publisher.publish", never)
    with TestClient(application(tmp_path / "hub")) as client:
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["reasons"]) == (503, ["No head is signed yet."])
        assert client.get(f"{FEED}/head.json").headers["retry-after"] == "5"
