"""A bundle: files of a static feed in one zip, to be carried by hand or by mail (docs/spec/bundle.md).

    bundle.json      which feed, which entries, which part of how many
    head.json        the head that the rest leads to, and keys.json; both in every part
    log/… gens/… snap/… policy/…      at the paths they have in the feed

What is in it is chosen by `wanted`, and what still lacks is worked out by the same. A request code is a place in the
log, `EPOCH:SIZE`: short enough to be read out on the telephone. Nothing here does I/O; reader/bundle_file.py does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from . import canonical, generations, identifiers, snapshot
from .head import Head
from .limits import (
    GENERATIONS_BYTES,
    HEAD_BYTES,
    KEYS_BYTES,
    MANIFEST_BYTES,
    PAGE_BYTES,
    PAGE_ENTRIES,
    SNAPSHOT_PART_BYTES,
)
from .page_walk import Pages
from .refusal import refuse
from .shapes import Shape, any_object

ABOUT = "bundle.json"
FEED = "public"
MOST_PARTS = 10_000
_EPOCH = r"[1-9][0-9]{0,8}-[a-z2-7]{8}"
_LIMITS: list[tuple[str, int]] = [
    (r"bundle\.json|\.well-known/jisr\.json|head\.json", HEAD_BYTES),
    (r"keys\.json", KEYS_BYTES),
    (rf"log/{_EPOCH}/(x[0-9]{{3}}/){{0,4}}[0-9]{{3}}(\.p/[0-9]{{1,3}})?(\.g[0-9]{{1,9}})?\.ndjson", PAGE_BYTES),
    (r"gens/[0-9a-f]{64}\.json", GENERATIONS_BYTES),
    (rf"snap/{_EPOCH}-[0-9]{{1,16}}/manifest\.json", MANIFEST_BYTES),
    (rf"snap/{_EPOCH}-[0-9]{{1,16}}/[0-9]{{3,5}}\.ndjson", SNAPSHOT_PART_BYTES),
    (r"policy/[0-9a-f]{64}\.json", HEAD_BYTES),
    (r"receipts/[a-z2-7]{52}\.json", KEYS_BYTES),
]
_KNOWN = [(re.compile(pattern), limit) for pattern, limit in _LIMITS]
_SAFE = re.compile(r"[A-Za-z0-9_.-]{1,255}")
_SHAPE = Shape("BUN-5", {"bundle": any_object})


_MEMBERS = Shape(
    "BUN-5",
    {
        "by": identifiers.node,
        "epoch": identifiers.epoch,
        "from": identifiers.count,
        "name": identifiers.feed_name,
        "part": identifiers.count,
        "parts": identifiers.count,
        "size": identifiers.count,
    },
)


def limit_of(path: str) -> int | None:
    """How many bytes the file at this path of a feed may have; None for what is no file of a feed."""
    return next((limit for pattern, limit in _KNOWN if pattern.fullmatch(path)), None)


def is_safe(path: str) -> bool:
    """Whether this is a plain path that leads downwards, on every system (BUN-2)."""
    steps = path.removesuffix("/").split("/")
    return len(path) <= 255 and all(_SAFE.fullmatch(step) and step.strip(".") for step in steps)


@dataclass(frozen=True)
class About:
    """What a part says of itself, unsigned: entries [start, size) of (by, name), part `part` of `parts`, from 1 on."""

    by: str
    name: str
    epoch: str
    start: int
    size: int
    part: int
    parts: int

    def to_bytes(self) -> bytes:
        """The canonical file, with a line feed."""
        value = {
            "by": self.by,
            "epoch": self.epoch,
            "from": self.start,
            "name": self.name,
            "part": self.part,
            "parts": self.parts,
            "size": self.size,
        }
        return canonical.dumps({"bundle": value}) + b"\n"


def parse(raw: bytes) -> About:
    """Read bundle.json (BUN-5, BUN-6). Raises Refusal."""
    value = _SHAPE.check(canonical.parse(raw.removesuffix(b"\n"), limit_bytes=HEAD_BYTES))["bundle"]
    said = _MEMBERS.check(value, "/bundle")
    if not 1 <= said["part"] <= said["parts"] <= MOST_PARTS or said["from"] > said["size"]:
        came = f"part {said['part']} of {said['parts']}, entries {said['from']} to {said['size']}"
        refuse("BUN-5", "/bundle", expected=f"one of at most {MOST_PARTS} parts, and entries from and to", came=came)
    if said["name"] != FEED:
        refuse("BUN-6", "/bundle/name", expected=f"the feed {FEED}, the only one that is carried", came=said["name"])
    return About(said["by"], said["name"], said["epoch"], said["from"], said["size"], said["part"], said["parts"])


def check_head(about: About, head: Head) -> None:
    """The head in a part is that of the feed and the size the part names (BUN-5, BUN-6)."""
    if head.name != FEED:
        refuse("BUN-6", "/head/name", expected=f"the feed {FEED}, the only one that is carried", came=head.name)
    said, came = (about.by, about.epoch, about.size), (head.by, head.epoch, head.size)
    if said != came:
        refuse("BUN-5", "/head", expected=f"{about.size} entries of {about.epoch} of {about.by}", came=str(came))


# What belongs into it


def request_code(epoch: str, size: int) -> str:
    """What somebody who holds so much sends to whoever has more."""
    return f"{epoch}:{size}"


def parse_code(code: str) -> tuple[str, int] | None:
    """Read a request code; None for what is none."""
    epoch, _, size = code.strip().partition(":")
    if identifiers.epoch(epoch) or not re.fullmatch("[0-9]{1,16}", size):
        return None
    return epoch, int(size)


def common_size(head: Head, epoch: str | None, size: int) -> int:
    """How many of `size` entries held of an epoch a reader of this head builds on: none in another epoch, for where it
    goes back to then (READ-15) only it knows."""
    return min(size, head.size) if epoch == head.epoch else 0


Has = Callable[[str, int], bytes | None]
"""(path, most bytes) → the file, None where it is not there."""


def wanted(head: Head, start: int, has: Has, *, by_snapshot: bool) -> Iterator[str]:
    """Every file that leads from the first `start` entries to `head`, apart from head and keys, in a good order.

    With `by_snapshot`, the head's snapshot stands for what lies below it. `has` is asked for the files that name
    others; where one is not there, what it names is left out: it is wanted first.
    """
    pages: Mapping[int, int] | None = {}
    if head.gens is not None and start < head.size:
        yield head.gens["path"]
        content = has(head.gens["path"], GENERATIONS_BYTES)
        pages = generations.parse(content, head.gens["sha256"]) if content is not None else None
    if (policy := _policy(head)) is not None and has(policy, HEAD_BYTES) is not None:  # nothing depends on it
        yield policy
    if by_snapshot and head.snap is not None:
        yield head.snap["path"]
        content = has(head.snap["path"], MANIFEST_BYTES)
        if content is not None:
            yield from (part.path for _, part in snapshot.parse(content, head).lists)
        start = head.snap["seq"]
    if pages is not None:
        standing = Pages(head, start, pages)
        yield from (standing[number][2] for number in range(len(standing)))


def _policy(head: Head) -> str | None:
    named = head.envelope.value.get("policy")
    hashed = named.get("sha256") if isinstance(named, dict) else None
    return f"policy/{hashed}.json" if isinstance(hashed, str) and identifiers.digest(hashed) is None else None


def begins_by_snapshot(head: Head, start: int) -> bool:
    """Whether whoever holds `start` entries takes the snapshot: those who hold less than is kept, or nothing."""
    return head.snap is not None and (start < head.floor or start == 0)


def first_entry(path: str) -> int | None:
    """The position of the first entry of a page; None for what is no page."""
    found = re.fullmatch(rf"log/{_EPOCH}/((?:x[0-9]{{3}}/)*[0-9]{{3}})(\.p/.*|\.g.*|\.ndjson)", path)
    return int(re.sub("[x/]", "", found[1])) * PAGE_ENTRIES if found else None
