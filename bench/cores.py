"""Where what is measured runs: one core for the hub and for its floor, another for whoever makes the load.

Where the system cannot pin (or has one core) everything runs where it likes, and figures are looser.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator

from jisr_hub.app.serving import collect_rarely


def _all() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


ALL = _all()
MEASURED = set(ALL[-1:])
"""The core of a hub that has one, and of every floor."""
LOAD = set(ALL[:1])
"""The core of the generator."""


def pin(cores: set[int]) -> None:
    """Keep this process (its first thread, and those begun from now on) on these cores; none for wherever it likes."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


@contextlib.contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Pin, and give back what was before."""
    before = set(_all())
    pin(cores)
    try:
        yield
    finally:
        pin(before)


@contextlib.contextmanager
def as_a_hub_runs() -> Iterator[None]:
    """Measure on the hub's core, with Python's garbage collector as a hub sets it."""
    before = gc.get_threshold()
    with pinned(MEASURED):
        collect_rarely()
        try:
            yield
        finally:
            gc.unfreeze()
            gc.set_threshold(*before)
