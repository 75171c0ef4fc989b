"""Sealed messages over HTTP: anybody leaves one, the node alone fetches it, nothing of it is logged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from jisr_hub.mailbox.carrying import Mailboxes
from jisr_hub.storage.mailbox import SqlPost
from jisr_hub.storage.readers import SqlReaders
from jisr_hub.web import api, messages, problem_documents
from jisr_hub.web.tokens import Tokens
from jisr_protocol import sealed, token
from jisr_protocol.reader import sealing
from tests.hub.author import Author
from tests.hub.mailbox_world import CANARY, forms
from tests.hub.viewed import ViewedHub, viewed_hub

pytestmark = pytest.mark.anyio
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[ViewedHub]:
    async with viewed_hub(tmp_path / "hub.sqlite") as hub:
        author = Author("dar")
        await hub.admit(author, Author("other"))
        author.put("one")
        await hub.push(author)
        yield hub


@pytest.fixture
async def client(hub: ViewedHub) -> AsyncIterator[httpx.AsyncClient]:
    async def nowhere(_: str) -> str:
        return ""

    tokens = Tokens(SqlReaders(hub.ledger), hub.id, hub.clock)
    boxes = Mailboxes(hub.id, hub.ledger, SqlPost(hub.ledger.database), hub.clock, nowhere)
    routes = [
        *api.routes(hub.hub, hub.publisher, hub.pages, wake_peers=lambda: None, tokens=tokens),
        *messages.routes(boxes, tokens),
    ]
    app = Starlette(routes=routes, exception_handlers=problem_documents.HANDLERS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.example") as client:
        yield client


def letter(hub: ViewedHub, to: Author, number: int = 1) -> bytes:
    plain = sealed.write(
        id=f"00000000-0000-4000-8000-{number:012d}", to=to.id, sent=hub.clock(), text=CANARY, reply="a phone",
        sender={"kind": "person"},
    )  # fmt: skip
    return sealing.seal(plain, to.ring)


async def key_of(client: httpx.AsyncClient, hub: ViewedHub, who: Author, scope: str = "mailbox") -> dict[str, str]:
    """The header of a token for this scope."""
    said = token.assertion(who.writer.key, by=who.id, hub=hub.id, jti=scope, now=hub.clock())
    form = {
        "grant_type": "client_credentials", "scope": scope, "client_assertion": said,
        "client_assertion_type": token.ASSERTION_TYPE,
    }  # fmt: skip
    answer = await client.post("/v1/token", content=urlencode(form), headers=FORM)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_message_is_left_fetched_and_taken_and_nothing_of_it_is_logged(
    hub: ViewedHub, client: httpx.AsyncClient
) -> None:
    dar, other = Author("dar"), Author("other")
    place, raw = f"/v1/nodes/{dar.id}/messages", letter(hub, dar)
    with capture_logs() as logs:
        left = await client.post(place, content=raw)
        assert left.status_code == 202
        digest = left.json()["digest"]
        strangers = ({}, await key_of(client, hub, other), await key_of(client, hub, dar, "log-state"))
        for headers in strangers:
            for refused in (
                await client.get(place, headers=headers),
                await client.post(place + "/taken", json={"digests": [digest]}, headers=headers),
            ):
                assert (refused.status_code, refused.json()["rule"]) == (401, "SEAL-17")
        key = await key_of(client, hub, dar)
        found = (await client.get(place, headers=key)).json()
        assert found == {"messages": [{"digest": digest, "sealed": raw.decode()}], "more": 0}
        gone = await client.post(place + "/taken", json={"digests": [digest]}, headers=key)
        assert gone.json() == {"gone": 1}
        assert (await client.get(place, headers=key)).json() == {"messages": [], "more": 0}
        again = await client.post(place, content=raw)
        assert (again.status_code, again.json()["code"]) == (409, "message_seen")
    said = repr(logs).encode()
    assert not any(form in said for form in [*forms(CANARY), digest.encode(), raw[-60:]])


@pytest.mark.parametrize("body", [b"", b"{}", b'{"digests":["x"]}', b'{"digests":5}', b"[]"])
async def test_what_does_not_say_which_messages_were_taken_is_told_the_form(
    hub: ViewedHub, client: httpx.AsyncClient, body: bytes
) -> None:
    dar = Author("dar")
    key = await key_of(client, hub, dar)
    answer = await client.post(f"/v1/nodes/{dar.id}/messages/taken", content=body, headers=key)
    assert answer.json()["code"] == "malformed" and '{"digests"' in answer.json()["detail"]


async def test_refusals_are_sentences_with_when_to_come_again(hub: ViewedHub, client: httpx.AsyncClient) -> None:
    dar = Author("dar")
    place = f"/v1/nodes/{dar.id}/messages"
    nobody = await client.post("/v1/nodes/" + Author("stranger").id + "/messages", content=letter(hub, dar))
    assert (nobody.status_code, nobody.json()["code"]) == (404, "not_found")
    wrong = await client.post(place, content=CANARY.encode())
    assert (wrong.status_code, wrong.json()["code"]) == (400, "malformed")
    large = await client.post(place, content=b"a" * 60_000)
    assert large.status_code == 413
    for number in range(18):
        assert (await client.post(place, content=letter(hub, dar, number))).status_code == 202
    late = await client.post(place, content=letter(hub, dar, 99))
    assert (late.status_code, late.json()["code"]) == (429, "rate_limited")
    assert 3500 < int(late.headers["Retry-After"]) <= 3601
