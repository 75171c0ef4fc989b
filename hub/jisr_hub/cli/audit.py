"""`jisr-hub acts`: what people did at this hub, undoing it, and what waits for a second person."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..desk.acts import COMMAND
from ..desk.chain import Line, Wanted
from ..storage.journal import SqlJournal
from .setting_up import opened


async def listed(folder: Path, wanted: Wanted) -> dict[str, Any]:
    """{"acts": [...]}, newest first."""
    async with opened(folder) as ledger:
        return {"acts": [facts(one) for one in await SqlJournal(ledger.database).lines(wanted)]}


async def undo(folder: Path, n: int, reason: str) -> dict[str, Any]:
    """Undo an act by its number."""
    from .acting import acting

    async with acting(folder) as acts:
        done = await acts.undo(COMMAND, n, reason)
    return {"undone": n, "act": done.n, **done.facts}


def facts(line: Line) -> dict[str, Any]:
    """A line for a program."""
    value: dict[str, Any] = msgspec.to_builtins(line)
    words = value.pop("words") or {}
    return {**value, "erased": line.words is None, "reason": words.get("reason", ""),
            "members": words.get("members", {}), "sentence": words.get("sentence", ""),
            "can_be_undone": can_be_undone(line)}  # fmt: skip


def can_be_undone(line: Line) -> bool:
    """Whether it was done, can be undone, and was not yet."""
    return line.outcome == "done" and not line.undone_by and line.words is not None and bool(line.words.undo)


def words(value: Mapping[str, Any]) -> str:
    """The list for a person, newest first."""
    return "\n".join(_line(one) for one in value["acts"]) or "Nobody has done anything here yet."


def _line(one: Mapping[str, Any]) -> str:
    said = [f"{one['n']}  {one['at']}  {one['who']} ({one['by']})  {one['kind']}  {one['outcome']}  {one['subject']}"]
    said += [f"approved by {one['second']}"] if one["second"] else []
    said += [f"undoes {one['undoes']}"] if one["undoes"] else []
    said += [f"undone by {one['undone_by']}"] if one["undone_by"] else []
    said += ["its words were erased"] if one["erased"] else [one["reason"], one["sentence"]]
    return "  ".join(part for part in said if part).rstrip()
