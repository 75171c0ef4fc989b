"""An OpenAPI 3.1 document of the whole HTTP API, made of the routes that are served and the table in described.py.

The desk's pages and static files describe themselves; for every other route there is a line in the table. One without a
line is a fault that a test finds, and so is a line without a route.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from jisr_protocol.pages.rendering import media_type

from .described import OPERATIONS, PROBLEM, Operation, page_of_the_desk, static_file

PATH = "/v1/openapi.json"
_CONVERTER = re.compile(r"\{(\w+):\w+\}")
_NAME = re.compile(r"\{(\w+)\}")
_DESK, _STATIC = "/desk", "/static/"

Key = tuple[str, str]


def served(routes: Iterable[BaseRoute]) -> Iterator[Key]:
    """Method and address of every route, as the document writes them; HEAD follows from GET."""
    for route in routes:
        if isinstance(route, Route):
            for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
                yield method, _CONVERTER.sub(r"{\1}", route.path)


def operation_of(key: Key) -> Operation | None:
    """What the document says of a route; None when it says nothing."""
    method, path = key
    if path == _DESK or path.startswith(f"{_DESK}/"):
        return page_of_the_desk(method, path)
    if path.startswith(_STATIC):
        return static_file(media_type(path.removeprefix(_STATIC)))
    return OPERATIONS.get(key)


def write(routes: Iterable[BaseRoute], address: str, version: str) -> dict[str, Any]:
    """The document."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path in served(routes):
        operation = operation_of((method, path))
        if operation is not None:
            paths.setdefault(path, {})[method.lower()] = _operation(method, path, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Jisr hub",
            "version": version,
            "description": "The feed and its calls (docs/spec), the desk for programs, and the pages for people.",
        },
        "servers": [{"url": address}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {"Problem": PROBLEM},
            "securitySchemes": {
                "desk": {"type": "http", "scheme": "bearer", "description": "An API token of somebody at the desk."},
                "reader": {"type": "http", "scheme": "bearer", "description": "A token of POST /v1/token."},
            },
        },
    }


def route(routes: Iterable[BaseRoute], address: str, version: str) -> Route:
    """Where the document is read; `routes` are all others."""
    everything = list(routes)

    async def openapi(request: Request) -> Response:
        return Response(content, 200, {"Cache-Control": "public, max-age=3600"}, "application/json")

    here = Route(PATH, openapi)
    content = orjson.dumps(write([*everything, here], address, version)) + b"\n"
    return here


def _operation(method: str, path: str, operation: Operation) -> dict[str, Any]:
    name = re.sub(r"\W+", "_", path).strip("_") or "root"
    parameters = [_parameter(each, "path", operation.parameters) for each in _NAME.findall(path)]
    parameters += [{**each, "in": "query"} for each in operation.query]
    value: dict[str, Any] = {
        "operationId": f"{method.lower()}_{name}",
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": {str(status): _answer(status, types) for status, types in sorted(operation.answers.items())},
    }
    if parameters:
        value["parameters"] = parameters
    if operation.body:
        content = {kind: {"schema": schema} for kind, schema in operation.body.items()}
        value["requestBody"] = {"required": operation.body_needed, "content": content}
    if operation.security:
        value["security"] = [{operation.security: []}]
    return value


def _parameter(name: str, place: str, told: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": True, "schema": told.get(name, {"type": "string", "minLength": 1})}


def _answer(status: int, types: Mapping[str, Any] | None) -> dict[str, Any]:
    value: dict[str, Any] = {"description": _SAID.get(status, "see the problem document")}
    if types:
        value["content"] = {kind: {"schema": schema} for kind, schema in types.items()}
    return value


_SAID = {
    200: "what was asked for",
    202: "taken, and not done yet",
    204: "done",
    303: "go on there",
    304: "what the reader holds is still it",
    307: "it is there",
}
