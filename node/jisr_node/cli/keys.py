"""The commands about keys: jisr-node keys list · rotate · retire · revoke · protect, and jisr-node recover."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import key_work
from ..app import Node, clock
from ..errors import Mistaken
from ..key_work import Recovered
from ..recovery import Plan
from .shell import HERE, Folder, Json, say

commands = typer.Typer(
    no_args_is_help=True, help="The keys that sign for this node: see them, change them, take one out of use."
)
Kid = Annotated[str, typer.Argument(metavar="KID", help="The key, as jisr-node keys list names it.")]
_KID_MAY_BEGIN_WITH_A_HYPHEN = {"ignore_unknown_options": True}
_PUSH = "Next: jisr-node push"
_SHEET_CHARACTERS = 8192
_SHORTEST = 8


@commands.command("list")
def list_(folder: Folder = HERE, as_json: Json = False) -> None:
    """Show every key that ever signed for this node, whether it may still, since when and why."""
    with Node.open(folder, lost=True) as node:
        rows = key_work.listed(node.identity.ring, node.identity.key.kid)
    lines = []
    for row in rows:
        state = "recovery key, kept elsewhere" if row["state"] == "recovery" else f"{row['state']} since {row['since']}"
        reason = f": {row['reason']}" if row.get("reason") else ""
        lines.append(f"{row['kid']}  {state}{reason}{'  (signs now)' if row.get('signing') else ''}")
    say({"keys": rows}, "\n".join(lines), as_json=as_json)


@commands.command()
def rotate(folder: Folder = HERE, as_json: Json = False) -> None:
    """Go on with a new key. What the old one signed stays good, and it signs nothing any more."""
    with Node.open(folder) as node:
        old = node.identity.key.kid
        key_work.rotate(node, now=clock())
        value = {"signing": node.identity.key.kid, "retired": old}
    say(value, f"A new key signs from now on: {value['signing']}\n{old} is retired. {_PUSH}", as_json=as_json)


@commands.command(context_settings=_KID_MAY_BEGIN_WITH_A_HYPHEN)
def retire(kid: Kid, folder: Folder = HERE, as_json: Json = False) -> None:
    """Take a key out of use; what it signed stays good. If it is the one that signs, a new one is made first."""
    with Node.open(folder) as node:
        key_work.end(node, kid, now=clock())
        value = {"signing": node.identity.key.kid, "retired": kid}
    say(value, f"{kid} is retired. {value['signing']} signs. {_PUSH}", as_json=as_json)


@commands.command(context_settings=_KID_MAY_BEGIN_WITH_A_HYPHEN)
def revoke(
    kid: Kid,
    reason: Annotated[str, typer.Option(help="Why, in a few words that everybody can read.")] = key_work.STOLEN,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Say that a key was stolen: what it signed up to now stays good, and nothing that comes later counts.

    If somebody else has already signed with it, use jisr-node recover.
    """
    with Node.open(folder) as node:
        key_work.end(node, kid, now=clock(), lost=_words(reason))
        value = {"signing": node.identity.key.kid, "revoked": kid}
    say(value, f"{kid} is revoked. {value['signing']} signs. {_PUSH}", as_json=as_json)


