"""A table on its way in through the pages: read in a thread of its own, while the pages say how far it is.

The file and its rows lie in temporary files without a name, for they may tell more than what is published of them: when
the program ends, or a person lets go of it, they are gone, and the file is chosen again.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, TypeVar, cast

from .node import Node

if TYPE_CHECKING:
    from ..importing.planning import Plan
    from ..importing.preparing import Prepared
    from .imports import Import

T = TypeVar("T")
KEPT_BYTES = 1024 * 1024


@dataclass
class Progress:
    """How many rows are read, of how many; `ready` once all are."""

    done: int = 0
    total: int = 0
    ready: bool = False


class Arriving:
    """One file. Every call but `progress` and `close` is done in its own thread, one after the other."""

    def __init__(self, folder: Path, name: str, content: bytes, now: Callable[[], datetime]) -> None:
        self.name, self._folder, self._now = name, folder, now
        self._file = cast(IO[bytes], SpooledTemporaryFile(max_size=KEPT_BYTES))  # noqa: SIM115 - closed by close()
        self._file.write(content)
        self._hand = ThreadPoolExecutor(1, thread_name_prefix="table")
        self._node: Node | None = None
        self._found: Import | None = None
        self._reading: Future[None] | None = None
        self.progress = Progress()

    async def ask(self, work: Callable[[Import], T]) -> T:
        """Do something with what is understood. Raises Unreadable, and what the work raises."""
        return await asyncio.get_running_loop().run_in_executor(self._hand, lambda: work(self._opened()))

    def read(self) -> None:
        """Begin to judge every row, unless that is done or going on."""
        if self._reading is None:
            self.progress = Progress()
            self._reading = self._hand.submit(self._read)

    def again(self) -> None:
        """What was read does not hold any more."""
        self._reading = None
        self.progress = Progress()

    async def wait(self, seconds: float) -> bool:
        """Wait a little for the reading; whether it is done. Raises what the reading raised."""
        if self._reading is None:
            return False
        done, _ = await asyncio.wait({asyncio.wrap_future(self._reading)}, timeout=seconds)
        for one in done:
            one.result()
        return bool(done)

    def _read(self) -> None:
        found = self._opened()

        def told(done: int, total: int) -> None:
            self.progress.done, self.progress.total = done, total

        found.prepare(told)
        _ = found.plan
        self.progress.ready = True

    def _opened(self) -> Import:
        if self._found is None:
            self._node = self._node or Node.open(self._folder)
            self._found = self._node.importing(self.name, self._file, now=self._now())
        return self._found

    def close(self, *, wait: bool = False) -> None:
        """Let go of the file, after what is going on; once."""
        self._hand.submit(self._let_go)
        self._hand.shutdown(wait=wait)

    def _let_go(self) -> None:
        if self._found is not None:
            self._found.close()
        if self._node is not None:
            self._node.close()
        self._file.close()


def corrected(found: Import, lang: str, tr: Callable[[str], str]) -> tuple[str, bytes]:
    """The name and the content of the corrected file."""
    out = io.BytesIO()
    return found.corrected(out, lang=lang, tr=tr), out.getvalue()


def looked(found: Import) -> tuple[Prepared, Plan]:
    """What was read, and what would happen."""
    assert found.prepared is not None
    return found.prepared, found.plan
