"""The fence, and the mark of the audit log, in files beside the database or on another disk: each one line of JSON,
changed by compare-and-swap."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec
import orjson
from msgspec.structs import asdict

from ..desk.marking import ActMark
from ..ports import Mark
from .folder import FolderPages
from .lock import locked

LOCK_SECONDS = 10.0
_Kept = TypeVar("_Kept", Mark, ActMark)


class FileFence:
    """The Fence port on a file. Several processes may hold one; the change itself is made under a lock file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> Mark | None:
        """The mark, None where no fence stands yet. Raises OSError (also without its folder), ValueError."""
        return _read(self.file, Mark)

    def swap(self, before: Mark | None, after: Mark) -> bool:
        """Put `after` in the place of `before`: written beside, made durable, renamed."""
        return _swap(self.file, before, after)


class FileActMark:
    """The mark of the audit log in a file, kept like the fence and beside it: desk.marking.MarkFile."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> ActMark | None:
        """The mark, None where none stands yet. Raises OSError (also without its folder), ValueError."""
        return _read(self.file, ActMark)

    def swap(self, before: ActMark | None, after: ActMark) -> bool:
        """Put `after` in the place of `before`: written beside, made durable, renamed."""
        return _swap(self.file, before, after)


def _read(file: Path, kind: type[_Kept]) -> _Kept | None:
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        if not file.parent.is_dir():  # a disk that is not there is no mark that was never written
            raise
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(f"{file} is not what this hub wrote ({error})") from error


def _swap(file: Path, before: _Kept | None, after: _Kept) -> bool:
    with locked(file.with_name(file.name + ".lock"), seconds=LOCK_SECONDS):
        if _read(file, type(after)) != before:
            return False
        folder = FolderPages(file.parent)
        folder.write(file.name, orjson.dumps(asdict(after), option=orjson.OPT_SORT_KEYS) + b"\n")
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
