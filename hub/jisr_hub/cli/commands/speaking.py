"""The commands by which an operator says who may speak: invite, requests, withdraw, domain, anchor."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ..shell import HERE, USAGE, AsJson, Folder, fail, run, say

commands = typer.Typer()
anchor_app: typer.Typer = typer.Typer(
    no_args_is_help=True, help="The network anchor: a few keys that together name hubs."
)
requests_app: typer.Typer = typer.Typer(no_args_is_help=True, help="Nodes that asked to be let in and wait for you.")

Countries = Annotated[list[str] | None, typer.Option("--country", help="Only this country, such as MA; repeat it.")]
Types = Annotated[list[str] | None, typer.Option("--type", help="Only this type, such as org.jisr.service; repeat it.")]
Organizations = Annotated[
    list[str] | None, typer.Option("--organization", help="Only for the organization with this record id; repeat it.")
]


@commands.command()
def invite(
    name: Annotated[str, typer.Option(help="What you will call the partner.")] = "",
    days: Annotated[float, typer.Option(min=0.01, max=90, help="How long the invitation is open.")] = 14,
    country: Countries = None,
    type: Types = None,
    organization: Organizations = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a one-time link with which one partner lets its node in."""
    from .. import authority

    bounds = authority.bounds_of(country, type, organization)
    value = run(authority.invite(folder, name, days, bounds))
    sentence = (
        f"Send this to the partner by a way you trust; it lets in one node and is open until {value['expires'][:10]}:\n"
        f"\n    {value['link']}\n\nThe partner gives: jisr-node join LINK. The code is kept nowhere: a lost link is "
        "replaced by a new one."
    )
    say(value, as_json, sentence)


@requests_app.command("list")
def requests_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Who waits, the longest first. Nothing was sent to anybody because of it."""
    from .. import authority

    waiting = run(authority.requests(folder))
    lines = [f"{one['at'][:10]}  {one['name']}  {one['node']}  from {one['source']}" for one in waiting]
    text = "\n".join(lines) or "Nobody waits."
    say({"waiting": waiting}, as_json, text)


@requests_app.command("approve")
def requests_approve(
    node: Annotated[str, typer.Argument(help="The node's identifier, as the partner reads it out to you.")],
    name: Annotated[str, typer.Option(help="What you call this node.")] = "",
    country: Countries = None,
    type: Types = None,
    organization: Organizations = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Let a node in that waits."""
    from .. import authority

    bounds = authority.bounds_of(country, type, organization)
    value = run(authority.approve(folder, node, name, bounds))
    say(
        value, as_json, f"{value['name']} is admitted: {node}. The partner gives the same command again: jisr-node join"
    )


