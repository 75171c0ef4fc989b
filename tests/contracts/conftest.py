"""Every ledger, one after the other: in memory, in SQLite, in PostgreSQL."""

from __future__ import annotations

import pytest

from tests.contracts.stored import Opened, ledger_of
from tests.hub.author import Author


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opened(kind: str, request: pytest.FixtureRequest) -> Opened:
    server = request.getfixturevalue("postgres_server") if kind == "postgresql" else ""
    return lambda: ledger_of(kind, server)


@pytest.fixture(scope="module")
def author() -> Author:
    """A node with a few records; only ever read."""
    author = Author("contract")
    author.puts(6)
    return author
