"""The OpenAPI document: every route stands in it, every line of its table is a route, and programs can read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from jisr_hub.app.serving import application
from jisr_hub.web import openapi
from jisr_hub.web.described import OPERATIONS
from tests.hub.kept_hub import KeptHub

pytestmark = pytest.mark.anyio


def faults(routes: list[BaseRoute]) -> Iterator[str]:
    """What the table lacks, and what it has too much."""
    served = set(openapi.served(routes))
    for key in sorted(served):
        if openapi.operation_of(key) is None:
            yield f"{' '.join(key)} is served and not described"
    for key in sorted(OPERATIONS.keys() - served):
        yield f"{' '.join(key)} is described and not served"


@pytest.fixture
def kept(tmp_path: Path) -> KeptHub:
    return KeptHub(tmp_path / "hub")


async def nothing(_: Request) -> Response:
    return Response()


async def test_every_route_is_described_and_every_description_is_of_a_route(kept: KeptHub) -> None:
    app = application(kept.folder)
    async with app.router.lifespan_context(app):
        routes = list(app.router.routes)
        assert list(faults(routes)) == []
        assert list(faults([*routes, Route("/v1/new", nothing)])) == ["GET /v1/new is served and not described"]
        lost = [route for route in routes if getattr(route, "path", "") != "/healthz"]
        assert list(faults(lost)) == ["GET /healthz is described and not served"]


async def test_the_document_is_served_and_names_every_operation_once(kept: KeptHub) -> None:
    app = application(kept.folder)
    async with app.router.lifespan_context(app):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.example") as client:
            answer = await client.get(openapi.PATH)
        assert answer.headers["content-type"] == "application/json"
        value: dict[str, Any] = answer.json()
        assert value["openapi"].startswith("3.1")
        told = {(method.upper(), path) for path, methods in value["paths"].items() for method in methods}
        assert told == set(openapi.served(app.router.routes))
    operations = [one for methods in value["paths"].values() for one in methods.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    for one in operations:
        assert one["summary"] and one["responses"]
        for answers in one["responses"].values():
            for content in answers.get("content", {}).values():
                Draft202012Validator.check_schema(content["schema"])
