"""Snapshots: what a feed holds at one position, so that nobody need read all that came before (docs/spec/snapshot.md).

    snap/<epoch>-<seq>/manifest.json    what stands below; the head names it with its hash
    snap/<epoch>-<seq>/000.ndjson …     parts: entry lines as they stand in the feed's log

A publisher cuts its lines with `cut`, describes each part and writes the manifest; a reader parses the manifest under
the head that names it, and opens each part under its description.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from . import canonical, identifiers, lineage, paths, state_tree
from .entry import Entry, split_lines
from .head import Head, epoch_of_snapshot
from .limits import MANIFEST_BYTES, SNAPSHOT_PART_BYTES, SNAPSHOT_PART_ENTRIES
from .merkle import Frontier
from .refusal import refuse
from .shapes import Shape, list_of, object_of

LISTS = ("keys", "guards", "tombstones", "parts", "heads", "statements")
"""The lists of a manifest, in the order in which a reader takes them: who may sign, what must not come back, what is
gone, what is there, how far that is all of each node, and who speaks for whom."""
OPTIONAL = ("heads", "statements")
OPS = {
    "keys": ("key", "recovery"),
    "guards": ("erase", "hold"),
    "tombstones": ("del", "out"),
    "parts": ("put",),
    "heads": ("nodehead",),
    "statements": ("statement",),
}
"""Which entries stand in the parts of each list."""
_MOST_PARTS = 65_536
_PATH = re.compile(r"(.+)/[0-9]{3,}\.ndjson")


def _within(most: int) -> Any:
    return lambda value: None if type(value) is int and 1 <= value <= most else f"a number from 1 to {most}"


_part = object_of(
    {
        "bytes": _within(SNAPSHOT_PART_BYTES),
        "count": _within(SNAPSHOT_PART_ENTRIES),
        "path": identifiers.text,
        "sha256": identifiers.digest,
    }
)
_MANIFEST = Shape(
    "SNAP-2",
    {
        "by": identifiers.node,
        "epoch": identifiers.epoch,
        "frontier": list_of(identifiers.digest, most=64),
        "live": identifiers.count,
        "name": identifiers.feed_name,
        "seq": identifiers.count,
        "state_root": identifiers.digest,
        **{name: list_of(_part, most=_MOST_PARTS) for name in LISTS if name not in OPTIONAL},
    },
    {name: list_of(_part, most=_MOST_PARTS) for name in OPTIONAL},
)


class Part(msgspec.Struct, frozen=True):
    """A file of lines: its path, the hash and length of its bytes as they are uncompressed, how many lines."""

    path: str
    sha256: str
    bytes: int
    count: int


class Manifest(msgspec.Struct, frozen=True):
    """A well-formed manifest of the feed (by, name): the state after entries [0, seq)."""

    by: str
    name: str
    epoch: str
    seq: int
    live: int
    state_root: str
    frontier: Frontier
    """Where a reader goes on from. Nothing proves it until the log root of the head is met."""
    keys: tuple[Part, ...]
    guards: tuple[Part, ...]
    tombstones: tuple[Part, ...]
    parts: tuple[Part, ...]
    heads: tuple[Part, ...] = ()
    statements: tuple[Part, ...] = ()

    @property
    def lists(self) -> list[tuple[str, Part]]:
        """(list, part) of every part, in the order of LISTS."""
        return [(name, part) for name in LISTS for part in getattr(self, name)]


# Reading


def parse(raw: bytes, head: Head) -> Manifest:
    """Read the manifest that a head names. Always checks: its hash (SNAP-1), its form, and that it is of this feed and
    place (SNAP-2), a frontier of the right length (MRK-1). Raises Refusal."""
    if head.snap is None:
        raise ValueError("this head names no snapshot")
    _same_hash(raw, head.snap["sha256"])
    value = _MANIFEST.check(canonical.parse(raw.removesuffix(b"\n"), limit_bytes=MANIFEST_BYTES))
    epoch = epoch_of_snapshot(head.snap)
    lives = {head.epoch, *(base for base, size in lineage.reach(head).items() if size >= head.snap["seq"])}
    if epoch not in lives:
        refuse("SNAP-2", "/epoch", expected=" or ".join(sorted(lives)), came=epoch)
    said = {"by": head.by, "epoch": epoch, "name": head.name, "seq": head.snap["seq"]}
    for member, right in said.items():
        if value[member] != right:
            refuse("SNAP-2", f"/{member}", expected=f"{right}, as the head says", came=value[member])
    folder = paths.snapshot(epoch, value["seq"]).rpartition("/")[0]
    seen: set[str] = set()
    for name in LISTS:
        for number, part in enumerate(value.get(name, [])):
            place = _PATH.fullmatch(part["path"])
            if place is None or place[1] != folder or part["path"] in seen:
                expected = f"another {folder}/<number>.ndjson for each part"
                refuse("SNAP-2", f"/{name}/{number}/path", expected=expected, came=part["path"])
            seen.add(part["path"])
    return Manifest(
        by=value["by"],
        name=value["name"],
        epoch=epoch,
        seq=value["seq"],
        live=value["live"],
        state_root=value["state_root"],
        frontier=Frontier(value["seq"], (bytes.fromhex(root) for root in value["frontier"])),
        **{name: tuple(msgspec.convert(part, Part) for part in value.get(name, [])) for name in LISTS},
    )


def open_part(part: Part, body: bytes) -> list[bytes]:
    """The lines of a part: its bytes are those described (SNAP-1), as many lines as it says (SNAP-3)."""
    if len(body) != part.bytes:
        refuse("SNAP-1", "", expected=f"{part.path} of {part.bytes} bytes", came=f"{len(body)} bytes")
    _same_hash(body, part.sha256)
    lines = split_lines(body)
    if len(lines) != part.count:
        refuse("SNAP-3", "", expected=f"{part.count} lines in {part.path}", came=f"{len(lines)}")
    return lines


class Order:
    """SNAP-3: what stands in which list, and that no record or statement comes twice or out of its order."""

    def __init__(self, manifest: Manifest) -> None:
        self._seq = manifest.seq
        self._last: dict[str, tuple[Any, ...]] = {}

    def check(self, name: str, entry: Entry) -> None:
        """Check the next entry of the list `name`. Raises Refusal (SNAP-3)."""
        if entry.op not in OPS[name] or entry.gone is not None or entry.seq >= self._seq:
            expected = f"in {name} a whole {' or '.join(OPS[name])} entry below {self._seq}"
            refuse("SNAP-3", "", expected=expected, came=f"{entry.gone or entry.op} at {entry.seq}")
        if name == "parts" and entry.node and entry.id:
            self._rises(name, (state_tree.path(entry.node, entry.id), entry.node, entry.id))
        elif name in ("keys", "statements"):
            self._rises(name, (entry.seq,))

    def _rises(self, name: str, place: tuple[Any, ...]) -> None:
        last = self._last.get(name)
        if last is not None and place <= last:
            refuse("SNAP-3", "", expected=f"in {name} something after {last}", came=str(place))
        self._last[name] = place


def check_state(manifest: Manifest, state_root: bytes, live: int) -> None:
    """SNAP-4: the parts fold to the state root and number of live records that the manifest says."""
    if (state_root.hex(), live) != (manifest.state_root, manifest.live):
        expected = f"{manifest.live} live, root {manifest.state_root}"
        came = f"{live} live, root {state_root.hex()}"
        refuse("SNAP-4", "/state_root", expected=expected, came=came)


def _same_hash(raw: bytes, sha256: str) -> None:
    came = hashlib.sha256(raw).hexdigest()
    if came != sha256:
        refuse("SNAP-1", "", expected=f"the file of the hash {sha256}", came=came)


# Writing


def cut(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(count, body) of each part for these lines (without line feeds), in order; of no lines, nothing."""
    held: list[bytes] = []
    size = 0
    for line in lines:
        if held and (len(held) == SNAPSHOT_PART_ENTRIES or size + len(line) + 1 > SNAPSHOT_PART_BYTES):
            yield len(held), b"\n".join(held) + b"\n"
            held, size = [], 0
        held.append(line)
        size += len(line) + 1
    if held:
        yield len(held), b"\n".join(held) + b"\n"


