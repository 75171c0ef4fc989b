"""Evidence: signed bytes that contradict each other, kept on disk for ever, beside the copy in `FILE.evidence/`.

Every case is a folder named after what it is and the hash of what is in it, so the same case is kept once however
often it is met. It is there before the caller goes on: written aside, synced, renamed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path


def folder_of(copy: Path) -> Path:
    """Where the evidence that belongs to a copy lies."""
    return copy.with_name(copy.name + ".evidence")


def keep(folder: Path, kind: str, parts: Sequence[tuple[str, bytes]], why: str) -> Path:
    """Store the named parts and the reason as one case; return its folder. The same parts are stored once."""
    parts = sorted(parts)
    name = hashlib.sha256(b"\x00".join(content for _, content in parts)).hexdigest()[:16]
    case = folder / f"{kind}-{name}"
    if case.is_dir():
        return case
    aside = folder / f".{case.name}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for file_name, content in (*parts, ("why.txt", why.encode() + b"\n")):
        with (aside / file_name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    os.replace(aside, case)
    sync_folder(folder)
    return case


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable, where the system lets folders be opened (Windows does not, and needs none)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
