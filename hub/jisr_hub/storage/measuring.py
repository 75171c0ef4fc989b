"""The numbers of a ledger for metrics: a few questions, none of which walks through what is sound and stored."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta

import sqlalchemy as sa

from jisr_protocol import identifiers
from jisr_protocol.limits import ACK_HOURS

from ..tally import Measured
from . import tables as t
from .sql import SqlLedger

NOT_ASKED = "not_asked"


async def measure(ledger: SqlLedger, now: datetime) -> Measured:
    """Ask the ledger. Raises what the database raises."""
    began = time.monotonic()
    entries = (await ledger.rows(sa.select(t.feed.c.size).where(t.feed.c.name == "public")))[0].size
    seconds = time.monotonic() - began
    code = t.node_entry.c.code
    aside = sa.select(code, sa.func.count().label("entries")).where(code.is_not(None)).group_by(code)
    pulls = Counter(pull.outcome or NOT_ASKED for pull in await ledger.pulls())
    return Measured(
        seconds,
        entries,
        {row.code: row.entries for row in await ledger.rows(aside)},
        (await ledger.rows(_overdue(now)))[0].acks,
        {peer.hub: peer.last_outcome or NOT_ASKED for peer in await ledger.peers()},
        pulls,
    )


def _overdue(now: datetime) -> sa.Select[int]:
    """Of the hubs that are listed as followers; `jisr-hub notices list` knows also whom those await."""
    h, f, a = t.handled.c, t.follower.c, t.ack.c
    late = h.at < identifiers.to_instant(now - timedelta(hours=ACK_HOURS))
    said = sa.select(a.by).where(a.notice == h.notice, a.by == f.hub).exists()
    both = sa.select(sa.func.count().label("acks")).select_from(t.handled.join(t.follower, sa.true()))
    return both.where(late, ~said)
