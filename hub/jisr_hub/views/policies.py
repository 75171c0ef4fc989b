"""What this hub takes: its own policy, one for each peer, one for each view (docs/spec/policies.md).

A policy that the operator puts in place is stored first and carried out after, by the process that leads: what does not
fit any more leaves by `out`, what fits now enters, and then it is the policy that counts. Interrupted at any point, it
is carried out again and comes to the same.

    Scope   "own" · "peer/<identifier>" · "view/<name>"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from jisr_protocol import policy as policies
from jisr_protocol.entry import Entry
from jisr_protocol.policy import Facts, Policy

from ..ports import Key

OWN = "own"
BRAKE_PERCENT = 5
"""More of a source than this does not leave at once without the operator's word."""
Judging = Callable[[Entry], str | None]


def of_peer(hub: str) -> str:
    return f"peer/{hub}"


def of_view(name: str) -> str:
    return f"view/{name}"


@dataclass(frozen=True)
class Placed:
    """What is in place at a scope: the policy (None takes everything), and the hash of the one that was carried out."""

    scope: str
    policy: Policy | None
    applied: str

    @property
    def sha256(self) -> str:
        return self.policy.sha256 if self.policy is not None else ""

    @property
    def pending(self) -> bool:
        """Whether it is still to be carried out."""
        return self.sha256 != self.applied


@dataclass(frozen=True)
class Derived:
    """A feed beside the public one: its name, whose records it holds."""

    name: str
    audience: str


@dataclass(frozen=True)
class Brake:
    """A peer of whose records so many would leave at once that nothing of it is done until the operator has looked."""

    peer: str
    leaving: int
    live: int
    released: bool


class Store(Protocol):
    """Where the operator's decisions are kept."""

    async def placed(self) -> dict[str, Placed]:
        """What is in place, by scope; scopes without a policy that never had one are missing."""
        ...

    async def place(self, scope: str, policy: Policy | None, at: str) -> None:
        """Put a policy in place, to be carried out; durable when it returns."""
        ...

    async def carried_out(self, scope: str, sha256: str) -> None:
        """Remember that the policy of this hash was carried out."""
        ...

    async def derived(self) -> list[Derived]: ...

    async def brakes(self) -> dict[str, Brake]: ...

    async def keep_brake(self, peer: str, brake: Brake | None, at: str) -> None:
        """Remember a brake; None lets it and what it kept here go."""
        ...

    async def keep_braked(self, peer: str, keys: Sequence[Key], back: Sequence[Key] = ()) -> int:
        """Remember which records stay here although the peer has dropped them, and forget those it gives again; how
        many there are now that are live, with those from before."""
        ...

    async def kept(self, peer: str) -> int:
        """How many of what a peer has dropped the operator has decided to keep; 0 for no decision."""
        ...

    async def live_from(self, upstream: str) -> int:
        """How many live records are taken from this peer."""
        ...

    async def begin_again(self, peer: str) -> None:
        """Take everything of this peer's copy again in the next round."""
        ...


def braked(leaving: int, live: int) -> bool:
    """Whether so many of a source's records must not leave at once: more than 5 %, which all of it always is."""
    return leaving * 100 > live * BRAKE_PERCENT


class Policies:
    """The policies as they are now, for whoever judges. `refresh` reads them again."""

    def __init__(self, store: Store, here: str, country: str) -> None:
        self.store, self.here = store, here
        self._countries = (country,) if country else ()
        self._placed: dict[str, Placed] = {}

    async def refresh(self) -> bool:
        """Read what the operator has decided; whether anything is another one than before."""
        before, self._placed = self._placed, await self.store.placed()
        return before != self._placed

    def of(self, scope: str) -> Policy | None:
        """What counts for what comes in from now on."""
        placed = self._placed.get(scope)
        return placed.policy if placed is not None else None

    def published(self) -> Policy | None:
        """The hub's own policy as its head names it: once it was carried out."""
        placed = self._placed.get(OWN)
        return placed.policy if placed is not None and not placed.pending else None

    def pending(self) -> list[Placed]:
        return [placed for placed in self._placed.values() if placed.pending]

    def facts(self, home: str) -> Facts:
        """What is known of an author attested by this hub."""
        return Facts(home, self._countries if home == self.here else ())

    def judging(self, home: str, scopes: Sequence[str]) -> Judging:
        """What judges the puts of an author of this home hub, by all of these scopes."""
        facts = self.facts(home)

        def judge(entry: Entry) -> str | None:
            rules = [policy for scope in scopes if (policy := self.of(scope)) is not None]
            return judged(rules, entry, facts) if rules else None

        return judge


def judged(rules: Iterable[Policy | None], entry: Entry, facts: Facts) -> str | None:
    """Why one of these policies keeps this entry out; only puts are judged (POL-4)."""
    if entry.op != "put" or entry.thing is None:
        return None
    found = (policies.judge(policy, entry.thing.value, facts) for policy in rules if policy is not None)
    return next((reason for reason in found if reason is not None), None)
