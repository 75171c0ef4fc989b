"""How often our records were used: jisr-node usage."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from jisr_protocol.usage import KINDS

from .. import usage as kept
from ..app import Node
from ..status import name_of
from ..usage import Counts, Told
from .shell import HERE, Folder, HubAddress, Json, day, print_json


def usage(
    fetch: Annotated[bool, typer.Option("--fetch", help="Ask your hub now.")] = False,
    hub: HubAddress = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Show how often your records were looked at and used at hubs: weeks, in steps of five, and nobody by name."""
    with Node.open(folder) as node:
        if fetch or hub:
            from ..app import usage as asking

            asyncio.run(asking.fetch(node, hub))
        found = [_told(node, one) for one in kept.told(node.store)]
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(line for one in found for line in _lines(one)) or "Nothing was told yet.")
        if not found:
            typer.echo("Next: jisr-node usage --fetch", err=True)


def _told(node: Node, one: Told) -> dict[str, Any]:
    records = [
        {
            "id": record_id,
            "name": _name(node, record_id),
            **counts,
            "corrected_by": list(one.corrected.get(record_id, ())),
        }
        for record_id, counts in one.records.items()
    ]
    return {
        "hub": one.address, "at": one.at, "until": one.until, "weeks": list(one.weeks), "sum": one.sum,
        "records": records,
    }  # fmt: skip


def _name(node: Node, record_id: str) -> str:
    stored = node.store.record(record_id)
    return (name_of(stored.content) if stored is not None and stored.content is not None else None) or ""


def _lines(one: dict[str, Any]) -> list[str]:
    lines = [f"{one['hub']}, until {day(one['until'] + 'T00:00:00Z')}; numbers are multiples of five"]
    lines.append(f"  all records: {_words(one['sum'])}")
    for row in one["records"]:
        lines.append(f"  {row['id']}  {row['name']}: {_words(row)}")
        lines += [f"    {by} says a correction of it" for by in row["corrected_by"]]
    return lines


def _words(counts: Counts) -> str:
    said = (
        f"{kind} {counts[kind][-1]} this week, {counts[kind][-2]} last, {sum(counts[kind])} in 13" for kind in KINDS
    )
    return " · ".join(said)
