"""What was sent, received, refused and why; what waits; and the one thing to do next, if there is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jisr_protocol import head, identifiers

from . import bulk
from .contradictions import FROZEN
from .delivery import BEHIND
from .erasure import UNSCRUBBED
from .feeds import HEAD_RENEWED
from .identity import Identity
from .ports import Delivery, Quarantined, Store
from .settings import Settings
from .standing import receipt_facts, why
from .text import shown

BACKUP = "backup"
"""The setting that says when the last backup was made."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Something to do: a stable code for programs, a sentence for a person."""

    code: str
    sentence: str


def status(
    store: Store,
    identity: Identity,
    settings: Settings,
    *,
    now: datetime,
    obstacles: list[str],
    recovery: Advice | None,
) -> dict[str, Any]:
    """Everything `jisr-node status` says, as JSON values. `todo` is empty when all is well.

    `obstacles` are outbox.Outbox.obstacles, `recovery` what is to be done about the recovery key.
    """
    records = [record for record in store.records() if record.content is not None]
    changes = store.changes()
    feeds = store.feeds()
    refused = [_refused(store, kept) for kept in store.quarantined() if _is_newest(store, kept)]
    deliveries = [_delivered(store, delivery) for delivery in store.deliveries()]
    live = {feed.name: head.parse(feed.head).live for feed in feeds}
    return {
        "node": identity.id,
        "name": settings.name,
        "hub": settings.hub or None,
        "records": {**live, "local": sum(record.feed is None for record in records)},
        "waiting": {
            "to_publish": sum(change.content is not None for change in changes),
            "to_delete": sum(change.content is None for change in changes),
        },
        "feeds": [_feed(feed.head) for feed in feeds],
        "backup": store.settings().get(BACKUP) or None,
        "deliveries": deliveries,
        "refused": refused,
        "todo": [
            {"code": advice.code, "sentence": advice.sentence}
            for advice in _todo(store, settings, obstacles, recovery, refused, deliveries, now)
        ],
    }


def _feed(raw: bytes) -> dict[str, Any]:
    signed = head.parse(raw)
    return {
        "name": signed.name,
        "epoch": signed.epoch,
        "entries": signed.size,
        "live": signed.live,
        "log_root": signed.log_root,
        "state_root": signed.state_root,
        "signed": identifiers.to_instant(signed.time),
        "expires": identifiers.to_instant(signed.expires),
    }


def _delivered(store: Store, delivery: Delivery) -> dict[str, Any]:
    feed = store.feed(delivery.feed)
    return {
        "hub": delivery.hub,
        "feed": delivery.feed,
        "received": delivery.next,
        "waiting": max(0, (feed.size if feed else 0) - delivery.next),
        "receipt": receipt_facts(delivery),
        "tried": delivery.tried,
        "problem": delivery.problem,
    }


def _is_newest(store: Store, kept: Quarantined) -> bool:
    """What was mended and sent again is no longer refused, even if the hub still keeps the old entry back."""
    lines = store.lines(kept.feed, kept.seq, kept.seq + 1)
    record_id = lines[0].id if lines else None
    return record_id is None or store.latest(kept.feed, record_id) == kept.seq


def _refused(store: Store, kept: Quarantined) -> dict[str, Any]:
    lines = store.lines(kept.feed, kept.seq, kept.seq + 1)
    record_id = lines[0].id if lines else None
    record = store.record(record_id) if record_id else None
    return {
        "hub": kept.hub,
        "feed": kept.feed,
        "seq": kept.seq,
        "id": record_id,
        "name": name_of(record.content) if record and record.content else None,
        "code": kept.code,
        "why": why(kept.code),
        "pointer": kept.pointer,
        "detail": kept.detail,
    }


def _todo(
    store: Store,
    settings: Settings,
    obstacles: list[str],
    recovery: Advice | None,
    refused: list[dict[str, Any]],
    deliveries: list[dict[str, Any]],
    now: datetime,
) -> list[Advice]:
    todo = [Advice("contradiction", sentence) for sentence in obstacles]
    if recovery is not None:
        todo.append(recovery)
    if store.settings().get(UNSCRUBBED):
        sentence = (
            "Bytes of what was erased may still lie in a file of this folder. Stop any other jisr-node, look again."
        )
        todo.append(Advice("unscrubbed", sentence))
    todo += [
        Advice("hub_behind", value) for name, value in store.settings().items() if name.startswith(BEHIND) and value
    ]
    todo += [
        Advice("hub_frozen", value) for name, value in store.settings().items() if name.startswith(FROZEN) and value
    ]
    todo += [Advice("unjudged", sentence) for sentence in bulk.told(store.settings())]
    if refused:
        sentence = f"The hub keeps back {_count(len(refused), 'record')}. Correct each with jisr-node edit, then sync."
        todo.append(Advice("refused", sentence))
    if waiting := len(store.changes()):
        todo.append(Advice("unpublished", f"{_count(waiting, 'change')} not published yet. Next: jisr-node publish"))
    if any(now - head.parse(feed.head).time >= HEAD_RENEWED for feed in store.feeds()):
        sentence = "Your feed was last signed more than two weeks ago. To keep it current: jisr-node sync"
        todo.append(Advice("old_head", sentence))
    met = {delivery["hub"] for delivery in deliveries}
    if any(delivery["problem"] or delivery["waiting"] for delivery in deliveries) or (
        settings.hub and store.feeds() and settings.hub not in met
    ):
        todo.append(Advice("undelivered", "Not everything has reached the hub. Nothing is lost. Next: jisr-node push"))
    return todo


def name_of(content: bytes) -> str | None:
    """What a record is called, in the language it was written in if there is one."""
    return named(json.loads(content))


def named(record: Mapping[str, Any]) -> str | None:
    """The same of a record that is read already."""
    words = record.get("name") or record.get("title") or {}
    chosen = words.get(record.get("lang")) or next(iter(words.values()), None) if isinstance(words, dict) else None
    return shown(str(chosen["value"]), 120) if isinstance(chosen, dict) and "value" in chosen else None


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