@requests_app.command("refuse")
def requests_refuse(
    node: Annotated[str, typer.Argument(help="The node's identifier.")], folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Forget a request. The node is not told, and may ask again."""
    from .. import authority

    run(authority.refuse(folder, node))
    say({"node": node, "refused": True}, as_json, f"The request of {node} is forgotten.")


@commands.command()
def bounds(
    node: Annotated[str, typer.Argument(help="The node's identifier.")],
    country: Countries = None,
    type: Types = None,
    organization: Organizations = None,
    none: Annotated[bool, typer.Option("--none", help="No bounds any more.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Say what an admitted node may speak for, in place of what was said before."""
    from jisr_protocol.constraints import UNBOUNDED

    from .. import authority

    wanted = authority.bounds_of(country, type, organization)
    if (wanted is None) != none:
        fail("Nothing was changed. Name bounds (--country, --type, --organization), or --none for no bounds.", USAGE)
    run(authority.bound(folder, node, wanted or UNBOUNDED))
    value = {"node": node, "constraints": (wanted or UNBOUNDED).to_value()}
    say(value, as_json, f"From now on {node} may speak for: {value['constraints'] or 'anything'}.")


@commands.command()
def withdraw(
    node: Annotated[str, typer.Argument(help="The node's identifier.")],
    reason: Annotated[str, typer.Option(help="Why, in a few words that everybody may read.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Say that a node is not yours any more. What is there stays; nothing new of it is taken."""
    from .. import authority

    value = run(authority.withdraw(folder, node, reason))
    sentence = (
        f"This hub does not answer for {value['name'] or node} any more. Its records stay and are labelled; new ones "
        f"are put aside, deletions are still taken. To answer for it again: jisr-hub bounds {node} --none"
    )
    say(value, as_json, sentence)


@commands.command()
def domain(
    node: Annotated[str, typer.Argument(help="The node's identifier.")],
    name: Annotated[str, typer.Argument(metavar="DOMAIN", help="Such as dar-chabab.ma.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Look whether a domain names a node of yours, and say so. Fetches https://DOMAIN/.well-known/jisr-node.txt."""
    from .. import acting, authority

    looking = partial(authority.check_domain, folder, node, name)
    value = run(acting.noted(folder, "domain", node, "", looking, domain=name))
    say(value, as_json, f"{name} names {node}; this hub says so for 400 days.")


@anchor_app.command("new")
def anchor_new(
    file: Annotated[Path, typer.Argument(help="The anchor file to write; it is public.")],
    name: Annotated[str, typer.Option(help="What people call the network.")],
    key: Annotated[list[Path], typer.Option(help="A key file to write; repeat it, one for each person.")],
    threshold: Annotated[int, typer.Option(min=1, help="How many of them have to sign.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Make a network anchor. Its keys are for ever the same; give each key file to another person."""
    from .. import authority

    value = authority.new_anchor(file, name, key, threshold)
    sentence = (
        f"The anchor {name} is {value['anchor']}: {threshold} of {len(key)} keys have to sign.\nGive each key file to "
        f"another person, and {file} to every hub: jisr-hub anchor trust {file}"
    )
    say(value, as_json, sentence)


@anchor_app.command("show")
def anchor_show(file: Path, as_json: AsJson = False) -> None:
    """Say what an anchor file says."""
    from .. import authority

    value = authority.show_anchor(file)
    say(value, as_json, f"{value['name']}: {value['anchor']}, {value['threshold']} of {len(value['keys'])} keys.")


@anchor_app.command("sign")
def anchor_sign(
    file: Annotated[Path, typer.Argument(help="The anchor file.")],
    hub: Annotated[str, typer.Argument(help="The hub's identifier.")],
    key: Annotated[Path, typer.Option(help="Your key file.")],
    out: Annotated[Path, typer.Option(help="Where the signed words stand; the next person signs the same file.")],
    days: Annotated[float, typer.Option(min=1, help="How long it holds.")] = 365,
    number: Annotated[int, typer.Option("--number", min=1, help="One more than the last word about this hub.")] = 1,
    country: Countries = None,
    type: Types = None,
    withdraw: Annotated[str, typer.Option(help="Take the word back; why, in a few words.")] = "",
    as_json: AsJson = False,
) -> None:
    """Sign, with one key of an anchor, that a hub belongs to the network."""
    from .. import authority

    wanted = authority.bounds_of(country, type, None)
    value = authority.sign_by_anchor(file, key, hub, out, days=days, n=number, bounds=wanted, withdraw=withdraw)
    short = value["threshold"] - value["signatures"]
    after = f"{short} more must sign {out}" if short > 0 else f"it counts. Give {out} to the hub: jisr-hub anchor take"
    say(value, as_json, f"{value['signatures']} of {value['threshold']} signatures: {after}.")


@anchor_app.command("take")
def anchor_take(
    file: Annotated[Path, typer.Argument(help="The signed words of an anchor.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Put an anchor's signed words into this hub's feed, so that they travel with it."""
    from .. import authority

    value = run(authority.take_word(folder, file))
    say(value, as_json, f"{value['taken']} taken in, {value['held']} were here.")


@anchor_app.command("trust")
def anchor_trust(
    file: Annotated[Path, typer.Argument(help="The anchor file.")], folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Trust this anchor: from the next start on only hubs it names, and their nodes, have a say here."""
    from .. import authority

    value = authority.trust(folder, file)
    say(value, as_json, f"This hub trusts {value['name']} ({value['anchor']}) from its next start on.")
