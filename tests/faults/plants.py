"""Wrong orders, to be planted in an open hub: what strikes the path must find each of them.

A head that is shown before the ledger remembers it is none of them any more: the next start finds it beside the
database (publish/fence.py), sees that the log begins with it, and signs a later one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from jisr_hub.app.opening import Running
from jisr_protocol import paths


def head_before_its_pages(running: Running) -> None:
    """The pages come after the head that promises them."""
    write, waiting = running.pages.write, list[tuple[str, bytes]]()

    def late(path: str, content: bytes) -> None:
        if path.startswith("log/"):
            waiting.append((path, content))
            return
        write(path, content)
        if path == paths.HEAD:
            while waiting:
                write(*waiting.pop())

    running.pages.write = late  # the plant


def acknowledged_before_the_commit(running: Running) -> None:
    """The receipt is given, then stored what it is for."""
    store, tasks = running.ledger.store, list[asyncio.Task[int]]()

    async def later(change: Any, number: Any) -> int:
        tasks.append(asyncio.create_task(store(change, number)))
        return 0

    running.ledger.store = later  # the plant


def failures_swallowed(running: Running) -> None:
    """A page that could not be written is forgotten."""
    write = running.pages.write

    def careless(path: str, content: bytes) -> None:
        with suppress(OSError):
            write(path, content)

    running.pages.write = careless  # the plant


class Planted(NamedTuple):
    """A wrong order, the form of fault that shows it, and a part of the names of files where it does."""

    put_in: Callable[[Running], None]
    form: str
    step: str
    place: str


PLANTS = {
    "head before its pages": Planted(head_before_its_pages, "kill", "publish 1", "public/log/"),
    "acknowledged before the commit": Planted(acknowledged_before_the_commit, "fail", "pu", "-wal"),
    "failures swallowed": Planted(failures_swallowed, "fail", "publish 4", "public/log/"),
}
