"""How a command acts: through the one act layer, so that it is in the audit log like what the desk does."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from .. import config
from ..app.acting import acts_of
from ..app.folder import now, read_identity
from ..desk.acts import COMMAND, Acts
from ..desk.bench import Result
from ..desk.marking import Loss
from ..desk.table import ACTS
from ..storage.fence import FileActMark
from ..storage.journal import SqlJournal
from ..storage.lock import AlreadyRunning
from .changing import by_itself, check_open, until_published
from .erasing import parts
from .setting_up import SettingUpError, opened


@contextlib.asynccontextmanager
async def acting(folder: Path) -> AsyncIterator[Acts]:
    """The acts of the hub in `folder`, served or not; what was done is published when this ends. Raises Fenced."""
    settings = config.read(folder)
    try:
        async with by_itself(folder) as running:
            yield acts_of(folder, settings, running.hub, running.ledger, running.erasures)
    except AlreadyRunning:
        async with parts(folder) as (ledger, erasures):
            await check_open(folder, ledger)
            yield acts_of(folder, settings, erasures.hub, ledger, erasures)
            await until_published(ledger)


async def act(folder: Path, kind: str, subject: str = "", reason: str = "", **members: Any) -> Mapping[str, Any]:
    """Do one thing; what it came to."""
    _check_said(kind, reason)
    async with acting(folder) as acts:
        return (await acts.do(COMMAND, kind, subject, reason, **members)).facts


async def noted(
    folder: Path,
    kind: str,
    subject: str,
    reason: str,
    work: Callable[[], Awaitable[Any]],
    *,
    said: Callable[[Any], str] = lambda _: "",
    **members: Any,
) -> Any:
    """Have work of a command's own in the audit log; gives what the work gives. `said` is the log's sentence of it."""
    _check_said(kind, reason)
    came: list[Any] = []

    async def brought() -> Result:
        came.append(await work())
        return Result({}, said(came[0]))

    async with logging(folder) as acts:
        await acts.carry_out(COMMAND, kind, subject, reason, brought, **members)
    return came[0]


@contextlib.asynccontextmanager
async def logging(folder: Path) -> AsyncIterator[Acts]:
    """The acts of the hub in `folder` without an open hub: its audit log alone."""
    settings = config.read(folder)
    async with opened(folder) as ledger:
        mark = FileActMark(config.act_mark_file(folder, settings))
        yield Acts(SqlJournal(ledger.database), read_identity(folder, settings), now, os.urandom, mark=mark)


async def accept_loss(folder: Path, reason: str) -> Loss:
    """Say that lines at the end of the audit log are gone, and why."""
    _check_said("log_loss", reason)
    async with logging(folder) as acts:
        return await acts.accept_loss(COMMAND, reason)


async def note(folder: Path, kind: str, subject: str, reason: str, **members: Any) -> None:
    """Put into the audit log what a command has just done to the hub's own keys: with the key that signs now."""

    async def done() -> None:
        pass

    await noted(folder, kind, subject, reason, done, **members)


def _check_said(kind: str, reason: str) -> None:
    if ACTS[kind].reason and not reason.strip():
        raise SettingUpError("Nothing was changed. Give a --reason, in a few words.")
