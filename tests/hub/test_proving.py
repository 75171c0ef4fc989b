"""Lines that workers have judged beside the writer come to the same as without workers, and a worker that dies costs
time alone. (ING-6, SIG-5)"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from jisr_hub import proving
from jisr_hub.proving import FEWEST_LINES, Workers
from jisr_protocol.keys import KeyRing
from jisr_protocol.signing import SigningKey
from tests.hub.author import Author
from tests.hub.hub_in_memory import MemoryHub
from tests.reader.publisher import seeded

pytestmark = pytest.mark.anyio
COUNT = 2 * FEWEST_LINES


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers(1)
    yield made
    made.close()


def bent() -> Author:
    """An author with sound records, and of each way to be wrong one."""
    author = Author("dar")
    author.puts(COUNT)
    author.put("odd", status="asleep")
    author.put("later", type="org.jisr.organization/2")
    author.put("strange", crit=["org.example.more"])
    author.put("wrong audience", audience="public", lang=7)
    stranger = SigningKey(seeded("stranger", "key"))
    author.add(author.sign(author.value("stolen"), key=stranger))
    author.delete("r3")
    author.put("r4")
    flipped = author.put("flipped")
    line = author.feed().lines.pop()
    author.line(line.replace(flipped.jws.encode(), flipped.jws.encode()[:-2] + b"AA"))
    return author


async def taken(author: Author, beside: Any) -> tuple[Any, list[bytes]]:
    hub = await MemoryHub("hub").begin()
    await hub.admit(author)
    hub.hub.beside = beside
    answer = await hub.push(author)
    said = [(kept.seq, kept.code, kept.pointer, kept.detail) for kept in answer.quarantined]
    return (answer.next, answer.admitted, said), [entry.raw for entry in await hub.log()]


async def test_a_push_comes_to_the_same_with_workers_and_without(workers: Workers) -> None:
    author, found = bent(), list[Mapping[bytes, str]]()

    async def beside(lines: Sequence[bytes], ring: KeyRing) -> Mapping[bytes, str]:
        found.append(await workers.proven(lines, ring))
        return found[-1]

    assert await taken(author, beside) == await taken(author, None)
    assert len(found[0]) == COUNT + 1  # the sound puts alone, and the newer of r4


async def test_a_revoked_key_is_none_by_which_anything_is_proven(workers: Workers) -> None:
    author = Author("dar")
    author.puts(COUNT)
    lines = author.feed().lines[1:]
    assert len(await workers.proven(lines, author.ring)) == COUNT
    for state in author.ring.keys.values():
        state.key.revoked = True
    assert await workers.proven(lines, author.ring) == {}


async def test_few_lines_go_to_no_worker(workers: Workers) -> None:
    author = Author("dar")
    author.puts(FEWEST_LINES - 1)
    assert await workers.proven(author.feed().lines[1:], author.ring) == {}


async def test_a_worker_that_was_killed_costs_time_alone() -> None:
    author, workers = bent(), Workers(1)
    try:
        await workers.proven(author.feed().lines, author.ring)
        for pid in list(workers._pool._processes):
            os.kill(pid, signal.SIGKILL)
        assert await taken(author, workers.proven) == await taken(author, None)
        assert len(await workers.proven(author.feed().lines, author.ring)) == COUNT + 1  # by a new one
    finally:
        workers.close()


def test_workers_end_with_a_process_that_was_killed() -> None:
    program = (
        "import asyncio; from jisr_hub.proving import Workers, judge\n"
        "if __name__ == '__main__':\n"
        "    w = Workers(1); w._pool.submit(judge, b'', ()).result()\n"
        "    print(*w._pool._processes, flush=True); input()\n"
    )
    held = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert held.stdout is not None and held.stdin is not None
    worker = int(held.stdout.readline())
    held.kill()
    held.wait()
    held.stdin.close()
    held.stdout.close()
    deadline = time.monotonic() + 20
    while alive(worker):
        assert time.monotonic() < deadline, "the worker waits for ever"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_a_worker_says_of_a_line_is_the_place_of_its_key() -> None:
    author, other = Author("dar"), Author("bayt")
    author.puts(2)
    publics = tuple(next(iter(a.ring.verifiers("record").values())).public for a in (other, author))
    assert proving.judge(b"\n".join([*author.feed().lines, b"{}", b""]), publics) == b"\x00\x02\x02\x00\x00"
