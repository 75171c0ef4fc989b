"""No word of a `partners`, `hub` or `local` record leaves by any public way.

Every text field of every rev gets a word of its own, a canary. Records are written, narrowed, widened and deleted; then
everything that a stranger can fetch from node or hub, or a follower can have, is searched for the words that are not
public. The words that are public must be found: that shows that the search works.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from jisr_hub import config
from jisr_hub.app.serving import application
from jisr_hub.cli import inspection, setting_up
from jisr_hub.web.language import load_languages
from jisr_node.adapters.hub import HttpHub
from jisr_node.app import Node
from jisr_node.web.feed import site
from jisr_protocol import paths, schema, state_tree
from jisr_protocol.identifiers import AUDIENCES
from jisr_protocol.reader.answers import Answer
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from jisr_protocol.session import Outcome
from tests.hub.hub_in_memory import Clock, MemoryHub

SCHEMAS = Path(__file__).resolve().parents[2] / "protocol" / "schemas"
EXAMPLES = [json.loads(path.read_text("utf-8")) for path in sorted(SCHEMAS.glob("*/examples/valid/*.json"))]
RECORDS = [example.get("record", example) for example in EXAMPLES]
GIVEN = ("id", "node", "rev", "salt", "created", "modified", "audience", "type", "status", "source")
_numbers = itertools.count()


def word() -> str:
    """A word that nothing else says, of letters only: some fields refuse digits."""
    digits = f"{next(_numbers):06d}"
    return "canary" + "".join("abcdefghij"[int(digit)] for digit in digits)


@dataclass
class Told:
    """Words by whether the public may read them, and ids that were never public."""

    secret: dict[str, str] = field(default_factory=dict)
    public: dict[str, str] = field(default_factory=dict)


def planted(record: dict[str, Any], where: dict[str, str], note: str) -> dict[str, Any]:
    """The record with a word of its own in every text field that takes one; the words go into `where`."""
    whole = json.loads(json.dumps(record))
    type_name = whole["type"]

    def walk(value: Any, path: str) -> None:
        steps = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
        for step, part in steps:
            if path == "" and step in GIVEN:
                continue
            if not isinstance(part, str):
                walk(part, f"{path}/{step}")
                continue
            canary = word()
            for candidate in (f"{part} {canary}", f"{part}{canary}", canary, f"https://{canary}.example/"):
                value[step] = candidate
                if schema.accepts(type_name, whole):
                    where[canary] = f"{note}{path}/{step}"
                    break
            else:
                value[step] = part

    walk(whole, "")
    return whole


class ThroughTheApp:
    """The node's guarded client, with the hub's application on the other end instead of a network."""

    def __init__(self, client: TestClient) -> None:
        self._client = client

    async def get(self, url: str, **_: Any) -> Answer:
        return self._answer(self._client.get(url))

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        return self._answer(self._client.post(url, content=body, headers=headers))

    def _answer(self, got: Any) -> Answer:
        return Answer(got.status_code, dict(got.headers), got.content, None)


def forms(content: bytes) -> Iterator[bytes]:
    """The bytes, and what they inflate to."""
    yield content
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    if content[:4] == b"\x28\xb5\x2f\xfd":
        yield zstandard.decompress(content)


def folder(place: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(place.rglob("*")):
        if file.is_file():
            yield f"{place.name}/{file.relative_to(place)}", file.read_bytes()


def fetched(client: TestClient, addresses: list[str], **headers: str) -> Iterator[tuple[str, bytes]]:
    for address in addresses:
        answer = client.get(address, headers=headers)
        assert answer.status_code < 500, address
        yield address, answer.content + repr(sorted(answer.headers.items())).encode()


def hub_addresses(client: TestClient, head: dict[str, Any], ids: list[tuple[str, str]], node: str) -> list[str]:
    """Every address of a hub that a stranger can think of, for records he should not know too."""
    pages = [path for _, _, path in paths.pages(head["epoch"], 0, head["size"])]
    found = [f"/feeds/public/{path}" for path in pages]
    queue, seen = [head["state_root"]], set()
    while queue:
        hashed = queue.pop()
        seen.add(hashed)
        body = client.get(f"/feeds/public/inv/{hashed}.json").content
        if body.startswith((b"{", b'["')):
            queue += set(_hashes(orjson.loads(body))) - seen
    found += [f"/feeds/public/inv/{hashed}.json" for hashed in sorted(seen)]
    for code in load_languages():
        found += [f"/directory?lang={code}", f"/directory?lang={code}&page=2"]
        found += [f"/directory/{node_id}/{id_}?lang={code}" for node_id, id_ in ids]
    found += [f"/directory?type={type_name}" for type_name in schema.types()]
    found += [
        "/",
        "/.well-known/jisr.json",
        "/keys.json",
        "/feeds/public/keys.json",
        "/feeds/public/head.json",
        "/healthz",
    ]
    found += [f"/feeds/public/head.json?after={head['size']}&wait=0", "/readyz", "/nothing", "/feeds/hub/head.json"]
    found += [f"/v1/nodes/{node}/feeds/{name}/log{tail}" for name in AUDIENCES for tail in ("", "/state")]
    return found


def _hashes(value: Any) -> list[str]:
    parts = value.values() if isinstance(value, dict) else value
    flat = [item for part in parts for item in (part if isinstance(part, list) else [part])]
    empty = {state_tree.bucket_hash(b"").hex()}
    return [item for item in flat if isinstance(item, str) and len(item) == 64 and item not in empty]


def search(told: Told, ways: Iterator[tuple[str, bytes]], found: set[str]) -> int:
    """Look for every secret word in everything; note the public ones that were seen. Returns how many things."""
    count = 0
    for name, content in ways:
        for form in forms(content):
            count += 1
            for secret, place in told.secret.items():
                assert secret.encode() not in form, f"{place} leaks by {name}"
            found |= {public for public in told.public if public.encode() in form}
    return count


_history = st.lists(st.sampled_from([*AUDIENCES, "deleted"]), min_size=1, max_size=4)
_histories = st.lists(st.tuples(st.integers(0, len(RECORDS) - 1), _history), min_size=1, max_size=6)


def walk_every_way_out(place: Path, histories: list[tuple[int, list[str]]], silent: set[int]) -> tuple[int, Told]:
    """One node and one hub live through these histories; everything public is searched."""
    told = Told()
    made = setting_up.create(
        place / "hub", name="Hub", country="MA", lang="fr", address="http://testserver", allow_private=True,
        random_bytes=lambda n: next(_seeds).to_bytes(n, "big"),
    )  # fmt: skip
    hub_id = asyncio.run(made).id
    config.write(place / "hub", config.read(place / "hub").model_copy(update={"publish_seconds": 0.01}))
    node = Node.init(place / "node", name="Node", country="MA", lang="ar")
    candidate = asyncio.run(setting_up.candidate(place / "hub", str(place / "node" / "keys.json")))
    asyncio.run(setting_up.admit(place / "hub", candidate, "Node"))
    ever_public: set[str] = set()
    ids: dict[int, str] = {}
    with TestClient(application(place / "hub")) as client:
        # it has only what HttpHub asks of a client
        link = HttpHub("http://testserver", ThroughTheApp(client))
        for step in range(max(len(history) for _, history in histories)):
            for number, (which, history) in enumerate(histories):
                if step < len(history):
                    _write(node, number, RECORDS[which], history[step], told, ids, ever_public)
            node.publish()
            if step not in silent:
                assert not asyncio.run(node.push(link)).errors
        sent = asyncio.run(node.push(link))
        assert not sent.errors
        told.secret.update({id_: "the id of a record that never was public" for id_ in ids.values() if
                            id_ not in ever_public})  # fmt: skip
        head = _settled(client, place / "hub")
        node.export(place / "export")
        known = [(node.id, id_) for id_ in ids.values() if id_ not in told.secret]
        found: set[str] = set()
        addresses = hub_addresses(client, head, known, node.id)
        count = search(told, fetched(client, addresses), found)
        for encoding in ("identity", "gzip", "zstd"):
            count += search(told, fetched(client, addresses[:3], **{"accept-encoding": encoding}), found)
        asked = [f"/directory/{node.id}/{id_}" for id_ in ids.values()]
        for address in asked:
            answer = client.get(address, headers={"accept": "text/html"})
            hidden = address.rpartition("/")[2] in told.secret
            assert answer.status_code == (404 if hidden else answer.status_code)
    assert found == set(told.public), "a word that was public was not seen in any page: the search sees nothing"
    count += search(told, folder(place / "hub" / "public"), found)
    count += search(told, folder(place / "export"), found)
    app = TestClient(site(place / "export", node.id))
    names = [name.partition("/")[2] for name, _ in folder(place / "export")]
    count += search(told, fetched(app, [f"/{name}" for name in [*names, "healthz", "nothing"]]), found)
    count += search(told, _followers(place, hub_id), found)
    node.close()
    assert asyncio.run(inspection.check(place / "hub", lambda *_: None))["faults"] == []
    return count, told


_seeds = itertools.count(1)


def _write(
    node: Node, number: int, example: dict[str, Any], audience: str, told: Told, ids: dict[int, str], shown: set[str]
) -> None:
    if audience == "deleted":
        if number in ids and node.store.record(ids[number]):
            node.delete(ids[number])
        return
    where: dict[str, str] = {}
    draft = planted({**example, "audience": audience}, where, f"{audience} {example['type']}")
    draft = {name: part for name, part in draft.items() if name not in ("node", "rev", "salt", "created", "modified")}
    draft["id"] = ids.setdefault(number, f"{next(_seeds):08x}-aaaa-4aaa-8aaa-{number:012x}")
    draft.pop("source", None)
    taken = node.import_drafts([draft])
    assert not taken.refused, taken.refused
    (told.public if audience == "public" else told.secret).update(where)
    if audience == "public":
        shown.add(draft["id"])


def _settled(client: TestClient, hub: Path) -> dict[str, Any]:
    """The head once it covers all that was stored."""
    size = asyncio.run(inspection.status(hub))["size"]
    head = client.get(f"/feeds/public/head.json?after={size - 1}&wait=20").json()["head"]
    assert head["size"] >= size, "the hub appends statements and node heads by itself later"
    return dict(head)


def _followers(place: Path, hub_id: str) -> Iterator[tuple[str, bytes]]:
    """A reader's copy, what it tells, and what a second hub makes of the feed."""
    copy = place / "copy.jisr"
    result = follow_once(place / "hub" / "public", copy)
    assert result.outcome is Outcome.VERIFIED, result.sentence
    assert result.refused == []
    yield "copy.jisr", copy.read_bytes()
    with open_copy(copy) as held:
        yield "dump", b"".join(held.dump())
        yield "changes", repr(list(held.changes())).encode()

    async def second() -> MemoryHub:
        hub = await MemoryHub("second", clock=Clock(datetime.now(UTC))).begin()
        await hub.follow_folder(place / "hub" / "public", hub_id, place)
        await hub.publish()
        return hub

    for path, content in asyncio.run(second()).pages.files.items():
        yield f"the second hub's {path}", content


