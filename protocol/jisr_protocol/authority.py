"""Who may speak for whom: what statements come to together at an instant (docs/spec/authority.md).

    check_good(said, ring, src)             refuse what a thief has said with the lost key of its signer
    held = Authority(statements, anchors=[anchor], assumed={node: hub})
    standing = held.node(node, at)          by whom it is attested, until when, within which bounds, else why not
    standing.check(record)                  refuse what a node that stands so may not say

A pure function of the set of statements: the order in which they came changes nothing. Without anchors every hub is a
hub, and a node is attested by its home hub alone. A statement of anybody else is carried and never believed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from . import validity
from .anchor import Anchor
from .constraints import UNBOUNDED, Constraints
from .keys import KeyRing
from .limits import STATEMENTS_PER_SUBJECT
from .refusal import refuse
from .statement import DOMAIN, HOME, HUB, NODE, WITHDRAWAL, Statement, Verified
from .validity import Source


class Why(Enum):
    """Why nobody speaks for a subject; HOLDS when somebody does."""

    HOLDS = "holds"
    NEVER = "no statement of its home hub is held"
    EXPIRED = "the statement of its home hub has expired"
    WITHDRAWN = "its home hub has withdrawn its statement"
    OTHERS = "only another hub than its home hub says so"
    HUB_NEVER = "no trusted anchor says that its home hub is a hub"
    HUB_UNSIGNED = "fewer keys of the anchor than it asks for have signed that its home hub is a hub"
    HUB_EXPIRED = "the anchor's statement about its home hub has expired"
    HUB_WITHDRAWN = "the anchor has withdrawn its statement about its home hub"


_LAPSED = {Why.EXPIRED, Why.WITHDRAWN, Why.HUB_EXPIRED, Why.HUB_WITHDRAWN}
_OF_HUB = {Why.EXPIRED: Why.HUB_EXPIRED, Why.WITHDRAWN: Why.HUB_WITHDRAWN}


@dataclass(frozen=True)
class Standing:
    """How a subject stands at an instant. `by` is who says so, "" when nobody is known; `until` the end of the chain,
    None when it has none."""

    by: str
    why: Why
    until: datetime | None = None
    constraints: Constraints = UNBOUNDED

    @property
    def holds(self) -> bool:
        return self.why is Why.HOLDS

    @property
    def lapsed(self) -> bool:
        """Whether somebody spoke for it, and does not any more."""
        return self.why in _LAPSED

    def check(self, record: Mapping[str, Any]) -> None:
        """Refuse a new record of a node that stands so: nobody attests it (AUTH-1, AUTH-3, AUTH-6), not any more
        (AUTH-2), or not for this (AUTH-4)."""
        if self.why is not Why.HOLDS:
            self._refuse()
        self.constraints.check(record)

    def _refuse(self) -> None:
        if self.lapsed:
            refuse("AUTH-2", "/record/node", expected="a node whose attestation holds", came=self.why.value)
        elif self.why is Why.HUB_UNSIGNED:
            refuse("AUTH-3", "/record/node", expected="a hub that enough keys of an anchor name", came=self.why.value)
        elif self.why is Why.OTHERS:
            refuse("AUTH-6", "/record/node", expected="the word of its own home hub", came=self.why.value)
        else:
            refuse("AUTH-1", "/record/node", expected="a node that its home hub attests", came=self.why.value)


def check_good(said: Verified, ring: KeyRing | None, src: Source | None) -> None:
    """AUTH-8: refuse a statement of a lost key that stands beyond the last place at which that key was good.

    `ring` are its signer's keys as they are known now, None where they are not; `src` is where it stands in its
    signer's own feed, None where nobody says so.
    """
    if ring is not None and not validity.counts(ring, said.kid, src or ("", "", 0)):
        came = f"{src or 'no place'} by the lost key {said.kid}"
        refuse("AUTH-8", "/jws", expected="a place in its signer's feed at which this key was good", came=came)


_Said = tuple[Statement, set[str]]
"""A statement and the keys that signed it."""


class Authority:
    """Statements, folded. `assumed` is the home hub of a node that has not said itself which it is."""

    def __init__(
        self, held: Iterable[Verified], *, anchors: Sequence[Anchor] = (), assumed: Mapping[str, str] | None = None
    ) -> None:
        self._anchors = {anchor.id: anchor for anchor in anchors}
        self._assumed = dict(assumed or {})
        self._said: dict[str, dict[str, dict[str, _Said]]] = {}
        for one in held:
            self.add(one)

    def add(self, one: Verified) -> None:
        """One more statement; the same one again changes nothing."""
        said = one.statement
        about = self._said.setdefault(said.subject, {}).setdefault(said.type, {})
        about.setdefault(said.digest, (said, set()))[1].add(one.kid)

    def assume(self, node: str, hub: str) -> None:
        """The home hub of a node as long as it has not said itself which it is."""
        self._assumed[node] = hub

    def home(self, node: str) -> str:
        """The home hub of a node: what the node itself said last, else what is assumed; "" when nobody knows."""
        said = self._newest(node, HOME, node)
        return str(said.value["home"]) if said is not None else self._assumed.get(node, "")

    def hub(self, hub: str, at: datetime) -> Standing:
        """How a hub stands: it holds without end where no anchor is trusted, else by whichever says so longest."""
        if not self._anchors:
            return Standing("", Why.HOLDS)
        standings = [self._standing(anchor, hub, HUB, at) for anchor in sorted(self._anchors)]
        found = max(standings, key=lambda s: (s.holds, s.why is not Why.NEVER, _end(s)))
        if found.why is not Why.NEVER:
            return found
        begun = any(said.by in self._anchors for said, _ in self._about(hub, HUB))
        return replace(found, why=Why.HUB_UNSIGNED if begun else Why.HUB_NEVER)

    def node(self, node: str, at: datetime) -> Standing:
        """How a node stands (AUTH-1): attested by its home hub, which is a hub; the earliest end, the narrowest
        bounds."""
        home = self.home(node)
        own = self._standing(home, node, NODE, at)
        if not own.holds:
            others = own.why is Why.NEVER and bool(self._about(node, NODE))
            return replace(own, why=Why.OTHERS) if others else own
        hub = self.hub(home, at)
        if not hub.holds:
            return replace(own, why=_OF_HUB.get(hub.why, hub.why), until=hub.until)
        ends = [end for end in (own.until, hub.until) if end is not None]
        return replace(own, until=min(ends, default=None), constraints=own.constraints.narrowed(hub.constraints))

    def domains(self, node: str, at: datetime) -> list[str]:
        """The domains that its home hub has seen it control, sorted."""
        home = self.home(node)
        said = self._newest(node, DOMAIN, home)
        return [str(said.value["domain"])] if said and self._standing(home, node, DOMAIN, at).holds else []

    def believed(self, statement: Statement) -> bool:
        """Whether its signer has a say about its subject: an anchor, the home hub, the subject itself."""
        return statement.by in (statement.subject, self.home(statement.subject)) or statement.by in self._anchors

    def check_room(self, statement: Statement) -> None:
        """AUTH-5: of those who have no say about a subject, only a few statements are kept and passed on."""
        about = self._said.get(statement.subject, {}).values()
        kept = {(said.by, said.type) for statements in about for said, _ in statements.values()}
        fresh = (statement.by, statement.type) not in kept
        if fresh and not self.believed(statement) and len(kept) >= STATEMENTS_PER_SUBJECT:
            came = f"one more, by {statement.by}"
            refuse("AUTH-5", "/statement/subject", expected=f"at most {STATEMENTS_PER_SUBJECT} statements", came=came)

    def _standing(self, by: str, subject: str, type_: str, at: datetime) -> Standing:
        said = self._newest(subject, type_, by)
        if said is None:
            return Standing(by, Why.NEVER)
        gone = self._newest(subject, WITHDRAWAL, by, of=type_)
        if gone is not None and gone.n >= said.n:
            return Standing(by, Why.WITHDRAWN, said.expires, said.constraints)
        if said.expires is not None and said.expires <= at:
            return Standing(by, Why.EXPIRED, said.expires, said.constraints)
        return Standing(by, Why.HOLDS, said.expires, said.constraints)

    def _about(self, subject: str, type_: str) -> Collection[_Said]:
        return self._said.get(subject, {}).get(type_, {}).values()

    def _newest(self, subject: str, type_: str, by: str, *, of: str | None = None) -> Statement | None:
        """The statement with the highest n that counts; of two with one n, the one of the smaller digest."""
        found = [
            said
            for said, kids in self._about(subject, type_)
            if said.by == by and (of is None or said.about == of) and self._counts(by, kids)
        ]
        return min(found, key=lambda said: (-said.n, said.digest), default=None)

    def _counts(self, by: str, kids: Iterable[str]) -> bool:
        anchor = self._anchors.get(by)
        return anchor is None or anchor.enough(kids)


def _end(standing: Standing) -> float:
    return standing.until.timestamp() if standing.until is not None else float("inf")
