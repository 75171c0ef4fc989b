"""Counting at a running hub, wired: what was counted is written down now and then, and what is old goes."""

from __future__ import annotations

import asyncio
import contextlib
import time

import structlog

from ..storage.usage import SqlUses
from ..usage.counting import Counting, zone_of
from .opening import Running

SECONDS = 30.0
"""How often it is written down: what a process that is killed may lose."""
FORGET_SECONDS = 3600.0
_log = structlog.get_logger()


def counting_of(running: Running) -> Counting:
    """What this process counts."""
    zone = zone_of(running.settings.time_zone, running.settings.country)
    return Counting(SqlUses(running.ledger), running.hub.clock, zone)


async def write_down_for_ever(counting: Counting) -> None:
    """Write down what was counted; once more when the process ends."""
    forgot = float("-inf")
    try:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SECONDS):
                    await counting.full.wait()
            await _write_down(counting)
            if time.monotonic() - forgot >= FORGET_SECONDS:
                forgot = time.monotonic()
                await _forget(counting)
    finally:
        await _write_down(counting)


async def _write_down(counting: Counting) -> None:
    try:
        await counting.flush()
    # the database may be away: what was counted stays in memory for the next round
    except Exception:
        _log.exception("usage.failed")
    if counting.lost:
        _log.warning("usage.lost", records=counting.lost)
        counting.lost = 0


async def _forget(counting: Counting) -> None:
    try:
        await counting.forget()
    # as above: the next round tries again
    except Exception:
        _log.exception("usage.failed")
