"""Who may import whom: directions 1 to 3 of docs/architecture.md, read from the sources with `ast`.

Each rule below names a place and what may not be imported or called there. A source is judged by its path
and text alone, so every rule is also fed a planted fault, and must find it.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("protocol/jisr_protocol", "node/jisr_node", "hub/jisr_hub")

NETWORK = (
    *("httpx2", "httpx", "httpcore2", "requests", "aiohttp", "urllib3", "urllib.request", "http.client"),
    *("socket", "ftplib", "telnetlib", "websockets", "asyncio.open_connection", "asyncio.open_unix_connection"),
)
# what a pure function does not need: files, environment, event loop, processes, database, clock, randomness
IMPURE = (
    *NETWORK,
    *("os", "sys", "shutil", "tempfile", "glob", "fileinput", "mmap", "subprocess", "multiprocessing"),
    *("asyncio", "anyio", "threading", "concurrent", "select", "selectors", "signal", "ssl", "logging"),
    *("sqlite3", "aiosqlite", "sqlalchemy", "time", "random", "secrets", "numpy.random", "nacl.utils"),
    *("uuid.uuid1", "uuid.uuid4", "http", "starlette", "uvicorn", "typer", "rich", "stamina"),
)
IMPURE_CALLS = (
    *("open", "input", "print", "__import__", "import_module", "datetime.now", "datetime.utcnow"),
    *("datetime.today", "date.today", "uuid1", "uuid4", "urandom", "generate", "getenv"),
)


def inside(*places: str) -> Callable[[str], bool]:
    """Tell whether a module is one of the places or stands below one."""
    return lambda module: any(module == place or module.startswith(f"{place}.") for place in places)


def outside(*places: str) -> Callable[[str], bool]:
    within = inside(*places)
    return lambda module: not within(module)


RIMS = ("jisr_protocol.reader", "jisr_protocol.pages")


def core(module: str) -> bool:
    return inside("jisr_protocol")(module) and outside(*RIMS)(module)


@dataclass(frozen=True)
class Rule:
    """In modules where `applies` holds, none of `names` may be imported and none of `calls` called."""

    name: str
    applies: Callable[[str], bool]
    names: tuple[str, ...]
    calls: tuple[str, ...] = ()


RULES = (
    Rule("the core imports none of ours", core, (*RIMS, "jisr_node", "jisr_hub")),
    Rule("the core does no I/O, asks no clock and draws nothing", core, IMPURE, IMPURE_CALLS),
    Rule(
        "in the core only the schema loader reads files",
        lambda module: core(module) and module != "jisr_protocol.schema",
        ("pathlib", "io.open", "importlib"),
        ("read_text", "read_bytes", "write_text", "write_bytes"),
    ),
    Rule("the reader imports neither node nor hub", inside("jisr_protocol.reader"), ("jisr_node", "jisr_hub")),
    Rule("the pages' rim imports neither node nor hub", inside("jisr_protocol.pages"), ("jisr_node", "jisr_hub")),
    Rule(
        "the pages' rim asks no clock and draws nothing",
        inside("jisr_protocol.pages"),
        ("time", "random", "secrets", "os", "asyncio", "jisr_protocol.reader"),
        ("datetime.now", "datetime.today", "date.today", "uuid4", "urandom"),
    ),
    Rule("the node does not import the hub", inside("jisr_node"), ("jisr_hub",)),
    Rule("the hub does not import the node", inside("jisr_hub"), ("jisr_node",)),
    Rule("only the reader opens connections", outside("jisr_protocol.reader"), NETWORK),
    Rule(
        "HTTP words live in web and reader, and app and cli wire them",
        outside(
            "jisr_protocol.reader", *(f"jisr_{who}.{part}" for who in ("node", "hub") for part in ("web", "app", "cli"))
        ),
        ("starlette", "uvicorn", "http", "authlib"),
    ),
    Rule(
        "templates are read in the pages' rim and in web",
        outside("jisr_protocol.pages", "jisr_node.web", "jisr_hub.web"),
        ("jinja2", "babel"),
    ),
    Rule("SQLAlchemy lives in the hub's storage", outside("jisr_hub.storage"), ("sqlalchemy", "alembic", "aiosqlite")),
    Rule(
        "SQLite lives in storage, adapters and reader",
        outside(
            "jisr_hub.storage", "jisr_hub.adapters", "jisr_node.storage", "jisr_node.adapters", "jisr_protocol.reader"
        ),
        ("sqlite3",),
    ),
    Rule(
        "only app and cli know the node's adapters",
        outside("jisr_node.adapters", "jisr_node.storage", "jisr_node.app", "jisr_node.cli"),
        ("jisr_node.adapters", "jisr_node.storage"),
    ),
    Rule(
        "only app and cli know the hub's adapters",
        outside("jisr_hub.adapters", "jisr_hub.storage", "jisr_hub.app", "jisr_hub.cli"),
        ("jisr_hub.adapters", "jisr_hub.storage"),
    ),
)


def module_of(path: Path) -> str:
    """protocol/jisr_protocol/reader/cli.py -> jisr_protocol.reader.cli"""
    parts = path.with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and absolute name of everything imported; `from a import b` may mean the module a.b."""
    package = module_of(path).split(".") if path.stem == "__init__" else module_of(path).split(".")[:-1]
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.split(".")[0]
                bound[alias.asname or name] = name
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            yield from ((node.lineno, str(arg.value)) for arg in node.args if isinstance(arg, ast.Constant))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            # `asyncio.open_connection` after `import asyncio`
            root, _, rest = ast.unparse(node).partition(".")
            if root in bound:
                yield node.lineno, f"{bound[root]}.{rest}"


def calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def faults(path: Path, source: str) -> list[str]:
    """Judge one source; `path` is relative to the repository. One sentence a fault, the rule's name first."""
    tree = ast.parse(source)
    module = module_of(path)
    imported, called = list(imports(path, tree)), list(calls(tree))
    found = []
    for rule in RULES:
        if not rule.applies(module):
            continue
        for line, name in imported:
            if inside(*rule.names)(name):
                found.append(f"{rule.name}: {path}:{line} has {name}")
        for line, name in called:
            if any(name == call or name.endswith(f".{call}") for call in rule.calls):
                found.append(f"{rule.name}: {path}:{line} calls {name}")
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_the_sources_keep_the_directions(package: str) -> None:
    sources = sorted((ROOT / package).rglob("*.py"))
    assert sources, f"no source found in {package}"
    found = [fault for path in sources for fault in faults(path.relative_to(ROOT), path.read_text(encoding="utf-8"))]
    assert found == [], "\n" + "\n".join(found)


CORE = "protocol/jisr_protocol/keys.py"
NODE = "node/jisr_node/outbox.py"
HUB = "hub/jisr_hub/ingest.py"
PLANTED = [
    (RULES[0], CORE, "from .reader import http"),
    (RULES[0], CORE, "def f():\n    import jisr_hub.log"),
    (RULES[0], "protocol/jisr_protocol/__init__.py", "from . import reader"),
    (RULES[1], CORE, "import socket"),
    (RULES[1], CORE, "from os import urandom"),
    (RULES[1], CORE, "import os.path as p"),
    (RULES[1], CORE, "from time import time"),
    (RULES[1], CORE, "import secrets, random"),
    (RULES[1], CORE, "from datetime import datetime\nnow = datetime.now()"),
    (RULES[1], CORE, "import datetime as d\nimport datetime\nnow = datetime.datetime.now(datetime.UTC)"),
    (RULES[1], CORE, "import uuid\nid = uuid.uuid4()"),
    (RULES[1], CORE, "from uuid import uuid4"),
    (RULES[1], CORE, "from nacl.signing import SigningKey\nkey = SigningKey.generate()"),
    (RULES[1], CORE, "from nacl import utils"),
    (RULES[1], CORE, "text = open('x').read()"),
    (RULES[1], CORE, "import importlib\nimportlib.import_module('sock' + 'et')"),
    (RULES[1], "protocol/jisr_protocol/schema.py", "import sqlite3"),
    (RULES[2], CORE, "from pathlib import Path"),
    (RULES[2], CORE, "from importlib.resources import files"),
    (RULES[2], CORE, "def f(p): return p.read_text()"),
    (RULES[3], "protocol/jisr_protocol/reader/cli.py", "from jisr_hub import log"),
    (RULES[4], "protocol/jisr_protocol/pages/text.py", "from jisr_node import records"),
    (RULES[5], "protocol/jisr_protocol/pages/text.py", "from datetime import date\nday = date.today()"),
    (RULES[5], "protocol/jisr_protocol/pages/text.py", "from ..reader import http"),
    (RULES[0], CORE, "from .pages import language"),
    (RULES[6], NODE, "import jisr_hub"),
    (RULES[6], NODE, "if TYPE_CHECKING:\n    from jisr_hub.log import Log"),
    (RULES[7], HUB, "from jisr_node.outbox import Outbox"),
    (RULES[8], NODE, "import httpx2"),
    (RULES[8], HUB, "from urllib import request"),
    (RULES[8], HUB, "import urllib.request"),
    (RULES[8], HUB, "import http.client"),
    (RULES[8], HUB, "import asyncio\nasync def f(): await asyncio.open_connection('h', 1)"),
    (RULES[8], HUB, "import asyncio as aio\nasync def f(): await aio.open_connection('h', 1)"),
    (RULES[8], "hub/jisr_hub/web/api.py", "import requests"),
    (RULES[9], HUB, "from starlette.responses import Response"),
    (RULES[9], NODE, "from http import HTTPStatus"),
    (RULES[9], "protocol/jisr_protocol/pages/text.py", "from starlette.requests import Request"),
    (RULES[10], NODE, "from jinja2 import Environment"),
    (RULES[11], HUB, "import sqlalchemy as sa"),
    (RULES[11], "hub/jisr_hub/web/api.py", "from sqlalchemy.ext.asyncio import AsyncEngine"),
    (RULES[12], NODE, "import sqlite3"),
    (RULES[13], NODE, "from .adapters.sqlite import SqliteOutbox"),
    (RULES[14], HUB, "from jisr_hub import storage"),
    (RULES[14], "hub/jisr_hub/web/api.py", "from ..storage.log import LogTable"),
]


