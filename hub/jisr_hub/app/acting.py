"""What people may do at an open hub, wired: the desk, its API and the commands carry out the same acts."""

from __future__ import annotations

import os
from pathlib import Path

from .. import config
from ..authority.admissions import Admissions
from ..config import Settings
from ..curation.saying import Saying
from ..desk import roles
from ..desk.acts import Acts
from ..desk.bench import Asking, Bench
from ..desk.roles import Right
from ..hub import Hub
from ..storage.admissions import SqlAdmissions
from ..storage.campaigns import SqlCampaigns
from ..storage.curation import SqlCuration
from ..storage.desk import SqlAccounts
from ..storage.doubles import SqlDoubles
from ..storage.fence import FileActMark
from ..storage.journal import SqlBlocks, SqlJournal
from ..storage.letters import SqlPostbox
from ..storage.quality import SqlRecords
from ..storage.reports import SqlReports
from ..storage.sources import SqlSources
from ..storage.sql import SqlLedger
from ..storage.webhooks import SqlSubscriptions
from ..takedown.erasure import Erasures
from .folder import now


def acts_of(folder: Path, settings: Settings, hub: Hub, ledger: SqlLedger, erasures: Erasures) -> Acts:
    """The acts of the open hub in `folder`."""
    accounts = SqlAccounts(ledger.database)

    async def able(right: Right) -> int:
        return sum(right in roles.RIGHTS[one.role] for one in await accounts.all())

    return Acts(
        SqlJournal(ledger.database),
        hub.identity,
        hub.clock,
        os.urandom,
        bench_of(settings, hub, ledger, erasures),
        second_person=settings.second_person,
        able=able,
        mark=FileActMark(config.act_mark_file(folder, settings)),
    )


def bench_of(settings: Settings, hub: Hub, ledger: SqlLedger, erasures: Erasures) -> Bench:
    """The parts of an open hub that acts work with."""
    curation = SqlCuration(ledger, hub.identity.id)
    store = SqlAdmissions(ledger.database)
    quota = {"per_hour": settings.per_hour, "per_day": settings.per_day}
    return Bench(
        hub,
        erasures,
        Admissions(hub, store, now, **quota),
        store,
        curation,
        Saying(hub, curation.words, os.urandom),
        SqlBlocks(ledger.database),
        os.urandom,
        settings.lang,
        settings.address,
        **quota,
        doubles=SqlDoubles(ledger, hub.identity.id),
        asking=Asking(SqlPostbox(ledger.database), SqlCampaigns(ledger.database), SqlRecords(ledger)),
        reports=SqlReports(ledger.database),
        sources=SqlSources(ledger),
        subscriptions=SqlSubscriptions(ledger),
    )
