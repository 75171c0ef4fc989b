"""Adaptive polling: never too often, never too seldom, polite, and where it ends up."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_protocol import polling
from jisr_protocol.polling import Bounds, Said

seconds = st.floats(0, 10**6, allow_nan=False)
chance = st.floats(0, 0.999)
answers = st.lists(st.tuples(st.sampled_from(Said), st.one_of(st.just(0.0), seconds), st.none() | seconds), max_size=30)
bounds = st.tuples(st.floats(0.1, 600), st.floats(1, 100)).map(lambda pair: Bounds(pair[0], pair[0] * pair[1]))


def asked_for_a_day(least: float, most: float, news_every: float | None, *, days: float = 1.0) -> list[float]:
    """When a source is asked that has news so often, or never."""
    limits, chances = Bounds(least, most), random.Random(1)
    poll, now, told = polling.begin(0.0), 0.0, 0
    times = []
    while now < days * 86_400:
        now += polling.pause_seconds(poll, limits, jitter=chances.random())
        there = int(now // news_every) if news_every else 0
        poll = polling.answered(poll, now, Said.NEWS if there > told else Said.QUIET)
        told = there
        times.append(now)
    return times


@given(answers, bounds, chance)
def test_no_pause_is_shorter_than_the_bound_or_than_what_was_asked_for(
    said: list[tuple[Said, float, float | None]], limits: Bounds, jitter: float
) -> None:
    poll, now = polling.begin(0.0), 0.0
    for answer, wait, hint in said:
        now += polling.pause_seconds(poll, limits, jitter=jitter)
        poll = polling.answered(poll, now, answer, wait_seconds=wait, hint=hint)
        pause = polling.pause_seconds(poll, limits, jitter=jitter)
        assert max(limits.least_seconds, wait) <= pause <= max(limits.most_seconds, wait)
        assert max(min(1.0, limits.least_seconds), wait) <= polling.woken_seconds(poll, limits) <= pause


@given(answers, bounds, chance, seconds)
def test_a_429_is_no_failure(
    said: list[tuple[Said, float, float | None]], limits: Bounds, jitter: float, wait: float
) -> None:
    poll = polling.begin(0.0)
    for number, (answer, _, hint) in enumerate(said):
        poll = polling.answered(poll, float(number), answer, hint=hint)
    busy = polling.answered(poll, poll.asked, Said.BUSY, wait_seconds=wait)
    assert busy.failures == poll.failures
    assert polling.pause_seconds(busy, limits, jitter=jitter) == max(
        polling.pause_seconds(polling.answered(poll, poll.asked, Said.BUSY), limits, jitter=jitter), wait
    )


@given(bounds, chance)
def test_it_converges_silence_to_the_longest_pause_and_news_to_the_shortest(limits: Bounds, jitter: float) -> None:
    poll, now = polling.begin(0.0), 0.0
    pauses = []
    for _ in range(60):
        pause = polling.pause_seconds(poll, limits, jitter=jitter)
        pauses.append(pause)
        now += pause
        poll = polling.answered(poll, now, Said.QUIET)
    assert all(later >= sooner - 1e-6 for sooner, later in pairwise(pauses))
    assert pauses[-1] >= limits.most_seconds * (1 - polling.JITTER_SHARE) - 1e-6
    heard = polling.answered(poll, now, Said.NEWS)
    assert polling.pause_seconds(heard, limits, jitter=jitter) == limits.least_seconds


def test_failures_double_the_pause_and_one_answer_ends_that() -> None:
    limits = Bounds(60, 3600)
    poll = polling.begin(0.0)
    pauses = []
    for _ in range(8):
        poll = polling.answered(poll, 0.0, Said.FAILED)
        pauses.append(polling.pause_seconds(poll, limits, jitter=0))
    assert pauses == [120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert polling.pause_seconds(polling.answered(poll, 0.0, Said.QUIET), limits, jitter=0) == 60


def test_the_publishers_own_hint_shortens_a_pause_and_never_lengthens_it() -> None:
    limits = Bounds(60, 3600)
    quiet = polling.answered(polling.begin(0.0), 80_000.0, Said.QUIET)
    assert polling.pause_seconds(quiet, limits, jitter=0) == 3600
    for hint, pause in ((80_900.0, 900), (80_001.0, 60), (79_000.0, 3600), (999_999.0, 3600)):
        said = polling.answered(quiet, 80_000.0, Said.QUIET, hint=hint)
        assert polling.pause_seconds(said, limits, jitter=0) == pause


@pytest.mark.parametrize(
    ("news_every", "fewest", "most"), [(None, 24, 60), (14_400.0, 100, 250), (600.0, 800, 1200), (30.0, 1300, 1441)]
)
def test_questions_a_day(news_every: float | None, fewest: int, most: int, figure: Callable[..., None]) -> None:
    """Bounds of a minute and an hour: a quiet source costs some forty questions a day, a busy one one a minute."""
    times = asked_for_a_day(60, 3600, news_every)
    assert fewest <= len(times) <= most
    assert all(later - sooner >= 60 - 1e-6 for sooner, later in pairwise(times))
    news = [number * news_every for number in range(1, int(86_400 // news_every))] if news_every else []
    waits = [next(at for at in times if at >= when) - when for when in news]
    mean = f"news waits {sum(waits) / len(waits):.0f} s on average, {max(waits):.0f} s at most" if waits else "no news"
    figure(f"simulated, news every {news_every} s: {len(times)} questions a day, {mean}")
    assert all(wait <= 0.25 * (news_every or 0) + 60 + 1 for wait in waits)
