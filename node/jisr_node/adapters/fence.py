"""The fence: what was last signed, kept beside the database, so that an older database put back is noticed."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..errors import Declined
from ..ports import Mark


class FileFence:
    """A ports.Fence in a small file that a person can read, and delete when they know better."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def read(self) -> dict[str, Mark]:
        try:
            marks = json.loads(self._place.read_bytes())
            return {name: Mark(str(m["epoch"]), int(m["size"]), str(m["log_root"])) for name, m in marks.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Declined(
                f"{self._place} cannot be read; it says what was signed last. Nothing was signed now, and no record "
                "is lost. If node.sqlite is surely the newest copy, delete that file and give the command again."
            ) from None

    def write(self, marks: dict[str, Mark]) -> None:
        value = {name: {"epoch": m.epoch, "size": m.size, "log_root": m.log_root} for name, m in marks.items()}
        temporary = self._place.with_name(f"{self._place.name}.{os.getpid()}.tmp")
        with open(temporary, "wb") as file:
            file.write(json.dumps(value, indent=1).encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._place)


class MemoryFence:
    """A ports.Fence for worlds in memory."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}

    def read(self) -> dict[str, Mark]:
        return dict(self._marks)

    def write(self, marks: dict[str, Mark]) -> None:
        self._marks = dict(marks)
