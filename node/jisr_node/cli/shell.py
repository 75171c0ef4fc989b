"""What every command shares: its options, the exit statuses, and how something is said, in words or as JSON."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import HubRefused, HubUnreachable, Mistaken, NodeError

Folder = Annotated[
    Path, typer.Option("--dir", envvar="JISR_NODE_DIR", help="The node's folder.", show_default="this folder")
]
HERE = Path(".")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of words.")]
Which = Annotated[str, typer.Argument(metavar="ID", help="The record's id, or local:<type>/<local id>.")]
HubAddress = Annotated[str | None, typer.Option("--hub", help="The hub's address, if not the node's own.")]


class Exit(IntEnum):
    """How a command ends."""

    DONE = 0
    REFUSED = 1
    UNREACHABLE = 30
    USAGE = 64


def exit_of(error: NodeError) -> Exit:
    """The exit status that an error means."""
    if isinstance(error, Mistaken):
        return Exit.USAGE
    return Exit.UNREACHABLE if isinstance(error, HubUnreachable) else Exit.REFUSED


def error_value(error: NodeError) -> dict[str, Any]:
    """An error for programs: a stable code beside the sentence."""
    code = error.code if isinstance(error, HubRefused) else type(error).__name__.lower()
    return {"code": code, "sentence": str(error)}


def say(value: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Print the value as JSON, or the text."""
    if as_json:
        print_json(value)
    else:
        typer.echo(text)


def print_json(value: Any) -> None:
    """One JSON value on one line, with escapes where the output cannot carry every letter."""
    whole = (sys.stdout.encoding or "").lower() in ("utf-8", "utf8")
    typer.echo(json.dumps(value, ensure_ascii=not whole))


def count(number: int, one: str, many: str | None = None) -> str:
    """1 record, 2 records."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def day(instant: str) -> str:
    """A UTC instant in words: 3 March 2026."""
    moment = datetime.fromisoformat(instant)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


# not strftime: its months follow the computer's language, and these sentences are English
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
