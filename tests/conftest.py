"""What all tests share: the choice between short and long, figures, and a loud list of what did not run.

* `--long` runs the whole of what the short run samples; a test asks the fixture `long`, or carries the mark.
* `figure("ingest ratio", 0.62)` puts a line under FIGURES at the end, also when the test passes.
* `shared` and `tool("nginx")` give a path, or skip the test. Every skip, whatever its cause, is listed at the
  end under NOT RUN: what did not run proves nothing.
"""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

# Machines that build are slow and busy, so speed is no failure; and the same examples come each time.
settings.register_profile(
    "ci", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "long", max_examples=2000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the whole of what the short run samples")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("long" if config.getoption("--long") else "ci")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # a shell starts background jobs deaf to Ctrl-C, and every program a test starts and stops would be deaf too
        signal.signal(signal.SIGINT, signal.default_int_handler)


DEAREST = ("tests/test_docs.py::test_every_command", "tests/acceptance/")
"""What takes long or waits long: whoever begins with it does not wait for it at the end."""


def spread(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """The tests in an order in which the share of each worker begins with some of the dearest."""
    dear = [item for first in DEAREST for item in items if item.nodeid.startswith(first)]
    rest = [item for item in items if not item.nodeid.startswith(DEAREST)]
    ordered: list[pytest.Item] = []
    for number in range(workers):
        mine = dear[number::workers]
        share = max(
            0, (len(items) - len(ordered)) // (workers - number) - len(mine)
        )  # as xdist's worksteal deals them out
        ordered += mine + rest[:share]
        del rest[:share]
    return ordered


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:] = spread(items, getattr(config, "workerinput", {}).get("workercount", 1))
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="only with --long"))


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the whole was asked for."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of outside material beside the checkout (other people's vectors, schemas, data)."""
    if not SHARED.is_dir():
        pytest.skip("the folder ../shared is missing")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def new_databases() -> None:
    """Thousands of new databases are made in a run: see tests/new_databases.py."""
    from jisr_hub.storage import migrations
    from tests import new_databases

    migrations.upgrade = new_databases.upgrade


@pytest.fixture
def anyio_backend() -> str:
    """The loop that asynchronous tests run on."""
    return "asyncio"


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Give the path of a program of this machine, or skip the test: `tool("nginx")`."""

    def find(name: str) -> str:
        path = shutil.which(name, path=None) or shutil.which(name, path="/usr/sbin:/sbin")
        if path is None:
            pytest.skip(f"the program {name} is missing")
        return path

    return find


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real PostgreSQL, shared by all processes of this run."""
    from tests import postgres

    base = tmp_path_factory.getbasetemp()
    run = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    with postgres.server(postgres.folder_of(run)) as address:
        yield address


@pytest.fixture
def postgres_address(postgres_server: str) -> Iterator[str]:
    """The address of a database of one's own, with the tables of a hub and nothing in them; a module that needs a place
    where nothing stands has a fixture of this name that asks for `empty`."""
    from tests import postgres

    with postgres.database(postgres_server) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a hub's ledger stands: a file, then a database of a server."""
    if request.param == "sqlite":
        return tmp_path / "hub.sqlite"
    return str(request.getfixturevalue("postgres_address"))


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Print a line at the end of the run, also when the test passes: `figure("records", 562)`."""

    def note(*words: object) -> None:
        # user properties travel from xdist's workers to the process that prints
        request.node.user_properties.append(("figure", " ".join(str(word) for word in words)))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    stats = terminalreporter.stats
    figures = [
        (report.nodeid.split("::", 1)[-1], text)
        for kind in ("passed", "failed")
        for report in stats.get(kind, [])
        for name, text in getattr(report, "user_properties", [])
        if name == "figure" and report.when == "call"
    ]
    if figures:
        terminalreporter.section("FIGURES")
        for test, text in figures:
            terminalreporter.write_line(f"{test}: {text}")
    reasons = Counter(
        str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ")
        for report in stats.get("skipped", [])
    )
    if reasons:
        terminalreporter.section("NOT RUN", yellow=True, bold=True)
        for reason, tests in reasons.most_common():
            terminalreporter.write_line(f"NOT RUN: {tests} test(s): {reason}", yellow=True, bold=True)
