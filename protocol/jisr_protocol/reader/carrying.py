"""Writing a bundle from a feed at an address or in a folder, in parts of a size that mail takes.

    made = await export("https://hub.example/feeds/public/", Path("bundle.zip"), since="1-…:2000", split_bytes=10**7)
    made.files            bundle.zip, or bundle.001.zip, bundle.002.zip …

What is handed on is what the publisher signs; whoever receives it checks all of it. Here only the head is checked, so
that nobody carries for nothing.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .. import bundle, keys, paths
from .. import head as heads
from ..bundle import About
from ..exchange import Fetch, Fetched, Garbled, Missing, Unreachable
from ..head import Head
from ..limits import BUNDLE_BYTES, HEAD_BYTES, KEYS_BYTES
from ..refusal import Refusal
from . import bundle_file
from .places import Place

LEAST_SPLIT_BYTES = 64 * 1024
_KEPT_BACK = 4096
"""Room in each part for what every part holds."""


class CannotExport(Exception):
    """There is nothing that could be carried; str() is a sentence for a person."""


@dataclass(frozen=True)
class Made:
    """The files of a bundle, in order, and what they hold: entries [start, size) of `head`."""

    files: list[Path]
    head: Head
    start: int
    by_snapshot: bool


async def export(
    place: Place,
    target: Path,
    *,
    now: datetime,
    since: tuple[str, int] | None = None,
    split_bytes: int | None = None,
    extra: dict[str, bytes] | None = None,
) -> Made:
    """Write what leads from `since` (epoch, size) to the feed's head, or all that a beginner needs, into `target`.

    With `split_bytes` the parts are named target.001.zip and so on. `extra` goes into the first part: path → content.
    Raises CannotExport with nothing written; OSError.
    """
    with tempfile.TemporaryDirectory(prefix="jisr-bundle-") as name:
        aside = Path(name)
        head = await _head(place, aside, now)
        start = bundle.common_size(head, *since) if since else 0
        by_snapshot = bundle.begins_by_snapshot(head, start)
        chosen = await _fetch_all(place, head, start, aside, by_snapshot=by_snapshot)
        for path, content in (extra or {}).items():
            _keep(aside, path, content)
        parts = _divided(aside, [*(extra or {}), *chosen], split_bytes)
        first = head.snap["seq"] if by_snapshot and head.snap else start
        files = _named(target, len(parts), split=split_bytes is not None)
        for number, (part, file) in enumerate(zip(parts, files, strict=True), start=1):
            about = About(head.by, head.name, head.epoch, first, head.size, number, len(parts))
            bundle_file.write(aside, about, [paths.HEAD, paths.KEYS, *part], file)
    return Made(files, head, first, by_snapshot)


async def _head(place: Place, aside: Path, now: datetime) -> Head:
    raw = await _fetch(place, paths.HEAD, HEAD_BYTES)
    key_file = await _fetch(place, paths.KEYS, KEYS_BYTES)
    try:
        head = heads.parse(raw)
        heads.verified(head, keys.fold(keys.parse_file(key_file), expected_id=head.by), now=now)
    except Refusal as refusal:
        reason = f"{place.address} is not a feed that could be carried: {refusal}. Nothing was written."
        raise CannotExport(reason) from refusal
    if head.name != bundle.FEED:
        raise CannotExport(f"The feed {head.name} is not public; only public feeds are carried. Nothing was written.")
    _keep(aside, paths.HEAD, raw)
    _keep(aside, paths.KEYS, key_file)
    return head


async def _fetch_all(place: Place, head: Head, start: int, aside: Path, *, by_snapshot: bool) -> list[str]:
    def has(path: str, limit_bytes: int) -> bytes | None:
        file = aside / path
        return file.read_bytes() if file.is_file() else None

    chosen: list[str] = []
    for path in bundle.wanted(head, start, has, by_snapshot=by_snapshot):
        limit = bundle.limit_of(path)
        if limit is None:
            raise CannotExport(f"{place.address} names the file {path}, which no feed has. Nothing was written.")
        _keep(aside, path, await _fetch(place, path, limit))
        chosen.append(path)
    return chosen


async def _fetch(place: Place, path: str, limit_bytes: int) -> bytes:
    came = await place.fetch(Fetch(path, limit_bytes))
    match came:
        case Fetched():
            return came.body
        case Garbled(_, refusal):
            why = str(refusal)
        case Unreachable(_, reason):
            why = reason
        case Missing():
            why = "it is not there"
        case _:
            why = "it did not come"
    raise CannotExport(f"{path} of {place.address} could not be read: {why}. Nothing was written; try again.")


def _keep(aside: Path, path: str, content: bytes) -> None:
    file = aside / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _divided(aside: Path, chosen: list[str], split_bytes: int | None) -> list[list[str]]:
    """The files of each part, in order: as many as fit, and at least one."""
    fixed = [(aside / name).read_bytes() for name in (paths.HEAD, paths.KEYS)]
    always = sum(bundle_file.packed_bytes(content, paths.KEYS) for content in fixed) + _KEPT_BACK
    most = BUNDLE_BYTES // 2 if split_bytes is None else split_bytes
    parts: list[list[str]] = [[]]
    packed = plain = always
    for path in chosen:
        content = (aside / path).read_bytes()
        size = bundle_file.packed_bytes(content, path)
        if parts[-1] and (packed + size > most or plain + len(content) > BUNDLE_BYTES // 2 or len(parts[-1]) >= 10_000):
            parts.append([])
            packed = plain = always
        parts[-1].append(path)
        packed, plain = packed + size, plain + len(content)
    return parts


def _named(target: Path, count: int, *, split: bool) -> list[Path]:
    if count == 1 and not split:
        return [target]
    return [target.with_name(f"{target.stem}.{number:03d}{target.suffix or '.zip'}") for number in range(1, count + 1)]
