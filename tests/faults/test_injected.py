"""A disk that fails or dies at any write of hub, node and reader: nothing promised is lost, and the failure is told.

The whole is a line of tests/acceptance; here a few points of each path. See injection.py for what is struck and judged.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.tracing import can_trace

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 900


def program(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """One injection program at work in a folder of its own."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.faults.injection", str(folder), *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report(process: subprocess.Popen[str]) -> dict[str, Any]:
    said, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors[-3000:]
    return dict(json.loads(said.splitlines()[-1]))


@dataclass
class Struck:
    """What striking a path came to, over all processes."""

    points: int
    distinct: dict[str, int]
    violations: list[str]
    told: int
    mended: int
    silent: Counter[str]


def strike(folder: Path, path: str, forms: dict[str, int], processes: int = 1) -> Struck:
    """Strike so many points of a path (0: all) in each of these forms."""
    chosen = [word for form, count in forms.items() for word in ("--form", f"{form}={count}")]
    running = [
        program(folder / f"{path}-{n}", "--path", path, "--share", f"{n}/{processes}", *chosen)
        for n in range(processes)
    ]
    reports = [report(process) for process in running]
    distinct = {form: {tuple(point) for each in reports for point in each["struck"].get(form, ())} for form in forms}
    return Struck(
        max(each["points"] for each in reports),
        {form: len(points) for form, points in distinct.items()},
        [sentence for each in reports for sentence in each["violations"]],
        sum(each["told"] for each in reports),
        sum(each["mended"] for each in reports),
        sum((Counter(each["silent"]) for each in reports), Counter()),
    )


def find_the_plants(folder: Path) -> dict[str, str]:
    """Each planted wrong order and the violation that shows it; all of them must be found."""
    planted: dict[str, str | None] = report(program(folder / "plants", "--plants"))["planted"]
    missed = [name for name, violation in planted.items() if violation is None]
    assert not missed, f"planted and not found: {missed}"
    return {name: str(violation) for name, violation in planted.items()}


@pytest.fixture(autouse=True)
def a_machine_that_traces() -> None:
    if reason := can_trace():
        pytest.skip(reason)


@pytest.mark.parametrize("path", ["node", "reader"])
def test_a_few_faults_violate_nothing(path: str, tmp_path: Path, figure: Callable[..., None]) -> None:
    struck = strike(tmp_path, path, {"fail": 5, "pretend": 5, "kill": 5})
    figure(f"{path}: {struck.distinct} of {struck.points} points, {struck.told} told, {struck.mended} mended at once")
    assert struck.violations == []
    assert min(struck.distinct.values()) >= 4
