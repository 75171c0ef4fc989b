"""Where one record stands at each hub, as far as this node was told: by receipts, and by what hubs keep back. Pure.

A receipt is a hub's signed word on how many entries of a feed it took. Positions are those of this node's own feed.
Whether readers see the record there, only the hub's public feed can say.
"""

from __future__ import annotations

from typing import Any

from jisr_protocol import entry, head, receipt
from jisr_protocol.problems import PROBLEMS

from .delivery import BEHIND
from .ports import Delivery, Feed, Line, Quarantined, Store

ACCEPTED, WAITING, REFUSED = "accepted", "waiting", "refused"


def standing(store: Store, record_id: str) -> list[dict[str, Any]]:
    """What is known of a record, for each hub that was tried and each feed in which the record has a place.

    `seq` and `rev` are those of its newest entry, `state` is what became of that one; `held` is the newest entry about
    the record that the hub took and does not keep back, None when there is none. Empty before the first delivery.
    """
    rows = []
    for feed in store.feeds():
        if entries := _entries(store, feed.name, record_id):
            rows += [_at(store, each, feed, entries) for each in store.deliveries() if each.feed == feed.name]
    return rows


def receipt_facts(delivery: Delivery) -> dict[str, Any] | None:
    """What the newest verified receipt says: when, signed by whom, how many entries."""
    if not delivery.receipt:
        return None
    signed = receipt.parse(delivery.receipt).value
    return {"at": signed["at"], "by": signed["by"], "entries": signed["size"]}


def why(code: str) -> str:
    """What a problem's code means, in words; a code this version does not know stays as it is."""
    return PROBLEMS[code].title if code in PROBLEMS else code


def _entries(store: Store, feed: str, record_id: str) -> list[Line]:
    """The entries about a record that still say something, in order; its erasure is one."""
    lines = [line for line in store.lines_of(feed, record_id) if entry.parse(line.raw).gone is None]
    latest = store.latest(feed, record_id)
    newer = store.lines(feed, latest, latest + 1) if latest is not None else []
    return lines + [line for line in newer if line.op == "erase"]


def _at(store: Store, delivery: Delivery, feed: Feed, entries: list[Line]) -> dict[str, Any]:
    taken = _confirmed(delivery, feed)
    kept = {k.seq: k for k in store.quarantined() if (k.hub, k.feed) == (delivery.hub, feed.name)}
    newest = entries[-1]
    refused = kept.get(newest.seq) if newest.seq < taken else None
    held = next((line for line in reversed(entries) if line.seq < taken and line.seq not in kept), None)
    return {
        "hub": delivery.hub,
        "feed": feed.name,
        "state": REFUSED if refused else ACCEPTED if newest.seq < taken else WAITING,
        **_place(newest),
        "refusal": _refusal(refused) if refused else None,
        "held": _place(held) if held else None,
        "receipt": receipt_facts(delivery),
        "tried": delivery.tried,
        "problem": delivery.problem,
        "lost": store.settings().get(f"{BEHIND}{feed.name} {delivery.hub}") or None,
    }


def _place(line: Line) -> dict[str, Any]:
    return {"seq": line.seq, "op": line.op, "rev": entry.parse(line.raw).rev}


def _refusal(kept: Quarantined) -> dict[str, Any]:
    return {"code": kept.code, "why": why(kept.code), "pointer": kept.pointer, "detail": kept.detail}


def _confirmed(delivery: Delivery, feed: Feed) -> int:
    """How many entries of the feed, as it is now, a hub's receipt covers; of an earlier epoch what both share."""
    if not delivery.receipt:
        return 0
    signed = receipt.parse(delivery.receipt).value
    if signed["epoch"] == feed.epoch:
        return int(signed["size"])
    shared = next((base for base in head.parse(feed.head).bases if base["epoch"] == signed["epoch"]), None)
    return min(int(signed["size"]), int(shared["size"])) if shared else 0
