"""The commands about what people did here or ask for: acts list, undo, approve and decline; block, unblock."""

from __future__ import annotations

from typing import Annotated

import typer

from ..shell import HERE, AsJson, Folder, confirm, run, say

commands = typer.Typer()
acts_app = typer.Typer(no_args_is_help=True, help="The audit log: what people did at this hub, and undoing it.")
Ticket = Annotated[str, typer.Argument(help="What waits, as `acts waiting` names it.")]
Number = Annotated[int, typer.Argument(min=1, help="The number of the act.")]


@acts_app.command("list")
def acts_list(
    who: Annotated[str, typer.Option(help="Only of this account; command for what was done by commands.")] = "",
    kind: Annotated[list[str] | None, typer.Option(help="Only acts of this kind, such as hold; repeat it.")] = None,
    about: Annotated[str, typer.Option(help="Only on this node or record.")] = "",
    before: Annotated[int, typer.Option(min=0, help="Only acts before this number.")] = 0,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """What was done here, by whom and why, the newest first. `jisr-hub check` proves that none was changed."""
    from ...desk.chain import Wanted
    from .. import audit

    value = run(audit.listed(folder, Wanted(who=who, kinds=tuple(kind or ()), subject=about, before=before, most=most)))
    say(value, as_json, audit.words(value))


@acts_app.command("undo")
def acts_undo(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; without it, the reason of the act itself.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Undo what was done, by the act that is its opposite; that is written down too, and can be undone again."""
    from .. import audit

    value = run(audit.undo(folder, number, reason))
    say(value, as_json, f"Act {number} is undone by act {value['act']}.")


@acts_app.command("waiting")
def acts_waiting(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """What waits for a second person: by `account second-person on`, what cannot be undone."""
    from .. import desk_lists

    value = run(desk_lists.waiting(folder))
    shown = desk_lists.rows(value["waiting"], "ticket", "at", "who", "kind", "subject", "reason", otherwise="Nothing.")
    say(value, as_json, shown)


@acts_app.command("approve")
def acts_approve(
    ticket: Ticket,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Do what somebody asked for at the desk. Whoever gives commands here counts as the second person."""
    from .. import desk_lists

    if not yes:
        confirm("Do what was asked for?", "Nothing was changed. Add --yes to do what `acts waiting` shows.")
    value = run(desk_lists.approve(folder, ticket))
    say(dict(value), as_json, f"It was done: act {value['act']}.")


@acts_app.command("decline")
def acts_decline(
    ticket: Ticket,
    reason: Annotated[str, typer.Option(help="Why, in a few words.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Leave undone what somebody asked for at the desk."""
    from .. import desk_lists

    run(desk_lists.decline(folder, ticket, reason))
    say({"declined": ticket}, as_json, "It is not done.")


@acts_app.command("accept-loss")
def acts_accept_loss(
    reason: Annotated[str, typer.Option(help="Why they are gone, such as: the backup of Monday was put back.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Say that acts at the end of the log are gone, as after an older backup was put back: an act says so for ever."""
    from .. import acting

    if not yes:
        confirm("Say that the end of the log is gone?", "Nothing was changed. Add --yes to say that acts are gone.")
    lost = run(acting.accept_loss(folder, reason))
    value = {"mark": lost.mark, "held": lost.size}
    say(value, as_json, f"The log goes on; it says that it held {lost.size} acts when act {lost.mark} was missing.")


@commands.command()
def block(
    subject: Annotated[str, typer.Argument(help="A node, or a record as <node>/<id>.")],
    until: Annotated[str, typer.Option(help="To the end of this day, YYYY-MM-DD.")],
    reason: Annotated[str, typer.Option(help="Why, in a few words that everybody may read.")],
    note: Annotated[str, typer.Option(help="What only the operators of this hub read.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Keep a record, or all of a node, out of everything this hub publishes until a day: a hold that the hub says anew
    by itself."""
    from .. import acting

    value = run(acting.act(folder, "block", subject, reason, until=until, note=note))
    say(dict(value), as_json, f"{subject} is blocked until {until}; {value['entries']} entries lost their content.")


@commands.command()
def unblock(
    subject: Annotated[str, typer.Argument(help="A node, or a record as <node>/<id>.")],
    reason: Annotated[str, typer.Option(help="Why, in a few words that everybody may read.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """End a block: what was kept out is in the feed again, as it was."""
    from .. import acting

    value = run(acting.act(folder, "unblock", subject, reason))
    say(dict(value), as_json, f"{subject} is not blocked any more; {value['back']} records are in the feed again.")