def describe(path: str, count: int, body: bytes) -> Part:
    """What the manifest says of a part."""
    return Part(path, hashlib.sha256(body).hexdigest(), len(body), count)


def write(
    *,
    by: str,
    name: str,
    epoch: str,
    frontier: Frontier,
    live: int,
    state_root: bytes,
    keys: Iterable[Part] = (),
    guards: Iterable[Part] = (),
    tombstones: Iterable[Part] = (),
    parts: Iterable[Part] = (),
    heads: Iterable[Part] = (),
    statements: Iterable[Part] = (),
) -> bytes:
    """The file of a manifest; the frontier says at which position."""
    value = {
        "by": by,
        "epoch": epoch,
        "frontier": [root.hex() for root in frontier.roots],
        "guards": msgspec.to_builtins(list(guards)),
        "keys": msgspec.to_builtins(list(keys)),
        "live": live,
        "name": name,
        "parts": msgspec.to_builtins(list(parts)),
        "seq": frontier.size,
        "state_root": state_root.hex(),
        "tombstones": msgspec.to_builtins(list(tombstones)),
    }
    for name, listed in zip(OPTIONAL, (heads, statements), strict=True):
        if described := msgspec.to_builtins(list(listed)):
            value[name] = described
    return canonical.dumps(value) + b"\n"


def named(manifest: bytes, epoch: str, seq: int) -> dict[str, Any]:
    """What the head says of a manifest: its member `snap`."""
    return {"path": paths.snapshot(epoch, seq), "seq": seq, "sha256": hashlib.sha256(manifest).hexdigest()}
