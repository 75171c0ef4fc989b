"""Killed in the middle, with little memory, on a bad line: nothing is lost and nothing is fetched twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jisr_protocol import paths
from jisr_protocol.session import Outcome
from tests.reader.conftest import Reader
from tests.reader.publisher import NOW, FeedFolder
from tests.reader.server import FeedServer

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from datetime import datetime
from pathlib import Path
from jisr_protocol.reader.follow import follow_once
now = datetime.fromisoformat(sys.argv[3])
result = follow_once(sys.argv[1], Path(sys.argv[2]), now=lambda: now, allow_private=True)
print(int(result.outcome), result.applied, result.requests, result.from_spool)
"""


def program(source: str, file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, source, str(file), NOW.isoformat()]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def spooled(reader: Reader) -> int:
    folder = reader.file.with_name(reader.file.name + ".spool")
    return sum(1 for path in folder.glob("*") if path.suffix != ".part") if folder.is_dir() else 0


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.01)


def killed_follow(server: FeedServer, reader: Reader, *, pages: int) -> None:
    """Start a follow in a process of its own and kill it when this many pages are spooled."""
    with program(server.address, reader.file) as process:
        wait_for(lambda: spooled(reader) >= pages or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a word of POSIX")
def test_a_first_follow_killed_in_the_middle_goes_on_where_it_was(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(256 * 10)
    feed.publish(inventory=False)
    with FeedServer(feed.folder) as server:
        server.pause = 0.1
        killed_follow(server, reader, pages=4)
        kept = spooled(reader)
        assert 4 <= kept < 10
        server.pause = 0.0
        server.forget()
        result = reader.verified(server.address, allow_private=True)
        assert result.from_spool == kept
        assert sum(path.startswith("log/") for path in server.asked) == 10 - kept
    assert spooled(reader) == 0
    assert result.live == feed.size - 1
    assert set(reader.statuses().values()) == {"verified"}


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a word of POSIX")
def test_a_later_follow_killed_at_any_moment_leaves_the_copy_as_it_was(
    feed: FeedFolder, reader: Reader, long: bool
) -> None:
    feed.fill(300)
    feed.publish(inventory=False)
    reader.verified(now=lambda: NOW)
    before = reader.dump()
    feed.now = NOW
    feed.fill(256 * 12)
    feed.publish(inventory=False)
    feed.now = NOW
    after_kills = set()
    with FeedServer(feed.folder) as server:
        server.pause = 0.05
        for pages in range(1, 11) if long else (1, 5, 9):
            killed_follow(server, reader, pages=pages)
            after_kills.add(reader.dump() == before)
        assert after_kills == {True}
        reader.verified(server.address, allow_private=True)
    late = Reader(feed, reader.file.with_name("late.jisr"))
    late.verified()
    assert late.dump() == reader.dump()


def test_a_damaged_spool_is_passed_by(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(700)
    feed.publish()
    last = paths.page(feed.epoch, 2, 700 - 512)
    with FeedServer(feed.folder) as server:
        server.answers[last] = 503
        assert reader.follow(server.address, allow_private=True).outcome is Outcome.TEMPORARY
        assert spooled(reader) == 2
        for path in reader.file.with_name(reader.file.name + ".spool").iterdir():
            path.write_bytes(path.read_bytes().replace("خدمة".encode(), "خدعة".encode()))
        server.answers.clear()
        reader.verified(server.address, allow_private=True)
    assert set(reader.statuses().values()) == {"verified"}
    assert spooled(reader) == 0


def test_what_is_proven_wrong_is_not_spooled(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(700)
    feed.publish()
    feed.bend.flip(page=1, at=1000)
    with FeedServer(feed.folder) as server:
        assert reader.follow(server.address, allow_private=True).outcome is Outcome.BROKEN
    assert spooled(reader) == 0


MEASURE = """
import sys, time
from datetime import datetime
from pathlib import Path
from jisr_protocol.reader.follow import follow_once

def peak_kib():
    # not ru_maxrss: that begins with what the parent process took
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1])

before, now = peak_kib(), datetime.fromisoformat(sys.argv[3])
started = time.process_time()
result = follow_once(Path(sys.argv[1]), Path(sys.argv[2]), now=lambda: now)
assert result.outcome == 0, result.sentence
seconds = time.process_time() - started
kib = peak_kib()

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
public, secret = crypto_sign_seed_keypair(bytes(32))
signed = crypto_sign(bytes(1000), secret)
started = time.process_time()
for _ in range(2000):
    crypto_sign_open(signed, public)
print(kib - before, kib, seconds, (time.process_time() - started) / 2000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in KiB on Linux only")
def test_memory_does_not_grow_with_the_feed(
    feed: FeedFolder, reader: Reader, figure: Callable[..., None], long: bool
) -> None:
    """20,000 records of 1 KB follow within 64 MiB above what the program takes by itself, and the CPU they cost is of
    the order of their signatures: measured 2.4 times, of which the one is unavoidable."""
    records = 20_000 if long else 8_000
    for number in range(records):
        feed.put(note=f"{number} " + "a sentence in it. " * 35)
    feed.publish(inventory=False)
    command = [sys.executable, "-c", MEASURE, str(feed.folder), str(reader.file), NOW.isoformat()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    grown_kib, whole_kib, cpu_seconds, check_seconds = done.stdout.split()
    record_seconds = float(cpu_seconds) / records
    figure("grown by", int(grown_kib) // 1024, "MiB to", int(whole_kib) // 1024, "MiB following", records, "records")
    figure(
        "CPU per record", round(record_seconds * 1e6), "µs; a bare signature", round(float(check_seconds) * 1e6), "µs"
    )
    assert int(grown_kib) < 64 * 1024
    assert record_seconds < 5 * float(check_seconds)
