"""Receiving bundles: parts in any order, any of them twice, until they lead to a head; then a follow like any other.

    for file in files:
        take(file, folder, now=…)              one part; raises Refusal, and then nothing of it was kept
    standing = look(folder, held)              what they come to, and what lacks
    standing.ready                             the folder is a feed: follow(folder, …)

BUN-7: what is gathered is believed no more than what comes from the network. It lies aside until the reader has checked
all of it. Files are kept under the names they have in the feed, heads each by itself, since every part brings one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .. import bundle, identifiers, keys, paths
from .. import head as heads
from ..bundle import About
from ..head import Head
from ..refusal import Refusal, refuse
from . import bundle_file

_HEADS, _PARTS = "heads", "parts"
LISTED = 1000
"""Of what lacks, so many files are listed."""


@dataclass(frozen=True)
class Standing:
    """Where a gathering stands. `head` is the newest that parts came for; `ready` the newest that all is there for.

    `missing` are files that still lack on the way to `head`, at most 1,000, `parts` the numbers of parts that lack, of
    how many; `code` is what to send to whoever has more: from there on nothing was received.
    """

    head: Head | None = None
    ready: Head | None = None
    missing: tuple[str, ...] = ()
    parts: tuple[int, ...] = ()
    of_parts: int = 0
    code: str = ""

    @property
    def whole(self) -> bool:
        """Whether all that came in leads to its newest head."""
        return self.head is not None and self.ready is self.head


def take(file: Path, folder: Path, *, now: datetime, expected_id: str | None = None) -> About:
    """Keep the files of one part. Safe to repeat. Raises Refusal (BUN, SIG, HEAD, READ-1), OSError."""
    with bundle_file.opened(file) as part:
        if expected_id is not None and part.head.by != expected_id:
            refuse("READ-1", "/head/by", expected=expected_id, came=part.head.by)
        key_file = part.read(paths.KEYS)
        heads.verified(part.head, keys.fold(keys.parse_file(key_file), expected_id=part.head.by), now=now)
        for path in part.files:
            if path not in (paths.HEAD, paths.KEYS, bundle.ABOUT):
                _keep(folder / path, part.read(path))
        named = hashlib.sha256(part.head.raw).hexdigest()[:16]
        _keep(folder / _PARTS / f"{named}-{part.about.part}.json", part.about.to_bytes())
        _keep(folder / _HEADS / named / paths.KEYS, key_file)
        _keep(folder / _HEADS / named / paths.HEAD, part.head.raw)
        return part.about


def look(folder: Path, held: Head | None = None, size: int | None = None) -> Standing:
    """What was gathered, seen by who holds `size` entries under the head `held` (by default all that it covers)."""
    standing = Standing()
    for head in _heads(folder):
        start = bundle.common_size(head, held.epoch, held.size if size is None else size) if held else 0
        missing = _missing(folder, head, start)
        if standing.head is None:
            lacking, of_parts = _parts(folder, head)
            code = bundle.request_code(head.epoch, _received(start, missing)) if missing else ""
            standing = Standing(head, None, tuple(missing[:LISTED]), lacking if missing else (), of_parts, code)
        if not missing:
            return Standing(standing.head, head, standing.missing, standing.parts, standing.of_parts, standing.code)
    return standing


def prepare(folder: Path, head: Head) -> Path:
    """Make the folder the feed that ends with `head`; returns it."""
    source = folder / _HEADS / hashlib.sha256(head.raw).hexdigest()[:16]
    for name in (paths.KEYS, paths.HEAD):
        _keep(folder / name, (source / name).read_bytes())
    return folder


def clear(folder: Path) -> None:
    """Throw the gathering away."""
    shutil.rmtree(folder, ignore_errors=True)


def _heads(folder: Path) -> Iterator[Head]:
    """The heads that came, the newest first."""
    found: list[Head] = []
    for file in (folder / _HEADS).glob(f"*/{paths.HEAD}"):
        with contextlib.suppress(Refusal, OSError):
            found.append(heads.parse(file.read_bytes()))
    yield from sorted(found, key=lambda h: (identifiers.epoch_number(h.epoch), h.size, h.time), reverse=True)


def _missing(folder: Path, head: Head, start: int) -> list[str]:
    def has(path: str, limit_bytes: int) -> bytes | None:
        file = folder / path
        with contextlib.suppress(OSError):
            return file.read_bytes() if file.stat().st_size <= limit_bytes else None
        return None

    found: list[str] = []
    try:
        for path in bundle.wanted(head, start, has, by_snapshot=_by_snapshot(folder, head, start)):
            if not (folder / path).is_file():
                found.append(path)
            if len(found) > LISTED:
                break
    except Refusal:  # a file that names others is not the one that was signed: it is to come again
        found.append(head.gens["path"] if head.gens is not None else paths.HEAD)
    return found


def _by_snapshot(folder: Path, head: Head, start: int) -> bool:
    """Where the log begins with what came, no snapshot is needed, though the head names one."""
    if not bundle.begins_by_snapshot(head, start):
        return False
    return head.floor > 0 or (head.snap is not None and (folder / head.snap["path"]).is_file())


def _received(start: int, missing: list[str]) -> int:
    """How far it goes without a gap."""
    firsts = [first for path in missing if (first := bundle.first_entry(path)) is not None]
    others = len(firsts) < len(missing)
    return start if others or not firsts else max(start, min(firsts))


def _parts(folder: Path, head: Head) -> tuple[tuple[int, ...], int]:
    """(numbers of the parts that lack, of how many) of the export that most parts came of."""
    named = hashlib.sha256(head.raw).hexdigest()[:16]
    came: dict[tuple[int, int], set[int]] = {}
    for file in (folder / _PARTS).glob(f"{named}-*.json"):
        with contextlib.suppress(Refusal, OSError):
            about = bundle.parse(file.read_bytes())
            came.setdefault((about.start, about.parts), set()).add(about.part)
    if not came:
        return (), 0
    (_, parts), numbers = max(came.items(), key=lambda one: len(one[1]) / one[0][1])
    return tuple(number for number in range(1, parts + 1) if number not in numbers)[:LISTED], parts


def _keep(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(file.name + ".part")
    aside.write_bytes(content)
    os.replace(aside, file)
