"""Campaigns: asking the people behind records whether these are still correct.

    preview = plan(records, correspondents, choice, today)      who would be asked what, and of what nobody can be asked
    answer "correct"     the hub says `assured` of the record, method `mail`
    answer "changed", "gone"      somebody at the desk looks at it; nothing is changed by it

An answer is about the record as it was when it was asked (its rev), and never edits it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Protocol

import msgspec

from jisr_protocol.quality.criteria import MONTH_DAYS, confirmed

from ..ports import Key
from .letters import STILL_CORRECT, Correspondent, Letter, Postbox

CORRECT, CHANGED, GONE = "correct", "changed", "gone"
ANSWERS = (CORRECT, CHANGED, GONE)
ASKED_MOST = 500
"""Records of one campaign: more than anybody can follow are several campaigns."""
NOTE_CHARACTERS = 500


class Choice(msgspec.Struct, frozen=True):
    """Which records: of one node or "" for all, of one type or "", not confirmed for so many months."""

    node: str = ""
    type: str = ""
    months: int = 6


class Old(msgspec.Struct, frozen=True):
    """A record that may be asked about, and the day it was last confirmed."""

    key: Key
    type: str
    rev: int
    title: str
    confirmed: str


class Plan(msgspec.Struct, frozen=True):
    """Who would be asked what; `silent` are records of nodes where nobody agreed to be written to; `over` how many more
    there are than one campaign takes."""

    asked: Mapping[str, tuple[Old, ...]]
    """Address → records, the longest unconfirmed first."""
    silent: tuple[Old, ...]
    over: int = 0

    @property
    def records(self) -> dict[Key, Old]:
        return {one.key: one for many in self.asked.values() for one in many}


class Campaign(msgspec.Struct, frozen=True):
    """A campaign that began."""

    id: str
    name: str
    by: str
    made: str


class Asked(msgspec.Struct, frozen=True):
    """A record that was asked about: `answer` is "" as long as none came, `done` when somebody has looked at it."""

    campaign: str
    node: str
    id: str
    rev: int
    answer: str = ""
    note: str = ""
    at: str = ""
    done: str = ""


class Campaigns(Protocol):
    """Campaigns and answers, in the ledger's database. Durable when it returns."""

    async def begin(self, campaign: Campaign, asked: Sequence[Asked]) -> None: ...

    async def all(self) -> Sequence[Campaign]:
        """The newest first."""
        ...

    async def asked(self, campaign: str) -> Sequence[Asked]: ...

    async def answer(self, campaign: str, key: Key, answer: str, note: str, at: str) -> str | None:
        """Keep an answer, and give the one before it ("" for none); a later one takes its place until somebody has
        looked at it. None when this was not asked, or somebody has."""
        ...

    async def open(self) -> Sequence[Asked]:
        """What somebody has to look at, oldest first."""
        ...

    async def done(self, campaign: str, key: Key, at: str) -> bool: ...


def old(value: Mapping[str, Any], key: Key, title: str) -> Old:
    """A live record as it may be asked about."""
    return Old(key, str(value.get("type", "")), int(value.get("rev", 0)), title, confirmed(value))


def plan(records: Iterable[Old], people: Sequence[Correspondent], choice: Choice, today: str) -> Plan:
    """Who would be asked. Everybody who agreed for a node gets its records; each record is asked about once."""
    try:
        before = (date.fromisoformat(today) - timedelta(days=round(choice.months * MONTH_DAYS))).isoformat()
    except (ValueError, OverflowError):
        before = ""
    chosen = sorted(
        (one for one in records if _fits(one, choice) and one.confirmed < before),
        key=lambda one: (one.confirmed, one.key),
    )
    of_node: dict[str, list[str]] = {}
    for who in people:
        if who.node:
            of_node.setdefault(who.node, []).append(who.address)
    reached = [one for one in chosen if one.key[0] in of_node]
    asked: dict[str, list[Old]] = {}
    for one in reached[:ASKED_MOST]:
        for address in of_node[one.key[0]]:
            asked.setdefault(address, []).append(one)
    silent = tuple(one for one in chosen if one.key[0] not in of_node)
    return Plan(
        {address: tuple(many) for address, many in sorted(asked.items())}, silent, max(0, len(reached) - ASKED_MOST)
    )


async def begin(
    campaigns: Campaigns,
    box: Postbox,
    planned: Plan,
    name: str,
    by: str,
    at: str,
    random_bytes: Callable[[int], bytes],
) -> Campaign:
    """Begin a campaign: keep what is asked, and put a letter for each person into the queue. One letter holds all of a
    person's records of one node."""
    campaign = Campaign(str(uuid.UUID(bytes=random_bytes(16), version=4)), name, by, at)
    await campaigns.begin(campaign, [Asked(campaign.id, *one.key, one.rev) for one in planned.records.values()])
    for address, records in planned.asked.items():
        for node in sorted({one.key[0] for one in records}):
            about = {"campaign": campaign.id, "records": [list(one.key) for one in records if one.key[0] == node]}
            cause = f"campaign/{campaign.id}/{node}/{address}"
            await box.put(Letter(cause, address, node, STILL_CORRECT, about, at))
    return campaign


def _fits(one: Old, choice: Choice) -> bool:
    return choice.node in ("", one.key[0]) and choice.type in ("", one.type)
