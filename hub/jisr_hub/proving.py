"""What of a push needs nothing the hub holds, judged beside the writer in worker processes (`verifiers` in hub.json).

A worker reads a line as the writer would, checks its signature under the keys it is given and its schema, and says by
which key it is in order. Nearly all lines are, and the writer reads those without the checks; of any other the worker
says nothing, and the writer's own steps say what is wrong with it. So a worker that dies costs time and nothing else.
"""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import structlog

from jisr_protocol import entry as entries
from jisr_protocol import schema
from jisr_protocol.envelope import verify_bytes
from jisr_protocol.keys import KeyRing
from jisr_protocol.refusal import Refusal
from jisr_protocol.signing import PublicKey

FEWEST_LINES = 16
"""For fewer the way to a worker and back costs more than it spares."""
_log = structlog.get_logger()
Beside = Callable[[Sequence[bytes], KeyRing], Awaitable[Mapping[bytes, str]]]
"""Who judges lines under these keys; what it found good, by its bytes, with the kid that signed it."""


class Workers:
    """So many processes. They start with the first lines, and end with the process that made them."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool = self._start()

    def _start(self) -> ProcessPoolExecutor:
        # not forked: this process has threads and open databases
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._processes, mp_context=context, initializer=end_with_parent)

    async def proven(self, lines: Sequence[bytes], ring: KeyRing) -> Mapping[bytes, str]:
        """The lines that are puts in order but for what the hub knows (CAN, ENT-1, ENT-2, SIG-1 to SIG-5, ING-6), each
        with the kid of the key of `ring` that signed it; every other line is missing."""
        if len(lines) < FEWEST_LINES:
            return {}
        keys = list(ring.verifiers("record").values())
        publics = tuple(key.public for key in keys if not key.revoked)
        kids = [key.kid for key in keys if not key.revoked]
        loop, pool = asyncio.get_running_loop(), self._pool
        try:
            places = await loop.run_in_executor(pool, judge, b"\n".join(lines), publics)
        except BrokenProcessPool:
            _log.warning("verifiers.ended")
            if self._pool is pool:
                self._pool = self._start()
            return {}
        return {line: kids[place - 1] for line, place in zip(lines, places, strict=True) if place}

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def judge(lines: bytes, publics: tuple[bytes, ...]) -> bytes:
    """For each line 1 + the place of the key that signed it, or 0 where it is for the writer to say."""
    verifiers = _verifiers(publics)
    places = {key.kid: place for place, key in enumerate(verifiers.values(), 1)}
    return bytes(places.get(_signer(line, verifiers), 0) for line in lines.split(b"\n"))


def _signer(line: bytes, verifiers: Mapping[str, PublicKey]) -> str:
    try:
        said = entries.parse(line)
        if said.thing is None or said.crit or entries.between(said) is None:
            return ""
        if not schema.known(said.type or "") or not schema.accepts(said.type or "", said.thing.value):
            return ""
        return verify_bytes(said.thing, verifiers)
    except Refusal:
        return ""


@functools.lru_cache(64)
def _verifiers(publics: tuple[bytes, ...]) -> Mapping[str, PublicKey]:
    keys = [PublicKey(public) for public in publics]
    return {key.headers["record"]: key for key in keys}


def end_with_parent() -> None:
    """A hub that was killed tells its workers nothing; they would wait for ever."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            multiprocessing.connection.wait([parent.sentinel])
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()
