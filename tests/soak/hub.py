"""`jisr-hub serve` as it is, in a process that also writes down once a second how many asyncio tasks it has.

    python -m tests.soak.hub SAMPLES serve --dir FOLDER --port PORT

A thread beside the hub counts them, so the hub needs no door for it. The last line of SAMPLES is the newest count.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from pathlib import Path

from jisr_hub.cli import main


def count(samples: Path) -> None:
    with samples.open("a", buffering=1) as file:
        while True:
            tasks = list(asyncio.tasks._all_tasks)  # every loop's, without asking a loop
            file.write(f"{sum(not task.done() for task in tasks)}\n")
            time.sleep(1.0)


if __name__ == "__main__":
    threading.Thread(target=count, args=(Path(sys.argv.pop(1)),), daemon=True).start()
    main()
