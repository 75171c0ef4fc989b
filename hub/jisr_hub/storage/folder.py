"""Pages in a folder: whole files by rename, durable when `flush` returns."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


class FolderPages:
    """The Pages port on a folder of the file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._touched: set[Path] = set()

    def write(self, path: str, content: bytes) -> None:
        """Write to a name of its own, flush, rename: a reader sees the old file or the whole new one."""
        target = self.folder / path
        if target.parent not in self._touched:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._touched.add(target.parent)
        draft = target.with_name(target.name + ".draft")
        with open(draft, "wb", buffering=0) as file:
            file.write(content)
            os.fsync(file.fileno())
        os.replace(draft, target)

    def flush(self) -> None:
        """Make the renames durable too: one flush a folder, however many files it took."""
        for folder in self._touched:
            _flush_folder(folder)
        self._touched.clear()

    def read(self, path: str) -> bytes | None:
        try:
            return (self.folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self.folder / path).unlink()


def _flush_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened (not on Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
