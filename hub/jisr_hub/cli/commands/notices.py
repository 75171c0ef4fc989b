"""The commands about notices: hold, unhold, notices, follower. What they do stands in holding.py and noticing.py."""

from __future__ import annotations

from typing import Annotated

import typer

from ..shell import HERE, AsJson, Folder, run, say

commands = typer.Typer()
notices_app = typer.Typer(no_args_is_help=True, help="Notices: what they did here, who has confirmed, what waits.")
follower_app = typer.Typer(no_args_is_help=True, help="The hubs that follow this hub, whose acks are awaited.")

Node = Annotated[str, typer.Argument(help="The node's identifier.")]
Target = Annotated[str, typer.Argument(help="The record's id, or '*' for every record of the node.")]
Basis = Annotated[str, typer.Option(help="Why, in a few words that everybody may read.")]
Which = Annotated[str, typer.Argument(help="The notice's id, or its beginning.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever asked.")]


@commands.command()
def hold(
    node: Node,
    record: Target,
    basis: Basis = "by the operator",
    days: Annotated[int, typer.Option(help="For how long, at most 14; give the command again to make it longer.")] = 14,
    max_rev: Annotated[int | None, typer.Option(min=1, help="Up to which rev; else whatever comes.")] = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Keep a record out of everything this hub publishes, for a time. Its content comes back afterwards."""
    from .. import holding

    value = run(holding.hold(folder, node, record, basis=basis, days=days, max_rev=max_rev))
    say(value, as_json, holding.hold_words(value))


@commands.command()
def unhold(
    node: Node, record: Target, basis: Basis = "by the operator", folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """End a hold of this hub: what was held is in the feed again, as it was."""
    from .. import holding

    value = run(holding.unhold(folder, node, record, basis=basis))
    say(value, as_json, holding.unhold_words(value))


@notices_app.command("list")
def notices_list(
    only_open: Annotated[bool, typer.Option("--open", help="Only what waits for a decision.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Every notice: what it did here, which hubs have confirmed it, which are overdue."""
    from .. import noticing

    value = run(noticing.listed(folder, only_open=only_open))
    say(value, as_json, noticing.words(value))


@notices_app.command("show")
def notices_show(which: Which, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """One notice, with every signed ack of it: the receipt of an erasure."""
    from .. import noticing

    value = run(noticing.shown(folder, which))
    signed = "\n".join([value["notice"], *value["acks"]])
    say(value, as_json, f"{noticing.words({'notices': [value]})}\n{signed}")


@notices_app.command()
def accept(which: Which, reason: Reason = "", folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Do here what a notice asks for that does not bind here."""
    from .. import acting, noticing

    deciding = acting.noted(folder, "notice_accept", which, reason, lambda: noticing.accept(folder, which, reason))
    value = run(deciding)
    say(value, as_json, f"{value['notice']}: done here, by a notice of this hub's own ({value['action']}).")


@notices_app.command()
def decline(which: Which, reason: Reason = "", folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Leave undone what a notice asks for that does not bind here."""
    from .. import acting, noticing

    deciding = acting.noted(folder, "notice_decline", which, reason, lambda: noticing.decline(folder, which, reason))
    value = run(deciding)
    say(value, as_json, f"{value['notice']}: declined. Nothing was changed here; whoever asked is told the reason.")


@follower_app.command("add")
def follower_add(
    hub: Annotated[str, typer.Argument(help="The hub's identifier, as its operator told you.")],
    name: Annotated[str, typer.Option(help="What you call this hub.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """List a hub that follows this one: it has to confirm every notice, and is named as overdue when it does not."""
    from .. import acting, noticing

    run(acting.noted(folder, "follower_add", hub, "", lambda: noticing.add_follower(folder, hub, name), name=name))
    say({"hub": hub, "name": name}, as_json, f"{name or hub} is asked to confirm notices from now on.")


@follower_app.command("remove")
def follower_remove(
    hub: Annotated[str, typer.Argument(help="The hub's identifier.")], folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Await nothing of a hub any more."""
    from .. import acting, noticing

    run(acting.noted(folder, "follower_remove", hub, "", lambda: noticing.remove_follower(folder, hub)))
    say({"hub": hub}, as_json, f"{hub} is not asked any more. What it confirmed stays.")


@follower_app.command("list")
def follower_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """The hubs that are asked to confirm notices."""
    from .. import noticing

    value = run(noticing.followers(folder))
    lines = [f"{one['hub']}  {one['name']}".rstrip() for one in value["followers"]]
    say(value, as_json, "\n".join(lines) or "No hub is listed. Add one with: jisr-hub follower add HUB")
