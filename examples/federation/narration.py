"""What a person sees: one line an event, with the second it happened, and a table at the end."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

COLOURS = {
    "published": "cyan",
    "received": "blue",
    "admitted": "green",
    "passed on": "magenta",
    "verified": "bold green",
    "left out": "yellow",
    "failed": "bold red",
}
_PART_OF_WRITING = "\u200c\u200d\u200e\u200f\u061c"


def plain(words: str) -> str:
    """Text of others, without what would move the cursor, ring, or turn the direction of a terminal's line."""
    return "".join(
        " " if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp", "Cs") and sign not in _PART_OF_WRITING else sign
        for sign in words
    )


class Narrator:
    """Tells on stdout, or on stderr when stdout is for a program."""

    def __init__(self, *, stderr: bool) -> None:
        self._console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self._began

    def tell(self, what: str, words: str) -> None:
        """One event."""
        line = Text.assemble(
            (f"{self.seconds:6.1f} s  ", "dim"), (f"{what:<11} ", COLOURS.get(what, "bold")), plain(words)
        )
        self._console.print(line, soft_wrap=True)

    def say(self, words: str = "") -> None:
        """A line outside of the events."""
        self._console.print(Text(plain(words)), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """The summary; columns but the first and last are numbers."""
        table = Table(*columns, box=SIMPLE, show_edge=False, pad_edge=False)
        for column in table.columns[1:-1]:
            column.justify = "right"
        for row in rows:
            table.add_row(*(Text(plain(str(cell))) for cell in row))
        self._console.print()
        self._console.print(table)
        self._console.print()
