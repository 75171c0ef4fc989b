"""What is being written: jisr-node drafts · history · undo · trash · bring-back. The pages of the node do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from ..app import Node
from ..app.node import clock
from .shell import HERE, Folder, Json, Which, print_json, say

if TYPE_CHECKING:
    from ..editing.differing import Difference


def drafts(folder: Folder = HERE, as_json: Json = False) -> None:
    """List what was begun and is not published."""
    with Node.open(folder) as node:
        rows = [
            {"id": one.id, "type": one.type, "saved": one.saved_at, "new": one.published is None}
            for one in node.drafting.all()
        ]
    if as_json:
        print_json(rows)
    for row in [] if as_json else rows:
        typer.echo(f"{row['id']}  {row['type']}  saved {row['saved']}{'  never published' if row['new'] else ''}")
    if not rows and not as_json:
        typer.echo("No draft waits. What is published is what was written.")


def history(which: Which, folder: Folder = HERE, as_json: Json = False) -> None:
    """Show the kept versions of a record and what each changed, newest first."""
    with Node.open(folder) as node:
        past = node.drafting.history(_found(node, which))
    rows: list[dict[str, Any]] = [
        {
            "n": one.version.n,
            "at": one.version.at,
            "kind": one.version.kind,
            "stands": one.stands,
            "changes": [_in_words(change) for change in one.changes],
        }
        for one in past
    ]
    if as_json:
        print_json(rows)
    for row in [] if as_json else rows:
        typer.echo(f"{row['n']}  {row['at']}  {row['kind']}{'  stands' if row['stands'] else ''}")
        for change in row["changes"]:
            typer.echo(f"    {change}")
    if not rows and not as_json:
        typer.echo("No version is kept of this record: it was never changed on the pages.")


def undo(which: Which, folder: Folder = HERE, as_json: Json = False) -> None:
    """Take back the last change of a draft; that is a version too, so nothing is lost."""
    with Node.open(folder) as node:
        record_id = _found(node, which)
        n = node.drafting.undo(record_id, clock())
    words = f"{record_id} stands as it did before; what was undone is kept (jisr-node history)."
    say(
        {"id": record_id, "n": n},
        words if n is not None else "There is nothing earlier to go back to.",
        as_json=as_json,
    )


def trash(folder: Folder = HERE, as_json: Json = False) -> None:
    """List what has ended or was deleted, and whether it can come back."""
    with Node.open(folder) as node:
        rows = [
            {"id": gone.id, "type": gone.type, "deleted": gone.deleted, "back": gone.back} for gone in node.trash.all()
        ]
    if as_json:
        print_json(rows)
    for row in [] if as_json else rows:
        state = "deleted" if row["deleted"] else "ended"
        typer.echo(f"{row['id']}  {row['type']}  {state}{'' if row['back'] else ', its text is not kept'}")
    if not rows and not as_json:
        typer.echo("The trash is empty.")


def bring_back(which: Which, folder: Folder = HERE, as_json: Json = False) -> None:
    """Bring back what is in the trash."""
    with Node.open(folder) as node:
        off = node.trash.restore(which, clock())
    words = "was not taken away yet, and stays." if off else f"is a draft again. Next: jisr-node publish --only {which}"
    say({"id": which, "draft": not off}, f"{which} {words}", as_json=as_json)


def _found(node: Node, which: str) -> str:
    """The id of a record or a draft. Raises Mistaken."""
    return which if node.store.draft(which) or node.store.versions(which) else node.find(which)


def _in_words(change: Difference) -> str:
    where = "/".join(change.path) + (f" ({change.lang})" if change.lang else "")
    return f"{where}: {change.before or '-'} → {change.after or '-'}"
