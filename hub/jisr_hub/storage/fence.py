"""The fence in a file beside the database, or on another disk: one line of JSON, changed by compare-and-swap."""

from __future__ import annotations

from pathlib import Path

import msgspec
import orjson
from msgspec.structs import asdict

from ..ports import Mark
from .folder import FolderPages
from .lock import locked

LOCK_SECONDS = 10.0


class FileFence:
    """The Fence port on a file. Several processes may hold one; the change itself is made under a lock file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> Mark | None:
        """The mark, None where no fence stands yet. Raises OSError (also without its folder), ValueError."""
        try:
            raw = self.file.read_bytes()
        except FileNotFoundError:
            if not self.file.parent.is_dir():  # a disk that is not there is no fence that was never written
                raise
            return None
        try:
            return msgspec.json.decode(raw, type=Mark)
        except msgspec.DecodeError as error:
            raise ValueError(f"{self.file} is not what this hub wrote ({error})") from error

    def swap(self, before: Mark | None, after: Mark) -> bool:
        """Put `after` in the place of `before`: written beside, made durable, renamed."""
        with locked(self.file.with_name(self.file.name + ".lock"), seconds=LOCK_SECONDS):
            if self.read() != before:
                return False
            folder = FolderPages(self.file.parent)
            folder.write(self.file.name, orjson.dumps(asdict(after), option=orjson.OPT_SORT_KEYS) + b"\n")
            folder.flush()
        return True


class MemoryFence:
    """The Fence port in memory."""

    def __init__(self) -> None:
        self.mark: Mark | None = None

    def read(self) -> Mark | None:
        return self.mark

    def swap(self, before: Mark | None, after: Mark) -> bool:
        if self.mark != before:
            return False
        self.mark = after
        return True
