"""What is asked while an answer is on its way is asked together, next: one transaction, one fsync, one trip for all.

Whoever asks alone does not wait; the more ask at once, the less each costs. In the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

A = TypeVar("A")
R = TypeVar("R")


class Together(Generic[A, R]):
    """`work` answers several at once, in their order: each with a result, or with the error it alone has to bear.

    `joins` says how many of those that wait, from the first on, may go together. What fails as a whole is asked one by
    one, so nobody fails for another's sake.
    """

    def __init__(
        self,
        work: Callable[[Sequence[A]], Awaitable[Sequence[R | Exception]]],
        joins: Callable[[Sequence[A]], int],
    ) -> None:
        self._work, self._joins = work, joins
        self._waiting: deque[tuple[A, asyncio.Future[R]]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def __call__(self, asked: A) -> R:
        """The answer to one. Whoever is cancelled hears nothing any more; what it asked may still be done."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._working is None:
            self._working = asyncio.create_task(self._go_on())
        return await future

    async def _go_on(self) -> None:
        try:
            while self._waiting:
                count = self._joins([asked for asked, _ in self._waiting])
                await self._answer([self._waiting.popleft() for _ in range(count)])
        finally:
            self._working = None
            for _, future in self._waiting:  # only when this is cancelled itself
                future.cancel()
            self._waiting.clear()

    async def _answer(self, group: Sequence[tuple[A, asyncio.Future[R]]]) -> None:
        answers: Sequence[R | Exception]
        try:
            answers = await self._work([asked for asked, _ in group])
        except asyncio.CancelledError:
            for _, future in group:
                future.cancel()
            raise
        # Whatever it was is borne by whoever asked: alone, each gets its own answer or its own error.
        except Exception as error:
            if len(group) > 1:
                for one in group:
                    await self._answer([one])
                return
            answers = [error]
        for (_, future), answer in zip(group, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    async def settled(self) -> None:
        """Wait until nothing is on its way."""
        while self._working is not None:
            await asyncio.wait([self._working])
