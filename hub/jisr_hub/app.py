"""Wiring: a hub's folder becomes a running hub. Only here and in cli do adapters, core and web meet."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol import keys
from jisr_protocol.keys import KeyRing

from . import config, identity
from .config import Settings
from .hub import Hub
from .identity import Identity
from .peers import Followers
from .publish.feed import Publisher
from .storage.directory import SqlDirectory
from .storage.folder import FolderPages
from .storage.lock import only_one
from .storage.sql import SqlLedger
from .web import api, directory, problem_documents

KEYS = "keys.json"
PUBLIC = "public"
PEERS = "peers"
PUBLISH_SECONDS_AT_MOST = 10.0
LEAD_SECONDS = 2.0
"""How often a process asks whether it is its turn."""
_log = structlog.get_logger()


def now() -> datetime:
    """The clock of the rim."""
    return datetime.now(UTC)


def read_identity(folder: Path, settings: Settings) -> Identity:
    """Who the hub in `folder` is."""
    ring: KeyRing = keys.fold(keys.parse_file((folder / KEYS).read_bytes()))
    return Identity(settings.name, ring, identity.read_key(folder))


@dataclass
class Running:
    """The parts of an open hub."""

    settings: Settings
    hub: Hub
    ledger: SqlLedger
    publisher: Publisher
    pages: FolderPages
    followers: Followers

    async def close(self) -> None:
        await self.ledger.close()


async def open_hub(folder: Path) -> Running:
    """Open the hub in `folder`; its database is there since `init`."""
    settings = config.read(folder)
    who = read_identity(folder, settings)
    ledger = await SqlLedger.open(config.place(folder, settings))
    try:
        pages = FolderPages(folder / PUBLIC)
        hub = Hub(who, ledger, now)
        await hub.begin()
        publisher = Publisher(who, ledger, pages, now)
        await publisher.begin()
    except BaseException:
        await ledger.close()
        raise
    followers = Followers(hub, folder / PEERS, settings.poll_seconds, allow_private=settings.allow_private)
    return Running(settings, hub, ledger, publisher, pages, followers)


def application(folder: Path) -> Starlette:
    """The hub in `folder` as an ASGI application; opened when the server starts it, closed when it stops."""
    app = Starlette(exception_handlers={**problem_documents.HANDLERS, HTTPException: _not_found})

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with sole(folder):
            _collect_rarely()
            running = await open_hub(folder)
            shown = SqlDirectory(running.ledger, running.settings.name, f"{running.settings.address}/feeds/public")
            app.router.routes.extend(
                [
                    *api.routes(running.hub, running.publisher, running.pages, wake_peers=running.followers.wake),
                    *directory.routes(shown, default_language=running.settings.lang),
                ]
            )
            tasks = [
                asyncio.create_task(lead(running, "publisher", lambda: publish_for_ever(running))),
                asyncio.create_task(lead(running, "followers", running.followers.run)),
                asyncio.create_task(refresh_for_ever(running)),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await running.close()

    app.router.lifespan_context = lifespan
    return app


def sole(folder: Path) -> contextlib.AbstractContextManager[None]:
    """One process a folder, unless the ledger stands in PostgreSQL, which any number may share."""
    return contextlib.nullcontext() if config.read(folder).database else only_one(folder)


async def lead(running: Running, role: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do what only one process of a ledger does, as long as this is the one; else wait for its turn."""
    while True:
        try:
            async with running.ledger.leading(role) as lost:
                if lost is not None:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(_until(lost))
                        group.create_task(_until(work))
        except Exception:  # the database may be away for a while
            _log.exception("leading ended", role=role)
        await asyncio.sleep(LEAD_SECONDS)


async def _until(what: Callable[[], Awaitable[None]]) -> None:
    await what()


async def refresh_for_ever(running: Running) -> None:
    """Show what another process of this ledger has published."""
    while running.settings.database:
        await asyncio.sleep(max(running.settings.publish_seconds, 0.2))
        try:
            await running.publisher.refresh()
        except Exception:  # the next round comes
            _log.exception("the newest head could not be read")


def _collect_rarely() -> None:
    """A batch makes tens of thousands of short-lived values and no cycles: looking for cycles that often costs 5 %."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


async def _not_found(request: Request, error: Exception) -> Response:
    """People get a page, programs a problem document."""
    if "text/html" in request.headers.get("accept", "") and getattr(error, "status_code", 0) == 404:
        return await directory.not_found(request, error)
    return await problem_documents.http_error(request, error)


async def publish_for_ever(running: Running) -> None:
    """Publish soon after every change, and renew the head before it grows old. A failure is logged and tried again.

    Publishing takes a tenth of the time at most: under load a head covers more entries, and each costs less.
    """
    pause = running.settings.publish_seconds
    while True:
        began = time.monotonic()
        try:
            running.hub.changed.clear()
            await running.publisher.publish()
        except Exception:  # the next round must come whatever this one met
            _log.exception("publishing failed; the head stays as it was")
            pause = max(1.0, min(60.0, pause * 2))
        else:
            took = time.monotonic() - began
            pause = min(max(running.settings.publish_seconds, 9 * took), PUBLISH_SECONDS_AT_MOST)
        await asyncio.sleep(pause)
        if running.settings.database:
            continue  # another process may have stored what is to be published
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(600):
                await running.hub.changed.wait()
