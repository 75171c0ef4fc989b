"""What waits while much comes, and no longer: publishing, and the search for duplicates."""

import time

import pytest

from jisr_hub.app.calm import Calm

pytestmark = pytest.mark.anyio


async def test_a_log_that_rests_is_waited_for_until_nothing_more_comes() -> None:
    lengths = iter((0, 500, 1000))

    async def grows_twice() -> int:
        return next(lengths, 1500)

    began = time.monotonic()
    await Calm(grows_twice).wait(0.02, at_most=60)
    assert next(lengths, None) is None, "it looked until nothing more came"
    assert 0.06 <= time.monotonic() - began < 30


async def test_a_log_that_never_rests_is_waited_for_only_so_long() -> None:
    lengths = iter(range(10**9))

    async def grows() -> int:
        return next(lengths)

    began = time.monotonic()
    await Calm(grows).wait(0.02, at_most=0.3)
    assert 0.3 <= time.monotonic() - began < 30
    assert next(lengths) > 2


async def test_a_wait_ends_at_its_time_also_where_a_pause_is_longer() -> None:
    async def rests() -> int:
        return 7

    began = time.monotonic()
    await Calm(rests).wait(60, at_most=0.1)
    assert 0.1 <= time.monotonic() - began < 30
