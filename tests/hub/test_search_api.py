"""`GET /v1/search`: the search for programs. Any query string is answered, in one form, and a cache may keep it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from urllib.parse import quote

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from jisr_hub.directory.document import document
from jisr_hub.directory.index import Index
from jisr_hub.ports.search import Found, Query
from jisr_hub.storage.directory import SqlDirectory
from jisr_hub.web import search
from tests.hub.memory_directory import NODE, NOW, MemoryDirectory, record
from tests.hub.search_world import SearchedHub, said, searched_hub

pytestmark = pytest.mark.anyio
_VALUES = st.one_of(
    st.text(max_size=80), st.sampled_from(["now", "35,-5", "yes", "near", "new", "service", "0.1", "قف"])
)
_NAMES = ["q", "type", "theme", "for", "what", "lang_spoken", "cost", "area", "near", "within", "open", "remote"]
_PAIRS = st.lists(st.tuples(st.sampled_from([*_NAMES, "order", "page", "other"]), _VALUES), max_size=12)


async def nobody(nodes: Iterable[str]) -> set[str]:
    return set()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[SearchedHub]:
    async with searched_hub(tmp_path / "hub.sqlite") as found:
        await found.fill({"one": {"name": said(fr="Cours de français")}, "two": {"name": said(nl="Taalles")}})
        yield found


async def test_what_is_found_comes_with_its_record_and_its_address(world: SearchedHub) -> None:
    hub = world.hub
    directory = SqlDirectory(hub.ledger, "Hub", "/feeds/public", nobody, hub.curation, hub.clock)
    app = Starlette(routes=search.routes(world.searching, directory, hub.clock))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as browser:
        answer = await browser.get("/v1/search?q=cour&colour=red&page=1")
        value = answer.json()
        assert (answer.status_code, value["total"], value["left_out"], value["query"]) == (200, 1, ["colour"], "q=cour")
        (hit,) = value["hits"]
        assert hit["record"]["name"] == said(fr="Cours de français") and hit["matched"] == ["cours"]
        assert hit["entry"].endswith(hit["id"]) and value["facets"]["type"] == [{"code": "service", "count": 1}]
        again = await browser.get(
            "/v1/search?q=cour&page=1&colour=red", headers={"If-None-Match": answer.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"") and "max-age" in again.headers["cache-control"]


class Indexed:
    """The port Search over a few records in memory."""

    def __init__(self) -> None:
        self.index = Index()
        self.directory = MemoryDirectory([record(number, name=said(fr=f"Cours {number}")) for number in range(9)])
        for doc, one in enumerate(self.directory.records):
            self.index.put(doc, (NODE, one["id"]), document(one))

    async def find(self, query: Query) -> Found:
        return self.index.find(query, NOW)


@pytest.fixture(scope="module")
def any_question() -> TestClient:
    indexed = Indexed()
    return TestClient(Starlette(routes=search.routes(indexed, indexed.directory, lambda: NOW)))


@given(_PAIRS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query_string_is_answered(any_question: TestClient, pairs: list[tuple[str, str]]) -> None:
    asked = "&".join(f"{name}={quote(value.encode('utf-8', 'surrogatepass'))}" for name, value in pairs)
    answer = any_question.get(f"/v1/search?{asked}")
    assert answer.status_code == 200
    value = answer.json()
    assert len(value["hits"]) <= 20 and value["total"] <= 9


@given(st.binary(max_size=60))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_answered(any_question: TestClient, raw: bytes) -> None:
    assert any_question.get(f"/v1/search?q={quote(raw)}&near={quote(raw)}&type={quote(raw)}").status_code == 200
