"""Letters of a running hub, wired: its postbox, the operator's mail server, and what letters are written for."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from jisr_protocol import identifiers

from ..config import Settings
from ..desk.home import WELL
from ..desk.quality import figures
from ..mail.occasions import Figures, alerts, weekly
from ..mail.sending import Sender, Sending
from ..mail.smtp import Server
from ..ports import Ledger
from ..storage.letters import SqlPostbox
from ..storage.quality import SqlRecords
from .opening import Running, now

PORTS = {"smtps": 465, "smtp": 587}
PASSWORD = "JISR_HUB_MAIL_PASSWORD"
FAILING_FOR = timedelta(days=1)


@dataclass(frozen=True)
class FailingPull:
    """A node's feed that could not be fetched."""

    node: str
    address: str
    since: str
    says: str


def letters_of(running: Running) -> Callable[[], Awaitable[None]] | None:
    """One round of writing and sending letters; None where the settings name no mail server."""
    settings, database = running.settings, running.ledger.database
    if not settings.mail_server:
        return None
    box, records = SqlPostbox(database), SqlRecords(running.ledger)
    sender = Sender(settings.name, settings.mail_from, settings.address.rstrip("/"))
    sending = Sending(box, server_of(settings), sender, now, os.urandom, records.title)

    async def figures_of(node: str, today: str) -> Figures:
        return figures(await records.live(node), await records.refused(node), today)

    async def round_() -> None:
        await alerts(box, await failing_pulls(running.ledger), now())
        await weekly(box, figures_of, now())
        await sending.round()

    return round_


def server_of(settings: Settings) -> Server:
    """The operator's mail server."""
    parts = urlsplit(settings.mail_server)
    encrypted = "" if settings.mail_plain else "tls" if parts.scheme == "smtps" else "starttls"
    port = parts.port or PORTS[parts.scheme]
    return Server(parts.hostname or "", port, encrypted, parts.username or "", os.environ.get(PASSWORD, ""))


async def failing_pulls(ledger: Ledger) -> Sequence[FailingPull]:
    """Nodes' feeds that have failed for a day: a night without a line is told to nobody."""
    before = identifiers.to_instant(now() - FAILING_FOR)
    return [
        FailingPull(one.node, one.address, one.at, one.detail or one.outcome)
        for one in await ledger.pulls()
        if one.outcome not in WELL and one.at < before
    ]
