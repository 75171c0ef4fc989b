"""A hub over HTTP: a ports.Hub around the protocol's one guarded client. Statuses become the node's own errors here."""

from __future__ import annotations

import json
from typing import Any

import zstandard

from jisr_protocol import limits, paths
from jisr_protocol.head import MAJOR
from jisr_protocol.problems import PROBLEMS
from jisr_protocol.reader.http import Answer, ExchangeError, GuardedClient, Unreachable

from ..errors import HubRefused, HubUnreachable
from ..text import shown

_STATE_BYTES = 64 * 1024
_VERSION = {"Jisr-Version": MAJOR}
_HEADERS = {**_VERSION, "Content-Type": "application/vnd.jisr.push+ndjson", "Content-Encoding": "zstd"}


class HttpHub:
    """One hub at `address`, spoken to through `client`, which its caller closes."""

    def __init__(self, address: str, client: GuardedClient) -> None:
        self._address, self._client = address.rstrip("/"), client

    @property
    def address(self) -> str:
        return self._address

    async def keys(self) -> bytes:
        return self._good(await self._get(f"{self._address}/{paths.KEYS}", limits.KEYS_BYTES)).body

    async def log_state(self, node: str, feed: str) -> bytes:
        return self._good(await self._get(f"{self._log(node, feed)}/state", _STATE_BYTES)).body

    async def push(self, node: str, feed: str, body: bytes) -> bytes:
        try:
            answer = await self._client.post(self._log(node, feed), zstandard.compress(body, 3), _HEADERS)
        except ExchangeError as error:
            raise self._failed(error) from error
        return self._good(answer).body

    def _log(self, node: str, feed: str) -> str:
        return f"{self._address}/v1/nodes/{node}/feeds/{feed}/log"

    async def _get(self, url: str, limit_bytes: int) -> Answer:
        try:
            return await self._client.get(url, limit_bytes=limit_bytes, headers=_VERSION, attempts=2)
        except ExchangeError as error:
            raise self._failed(error) from error

    def _failed(self, error: ExchangeError) -> Exception:
        if isinstance(error, Unreachable):
            return HubUnreachable(str(error), retry_after=error.retry_after)
        return HubRefused(getattr(error, "kind", "malformed"), str(error))

    def _good(self, answer: Answer) -> Answer:
        if answer.status == 200:
            return answer
        problem = _problem(answer)
        code = shown(str(problem.get("code") or "internal"))
        title = shown(str(problem.get("title") or f"status {answer.status}"))
        title = PROBLEMS[code].title if code in PROBLEMS else title
        detail = shown(str(problem.get("detail") or ""))
        sentence = f"The hub {self._address} does not take this: {title}. {detail}".strip()
        position = problem.get("next")
        raise HubRefused(
            code,
            f"{sentence.rstrip('.')}. Nothing is lost; your records are safe here. {_ADVICE.get(code, _ASK)}",
            retry=str(problem.get("retry") or "never"),
            next=position if type(position) is int and position >= 0 else None,
        )


_ASK = "If you cannot explain it, ask the hub's operator."
_ADVICE = {
    "not_admitted": "Send the hub's operator the file keys.json of this node's folder, then give the command again.",
    "head_older": "Check the clock and date of this computer, then publish again.",
    "clock_skew": "Check the clock and date of this computer, then publish again.",
    "not_found": "Check the hub's address.",
}


def _problem(answer: Answer) -> dict[str, Any]:
    try:
        problem = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return problem if isinstance(problem, dict) else {}
