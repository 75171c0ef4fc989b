"""By stick or mail: jisr-node bundle export · import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..app import Node
from .shell import HERE, Folder, HubAddress, Json, say

commands = typer.Typer(help="Carry this node's feed by hand or by mail.", no_args_is_help=True)


@commands.command("export")
def bundle_export(
    out: Annotated[Path, typer.Option("--out", metavar="FILE.zip", help="The bundle to write.")],
    since: Annotated[str, typer.Option("--since", metavar="EPOCH:SIZE", help="The code that the hub printed.")] = "",
    split: Annotated[str, typer.Option("--split", metavar="10MB", help="Write parts of at most this size.")] = "",
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Write everything public into a zip file, for the hub's operator: on a stick, or by mail."""
    from jisr_protocol.reader import bundle_cli

    from .. import carrying

    with Node.open(folder) as node:
        made = carrying.export(node, out, since, split)
    say(bundle_cli.made_facts(made), f"{bundle_cli.made_words(made)}. Only public records are in it.", as_json=as_json)


@commands.command("import")
def bundle_import(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="What the hub's operator sent back.")],
    hub: HubAddress = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Take the hub's receipt out of a bundle: what it holds of this node, and what it keeps back."""
    from .. import carrying

    with Node.open(folder) as node:
        done = carrying.take_receipt(node, file, hub)
    text = f"The hub holds {done.next} of {done.size} entries; {len(done.quarantined)} are kept back."
    say({"size": done.size, "next": done.next, "quarantined": len(done.quarantined)}, text, as_json=as_json)
