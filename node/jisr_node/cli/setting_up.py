"""Setting up: jisr-node init · recovery-kept · join · home."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..app import Node
from ..app.beginning import KEYS
from ..errors import Mistaken
from ..settings import DEFAULT_LICENCE
from .sending import finish_push
from .shell import HERE, Folder, Json, print_json, say


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the node.")],
    name: Annotated[str | None, typer.Option(help="Your organisation's name.")] = None,
    country: Annotated[str | None, typer.Option(help="Its country, two letters: MA, NL.")] = None,
    lang: Annotated[str | None, typer.Option(help="The language you write in: ar, fr, nl.")] = None,
    licence: Annotated[str | None, typer.Option(help=f"How others may use your records ({DEFAULT_LICENCE}).")] = None,
    hub: Annotated[str | None, typer.Option(help="The address of your country's hub.")] = None,
    hub_id: Annotated[str, typer.Option(help="The hub's identifier, if its people told you.")] = "",
    recovery: Annotated[Path | None, typer.Option(help="Where to write the recovery file.")] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", envvar="JISR_ALLOW_PRIVATE", help="Hubs may be on private addresses.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a node: its folder, its signing key and its recovery file."""
    ask = sys.stdin.isatty() and not as_json

    def given(option: str, value: str | None, question: str, default: str | None = None) -> str:
        if value is not None:
            return value
        if ask:
            return str(typer.prompt(question, default=default, show_default=bool(default)))
        if default is None:
            raise Mistaken(f"--{option} is missing: {question}. Nothing was made.")
        return default

    with Node.init(
        folder,
        name=given("name", name, "What is your organisation called?"),
        country=given("country", country, "In which country is it (two letters, such as MA)?"),
        lang=given("lang", lang, "In which language do you write (such as ar, fr, nl)?"),
        licence=given("licence", licence, "Under which licence may others use your records?", DEFAULT_LICENCE),
        hub=given("hub", hub, "At which address is your hub (empty if you do not know yet)?", "").rstrip("/"),
        hub_id=hub_id,
        allow_private=allow_private,
        recovery=recovery,
    ) as node:
        made = {
            "node": node.id,
            "dir": str(folder.resolve()),
            "keys": str((folder / KEYS).resolve()),
            "recovery": str(node.recovery_place),
        }
    if as_json:
        print_json(made)
        return
    typer.echo(f"The node is made: {made['dir']}")
    typer.echo(f"Its identifier is {made['node']}")
    typer.echo(f"Your hub's operator needs this file to admit you: {made['keys']}")
    typer.echo(
        f"\nNow keep the recovery key: {made['recovery']}\n"
        "Print that file or copy it to a stick, put it where you keep the statutes, and delete it here.\n"
        "Whoever holds it decides for this node, and nobody can give it to you a second time.\n"
        "Then say: jisr-node recovery-kept"
    )


def recovery_kept(folder: Folder = HERE, as_json: Json = False) -> None:
    """Say that the recovery file is safe elsewhere and no longer in the folder."""
    with Node.open(folder) as node:
        node.keep_recovery()
    say({"recovery": "kept"}, "Good. The recovery key is yours to keep now.", as_json=as_json)


def join(
    link: Annotated[
        str, typer.Argument(metavar="LINK", help="The invitation you got, or a hub's address to ask there.")
    ],
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Ask a hub to let this node in: with an invitation at once, else when its operator agrees."""
    with Node.open(folder) as node:
        admitted = asyncio.run(node.join(link))
        hub = node.settings.hub if admitted else link.partition("#")[0]
    text = (
        f"The hub {hub} has admitted this node and is its home now. Next: jisr-node sync"
        if admitted
        else f"The hub {hub} has your request; its operator decides. Read your identifier out to them: {node.id}. "
        "When they agreed, give the same command again."
    )
    say({"admitted": admitted, "hub": hub, "node": node.id}, text, as_json=as_json)


def home(
    hub: Annotated[str, typer.Argument(metavar="HUB", help="The address of a hub that has admitted this node.")],
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Move to another home hub with all your records. Nobody else has to agree; the old hub goes on carrying them."""
    with Node.open(folder) as node:
        sent = asyncio.run(node.move(hub))
    if not as_json:
        typer.echo(f"The home of this node is {sent.hub} now; it says so in its own feed.")
    finish_push(sent, {"home": sent.hub}, as_json)
