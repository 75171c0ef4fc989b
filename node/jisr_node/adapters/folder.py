"""A feed in a folder, as a static host serves it: each file beside its .gz and .zst, the head last, all by rename."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import zstandard

from jisr_protocol import paths

_ZSTD_LEVEL = 9
_MUTABLE = (paths.HEAD, paths.KEYS, paths.CAPABILITIES)


@dataclass(frozen=True, slots=True)
class Written:
    """Files written and files that were as they should be already, compressed ones not counted."""

    written: int
    unchanged: int


def write_feed(folder: Path, files: Iterable[tuple[str, bytes]]) -> Written:
    """Bring a folder up to these files, in their order. A reader sees the old feed or the new one at any moment.

    What is equal is not written again, so that a copy program or a cache sees only what is new. Raises OSError.
    """
    written = unchanged = 0
    for path, content in files:
        target = folder / path
        if _holds(target, content):
            unchanged += 1
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        # the plain file last: where it is, its compressed forms are
        _replace(target.with_name(target.name + ".gz"), gzip.compress(content, 9, mtime=0))
        _replace(target.with_name(target.name + ".zst"), zstandard.compress(content, _ZSTD_LEVEL))
        _replace(target, content)
        written += 1
    return Written(written, unchanged)


def _holds(target: Path, content: bytes) -> bool:
    try:
        return target.read_bytes() == content
    except FileNotFoundError:
        return False


def _replace(target: Path, content: bytes) -> None:
    """Durable before visible: after a loss of power the file is the old or the new one, never half of it."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, target)
