"""What was erased, line by line in a file of its own: an older database that is put back does not take it along."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from .folder import flush_folder


class ErasureFile:
    """The Outside port of erasure.py on a file. Several processes may append to it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[bytes]:
        """The whole lines; what a crash cut off was not acknowledged."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        return content.split(b"\n")[:-1]

    def append(self, lines: Sequence[bytes]) -> None:
        """Durable when it returns. A line that was cut off before is ended first, and is none."""
        if not lines:
            return
        new = not self.path.exists()
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._cut(handle)
            body = b"".join(line + b"\n" for line in lines)
            while body:
                body = body[os.write(handle, body) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        if new:
            flush_folder(self.path.parent)

    def _cut(self, handle: int) -> None:
        size = os.fstat(handle).st_size
        whole = sum(len(line) + 1 for line in self.read())
        if whole < size:
            os.ftruncate(handle, whole)