@pytest.mark.parametrize(("rule", "path", "source"), PLANTED)
def test_a_planted_fault_is_found(rule: Rule, path: str, source: str) -> None:
    assert any(fault.startswith(rule.name) for fault in faults(Path(path), source))


def test_every_rule_has_a_planted_fault() -> None:
    assert {rule.name for rule, _, _ in PLANTED} == {rule.name for rule in RULES}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (CORE, "requests = []\nrequests.append(1)"),
        (CORE, "import hashlib\nfrom datetime import UTC, datetime\nfrom uuid import UUID\nfrom . import canonical"),
        ("protocol/jisr_protocol/schema.py", "from importlib.resources import files\nfrom pathlib import Path"),
        ("protocol/jisr_protocol/reader/http.py", "import httpx2, socket, time, os\nfrom ..session import Session"),
        (NODE, "import time, os\nfrom jisr_protocol.reader.http import Client\nfrom .ports import Outbox"),
        (HUB, "import asyncio, logging\nfrom urllib.parse import urlencode\nfrom . import ports"),
        ("hub/jisr_hub/storage/log.py", "import sqlalchemy as sa\nimport sqlite3\nfrom .tables import log"),
        ("hub/jisr_hub/cli.py", "import uvicorn, typer\nfrom .storage import open_storage"),
        (
            "protocol/jisr_protocol/pages/rendering.py",
            "from jinja2 import Environment\nfrom importlib.resources import files",
        ),
        ("node/jisr_node/web/editor.py", "from starlette.routing import Route\nfrom http import HTTPStatus"),
    ],
)
def test_what_is_allowed_is_left_alone(path: str, source: str) -> None:
    assert faults(Path(path), source) == []
