"""Where our records are shown, and what is said of them there: read from the public feed of a hub or another place.

    seen = sighting(address, lines, node, now)      lines: ports.Hub.lines_about
    keep(store, seen); sightings(store)             what was last seen at each place
    rows(store, record_id)                          per place: shown as it is, an older version, held back, not there

The feed is the place's own word, read without proof: it tells where to look, and a reader proves it (`jisr follow`).
That a version is ours, its digest says. A statement that was taken back is not listed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from jisr_protocol import entry, identifiers
from jisr_protocol.entry import Entry
from jisr_protocol.refusal import Refusal

from .ports import Store
from .text import shown

CURRENT, OLDER, HELD, ABSENT = "current", "older", "held", "absent"
PLACE = "seen "
"""Begins the name of each setting that keeps what was last seen at an address."""
SAID_MOST = 500
_ASSERTION = "org.jisr.assertion/"


@dataclass(frozen=True)
class Said:
    """What somebody says of records of ours: an assertion's predicate, or a notice's action. `by` is who signed it."""

    what: str
    by: str
    ids: tuple[str, ...]
    reason: str
    pointer: str
    since: str


@dataclass(frozen=True)
class Sighting:
    """What the feed at `address` held of us at `at`: by record its rev, digest, the moment it entered there, and why
    its content is gone ("" when it is not)."""

    address: str
    at: str
    shown: dict[str, tuple[int, str, str, str]] = field(default_factory=dict)
    said: tuple[Said, ...] = ()


def sighting(address: str, lines: Iterable[bytes], node: str, now: datetime) -> Sighting:
    """Read what a feed holds of a node's records. A line that cannot be read is passed over."""
    ours: dict[str, tuple[int, str, str, str]] = {}
    said: dict[tuple[str | None, str | None], Said] = {}
    for line in lines:
        try:
            each = entry.parse(line)
        except Refusal:
            continue
        if each.node == node and each.id is not None and each.op in ("put", "del", "out"):
            ours.pop(each.id, None)
            if each.op == "put":
                ours[each.id] = (each.rev or 0, each.digest or "", each.at, each.gone or "")
        elif each.op in ("del", "out"):
            said.pop((each.node, each.id), None)
        elif each.op == "unhold" and each.thing is not None:
            value = each.thing.value
            said = {key: word for key, word in said.items() if not _lifts(value, word)}
        elif (word := _said(each, node)) is not None:
            said[each.node, each.id or each.digest] = word
    return Sighting(address, identifiers.to_instant(now), ours, tuple(said.values())[:SAID_MOST])


def _said(each: Entry, node: str) -> Said | None:
    """An assertion or a notice of somebody else about our records; None for anything else."""
    if each.thing is None:
        return None
    value = each.thing.value
    if each.op == "put" and str(each.type).startswith(_ASSERTION):
        ids = _ours(value.get("subjects"), node)
        texts: list[Any] = list((value.get("reason") or {}).values())
        reason = texts[0].get("value", "") if texts and isinstance(texts[0], dict) else ""
        since = str(value.get("from") or value.get("modified", ""))
        what, pointer = str(value.get("predicate")), str(value.get("pointer") or "")
        return Said(what, str(each.node), ids, shown(str(reason), 300), pointer, since) if ids else None
    if each.op in ("hold", "erase") and value.get("node") == node and value.get("by") != node:
        ids = () if value.get("ids") == "*" else tuple(map(str, value.get("ids", ())))
        basis, issued = shown(str(value.get("basis") or ""), 300), str(value.get("issued", ""))
        return Said(each.op, str(value.get("by")), ids, basis, "", issued)
    return None


def _lifts(unhold: Mapping[str, Any], word: Said) -> bool:
    ids = unhold.get("ids")
    return word.what == "hold" and word.by == unhold.get("by") and (ids == "*" or set(word.ids) <= set(ids or ()))


def _ours(subjects: object, node: str) -> tuple[str, ...]:
    named = [str(each).partition("/") for each in subjects] if isinstance(subjects, list) else []
    return tuple(record_id for by, _, record_id in named if by == node)


def keep(store: Store, seen: Sighting) -> None:
    """Remember what was seen at a place, in place of what was seen there before."""
    with store.transaction():
        store.set(PLACE + seen.address, json.dumps(asdict(seen), ensure_ascii=False))


def sightings(store: Store) -> list[Sighting]:
    """What was last seen at each place, by address."""
    kept = sorted((name, text) for name, text in store.settings().items() if name.startswith(PLACE) and text)
    found = []
    for _, text in kept:
        value = json.loads(text)
        said = tuple(Said(**{**each, "ids": tuple(each["ids"])}) for each in value["said"])
        places = {record_id: tuple(where) for record_id, where in value["shown"].items()}
        found.append(Sighting(value["address"], value["at"], places, said))
    return found


def confirmed(store: Store) -> dict[str, str]:
    """By record the last day on which our own hub said that it is correct, as far as that was seen in its feed."""
    address = store.settings().get("hub", "")
    home = store.hub(address) if address else None
    found: dict[str, str] = {}
    for seen in sightings(store):
        for word in seen.said if home is not None and seen.address == home.address else ():
            if home is not None and word.what == "assured" and word.by == home.id:
                for record_id in word.ids:
                    found[record_id] = max(found.get(record_id, ""), word.since[:10])
    return found


def forget(store: Store, address: str) -> None:
    """Look there no more. A place that is not known stays so."""
    if store.settings().get(PLACE + address):
        with store.transaction():
            store.set(PLACE + address, "")


def rows(store: Store, record_id: str) -> list[dict[str, Any]]:
    """What was last seen of one record at each place: `state`, the rev and moment there, and what is said of it."""
    record = store.record(record_id)
    digest = {r: d for feed in store.feeds() for r, _, d in store.live(feed.name)}.get(record_id)
    return [_row(seen, record_id, record.rev if record is not None else 0, digest) for seen in sightings(store)]


def _row(seen: Sighting, record_id: str, rev: int, digest: str | None) -> dict[str, Any]:
    there = seen.shown.get(record_id)
    state = ABSENT
    if there is not None:
        state = HELD if there[3] else CURRENT if there[1] == digest else OLDER
    said = [asdict(each) for each in seen.said if not each.ids or record_id in each.ids]
    at = there[2] if there is not None else None
    return {
        "address": seen.address, "looked": seen.at, "state": state, "rev": there[0] if there else None, "ours": rev,
        "since": at, "said": said,
    }  # fmt: skip
