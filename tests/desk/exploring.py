"""A served hub with something in it, and schemathesis over its whole API, as the hub itself describes it.

with served(folder) as home:
    found = explore(home, examples=5)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from jisr_hub.app.folder import now
from jisr_hub.app.serving import application
from jisr_hub.cli import accounts
from jisr_hub.desk import sessions
from jisr_hub.desk.roles import Right, Role
from jisr_hub.directory.exports.forms import KINDS
from jisr_hub.storage.desk import SqlAccounts
from jisr_hub.storage.sql import SqlLedger
from tests.hub.desk_world import PASSWORD
from tests.hub.kept_hub import KeptHub, some_author

LONGEST_SECONDS = 70
"""Longer than the 55 s for which a hub lets a reader wait for its next head."""
HSDS = ("services", "organizations", "service_at_locations", "taxonomies", "taxonomy_terms")
EXPECTED = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")


@schemathesis.serializer("application/vnd.jisr.push+ndjson", "application/x-ndjson", "application/jose")
def lines(context: Any, value: Any) -> bytes:
    """What a push carries is given as text."""
    return str(value).encode("utf-8", "replace")


@dataclass
class Home:
    """A served hub: its address, a token that may do everything, and how to begin a session there."""

    address: str
    folder: Path
    token: str

    def session(self, name: str = "desk-one") -> str:
        """The token of a new session, as the door gives it after a sign-in."""
        return asyncio.run(self._begin(name))

    async def _begin(self, name: str) -> str:
        ledger = await SqlLedger.open(self.folder / "hub.sqlite", new_epoch="1-aaaaaaaa")
        try:
            token, session = sessions.begin(name, "password", int(now().timestamp()), os.urandom)
            await SqlAccounts(ledger.database).begin(session, int(now().timestamp()))
            return token
        finally:
            await ledger.close()


@dataclass
class Found:
    """What exploring met: how many calls of how many operations, the statuses, and what must not be."""

    operations: int = 0
    calls: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Home]:
    """Serve a hub whose people, nodes and records are there."""
    hub = KeptHub(folder).fill(some_author())
    for name, role in (("desk-one", Role.OPERATOR), ("desk-two", Role.CURATOR)):
        asyncio.run(accounts.add(hub.folder, name, role, "", PASSWORD))
    token = asyncio.run(accounts.make_token(hub.folder, "desk-one", "explorer", list(Right), 30))["token"]
    server = uvicorn.Server(uvicorn.Config(application(hub.folder), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 120
    while not server.started:
        assert thread.is_alive() and time.monotonic() < until, "the hub did not start"
        time.sleep(0.05)
    yield Home(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", hub.folder, token)
    server.should_exit = True
    thread.join(60)
    assert not thread.is_alive(), "the hub did not stop"


@dataclass
class There:
    """What a hub holds, so that not only what is not there is asked for: values of the parameters of a path."""

    entries: list[dict[str, str]]
    records: list[dict[str, str]]
    objects: dict[str, list[dict[str, str]]]

    @classmethod
    def at(cls, address: str) -> There:
        with httpx.Client(base_url=address, timeout=LONGEST_SECONDS) as client:
            lines = [json.loads(line) for line in client.get("/export/all.jsonl").content.splitlines()]
            objects = {kind: client.get(f"/hsds/{kind}?per_page=5").json()["contents"] for kind in HSDS}
        return cls(
            [{"entry": line["entry"].rpartition("/")[2]} for line in lines],
            [{name: line["line"]["record"][name] for name in ("node", "id")} for line in lines],
            {kind: [{"id": one["id"]} for one in found] for kind, found in objects.items()},
        )

    def of(self, path: str, number: int) -> dict[str, str]:
        """The parameters of a path for its call of this number; {} where they are left as they were made up."""
        names = set(re.findall(r"{(\w+)}", path))
        kind = path.removeprefix("/hsds/").partition("/")[0]
        if names == {"file"}:
            return {"file": f"all.{list(KINDS)[number % len(KINDS)]}"}
        known = {("entry",): self.entries, ("id", "node"): self.records, ("id",): self.objects.get(kind, [])}
        found = known.get(tuple(sorted(names)), [])
        return found[number % len(found)] if found else {}


def explore(home: Home, examples: int, by: int = 0, wrongly: int = 1) -> Found:
    """Call every operation so often with what its description allows, half of them for what is there, and every
    `wrongly`-th with what it does not: making up what is wrong takes most of the time."""
    there = There.at(home.address)
    schema = schemathesis.openapi.from_url(f"{home.address}/v1/openapi.json")
    schema.config.update(base_url=home.address)
    found = Found()
    for number, result in enumerate(schema.get_all_operations()):
        modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)[: 1 if number % wrongly else 2]
        _explore(home, there, result.ok(), modes, examples, by, found)
        found.operations += 1
    return found


def _explore(
    home: Home, there: There, operation: Any, modes: Sequence[GenerationMode], examples: int, by: int, found: Found
) -> None:
    headers = {"Authorization": f"Bearer {home.token}"}
    if operation.path.startswith("/desk"):
        headers = {"Cookie": f"jisr_desk={home.session()}", "Sec-Fetch-Site": "same-origin"}
    checks = CHECKS.get_by_names(EXPECTED)
    profile = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for mode in modes:

        @seed(by)
        @profile
        @given(case=operation.as_strategy(generation_mode=mode))
        def look(case: Any) -> None:
            if found.calls % 2 == 0:
                case.path_parameters = there.of(operation.path, found.calls // 2) or case.path_parameters
            try:
                answer = case.call(headers=headers, timeout=LONGEST_SECONDS, allow_redirects=False)
            except Exception as error:
                found.faults.append(f"{operation.label}: no answer: {error!r}"[:500])
                return
            found.calls += 1
            found.statuses[answer.status_code] = found.statuses.get(answer.status_code, 0) + 1
            if answer.status_code >= 500 and answer.status_code != 503:
                found.faults.append(f"{operation.label}: {answer.status_code} for {case.as_curl_command()}"[:700])
            try:
                case.validate_response(answer, checks=checks)
            except BaseException as failure:
                found.faults.append(f"{operation.label}: {answer.status_code}: {failure}"[:700])

        with contextlib.suppress(Unsatisfiable):  # where nothing can be sent, nothing wrong can be
            look()


__all__ = ["Found", "Home", "explore", "served"]
