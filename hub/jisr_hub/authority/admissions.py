"""Who is let in (docs/spec/authority.md, ADM): by an invitation at once, else by the operator.

A request is kept, not acted on: nothing is asked of anybody because of it. What strangers can make this hub keep is
bounded: so many requests in all, so many from one network, and only so many tries an hour.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import orjson

from jisr_protocol import admission, constraints, identifiers, keys
from jisr_protocol.admission import Asked
from jisr_protocol.constraints import Constraints
from jisr_protocol.refusal import refuse

from ..hub import Hub
from ..ports import Clock, Member
from ..quota import QuotaExhausted

WAITING_MOST = 200
"""Requests that are kept at a time; a new one takes the place of the oldest."""
WAITING_OF_ONE_SOURCE = 5
TRIES_AN_HOUR = 20
"""Of one network: an IPv4 /24 or an IPv6 /48."""
SOURCES_REMEMBERED = 10_000
INVITATION_DAYS = 14


class Invitation(msgspec.Struct, frozen=True):
    """A code that lets one node in. Only its hash is kept; `node` is who used it, "" as long as nobody has."""

    code: str
    name: str
    made: str
    expires: str
    constraints: str
    node: str = ""


class Request(msgspec.Struct, frozen=True):
    """A node that waits for the operator. `source` is the network it came from; `keys` its key file."""

    node: str
    name: str
    source: str
    at: str
    keys: bytes


class Store(Protocol):
    """Where invitations and requests are kept; each method is durable when it returns."""

    async def invite(self, invitation: Invitation) -> None: ...

    async def use(self, code: str, node: str, now: str) -> Invitation | None:
        """Give an invitation to this node, if it is unused (or used by the same node) and has not expired."""
        ...

    async def invitations(self) -> list[Invitation]: ...

    async def put(self, request: Request, *, most: int, of_one_source: int) -> bool:
        """Keep a request instead of an earlier one of the same node. False, and nothing is kept, when its source has so
        many already; beyond `most` the oldest goes."""
        ...

    async def requests(self) -> list[Request]:
        """Oldest first."""
        ...

    async def drop(self, node: str) -> bool:
        """Whether there was one."""
        ...


@dataclass(frozen=True)
class Answer:
    """What became of a request."""

    admitted: bool
    node: str


class Admissions:
    """Invitations and requests of one hub."""

    def __init__(self, hub: Hub, store: Store, clock: Clock, *, per_hour: int, per_day: int) -> None:
        self._hub, self._store, self._clock = hub, store, clock
        self._quota = {"per_hour": per_hour, "per_day": per_day}
        self._tries: defaultdict[str, deque[datetime]] = defaultdict(deque)

    async def ask(self, raw: bytes, address: str) -> Answer:
        """Take a request that came from an address. Raises Refusal; asking again is safe."""
        self._hub.check_open()
        source = network_of(address)
        self._count(source)
        now = self._clock()
        asked = admission.parse(raw, hub=self._hub.identity.id, now=now)
        member = await self._hub.ledger.member(asked.ring.id)
        if member is not None and not member.upstream:
            return Answer(True, asked.ring.id)
        if asked.code:
            await self._by_invitation(asked)
            return Answer(True, asked.ring.id)
        request = Request(asked.ring.id, asked.name, source, identifiers.to_instant(now), keys.write_file(asked.ring))
        if not await self._store.put(request, most=WAITING_MOST, of_one_source=WAITING_OF_ONE_SOURCE):
            refuse(
                "ADM-4",
                "",
                expected=f"at most {WAITING_OF_ONE_SOURCE} requests that wait from one network",
                came="more",
            )
        return Answer(False, asked.ring.id)

    async def _by_invitation(self, asked: Asked) -> None:
        now = identifiers.to_instant(self._clock())
        invitation = await self._store.use(hash_of(asked.code), asked.ring.id, now)
        if invitation is None:
            refuse("ADM-3", "/code", expected="the code of an invitation that is open", came="another")
            return
        bounds = constraints.of(orjson.loads(invitation.constraints))
        name = invitation.name or asked.name
        await self._hub.admit(name, asked.ring.statements, asked.ring, bounds=bounds, **self._quota)
        await self._store.drop(asked.ring.id)

    def _count(self, source: str) -> None:
        """ADM-4: only so many tries an hour from one network; what is remembered of sources is bounded too."""
        now = self._clock()
        tries = self._tries[source]
        while tries and now - tries[0] > timedelta(hours=1):
            tries.popleft()
        if len(self._tries) > SOURCES_REMEMBERED:
            for known in [
                one for one, times in self._tries.items() if not times or now - times[-1] > timedelta(hours=1)
            ]:
                del self._tries[known]
            if len(self._tries) > SOURCES_REMEMBERED:
                del self._tries[source]
                raise QuotaExhausted("", "fewer strangers at a time", f"more than {SOURCES_REMEMBERED}", 3600)
        if len(tries) >= TRIES_AN_HOUR:
            expected = f"at most {TRIES_AN_HOUR} requests an hour from one network"
            raise QuotaExhausted("", expected, f"one more from {source}", 3600)
        tries.append(now)

    async def approve(self, node: str, name: str = "", bounds: Constraints | None = None) -> Member | None:
        """Let a node in that waits; None when it does not wait."""
        request = next((one for one in await self._store.requests() if one.node == node), None)
        if request is None:
            return None
        ring = keys.fold(keys.parse_file(request.keys), expected_id=node)
        member = await self._hub.admit(name or request.name, ring.statements, ring, bounds=bounds, **self._quota)
        await self._store.drop(node)
        return member


async def invite(
    store: Store, name: str, bounds: Constraints, *, now: datetime, days: float, random_bytes: Callable[[int], bytes]
) -> tuple[str, Invitation]:
    """A new invitation: its code, which is told once and kept nowhere, and what is kept of it."""
    code = base64.b32encode(random_bytes(10)).decode().lower()
    made, expires = identifiers.to_instant(now), identifiers.to_instant(now + timedelta(days=days))
    kept = Invitation(hash_of(code), name, made, expires, orjson.dumps(bounds.to_value()).decode())
    await store.invite(kept)
    return code, kept


def hash_of(code: str) -> str:
    """What is kept of a code: whoever reads the database cannot use it."""
    return hashlib.sha256(b"jisr-invitation-1\x00" + code.strip().lower().encode()).hexdigest()


def network_of(address: str) -> str:
    """The network of an address, as one source: IPv4 /24, IPv6 /48."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if found.version == 6 and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))


