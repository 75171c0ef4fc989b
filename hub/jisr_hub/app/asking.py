"""What asking people takes at a running hub, wired: quality, terms and campaigns at the desk, and pages of letters."""

from __future__ import annotations

from starlette.routing import Route

from ..curation.words import ASSURED
from ..desk.acts import LETTER, Acts
from ..desk.bench import Asking
from ..ports import Key
from ..storage.campaigns import SqlCampaigns
from ..storage.curation import SqlCuration
from ..storage.letters import SqlPostbox
from ..storage.quality import SqlRecords
from ..web import letters
from ..web.desk.asking import Work
from .folder import now
from .opening import Running


def work_of(running: Running, acts: Acts) -> Work:
    """The rooms of quality, terms and campaigns."""
    ledger, records = running.ledger, SqlRecords(running.ledger)
    curation = SqlCuration(ledger, running.hub.identity.id)
    asking = Asking(SqlPostbox(ledger.database), SqlCampaigns(ledger.database), records)
    return Work(acts, asking, records, curation.mappings, now)


def letter_routes(running: Running, acts: Acts) -> list[Route]:
    """The pages that links in letters lead to."""
    database, records = running.ledger.database, SqlRecords(running.ledger)

    async def assure(key: Key) -> None:
        await acts.do(LETTER, "say", "/".join(key), predicate=ASSURED, method="mail")

    answers = letters.Answers(SqlPostbox(database), SqlCampaigns(database), records.one, assure, now)
    return letters.routes(answers, running.settings.lang)
