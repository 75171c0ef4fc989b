"""As fast as the machine, and past one machine.

Each test prints its figure. Short by default, whole with `--long`: times and rates are asserted only then, alone on the
machine, the best of three; counts, bytes and memory always.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jisr_protocol import paths
from tests.contracts.test_replicas import fail_over
from tests.hub.fronts import Hub, Nginx, Process, Varnish, ask, free_port
from tests.hub.test_samples import FEED, answers_without_hub, filled
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


# Immutable bytes


@pytest.mark.parametrize("kind", [Nginx, Varnish])
def test_nginx_and_varnish_answer_with_the_hub_dead(
    kind: type[Nginx] | type[Varnish], tool: Callable[[str], str], tmp_path: Path, figure: Callable[..., None]
) -> None:
    """With docs/samples: a reader that never came before verifies everything after the hub was killed."""
    answered = answers_without_hub(kind, tool, tmp_path)
    figure(f"{kind.__name__}: {answered} requests of a new reader were answered with the hub dead; verified")
    assert answered >= 3


@pytest.mark.parametrize("coding", ["zstd", "gzip", "identity"])
def test_prebuilt_pages_go_out_as_fast_as_a_constant(
    coding: str, tool: Callable[[str], str], tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """A page of 256 entries from the hub, against the same server that answers a constant of that many bytes."""
    _, head = filled(tmp_path / "hub")
    path = FEED + paths.page(head.epoch, 0)
    with Hub(tmp_path / "hub") as hub:
        size = len(ask(hub.address + path, accept_encoding=coding).body)
        port = free_port()
        with Process([sys.executable, "-m", "tests.hub.constant", str(port), str(size)], port) as constant:
            seconds = 3 if long else 1
            ours = most = 0.0
            for _ in range(5 if long else 1):  # in turn, so that both meet the same machine
                ours = max(ours, rate(tool("wrk"), hub.address + path, coding, seconds))
                most = max(most, rate(tool("wrk"), constant.address + "/constant", coding, seconds))
    figure(f"{coding}, {size} bytes: {ours:.0f} pages/s, a constant {most:.0f}/s: {ours / most:.2f}")
    assert not long or ours / most >= 0.75


def rate(wrk: str, address: str, coding: str, seconds: int) -> float:
    """Answers a second to sixteen connections; every one of them 200."""
    command = [wrk, "-t1", "-c16", f"-d{seconds}s", "-H", f"Accept-Encoding: {coding}", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "Non-2xx" not in done.stdout and "Socket errors" not in done.stdout, done.stdout
    found = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])
