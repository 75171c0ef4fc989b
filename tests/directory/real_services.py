"""The real bilingual services as a served hub: converted, signed by a node a partner, searched, shown at any moment.

with served_services(shared, folder, at=datetime(2014, 6, 1, 9, tzinfo=UTC), most=80) as hub:
    hub.address, hub.at                      set `hub.at` to show the same hub at another moment
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import uvicorn
from starlette.applications import Starlette

from jisr_hub.storage.directory import SqlDirectory
from jisr_hub.web import public
from jisr_hub.web.public import refer
from jisr_hub.web.public.beside import Beside
from tests.hub.author import Author, record_id
from tests.hub.search_world import SearchedHub, searched_hub

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "services_ar_en"
WRITTEN = "2014-05-20T08:00:00Z"
_OWN = ("node", "type", "audience")


def drafts(shared: Path, as_of: str, most: int | None) -> list[dict[str, Any]]:
    """The drafts of the first `most` services, and of what they refer to."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        conversion = importlib.import_module("convert").Conversion(as_of)
    finally:
        sys.path.remove(str(EXAMPLE))
    lines = (shared / "data" / "services-ar-en" / "services.jsonl").read_bytes().splitlines(keepends=True)
    conversion.read(io.BytesIO(b"".join(lines[:most])))
    return list(conversion.drafts())


def _linked(value: Any, partner: str) -> Any:
    """References of a file, `local:<kind>/<id>`, as those of records."""
    if isinstance(value, dict):
        return {name: _linked(one, partner) for name, one in value.items()}
    if isinstance(value, list):
        return [_linked(one, partner) for one in value]
    return record_id(f"{partner}/{value[6:]}") if isinstance(value, str) and value.startswith("local:") else value


async def fill(world: SearchedHub, found: list[dict[str, Any]]) -> None:
    """Sign every draft by its partner's node, and take it in."""
    authors: dict[str, Author] = {}
    for draft in found:
        author = authors.setdefault(draft["node"], Author(draft["node"]))
        kind = draft["type"].removeprefix("org.jisr.").removesuffix("/1")
        members = {name: _linked(one, draft["node"]) for name, one in draft.items() if name not in _OWN}
        label = f"{draft['node']}/{kind}/{draft['source']['local_id']}"
        world.labels[record_id(label)] = label
        author.put(label, type=draft["type"], created=WRITTEN, modified=WRITTEN, **members)
    for author in authors.values():
        await world.hub.admit(author)
        await world.hub.push(author)
    await world.look()


@dataclass
class Served:
    """A hub that is served; `at` is what its clock says to the pages."""

    at: datetime
    address: str = ""


@contextlib.contextmanager
def served_services(shared: Path, folder: Path, at: datetime, most: int | None = None) -> Iterator[Served]:
    """Serve the services of the day `at`."""
    served = Served(at)
    found = drafts(shared, at.date().isoformat(), most)
    app = Starlette()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with searched_hub(folder / "hub.sqlite") as world:
            await fill(world, found)
            directory = SqlDirectory(
                world.hub.ledger, "Amman hub", "/feeds/public", _nobody, world.hub.curation, world.hub.clock
            )
            zone = ZoneInfo("Asia/Amman")
            beside = Beside(directory, lambda: served.at, "en")
            pages = public.routes(directory, lambda: served.at, search=world.searching, zone=zone)
            app.router.routes.extend([*refer.routes(beside, _no_key), *pages])
            yield

    app.router.lifespan_context = lifespan
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 300
    while not server.started:
        assert thread.is_alive() and time.monotonic() < until, "the hub did not start"
        time.sleep(0.05)
    served.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        server.should_exit = True
        thread.join(60)
    assert not thread.is_alive(), "the hub did not stop"


async def _no_key(_: str) -> None:
    """No node of these has a mailbox here: there is the sheet alone."""


async def _nobody(_: object) -> set[str]:
    return set()
