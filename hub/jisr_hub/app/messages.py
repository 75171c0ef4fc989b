"""The mailboxes of a running hub: wired, and what is over or was taken deleted from the disk."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

import structlog

from ..mailbox.carrying import Mailboxes
from ..reports.taking import Reports
from ..storage.mailbox import SqlPost
from .opening import Running

SECONDS, SHARE = 600.0, 20
"""How long between two looks: at least, and as a multiple of what one takes, for it rewrites the file of a hub that
stands in one."""
_log = structlog.get_logger()


def mailboxes_of(running: Running) -> Mailboxes:
    """The mailboxes of this hub."""

    async def address_of(hub: str) -> str:
        feed = next((peer.feed for peer in await running.ledger.peers() if peer.hub == hub), "")
        return "{0.scheme}://{0.netloc}".format(urlsplit(feed)) if feed else ""

    return Mailboxes(
        running.hub.identity.id, running.ledger, SqlPost(running.ledger.database), running.hub.clock, address_of
    )


async def tidy_for_ever(mailboxes: Mailboxes, reports: Reports) -> None:
    """Delete what is over of messages and reports, and leave nothing of what was deleted on the disk."""
    pause = SECONDS
    while True:
        await asyncio.sleep(pause)
        began = time.monotonic()
        try:
            over, remains = await mailboxes.expire(), await mailboxes.scrub()
            await reports.scrub()
            if remains is not None:
                _log.info("messages.deleted", over=over, remains=remains)
        # the database may be away, or somebody read it: what is to be scrubbed stays marked for the next round
        except Exception:
            _log.exception("messages.left")
        pause = max(SECONDS, SHARE * (time.monotonic() - began))
