"""Still correct: jisr-node still."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ..app import Node
from ..app.node import clock
from ..confirming.assuring import as_they_stand
from ..confirming.links import DAYS
from ..errors import Mistaken
from ..status import name_of
from .shell import HERE, Folder, Json, count, day, print_json, say


def still(
    which: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="What is still correct.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Everything that ages.")] = False,
    link: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Make a link that confirms for some days, at this address of your node."),
    ] = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """List the records that age, or say that some are still correct."""
    with Node.open(folder) as node:
        now, assuring = clock(), node.assuring()
        if link is not None:
            if which or all_ or not link.startswith(("https://", "http://")):
                raise Mistaken("--link takes the address of your node's pages, such as https://node.example, alone.")
            address = f"{link.rstrip('/')}/still/{assuring.link(now)}"
            say({"link": address, "days": DAYS}, address, as_json=as_json)
        elif which or all_:
            ids = [one.id for one in assuring.ageing(now)] if all_ else [node.find(one) for one in which or ()]
            done = assuring.say(as_they_stand(ids), now)
            said = {"confirmed": ids, "entries": done.entries, "local": done.local}
            words = (
                f"{count(len(ids), 'record')} confirmed and signed. Next: jisr-node push" if ids else "Nothing ages."
            )
            say(said, words, as_json=as_json)
        else:
            _list(node, as_json)


def _list(node: Node, as_json: bool) -> None:
    ageing = node.assuring().ageing(clock())
    if as_json:
        print_json([asdict(one) for one in ageing])
        return
    for one in ageing:
        stored = node.store.record(one.id)
        name = name_of(stored.content) if stored is not None and stored.content is not None else ""
        since = "should have been confirmed by" if one.over else "should be confirmed by"
        typer.echo(f"{one.id}  {since} {day(one.by)}, last confirmed {day(one.confirmed)}  {name or ''}")
    typer.echo(
        f"Next, when it is all still correct: jisr-node still {'--all' if len(ageing) > 1 else ageing[0].id}"
        if ageing
        else "Nothing ages within a month.",
        err=True,
    )
