"""Erasing: jisr-node erase · erasures."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ..app import Node
from ..erasure import DEFAULT_BASIS
from ..errors import Mistaken
from .shell import HERE, Folder, Json, count, say

if TYPE_CHECKING:
    from ..erasure import Erased
    from ..receipts import Confirmed


def erase(
    which: Annotated[str | None, typer.Argument(metavar="ID", help="The record's id, or local:<type>/<id>.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Erase every record of this node.")] = False,
    why: Annotated[str, typer.Option(help="Why, in a few words that everybody can read.")] = DEFAULT_BASIS,
    yes: Annotated[bool, typer.Option("--yes", help="With --all: ask nothing.")] = False,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Erase what a record says, here and everywhere it went. Unlike delete, the content goes for good."""
    if (which is None) != everything:
        raise Mistaken("Say which record, or --all. Nothing was erased. See: jisr-node erase --help")
    with Node.open(folder) as node:
        if everything and not yes:
            _confirm_all(node)
        done = node.erase(which, basis=why)
    value = {"erased": list(done.ids), "entries": done.entries}
    say(value, _erased_words(done), as_json=as_json)


def _confirm_all(node: Node) -> None:
    held = len(node.overview())
    if not sys.stdin.isatty():
        raise Mistaken(f"--all would erase {count(held, 'record')} for good. Nothing was erased. If so: add --yes")
    typer.confirm(f"Erase {count(held, 'record')} for good? No backup of the folder will bring them back", abort=True)


def _erased_words(done: Erased) -> str:
    what = f"{count(len(done.ids), 'record')} erased"
    if not done.entries:
        return f"{what}. It had left this computer nowhere."
    feeds = ", ".join(done.entries)
    return (
        f"{what}: nothing of it is left in this folder, and that is signed into {feeds}. Next: jisr-node push. If you "
        "export to a web space: export once more. Backups made before still hold it: make a new one, delete the old."
    )


def erasures(
    hub: Annotated[str | None, typer.Option(help="The hub's address; else the one set at init.")] = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Say which hubs have confirmed each erasure, and which are overdue, by their own signatures."""
    with Node.open(folder) as node:
        found = asyncio.run(node.receipts(hub))
    rows = [
        {
            "notice": one.said.digest, "action": one.said.action, "ids": list(one.said.ids) or "*",
            "issued": one.said.issued, "confirmed": one.confirmed, "overdue": list(one.overdue),
            "waited_for": list(one.waited_for),
        }
        for one in found
    ]  # fmt: skip
    lines = [line for one in found for line in _receipt_lines(one)]
    say({"erasures": rows}, "\n".join(lines) or "Nothing was erased.", as_json=as_json)


def _receipt_lines(one: Confirmed) -> list[str]:
    what = count(len(one.said.ids), "record") if one.said.ids else "all records"
    return [
        f"{one.said.action} of {what}, signed {one.said.issued}",
        *(f"  {hub}: {outcome}" for hub, outcome in one.confirmed.items()),
        *(f"  OVERDUE: {hub} has said nothing for more than 24 hours; ask its operator" for hub in one.overdue),
        *(f"  waiting for {hub}" for hub in one.waited_for),
    ]
