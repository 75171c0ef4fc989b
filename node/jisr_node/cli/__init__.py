"""The command jisr-node.

Without a verb it opens the node's pages in the browser. Results go to stdout, in words or as one JSON value with
--json; errors and progress go to stderr. It asks questions only at `init`, and only on a terminal.
Exit status: 0 done · 1 refused, or done in part · 30 a hub could not be reached, nothing is lost · 64 the command or
its arguments do not fit.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from ..errors import NodeError
from . import (
    bundles,
    checking,
    confirming,
    drafting,
    erasing,
    keeping,
    keys,
    looking,
    messages,
    pages,
    records,
    sending,
    setting_up,
    usage,
    whereabouts,
)
from .shell import Exit, error_value, exit_of, print_json

_COMMANDS: dict[str, Callable[..., None]] = {
    "start": pages.start,
    "host": pages.host,
    "recover": keys.recover,
    "init": setting_up.init,
    "recovery-kept": setting_up.recovery_kept,
    "add": records.add,
    "edit": records.edit,
    "end": records.end,
    "delete": records.delete,
    "erase": erasing.erase,
    "erasures": erasing.erasures,
    "drafts": drafting.drafts,
    "history": drafting.history,
    "undo": drafting.undo,
    "trash": drafting.trash,
    "bring-back": drafting.bring_back,
    "import": records.import_,
    "check": checking.check,
    "still": confirming.still,
    "list": looking.list_,
    "show": looking.show,
    "publish": sending.publish,
    "push": sending.push,
    "sync": sending.sync,
    "join": setting_up.join,
    "home": setting_up.home,
    "rebase": keeping.rebase,
    "export": sending.export,
    "backup": keeping.backup,
    "restore": keeping.restore,
    "serve": sending.serve,
    "where": whereabouts.where,
    "usage": usage.usage,
    "status": looking.status,
}
"""Every verb, in the order in which `jisr-node --help` lists them."""
_GROUPS = {"keys": keys.commands, "bundle": bundles.commands, "messages": messages.commands}


def command_for(words: Sequence[str]) -> typer.Typer:
    """The command as these words need it: the verb they name alone, or all verbs. Making all takes longer than most of
    them work."""
    cli = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Write, sign and publish your organisation's directory records. Without a command: open your node's pages "
        "in the browser. Exit status: 0 done, 1 refused or done in part, 30 hub not reachable, 64 wrong command.",
    )
    first = next(iter(words), "")
    known = first in _COMMANDS or first in _GROUPS
    plain = typer.Typer()
    for name, command in _COMMANDS.items():
        if name == first or not known:
            plain.command(name)(command)
    cli.add_typer(plain)
    for name, commands in _GROUPS.items():
        if name == first or not known:
            cli.add_typer(commands, name=name)
    return cli


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command; never returns."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # records are in any script, and a console may know few: better an escape than an end
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.exit(run(arguments))


def run(arguments: list[str]) -> int:
    """Run the command; return its exit status."""
    try:
        words = arguments or ["start"]
        result = command_for(words)(args=words, prog_name="jisr-node", standalone_mode=False)
    except NodeError as error:
        if "--json" in arguments:
            print_json({"error": error_value(error)})
        typer.echo(str(error), err=True)
        return exit_of(error)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        typer.echo(
            f"{place}{error.strerror or error}. What was done before is safe. Mend that, then try again.", err=True
        )
        return Exit.REFUSED
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("Stopped. What was done before is kept, and nothing is half done.", err=True)
        return Exit.REFUSED
    except TyperException as error:
        typer.echo(f"{error}\nNothing was changed. See: jisr-node --help", err=True)
        return Exit.USAGE
    return result if isinstance(result, int) else Exit.DONE
