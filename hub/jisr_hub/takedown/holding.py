"""Holds: what is kept out of sight for a time, and comes back as it was (NTC-11).

    hold      lines become stubs, the record leaves the feed; its newest content goes aside, for nobody to see
    unhold    by the same signer, or the clock: a put of the very same bytes follows (Ledger.lift)

A rev that comes while a hold covers it passes all steps of ingest and goes aside too. These functions are what ingest,
peers and every ledger do with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from jisr_protocol import entry as entries
from jisr_protocol import live, notice
from jisr_protocol.entry import Entry
from jisr_protocol.identifiers import to_instant
from jisr_protocol.notice import ALL, Notice

from .. import log
from ..ports import Draft, Key
from ..ports.notices import HeldBack


def held(holds: Mapping[Key, int | None], node: str, record_id: str, rev: int) -> bool:
    """Whether one of these holds keeps this rev back."""
    return live.reaches(holds.get((node, record_id), 0), rev) or live.reaches(holds.get((node, ALL), 0), rev)


def kept_back(entry: Entry, draft: Draft) -> HeldBack:
    """What is kept of a put that a hold keeps back: the entry it would have become, without a position."""
    node, record_id, digest, type_name = entry.node or "", entry.id or "", entry.digest or "", entry.type or ""
    return HeldBack(node, record_id, entry.rev or 0, digest, type_name, log.number(draft, 0, entry.at).line)


def put_again(back: HeldBack) -> Draft:
    """The put of the very same bytes that follows when a hold is over."""
    said = entries.parse(back.line)
    return log.draft(said, src=said.src, via=said.parts.get("via"))


def until(hold: Notice) -> str | None:
    """The end of a hold as it is kept (NTC-8)."""
    end = notice.ends(hold)
    return None if end is None else to_instant(end)


def move(holds: dict[Key, int | None], said: Notice, target: str, now: datetime) -> None:
    """What a hold keeps back from now on, also of the batch it came in."""
    if said.action == "hold" and notice.holds_at(said, now):
        key = (said.node, target)
        before = holds.get(key, 0)
        holds[key] = None if before is None or said.max_rev is None else max(before, said.max_rev)
