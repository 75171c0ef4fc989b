"""The files of a feed over HTTP that come with erasures, snapshots and repair: what is there, what is not, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import orjson
import pytest
import zstandard
from msgspec import structs
from starlette.applications import Starlette

from jisr_hub.publish import forms
from jisr_hub.web import api, problem_documents
from jisr_protocol import capabilities, entry, paths
from jisr_protocol.limits import PAGE_CACHE_SECONDS
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import MemoryHub
from tests.hub.published import hub_over, manifest_of
from tests.hub.test_erasure import erase

pytestmark = pytest.mark.anyio
FEED = "/feeds/public/"


@pytest.fixture
async def hub(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MemoryHub]:
    """A hub with a page and a half, an erased record, a snapshot."""
    author = Author("dar")
    author.puts(300)
    async with hub_over("memory", request, tmp_path, author) as hub:
        await hub.push(author)
        await hub.publish()
        await erase(hub, author, "r7")
        await hub.publisher.publish(snapshot=True)
        yield hub


@pytest.fixture
async def client(hub: MemoryHub) -> AsyncIterator[httpx.AsyncClient]:
    routes = api.routes(hub.hub, hub.publisher, hub.pages, wake_peers=lambda: None)
    app = Starlette(routes=list(routes), exception_handlers=problem_documents.HANDLERS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.example") as client:
        yield client


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(answer.content)
    assert (answer.status_code, value["code"]) == (status, code)
    return value


async def test_what_the_head_names_is_served_for_a_week_compressed_as_one_likes(
    hub: MemoryHub, client: httpx.AsyncClient
) -> None:
    head = hub.publisher.head
    assert head is not None and head.gens is not None and head.snap is not None
    parts = [part.path for _, part in manifest_of(hub).lists]
    page = paths.page(head.epoch, 0, generation=2)
    for path, form in [
        (head.gens["path"], "json"),
        (head.snap["path"], "json"),
        (parts[-1], "x-ndjson"),
        (page, "x-ndjson"),
    ]:
        for encoding in ("identity", "gzip", "zstd"):
            answer = await client.get(FEED + path, headers={"Accept-Encoding": encoding})
            coded = answer.headers.get("content-encoding") == "zstd"
            content = zstandard.decompress(answer.content) if coded else answer.content
            assert (answer.status_code, content) == (200, forms.read(hub.pages, path)), path
            assert answer.headers["content-type"] == f"application/{form}"
            assert f"max-age={PAGE_CACHE_SECONDS}" in answer.headers["cache-control"]
            assert answer.headers["vary"] == "Accept-Encoding"
    offered = capabilities.parse((await client.get("/.well-known/jisr.json")).content)
    assert {"snapshot", "records"} <= set(offered.features)


async def test_record_files_are_those_of_the_head(hub: MemoryHub, client: httpx.AsyncClient) -> None:
    said = next(e for e in await hub.log() if e.op == "put" and e.id == record_id("r3"))
    answer = await client.get(FEED + paths.record(said.node or "", said.id or "", 1))
    assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
    assert entry.parse(answer.content.removesuffix(b"\n")).raw == said.raw
    again = await client.get(answer.url, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    problem(await client.get(FEED + paths.record(said.node or "", said.id or "", 2)), 404, "not_found")
    problem(await client.get(FEED + paths.record(said.node or "", record_id("r7"), 1)), 410, "erased")
    for wrong in (
        "rec/x/y/1.json",
        f"rec/{(said.node or '')[5:]}/{said.id}/01.json",
        f"rec/{said.node}/{said.id}/1.json",
    ):
        problem(await client.get(FEED + wrong), 404, "not_found")


async def test_what_is_gone_says_why(hub: MemoryHub, client: httpx.AsyncClient) -> None:
    head = hub.publisher.head
    assert head is not None
    assert problem(await client.get(FEED + paths.page(head.epoch, 0)), 404, "page_missing")["retry"] == "same"
    problem(await client.get(FEED + "gens/" + "0" * 64 + ".json"), 404, "page_missing")
    problem(await client.get(FEED + f"snap/{head.epoch}-7/manifest.json"), 404, "page_missing")
    for wrong in (
        "gens/x.json",
        "snap/1-a/manifest.json",
        f"snap/{head.epoch}-7/keys.json",
        f"snap/{head.epoch}-7/../head.json",
    ):
        problem(await client.get(FEED + wrong), 404, "not_found")
    hub.publisher._out = hub.publisher._out.__class__(_below(hub, 256), {})
    value = problem(await client.get(FEED + paths.page(head.epoch, 0)), 410, "cursor_below_floor")
    assert value["retry"] == "after_snapshot"
    assert (await client.get(FEED + paths.page(head.epoch, 1, head.size - 256))).status_code == 200


def _below(hub: MemoryHub, floor: int) -> Any:
    """What is published, with another floor."""
    published = hub.publisher._out.published
    assert published is not None
    return replace(published, head=structs.replace(published.head, floor=floor))


@pytest.mark.parametrize("encoding", ["zstd", "gzip", "identity"])
async def test_the_rest_of_a_page_whose_line_was_cut_is_served(
    client: httpx.AsyncClient, hub: MemoryHub, encoding: str
) -> None:
    path = paths.plain(next(p for p in hub.pages.files if p.startswith("log/")))
    accept = {"Accept-Encoding": encoding}

    async def asked(**headers: str) -> tuple[httpx.Response, bytes]:
        async with client.stream("GET", FEED + path, headers={**accept, **headers}) as answer:
            return answer, b"".join([piece async for piece in answer.aiter_raw()])

    whole, body = await asked()
    etag = whole.headers["etag"]
    assert whole.status_code == 200 and etag.startswith('"')
    rest, came = await asked(Range="bytes=1000-", **{"If-Range": etag})
    assert (rest.status_code, came) == (206, body[1000:])
    assert rest.headers["content-range"] == f"bytes 1000-{len(body) - 1}/{len(body)}"
    assert rest.headers.get("content-encoding") == whole.headers.get("content-encoding")
    other, came = await asked(Range="bytes=1000-", **{"If-Range": '"another"'})
    assert (other.status_code, came) == (200, body)
    beyond, _ = await asked(Range=f"bytes={len(body)}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(body)}")
    odd, came = await asked(Range="bytes=0-5,9-12")
    assert (odd.status_code, came) == (200, body), "one form is served; others get the whole"


async def test_a_node_whose_feed_was_fetched_reads_its_receipt(client: httpx.AsyncClient, hub: MemoryHub) -> None:
    node = Author("dar").id
    told = orjson.loads((await client.get(f"/v1/nodes/{node}/feeds/public/log/receipt")).content)
    assert (told["next"], told["receipt"]["receipt"]["size"], told["quarantined"]) == (301, 301, [])
    problem(await client.get(f"/v1/nodes/{node}/feeds/hub/log/receipt"), 401, "restricted")
    problem(await client.get(f"/v1/nodes/{Author('stranger').id}/feeds/public/log/receipt"), 403, "not_admitted")
