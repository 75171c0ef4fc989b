"""Run work in a child process that can be failed or killed at any durable system call it makes.

    ended = trace(work, root, choose)

`work(say)` runs in a fork of this process. A system call that changes a file or folder below `root` is a *point*;
`choose(point)` says what becomes of it:

    PASS           it is carried out
    fail(EIO)      not carried out, and reported as failed with this error
    pretend(EIO)   carried out, and reported as failed all the same
    SHORT          a write writes half of what it should, and says so: no failure, but what a disk that fills up does
    KILL           the process is killed (-9) before it

strace knows some of these, not the third, so this is a tracer of our own: ptrace by ctypes, for Linux on
x86-64 and aarch64. A seccomp filter lets only the calls of the table below stop, so the rest of the work runs at full
speed; threads are followed. The process that traces must have no other children.

What `say` is given reaches the tracer by a write that it watches: it is told before the next point, whatever dies when.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import platform
import signal
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

Say = Callable[..., None]
WORK_SECONDS = 60
"""After so long the work is taken for hung, and killed by SIGALRM."""
REPORT_FD = 190


class Calls(NamedTuple):
    """The durable calls of one machine by number: how each names its files, and where arguments stand in registers."""

    audit_arch: int
    by_fd: dict[int, str]
    by_path: dict[int, tuple[str, int | None, int]]
    """number: (name, the argument with the folder's descriptor, the argument with the path)"""
    opens: dict[int, tuple[str, int | None, int, int]]
    """number: (name, folder, path, flags)"""
    number: int
    arguments: tuple[int, ...]
    result: int
    words: int


_X86 = Calls(
    0xC000003E,
    {
        1: "write", 18: "pwrite64", 20: "writev", 40: "sendfile", 74: "fsync", 75: "fdatasync", 77: "ftruncate",
        285: "fallocate", 296: "pwritev", 326: "copy_file_range", 328: "pwritev2",
    },
    {
        82: ("rename", None, 1), 83: ("mkdir", None, 0), 84: ("rmdir", None, 0), 86: ("link", None, 1),
        87: ("unlink", None, 0), 258: ("mkdirat", 0, 1), 263: ("unlinkat", 0, 1), 264: ("renameat", 2, 3),
        265: ("linkat", 2, 3), 316: ("renameat2", 2, 3),
    },
    {2: ("open", None, 0, 1), 257: ("openat", 0, 1, 2)},
    15, (14, 13, 12, 7, 9, 8), 10, 27,
)  # fmt: skip
_ARM = Calls(
    0xC00000B7,
    {
        64: "write", 66: "writev", 68: "pwrite64", 70: "pwritev", 71: "sendfile", 46: "ftruncate", 47: "fallocate",
        82: "fsync", 83: "fdatasync", 285: "copy_file_range", 287: "pwritev2",
    },
    {34: ("mkdirat", 0, 1), 35: ("unlinkat", 0, 1), 37: ("linkat", 2, 3), 38: ("renameat", 2, 3),
     276: ("renameat2", 2, 3)},
    {56: ("openat", 0, 1, 2)},
    8, (0, 1, 2, 3, 4, 5), 0, 34,
)  # fmt: skip
_MACHINES = {"x86_64": _X86, "aarch64": _ARM}


def can_trace() -> str:
    """Why nothing can be traced on this machine; "" when it can."""
    if platform.system() != "Linux" or platform.machine() not in _MACHINES:
        return f"the tracer knows Linux on {' and '.join(_MACHINES)}, not {platform.system()} on {platform.machine()}"
    return ""


@dataclass(frozen=True)
class Act:
    """What becomes of a call."""

    name: str
    error: int = 0


PASS = Act("pass")
SHORT = Act("short")
KILL = Act("kill")


def fail(error: int) -> Act:
    """Not carried out, and reported as failed."""
    return Act("fail", error)


def pretend(error: int) -> Act:
    """Carried out, and reported as failed."""
    return Act("pretend", error)


@dataclass(frozen=True)
class Point:
    """A durable call: `number` counts them in a run; (step, call, place, nth) is the same in every run."""

    number: int
    step: str
    call: str
    place: str
    nth: int

    @property
    def identity(self) -> tuple[str, str, str, int]:
        return self.step, self.call, self.place, self.nth


@dataclass
class Ended:
    """How the work ended: the points it came to, what it said, and the signal it died of (0: it ended by itself)."""

    points: list[Point] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    signal: int = 0
    acted: Point | None = None


def trace(
    work: Callable[[Say], None], root: Path, choose: Callable[[Point], Act], *, glance: Callable[[], None] | None = None
) -> Ended:
    """Run the work under the tracer. `glance` is called at every point, with the work standing still."""
    pid = os.fork()
    if pid == 0:
        _be_traced(work)
    return _Tracer(pid, root, choose, glance).run()


# The child

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long
_libc.prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]

