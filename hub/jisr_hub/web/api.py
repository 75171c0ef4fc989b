"""The protocol over HTTP: the hub's feed as files, pushes, log state (docs/spec/feed.md, push.md, capabilities.md)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from jisr_protocol import identifiers, keys, limits, majors
from jisr_protocol.capabilities import Capabilities, FeedOffer
from jisr_protocol.head import Head
from jisr_protocol.inflate import inflate
from jisr_protocol.push import NodeLog
from jisr_protocol.refusal import Refusal, refuse

from ..answers import Gap, PushAnswer
from ..hub import Hub
from ..ports import Kept, Pages
from ..publish import forms
from ..publish.feed import Publisher
from ..publish.pages import place_of
from ..publish.records import ErasedRecord
from ..publish.rendering import Rendering
from ..quota import QuotaExhausted
from .files import StandingFile, made
from .negotiation import has
from .problem_documents import document, refusal_document
from .shelf import Shelf
from .tokens import FORM_BYTES, Tokens, refused

PUSHES_AT_ONCE = 4
BODY_SECONDS = 120
INFLATED_AT_ONCE_BYTES = 4096
"""A body that takes longer to hand to a thread than to inflate, whatever it inflates to (LIM-4 bounds that)."""
LATER = "respond-async"
"""The preference of whoever does not wait for the judgement of what it pushes."""
PUSH_TYPE = "application/vnd.jisr.push+ndjson"
_SNAPSHOT_PATH = re.compile(r"[1-9][0-9]{0,8}-[a-z2-7]{8}-[0-9]{1,16}/(manifest\.json|[0-9]{3,5}\.ndjson)")
_HASH = re.compile(r"[0-9a-f]{64}")
_REV_FILE = re.compile(r"[1-9][0-9]{0,15}\.json")
_PUBLIC, _PUBLIC_LOG = "/feeds/public/", "/feeds/public/log/"
_NODES = "/v1/nodes/"
_LINES = "application/x-ndjson"
_IMMUTABLE = f"public, max-age={limits.PAGE_CACHE_SECONDS}, immutable"
_HEAD_CACHE = "public, max-age=10, stale-if-error=86400"
_log = structlog.get_logger()
Answering = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Feed:
    """A feed that is served: its publisher, the folder of its pages, whose records it holds."""

    publisher: Publisher
    pages: Pages
    audience: str = "public"
    rendering: Rendering | None = None
    """Set when the feed is served in another major than it is published in."""

    async def head(self) -> Head | None:
        """The head that is out, in the major of this feed."""
        head = self.publisher.head
        return head if head is None or self.rendering is None else await self.rendering.head(head)

    def read(self, path: str) -> bytes | None:
        """A file, as the major of this feed writes it."""
        return forms.read(self.pages, path) if self.rendering is None else self.rendering.read(path)

    def file(self, path: str) -> Path | None:
        """Where it stands as a file; None where it does not, or is to be translated."""
        return self.pages.place(path) if self.rendering is None else None

    def lines(self, content: bytes) -> bytes:
        """Lines of this feed, as its major writes them."""
        return content if self.rendering is None else self.rendering.major.write_lines(content)

    def cached(self, header: str) -> str:
        """How a file may be cached: of a restricted feed by the reader alone."""
        return header if self.audience == "public" else header.replace("public, ", "private, ")


Feeds = Callable[[], Mapping[str, Feed]]


def routes(
    hub: Hub,
    publisher: Publisher,
    pages: Pages,
    *,
    wake_peers: Callable[[], None],
    feeds: Feeds = dict,
    tokens: Tokens | None = None,
    offers: Mapping[str, Any] | None = None,
) -> list[Route]:
    """The routes of the protocol. `feeds` are those beside the public one, as they are when a request comes, `offers`
    further members of the capability document."""
    api = _Api(hub, lambda: {"public": Feed(publisher, pages), **feeds()}, wake_peers, tokens, offers or {})
    folder = pages.place("")
    return [
        *([PublicPages(publisher, str(folder))] if folder is not None else []),
        Pushes(api.push),
        Route("/.well-known/jisr.json", api.capabilities),
        Route("/keys.json", api.keys),
        *_files(api, "/feeds/{feed}"),
        *_files(api, "/feeds/{major:int}/{feed}"),
        Route("/v1/nodes/{node}/feeds/{name}/log/state", api.log_state),
        Route("/v1/nodes/{node}/keys.json", api.node_keys),
        Route("/v1/nodes/{node}/feeds/{name}/log/receipt", api.receipt),
        Route("/v1/ping", api.ping, methods=["POST"]),
        *([Route("/v1/token", api.token, methods=["POST"])] if tokens is not None else []),
    ]


class PublicPages(Route):
    """The pages of the public feed in a folder: most of what is asked for, so they are found before everything else.

    It answers as `_Api.page` does, and leaves to that whatever is not simply a page.
    """

    def __init__(self, publisher: Publisher, folder: str) -> None:
        super().__init__("/feeds/public/log/{path:path}", self)
        self._publisher, self._folder, self._shelf = publisher, folder, Shelf()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path: str = scope.get("path", "")
        if not path.startswith(_PUBLIC_LOG) or scope.get("method") not in ("GET", "HEAD"):
            return Match.NONE, {}
        place, head = place_of(path[len(_PUBLIC) :]), self._publisher.head
        if place is None or (head is not None and place.page_end <= head.floor):
            return Match.NONE, {}
        return Match.FULL, {"endpoint": self, "path_params": {}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"][len(_PUBLIC) :]
        answer = StandingFile(
            f"{self._folder}/{path}",
            cache=_IMMUTABLE,
            media_type=_LINES,
            missing=lambda: _gone(path),
            shelf=self._shelf,
        )
        await answer(scope, receive, send)


class Pushes(Route):
    """Where pushes come: most of what is sent, so it too is found before everything else."""

    def __init__(self, answer: Answering) -> None:
        super().__init__("/v1/nodes/{node}/feeds/{name}/log", answer, methods=["POST"])

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path: str = scope.get("path", "")
        return super().matches(scope) if path.startswith(_NODES) and path.endswith("/log") else (Match.NONE, {})


def _files(api: _Api, feed: str) -> list[Route]:
    return [
        Route(f"{feed}/keys.json", api.keys),
        Route(f"{feed}/head.json", api.head),
        Route(feed + "/log/{path:path}", api.page),
        Route(feed + "/gens/{name}", api.generations),
        Route(feed + "/policy/{name}", api.policy),
        Route(feed + "/snap/{path:path}", api.snapshot),
        Route(feed + "/inv/{name}", api.inventory),
        Route(feed + "/rec/{node}/{id}/{name}", api.record),
    ]


class _Api:
    def __init__(
        self,
        hub: Hub,
        feeds: Feeds,
        wake_peers: Callable[[], None],
        tokens: Tokens | None,
        offers: Mapping[str, Any],
    ) -> None:
        self._hub, self._feeds, self._wake_peers, self._tokens = hub, feeds, wake_peers, tokens
        self._offers = offers
        self._senders: Counter[str] = Counter()
        self._renderings: dict[tuple[str, str], Rendering] = {}

    async def capabilities(self, request: Request) -> Response:
        offered = Capabilities(
            jisr=majors.spoken(),
            id=self._hub.identity.id,
            role="hub",
            name=self._hub.identity.name,
            feeds=self._offers_of_feeds(),
            keys="/keys.json",
            push="/v1/nodes/{node}/feeds/{name}/log",
            ping="/v1/ping",
            token="/v1/token" if self._tokens is not None else None,
            admission="/v1/admissions",
            anchor=next((anchor.id for anchor in self._hub.attesting.anchors), None),
            notices="/v1/notices",
            features=["head-wait", "log-state", "receipts", "records", "snapshot"],
            **self._offers,
        )
        return _file(request, offered.to_bytes(), "public, max-age=3600, stale-if-error=604800")

    def _offers_of_feeds(self) -> list[FeedOffer]:
        """Every feed in every major, those of 1 first: readers of 1 take the first of a name."""
        offers = []
        for major in majors.spoken():
            own = major == majors.MAJOR
            place, named = ("/feeds", {}) if own else (f"/feeds/{major}", {"jisr": major})
            for name, feed in self._feeds().items():
                said = {"name": name, "href": f"{place}/{name}", "audience": feed.audience, **named}
                offers.append(FeedOffer.model_validate(said))
        return offers

    async def keys(self, request: Request) -> Response:
        return _file(request, keys.write_file(self._hub.identity.ring), "public, max-age=60")

    async def node_keys(self, request: Request) -> Response:
        """KEY-14: the chain of a writer of this feed, for ever."""
        node = request.path_params["node"]
        ring = (await self._hub.ledger.rings([node])).get(node) if identifiers.node(node) is None else None
        if ring is None:
            return document("not_found", f"this hub holds no keys of {node}")
        return _file(request, keys.write_file(ring), "public, max-age=60")

    async def head(self, request: Request) -> Response:
        """The head; with ?after=<size>&wait=<seconds> as soon as it covers more, at the latest after the wait."""
        feed = await self._feed(request)
        publisher = feed.publisher
        publisher.seen.note(request.headers.get("jisr-seen", ""), publisher.head)
        after, wait = request.query_params.get("after"), request.query_params.get("wait")
        if after is not None:
            seconds = min(_number(wait, "wait", limits.LONG_POLL_SECONDS), limits.LONG_POLL_SECONDS)
            await publisher.wait(_number(after, "after", 0), seconds)
        head = await feed.head()
        if head is None:
            return document("busy", "the first head of this feed is not signed yet")
        return _file(request, head.raw, feed.cached("no-store" if after is not None else _HEAD_CACHE))

    async def page(self, request: Request) -> Response:
        """A page as it stands in the folder, compressed as the reader likes it."""
        path = f"log/{request.path_params['path']}"
        feed = await self._feed(request)
        place, head = place_of(path), feed.publisher.head
        if place is None:
            return document("not_found", "a page is log/<epoch>/<number>.ndjson")
        if head is not None and place.page_end <= head.floor:
            return document("cursor_below_floor", f"{path} ends below the floor {head.floor}; begin by the snapshot")
        return await self._standing(request, feed, path)

    async def generations(self, request: Request) -> Response:
        """A file that says which pages were written again."""
        return await self._named_by_hash(request, "gens", "a file of generations")

    async def policy(self, request: Request) -> Response:
        """The policy that a head of this feed names, or named."""
        return await self._named_by_hash(request, "policy", "a policy")

    async def _named_by_hash(self, request: Request, folder: str, what: str) -> Response:
        feed, name = await self._feed(request), request.path_params["name"]
        if not _HASH.fullmatch(name.removesuffix(".json")):
            return document("not_found", f"{what} is {folder}/<hash>.json")
        return await self._standing(request, feed, f"{folder}/{name}")

    async def snapshot(self, request: Request) -> Response:
        """The manifest or a part of a snapshot."""
        feed, path = await self._feed(request), request.path_params["path"]
        if not _SNAPSHOT_PATH.fullmatch(path):
            return document("not_found", "a snapshot is snap/<epoch>-<seq>/manifest.json and what that names")
        return await self._standing(request, feed, f"snap/{path}")

    async def _feed(self, request: Request) -> Feed:
        """The feed that is asked for; TOK-5: a restricted one for whoever has a token only. Raises Refusal."""
        feed = self._feeds().get(request.path_params["feed"])
        if feed is None:
            raise HTTPException(404, "no feed of this name is here; /.well-known/jisr.json says which are")
        if feed.audience != "public":
            await self._check_token(request, feed.audience)
        major = str(request.path_params.get("major", majors.MAJOR))
        return feed if major == majors.MAJOR else self._rendered(request.path_params["feed"], feed, major)

    def _rendered(self, name: str, feed: Feed, major: str) -> Feed:
        if major not in majors.SPOKEN:
            raise HTTPException(404, "no feed of this major is here; /.well-known/jisr.json says which are")
        rendering = self._renderings.get((name, major))
        if rendering is None or rendering.pages is not feed.pages:
            rendering = self._renderings[name, major] = Rendering(
                majors.SPOKEN[major], feed.pages, lambda: self._hub.identity.key
            )
        return replace(feed, rendering=rendering)

    async def _check_token(self, request: Request, *audiences: str, by: str = "") -> None:
        if self._tokens is None:
            refuse("TOK-5", "", expected="a hub that gives tokens", came="one that does not")
        else:
            await self._tokens.check(request, *audiences, by=by)

    async def token(self, request: Request) -> Response:
        """A token for restricted feeds, for whoever proves to be one of their readers."""
        assert self._tokens is not None
        try:
            return await self._tokens.answer(await body(request, FORM_BYTES))
        except Refusal as refusal:
            _log.info("token.refused", rule=refusal.rule, expected=refusal.expected)
            return refused(refusal)

    async def _standing(self, request: Request, feed: Feed, path: str) -> Response:
        """A file as it stands in the folder, compressed as the reader likes it."""
        cache = feed.cached(_IMMUTABLE)
        media_type = _LINES if path.endswith(".ndjson") else "application/json"
        file = feed.file(path)
        if file is not None:
            return StandingFile(str(file), cache=cache, media_type=media_type, missing=lambda: _gone(path))
        body = await asyncio.to_thread(feed.read, path)
        if body is None:
            return _gone(path)
        return await asyncio.to_thread(made, request.headers, body, cache=cache, media_type=media_type)

    async def inventory(self, request: Request) -> Response:
        feed, name = await self._feed(request), request.path_params["name"].removesuffix(".json")
        content = await feed.publisher.inventory(bytes.fromhex(name)) if _HASH.fullmatch(name) else None
        if content is None:
            return document("not_found", "no node of the published state tree has this hash")
        return _file(request, content, feed.cached(_IMMUTABLE))

    async def record(self, request: Request) -> Response:
        """The line that set this version of a record, as long as the head has no newer one."""
        node, record_id, name = (request.path_params[part] for part in ("node", "id", "name"))
        feed = await self._feed(request)
        known = identifiers.node(f"jisr:{node}") is None and identifiers.uuid(record_id) is None
        try:
            if known and _REV_FILE.fullmatch(name):
                rev = int(name.removesuffix(".json"))
                if content := await feed.publisher.record(f"jisr:{node}", record_id, rev):
                    return _file(request, feed.lines(content), feed.cached(_IMMUTABLE))
        except ErasedRecord:
            return document("erased", f"the content of {record_id} was erased")
        return document("not_found", "this feed now has no such version: rec/<node>/<id>/<rev>.json")

    async def push(self, request: Request) -> Response:
        node, name = _feed_of(request)
        later = prefers(request, LATER)
        try:
            async with self._turn(node):
                answer = await self._hub.push(node, name, await body(request, limits.PUSH_BYTES), later=later)
        except Refusal as refusal:
            _log.info("push.refused", node=node, feed=name, refusal=refusal.code, rule=refusal.rule)
            if not isinstance(refusal, Gap):
                raise
            return refusal_document(refusal, next=refusal.next)
        headers = {"Cache-Control": "no-store"}
        if answer.waiting:
            headers["Preference-Applied"] = LATER
        return Response(answered(answer), 202 if answer.waiting else 200, headers, "application/json")

    @contextlib.asynccontextmanager
    async def _turn(self, node: str) -> AsyncIterator[None]:
        """Only an admitted node's bodies are held in memory, and so many of one node at a time."""
        if node not in self._senders:
            await self._hub.check_admitted(node)
        if self._senders[node] >= PUSHES_AT_ONCE:
            raise QuotaExhausted("", f"at most {PUSHES_AT_ONCE} pushes of a node at a time", self._senders[node], 1)
        self._senders[node] += 1
        try:
            yield
        finally:
            self._senders[node] -= 1

    async def log_state(self, request: Request) -> Response:
        node, name = _feed_of(request)
        if name != "public":
            await self._check_token(request, name, by=node)
        log: NodeLog = await self._hub.log_state(node, name)
        # the node's own signature: what a node that lost its memory can believe
        shown = orjson.Fragment(log.head.envelope.raw) if log.head is not None else None
        value = {"epoch": log.epoch, "head": shown, "log_root": log.frontier.root().hex(), "next": log.frontier.size}
        return Response(orjson.dumps(value) + b"\n", 200, {"Cache-Control": "no-store"}, "application/json")

    async def receipt(self, request: Request) -> Response:
        """The last answer to a push, made anew: for nodes whose feed is fetched, and for what waited when it came."""
        node, name = _feed_of(request)
        if name != "public":
            return document("restricted", "what is held of a restricted feed is told in the answer to a push")
        answer = await self._hub.receipt(node, name)
        return Response(answered(answer), 200, {"Cache-Control": "no-store"}, "application/json")

    async def ping(self, request: Request) -> Response:
        """An unsigned hint that some feed has grown: look soon. It is never believed, only acted on once."""
        await body(request, 4096)
        self._wake_peers()
        return Response(None, 202)


