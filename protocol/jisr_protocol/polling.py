"""When to ask a source again that cannot call us: seldom while it is silent, soon while it speaks.

    poll = polling.begin(now)
    poll = polling.answered(poll, now, Said.NEWS)            what the last question came to
    polling.pause_seconds(poll, Bounds(60, 3600), jitter=0.5)     seconds from `poll.asked` to the next one

A source is asked again after a quarter of the time for which it has been silent: so news waits at most a quarter as
long as the silence before it, and a quiet source costs few questions. Bounds hold on both sides. What the other side
asks for (Retry-After, Jisr-Backoff) is kept to even beyond the upper one, and a 429 is never counted as a failure.
Times are seconds of one clock of the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

SHARE = 0.25
"""The next question comes after this share of the silence."""
JITTER_SHARE = 0.1
"""So much of a pause is left to chance, so that those who began together do not stay together."""
FAILURES_COUNTED = 20


class Said(Enum):
    """What a question came to."""

    NEWS = "news"
    QUIET = "quiet"
    BUSY = "busy"
    """429, or 503 with a time: it asks for a pause, and is as well as before."""
    FAILED = "failed"


@dataclass(frozen=True)
class Bounds:
    """The shortest and the longest pause, in seconds."""

    least_seconds: float
    most_seconds: float
    woken_seconds: float = 1.0
    """The shortest pause after somebody said that there is news, where it is shorter than the shortest."""

    def hold(self, seconds: float) -> float:
        """The nearest pause within."""
        return max(self.least_seconds, min(self.most_seconds, seconds))


@dataclass(frozen=True)
class Poll:
    """What is remembered of one source: when it was asked, when it last had news, what it asked for."""

    asked: float
    news: float
    failures: int = 0
    wait_seconds: float = 0.0
    """How long it asked us to stay away, from `asked` on."""
    hint: float | None = None
    """When its publisher says the next head is due (`head.next`)."""


def begin(now: float) -> Poll:
    """A source that was never asked; it is as if it had just spoken."""
    return Poll(now, now)


def answered(poll: Poll, now: float, said: Said, *, wait_seconds: float = 0.0, hint: float | None = None) -> Poll:
    """Note what a question at `now` came to. `hint` is kept from before when this answer has none."""
    failures = poll.failures if said is Said.BUSY else 0
    if said is Said.FAILED:
        failures = min(poll.failures + 1, FAILURES_COUNTED)
    return replace(
        poll,
        asked=now,
        news=now if said is Said.NEWS else poll.news,
        failures=failures,
        wait_seconds=max(0.0, wait_seconds),
        hint=poll.hint if hint is None else hint,
    )


def pause_seconds(poll: Poll, bounds: Bounds, *, jitter: float) -> float:
    """How long after `poll.asked` to ask again. `jitter` is chance, in [0, 1).

    At least the lower bound and what the other side asked for; at most the upper one, or what it asked for.
    """
    pause = bounds.hold((poll.asked - poll.news) * SHARE)
    if poll.failures:
        pause = max(pause, bounds.hold(bounds.least_seconds * 2.0**poll.failures))
    elif poll.hint is not None and poll.hint > poll.asked:
        pause = min(pause, max(poll.hint - poll.asked, bounds.least_seconds))
    pause = max(bounds.least_seconds, pause * (1.0 - JITTER_SHARE * jitter))
    return max(pause, poll.wait_seconds)


def woken_seconds(poll: Poll, bounds: Bounds) -> float:
    """The same when somebody says that there is news. Anybody may say so, so this is bounded too, and what the source
    itself asked for still holds."""
    return max(min(bounds.least_seconds, bounds.woken_seconds), poll.wait_seconds)
