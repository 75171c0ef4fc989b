"""Zip files from outside: counted before they are opened, and no part unpacks to more than it says."""

from __future__ import annotations

import zipfile
from typing import IO

from . import limits
from .tables import Unreadable


def opened(file: IO[bytes]) -> zipfile.ZipFile:
    """The archive, within the limits of this place. Raises Unreadable for a broken, locked or inflated one."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        raise Unreadable("broken") from None
    parts = archive.infolist()
    if len(parts) > limits.PARTS:
        raise Unreadable("too_large", most=limits.UNPACKED_BYTES // 1024**2)
    # zipfile stops at the size that a part says, so that what is said here is what is unpacked
    if sum(part.file_size for part in parts) > limits.UNPACKED_BYTES or any(
        part.file_size > limits.PART_BYTES for part in parts
    ):
        raise Unreadable("too_large", most=limits.UNPACKED_BYTES // 1024**2)
    if any(part.flag_bits & 1 for part in parts):
        raise Unreadable("locked")
    return archive


def harmless(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse a part whose XML declares entities, which no spreadsheet program writes. Raises Unreadable."""
    with archive.open(name) as part:
        before = b""
        while block := part.read(1 << 20):
            # in UTF-16 too
            if b"<!DOCTYPE" in (joined := (before + block).replace(b"\x00", b"")) or b"<!ENTITY" in joined:
                raise Unreadable("broken")
            before = block[-40:]
