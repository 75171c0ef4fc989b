"""Kill -9 of hub, nodes, readers and publisher at random moments: what was acknowledged stays, whatever dies when.

See kills.py for who lives and what is looked at after each death. More kills are lines of tests/acceptance.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 1500
WORLD = {"hub": "network", "node": "network", "reader": "network", "publisher": "publisher"}


def endure(folder: Path, quota: dict[str, int], seed: int, database: str = "") -> tuple[Counter[str], str]:
    """Kill each kind at least so often; nothing may be lost. Returns how often each was killed, and the figure."""
    running = []
    for world in sorted({WORLD[kind] for kind in quota}):
        counts = [word for kind, count in quota.items() if WORLD[kind] == world for word in (f"--{kind}", str(count))]
        command = [sys.executable, "-m", "tests.faults.kills", str(folder / world), "--world", world]
        command += ["--database", database] if database else []
        running.append(
            subprocess.Popen(
                [*command, "--seed", str(seed), *counts],
                cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
    reports = [report(process) for process in running]
    killed: Counter[str] = sum((Counter(each["killed"]) for each in reports), Counter())
    totals = {name: sum(each[name] for each in reports) for name in ("receipts", "followed", "heads", "entries")}
    deaths = ", ".join(f"{kind} {count}" for kind, count in killed.items())
    return killed, (
        f"killed {deaths}: {totals['receipts']} receipts, {totals['heads']} heads shown, {totals['followed']} times "
        f"followed further, {totals['entries']} entries; 0 lost, 0 twice, every copy verifies"
    )


def report(process: subprocess.Popen[str]) -> dict[str, Any]:
    said, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors[-4000:]
    return dict(json.loads(said.splitlines()[-1]))


def test_a_few_kills_lose_nothing_that_was_acknowledged(tmp_path: Path, figure: Callable[..., None]) -> None:
    killed, said = endure(tmp_path, {"publisher": 4}, seed=1)
    figure(said)
    assert killed["publisher"] >= 4