def _gone(path: str) -> Response:
    return document("page_missing", f"{path} is not here; read the head again")


def _file(request: Request, content: bytes, cache: str) -> Response:
    """A small file with a strong ETag; 304 when the reader has it (RFC 9110 section 13.1.2)."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"ETag": etag, "Cache-Control": cache}
    if has(request.headers.get("if-none-match"), etag):
        return Response(None, 304, headers)
    return Response(content, 200, headers, "application/json")


async def body(request: Request, limit_bytes: int) -> bytes:
    """The inflated body, never more in memory than the limit, whatever the sender claims (LIM-4 to LIM-6)."""
    received = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                received += piece
                if len(received) > limit_bytes:
                    came = f"more than {len(received)} bytes"
                    refuse("LIM-4", "", expected=f"at most {limit_bytes} bytes", came=came)
    except TimeoutError:
        refuse("LIM-6", "", expected=f"the whole body within {BODY_SECONDS} seconds", came=f"{len(received)} bytes")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return bytes(received)
    if len(received) <= INFLATED_AT_ONCE_BYTES:
        return inflate(bytes(received), encoding, limit_bytes)
    return await asyncio.to_thread(inflate, bytes(received), encoding, limit_bytes)


def prefers(request: Request, preference: str) -> bool:
    """Whether the sender names this preference (RFC 7240 section 2)."""
    named = ",".join(request.headers.getlist("prefer"))
    return any(each.partition(";")[0].strip().lower() == preference for each in named.split(","))


def _feed_of(request: Request) -> tuple[str, str]:
    node, name = request.path_params["node"], request.path_params["name"]
    for value, check, place in ((node, identifiers.node, "node"), (name, identifiers.feed_name, "name")):
        if expected := check(value):
            refuse("PUSH-1", f"/{place}", expected=expected, came=value)
    return node, name


def _number(text: str | None, name: str, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 16:
        refuse("PUSH-1", f"/{name}", expected="a whole number", came=text)
        return default
    return int(text)


def answered(answer: PushAnswer) -> bytes:
    """The answer to a push, as it is sent (push.md)."""
    receipt = orjson.Fragment(answer.receipt.raw)
    value: dict[str, Any] = {
        "admitted": answer.admitted,
        "duplicates": answer.duplicates,
        "next": answer.next,
        "quarantined": [_quarantined(kept) for kept in answer.quarantined],
        "receipt": receipt,
    }
    if answer.waiting:
        value["waiting"] = answer.waiting
    return orjson.dumps(value) + b"\n"


def _quarantined(kept: Kept) -> dict[str, object]:
    return {"seq": kept.seq, "code": kept.code, "pointer": kept.pointer, "detail": kept.detail}
