"""Messages: jisr-node messages fetch · list · show · delete · send."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

import typer

from ..app import Node
from ..app.node import clock
from .shell import HERE, Folder, HubAddress, Json, count, day, print_json, say

commands = typer.Typer(no_args_is_help=True, help="Messages that others sealed to this node, and yours to others.")
_Id = Annotated[str, typer.Argument(metavar="ID", help="The message's id, as `list` shows it.")]


@commands.command("fetch")
def fetch(hub: HubAddress = None, folder: Folder = HERE, as_json: Json = False) -> None:
    """Fetch what waits at your hub. It is kept here sealed, and the hub deletes its copy."""
    from ..app import messages

    with Node.open(folder) as node:
        done = asyncio.run(messages.fetch(node, hub))
    value = {
        "hub": done.hub, "new": done.new, "unopened": done.unopened, "refused": [str(one) for one in done.refused]
    }  # fmt: skip
    words = f"{count(done.new, 'new message')}. Next: jisr-node messages list" if done.new else "No new message."
    if done.refused:
        words += f" {count(len(done.refused), 'other')} did not fit and went: {done.refused[0]}"
    if done.unopened:
        words += (
            f" {count(done.unopened, 'message')} cannot be opened with the keys of this folder, and wait at the hub "
            "until they expire. If you have a newer backup of this folder, put it back and fetch again."
        )
    say(value, words, as_json=as_json)


@commands.command("list")
def list_(folder: Folder = HERE, as_json: Json = False) -> None:
    """List the messages that are kept here."""
    from ..app import messages

    with Node.open(folder) as node:
        messages.expire(node, clock())
        found = messages.box_of(node).listed(clock())
    if as_json:
        print_json([{"id": one.id, "at": one.at, **_short(one.value)} for one in found])
        return
    for one in found:
        short = _short(one.value)
        typer.echo(f"{one.id}  {day(one.at)}  {short['purpose'] or 'cannot be opened':8}  {short['sender']}")
    typer.echo(count(len(found), "message") if found else "No messages. Next: jisr-node messages fetch", err=True)


def _short(value: dict[str, Any]) -> dict[str, str]:
    sender = value.get("sender", {})
    return {"purpose": value.get("purpose", ""), "sender": sender.get("name") or sender.get("kind", "")}


@commands.command("show")
def show(message_id: _Id, folder: Folder = HERE, as_json: Json = False) -> None:
    """Show one message and how to answer it. Nobody has checked who wrote it."""
    from ..app import messages

    with Node.open(folder) as node:
        found = messages.box_of(node).show(message_id, clock())
    if as_json:
        print_json({"id": found.id, "at": found.at, **found.value})
        return
    value, short = found.value, _short(found.value)
    whence = "" if "node" in found.value["sender"] else ", somebody without a node"
    typer.echo(f"From: {short['sender']}{whence} (as they say; nobody has checked it)")
    typer.echo(f"Sent: {day(value['sent'])}; it is deleted here on {day(value['expires'])}")
    typer.echo(f"Answer to: {value['reply']}")
    if about := value.get("about"):
        typer.echo(f"About: {about['id']}")
    for name, member in value.get("referral", {}).items():
        typer.echo(f"Referral, {name}: {', '.join(member) if isinstance(member, list) else member}")
    typer.echo("")
    typer.echo(value["text"])


@commands.command("delete")
def delete(message_id: _Id, folder: Folder = HERE, as_json: Json = False) -> None:
    """Delete one message for good."""
    from ..app import messages

    with Node.open(folder) as node:
        messages.delete(node, message_id)
    say({"deleted": message_id}, "Deleted. No file of this folder holds it any more.", as_json=as_json)


@commands.command("send")
def send(
    to: Annotated[str, typer.Argument(metavar="NODE", help="The node it is for: jisr:… as the directory shows it.")],
    reply: Annotated[str, typer.Option(help="How to answer you: a phone number, a mail address.")],
    text: Annotated[str, typer.Option(help="What you write; without it, it is read from standard input.")] = "",
    need: Annotated[str, typer.Option(help="Of a referral: what the person needs, without their name.")] = "",
    agreed: Annotated[bool, typer.Option("--agreed", help="Of a referral: the person agreed.")] = False,
    hub: HubAddress = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Seal a message to another organisation, or refer somebody with --need and --agreed. No hub can read it."""
    from ..app import messages

    written = text or ("" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read().strip())
    sheet = {"consent": agreed, "need": need} if need or agreed else None
    if sheet is not None and not need:
        del sheet["need"]
    with Node.open(folder) as node:
        sent = asyncio.run(messages.send(node, to, text=written, reply=reply, referral=sheet, hub=hub))
    say({"id": sent, "to": to}, "Sealed and left for them. They answer to the contact you gave.", as_json=as_json)
