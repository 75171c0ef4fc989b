"""The documentation is true: every command of README.md runs, every relative link leads somewhere.

The commands run in the order they stand, in a folder that looks like the checkout (its entries are linked), so
that what they write stays out of it. Four kinds need more than running:

* `python3 run.py demo` runs until Ctrl-C; here it runs `--once --json`, and its last line must be the summary.
* `python3 run.py test` is what runs this file, so here it only shows pytest's version, through run.py; that
  the tests then pass is what you see at the end of this very run.
* `... serve` runs until Ctrl-C as well: it stays up for the commands after it, and must end when asked to.
* `. .venv/bin/activate` changes the shell it is typed in; here the folder of programs is first on the path.
"""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jisr_protocol import canonical, identifiers
from tests import postgres

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE_DATABASE = "postgresql://jisr:word@db.example.org/jisr"
INSTEAD = {
    "python3 run.py demo": "python3 run.py demo --once --json",
    "python3 run.py test": "python3 run.py test --version",
    ". .venv/bin/activate": "true",
}


def commands(text: str) -> list[str]:
    """The commands in the fenced `sh` blocks, continued lines joined, comments left out."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if shlex.split(line, comments=True)]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with links to everything in the checkout."""
    for entry in ROOT.iterdir():
        if entry.name != ".git":
            (tmp_path / entry.name).symlink_to(entry)
    return tmp_path


class Serving:
    """A command that runs until it is told to stop."""

    def __init__(self, command: str, cwd: Path, environment: dict[str, str]) -> None:
        self.command = command
        self.said = cwd / f"said-{abs(hash(command))}.txt"
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(
                ["sh", "-c", f"exec {command}"], cwd=cwd, env=environment, stdout=out, stderr=subprocess.STDOUT
            )

    def wait_until_up(self, seconds: int = 30) -> None:
        until = time.monotonic() + seconds
        while "http://" not in self.said.read_text(errors="replace"):
            assert self.process.poll() is None, f"{self.command} ended: {self.said.read_text()}"
            assert time.monotonic() < until, f"{self.command} names no address: {self.said.read_text()}"
            time.sleep(0.1)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return -9


@pytest.fixture
def serving() -> Iterator[list[Serving]]:
    started: list[Serving] = []
    yield started
    for one in started:
        if one.process.poll() is None:
            one.stop()


def test_every_command_of_the_readme_runs(checkout: Path, serving: list[Serving], figure) -> None:
    programs = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONUTF8": "1"}
    asked = commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert set(INSTEAD) <= set(asked), "README.md lacks one of the commands that stand for something here"
    for command in asked:
        if " serve" in command:
            serving.append(Serving(command, checkout, environment))
            serving[-1].wait_until_up()
            continue
        done = subprocess.run(
            ["sh", "-c", INSTEAD.get(command, command)],
            cwd=checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        if command == "python3 run.py demo":
            summary = json.loads(done.stdout.splitlines()[-1])
            assert len({hub["state_root"] for hub in summary["hubs"]} | {summary["reader"]["state_root"]}) == 1
    for one in serving:
        assert one.stop() in (0, 130, -signal.SIGINT), f"{one.command} did not end well: {one.said.read_text()}"
    figure(f"{len(asked)} commands of README.md ran")


PARTNER = """\
jisr-node init partner --name "Tarik Jeunesse" --country MA --lang fr --hub http://127.0.0.1:8470 --allow-private
jisr-node import examples/tangier/drafts.jsonl --node tarik-jeunesse --dir partner
jisr-node publish --dir partner
jisr-node export my-feed --dir partner
jisr-node list --dir partner --json > listed.json
"""
"""What the operator's partner did before the operator began; when the hub serves it delivers."""


def sections(text: str) -> list[tuple[str, str]]:
    """(heading, text) of each part of a page."""
    parts = re.split(r"^## +(.*)$", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture
def postgres_address(postgres_server: str) -> Iterator[str]:
    """Of an empty database, as the page asks for."""
    with postgres.database(postgres_server, empty=True) as address:
        yield address


def test_every_command_of_the_operators_page_runs(
    checkout: Path, serving: list[Serving], postgres_address: str, tool: Callable[[str], str], figure
) -> None:
    """In order; what serves is stopped where its section ends. Only address, port and database are others."""
    tool("curl")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    programs = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONUTF8": "1"}

    def run(command: str, ends: tuple[int, ...] = (0,)) -> str:
        until = time.monotonic() + 30
        while True:
            done = subprocess.run(
                ["sh", "-c", INSTEAD.get(command, command)], cwd=checkout, env=environment, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=300,
            )  # fmt: skip
            if command.startswith("curl") and done.returncode and time.monotonic() < until:
                time.sleep(0.5)  # the first head is signed a moment after the first connection is taken
                continue
            assert done.returncode in ends, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
            return done.stdout

    for command in PARTNER.splitlines():
        run(command.replace("8470", port))
    listed = json.loads((checkout / "listed.json").read_text(encoding="utf-8"))
    environment["RECORD"] = next(each["id"] for each in listed if each["audience"] == "public")
    environment["NODE"] = json.loads((checkout / "my-feed" / "head.json").read_text(encoding="utf-8"))["head"]["by"]
    count = 0
    for heading, part in sections((ROOT / "docs" / "operations.md").read_text(encoding="utf-8")):
        for command in commands(part):
            here = command.replace("8470", port).replace(EXAMPLE_DATABASE, postgres_address)
            count += 1
            if " serve" in command:
                serving.append(Serving(f"{here} --port {port}", checkout, environment))
                serving[-1].wait_until_up()
            else:
                run(here, ends=(0, 1) if "doctor" in command else (0,))
        if heading == "Make the hub":
            statement = json.loads((checkout / "my-hub" / "keys.json").read_text(encoding="utf-8"))["keys"][0]["key"]
            environment["HUB"] = identifiers.identifier_of(canonical.dumps(statement))
        if heading == "Serve":
            run("jisr-node push --dir partner")
        while serving:
            one = serving.pop()
            assert one.stop() in (0, 130, -signal.SIGINT), f"{one.command} did not end well: {one.said.read_text()}"
    assert count > 20
    figure(f"{count} commands of docs/operations.md ran")


def test_commands_are_found_in_sh_blocks_only() -> None:
    text = "```sh\none --a \\\n  b   # why\n\n# alone\ntwo\n```\n```json\nthree\n```\n```\nfour\n```\n"
    assert [shlex.split(command, True) for command in commands(text)] == [["one", "--a", "b"], ["two"]]


PAGES = sorted(
    path
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "protocol/**/*.md",
        "node/*.md",
        "hub/*.md",
        "examples/**/*.md",
        "bench/*.md",
    )
    for path in ROOT.glob(pattern)
)


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    headings = re.findall(r"^#+ +(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def dead_links(page: Path, text: str) -> list[str]:
    """The relative links of a page that lead to no file, or to no heading of one."""
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
    dead = []
    for link in re.findall(r"\]\(<?([^)>\s]+)>?\)", prose):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert dead_links(page, page.read_text(encoding="utf-8")) == []


def test_a_planted_dead_link_is_found() -> None:
    text = "[a](no-such.md) [b](README.md#no-such-heading) [c](README.md) `[d](in-code.md)` [e](https://example.org)"
    assert dead_links(ROOT / "README.md", text) == ["no-such.md", "README.md#no-such-heading"]
