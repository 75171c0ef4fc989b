"""A hub over HTTP: a ports.Hub around the protocol's one guarded client. Statuses become the node's own errors here."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urljoin

import zstandard

from jisr_protocol import entry, generations, head, limits, paths
from jisr_protocol.head import Head
from jisr_protocol.limits import PAGE_ENTRIES
from jisr_protocol.majors import MAJOR
from jisr_protocol.page_walk import epoch_of_page
from jisr_protocol.problems import PROBLEMS, code_of_rule
from jisr_protocol.reader.http import Answer, ExchangeError, Garbled, GuardedClient, TooLarge, Unreachable
from jisr_protocol.refusal import Refusal

from ..errors import HubRefused, HubUnreachable
from ..text import shown

_STATE_BYTES = 64 * 1024
OUTCOME_BYTES = 8 * 1024 * 1024
"""A hub names every entry that it keeps back."""
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

    async def push(self, node: str, feed: str, body: bytes, *, later: bool = False) -> bytes:
        headers = {**_HEADERS, "Prefer": "respond-async"} if later else _HEADERS
        try:
            answer = await self._client.post(self._log(node, feed), zstandard.compress(body, 3), headers)
        except ExchangeError as error:
            raise self._failed(error) from error
        return answer.body if later and answer.status == 202 else self._good(answer).body

    async def outcome(self, node: str, feed: str) -> bytes:
        return self._good(await self._get(f"{self._log(node, feed)}/receipt", OUTCOME_BYTES)).body

    async def ask(self, body: bytes) -> bool:
        place = await self._offered("admission")
        headers = {**_VERSION, "Content-Type": "application/json"}
        try:
            answer = await self._client.post(place, body, headers)
        except ExchangeError as error:
            raise self._failed(error) from error
        return answer.status != 202 and bool(self._good(answer))

    async def _offered(self, member: str) -> str:
        """The address of what the hub's capability document names. Raises HubRefused when it names none (CAP-1)."""
        raw = await self._file(f"{self._address}/", paths.CAPABILITIES, limits.HEAD_BYTES)
        try:
            found = json.loads(raw)[member]
        except (ValueError, KeyError, TypeError, RecursionError):
            found = None
        if not isinstance(found, str):
            raise HubRefused("not_found", f"The hub {self._address} offers no {member}. Nothing was sent. {_ASK}")
        return urljoin(f"{self._address}/{paths.CAPABILITIES}", found)

    async def acks(self, notice: str) -> bytes | None:
        address = urljoin(f"{self._address}/{paths.CAPABILITIES}", await self._notices())
        answer = await self._get(f"{address}/{notice}/acks", limits.NOTICES_BYTES)
        return None if answer.status == 404 else self._good(answer).body

    async def _notices(self) -> str:
        """Where the hub takes notices, as its capability document says."""
        raw = await self._file(f"{self._address}/", paths.CAPABILITIES, limits.HEAD_BYTES)
        try:
            return str(json.loads(raw)["notices"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise HubRefused("malformed", f"The hub {self._address} does not answer for notices. {_ASK}") from None

    async def lines_about(self, node: str) -> list[bytes]:
        base = await self._public_feed()
        sign = node.encode()
        try:
            signed = head.parse(await self._file(base, paths.HEAD, limits.HEAD_BYTES))
            bodies = self._bodies(base, signed)
            return [line async for line in _about(sign, bodies)]
        except (Refusal, ValueError, KeyError, TypeError, RecursionError) as error:
            raise HubRefused("malformed", f"The feed of {self._address} cannot be read ({error}). {_ASK}") from error

    async def shown_head(self) -> bytes:
        return await self._file(await self._public_feed(), paths.HEAD, limits.HEAD_BYTES)

    async def _public_feed(self) -> str:
        """The address of the hub's public feed, as its capability document says."""
        raw = await self._file(f"{self._address}/", paths.CAPABILITIES, limits.HEAD_BYTES)
        try:
            feeds = json.loads(raw)["feeds"]
            href = next(feed["href"] for feed in feeds if feed["name"] == "public")
        except (ValueError, KeyError, TypeError, StopIteration, RecursionError):
            raise HubRefused("malformed", f"The hub {self._address} does not say where its feed is. {_ASK}") from None
        return urljoin(f"{self._address}/{paths.CAPABILITIES}", f"{href.rstrip('/')}/")

    async def _bodies(self, base: str, signed: Head) -> AsyncIterator[bytes]:
        """The parts of the snapshot where the log does not begin at its beginning, then the pages."""
        if signed.floor and signed.snap:
            manifest = json.loads(await self._file(base, signed.snap["path"], limits.HEAD_BYTES))
            for part in [one for name in ("keys", "parts", "tombstones", "guards") for one in manifest[name]]:
                yield await self._file(base, part["path"], limits.PAGE_BYTES)
        later = {}
        if signed.gens:
            content = await self._file(base, signed.gens["path"], limits.GENERATIONS_BYTES)
            later = generations.parse(content, signed.gens["sha256"])
        # one by one: a head may claim any size, and the first page that is not there ends it
        for number in range(signed.floor // PAGE_ENTRIES, -(-signed.size // PAGE_ENTRIES)):
            width = min(PAGE_ENTRIES, signed.size - number * PAGE_ENTRIES)
            path = paths.page(epoch_of_page(signed, number), number, width, later.get(number, 1))
            yield await self._file(base, path, limits.PAGE_BYTES)

    async def _file(self, base: str, path: str, limit_bytes: int) -> bytes:
        return self._good(await self._get(base + path, limit_bytes)).body

    def _log(self, node: str, feed: str) -> str:
        return f"{self._address}/v1/nodes/{node}/feeds/{feed}/log"

    async def _get(self, url: str, limit_bytes: int) -> Answer:
        try:
            return await self._client.get(url, limit_bytes=limit_bytes, headers=_VERSION, attempts=2)
        except ExchangeError as error:
            raise self._failed(error) from error

    def _failed(self, error: ExchangeError) -> Exception:
        if isinstance(error, Unreachable):
            code = _problem(error.answer).get("code") if error.answer is not None else None
            known = PROBLEMS.get(code) if isinstance(code, str) else None
            said = f"{self._address}: {known.title}. The same command later will do." if known else str(error)
            return HubUnreachable(said, retry_after=error.retry_after)
        if isinstance(error, TooLarge | Garbled):
            return HubRefused(code_of_rule(error.rule), str(error), retry="same")
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
    "invitation_invalid": "Ask the hub's operator for a new invitation.",
    "not_found": "Check the hub's address.",
    "feed_fork": "See: jisr-node rebase --help",
    "epoch_unknown": "See: jisr-node rebase --help",
}


def _problem(answer: Answer) -> dict[str, Any]:
    try:
        problem = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return problem if isinstance(problem, dict) else {}


async def _about(sign: bytes, bodies: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The lines that name a node, and what later became of those that others wrote: a word that is taken back names its
    own record alone."""
    others: set[bytes] = set()
    async for body in bodies:
        for line in entry.split_lines(body):
            if sign in line:
                if b"org.jisr.assertion/" in line and (said := entry.parse(line)).node != sign.decode() and said.id:
                    others.add(said.id.encode())
                yield line
            elif any(one in line for one in others):
                yield line
