"""`jisr-hub notices` and `follower`: who has confirmed what, what waits for a decision, and deciding it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jisr_protocol import identifiers
from jisr_protocol.limits import BASIS_CHARACTERS

from .. import config
from ..app.folder import now, read_identity
from ..hub import Hub
from ..ports.notices import OPEN, Follower
from ..storage.sql import SqlLedger
from ..takedown.acknowledging import Acknowledgements, Receipt
from . import erasing, holding
from .setting_up import SettingUpError, opened


async def listed(folder: Path, *, only_open: bool = False) -> dict[str, Any]:
    """{"notices": [each with what it did here, who confirmed, who is overdue]}, oldest first."""
    async with opened(folder) as ledger:
        found = await _acknowledgements(folder, ledger).receipts()
        names = {follower.hub: follower.name for follower in await ledger.followers()}
    shown = [_facts(one, names) for one in found if not only_open or one.handled.task == OPEN]
    return {"notices": shown}


async def shown(folder: Path, which: str) -> dict[str, Any]:
    """One notice with every ack in its signed form."""
    receipt = await _find(folder, which)
    signed = [heard.ack.envelope.raw.decode() for heard in receipt.heard]
    return {**_facts(receipt, {}), "notice": receipt.said.notice.envelope.raw.decode(), "acks": signed}


async def accept(folder: Path, which: str, reason: str) -> dict[str, Any]:
    """Do what a notice that does not bind here asks for, by a notice of this hub's own."""
    receipt = await _waiting(folder, which, reason)
    said = receipt.said.notice
    basis = f"as asked by {said.by}: {reason}"[:BASIS_CHARACTERS]
    for target in said.targets:
        if said.action == "erase":
            record = None if target == "*" else target
            what = await erasing.wanted(folder, said.node, record, said.max_rev, basis, "", unknown=True)
            await erasing.erase(folder, what)
        else:
            await holding.hold(folder, said.node, target, basis=basis, days=14, max_rev=said.max_rev)
    async with opened(folder) as ledger:
        await _acknowledgements(folder, ledger).accept(said.envelope.digest, reason)
    return {"notice": said.id, "decided": "accepted", "action": said.action, "reason": reason}


async def decline(folder: Path, which: str, reason: str) -> dict[str, Any]:
    """Leave a notice that does not bind here undone."""
    said = (await _waiting(folder, which, reason)).said.notice
    async with opened(folder) as ledger:
        await _acknowledgements(folder, ledger).decline(said.envelope.digest, reason)
    return {"notice": said.id, "decided": "declined", "action": said.action, "reason": reason}


async def add_follower(folder: Path, hub: str, name: str) -> None:
    """Await the acks of a hub from now on."""
    if expected := identifiers.node(hub):
        raise SettingUpError(f"Nothing was changed. Expected the hub's identifier, {expected}; came {hub}.")
    async with opened(folder) as ledger:
        await ledger.keep_follower(Follower(hub, name, identifiers.to_instant(now())))


async def remove_follower(folder: Path, hub: str) -> None:
    """Await nothing of a hub any more."""
    async with opened(folder) as ledger:
        if hub not in {follower.hub for follower in await ledger.followers()}:
            raise SettingUpError(f"Nothing was changed: {hub} is not listed. See: jisr-hub follower list")
        await ledger.drop_follower(hub)


async def followers(folder: Path) -> dict[str, Any]:
    """{"followers": [{"hub", "name", "added_at"}]}."""
    async with opened(folder) as ledger:
        return {"followers": [vars(follower) for follower in await ledger.followers()]}


def _acknowledgements(folder: Path, ledger: SqlLedger) -> Acknowledgements:
    return Acknowledgements(Hub(read_identity(folder, config.read(folder)), ledger, now))


async def _find(folder: Path, which: str) -> Receipt:
    """By the id of a notice or its digest, or a beginning of either that is not of two."""
    async with opened(folder) as ledger:
        found = await _acknowledgements(folder, ledger).receipts()
    named = [one for one in found if which and (_id(one).startswith(which) or one.handled.notice.startswith(which))]
    if len(named) != 1:
        many = "more than one notice is" if named else "no notice is"
        raise SettingUpError(f"Nothing was changed: {many} named {which}. See: jisr-hub notices list")
    return named[0]


async def _waiting(folder: Path, which: str, reason: str) -> Receipt:
    receipt = await _find(folder, which)
    if not 0 < len(reason) <= BASIS_CHARACTERS:
        raise SettingUpError(
            f"Nothing was changed. Give a --reason of 1 to {BASIS_CHARACTERS} characters; whoever asked may read it."
        )
    if receipt.handled.task != OPEN:
        done = receipt.handled.task or receipt.handled.outcome
        raise SettingUpError(f"Nothing was changed: {_id(receipt)} waits for no decision; it is {done}.")
    return receipt


def _id(receipt: Receipt) -> str:
    return receipt.said.notice.id


def _facts(receipt: Receipt, names: dict[str, str]) -> dict[str, Any]:
    said, handled = receipt.said.notice, receipt.handled
    jurisdiction = said.envelope.value.get("jurisdiction")
    return {
        "id": said.id,
        "digest": handled.notice,
        "action": said.action,
        "node": said.node,
        "ids": list(said.ids) or "*",
        "by": said.by,
        "basis": said.envelope.value["basis"],
        "jurisdiction": jurisdiction,
        "at": handled.at,
        "outcome": handled.outcome,
        "task": handled.task,
        "reason": handled.reason,
        "confirmed": dict(receipt.confirmed),
        "overdue": list(receipt.overdue),
        "waited_for": list(receipt.waited_for),
        "names": {hub: name for hub, name in names.items() if name},
    }


def words(value: dict[str, Any]) -> str:
    """The list for a person."""
    if not value["notices"]:
        return "No notices."
    return "\n".join(line for one in value["notices"] for line in _lines(one))


def _lines(one: dict[str, Any]) -> list[str]:
    def named(hub: str) -> str:
        return f"{one['names'][hub]} ({hub})" if hub in one["names"] else hub

    what = "all records" if one["ids"] == "*" else f"{len(one['ids'])} record(s)"
    law = f", {one['jurisdiction']}" if one["jurisdiction"] else ""
    task = f" ({one['task']}{': ' + one['reason'] if one['reason'] else ''})" if one["task"] else ""
    lines = [
        f"{one['id']}  {one['at']}  {one['action']} of {what} of {one['node']}",
        f"  by {one['by']}: {one['basis']}{law}",
        f"  here: {one['outcome']}{task}",
    ]
    confirmed = [f"{named(hub)}: {outcome}" for hub, outcome in sorted(one["confirmed"].items())]
    lines += [f"  confirmed by {each}" for each in confirmed]
    lines += [f"  OVERDUE: {named(hub)} has said nothing for more than 24 hours" for hub in one["overdue"]]
    lines += [f"  waiting for {named(hub)}" for hub in one["waited_for"]]
    if one["task"] == OPEN:
        lines.append(f"  decide: jisr-hub notices accept {one['id'][:8]} --reason … (or: decline)")
    return lines
