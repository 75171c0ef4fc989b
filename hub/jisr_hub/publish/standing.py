"""What must stand in the folder of pages for the head that is out, for whoever checks it (`jisr-hub check`)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import msgspec

from jisr_protocol import generations, paths, snapshot
from jisr_protocol.head import Head
from jisr_protocol.refusal import Refusal

from ..ports import Pages, View
from .pages import Layout


class Expected(msgspec.Struct, frozen=True):
    """A file, and the hash of its bytes. `content` is None where nothing but the signed hash tells it."""

    path: str
    sha256: str
    content: bytes | None
    compressed: bool
    """Whether it stands as `.zst` (forms.py)."""


def generations_of(pages: Pages, head: Head) -> dict[int, int]:
    """The generations that a head names, by page number; none when the file is not there or not the one."""
    if head.gens is None:
        return {}
    try:
        return generations.parse(pages.read(head.gens["path"]) or b"", head.gens["sha256"])
    except Refusal:
        return {}


async def what_must_stand(view: View, pages: Pages, head: Head) -> AsyncIterator[Expected]:
    """Every file that this head promises but head.json and keys.json, one page at a time.

    Pages and generations follow from the ledger, the manifest of the snapshot from the head, its parts from it. A view
    that was opened after an erasure which is not published yet tells pages that are still to come.
    """
    stored = {number: g for number, g in (await view.generations()).items() if g > 1}
    layout = Layout.of(head, stored).of_size(head.size)
    if head.gens is not None:
        content = generations.write(layout.generations)
        yield Expected(head.gens["path"], head.gens["sha256"], content, compressed=False)
    if head.policy is not None:
        yield Expected(paths.policy(head.policy["sha256"]), head.policy["sha256"], None, compressed=False)
    for first, width, path in layout.pages(head.size):
        lines = [line async for rows in view.entries(first, first + width) for _, line, _ in rows]
        content = b"".join(line + b"\n" for line in lines)
        yield Expected(path, hashlib.sha256(content).hexdigest(), content, compressed=True)
    for expected in of_snapshot(pages, head):
        yield expected


def of_snapshot(pages: Pages, head: Head) -> list[Expected]:
    """The manifest of the snapshot that a head names, and the parts that it names, if it can be read."""
    if head.snap is None:
        return []
    expected = [Expected(head.snap["path"], head.snap["sha256"], None, compressed=False)]
    try:
        manifest = snapshot.parse(pages.read(head.snap["path"]) or b"", head)
    except Refusal:
        return expected
    return [*expected, *(Expected(part.path, part.sha256, None, compressed=True) for _, part in manifest.lists)]
