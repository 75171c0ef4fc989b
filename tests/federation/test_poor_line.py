"""The two kinds of poor line are what they say, and both can be cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.federation.poor_follow import CUTS, check, feed_of, follow_over
from tests.federation.poor_line import Line, may_tunnel, poor_line


@pytest.mark.parametrize("tunnel", [True, False], ids=["packets", "streams"])
def test_a_follow_ends_on_either_kind_of_line(tunnel: bool, tmp_path: Path) -> None:
    if tunnel and not may_tunnel():
        pytest.skip("this machine lets nobody make network namespaces and TUN devices")
    feed = feed_of(tmp_path / "feed", 300)
    line = Line(faster=8)
    with poor_line(line, tunnel=tunnel) as made:
        check(line, made.measure())
        told = follow_over(made, feed, tmp_path / "copy.jisr", ranges=True, seed=3)
    assert (told.live, told.cuts, told.repeated) == (300, CUTS, [])
