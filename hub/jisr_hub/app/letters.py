"""Letters of a running hub, wired: its postbox, the operator's mail server, and what letters are written for."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from ..config import Settings
from ..desk.quality import figures
from ..desk.sources import broken_sources
from ..mail.occasions import Figures, alerts, weekly
from ..mail.sending import Sender, Sending
from ..mail.smtp import Server
from ..storage.letters import SqlPostbox
from ..storage.quality import SqlRecords
from ..storage.sources import SqlSources
from .folder import now
from .opening import Running

PORTS = {"smtps": 465, "smtp": 587}
PASSWORD = "JISR_HUB_MAIL_PASSWORD"


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
        await alerts(box, await broken_sources(SqlSources(running.ledger), now()), now())
        await weekly(box, figures_of, now())
        await sending.round()

    return round_


def server_of(settings: Settings) -> Server:
    """The operator's mail server."""
    parts = urlsplit(settings.mail_server)
    encrypted = "" if settings.mail_plain else "tls" if parts.scheme == "smtps" else "starttls"
    port = parts.port or PORTS[parts.scheme]
    return Server(parts.hostname or "", port, encrypted, parts.username or "", os.environ.get(PASSWORD, ""))
