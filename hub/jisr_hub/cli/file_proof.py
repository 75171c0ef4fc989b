"""The published files proven against the log: pages of each generation and their compressed siblings, the file of
generations, the snapshot and its parts, the head, the keys."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from jisr_protocol import keys, paths
from jisr_protocol.keys import KeyRing
from jisr_protocol.limits import PAGE_ENTRIES

from ..ports import Pages, Published, View
from ..publish import forms
from ..publish.pages import place_of
from ..publish.standing import Expected, what_must_stand
from .faults import Faults

_MEND = "mend it with: jisr-hub rebuild"


async def files(view: View, there: Pages, published: Published, broken: set[int], faults: Faults) -> None:
    """Every file that the head promises. A line that is `broken` in the log is not held against its page."""
    async for expected in what_must_stand(view, there, published.head):
        came = _forms(there, expected)
        place = place_of(expected.path)
        if expected.content is not None and place is not None:
            first = place.number * PAGE_ENTRIES
            for name, body in came.items():
                others = [other for its, other in came.items() if its != name]
                _page(name, body, others, first, expected.content, broken, faults)
        else:
            _by_hash(came, expected, faults)


def _forms(there: Pages, expected: Expected) -> dict[str, bytes | None]:
    """What each form holds by its path: of the one that must stand, and of those that do."""
    plain, must = expected.path, expected.path + forms.ZSTD if expected.compressed else expected.path
    came = {plain: there.read(plain)} if must == plain or there.stands(plain) else {}
    for name, coding in zip(paths.compressed(plain), ("zstd", "gzip"), strict=True):
        if name == must or there.stands(name):
            came[name] = forms.inflated(there.read(name), coding)
    return came


def _by_hash(came: dict[str, bytes | None], expected: Expected, faults: Faults) -> None:
    for name, body in came.items():
        if body is None:
            faults.add(f"the file {name} is missing or cannot be read; {_MEND}")
        elif hashlib.sha256(body).hexdigest() != expected.sha256:
            faults.add(f"the file {name} is not the one the head promises; {_MEND}")


def _page(
    name: str,
    came: bytes | None,
    others: Sequence[bytes | None],
    first: int,
    content: bytes,
    broken: set[int],
    faults: Faults,
) -> None:
    if came is None:
        faults.add(f"the page {name} is missing or cannot be read; {_MEND}")
        return
    read, lines = came.split(b"\n"), content.split(b"\n")[:-1]
    if read.pop() or len(read) != len(lines):
        faults.add(f"the page {name} does not hold entries {first} to {first + len(lines) - 1}; {_MEND}")
        return
    unlike = [first + n for n, (a, b) in enumerate(zip(read, lines, strict=True)) if a != b and first + n not in broken]
    if came in others:  # two files say the same: what stands alone has changed
        for seq in unlike:
            faults.add(f"entry {seq}: its line has changed where no hash covers it; the page {name} has it as it was")
        broken.update(unlike)
    elif unlike:
        faults.add(f"the page {name} differs from the log, first at entry {unlike[0]}; {_MEND}")


def head_and_keys(there: Pages, ring: KeyRing, published: Sequence[Published], faults: Faults) -> None:
    """`published` is what was published before and after the pages were read: a serving hub goes on meanwhile."""
    if there.read(paths.HEAD) not in [each.head.raw for each in published]:
        faults.add("head.json is not the head that was signed last; it is written again when the hub serves")
    if there.read(paths.KEYS) != keys.write_file(ring):
        faults.add("keys.json beside the head is not the hub's own; it is written again when the hub serves")
