"""Where our records are: jisr-node where."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from .. import whereabouts
from ..app import Node
from ..errors import Mistaken, NodeError
from ..status import name_of
from .looking import standing_lines
from .shell import HERE, Exit, Folder, Json, day, exit_of, print_json

_STATES = {
    whereabouts.CURRENT: "shows it as it is",
    whereabouts.OLDER: "shows an older version, rev {rev} of {ours}",
    whereabouts.HELD: "keeps it out of sight",
    whereabouts.ABSENT: "does not show it",
}


def where(
    which: Annotated[str | None, typer.Argument(metavar="[ID]", help="One record; else all.")] = None,
    look: Annotated[bool, typer.Option("--look", help="Look now, at your hub and wherever was looked before.")] = False,
    at: Annotated[list[str] | None, typer.Option(metavar="ADDRESS", help="Look at this hub or portal too.")] = None,
    forget: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Look there no more.")] = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Show where each record was received, refused and shown, and what is said of it there."""
    with Node.open(folder) as node:
        if forget is not None:
            whereabouts.forget(node.store, forget)
        errors = asyncio.run(_look(node, at or [])) if look or at else []
        ids = [node.find(which)] if which is not None else [row["id"] for row in node.overview()]
        found = [_record(node, record_id) for record_id in ids]
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(line for each in found for line in _lines(each)) or "No records yet.")
    for error in errors:
        typer.echo(str(error), err=True)
    if errors:
        raise typer.Exit(max(map(exit_of, errors), default=Exit.REFUSED))


async def _look(node: Node, more: list[str]) -> list[NodeError]:
    """Look at every place; what went wrong at one does not keep from the others."""
    known = [seen.address for seen in whereabouts.sightings(node.store)]
    places = dict.fromkeys([*([node.settings.hub] if node.settings.hub else []), *known, *more])
    if not places:
        raise Mistaken("This node knows no hub yet. Name a place to look at: jisr-node where --at https://hub.example")
    errors: list[NodeError] = []
    for address in places:
        try:
            await node.look(address)
        except NodeError as error:
            errors.append(error)
    return errors


def _record(node: Node, record_id: str) -> dict[str, Any]:
    stored = node.store.record(record_id)
    name = name_of(stored.content) if stored is not None and stored.content is not None else None
    return {
        "id": record_id, "name": name, "hubs": node.show(record_id)["hubs"],
        "places": whereabouts.rows(node.store, record_id),
    }  # fmt: skip


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['id']}  {found['name'] or ''}"]
    lines += [f"  {line}" for row in found["hubs"] for line in standing_lines(row)]
    for row in found["places"]:
        lines.append(f"  {row['address']}, looked at {day(row['looked'])}: {_STATES[row['state']].format(**row)}")
        for said in row["said"]:
            about = f" of {said['pointer']}" if said["pointer"] else ""
            reason = f": {said['reason']}" if said["reason"] else ""
            lines.append(f"    {said['by']} says {said['what']}{about} since {day(said['since'])}{reason}")
    if not found["hubs"] and not found["places"]:
        lines.append("  nothing is known of it elsewhere. Next: jisr-node push, then jisr-node where --look")
    return lines
