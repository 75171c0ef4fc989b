"""Matching at a hub: groups of at least five are told, and of one volunteer nothing (MAT-1 to MAT-4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from jisr_hub.storage.matching import held_facts
from jisr_hub.web import matches, problem_documents
from jisr_protocol import identifiers
from jisr_protocol.limits import MATCHES_PER_SOURCE_HOUR
from tests.hub.author import Author
from tests.hub.viewed import ViewedHub, viewed_hub

pytestmark = pytest.mark.anyio
PROFILE = {
    "intermediary": "528279e1-a837-466a-a474-f200a6745e0f",
    "area": [{"scheme": "nuts", "code": "NL329"}],
    "availability": {"MO": ["morning"]},
    "languages": [{"lang": "ar"}],
}


def volunteers(author: Author, count: int, start: int = 0, expires: str = "2099-01-01T00:00:00Z") -> None:
    for number in range(start, start + count):
        value = author.value(f"v{number}", rev=1, audience="partners", type="org.jisr.volunteer/1", expires=expires)
        del value["name"]
        author.add(author.sign(value | PROFILE), feed="partners")


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[ViewedHub]:
    async with viewed_hub(tmp_path / "hub.sqlite") as hub:
        seven, four = Author("seven"), Author("four")
        await hub.admit(seven, four)
        volunteers(seven, 7)
        volunteers(seven, 6, 20, "2020-01-01T00:00:00Z")
        volunteers(four, 4)
        for author in (seven, four):
            await hub.push(author, feed="partners")
        await hub.view("partners", audience="partners")
        await hub.publish()
        await hub.round()
        yield hub


async def test_only_groups_are_told_and_only_of_who_is_there_now(hub: ViewedHub) -> None:
    async def held() -> list[tuple[str, object]]:
        ledger = hub.views.shown["partners"].room.ledger
        return await held_facts(ledger, identifiers.to_instant(hub.clock()))

    app = Starlette(routes=matches.routes(held, hub.clock), exception_handlers=problem_documents.HANDLERS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.example") as client:
        answer = await client.post("/v1/matches", content=b'{"areas":["NL329"],"languages":["ar"]}')
        assert answer.json() == {"groups": [{"at_least": 5, "node": Author("seven").id}]}
        nobody = await client.post("/v1/matches", content=b'{"when":["SU-night"]}')
        assert nobody.json() == {"groups": []}
        wrong = await client.post("/v1/matches", content=b'{"name":"Yusra"}')
        assert (wrong.status_code, wrong.json()["rule"]) == (400, "MAT-1")
        for _ in range(MATCHES_PER_SOURCE_HOUR - 3):
            await client.post("/v1/matches", content=b"{}")
        late = await client.post("/v1/matches", content=b'{"areas":["NL329"]}')
        assert (late.status_code, late.json()["rule"]) == (429, "MAT-4")
