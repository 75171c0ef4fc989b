"""Words of others, made safe to show: a terminal obeys control characters, and a reader follows their direction."""

from __future__ import annotations

MOST_CHARACTERS = 500
# joiners carry meaning in Persian and in emoji, and do no harm
_JOINERS = "\u200c\u200d"


def shown(text: str, most: int = MOST_CHARACTERS) -> str:
    """One line of at most `most` characters; what is no character to print becomes a middle dot."""
    line = " ".join(text.split())
    line = line if len(line) <= most else line[: most - 1] + "…"
    return "".join(c if c.isprintable() or c in _JOINERS else "·" for c in line)
