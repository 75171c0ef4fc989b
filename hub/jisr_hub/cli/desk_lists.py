"""The desk's lists by command, and what a list of blocks does; the acts themselves go through acting.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..app.folder import now
from ..desk import blocklists, lists
from ..desk.acts import COMMAND
from ..storage.campaigns import SqlCampaigns
from ..storage.doubles import SqlDoubles
from ..storage.journal import SqlBlocks
from ..storage.letters import SqlPostbox
from ..storage.reports import SqlReports
from ..storage.sources import SqlSources
from ..storage.webhooks import SqlSubscriptions
from .setting_up import SettingUpError, opened

AS_JSON, AS_CSV = "json", "csv"


async def waiting(folder: Path) -> dict[str, Any]:
    """What a second person has to approve or decline."""
    from .acting import acting

    async with acting(folder) as acts:
        return await lists.waiting(acts)


async def approve(folder: Path, ticket: str) -> Mapping[str, Any]:
    """Do what somebody asked for at the desk."""
    from .acting import acting

    async with acting(folder) as acts:
        done = await acts.approve(COMMAND, ticket)
    return {"act": done.n, **done.facts}


async def decline(folder: Path, ticket: str, reason: str) -> None:
    """Leave undone what somebody asked for."""
    from .acting import acting

    async with acting(folder) as acts:
        await acts.decline(COMMAND, ticket, reason)


async def blocks(folder: Path, form: str) -> str:
    """The list of blocks, to be handed on."""
    async with opened(folder) as ledger:
        held = await SqlBlocks(ledger.database).all()
    return blocklists.as_csv(held) if form == AS_CSV else blocklists.as_json(held).decode()


async def take_in(folder: Path, file: Path, *, sure: bool) -> dict[str, Any]:
    """{"lines": what each line of a list would do, "blocked": what was blocked}; nothing is, unless `sure`."""
    from .acting import acting

    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingUpError(f"Nothing was changed. Expected a list of blocks as text in UTF-8: {file}") from error
    async with acting(folder) as acts:
        planned = await blocklists.planned_of(acts.bench, text)
        blocked = await blocklists.take_in(acts, COMMAND, planned) if sure else []
    return {"lines": blocklists.facts(planned), "blocked": blocked}


async def letters(folder: Path, most: int, state: str) -> dict[str, Any]:
    """Who agreed to get letters, and the newest letters (of one state, where one is given)."""
    async with opened(folder) as ledger:
        value = await lists.letters(SqlPostbox(ledger.database), most)
    return {**value, "letters": [one for one in value["letters"] if state in ("", one["state"])]}


async def campaigns(folder: Path) -> dict[str, Any]:
    """What was asked and answered."""
    async with opened(folder) as ledger:
        return await lists.campaigns(SqlCampaigns(ledger.database))


async def reports(folder: Path) -> dict[str, Any]:
    """What readers report as wrong or did not find."""
    async with opened(folder) as ledger:
        return await lists.reports(SqlReports(ledger.database), now())


async def answers(folder: Path) -> dict[str, Any]:
    """Pairs that were answered with unsure or later."""
    async with opened(folder) as ledger:
        return await lists.answers(SqlDoubles(ledger, ""))


async def sources(folder: Path) -> dict[str, Any]:
    """Where records come from, what needs somebody most first."""
    async with opened(folder) as ledger:
        return await lists.sources(SqlSources(ledger), now())


async def subscriptions(folder: Path) -> dict[str, Any]:
    """Who is told when the feed has grown, and how it goes; no secret."""
    async with opened(folder) as ledger:
        return await lists.subscriptions(SqlSubscriptions(ledger))


async def look(folder: Path, source: str) -> int:
    """Say of every alarm of a source that the change is meant; how many there were."""
    from .acting import acting

    async with acting(folder) as acts:
        kept = acts.bench.sources
        found = await lists.sources(kept, now()) if kept is not None else {"sources": []}
        alarms = [each for one in found["sources"] if one["id"] == source for each in one["alarms"]]
        for one in alarms:
            await acts.do(COMMAND, "source_look", source, way=one["way"], began=one["began"], by=one["by"])
    return len(alarms)


def rows(found: Sequence[Mapping[str, Any]], *names: str, otherwise: str) -> str:
    """A list for a person: these members of each, in a line."""
    lines = ["  ".join(str(one[name]) for name in names if one[name] != "") for one in found]
    return "\n".join(lines) or otherwise
