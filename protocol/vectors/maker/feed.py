"""A feed in the making: lines are added, files come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import entries
from .entries import Line
from .primitives import Key, Writer, canonical, epoch, sha256
from .trees import root, state_tree

Files = dict[str, bytes]

TIME = "2026-06-01T00:00:00Z"
LATER = "2026-06-02T00:00:00Z"
NOW = "2026-06-02T12:00:00Z"
EXPIRES = "2026-07-01T00:00:00Z"
PAGE = 256


class Feed:
    """The log of one feed. `live` follows put, del, out, erase and hold as the spec's table says."""

    def __init__(self, writer: Writer, name: str = "public", epoch_: str | None = None) -> None:
        self.writer = writer
        self.name = name
        self.epoch = epoch_ or epoch(1)
        self.bases: list[dict[str, Any]] = []
        self.floor = 0
        self.generations: dict[int, int] = {}
        self.more: dict[str, Any] = {}
        """Further members of the head: gens, snap."""
        self.beside: Files = {}
        """Further files: a snapshot, generations, record files."""
        self.lines: list[Line] = []
        self.live: dict[tuple[str, str], tuple[int, str]] = {}

    @property
    def size(self) -> int:
        return len(self.lines)

    def add(self, line: Line) -> Line:
        self.lines.append(line)
        op, node, id_ = line.column("op"), line.column("node"), line.column("id")
        if op == "put":
            self.live[node, id_] = line.column("rev"), line.column("digest")
        elif op in ("del", "out"):
            self.live.pop((node, id_), None)
        elif op in ("erase", "hold"):
            most = line.column("rev")
            gone = [
                (n, i)
                for (n, i), (rev, _) in self.live.items()
                if n == node and id_ in (i, "*") and (most is None or rev <= most)
            ]
            for place in gone:
                del self.live[place]
        return line

    def key(self, statement: dict[str, Any] | None = None, **members: Any) -> Line:
        """The entry of a key statement, the writer's first by default."""
        return self.add(entries.key(self.size, statement or self.writer.statements[0], **members))

    def put(
        self, label: str, rev: int = 1, *, writer: Writer | None = None, key: Key | None = None, **more: Any
    ) -> Line:
        """A put of the smallest record with this label. Members of the entry come as `entry={…}`."""
        by = writer or self.writer
        entry = more.pop("entry", {})
        jws = more.pop("jws", None)
        return self.add(entries.put(self.size, entries.record(by, label, rev, **more), key or by.key, jws=jws, **entry))

    def delete(self, label: str, rev: int, **more: Any) -> Line:
        return self.add(entries.delete(self.size, entries.tombstone(self.writer, label, rev, **more), self.writer.key))

    def fill(self, size: int) -> None:
        """Append entries of an op nobody knows until there are `size`: the shortest lines there are."""
        while self.size < size:
            self.add(entries.other(self.size, "mark"))

    @property
    def rows(self) -> list[tuple[str, str, int, str]]:
        return sorted((node, id_, rev, hashed) for (node, id_), (rev, hashed) in self.live.items())

    def head(self, *, time: str = TIME, key: Key | None = None, **changed: Any) -> dict[str, Any]:
        """The signed head, with any member changed before it is signed."""
        value = {
            "bases": self.bases,
            "by": self.writer.id,
            "epoch": self.epoch,
            "expires": EXPIRES,
            "floor": self.floor,
            "jisr": "1",
            "live": len(self.live),
            "log_root": root([line.leaf for line in self.lines]).hex(),
            "name": self.name,
            "next": LATER,
            "size": self.size,
            "state_root": state_tree(self.rows)[0].hex(),
            "time": time,
        }
        value |= self.more | changed
        return (key or self.writer.key).sign("head", value)

    def files(self, **head: Any) -> Files:
        """Every file of the static feed, by path."""
        files = {f"inv/{name}.json": content for name, content in state_tree(self.rows)[1].items()}
        for first in range(self.floor - self.floor % PAGE, self.size, PAGE):
            lines = self.lines[first : first + PAGE]
            generation = self.generations.get(first // PAGE, 1)
            path = page_path(self._epoch_of(first), first // PAGE, len(lines), generation)
            files[path] = b"".join(line.raw + b"\n" for line in lines)
        files |= self.beside
        files["keys.json"] = canonical({"keys": self.writer.statements}) + b"\n"
        files["head.json"] = canonical(self.head(**head)) + b"\n"
        return files

    def rebase(self, size: int) -> None:
        """Begin the next epoch, based at the first `size` entries; what came after them is lost."""
        lines, self.lines, self.live = self.lines[:size], [], {}
        for line in lines:
            self.add(line)
        self.bases = [*self.bases, {"epoch": self.epoch, "log_root": self.head()["head"]["log_root"], "size": size}]
        self.epoch = epoch(len(self.bases) + 1)

    def _epoch_of(self, first: int) -> str:
        for base in self.bases:
            if first + PAGE <= base["size"]:
                return str(base["epoch"])
        return self.epoch


def generations(feed: Feed, pages: dict[int, int]) -> None:
    """Name the pages that were written again, in the head and in a file."""
    feed.generations = pages
    name_generations(feed, canonical({"pages": {str(number): pages[number] for number in sorted(pages)}}) + b"\n")


def name_generations(feed: Feed, content: bytes) -> None:
    """Let the head name this file of generations."""
    hashed = sha256(content).hex()
    feed.more["gens"] = {"path": f"gens/{hashed}.json", "sha256": hashed}
    feed.beside[f"gens/{hashed}.json"] = content


def record_path(node: str, id_: str, rev: int) -> str:
    return f"rec/{node.partition(':')[2]}/{id_}/{rev}.json"


def record_files(feed: Feed) -> None:
    """A record file for each live record: the last put of it."""
    for line in feed.lines:
        node, id_, rev, hashed = (line.column(name) for name in ("node", "id", "rev", "digest"))
        if line.column("op") == "put" and feed.live.get((node, id_)) == (rev, hashed):
            feed.beside[record_path(node, id_, rev)] = line.raw + b"\n"


def page_path(epoch_: str, number: int, width: int = PAGE, generation: int = 1) -> str:
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "".join(f"x{group}/" for group in groups[:-1]) + groups[-1]
    if width < PAGE:
        path += f".p/{width}"
    if generation > 1:
        path += f".g{generation}"
    return f"log/{epoch_}/{path}.ndjson"


def write(files: Files, folder: Path) -> None:
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
