"""A feed in a folder, as a static host serves it: each file beside its .gz and .zst, the head last, all by rename."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
import zstandard

from jisr_protocol import generations, head, paths, state_tree
from jisr_protocol.head import Head
from jisr_protocol.refusal import Refusal

from ..export import promised

_ZSTD_LEVEL = 3
OURS = re.compile(
    r"(inv|gens)/[0-9a-f]{64}\.json|log/[0-9]+-[a-z2-7]{8}/[x0-9/]*[0-9]{3}(\.p/[0-9]+)?(\.g[0-9]+)?\.ndjson"
)
"""What may be deleted: nobody else names a file like this."""


@dataclass(frozen=True, slots=True)
class Written:
    """Files written and files that were as they should be already, compressed ones not counted."""

    written: int
    unchanged: int


def write_feed(folder: Path, files: Iterable[tuple[str, bytes]]) -> Written:
    """Bring a folder up to these files, in their order, the head last. A reader sees the old feed or the new one.

    What is equal is not written again, so that a copy program or a cache sees only what is new. Pages and inventory
    of the head before stay one round longer, for whoever is just reading them; older ones go, and pages that were
    written again go at once, for what was erased is in them. Raises OSError.
    """
    before, later = head_in(folder), {}
    written = unchanged = 0
    keep = set()
    for path, content in files:
        keep.add(path)
        if path.startswith("gens/"):
            later = generations.parse(content, path[5:69])
        target = folder / path
        if _holds(target, content):
            unchanged += 1
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        # the plain file last: where it is, its compressed forms are
        _replace(_beside(target, ".gz"), gzip.compress(content, 9, mtime=0))
        _replace(_beside(target, ".zst"), zstandard.compress(content, _ZSTD_LEVEL))
        _replace(target, content)
        written += 1
    if before is not None:
        keep |= _still_read(folder, before, later)
    _prune(folder, keep)
    return Written(written, unchanged)


def head_in(folder: Path) -> Head | None:
    """The head of the feed in a folder, None if there is none that can be read."""
    try:
        return head.parse((folder / paths.HEAD).read_bytes())
    except (FileNotFoundError, NotADirectoryError, Refusal):
        return None


def _still_read(folder: Path, before: Head, later: Mapping[int, int]) -> set[str]:
    """The files of an earlier head, but for pages that have a later generation now."""
    was = _generations(folder, before)
    pages = {path for number, _, path in promised(before, was) if was.get(number, 1) == later.get(number, 1)}
    level = {before.state_root}
    inventory = set(level)
    for _ in range(state_tree.depth_for(before.live)):
        level = {child for hashed in level for child in _children(folder, hashed)}
        inventory |= level
    named = {str(before.gens["path"])} if before.gens else set()
    return pages | named | {paths.inventory(bytes.fromhex(hashed)) for hashed in inventory}


def _generations(folder: Path, signed: Head) -> dict[int, int]:
    if signed.gens is None:
        return {}
    try:
        return generations.parse((folder / signed.gens["path"]).read_bytes(), signed.gens["sha256"])
    except (FileNotFoundError, Refusal):
        return {}


def _children(folder: Path, hashed: str) -> list[str]:
    try:
        children: list[str] = orjson.loads((folder / paths.inventory(bytes.fromhex(hashed))).read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return []
    return children


def _prune(folder: Path, keep: set[str]) -> None:
    for place in [*(folder / "log").rglob("*"), *(folder / "inv").glob("*"), *(folder / "gens").glob("*")]:
        path = place.relative_to(folder).as_posix()
        for suffix in (".gz", ".zst"):
            path = path.removesuffix(suffix)
        if path not in keep and OURS.fullmatch(path) and place.is_file():
            place.unlink(missing_ok=True)


def _beside(target: Path, suffix: str) -> Path:
    return target.with_name(target.name + suffix)


def _holds(target: Path, content: bytes) -> bool:
    try:
        held = target.read_bytes() == content
    except FileNotFoundError:
        return False
    return held and _beside(target, ".gz").is_file() and _beside(target, ".zst").is_file()


def _replace(target: Path, content: bytes) -> None:
    """Visible at once or not at all. After a loss of power a file may be damaged; the next export mends it."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    os.replace(temporary, target)
