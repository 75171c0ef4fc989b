"""As fast as the machine, and past one machine.

Each test prints its figure. Short by default, whole with `--long`: times and rates are asserted only then, alone on the
machine, the best of three; counts, bytes and memory always.
"""

from collections.abc import Callable
from pathlib import Path

from tests.contracts.test_replicas import fail_over
from tests.replicated import pair

# Replicas


def test_a_replica_is_promoted_with_the_first_write_in_under_two_seconds_and_no_position_lost(
    tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """The primary is killed in the middle of pushes; the hub goes on serving and finds the other one by itself."""
    took = []
    for number in range(3 if long else 1):
        with pair() as servers:
            seconds, entries = fail_over(servers, tmp_path / f"hub{number}", 2_000 if long else 80)
        took.append(seconds)
        figure(f"{seconds:.2f} s from the primary's death to the first write; {entries} positions, none lost")
    assert not long or min(took) < 2.0
