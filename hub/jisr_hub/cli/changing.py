"""How a command changes a hub: by itself while nobody serves it, or beside its server, which then publishes it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from .. import config
from ..hub import Fenced, Hub
from ..ports import Ledger
from ..storage.sql import SqlLedger
from .setting_up import SettingUpError, alone, check_there, opened, why_fenced

if TYPE_CHECKING:
    from ..app.opening import Running

WAIT_SECONDS = 60.0
"""How long a serving hub is given to publish what follows."""
LATE = "It is stored; the serving hub has not published it yet. Look at what it logs."


@contextlib.asynccontextmanager
async def by_itself(folder: Path) -> AsyncIterator[Running]:
    """A hub that nobody serves, open to be changed; what was changed is published at the end. Raises AlreadyRunning,
    Fenced."""
    check_there(folder)
    async with alone(folder):
        from ..app.opening import open_hub  # all that a running hub takes: only for what changes it

        running = await open_hub(folder)
        try:
            running.hub.check_open()
            yield running
            await running.publisher.publish()
        finally:
            await running.close()


@contextlib.asynccontextmanager
async def beside_its_server(folder: Path) -> AsyncIterator[Hub]:
    """The core of a hub that is served; ends when its server has published what was stored. Raises Fenced,
    SettingUpError."""
    async with opened(folder) as ledger:
        await check_open(folder, ledger)
        from ..app.opening import hub_of

        yield await hub_of(folder, config.read(folder), ledger)
        await until_published(ledger)


async def check_open(folder: Path, ledger: SqlLedger) -> None:
    """Raise Fenced while nothing may enter the log."""
    if fenced := await why_fenced(folder, ledger):
        raise Fenced(fenced)


async def until_published(ledger: Ledger, late: str = LATE) -> None:
    """Wait until the serving hub has published what was stored beside it. Raises SettingUpError, which says `late`."""
    async with ledger.reading() as view:
        size = view.size
    end = time.monotonic() + WAIT_SECONDS
    while (published := await ledger.published()) is None or published.head.size < size:
        if time.monotonic() > end:
            raise SettingUpError(late)
        await asyncio.sleep(0.1)
