"""Pages in a folder: whole files by rename, durable when `flush` returns."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from jisr_protocol import paths

DRAFT = ".draft"
"""How the name of a file ends while it is being written."""


class FolderPages:
    """The Pages port on a folder of the file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._touched: set[Path] = set()
        self._draft = f".{secrets.token_hex(4)}{DRAFT}"
        """The end of this process's names: two that write one file at once must not write into each other's."""

    def write(self, path: str, content: bytes) -> None:
        """Write to a name of its own, flush, rename: a reader sees the old file or the whole new one."""
        target = self.folder / path
        self._make(target.parent)
        draft = target.with_name(target.name + self._draft)
        try:
            with open(draft, "wb") as file:  # buffered: a disk that fills up takes a part, and only that one goes on
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, target)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink()  # a disk that is full needs its room
            raise

    def _make(self, folder: Path) -> None:
        """Make it if it is not there. A new folder is an entry of the one above, which must be flushed too."""
        if folder in self._touched:
            return
        new = folder
        while new != self.folder and not new.is_dir():
            new = new.parent
            self._touched.add(new)
        folder.mkdir(parents=True, exist_ok=True)
        self._touched.add(folder)

    def flush(self) -> None:
        """Make the renames durable too: one flush a folder, however many files it took."""
        for folder in list(self._touched):  # a thread may write meanwhile
            flush_folder(folder)
            self._touched.discard(folder)

    def read(self, path: str) -> bytes | None:
        try:
            return (self.folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def stands(self, path: str) -> bool:
        return (self.folder / path).is_file()

    def place(self, path: str) -> Path | None:
        return self.folder / path

    def remove(self, path: str, *, alone: bool = False) -> None:
        # its forms last: whoever makes one just now sees that the file is gone, and takes it away again (packing.py)
        for form in (path, *(() if alone else paths.compressed(path))):
            target = self.folder / form
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                target.unlink()
                self._touched.add(target.parent)

    def list(self, prefix: str) -> Iterator[str]:
        top = (self.folder / prefix).parent if not prefix.endswith("/") else self.folder / prefix
        for folder, _, names in os.walk(top):
            for name in names:
                path = (Path(folder) / name).relative_to(self.folder).as_posix()
                if path.startswith(prefix):
                    yield path


def flush_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened (not on Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
