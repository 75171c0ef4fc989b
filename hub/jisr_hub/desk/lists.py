"""What the desk shows as lists, for programs and commands: letters, campaigns, sources, what waits for a second person.

Each gives one JSON object; the pages show the same things with their words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ..mail.campaigns import Campaigns
from ..mail.letters import UNDELIVERED, Postbox, letter_name, name_of
from ..webhooks.telling import OFF, Subscription, Subscriptions
from .acts import Acts
from .bench import Doubles, Reported
from .sources import Source, Sources, listed


async def letters(box: Postbox, most: int) -> dict[str, Any]:
    """{"people": who agreed to get letters, "letters": the newest first}. `name` is what acts call them."""
    people = [
        {"name": name_of(one.address), "address": one.address, "node": one.node, "lang": one.lang,
         "agreed": one.agreed, "how": one.how}
        for one in await box.correspondents()
    ]  # fmt: skip
    found = [
        {"name": letter_name(one), "address": one.address, "node": one.node, "kind": one.kind, "state": one.state,
         "at": one.at or one.made, "tries": one.tries, "said": one.said, "can_be_retried": one.state in UNDELIVERED}
        for one in await box.letters(most)
    ]  # fmt: skip
    return {"people": people, "letters": found}


async def campaigns(kept: Campaigns) -> dict[str, Any]:
    """{"campaigns": with counts of answers, "open": answers that somebody has to look at; `subject` is the act's}."""
    rows = []
    for one in await kept.all():
        asked = await kept.asked(one.id)
        answered = sum(bool(each.answer) for each in asked)
        rows.append({"id": one.id, "name": one.name, "by": one.by, "made": one.made, "asked": len(asked),
                     "answered": answered})  # fmt: skip
    waits = [
        {"subject": f"{one.campaign}/{one.node}/{one.id}", "answer": one.answer, "note": one.note, "at": one.at}
        for one in await kept.open()
    ]
    return {"campaigns": rows, "open": waits}


async def reports(kept: Reported, now: datetime) -> dict[str, Any]:
    """{"reports": mistakes and what was not found, the oldest first; `subject` is the act's}."""
    found = await kept.open(int(now.timestamp()))
    return {"reports": [{**msgspec.structs.asdict(one), "subject": one.subject} for one in found]}


async def answers(doubles: Doubles) -> dict[str, Any]:
    """{"answers": pairs that were answered with unsure or later, the latest first}; `records` are those of the act."""
    found = [
        {"records": ["/".join(key) for key in one.pair], "answer": one.answer, "until": one.until,
         "account": one.account, "at": one.at}
        for one in await doubles.answers()
    ]  # fmt: skip
    return {"answers": found}


async def sources(kept: Sources, now: datetime) -> dict[str, Any]:
    """{"sources": the one that needs somebody most first}."""
    return {"sources": [_source(one) for one in await listed(kept, now)]}


def _source(one: Source) -> Mapping[str, Any]:
    brake = one.brake
    return {
        "id": one.id, "name": one.name, "address": one.address, "hub": one.is_hub, "harm": one.harm,
        "brake": {"leaving": brake.leaving, "live": brake.live, "released": brake.released, "kept": one.kept}
        if brake is not None else None,
        "alarms": [
            {"way": each.way, "began": each.began, "by": each.by, "gone": each.gone, "renamed": each.renamed}
            for each in one.alarms
        ],
        "directions": [
            {"way": each.way, "level": each.level, "outcome": each.now.outcome, "detail": each.now.detail,
             "success_at": each.now.success_at, "failures": each.now.failures, "stopped_at": each.order.stopped_at}
            for each in one.directions
        ],
    }  # fmt: skip


async def subscriptions(kept: Subscriptions) -> dict[str, Any]:
    """{"subscriptions": portals that are told, the one that needs somebody most first}; no secret."""
    return {"subscriptions": [one.health() for one in by_need(await kept.all())]}


def by_need(found: Sequence[Subscription]) -> list[Subscription]:
    """Those that were switched off, then those that fail, by how long; then by host."""
    return sorted(found, key=lambda one: (one.state != OFF, not one.failed, one.failing, one.host, one.id))


async def waiting(acts: Acts) -> dict[str, Any]:
    """{"waiting": what a second person has to approve or decline, oldest first}."""
    found = [
        {"ticket": one.ticket, "at": one.at, "who": who, "kind": asked.kind, "subject": asked.subject,
         "reason": asked.reason, "members": asked.members}
        for one, asked, who in await acts.waiting()
    ]  # fmt: skip
    return {"waiting": found}
