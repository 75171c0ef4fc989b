"""Asking many sources, each in its own time (jisr_protocol.polling): peers, registered feeds.

    rounds = Rounds(Bounds(60, 1800), sources, ask, at_once=4)
    await rounds.run()                      for ever
    rounds.wake()                           somebody says there is news; bounds and what a source asked for still hold
    rounds.orders = orders                  what the operator decided: whom to ask no more, whom to ask now

One source that is slow or fails keeps no other waiting. The clock is monotonic; nothing of this outlives the process,
and a source whose time is not known is asked at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import structlog

from jisr_protocol import identifiers, polling
from jisr_protocol.head import Head
from jisr_protocol.polling import Bounds, Poll, Said
from jisr_protocol.reader.follow import Result

from ..ports.history import Order

S = TypeVar("S")
LIST_SECONDS = 5.0
"""How often the list of sources is read anew at the latest: a command may have changed it."""
_log = structlog.get_logger()


@dataclass(frozen=True)
class Asked:
    """What one question came to. `wait_seconds`: the pause it asked for; `hint_seconds`: until its next head is due."""

    said: Said
    wait_seconds: float = 0.0
    hint_seconds: float | None = None


def of_result(result: Result, now: datetime) -> Asked:
    """What a follow says of when to come again."""
    if result.throttled:
        return Asked(Said.BUSY, result.wait_seconds)
    if result.outcome != 0 or result.head is None:
        return Asked(Said.FAILED, result.wait_seconds)
    return asked_of_head(result.head, now, changed=result.changed, wait=result.wait_seconds)


def asked_of_head(head: Head, now: datetime, *, changed: bool, wait: float) -> Asked:
    """What a head that was read says of when to come again: its publisher names when the next one is due."""
    due = (identifiers.from_instant(head.envelope.value["next"]) - now).total_seconds()
    return Asked(Said.NEWS if changed else Said.QUIET, wait, due if due > 0 else None)


def bounds_of(poll_seconds: float, longest_seconds: float) -> Bounds:
    """The bounds an operator chose; without a longest pause it is thirty times the shortest."""
    return Bounds(poll_seconds, max(poll_seconds, longest_seconds or 30 * poll_seconds))


async def _no_orders() -> Mapping[str, Order]:
    return {}


class Rounds(Generic[S]):
    """The rounds over one kind of source. `sources` gives them by name, `ask` asks one; what it raises is logged."""

    def __init__(
        self,
        bounds: Bounds,
        sources: Callable[[], Awaitable[Mapping[str, S]]],
        ask: Callable[[S], Awaitable[Asked]],
        *,
        at_once: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bounds = bounds
        self._sources, self._ask, self._clock = sources, ask, clock
        self._turns = asyncio.Semaphore(at_once)
        self._polls: dict[str, Poll] = {}
        self._began: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._woken_at = float("-inf")
        self._called: dict[str, asyncio.Event] = {}
        """Sources that themselves say that there is news: each is asked at once, its event set when it was."""
        self._bell = asyncio.Event()
        self.orders: Callable[[], Awaitable[Mapping[str, Order]]] = _no_orders
        self.rest: Callable[[str], float] = lambda _: 0.0
        """The shortest pause after a source's last question, in seconds, whoever says that there is news."""
        self.due: Callable[[str, float], None] = lambda _name, _seconds: None
        """Called after each question with the seconds until the next."""
        self._asked_now: dict[str, str] = {}
        """The operator's last word that a source be asked at once, by source."""

    def wake(self) -> None:
        """Ask all of them soon; calls within one round count once."""
        self._woken_at = self._clock()
        self._bell.set()

    async def come(self, name: str) -> None:
        """Ask this source as soon as it lets us, since it has said that there is news, and wait until that is done."""
        done = self._called.setdefault(name, asyncio.Event())
        self._bell.set()
        await done.wait()

    def due_in(self, name: str) -> float:
        """Seconds until this source is asked; never more than its pause, 0 when it was never asked."""
        poll = self._polls.get(name)
        if poll is None:
            return 0.0
        if name in self._called and not poll.failures:
            return max(0.0, poll.asked + poll.wait_seconds - self._clock())
        chance = random.Random(f"{name} {poll.asked}").random()
        pause = polling.pause_seconds(poll, self.bounds, jitter=chance)
        if self._woken_at >= self._began[name]:
            pause = min(pause, polling.woken_seconds(poll, self.bounds))
        return max(0.0, poll.asked + max(pause, self.rest(name)) - self._clock())

    async def run(self) -> None:
        """Ask, for ever."""
        try:
            while True:
                self._bell.clear()
                sources = self._heeding(await self._sources(), await self.orders())
                self._forget(sources)
                for name, source in sources.items():
                    if name not in self._asking and self.due_in(name) == 0.0:
                        self._asking[name] = asyncio.create_task(self._turn(name, source))
                await self._pause(sources)
        finally:
            tasks = list(self._asking.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _heeding(self, sources: Mapping[str, S], orders: Mapping[str, Order]) -> Mapping[str, S]:
        """The sources that are asked; whom the operator wants asked now, is due, whatever it asked for."""
        for name, order in orders.items():
            if order.retry_at != self._asked_now.get(name, ""):
                self._asked_now[name] = order.retry_at
                self._polls.pop(name, None)
        return {name: source for name, source in sources.items() if name not in orders or not orders[name].stopped_at}

    def _forget(self, sources: Mapping[str, S]) -> None:
        self._polls = {name: poll for name, poll in self._polls.items() if name in sources}
        for name, task in list(self._asking.items()):
            if name not in sources:
                task.cancel()

    async def _pause(self, sources: Mapping[str, S]) -> None:
        waiting = [self.due_in(name) for name in sources if name not in self._asking]
        seconds = min([LIST_SECONDS, *waiting])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.01)):
                await self._bell.wait()

    async def _turn(self, name: str, source: S) -> None:
        asked = Asked(Said.FAILED)
        try:
            async with self._turns:
                self._began[name] = self._clock()
                called = self._called.pop(name, None)
                try:
                    asked = await self._ask(source)
                finally:
                    if called is not None:
                        called.set()
        # One source's trouble, of whatever kind, must not stop the others, nor the next turn of this one.
        except Exception:
            _log.exception("round.failed", source=name)
        finally:
            now = self._clock()
            self._began.setdefault(name, now)
            hint = None if asked.hint_seconds is None else now + asked.hint_seconds
            poll = self._polls.get(name) or polling.begin(now)
            self._polls[name] = polling.answered(poll, now, asked.said, wait_seconds=asked.wait_seconds, hint=hint)
            self._asking.pop(name, None)
            self.due(name, self.due_in(name))
            self._bell.set()
