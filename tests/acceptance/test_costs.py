"""The bridge stands: what a record, our floor and a node at rest cost.

Each test prints its figure. Short by default, whole with `--long`.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import floor
from bench.run import load, measure
from jisr_node.app import Node


def test_what_taking_a_record_in_costs(shared: Path, long: bool, figure: Callable[..., None]) -> None:
    """Ratios are asserted with --long, alone on the machine; that all is taken and memory is bounded, always."""
    smaller, larger = (10_000, 100_000) if long else (1_000, 2_000)
    rows = {(r.name, r.n): r for n in (smaller, larger) for r in measure(n, 3 if n == 10_000 else 1, lambda _: None)}
    new, unchanged = rows["ingest", larger], rows["ingest_unchanged", larger]
    ratio = max(rows["ingest", n].max for n in (smaller, larger))
    cheaper = new.ours / unchanged.ours if unchanged.ours else float("inf")
    growth = (rows["ingest", larger].ours / larger) / (rows["ingest", smaller].ours / smaller)
    memory = rows["memory_hub", larger].ours
    figure(f"{larger} records: ingest ratio {ratio:.2f}, {new.ours / larger * 1e6:.0f} µs of CPU a record")
    figure(f"unchanged {cheaper:.1f} times cheaper; a record at {larger} costs {growth:.2f} times that at {smaller}")
    figure(f"the hub's memory at its highest {memory:.0f} MiB")
    assert memory < 400
    if long:
        assert ratio >= 0.5
        assert cheaper >= 10
        assert growth <= 1.3


def test_our_floor_is_a_floor(shared: Path, long: bool, figure: Callable[..., None]) -> None:
    """Our floor may cost at most 1.15 times the CPU a record of the study's floor, in the same run."""
    count = 10_000 if long else 2_000
    writers = load(count)
    theirs, ours = [], []
    for _ in range(3):
        said = subprocess.run(
            [sys.executable, str(shared / "floor" / "floor.py"), str(count)],
            capture_output=True,
            check=True,
            timeout=600,
        )
        theirs.append(json.loads(said.stdout.splitlines()[-1])["us_per_record"])
        ours.append(floor.cpu_seconds(writers) / count * 1e6)
    best = min(o / t for o, t in zip(ours, theirs, strict=True))
    figure(f"our floor {min(ours):.0f} µs, theirs {min(theirs):.0f} µs a record, at best {best:.2f} times theirs")
    assert min(ours) > 0
    if long:
        assert best <= 1.15


def test_a_node_at_rest_is_small_and_soon_ready(tmp_path: Path, long: bool, figure: Callable[..., None]) -> None:
    folder = tmp_path / "node"
    Node.init(folder, name="Pont", country="MA", lang="fr", hub="http://127.0.0.1:9", allow_private=True).close()
    ready = []
    for _ in range(3):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        began = time.monotonic()
        command = [sys.executable, "-c", "from jisr_node.cli import main; main()"]
        node = subprocess.Popen(
            [*command, "serve", "--dir", str(folder), "--port", str(port)], stderr=subprocess.DEVNULL
        )
        try:
            while not listens(port):
                assert node.poll() is None, "the node ended"
                assert time.monotonic() - began < 60, "the node does not answer"
                time.sleep(0.01)
            ready.append(time.monotonic() - began)
            time.sleep(1.0)
            status = Path(f"/proc/{node.pid}/status").read_text()
        finally:
            node.terminate()
            node.wait(20)
    megabytes = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    figure(f"a node at rest holds {megabytes:.0f} MiB and was ready in {min(ready):.2f} s at best of three")
    assert megabytes < 80
    if long:
        assert min(ready) < 1.0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
