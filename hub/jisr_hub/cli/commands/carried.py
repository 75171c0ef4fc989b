"""The commands for nodes and hubs that cannot push: pull, bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..shell import HERE, UNREACHABLE, AsJson, Folder, run, say

pull_app = typer.Typer(no_args_is_help=True, help="The feeds this hub fetches for nodes that have no server.")
bundle_app = typer.Typer(no_args_is_help=True, help="Feeds that are carried by hand or by mail.")


@pull_app.command("add")
def pull_add(
    node: Annotated[str, typer.Argument(help="The identifier of an admitted node.")],
    address: Annotated[str, typer.Argument(help="Where its exported folder is served, or a folder on this machine.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Fetch a node's feed from now on: for nodes that export to plain web space and cannot push."""
    from .. import pulling

    pull = run(pulling.add(folder, node, address))
    value = {"node": pull.node, "address": pull.address}
    say(value, as_json, f"The feed of {pull.node} is fetched from {pull.address}. At once: jisr-hub pull now")


@pull_app.command("list")
def pull_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Say which feeds are fetched, and how the last round with each ended."""
    from .. import pulling

    registered = run(pulling.pulls(folder))
    say({"pulls": registered}, as_json, "\n".join(pulling.lines(registered)) or "No feed is fetched here.")


@pull_app.command("remove")
def pull_remove(
    node: Annotated[str, typer.Argument(help="The node's identifier.")], folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Fetch a node's feed no more. What was taken in stays, and the node may push."""
    from .. import pulling

    pull = run(pulling.remove(folder, node))
    say({"node": pull.node, "address": pull.address}, as_json, f"The feed of {node} is fetched no more.")


@pull_app.command("now")
def pull_now(
    node: Annotated[str, typer.Argument(help="The node's identifier; without it all of them.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Fetch at once, also while the hub serves."""
    from .. import pulling

    done = run(pulling.fetch_now(folder, node))
    say({"pulls": done}, as_json, "\n".join(pulling.words(one) for one in done))
    outcomes = {one["outcome"] for one in done}
    if outcomes - {"verified", "waiting", "throttled"}:
        raise typer.Exit(UNREACHABLE if outcomes <= {"verified", "unreachable"} else 1)


@bundle_app.command("import")
def bundle_import(
    files: Annotated[list[Path], typer.Argument(help="Parts of bundles of admitted nodes, in any order.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Take in what a node sent by hand or by mail, checked like a push; also while the hub serves."""
    from .. import carrying

    done = run(carrying.bring(folder, files))
    say({"files": done}, as_json, "\n".join(carrying.words(one) for one in done))
    if {one["outcome"] for one in done} - {"verified", "waiting", "incomplete"}:
        raise typer.Exit(1)


@bundle_app.command("export")
def bundle_export(
    out: Annotated[Path, typer.Option(help="The bundle to write, such as hub.zip.")],
    since: Annotated[str, typer.Option(help="EPOCH:SIZE, the code that an import printed.")] = "",
    split: Annotated[str, typer.Option(help="Write parts of at most this size, such as 10MB.")] = "",
    receipt: Annotated[str, typer.Option(help="Put this node's receipt into it.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Write this hub's public feed into a zip file, for whoever has no line."""
    from jisr_protocol.reader import bundle_cli

    from .. import carrying

    made = run(carrying.export(folder, out, since, split, receipt))
    say(bundle_cli.made_facts(made), as_json, bundle_cli.made_words(made))
