"""Pages beside those of entries, wired: refer somebody, contact, report a mistake, say what is missing; and what an
invitation opens."""

from __future__ import annotations

import os

from starlette.routing import BaseRoute

from jisr_protocol.keys import encryption_key

from ..mail.occasions import Owners
from ..mailbox.carrying import Mailboxes
from ..ports.directory import Directory
from ..reports.taking import Reports
from ..storage.letters import SqlPostbox
from ..storage.reports import SqlReports
from ..web.public import join, missing, refer, report
from ..web.public.beside import Beside
from .opening import Running


def reports_of(running: Running, mailboxes: Mailboxes) -> Reports:
    """What people report as wrong at this hub."""
    database, clock = running.ledger.database, running.hub.clock
    owners = Owners(SqlPostbox(database), clock) if running.settings.mail_server else None
    return Reports(SqlReports(database), mailboxes, clock, os.urandom, owners)


def beside_routes(running: Running, directory: Directory, mailboxes: Mailboxes) -> list[BaseRoute]:
    """The pages. They stand before those of the directory, whose addresses are wider."""

    async def key_of(node: str) -> bytes | None:
        ring = await mailboxes.ring_of(node)
        return encryption_key(ring) if ring is not None else None

    settings = running.settings
    beside, reports = Beside(directory, running.hub.clock, settings.lang), reports_of(running, mailboxes)
    return [
        *join.routes(settings.name, settings.address, settings.lang),
        *refer.routes(beside, key_of),
        *report.routes(beside, reports),
        *missing.routes(beside, reports),
    ]
