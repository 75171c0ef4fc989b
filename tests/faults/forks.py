"""Lives in forks of this process: everything is imported once, so a life begins within milliseconds.

    violations = in_fork(lambda: judge(folder))        the value, or ForkFailed with the traceback of the fork

A process that forks must have one thread only, so what forks is always a program of its own, started by a test.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")
FORK_SECONDS = 120


class ForkFailed(Exception):
    """The fork raised, hung, or died; the text is its traceback or its end."""


def settle() -> None:
    """Call once before forking: what is there now is shared by all forks, and no collection touches it."""
    gc.collect()
    gc.freeze()


def in_fork(work: Callable[[], T], seconds: int = FORK_SECONDS) -> T:
    """Do the work in a fork and return its value, which pickles."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _work_in_fork(work, writing, seconds)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        came = pipe.read()
    _, status = os.waitpid(pid, 0)
    if not came:
        raise ForkFailed(f"the fork ended without a word, status {status}")
    good, value = pickle.loads(came)
    if not good:
        raise ForkFailed(value)
    return value  # the fork ran `work`, so it is a T


def _work_in_fork(work: Callable[[], Any], writing: int, seconds: int) -> NoReturn:
    signal.alarm(seconds)
    try:
        answer = (True, work())
    # told to the process that waits, whatever it is
    except BaseException:
        answer = (False, traceback.format_exc())
    with contextlib.suppress(OSError), os.fdopen(writing, "wb") as pipe:
        pipe.write(pickle.dumps(answer))
    os._exit(0)


def live(work: Callable[[], Any], *, log: int | None = None) -> int:
    """Start a life that nobody waits for; return its process id. What it prints goes to `log`, if given."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, signal.SIG_DFL)
        if log is not None:
            os.dup2(log, 1)
            os.dup2(log, 2)
        work()
        status = 0
    # nothing may climb into the copy of the test runner that this fork is
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def kill(pid: int) -> int:
    """Kill a life as a power cut would, leaving it no chance; its wait status: 9 unless it had ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return 0  # waited for already
