"""Where workloads meet: the folder of a run, the loads that were signed for it, the hubs that were filled."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import load
from bench.filling import Taken, take
from bench.hub_process import HubProcess
from bench.load import Load


def to_stderr(sentence: str) -> None:
    """Say how far it is."""
    print(sentence, file=sys.stderr, flush=True)


@dataclass
class Place:
    """A run of the benchmark: `runs` of everything that is measured more than once. Loads are signed once a size."""

    folder: Path
    runs: int = 3
    seconds: int = 3
    """How long a rate of reads is taken."""
    say: Callable[[str], None] = to_stderr
    changed: Callable[[int], int] = lambda records: records // 100
    """How many of so many records are changed later."""
    _loads: dict[str, Load] = field(default_factory=dict)
    _filled: dict[int, HubProcess] = field(default_factory=dict)
    _larger: dict[int, HubProcess] = field(default_factory=dict)

    def load(self, records: int) -> Load:
        """The load of this size."""
        return self.signed(f"load-{records}", lambda folder: load.make(folder, records, changed=self.changed(records)))

    def signed(self, name: str, make: Callable[[Path], Load]) -> Load:
        """A load by its name, made once."""
        if name not in self._loads:
            self.say(f"signing {name} …")
            self._loads[name] = make(self.folder / name)
        return self._loads[name]

    def new_hub(self, name: str) -> HubProcess:
        """A hub that is not there yet, in a folder of its own; an earlier one of that name goes."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return HubProcess(self.folder / name)

    def fill(self, records: int) -> Taken:
        """Make a hub that takes and publishes all of the load; it is kept for other workloads to read from."""
        load = self.load(records)
        hub = self.new_hub(f"hub-{records}").init(load)
        taken = take(hub, load)
        self._larger.pop(records, None)
        self._filled[records] = hub
        return taken

    def filled(self, records: int) -> HubProcess:
        """A hub that has taken and published all of the load, but no changes. It does not run."""
        if records not in self._filled:
            self.fill(records)
        return self._filled[records]

    def copy(self, records: int) -> Path:
        """Where a reader of the filled hub keeps its copy."""
        return self.folder / f"copy-{records}.jisr"

    def has_more(self, records: int) -> None:
        """The filled hub has taken more than the load: who needs just that gets another."""
        self._larger[records] = self._filled.pop(records)
        self.copy(records).unlink(missing_ok=True)

    def larger(self, records: int) -> HubProcess:
        """A hub that has taken all of the load, and perhaps more since."""
        if records not in self._larger:
            self.filled(records)
            self.has_more(records)
        return self._larger[records]
