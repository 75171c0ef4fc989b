"""The commands about the hub's own keys: keys list, rotate, recover, protect."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..shell import HERE, AsJson, Folder, run, say

commands = typer.Typer(no_args_is_help=True, help="The keys that this hub signs with.")
_RESTART = "Start the hub: it puts this into its feed. Peers and readers see it with the next head."
_SHORTEST = 8


@commands.command("list")
def list_(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show every key that ever signed for this hub, since when, and why it ended."""
    from .. import hub_keys

    rows = hub_keys.listed(folder)
    words = [f"{row['kid']}  {row['state']} {row.get('since', '')} {row.get('reason', '')}".rstrip() for row in rows]
    say({"keys": rows}, as_json, "\n".join(words))


@commands.command()
def rotate(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Go on with a new signing key. What the old one signed stays good."""
    from .. import acting, hub_keys

    done = hub_keys.rotate(folder, os.urandom)
    run(acting.note(folder, "key", "", "", verb="rotate"))
    say(done, as_json, f"{done['signing']} signs from now on, {done['retired']} is retired. {_RESTART}")


@commands.command()
def recover(
    sheet: Annotated[str, typer.Argument(help="The recovery sheet, or - for its words on the input.")],
    reason: Annotated[str, typer.Option(help="Why, in a few words that everybody can read.")] = "the key was stolen",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Take the hub back with its recovery key, after its signing key was stolen or lost."""
    from .. import acting, hub_keys

    text = sys.stdin.read(8192) if sheet == "-" else Path(sheet).read_text("utf-8")
    done = run(hub_keys.recover(folder, text, reason, os.urandom))
    run(acting.note(folder, "key", "", reason, verb="recover"))
    said = f"The hub is yours again: {done['signing']} signs, {len(done['revoked'])} key(s) revoked."
    say(done, as_json, f"{said} {_RESTART}")


@commands.command()
def protect(
    remove: Annotated[bool, typer.Option("--remove", help="Keep the key without a passphrase.")] = False,
    new: Annotated[Path | None, typer.Option("--file", help="A file whose first line is the new passphrase.")] = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Protect the signing key by a passphrase: from a file or asked for, never on the command line."""
    from .. import hub_keys

    hub_keys.protect(folder, None if remove else _new_passphrase(new))
    said = "has no passphrase any more" if remove else "is protected: without the passphrase the hub does not start"
    say({"protected": not remove}, as_json, f"The signing key {said}.")


def _new_passphrase(file: Path | None) -> bytes:
    from ..hub_keys import KeysError

    if file is not None:
        said = file.read_text(encoding="utf-8").partition("\n")[0].strip("\r")
    elif sys.stdin.isatty():
        said = str(typer.prompt("A new passphrase", hide_input=True, confirmation_prompt=True, err=True))
    else:
        raise KeysError("Name a file that holds the new passphrase: --file FILE. Nothing was changed.")
    if len(said) < _SHORTEST:
        raise KeysError(f"Expected a passphrase of at least {_SHORTEST} characters; came {len(said)}.")
    return said.encode()
