"""The commands about nodes that are let in: admit, quota."""

from __future__ import annotations

from typing import Annotated

import typer

from ..shell import HERE, AsJson, Folder, confirm, run, say

commands = typer.Typer()


@commands.command()
def admit(
    source: Annotated[str, typer.Argument(help="A node's address, its exported folder, or its keys.json.")],
    name: Annotated[str, typer.Option(help="What you call this node.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="You have compared the fingerprint with the partner.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Admit a partner's node: from now on its pushes are taken."""
    from .. import acting, setting_up

    candidate = run(setting_up.candidate(folder, source))
    shown = name or candidate.name or candidate.id
    if not yes:
        asked = f"{shown} says its identifier is\n\n    {candidate.fingerprint}\n\nDoes the partner read out the same?"
        confirm(asked, f"Nothing was changed. Compare this fingerprint with the partner and add --yes: {candidate.id}")
    run(acting.noted(folder, "admit", candidate.id, "", lambda: setting_up.admit(folder, candidate, shown)))
    value = {"node": candidate.id, "name": shown, "fingerprint": candidate.fingerprint}
    say(value, as_json, f"{shown} is admitted: {candidate.fingerprint}")


@commands.command()
def quota(
    node: Annotated[str, typer.Argument(help="The node's identifier.")],
    per_hour: Annotated[int, typer.Option(min=1, help="Entries an hour.")],
    per_day: Annotated[int, typer.Option(min=1, help="Entries a day.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Change how much a node may send, for example for a first import."""
    from .. import acting

    done = run(acting.act(folder, "quota", node, per_hour=per_hour, per_day=per_day))
    value = {"node": node, "per_hour": per_hour, "per_day": per_day}
    say(value, as_json, f"{done['name'] or node} may send {per_hour} entries an hour and {per_day} a day.")
