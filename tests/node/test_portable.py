"""A node runs on Windows and macOS too: nothing it imports at any time is of POSIX only."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import jisr_node

ROOT = Path(__file__).resolve().parents[2]
POSIX_ONLY = {
    *("fcntl", "grp", "pwd", "posix", "resource", "termios", "tty", "pty", "syslog", "crypt", "spwd", "readline"),
    *("curses", "uvloop", "pexpect", "gunicorn", "daemon"),
}
POSIX_NAMES = {
    *(
        "os.fork",
        "os.kill",
        "os.getuid",
        "os.geteuid",
        "os.setuid",
        "os.chown",
        "os.mkfifo",
        "os.uname",
        "os.O_DIRECTORY",
    ),
    *("os.sync", "os.O_NOFOLLOW", "os.openpty", "os.killpg", "os.setsid", "os.nice", "os.pread", "os.pwrite"),
    *("signal.SIGKILL", "signal.SIGHUP", "signal.SIGUSR1", "signal.SIGALRM", "signal.alarm", "signal.setitimer"),
}
SOURCES = sorted([*Path(jisr_node.__file__).parent.rglob("*.py"), *(ROOT / "protocol" / "jisr_protocol").rglob("*.py")])


def faults(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute):
            names = [ast.unparse(node)]
        found += [name for name in names if name.partition(".")[0] in POSIX_ONLY or name in POSIX_NAMES]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_uses_nothing_of_posix_only(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


PLANTED = [
    "import fcntl",
    "def f():\n    import pwd",
    "from os import fork",
    "import os\nos.fork()",
    "import signal\nsignal.SIGKILL",
]


@pytest.mark.parametrize("source", PLANTED)
def test_a_planted_fault_is_found(source: str) -> None:
    assert faults(source)


def test_everything_named_posix_only_is_a_real_module_here() -> None:
    """A misspelt name in the list above would prove nothing."""
    assert POSIX_ONLY - set(sys.stdlib_module_names) == {"uvloop", "pexpect", "gunicorn", "daemon"}