@settings(max_examples=max(3, settings().max_examples // 30), phases=(Phase.generate,))  # each is a whole hub
@given(histories=_histories, silent=st.sets(st.integers(0, 3)))
def test_no_restricted_word_leaves_by_any_public_way(histories: list[tuple[int, list[str]]], silent: set[int]) -> None:
    with tempfile.TemporaryDirectory() as place:
        walk_every_way_out(Path(place), histories, silent)


@pytest.mark.parametrize("audience", ["partners", "hub", "local"])
def test_a_record_of_every_type_stays_where_its_audience_says(
    tmp_path: Path, audience: str, figure: Callable[..., None]
) -> None:
    histories = [(number, [audience]) for number in range(len(RECORDS))] + [(0, ["public"])]
    count, told = walk_every_way_out(tmp_path, histories, set())
    types = {record["type"] for record in RECORDS}
    assert types == set(schema.types())
    figure(f"{len(told.secret)} words of {len(types)} types for {audience} searched in {count} public things: none")


def test_a_leak_would_be_found(tmp_path: Path) -> None:
    """The search itself: a public word taken for a secret one is found."""
    count, told = walk_every_way_out(tmp_path, [(0, ["public"])], set())
    leaked = Told(secret=told.public)
    with pytest.raises(AssertionError, match="leaks by"):
        search(leaked, folder(tmp_path / "hub" / "public"), set())
    with pytest.raises(AssertionError, match="leaks by"):
        search(leaked, folder(tmp_path / "export"), set())
    assert count > 100
