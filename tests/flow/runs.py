"""Many worlds under hypothesis: as many seeds as wanted, on two processes, and the shortest story when one fails.

A run is a string of bytes: three for the shape of the world, three for each step, and a step of zeros is one in which
nothing happens. So a failing run shrinks to the few steps that matter, with nothing between them. One string, and not a
list of numbers: of 300 lists hypothesis makes most by changing others, with the same shape; strings are all different.
"""

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from .world import World

PROCESSES = 2
PART = 150
"""Worlds that one process runs before another takes its place, so that what gathers in memory goes."""
WIDTH = 3
"""Bytes of one number."""


@dataclass
class Tally:
    """What a number of worlds came to. `seconds` are of one process's own work."""

    worlds: int = 0
    steps: int = 0
    seconds: float = 0.0
    seen: Counter[str] = field(default_factory=Counter)
    failure: Exception | None = None
    failed_at: int = 0
    """The world, counted from 1, that failed first."""
    choices: int = 0
    """How many things had to happen in the run that is reported."""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.worlds + other.worlds,
            self.steps + other.steps,
            self.seconds + other.seconds,
            self.seen + other.seen,
            self.failure or other.failure,
        )

    @property
    def ms_per_step(self) -> float:
        return self.seconds / self.steps * 1000


def numbers(story: bytes) -> list[int]:
    """The shape of the world and its steps."""
    return [int.from_bytes(story[at : at + WIDTH], "little") for at in range(0, len(story), WIDTH)]


def explore(worlds: int, steps: int, part: int, *, shrink: bool = True) -> Tally:
    """Run that many worlds of that many steps; the same `part` is the same worlds. Stops at the first that fails."""
    tally, began = Tally(), time.process_time()
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)

    @seed(part)
    @settings(
        max_examples=worlds,
        derandomize=False,
        database=None,
        deadline=None,
        phases=phases,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.binary(min_size=(steps + 1) * WIDTH, max_size=(steps + 1) * WIDTH))
    def run(story: bytes) -> None:
        shape, *choices = numbers(story)
        tally.worlds += tally.failed_at == 0
        with World(shape) as world:
            try:
                for choice in choices:
                    world.step(choice)
                world.heal()
            # whatever it is goes on with the story told beside it
            except Exception as error:
                tally.failed_at = tally.failed_at or tally.worlds
                tally.choices = sum(choice > 0 for choice in choices)
                error.add_note("what happened before, by step:\n" + "\n".join(world.told))
                raise
            finally:
                tally.steps += world.steps
                tally.seen.update(world.seen)

    try:
        run()
    # whatever failed is handed to whoever asked for the worlds, over the process's border
    except Exception as failure:
        tally.failure = failure
    tally.seconds = time.process_time() - began
    return tally


def explore_on_all(worlds: int, steps: int) -> Tally:
    """The same on every process, each part with worlds of its own. Raises what failed, with its story."""
    parts = -(-worlds // PART)
    share = [min(PART, worlds - part * PART) for part in range(parts)]
    ways = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, ways, max_tasks_per_child=1) as pool:
        tallies: Iterable[Tally] = pool.map(explore, share, [steps] * parts, range(parts))
        whole = sum(tallies, Tally())
    if whole.failure is not None:
        raise whole.failure
    return whole
