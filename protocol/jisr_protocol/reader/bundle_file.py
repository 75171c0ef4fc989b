"""Bundles as zip files (docs/spec/bundle.md): written small enough for mail, read as if an enemy had made them.

    with opened(Path("bundle.001.zip")) as part:      raises Refusal BUN-1 to BUN-6; nothing was unpacked
        part.about, part.head, part.files
        part.read("log/…")                            inflated with a limit

    write(folder, about, paths, target)               the same files always give the same bytes

What a zip says of itself is not believed: the number of its entries is read before they are, a file is inflated with
its own limit, and only names that a feed has are ever asked for.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .. import bundle, head, paths
from ..bundle import About
from ..head import Head
from ..limits import BUNDLE_BYTES, BUNDLE_FILES, HEAD_BYTES, INFLATE_RATIO
from ..refusal import Refusal, refuse

_END = struct.Struct("<4s4H2LH")
_END_BYTES = 22 + 65_535
_ENTRY_BYTES = 46 + 255 + 64
"""What one entry of the directory of a zip may take."""
_RATIO_FREE_BYTES = 1024 * 1024
_WHEN = (1980, 1, 1, 0, 0, 0)
_PIECE_BYTES = 64 * 1024
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Part:
    """An open part: what it says of itself, its head, and its files by path."""

    about: About
    head: Head
    files: Mapping[str, zipfile.ZipInfo]
    archive: zipfile.ZipFile

    def read(self, path: str) -> bytes:
        """One of `files`, whole. Raises Refusal BUN-1, BUN-4."""
        return _read(self.archive, self.files[path])


@contextmanager
def opened(file: Path) -> Iterator[Part]:
    """Open a part of a bundle. Raises Refusal; OSError when the file cannot be read at all."""
    with file.open("rb") as raw, _archive(raw) as archive:
        files = _files(archive, _size_of(raw))
        about = bundle.parse(_required(archive, files, bundle.ABOUT))
        signed = head.parse(_required(archive, files, paths.HEAD))
        bundle.check_head(about, signed)
        _required(archive, files, paths.KEYS)
        yield Part(about, signed, files, archive)


def write(folder: Path, about: About, chosen: list[str], target: Path) -> None:
    """Write the files at these paths below `folder` as one part, whole or not at all."""
    aside = target.with_name(target.name + ".part")
    with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(_entry(bundle.ABOUT), about.to_bytes())
        for path in chosen:
            archive.writestr(_entry(path), (folder / path).read_bytes())
    aside.replace(target)


def packed_bytes(content: bytes, path: str) -> int:
    """How many bytes this file takes in a zip, nearly."""
    return len(zlib.compress(content, 9)) + 2 * len(path) + 100


def _entry(path: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, _WHEN)
    info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, 0o100644 << 16, 3
    return info


def _size_of(raw: IO[bytes]) -> int:
    return raw.seek(0, 2)


@contextmanager
def _archive(raw: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """BUN-1, BUN-4: the zip's directory, after its size was looked at."""
    _check_directory(raw)
    try:
        archive = zipfile.ZipFile(raw)
    except (zipfile.BadZipFile, ValueError, struct.error, OverflowError, NotImplementedError) as error:
        raise Refusal("BUN-1", "", "a whole zip file", str(error)) from error
    with archive:
        yield archive


def _check_directory(raw: IO[bytes]) -> None:
    size = _size_of(raw)
    raw.seek(max(0, size - _END_BYTES))
    tail = raw.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        refuse("BUN-1", "", expected="a whole zip file", came=f"{size} bytes without the end of one")
        raise Refusal("BUN-1", "", "a whole zip file", f"{size} bytes without the end of one")
    _, _, _, _, count, directory_bytes, _, _ = _END.unpack_from(tail, at)
    if count > BUNDLE_FILES or directory_bytes > BUNDLE_FILES * _ENTRY_BYTES:
        came = f"{count} in a directory of {directory_bytes} bytes"
        refuse("BUN-4", "", expected=f"at most {BUNDLE_FILES} files", came=came)


def _files(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """Every entry judged by its name and kind; those that a feed has, by path. Others are left where they are."""
    entries = archive.infolist()
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        if not bundle.is_safe(name):
            refuse("BUN-2", "", expected="plain names that lead downwards", came=name)
        if name.casefold() in seen:
            refuse("BUN-2", "", expected="each name once", came=name)
        seen.add(name.casefold())
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind == stat.S_IFDIR) != (kind != 0 and entry.is_dir()):
            refuse("BUN-3", "", expected="plain files", came=f"{name}, of another kind ({kind:o})")
        if entry.flag_bits & 0x2041 or entry.compress_type not in _METHODS:
            came = f"{name}, " + ("locked by a password" if entry.flag_bits & 0x2041 else "packed in another way")
            refuse("BUN-1", "", expected="files that are stored or deflated, without a password", came=came)
    _check_sizes(entries, size)
    return {e.filename: e for e in entries if not e.is_dir() and bundle.limit_of(e.filename) is not None}


def _check_sizes(entries: list[zipfile.ZipInfo], size: int) -> None:
    """BUN-4: what the zip says it holds; `_read` counts again."""
    total, packed = sum(e.file_size for e in entries), sum(e.compress_size for e in entries)
    if len(entries) > BUNDLE_FILES:
        refuse("BUN-4", "", expected=f"at most {BUNDLE_FILES} files", came=len(entries))
    if total > BUNDLE_BYTES:
        refuse("BUN-4", "", expected=f"at most {BUNDLE_BYTES} bytes in all", came=total)
    if packed > size:
        refuse("BUN-4", "", expected=f"files that fit into {size} bytes", came=f"{packed} bytes, one over the other")
    if total > max(_RATIO_FREE_BYTES, INFLATE_RATIO * size):
        came = f"{total} bytes from {size}"
        refuse("BUN-4", "", expected=f"at most {INFLATE_RATIO} times the bytes of the zip", came=came)
    for entry in entries:
        limit = bundle.limit_of(entry.filename)
        if limit is not None and entry.file_size > limit:
            refuse("BUN-4", "", expected=f"at most {limit} bytes in {entry.filename}", came=entry.file_size)


def _required(archive: zipfile.ZipFile, files: Mapping[str, zipfile.ZipInfo], path: str) -> bytes:
    if path not in files:
        refuse("BUN-5", "", expected=f"a file {path} in every part", came="none")
        raise Refusal("BUN-5", "", f"a file {path} in every part", "none")
    return _read(archive, files[path])


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Inflate one file, with its limit, whatever the zip says of it."""
    limit = bundle.limit_of(entry.filename) or HEAD_BYTES
    content: list[bytes] = []
    total = 0
    try:
        with archive.open(entry) as file:
            while piece := file.read(_PIECE_BYTES):
                total += len(piece)
                if total > limit:
                    refuse("BUN-4", "", expected=f"at most {limit} bytes in {entry.filename}", came="more")
                content.append(piece)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, struct.error) as error:
        refuse("BUN-1", "", expected=f"the whole of {entry.filename}", came=str(error))
    return b"".join(content)
