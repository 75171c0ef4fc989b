"""The end of a test run says what was measured and what did not run."""

import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from tests import conftest

TESTS = """
import pytest

def test_measures(figure):
    figure("ratio", 0.75)

def test_measures_and_fails(figure):
    figure("too slow by", 3)
    assert False

def test_needs_shared(shared):
    assert shared.is_dir()

def test_needs_a_program(tool):
    assert tool("no-such-program")

@pytest.mark.long
def test_long(long):
    assert long
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with our conftest, without ../shared, and with the tests above."""
    folder = tmp_path / "checkout" / "tests"
    folder.mkdir(parents=True)
    for name in ("conftest.py", "new_databases.py"):
        shutil.copy(Path(__file__).with_name(name), folder)
    (folder / "test_it.py").write_text(TESTS)
    (folder.parent / "pytest.ini").write_text("[pytest]\nmarkers = long\n")
    return folder.parent


def end_of_run(project: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_figures_are_printed_also_when_the_test_passes(project: Path, workers: list[str]) -> None:
    said = end_of_run(project, *workers)
    assert "test_measures: ratio 0.75" in said
    assert "test_measures_and_fails: too slow by 3" in said


def test_what_did_not_run_is_listed_with_its_cause(project: Path) -> None:
    said = end_of_run(project)
    for cause in (
        "the folder ../shared is missing",
        "the program no-such-program is missing",
        "only with --long",
    ):
        assert f"NOT RUN: 1 test(s): {cause}" in said
    assert "1 failed, 1 passed, 3 skipped" in said.splitlines()[-1]


def test_long_runs_the_whole(project: Path) -> None:
    said = end_of_run(project, "--long")
    assert "only with --long" not in said
    assert "1 failed, 2 passed, 2 skipped" in said.splitlines()[-1]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_each_worker_begins_with_some_of_the_dearest(workers: int) -> None:
    named = [
        *(f"tests/acceptance/test_a.py::test_{n}" for n in range(6)),
        *(f"tests/b.py::test_{n}" for n in range(30)),
    ]
    items = [mock.Mock(nodeid=name) for name in (*named, "tests/test_docs.py::test_every_command_of_a_page")]
    order = [item.nodeid for item in conftest.spread(items, workers)]
    assert sorted(order) == sorted(item.nodeid for item in items)
    begins = [len(items) * number // workers for number in range(workers)]
    assert all(order[at].startswith(conftest.DEAREST) for at in begins)
    assert order[0].startswith("tests/test_docs.py")
