"""`jisr-hub hold` and `unhold`: keep records out of sight for a time, and bring them back."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from jisr_protocol import identifiers
from jisr_protocol.limits import HOLD_DAYS
from jisr_protocol.notice import ALL

from ..app.opening import now
from ..ports import Erased
from ..storage.lock import AlreadyRunning
from ..takedown.erasure import Erasures
from .changing import by_itself, check_open, until_published
from .erasing import OLDER_PAGES, parts
from .setting_up import SettingUpError, opened


async def hold(folder: Path, node: str, target: str, *, basis: str, days: int, max_rev: int | None) -> dict[str, Any]:
    """Hold a record back, or all of a node (`*`), for so many days."""
    await _check(folder, node, target)
    if not 1 <= days <= HOLD_DAYS:
        raise SettingUpError(
            f"Nothing was held back. Expected 1 to {HOLD_DAYS} days, came {days}: a hold ends by itself, and is made "
            "longer by giving the command again before it ends."
        )
    expires = now() + timedelta(days=days)

    async def say(erasures: Erasures) -> Erased:
        return await erasures.say(
            "hold", node, (target,), id=str(uuid.uuid4()), basis=basis, max_rev=max_rev, expires=expires
        )

    done = await _act(folder, say)
    return {"node": node, "id": target, "until": identifiers.to_instant(expires), **asdict(done)}


async def unhold(folder: Path, node: str, target: str, *, basis: str) -> dict[str, Any]:
    """End this hub's own hold of a record, or all its holds of a node (`*`)."""
    await _check(folder, node, target)
    async with opened(folder) as ledger:
        who = ledger_id(folder)
        held = [one.notice for one in await ledger.notices() if one.notice.by == who and one.notice.node == node]
        named = [one for one in held if one.action == "hold" and (target == ALL or target in one.targets)]
        if not named:
            raise SettingUpError(
                f"Nothing was changed: this hub holds {'nothing' if target == ALL else target} of {node} back by that "
                "name. See: jisr-hub notices list"
            )

    async def say(erasures: Erasures) -> Erased:
        return await erasures.say("unhold", node, (target,), id=str(uuid.uuid4()), basis=basis)

    done = await _act(folder, say)
    return {"node": node, "id": target, "back": done.entries}


def ledger_id(folder: Path) -> str:
    """Who the hub in this folder is."""
    from .. import config
    from ..app.opening import read_identity

    return read_identity(folder, config.read(folder)).id


async def _check(folder: Path, node: str, target: str) -> None:
    expected = identifiers.node(node) or (identifiers.uuid(target) if target != ALL else None)
    if expected:
        raise SettingUpError(
            f"Nothing was changed. Expected {expected}, and a record's id or '*' for all of the node; came {node} "
            f"{target}."
        )


async def _act(folder: Path, say: Callable[[Erasures], Awaitable[Erased]]) -> Erased:
    """Say it in a hub that nobody serves, or beside its server; published when this returns."""
    try:
        async with by_itself(folder) as running:
            return await say(running.erasures)
    except AlreadyRunning:
        async with parts(folder) as (ledger, erasures):
            await check_open(folder, ledger)
            done = await say(erasures)
            await until_published(ledger, OLDER_PAGES)
            return done


def hold_words(value: dict[str, Any]) -> str:
    """The facts for a person."""
    what = "All records" if value["id"] == ALL else f"The record {value['id']}"
    return (
        f"{what} of {value['node']}: out of this hub's feed, pages, snapshots and directory until {value['until']}; "
        f"{value['entries']} entries lost their content there. It stays in this hub's database, and comes back by "
        "itself then, or with: jisr-hub unhold. Outside caches may keep pages for 7 days."
    )


def unhold_words(value: dict[str, Any]) -> str:
    """The facts for a person."""
    if value["back"]:
        return f"{value['back']} records of {value['node']} are in the feed again, as they were."
    return f"This hub holds nothing of {value['node']} back under that name any more; nothing came back by it."
