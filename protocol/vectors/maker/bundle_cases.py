"""Cases of docs/spec/bundle.md: zip files, written byte by byte, so that they can lie."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field, replace
from typing import Any

from .cases import CaseFile, bytes_of
from .feed import Feed
from .primitives import Writer, canonical, epoch


@dataclass(frozen=True)
class Entry:
    """One file of a zip, stored; what its directory says of it can be bent."""

    name: bytes
    content: bytes
    mode: int = 0o100644
    flags: int = 0
    method: int = 0
    size: int | None = None
    packed: int | None = None
    crc: int | None = None

    def sums(self) -> tuple[int, int, int]:
        crc = zlib.crc32(self.content) if self.crc is None else self.crc
        packed = len(self.content) if self.packed is None else self.packed
        return crc, packed, len(self.content) if self.size is None else self.size

    def local(self) -> bytes:
        numbers = (20, self.flags, self.method, 0, 33, *self.sums(), len(self.name), 0)
        said = struct.pack("<4s5H3L2H", b"PK\x03\x04", *numbers)
        return said + self.name + self.content

    def central(self, offset: int) -> bytes:
        made_by = 3 << 8 | 20
        numbers = (made_by, 20, self.flags, self.method, 0, 33, *self.sums(), len(self.name), 0, 0, 0, 0)
        said = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *numbers, self.mode << 16, offset)
        return said + self.name


@dataclass(frozen=True)
class Zip:
    """Entries in order, and how many the end claims."""

    entries: tuple[Entry, ...] = field(default_factory=tuple)
    count: int | None = None

    def bytes(self) -> bytes:
        body, directory = b"", b""
        for entry in self.entries:
            directory += entry.central(len(body))
            body += entry.local()
        count = len(self.entries) if self.count is None else self.count
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
        return body + directory + end

    def but(self, name: bytes, **changes: Any) -> Zip:
        """The same with one entry changed."""
        changed = tuple(replace(e, **changes) if e.name == name else e for e in self.entries)
        return replace(self, entries=changed)

    def without(self, name: bytes) -> Zip:
        return replace(self, entries=tuple(e for e in self.entries if e.name != name))

    def beside(self, name: bytes, content: bytes = b"x", **more: Any) -> Zip:
        return replace(self, entries=(*self.entries, Entry(name, content, **more)))


def example_feed() -> Feed:
    """A key, a record."""
    feed = Feed(Writer("node"))
    feed.key()
    feed.put("a")
    return feed


def about(feed: Feed, **changes: Any) -> bytes:
    """bundle.json of the whole of a feed in one part."""
    said = {
        "by": feed.writer.id, "epoch": epoch(1), "from": 0, "name": feed.name, "part": 1, "parts": 1, "size": feed.size,
    }  # fmt: skip
    return canonical({"bundle": {**said, **changes}}) + b"\n"


def bundle_of(feed: Feed, **changes: Any) -> Zip:
    """The bundle of a feed in one part."""
    files = {path: content for path, content in feed.files().items() if not path.startswith("inv/")}
    return Zip((Entry(b"bundle.json", about(feed, **changes)), *(Entry(p.encode(), c) for p, c in files.items())))


def make() -> CaseFile:
    file = CaseFile(
        "bundles",
        "Operation bundle: the bytes of a zip → whose feed, from which entry to which, which part of how many, and the "
        "files of a feed that are in it.",
    )
    good = bundle_of(example_feed())
    _good(file, good)
    _unreadable(file, good)
    _unsafe(file, good)
    _too_large(file, good)
    _about(file, good)
    return file


def _result(whole: Zip, **changes: Any) -> dict[str, Any]:
    names = sorted(entry.name.decode() for entry in whole.entries)
    feed = example_feed()
    return {"by": feed.writer.id, "files": names, "from": 0, "part": 1, "parts": 1, "size": 2} | changes


def _good(file: CaseFile, good: Zip) -> None:
    def valid(comment: str, came: Zip, **changes: Any) -> None:
        file.valid("BUN-1", "bundle", comment, {"bytes": bytes_of(came.bytes())}, _result(good) | changes)

    valid("a whole feed", good)
    valid("files in another order", replace(good, entries=tuple(reversed(good.entries))))
    valid("beside them a file that no feed has: it is left where it is", good.beside(b"readme.txt"))
    valid("folders as entries of their own", good.beside(b"log/", b"", mode=0o040755))
    valid("a zip made by a system without modes", good.but(b"head.json", mode=0))
    one = about(example_feed(), part=2, parts=3)
    valid("a part of several", good.but(b"bundle.json", content=one), part=2, parts=3)
    page = next(e.name for e in good.entries if e.name.startswith(b"log/"))
    left = [name for name in _result(good)["files"] if name != page.decode()]
    valid("a part without any page", good.without(page), files=left)


def _unreadable(file: CaseFile, good: Zip) -> None:
    whole = good.bytes()
    for comment, came in (
        ("an empty file", b""),
        ("no zip", b"head.json"),
        ("cut off in the middle", whole[: len(whole) // 2]),
        ("cut off by one byte", whole[:-1]),
        ("a file with a password", good.but(b"keys.json", flags=1).bytes()),
        ("a file packed as nobody here unpacks (bzip2)", good.but(b"keys.json", method=12).bytes()),
        ("a checksum that does not fit", good.but(b"head.json", crc=1).bytes()),
    ):
        file.invalid("BUN-1", "bundle", comment, {"bytes": bytes_of(came)}, "bundle_unreadable")


def _unsafe(file: CaseFile, good: Zip) -> None:
    for comment, name in (
        ("a way upwards", b"../head.json"),
        ("a way upwards in the middle", b"log/../../x"),
        ("from the root on", b"/etc/passwd"),
        ("a drive", b"C:/x"),
        ("a backslash", b"log\\..\\x"),
        ("a step of nothing", b"log//x"),
        ("a step of one point", b"./head.json"),
        ("a control character", b"log/\nx"),
        ("what ends at a zero byte", b"x.txt\x00.json"),
        ("longer than 255 bytes", b"x" * 256),
        ("a name twice", b"head.json"),
        ("a name twice, in capitals", b"HEAD.json"),
    ):
        file.invalid("BUN-2", "bundle", comment, {"bytes": bytes_of(good.beside(name).bytes())}, "bundle_unsafe")
    for comment, mode in (("a symbolic link", 0o120777), ("a device", 0o020644), ("a pipe", 0o010644)):
        came = good.beside(b"link", b"/etc", mode=mode)
        file.invalid("BUN-3", "bundle", comment, {"bytes": bytes_of(came.bytes())}, "bundle_unsafe")
    linked = good.but(b"keys.json", mode=0o120777)
    file.invalid("BUN-3", "bundle", "a link in place of a file", {"bytes": bytes_of(linked.bytes())}, "bundle_unsafe")


def _too_large(file: CaseFile, good: Zip) -> None:
    page = f"log/{epoch(1)}/001.ndjson".encode()
    for comment, came in (
        ("it claims more than 20,000 files", replace(good, count=20_001)),
        ("a file above its own limit", good.beside(page, size=20_000_000)),
        ("more than a hundred times the bytes of the zip", good.beside(page, size=18_000_000)),
        ("files laid one over the other", good.beside(page, packed=1_000_000, size=1_000_000)),
        ("more than a gigabyte in all", good.beside(b"x.bin", size=2**30)),
    ):
        file.invalid("BUN-4", "bundle", comment, {"bytes": bytes_of(came.bytes())}, "too_large")


def _about(file: CaseFile, good: Zip) -> None:
    feed = example_feed()

    def invalid(rule: str, comment: str, came: Zip, code: str, pointer: str = "") -> None:
        file.invalid(rule, "bundle", comment, {"bytes": bytes_of(came.bytes())}, code, pointer)

    for name in (b"bundle.json", b"head.json", b"keys.json"):
        invalid("BUN-5", f"without {name.decode()}", good.without(name), "malformed")
    for comment, pointer, changes in (
        ("part 0", "/bundle", {"part": 0}),
        ("a part beyond the last", "/bundle", {"part": 3, "parts": 2}),
        ("from beyond the end", "/bundle", {"from": 3}),
        ("a size that is no number", "/bundle/size", {"size": "2"}),
        ("an epoch that is none", "/bundle/epoch", {"epoch": "first"}),
        ("another size than the head's", "/head", {"size": 3}),
        ("another publisher than the head's", "/head", {"by": Writer("other").id}),
    ):
        invalid("BUN-5", comment, good.but(b"bundle.json", content=about(feed, **changes)), "malformed", pointer)
    hidden = bundle_of(feed, name="hub")
    invalid("BUN-6", "it says it carries a restricted feed", hidden, "restricted", "/bundle/name")
    feed.name = "partners"
    said = bundle_of(feed, name="public")
    invalid("BUN-6", "a public name over the head of a restricted feed", said, "restricted", "/head/name")
