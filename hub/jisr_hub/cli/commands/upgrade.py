"""The command `jisr-hub upgrade`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..shell import HERE, AsJson, Folder, fail, run, say

commands = typer.Typer()


@commands.command()
def upgrade(
    look: Annotated[bool, typer.Option("--check", help="Only say what would be done.")] = False,
    backup: Annotated[Path | None, typer.Option(help="Where the backup goes; else beside the database.")] = None,
    start: Annotated[
        str, typer.Option(help="The command that starts the hub, such as 'systemctl start jisr-hub'; else it is tried.")
    ] = "",
    address: Annotated[
        str, typer.Option(help="With --start: where the hub answers on this machine.")
    ] = "http://127.0.0.1:8470",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """After a newer version was installed: back up, bring the tables up to date, start, look who answers."""
    from .. import upgrading

    if look:
        value = run(upgrading.look(folder))
        say(value, as_json, upgrading.look_words(value))
        return
    try:
        value = run(upgrading.upgrade(folder, backup, start, address.rstrip("/")))
    except upgrading.UpgradeFailed as failed:
        if as_json:
            say({**failed.value, "failed": str(failed), "back": failed.back}, True, "")
        fail(upgrading.failed_words(failed), 1)
    say(value, as_json, upgrading.words(value))
