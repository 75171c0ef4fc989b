"""ACK-6: bringing acks to the hub that notices came from, with each round of following it, until it has taken them.

The follower makes the connection, so this works from behind any router. A peer that is a folder, or whose hub offers no
notices, is told nothing; its operator asks by other ways.
"""

from __future__ import annotations

from urllib.parse import urljoin

import orjson
import structlog

from jisr_protocol import capabilities, limits, notice_call, paths
from jisr_protocol.majors import MAJOR
from jisr_protocol.reader.answers import Unreachable
from jisr_protocol.reader.http import ExchangeError, GuardedClient
from jisr_protocol.refusal import Refusal

from ..ports import Peer
from .acknowledging import Acknowledgements

_HEADERS = {"Jisr-Version": MAJOR, "Content-Type": "application/json"}
_log = structlog.get_logger()


class Answers:
    """Brings what is waiting to peers."""

    def __init__(self, acknowledgements: Acknowledgements, *, allow_private: bool) -> None:
        self._acknowledgements, self._allow_private = acknowledgements, allow_private

    async def bring(self, peer: Peer) -> int:
        """Bring this peer the acks of notices that came from it; how many it took. Raises nothing: it is asked again
        next time."""
        if not peer.feed.startswith(("http://", "https://")):
            return 0
        waiting, rings = await self._acknowledgements.waiting(peer.hub)
        if not waiting:
            return 0
        body = notice_call.write((ack.envelope for ack in waiting), rings)
        try:
            async with GuardedClient(allow_private=self._allow_private) as client:
                address = await _address(client, peer)
                answer = await client.post(address, body, _HEADERS) if address else None
        except (ExchangeError, Unreachable, Refusal) as error:
            _log.info("acks.undelivered", peer=peer.hub, reason=str(error))
            return 0
        if answer is None or answer.status != 200:
            _log.info("acks.untaken", peer=peer.hub, status=answer.status if answer else 0)
            return 0
        taken = [ack for ack, said in zip(waiting, _answers(answer.body), strict=False) if _is_over(said)]
        await self._acknowledgements.brought(taken)
        return len(taken)


async def _address(client: GuardedClient, peer: Peer) -> str:
    """Where this hub takes notices, as its own document says; "" when it takes none."""
    place = urljoin(peer.feed, "/" + paths.CAPABILITIES)
    answer = await client.get(place, limit_bytes=limits.HEAD_BYTES, attempts=1)
    offered = capabilities.parse(answer.body) if answer.status == 200 else None
    return urljoin(place, offered.notices) if offered is not None and offered.notices else ""


def _answers(body: bytes) -> list[object]:
    try:
        found = orjson.loads(body)["answers"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []
    return found if isinstance(found, list) else []


def _is_over(said: object) -> bool:
    """Whether it was taken, or will never be: a clock that is wrong is put right, and quotas pass."""
    return isinstance(said, dict) and said.get("code") not in ("rate_limited", "clock_skew", "busy", "not_found")
