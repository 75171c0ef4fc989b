"""Signing in at a real provider (Canaille): it works; a spent code and another nonce do not, a rotated key does.

The provider brings other web stacks, so it stands in an environment of its own, which the first run makes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import structlog
from starlette.applications import Starlette

from jisr_hub.desk.denied import Why
from jisr_hub.desk.door import Door
from jisr_hub.desk.roles import Role
from jisr_hub.storage.desk_open import SqlOpen
from jisr_hub.web import desk, problem_documents
from jisr_hub.web.oidc import DISCOVERY, Provider
from tests.hub.desk_world import DeskWorld, desk_world

pytestmark = pytest.mark.anyio
HUB = "https://hub.example"
LIST = Path(__file__).resolve().parents[2] / "requirements" / "provider.txt"


def environment() -> Path:
    """The Python of the environment with the provider, made once for each list; a skip that is told where it fails."""
    place = Path(sys.prefix) / f"provider-{hashlib.sha256(LIST.read_bytes()).hexdigest()[:12]}"
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if python.exists():
        return python
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        pytest.skip("the installer uv is missing, so there is no environment for the provider of sign-ins")
    made = Path(tempfile.mkdtemp(prefix="provider-", dir=sys.prefix))
    own = made / python.relative_to(place)
    quiet = {"env": {"UV_SYSTEM_CERTS": "1", **os.environ}, "capture_output": True, "text": True}
    for words in (
        ["venv", "--quiet", "--allow-existing", "--python", sys.executable, str(made)],
        ["pip", "install", "--quiet", "--require-hashes", "--python", str(own), "-r", str(LIST)],
    ):
        done = subprocess.run([uv, *words], timeout=300, **quiet)
        if done.returncode:
            shutil.rmtree(made, ignore_errors=True)
            pytest.skip(f"the provider of sign-ins could not be installed: {done.stderr.strip()[-200:]}")
    try:
        made.rename(place)
    except OSError:  # another process was first
        shutil.rmtree(made, ignore_errors=True)
    return python


class Canaille:
    """The provider's process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        told = json.loads(self._line())
        self.address = told["issuer"].rstrip("/")
        self.client, self.secret, self.subject = told["client"], told["secret"], told["subject"]

    def do(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        assert self._line() == "done\n"

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the provider ended"
        return line


@pytest.fixture(scope="module")
def canaille() -> Iterator[Canaille]:
    words = [str(environment()), str(Path(__file__).with_name("canaille_server.py")), f"{HUB}{desk.BACK}"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean) as process:
        try:
            yield Canaille(process)
        finally:
            process.terminate()


class World:
    """A hub whose people sign in at Canaille, and a browser that knows both."""

    def __init__(self, canaille: Canaille, desk_: DeskWorld, issuer: str) -> None:
        self.canaille, self.desk, self.issuer = canaille, desk_, issuer
        self.door = Door(desk_.accounts, desk_.passwords, _now, desk_.draw, aside=_aside)
        back = f"{HUB}{desk.BACK}"
        provider = Provider(issuer, canaille.client, canaille.secret, back, self._exchange, os.urandom)
        parts = desk.Parts(self.door, SqlOpen(desk_.ledger), HUB, "en", provider)
        app = Starlette(routes=desk.routes(parts), exception_handlers=problem_documents.HANDLERS)
        self.hub = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HUB)
        self.web = httpx.AsyncClient()

    async def _exchange(self, address: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        method = "GET" if body is None else "POST"
        answer = await self.web.request(method, address, content=body, headers=dict(headers))
        if answer.status_code != 200:
            raise ConnectionError(f"{answer.status_code} {answer.text[:200]}")
        return answer.content

    async def sign_in(self, between: str = "", nonce: str = "") -> httpx.Response:
        """Go to the provider and come back; gives the hub's answer. `between` is what the provider does before we are
        back, `nonce` what somebody on the way puts in the place of ours."""
        there = httpx.URL((await self.hub.get("/desk/provider")).headers["location"])
        answer = await self.web.get(there.copy_set_param("nonce", nonce) if nonce else there)
        for _ in range(5):
            where = str(answer.headers.get("location", ""))
            if where.startswith(HUB):
                if between:
                    self.canaille.do(between)
                return await self.hub.get(where)
            answer = await self.web.get(there.join(where))
        raise AssertionError(f"the provider did not send us back: {answer.status_code} {answer.text[:500]}")


def _now() -> Any:
    from jisr_hub.app.folder import now

    return now()


async def _aside(work: Any, *arguments: Any) -> Any:
    return work(*arguments)


@pytest.fixture
async def world(tmp_path: Path, canaille: Canaille) -> AsyncIterator[World]:
    async with httpx.AsyncClient() as web:
        issuer = (await web.get(canaille.address + DISCOVERY)).json()["issuer"]
    async with desk_world(tmp_path / "hub.sqlite") as desk_:
        world = World(canaille, desk_, issuer)
        await desk_.add("desk-one", Role.OPERATOR, f"{issuer}|{canaille.subject}")
        yield world
        await world.web.aclose()


async def refused(world: World, reason: str, nonce: str = "") -> None:
    """Nobody comes in, and for this reason."""
    with structlog.testing.capture_logs() as lines:
        answer = await world.sign_in(nonce=nonce)
    assert (answer.status_code, Why.PROVIDER.value in answer.text) == (403, True)
    assert reason in " ".join(str(line.get("reason")) for line in lines)
    assert (await world.hub.get("/desk")).status_code == 303


async def test_somebody_signs_in_at_canaille(world: World) -> None:
    answer = await world.sign_in()
    assert (answer.status_code, answer.headers.get("location")) == (303, "/desk")
    assert "desk-one" in (await world.hub.get("/desk")).text


async def test_a_code_that_has_expired_lets_nobody_in(world: World) -> None:
    world.canaille.do("expired")
    await refused(world, "invalid_grant")
    world.canaille.do("fresh")
    assert (await world.sign_in()).headers.get("location") == "/desk"


async def test_a_token_with_another_nonce_lets_nobody_in(world: World) -> None:
    await refused(world, "nonce", nonce=os.urandom(16).hex())
    assert (await world.sign_in()).headers.get("location") == "/desk"


async def test_a_rotated_key_is_no_surprise(world: World) -> None:
    assert (await world.sign_in()).headers.get("location") == "/desk"
    world.canaille.do("rotate")
    assert (await world.sign_in()).headers.get("location") == "/desk/confirmed", "who was in has confirmed"
    assert (await world.sign_in(between="rotate")).headers.get("location") == "/desk/confirmed"


async def test_whom_canaille_knows_and_the_hub_does_not_stays_out(world: World) -> None:
    await world.desk.accounts.remove("desk-one")
    answer = await world.sign_in()
    assert (answer.status_code, Why.STRANGER.value in answer.text) == (403, True)
