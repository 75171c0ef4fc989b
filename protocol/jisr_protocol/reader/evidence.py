"""Evidence on disk, beside the copy in `FILE.evidence/`: one file a case, for ever (jisr_protocol.evidence).

A file is named by what it is and by the hash of what is in it, so the same case is kept once however often it is met.
It is there before the caller goes on: written aside, synced, renamed.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ..evidence import Evidence, write


def folder_of(copy: Path) -> Path:
    """Where the evidence that belongs to a copy lies."""
    return copy.with_name(copy.name + ".evidence")


def keep(folder: Path, case: Evidence) -> Path:
    """Store one case; return its file. The same case is stored once."""
    return keep_file(folder, case.name, write(case))


def keep_file(folder: Path, name: str, content: bytes) -> Path:
    """Store these bytes under a name that follows from them; return the file. The same file is stored once."""
    file = folder / name
    if file.is_file():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{file.name}"
    with aside.open("wb") as part:
        part.write(content)
        part.flush()
        os.fsync(part.fileno())
    os.replace(aside, file)
    sync_folder(folder)
    return file


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable, where the system lets folders be opened (Windows does not, and needs none)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
