"""`/readyz`: whether this process does its work, as one JSON document, for monitors and load balancers.

    200   a head is out that has not expired, this hub is not fenced, and its disk has room
    503   anything else; `reasons` says what, a sentence each

Nothing secret stands in it, and it costs one look a second however often it is asked. `/healthz` says only that the
process answers.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_protocol import head as heads
from jisr_protocol import identifiers
from jisr_protocol.head import Head

from .. import __version__
from ..ports import Clock, Peer, Pull

LEAST_FREE = 0.01
"""Below this share of free disk a hub is not ready: what comes could not be stored."""
_CACHED_SECONDS = 1.0
_MOST_PEERS = 200
_log = structlog.get_logger()


@dataclass
class Duty:
    """What this process does besides answering; changed by its duties."""

    leads: set[str] = field(default_factory=set)
    """"publisher", "followers" and "pulls": the work that one process of a ledger does."""
    fenced: str = ""
    """Why nothing is signed, a sentence; "" when all is well."""
    seen_ahead: Callable[[], str] = str
    """What readers say they have seen beyond our head: anybody may say it, so it makes no hub unready."""


class Readiness:
    """Looks at most once a second."""

    def __init__(
        self,
        head: Callable[[], Head | None],
        peers: Callable[[], Awaitable[Iterable[Peer]]],
        clock: Clock,
        duty: Duty,
        free_share: Callable[[], float],
        *,
        pulls: Callable[[], Awaitable[Iterable[Pull]]] | None = None,
    ) -> None:
        self._pulls = pulls
        self._head, self._peers, self._clock, self._duty, self._free_share = head, peers, clock, duty, free_share
        self._looked = -_CACHED_SECONDS
        self._answer = (503, b"")
        self._looking = asyncio.Lock()

    def routes(self) -> list[Route]:
        return [Route("/healthz", healthz), Route("/readyz", self.readyz)]

    async def readyz(self, _: Request) -> Response:
        async with self._looking:
            if time.monotonic() - self._looked >= _CACHED_SECONDS:
                self._answer = await self._look()
                self._looked = time.monotonic()
        status, document = self._answer
        return Response(document, status, {"Cache-Control": "no-store"}, "application/json")

    async def _look(self) -> tuple[int, bytes]:
        now, head, free = self._clock(), self._head(), self._free_share()
        reasons = list(self._reasons(head, now, free))
        value: dict[str, Any] = {
            "ready": not reasons,
            "version": __version__,
            "reasons": reasons,
            "head": None if head is None else _head(head, now),
            "disk_free_share": round(free, 4),
            "publishes": "publisher" in self._duty.leads,
            "follows": "followers" in self._duty.leads,
            "fetches": "pulls" in self._duty.leads,
            "fenced": self._duty.fenced or None,
            "seen_ahead": self._duty.seen_ahead() or None,
            "peers": await self._peers_now(now),
            "pulls": await self._pulls_now(now),
            "tasks": len(asyncio.all_tasks()),
            "descriptors": descriptors(),
        }
        return (503 if reasons else 200), orjson.dumps(value) + b"\n"

    def _reasons(self, head: Head | None, now: datetime, free: float) -> Iterable[str]:
        if self._duty.fenced:
            yield self._duty.fenced
        if head is None:
            yield "No head is signed yet."
        elif heads.expired(head, now):
            yield f"The head expired at {identifiers.to_instant(head.expires)}; readers call this feed stale."
        if free < LEAST_FREE:
            yield f"{free:.1%} of the disk is free; nothing more can be stored soon."

    async def _peers_now(self, now: datetime) -> list[dict[str, Any]]:
        """How the rounds in which this hub asks others end; who asks this hub is not known here."""
        try:
            peers = list(await self._peers())
        # The database is away, in the words of either: monitors still learn of head, disk and tasks.
        except Exception:
            _log.exception("readiness.unread", of="peers")
            return []
        return [_peer(peer, now) for peer in peers[:_MOST_PEERS]]

    async def _pulls_now(self, now: datetime) -> list[dict[str, Any]]:
        """How the rounds end in which this hub fetches nodes' feeds; what they push is told by `jisr-hub status`."""
        if self._pulls is None:
            return []
        try:
            pulls = list(await self._pulls())
        # as above
        except Exception:
            _log.exception("readiness.unread", of="pulls")
            return []
        return [_pull(pull, now) for pull in pulls[:_MOST_PEERS]]


def _head(head: Head, now: datetime) -> dict[str, Any]:
    return {
        "size": head.size,
        "live": head.live,
        "time": identifiers.to_instant(head.time),
        "age_seconds": int((now - head.time).total_seconds()),
        "expires": identifiers.to_instant(head.expires),
    }


def _peer(peer: Peer, now: datetime) -> dict[str, Any]:
    since = identifiers.from_instant(peer.last_at) if peer.last_at else None
    return {
        "hub": peer.hub,
        "name": peer.name,
        "direction": "in",
        "outcome": peer.last_outcome or "not asked yet",
        "since_seconds": int((now - since).total_seconds()) if since else None,
    }


def _pull(pull: Pull, now: datetime) -> dict[str, Any]:
    since = identifiers.from_instant(pull.at) if pull.at else None
    return {
        "node": pull.node,
        "direction": "fetched",
        "outcome": pull.outcome or "not asked yet",
        "since_seconds": int((now - since).total_seconds()) if since else None,
    }


def free_share(folder: Path) -> float:
    """The free share of the disk that holds a folder; 1.0 where nobody can tell."""
    try:
        room = os.statvfs(folder)
    except (AttributeError, OSError):
        return 1.0
    return room.f_bavail / room.f_blocks if room.f_blocks else 1.0


def descriptors() -> int | None:
    """How many files and sockets this process holds open, where the system tells."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return None


async def healthz(_: Request) -> Response:
    """Answer that the process answers."""
    return Response(b"ok\n", 200, media_type="text/plain")
