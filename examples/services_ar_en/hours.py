"""Opening and closing times as the source writes them, read without guessing."""

from __future__ import annotations

import re

import words

TIME = re.compile(r"(?:Close at )?([0-9]{1,2}):([0-9]{2})(am|pm)")


def clock(words_of_time: str) -> str | None:
    """Return "8:30am" or "13:00pm" as HH:MM; None for what is no time or could be two.

    The source adds am and pm to a 24-hour clock ("13:00pm"). At 12 the two readings part: "12:00am" is
    midnight on one clock and noon on the other, so it is not guessed.
    """
    if not (match := TIME.fullmatch(words_of_time)):
        return None
    hour, minute, half = int(match[1]), int(match[2]), match[3]
    if hour > 23 or minute > 59 or hour in (0, 12) or (hour > 12 and half == "am"):
        return None
    if hour < 12 and half == "pm":
        hour += 12
    return f"{hour:02}:{minute:02}"


def intervals_of(opening: list[str], closing: list[str]) -> tuple[list[list[str]], str]:
    """Return the intervals and how they came about: `start and end`, `start only`, `always` or `words`."""
    if opening == [words.ALWAYS_OPEN] and closing in ([], [words.NEVER_CLOSED]):
        return [["00:00", "24:00"]], "always"
    starts, ends = [clock(it) for it in opening], [clock(it) for it in closing]
    if not starts or None in starts or None in ends or len(ends) > 1:
        return [], "words"
    known = sorted(it for it in starts if it)
    if not ends:
        return [[it] for it in known], "start only"
    if len(known) == 1 and ends[0] and known[0] < ends[0]:
        return [[known[0], ends[0]]], "start and end"
    return [], "words"
