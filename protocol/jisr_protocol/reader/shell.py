"""How the commands of `jisr` end and speak: a sentence, lines or one JSON object, and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

USAGE = 64
STOPPED = 130
CONTRADICTED = 20
BROKEN = 21
TEMPORARY = 30


@contextmanager
def usage_errors() -> Iterator[None]:
    """What a person did wrong, or the machine cannot do now, ends the command with a sentence and its status."""
    import sqlite3

    from ..refusal import Refusal
    from .answers import Forbidden
    from .follow import Busy, Unwritable
    from .tables import CopyProblem

    try:
        yield
    except (Busy, Unwritable) as error:
        fail(str(error), TEMPORARY)
    except (sqlite3.Error, Refusal) as error:
        fail(f"The copy is damaged ({error}). Nothing was changed; follow its feed into a new file.", BROKEN)
    except (Forbidden, CopyProblem) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("Stopped. What was stored before is untouched; a second run goes on.", STOPPED)


def fail(sentence: str, status: int = USAGE) -> NoReturn:
    """Say why it ends here, and end."""
    verdict(False, sentence)
    raise typer.Exit(status)


def verdict(ok: bool, sentence: str) -> None:
    """The last line, on stderr: OK or FAIL, and a sentence."""
    from .follow import printable

    word = "OK" if ok else "FAIL"
    if sys.stderr.isatty():
        word = f"\x1b[{32 if ok else 31};1m{word}\x1b[0m"
    print(f"{word} {printable(sentence)}", file=sys.stderr)


def print_json(value: dict[str, Any]) -> None:
    """One object, on stdout."""
    import orjson

    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.buffer.flush()


def print_lines(lines: Iterator[str]) -> None:
    """A line each, on stdout."""
    for line in lines:
        print(line)
