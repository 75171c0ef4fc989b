"""A feed in another major, beside the one in which it is published (docs/spec/versions.md).

Nothing of it is stored: files are translated when they are asked for, and the head is that of major 1 with another
`jisr`, of the same log, set and time. Everything follows from what is published, so that every process of a hub, also
after a restart, shows the same bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from jisr_protocol import canonical, snapshot
from jisr_protocol import head as heads
from jisr_protocol.head import Head
from jisr_protocol.majors import Major
from jisr_protocol.signing import SigningKey

from ..ports import Pages
from . import forms

MANIFESTS_KEPT = 2


class Rendering:
    """One feed in one major. `key` is the one that signs for its publisher now."""

    def __init__(self, major: Major, pages: Pages, key: Callable[[], SigningKey]) -> None:
        self.major, self.pages, self._key = major, pages, key
        self._head: tuple[bytes, Head] | None = None
        self._manifests: dict[bytes, bytes] = {}
        """By what they were made of; making one reads the whole snapshot."""
        self._lock = asyncio.Lock()

    async def head(self, shown: Head) -> Head:
        """The head of this major that says what `shown` says."""
        async with self._lock:
            if self._head is None or self._head[0] != shown.raw:
                self._head = shown.raw, await asyncio.to_thread(self._signed, shown)
            return self._head[1]

    def _signed(self, shown: Head) -> Head:
        return heads.beside(shown, self.major.name, self._key(), snap=self._snap(shown))

    def _snap(self, shown: Head) -> dict[str, Any] | None:
        if shown.snap is None:
            return None
        manifest = self._read_manifest(shown.snap["path"])
        return (
            None
            if manifest is None
            else snapshot.named(manifest, heads.epoch_of_snapshot(shown.snap), shown.snap["seq"])
        )

    def read(self, path: str) -> bytes | None:
        """A file as this major writes it, None if it is not there."""
        if path.endswith("/manifest.json"):
            return self._read_manifest(path)
        if path.endswith(".zst"):
            return None  # what stands compressed is of major 1
        content = forms.read(self.pages, path)
        if content is None or not path.endswith(".ndjson"):
            return content
        return self.major.write_lines(content)

    def _read_manifest(self, path: str) -> bytes | None:
        """The manifest, with the hashes of the parts as this major writes them."""
        content = self.pages.read(path)
        if content is None:
            return None
        if content not in self._manifests:
            value = canonical.parse(content.removesuffix(b"\n"))
            for part in [part for name in snapshot.LISTS for part in value.get(name, [])]:
                body = self.read(part["path"])
                if body is None:
                    return None
                described = snapshot.describe(part["path"], part["count"], body)
                part.update(sha256=described.sha256, bytes=described.bytes)
            while len(self._manifests) >= MANIFESTS_KEPT:
                self._manifests.pop(next(iter(self._manifests)))
            self._manifests[content] = canonical.dumps(value) + b"\n"
        return self._manifests[content]
