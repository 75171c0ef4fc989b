"""A real reader in a process of its own, which follows once and says what it took:

    python -m bench.reader_process FEED FILE [bulk]

Programs are imported before the clock runs, as in a portal that follows from time to time.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import cores
from bench.hub_process import highest_bytes
from jisr_protocol.reader import http  # noqa: F401 - a follow imports it when it meets an address
from jisr_protocol.reader.follow import follow_once


@dataclass(frozen=True)
class Read:
    """What one follow took: seconds, the most memory, and how many entries it applied."""

    cpu_seconds: float
    wall_seconds: float
    idle_bytes: int
    peak_bytes: int
    applied: int


async def read(feed: str, copy: Path, *, bulk: bool = False) -> Read:
    """Follow in another process, on the measured core. Raises RuntimeError unless every entry was in order."""
    command = [sys.executable, "-m", "bench.reader_process", feed, str(copy), *(["bulk"] if bulk else [])]
    with cores.pinned(cores.MEASURED):
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the reader ended with {process.returncode}")
    return Read(**json.loads(said))


def main() -> None:
    """Follow once."""
    feed, copy, bulk = sys.argv[1], Path(sys.argv[2]), "bulk" in sys.argv[3:]
    idle, cpu, wall = highest_bytes("self"), time.process_time(), time.monotonic()
    result = follow_once(feed, copy, allow_private=True, bulk=bulk)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    if result.outcome != 0 or result.refused:
        raise SystemExit(f"it is not in order: {result.sentence} {result.refused[:3]}")
    print(json.dumps(asdict(Read(cpu, wall, idle, highest_bytes("self"), result.applied))))


if __name__ == "__main__":
    main()
