"""What each role may do at the desk: one table, and the acts for which a person must just have shown who they are."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from .denied import Denied, Why


class Role(StrEnum):
    """What somebody is at this hub."""

    AUDITOR = "auditor"
    CURATOR = "curator"
    OPERATOR = "operator"


class Right(StrEnum):
    """One kind of act."""

    LOOK = "look"
    AUDIT = "audit"
    """See who signs in here and what they did."""
    CURATE = "curate"
    HOLD = "hold"
    ADMIT = "admit"
    PEERS = "peers"
    BLOCK = "block"
    ERASE = "erase"
    KEYS = "keys"
    REBASE = "rebase"
    ACCOUNTS = "accounts"


RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.AUDITOR: frozenset({Right.LOOK, Right.AUDIT}),
        Role.CURATOR: frozenset({Right.LOOK, Right.CURATE, Right.HOLD}),
        Role.OPERATOR: frozenset(Right),
    }
)
CONFIRMED: frozenset[Right] = frozenset({Right.BLOCK, Right.ERASE, Right.KEYS, Right.REBASE, Right.ACCOUNTS})
"""What cannot be undone, or opens the way to it: only for who gave their password, or came from their provider, within
the last minutes (sessions.FRESH_SECONDS)."""
CONFIRMED_DAYS = 30
"""The longest for a token that may do what a person must confirm."""


def check(role: Role, right: Right, *, fresh: bool) -> None:
    """Raise Denied unless this role may do this now."""
    if right not in RIGHTS[role]:
        raise Denied(Why.ROLE)
    if right in CONFIRMED and not fresh:
        raise Denied(Why.CONFIRM)


def check_second(asked_by: str, approved_by: str, role: Role, right: Right, *, fresh: bool) -> None:
    """Raise Denied unless a second person, who may do this too, approves what somebody asked for."""
    check(role, right, fresh=fresh)
    if asked_by == approved_by:
        raise Denied(Why.SAME_PERSON)
