"""Looking: jisr-node list · show · status."""

from __future__ import annotations

import json
from typing import Any

import typer

from ..app import Node
from .shell import HERE, Folder, Json, Which, count, day, print_json


def list_(folder: Folder = HERE, as_json: Json = False) -> None:
    """List your records and whether they are published."""
    with Node.open(folder) as node:
        rows = node.overview()
    if as_json:
        print_json(rows)
        return
    for row in rows:
        kind = row["type"].removeprefix("org.jisr.").partition("/")[0]
        typer.echo(
            f"{row['id']}  {kind:13} {row['audience']:8} {row['status']:7} {row['state']:9}  {row['name'] or ''}"
        )
    typer.echo(count(len(rows), "record") if rows else "No records yet. Next: jisr-node add FILE", err=True)


def show(which: Which, folder: Folder = HERE, as_json: Json = False) -> None:
    """Show one record as it is published, or as it will be, and what each hub has said of it."""
    with Node.open(folder) as node:
        found = node.show(which)
    if as_json:
        print_json(found)
        return
    if record := found["waiting"] or found["published"]:
        typer.echo(json.dumps(record, ensure_ascii=False, indent=2))
    state = "It will be deleted" if found["delete"] else "This is not published yet" if found["waiting"] else None
    if state:
        typer.echo(f"{state}. Next: jisr-node publish", err=True)
    elif not found["published"]:
        typer.echo("It was deleted.", err=True)
    for row in found["hubs"]:
        # not to stdout: what is printed there can be given to `jisr-node edit`
        typer.echo("\n".join(standing_lines(row)), err=True)


def standing_lines(row: dict[str, Any]) -> list[str]:
    """What one hub has said of one record, in words; see standing.standing."""
    newest, held, place = _version(row), row["held"], f"of your feed {row['feed']}"
    receipt = f", by its receipt of {day(row['receipt']['at'])}" if row["receipt"] else ""
    if row["state"] == "accepted":
        lines = [f"{row['hub']}: accepted, {newest} at position {row['seq']} {place}{receipt}"]
    elif row["state"] == "refused":
        refusal = row["refusal"]
        where = f" at {refusal['pointer']}" if refusal["pointer"] else ""
        detail = f" ({refusal['detail']})" if refusal["detail"] else ""
        reason = f"{refusal['why']}{where}{detail}"
        lines = [f"{row['hub']}: refused, {newest} at position {row['seq']} {place}{receipt}: {reason}"]
    else:
        lines = [f"{row['hub']}: waiting, it has not confirmed {newest} at position {row['seq']} {place}"]
    if row["state"] != "accepted" and held:
        lines.append(f"  It took {_version(held)} before, at position {held['seq']}{receipt}")
    if row["problem"]:
        lines.append(f"  Last tried {day(row['tried'])}: {row['problem']}")
    if row["lost"]:
        lines.append(f"  {row['lost']}")
    return lines


def _version(row: dict[str, Any]) -> str:
    return {"del": "its deletion", "erase": "its erasure"}.get(row["op"], f"rev {row['rev']}")


def status(folder: Folder = HERE, as_json: Json = False) -> None:
    """Show what was sent, received and refused, and what to do next."""
    with Node.open(folder) as node:
        found = node.status()
    if as_json:
        print_json(found)
        return
    for line in status_lines(found):
        typer.echo(line)


def status_lines(found: dict[str, Any]) -> list[str]:
    """`status` in words: first all is well or what to do, then the figures."""
    todo = [f"→ {advice['sentence']}" for advice in found["todo"]] or ["All is well."]
    counts = ", ".join(f"{number} {name}" for name, number in found["records"].items() if number) or "none yet"
    lines = [*todo, "", f"{found['name']}  {found['node']}", f"Records: {counts}"]
    waiting = found["waiting"]
    if waiting["to_publish"] or waiting["to_delete"]:
        lines.append(f"Waiting: {waiting['to_publish']} to publish, {waiting['to_delete']} to delete")
    lines.append(f"Last backup: {day(found['backup']) if found['backup'] else 'none yet'}")
    for feed in found["feeds"]:
        dates = f"signed {day(feed['signed'])}, good until {day(feed['expires'])}"
        lines.append(f"Feed {feed['name']}: {count(feed['entries'], 'entry', 'entries')}, {dates}")
    for delivery in found["deliveries"]:
        lines.append(
            f"Hub {delivery['hub']}, {delivery['feed']}: received {delivery['received']}, waiting {delivery['waiting']}"
            f"{', receipt of ' + day(delivery['receipt']['at']) if delivery['receipt'] else ', no receipt yet'}"
        )
        if delivery["problem"]:
            lines.append(f"  Last tried {day(delivery['tried'])}: {delivery['problem']}")
    for refused in found["refused"]:
        place = f" at {refused['pointer']}" if refused["pointer"] else ""
        detail = f" ({refused['detail']})" if refused["detail"] else ""
        lines.append(f"Kept back: {refused['name'] or ''} {refused['id'] or ''}: {refused['why']}{place}{detail}")
    return lines
