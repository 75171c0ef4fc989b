"""One process a hub's folder."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path


class AlreadyRunning(Exception):
    """Another process serves this hub's folder."""


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder for this process. It is a database lock: it goes with the process, however that dies."""
    guard = sqlite3.connect(folder / "serving.lock", isolation_level=None, timeout=0)
    try:
        guard.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        guard.close()
        raise AlreadyRunning(f"another process already serves the hub in {folder}; nothing was changed") from error
    try:
        yield
    finally:
        guard.close()
