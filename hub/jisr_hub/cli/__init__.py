"""The command `jisr-hub`: its commands stand in commands/, what they do in the modules beside it.

Exit: 0 done · 1 refused or found broken · 30 the other side could not be reached · 64 usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer
from typer.main import get_command_name

from jisr_protocol.reader.answers import Unreachable

from .commands import (
    acted,
    beginning,
    carried,
    copying,
    deciding,
    desk,
    keys,
    ledger,
    looking,
    nodes,
    notices,
    peers,
    people,
    saying,
    speaking,
    trying,
    upgrade,
)
from .shell import UNREACHABLE, USAGE, fail, is_sentence

_PLAIN = {
    command.name or get_command_name(command.callback.__name__): command
    for module in (beginning, looking, copying, nodes, speaking, notices, saying, acted, ledger, upgrade, trying)
    for command in module.commands.registered_commands
    if command.callback
}
_GROUPS = {
    "requests": speaking.requests_app,
    "anchor": speaking.anchor_app,
    "notices": notices.notices_app,
    "follower": notices.follower_app,
    "say": saying.say_app,
    "curation": saying.curation_app,
    "acts": acted.acts_app,
    "blocks": desk.blocks_app,
    "letters": desk.letters_app,
    "campaign": desk.campaign_app,
    "reports": desk.reports_app,
    "source": desk.source_app,
    "subscriptions": desk.subscriptions_app,
    "pair": desk.pair_app,
    "policy": deciding.policy_app,
    "view": deciding.view_app,
    "reader": deciding.reader_app,
    "peer": peers.peer_app,
    "witness": peers.witness_app,
    "pull": carried.pull_app,
    "bundle": carried.bundle_app,
    "keys": keys.commands,
    "account": people.commands,
}


def command_for(words: Sequence[str]) -> typer.Typer:
    """The command as these words need it: what they name alone, or all of it. Making all takes longer than most
    commands work."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="A Jisr hub: one country's directory of many voices.",
    )
    first = next(iter(words), "")
    known = first in _PLAIN or first in _GROUPS
    plain = typer.Typer()
    plain.registered_commands = [command for name, command in _PLAIN.items() if name == first or not known]
    app.add_typer(plain)
    for name, commands in _GROUPS.items():
        if name == first or not known:
            app.add_typer(commands, name=name)
    return app


def main() -> None:
    """Run the command; a refusal becomes a sentence and an exit status, never a traceback."""
    try:
        # what a command raised with typer.Exit comes back as a number
        status = command_for(sys.argv[1:])(standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except typer.Abort:
        sys.exit(130)
    # the last line of defence between a person and a traceback: what is not known here goes on
    except Exception as error:
        if hasattr(error, "format_message"):
            fail(error.format_message(), USAGE)
        if is_sentence(error):
            fail(str(error), UNREACHABLE if isinstance(error, Unreachable) else 1)
        if (reason := getattr(error, "orig", None)) is not None:
            fail(f"The hub's database cannot be used: {reason}. Nothing was changed. Look with: jisr-hub check", 1)
        raise
