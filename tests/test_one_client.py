"""There is one way out: no source but reader/http.py and its guard may open a connection to another machine.

Read with `ast`, so that nothing has to be imported. What is forbidden is the importing of a module that makes
connections, wherever it is done, and the calling of what makes one by its well-known name. Tests and the benchmark
may speak to servers as they like; run.py starts things on this machine and is no part of what is installed.
"""

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ["protocol", "node", "hub", "examples"]

CLIENT = "protocol/jisr_protocol/reader/http.py"
GUARD = "protocol/jisr_protocol/reader/guard.py"
BUILDS_CONNECTIONS = {CLIENT, GUARD}
BUCKETS = ("hub/jisr_hub/storage/objects.py", "node/jisr_node/adapters/bucket.py")
"""The one other way out: to the store of objects that the operator's own settings name (docs/decisions/0042)."""

MAIL = "hub/jisr_hub/mail/smtp.py"
"""And one to the operator's own mail server (docs/decisions/0067)."""

CLIENT_MODULES = {
    "aiohttp",
    "aiosmtplib",
    "authlib.integrations.httpx_client",
    "authlib.integrations.requests_client",
    "boto3",
    "botocore",
    "ftplib",
    "http.client",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
    "obstore",
    "pycurl",
    "requests",
    "smtplib",
    "telnetlib",
    "urllib.request",
    "urllib3",
    "websockets",
    "xmlrpc.client",
}
DIALLING_NAMES = {
    "connect_tcp",
    "create_connection",
    "create_datagram_endpoint",
    "open_connection",
    "sock_connect",
    "urlopen",
    "urlretrieve",
}


def ways_out(source: str) -> Iterator[str]:
    """Every line and name in the source by which it could reach another machine on its own."""
    for node in ast.walk(ast.parse(source)):
        strays = [name for name in imported(node) if of_a_client(name) or dials(name)]
        strays += [name for name in used(node) if dials(name)]
        yield from (f"line {getattr(node, 'lineno', 0)}: {name}" for name in strays)


def imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom(level=0):
            return [f"{node.module}.{alias.name}" for alias in node.names]
        case ast.Call(func=ast.Attribute(attr="import_module")) | ast.Call(func=ast.Name(id="__import__")):
            return [str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)]
    return []


def used(node: ast.AST) -> list[str]:
    return [ast.unparse(node)] if isinstance(node, ast.Attribute | ast.Name) else []


def of_a_client(name: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in CLIENT_MODULES)


def dials(name: str) -> bool:
    return name.rpartition(".")[2] in DIALLING_NAMES


def sources() -> dict[str, str]:
    files = (path for folder in SOURCES for path in sorted((ROOT / folder).rglob("*.py")))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}


def test_no_source_reaches_another_machine_but_through_the_guarded_client() -> None:
    found = sources()
    assert found.keys() >= BUILDS_CONNECTIONS, "the reader has moved; name its place here"
    others = {path: text for path, text in found.items() if path not in BUILDS_CONNECTIONS}
    assert len(others) > 5
    strays = [f"{path} {way}" for path, text in others.items() for way in ways_out(text)]
    to_the_bucket = [stray for stray in strays if stray.startswith(BUCKETS) and ": obstore" in stray]
    assert {stray.split()[0] for stray in to_the_bucket} == {*BUCKETS}, "a store of objects has moved; name it here"
    to_the_mail = [stray for stray in strays if stray.startswith(f"{MAIL} ") and ": aiosmtplib" in stray]
    assert to_the_mail, "the mail server's adapter has moved; name its place here"
    assert set(strays) == {*to_the_bucket, *to_the_mail}, "use jisr_protocol.reader.http.GuardedClient instead"


def test_only_the_client_builds_a_client_and_only_the_guard_builds_its_connections() -> None:
    found = sources()
    assert "AsyncClient(" in found[CLIENT]
    assert "AsyncClient(" not in found[GUARD]
    assert "AsyncConnectionPool(" in found[GUARD]
    assert "AsyncConnectionPool(" not in found[CLIENT]


@pytest.mark.parametrize(
    "planted",
    [
        "import httpx2",
        "import httpx2 as web\nweb.AsyncClient()",
        "from httpx2 import AsyncClient",
        "import httpx",
        "import httpcore2",
        "from httpcore2 import AsyncConnectionPool",
        "import urllib.request",
        "from urllib import request",
        "from urllib.request import urlopen",
        "import urllib\nurllib.request.urlopen('http://hub.example/')",
        "import http.client",
        "from http.client import HTTPSConnection",
        "from http import client",
        "import aiohttp",
        "import requests.sessions",
        "import obstore",
        "from obstore.store import S3Store",
        "from authlib.integrations.httpx_client import AsyncOAuth2Client",
        "import socket\nsocket.create_connection(('hub.example', 443))",
        "from socket import create_connection",
        "import asyncio\nasyncio.open_connection('hub.example', 443)",
        "from asyncio import open_connection as dial",
        "async def f(loop):\n    await loop.create_connection(None, 'hub.example', 443)",
        "import anyio\nanyio.connect_tcp('hub.example', 443)",
        "import importlib\nimportlib.import_module('httpx2')",
        "__import__('http.client')",
        "def late():\n    import httpx2",
    ],
)
def test_a_planted_client_is_found(planted: str) -> None:
    assert list(ways_out(planted))


def test_honest_sources_are_left_alone() -> None:
    honest = """
        import http.cookiejar
        import socket
        from urllib.parse import urlsplit
        from jisr_protocol.reader.http import GuardedClient
        from starlette.requests import Request
        from .requests import answered
        requests = [5]
        requests.append(6)
        sqlite = engine.connect()
        text = "import httpx2"
    """
    assert list(ways_out(textwrap.dedent(honest))) == []