_PTRACE_TRACEME, _PTRACE_CONT, _PTRACE_SYSCALL, _PTRACE_SETOPTIONS = 0, 7, 24, 0x4200
_PTRACE_GETREGSET, _PTRACE_SETREGSET, _NT_PRSTATUS, _NT_ARM_SYSTEM_CALL = 0x4204, 0x4205, 1, 0x404
_OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x80 | 0x100000  # SYSGOOD FORK VFORK CLONE SECCOMP EXITKILL
_EVENT_SECCOMP = 7
_WALL = 0x40000000


def _be_traced(work: Callable[[Say], None]) -> None:
    """The life of the child; does not return."""
    status = 1
    try:
        signal.alarm(WORK_SECONDS)
        os.dup2(os.open(os.devnull, os.O_WRONLY), REPORT_FD)
        _libc.ptrace(_PTRACE_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        _filter_calls(_machine())
        work(lambda **told: os.write(REPORT_FD, orjson.dumps(told)))
        status = 0
    finally:
        os._exit(status)


def _machine() -> Calls:
    return _MACHINES[platform.machine()]


def _filter_calls(calls: Calls) -> None:
    """Let the calls of the table stop for the tracer and all others pass, in this thread and those it starts."""
    numbers = [*calls.by_fd, *calls.by_path, *calls.opens]
    load, equal, answer = 0x20, 0x15, 0x06
    allow, stop = 0x7FFF0000, 0x7FF00000
    program = [(load, 0, 0, 4), (equal, 1, 0, calls.audit_arch), (answer, 0, 0, allow), (load, 0, 0, 0)]
    program += [(equal, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]
    program += [(answer, 0, 0, allow), (answer, 0, 0, stop)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code)))
    no_new_privileges, set_seccomp, mode_filter = 38, 22, 2
    if _libc.prctl(no_new_privileges, 1, 0, 0, 0) or _libc.prctl(
        set_seccomp, mode_filter, ctypes.addressof(head), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "no seccomp filter here")


# The tracer


