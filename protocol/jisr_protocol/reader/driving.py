"""Carrying a session out over a place: what is to be fetched side by side, all else at once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..session import Discard, Done, Event, Fetch, Request, Session
from .places import Place


class Driver:
    """One session and the place it reads. `carry_out` does what a session asks for beside fetching, and may answer."""

    def __init__(self, session: Session, place: Place, carry_out: Callable[[Request], Event | None]) -> None:
        self._session, self._place, self._carry_out = session, place, carry_out
        self._fetches: set[asyncio.Task[Event]] = set()
        self._done: Done | None = None

    async def run(self) -> Done:
        """Carry the session out to its end. Raises what the place or `carry_out` raises."""
        try:
            self._do(self._session.begin())
            while self._done is None:
                arrived, _ = await asyncio.wait(self._fetches, return_when=asyncio.FIRST_COMPLETED)
                for task in arrived:
                    if task in self._fetches:  # not discarded by one that came with it
                        self._fetches.remove(task)
                        self._do(self._session.receive(task.result()))
            return self._done
        finally:
            left = self._cancelled()
            await asyncio.gather(*left, return_exceptions=True)

    def _do(self, requests: list[Request]) -> None:
        """Carry out requests, in order, and what the session answers at once to the last of them."""
        while requests:
            answer: Event | None = None
            for request in requests:
                answer = self._one(request)
            requests = self._session.receive(answer) if answer else []

    def _one(self, request: Request) -> Event | None:
        match request:
            case Fetch():
                self._fetches.add(asyncio.get_running_loop().create_task(self._place.fetch(request)))
                return None
            case Discard():
                self._cancelled()
            case Done():
                self._done = request
        return self._carry_out(request)

    def _cancelled(self) -> set[asyncio.Task[Event]]:
        fetches, self._fetches = self._fetches, set()
        for task in fetches:
            task.cancel()
        return fetches
