"""An author's public feed in a folder, as its node exports it to plain web space."""

from __future__ import annotations

from pathlib import Path

from jisr_protocol import keys, paths
from jisr_protocol.limits import PAGE_ENTRIES
from tests.hub.author import Author


class StaticFeed:
    """`publish` writes all of it anew; `pages` are the paths of its pages then."""

    def __init__(self, folder: Path, author: Author | None = None) -> None:
        self.folder, self.author = folder, author or Author("dar")
        self.pages: list[str] = []

    def publish(self) -> None:
        head, lines = self.author.head(), self.author.feed().lines
        self.pages = []
        for number, width, path in paths.pages(head.epoch, 0, head.size):
            first = number * PAGE_ENTRIES
            self._write(path, b"".join(line + b"\n" for line in lines[first : first + width]))
            self.pages.append(path)
        self._write(paths.KEYS, keys.write_file(self.author.ring))
        self._write(paths.HEAD, head.raw)

    def _write(self, path: str, content: bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