class MemoryStore:
    """The Store port on dictionaries."""

    def __init__(self) -> None:
        self._invitations: dict[str, Invitation] = {}
        self._requests: dict[str, Request] = {}

    async def invite(self, invitation: Invitation) -> None:
        self._invitations[invitation.code] = invitation

    async def use(self, code: str, node: str, now: str) -> Invitation | None:
        held = self._invitations.get(code)
        if held is None or held.node not in ("", node) or held.expires <= now:
            return None
        self._invitations[code] = msgspec.structs.replace(held, node=node)
        return held

    async def invitations(self) -> list[Invitation]:
        return sorted(self._invitations.values(), key=lambda one: (one.made, one.code))

    async def put(self, request: Request, *, most: int, of_one_source: int) -> bool:
        others = [one for one in self._requests.values() if one.node != request.node]
        if sum(one.source == request.source for one in others) >= of_one_source:
            return False
        self._requests[request.node] = request
        for old in sorted(self._requests.values(), key=lambda one: (one.at, one.node))[
            : max(0, len(self._requests) - most)
        ]:
            del self._requests[old.node]
        return True

    async def requests(self) -> list[Request]:
        return sorted(self._requests.values(), key=lambda one: (one.at, one.node))

    async def drop(self, node: str) -> bool:
        return self._requests.pop(node, None) is not None