@commands.command()
def protect(
    remove: Annotated[bool, typer.Option("--remove", help="Keep the key without a passphrase.")] = False,
    new: Annotated[Path | None, typer.Option("--file", help="A file whose first line is the new passphrase.")] = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Protect the signing key by a passphrase. It is asked for, or read from a file; never from the command line.

    Later commands take it from the file that JISR_KEY_PASSPHRASE_FILE names, from systemd's credential
    jisr.passphrase, from JISR_KEY_PASSPHRASE, or ask for it.
    """
    with Node.open(folder) as node:
        node.protect(None if remove else _new_passphrase(new))
    said = "has no passphrase any more" if remove else "is protected: without the passphrase nothing can be signed"
    say({"protected": not remove}, f"The signing key {said}.", as_json=as_json)


def _new_passphrase(file: Path | None) -> bytes:
    if file is not None:
        try:
            said = file.read_text(encoding="utf-8").partition("\n")[0].strip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise Mistaken(f"{file} cannot be read ({error}). Nothing was changed.") from None
    elif sys.stdin.isatty():
        said = str(typer.prompt("A new passphrase", hide_input=True, confirmation_prompt=True, err=True))
    else:
        raise Mistaken("Name a file that holds the new passphrase: --file FILE. Nothing was changed.")
    if len(said) < _SHORTEST:
        raise Mistaken(
            f"A passphrase has at least {_SHORTEST} characters; this one has {len(said)}. Nothing was changed."
        )
    return said.encode()


def recover(
    sheet: Annotated[
        str | None,
        typer.Argument(metavar="SHEET", help="The recovery file; - for its words on the input; on a terminal it asks."),
    ] = None,
    hub: Annotated[list[str] | None, typer.Option("--hub", help="A hub to ask; all known ones if none.")] = None,
    good: Annotated[
        list[str] | None,
        typer.Option("--good", metavar="FEED=N", help="Only the first N entries of this feed are yours."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, in a few words that everybody can read.")] = key_work.STOLEN,
    look: Annotated[bool, typer.Option("--look", help="Say what would be done, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Take the node back with its recovery key, after the signing key was stolen or lost.

    Makes a new key and revokes the old one. All that is certainly yours stays valid. What somebody else signed after
    that does not count any more, at every hub and reader; your records that he touched are published again.
    """
    chosen = dict(_good(one) for one in good or ())
    seed = Node.recovery_seed(_sheet(sheet))

    def agree(plan: Plan, unheard: list[str]) -> bool:
        if not as_json:
            typer.echo("\n".join(_plan_lines(plan, unheard)), err=True)
        if look:
            return False
        return yes or as_json or not sys.stdin.isatty() or typer.confirm("Do this now?", err=True)

    with Node.open(folder, lost=True) as node:
        work = key_work.recover(node, seed, *hub or (), now=clock(), chosen=chosen, reason=_words(reason), agree=agree)
        done = asyncio.run(work)
        value = {**_value(done), "signing": node.identity.key.kid if done.done is not None else None}
    say(value, "\n".join(_done_lines(done)), as_json=as_json)


def _sheet(place: str | None) -> str:
    if place == "-":
        return sys.stdin.read(_SHEET_CHARACTERS)
    if place is None:
        if not sys.stdin.isatty():
            raise Mistaken("Name the recovery file, or - to read its words from the input. Nothing was changed.")
        return str(typer.prompt("The words of the recovery sheet, with the check letters", hide_input=True, err=True))
    try:
        with open(place, encoding="utf-8") as file:
            return file.read(_SHEET_CHARACTERS)
    except (OSError, UnicodeDecodeError) as error:
        raise Mistaken(f"{place} cannot be read ({error}). Nothing was changed.") from None


def _good(text: str) -> tuple[str, int]:
    name, _, size = text.partition("=")
    if not name or not size.isascii() or not size.isdigit():
        raise Mistaken(f"--good {text}: expected FEED=N, such as public=812. Nothing was changed.")
    return name, int(size)


def _words(reason: str) -> str:
    if not reason.strip() or len(reason) > 200:
        raise Mistaken("--reason: expected a few words, at most 200 characters. Nothing was changed.")
    return reason.strip()


def _plan_lines(plan: Plan, unheard: list[str]) -> list[str]:
    lines = [
        f"The feed {name} is certainly yours up to entry {size}; that stays valid."
        for name, (_, size) in sorted(plan.last.items())
    ]
    lines += [f"This hub could not be asked: {one}" for one in unheard]
    lines += [f"{hub} went on with entries that are not in this folder." for hub in plan.forked]
    if plan.touched:
        lines.append(
            f"Somebody else touched {len(plan.touched)} of your records, {len(plan.added)} of them new: those that you "
            "know are published again, the others taken out."
        )
    if plan.renewed:
        lines.append("Your feeds go on in a new epoch from there.")
    return [*lines, "A new signing key is made, and every old one is revoked."]


def _value(done: Recovered) -> dict[str, Any]:
    plan = done.plan
    return {
        "changed": done.done is not None,
        "last": {name: list(place) for name, place in plan.last.items()},
        "forked": plan.forked,
        "unheard": done.unheard,
        "touched": sorted(plan.touched),
        "new_epoch": plan.renewed,
        "published_again": done.done.records if done.done is not None else [],
        "set_aside": str(done.aside) if done.aside is not None else None,
    }


def _done_lines(done: Recovered) -> list[str]:
    if done.done is None:
        return ["Nothing was changed."]
    again = len(done.done.records)
    lines = [f"The node is yours again, with a new key. {again} record{'' if again == 1 else 's'} published again."]
    if done.aside is not None:
        lines.append(f"Versions that lost against later ones: {done.aside}")
    return [
        *lines,
        "See that the thief has no copy of the new key: change the passwords of this computer.",
        _PUSH,
    ]