class _Registers:
    """The registers of a thread that stands still."""

    def __init__(self, tid: int, calls: Calls) -> None:
        self._tid, self._calls = tid, calls
        self._words = (ctypes.c_uint64 * calls.words)()
        self._move(_PTRACE_GETREGSET)

    def _move(self, request: int) -> None:
        vector = (ctypes.c_uint64 * 2)(ctypes.addressof(self._words), ctypes.sizeof(self._words))
        if _libc.ptrace(request, self._tid, _NT_PRSTATUS, ctypes.addressof(vector)):
            raise ProcessLookupError(ctypes.get_errno(), "the thread is gone")

    @property
    def number(self) -> int:
        return int(self._words[self._calls.number])

    def argument(self, n: int) -> int:
        return int(self._words[self._calls.arguments[n]])

    def halve(self) -> None:
        """A write of half of its bytes."""
        place = self._calls.arguments[2]
        self._words[place] = max(1, int(self._words[place]) // 2)
        self._move(_PTRACE_SETREGSET)

    def answer(self, error: int) -> None:
        self._words[self._calls.result] = (-error) % 2**64
        self._move(_PTRACE_SETREGSET)

    def skip(self, error: int) -> None:
        """The call is not made; the thread reads the error as its answer."""
        if self._calls is _ARM:
            none = ctypes.c_int(-1)
            vector = (ctypes.c_uint64 * 2)(ctypes.addressof(none), ctypes.sizeof(none))
            _libc.ptrace(_PTRACE_SETREGSET, self._tid, _NT_ARM_SYSTEM_CALL, ctypes.addressof(vector))
        else:
            self._words[self._calls.number] = 2**64 - 1
        self.answer(error)


class _Tracer:
    def __init__(self, pid: int, root: Path, choose: Callable[[Point], Act], glance: Callable[[], None] | None) -> None:
        self._pid, self._root, self._choose, self._glance = pid, f"{root.resolve()}/", choose, glance
        self._calls = _machine()
        self._ended = Ended()
        self._step = ""
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._owed: dict[int, int] = {}
        """Errors to answer with when the call of a thread is done."""

    def run(self) -> Ended:
        os.waitpid(self._pid, 0)
        _libc.ptrace(_PTRACE_SETOPTIONS, self._pid, None, _OPTIONS)
        self._go(self._pid, _PTRACE_CONT)
        while True:
            tid, status = os.waitpid(-1, _WALL)
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                if tid == self._pid:
                    self._ended.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
                    return self._ended
            else:
                self._stopped(tid, status)

    def _go(self, tid: int, request: int, signal_number: int = 0) -> None:
        _libc.ptrace(request, tid, None, signal_number)  # a thread that was killed meanwhile is gone: that is no fault

    def _stopped(self, tid: int, status: int) -> None:
        stop, event = os.WSTOPSIG(status), status >> 16
        if stop == signal.SIGTRAP and event == _EVENT_SECCOMP:
            try:
                self._call(tid)
            except ProcessLookupError:
                self._go(tid, _PTRACE_CONT)
        elif stop == signal.SIGTRAP | 0x80 and tid in self._owed:
            _Registers(tid, self._calls).answer(self._owed.pop(tid))
            self._go(tid, _PTRACE_CONT)
        else:
            told = stop not in (signal.SIGTRAP, signal.SIGSTOP) and stop < 0x80
            self._go(tid, _PTRACE_CONT, stop if told else 0)

    def _call(self, tid: int) -> None:
        registers = _Registers(tid, self._calls)
        named = self._named(tid, registers)
        if named is None:
            self._go(tid, _PTRACE_CONT)
            return
        point = self._point(*named)
        if self._glance:
            self._glance()
        act = self._choose(point)
        if act is PASS:
            self._go(tid, _PTRACE_CONT)
            return
        self._ended.acted = point
        if act is KILL:
            os.kill(self._pid, signal.SIGKILL)
        elif act is SHORT:
            registers.halve()
            self._go(tid, _PTRACE_CONT)
        elif act.name == "fail":
            registers.skip(act.error)
            self._go(tid, _PTRACE_CONT)
        else:
            self._owed[tid] = act.error
            self._go(tid, _PTRACE_SYSCALL)

    def _point(self, call: str, place: str) -> Point:
        key = (self._step, call, place)
        point = Point(len(self._ended.points), *key, self._counts[key])
        self._counts[key] += 1
        self._ended.points.append(point)
        return point

    def _named(self, tid: int, registers: _Registers) -> tuple[str, str] | None:
        """(call, place) when it changes something below the root; what the work says is heard on the way."""
        number = registers.number
        if number in self._calls.by_fd:
            name = self._calls.by_fd[number]
            fd = ctypes.c_int32(registers.argument(0)).value
            if fd == REPORT_FD:
                self._hear(_memory(tid, registers.argument(1), registers.argument(2)))
                return None
            path = _link(f"/proc/{tid}/fd/{fd}")
        elif number in self._calls.opens:
            name, folder, at, flags = self._calls.opens[number]
            if not registers.argument(flags) & os.O_CREAT:
                return None
            path = self._path(tid, registers, folder, at)
        else:
            name, folder, at = self._calls.by_path[number]
            path = self._path(tid, registers, folder, at)
        return (name, path.removeprefix(self._root)) if path.startswith(self._root) else None

    def _path(self, tid: int, registers: _Registers, folder: int | None, at: int) -> str:
        path = _text(tid, registers.argument(at))
        if path.startswith("/"):
            return path
        fd = -100 if folder is None else ctypes.c_int32(registers.argument(folder)).value
        return os.path.join(_link(f"/proc/{tid}/cwd" if fd == -100 else f"/proc/{tid}/fd/{fd}"), path)

    def _hear(self, said: bytes) -> None:
        told = orjson.loads(said)
        self._step = told.get("step", self._step)
        self._ended.said.append(told)


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _memory(tid: int, address: int, size: int) -> bytes:
    with open(f"/proc/{tid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(size)


def _text(tid: int, address: int) -> str:
    """A C string; it may end just before a page that cannot be read."""
    found = b""
    while b"\0" not in found and len(found) < 4096:
        start = address + len(found)
        found += _memory(tid, start, min(256, 4096 - start % 4096))
    return found.partition(b"\0")[0].decode(errors="replace")


@functools.cache
def error_of(call: str) -> int:
    """The error that a disk would report for this call: no room where something grows, else a broken disk."""
    return errno.ENOSPC if call in ("write", "pwrite64", "openat", "mkdir", "ftruncate", "fallocate") else errno.EIO
