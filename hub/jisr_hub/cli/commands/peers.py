"""The commands about other hubs: peer, witness. What a peer may bring is decided in deciding.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..shell import HERE, USAGE, AsJson, Folder, compare, fail, run, say

peer_app = typer.Typer(no_args_is_help=True, help="The hubs this hub follows.")
witness_app = typer.Typer(no_args_is_help=True, help="Hubs that cosign this hub's heads, and the key it cosigns with.")


@peer_app.command("add")
def peer_add(
    address: Annotated[str, typer.Argument(help="The other hub's address.")],
    expect: Annotated[str, typer.Option(help="The identifier its operator told you.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="You have compared the fingerprint with its operator.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Follow another hub's public feed."""
    from .. import acting, setting_up

    found = run(setting_up.find_peer(folder, address))
    asked = f"{found.name} says it is\n\n    {found.hub}\n\nDoes its operator say the same?"
    compare(expect, found.hub, what="identifier", address=address, yes=yes, question=asked)
    adding = acting.noted(
        folder, "peer_add", found.hub, "", lambda: setting_up.add_peer(folder, found), name=found.name, feed=found.feed
    )
    run(adding)
    value = {"hub": found.hub, "name": found.name, "feed": found.feed}
    say(value, as_json, f"{found.name} ({found.hub}) is followed from now on.")


@peer_app.command("witnesses")
def peer_witnesses(
    hub: Annotated[str, typer.Argument(help="The identifier of a hub that is followed.")],
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="Whose cosignatures to count (tlog-policy).")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="Ask for no witnesses of it any more.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Take nothing of a peer that a quorum of witnesses has not cosigned."""
    from .. import witnesses

    if (policy is None) is not none:
        fail("Nothing was changed. Name a file with --policy FILE, or ask for no witnesses with --none.", USAGE)
    known = run(witnesses.ask_of_peer(folder, hub, policy))
    asks = f"No head of {hub} is taken without the quorum of its {known} witnesses" if policy else f"{hub} needs none"
    say({"hub": hub, "witnesses": known}, as_json, f"{asks}, from the next start of the hub on.")


@witness_app.command("add")
def witness_add(
    address: Annotated[str, typer.Argument(help="The other hub's address.")],
    expect: Annotated[str, typer.Option(help="The witness key its operator told you.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="You have compared the key with its operator.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask another hub to cosign each new head of this one. It must follow this hub."""
    from .. import witnesses

    found = run(witnesses.find(folder, address))
    key = str(found.key)
    asked = f"It cosigns with\n\n    {key}\n\nDoes its operator say the same?"
    compare(expect, key, what="key", address=address, yes=yes, question=asked)
    witnesses.add(folder, found)
    say({"address": found.address, "key": key}, as_json, f"{found.key.name} is asked from the next head on.")


@witness_app.command("list")
def witness_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Say which witnesses are asked, and the key of this hub as a witness."""
    from ... import config
    from .. import witnesses

    own, asked = witnesses.own_key(folder), config.witnesses(folder)
    value = {"own": own, "witnesses": [{"address": one.address, "key": str(one.key)} for one in asked]}
    lines = [f"this hub cosigns with {own}", *(f"asked: {one.address} {one.key}" for one in asked)]
    say(value, as_json, "\n".join(lines))


@witness_app.command("remove")
def witness_remove(
    address: Annotated[str, typer.Argument(help="Its address as listed, or its name.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask a witness no more."""
    from .. import witnesses

    if not witnesses.remove(folder, address):
        fail(f"Nothing was changed: {address} is no witness of this hub. See: jisr-hub witness list", 1)
    say({"removed": address}, as_json, f"{address} is asked no more.")
