"""The command that copies the feed to a bucket."""

from __future__ import annotations

from typing import Annotated

import typer

from ..shell import HERE, UNREACHABLE, AsJson, Folder, fail, run, say

commands = typer.Typer()


@commands.command()
def mirror(
    to: Annotated[str, typer.Argument(help="s3://bucket/prefix; without it the one in hub.json.")] = "",
    endpoint: Annotated[str, typer.Option(help="The address of the store when it is not Amazon's.")] = "",
    region: Annotated[str, typer.Option(help="Its region.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Bring a bucket's copy of the public feed up to date once; a serving hub keeps the one in its settings itself."""
    from ...ports import Unstored
    from .. import mirroring

    try:
        value = run(mirroring.once(folder, to, endpoint, region))
    except Unstored as error:
        fail(f"{error}. What was put stays; say it again, and it goes on.", UNREACHABLE)
    say(value, as_json, mirroring.once_words(value))
