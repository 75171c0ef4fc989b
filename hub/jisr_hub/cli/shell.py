"""What every command shares: where the hub is, how a result is said, how a command fails.

A verdict goes to stderr, a result to stdout; --json makes the result one JSON object.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import orjson
import typer

from jisr_protocol.refusal import Refusal

Folder = Annotated[Path, typer.Option("--dir", help="The hub's folder.", envvar="JISR_HUB_DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
HERE = Path(".")
UNREACHABLE = 30
USAGE = 64


def fail(sentence: str, status: int) -> NoReturn:
    """End with a sentence and an exit status."""
    print(f"FAIL  {sentence}", file=sys.stderr)
    sys.exit(status)


def confirm(question: str, otherwise: str) -> None:
    """Ask at a terminal, and end on a no; elsewhere end at once with a sentence that says what to add."""
    if not sys.stdin.isatty():
        fail(otherwise, USAGE)
    typer.confirm(question, abort=True, err=True)


def compare(expected: str, came: str, *, what: str, address: str, yes: bool, question: str) -> None:
    """Let the operator compare what an address says of itself with what its operator told: by --expect, by --yes, or
    at a terminal."""
    if expected and expected != came:
        fail(f"Nothing was changed: expected the {what} {expected}, {address} says it is {came}.", 1)
    if not yes and not expected:
        confirm(question, f"Nothing was changed. Add --expect with the {what} its operator told you, or --yes: {came}")


def is_sentence(error: Exception) -> bool:
    """Whether an error says to a person what happened: ours do, and those of files and values we read."""
    return isinstance(error, Refusal | OSError | ValueError | RuntimeError) or type(error).__module__.startswith("jisr")


def say(value: Mapping[str, Any], as_json: bool, sentence: str) -> None:
    """Print a result: the value as JSON, or the sentence."""
    if as_json:
        sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")
    else:
        print(sentence)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run the work of a command."""
    return asyncio.run(work)


def progress(done: int, total: int) -> None:
    """Show how far a long command is, to a person at a terminal."""
    if sys.stderr.isatty():
        print(f"\r{done} of {total} entries", end="" if done < total else "\n", file=sys.stderr, flush=True)
