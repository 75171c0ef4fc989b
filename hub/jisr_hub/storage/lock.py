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
    try:
        guard = _hold(folder / "serving.lock", 0)
    except sqlite3.OperationalError as error:
        raise AlreadyRunning(f"another process already serves the hub in {folder}; nothing was changed") from error
    with contextlib.closing(guard):
        yield


@contextlib.contextmanager
def locked(file: Path, *, seconds: float) -> Iterator[None]:
    """Hold a lock file, waiting so long for whoever has it. Raises OSError."""
    try:
        guard = _hold(file, seconds)
    except sqlite3.OperationalError as error:
        raise OSError(f"{file} cannot be locked: {error}") from error
    with contextlib.closing(guard):
        yield


def _hold(file: Path, seconds: float) -> sqlite3.Connection:
    guard = sqlite3.connect(file, isolation_level=None, timeout=seconds)
    try:
        guard.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        guard.close()
        raise
    return guard
