"""Immutable files as they are served: the form a reader takes, a part of it, nothing when he has it, little memory."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import itertools
import os
import random
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from jisr_hub.storage.folder import FolderPages
from jisr_hub.web import files, negotiation
from jisr_hub.web import shelf as shelves
from jisr_hub.web.files import PIECE_BYTES, StandingFile
from jisr_hub.web.negotiation import Span, Unsatisfiable, codings, has, part
from jisr_hub.web.problem_documents import document
from jisr_hub.web.shelf import HELD_BYTES, Held, Shelf
from jisr_hub.web.unpacked import Packed, pieces

BODY = b"".join(b'{"seq":%d}\n' % n for n in range(60_000))
FORMS = {
    "identity": BODY,
    "gzip": gzip.compress(BODY, 6, mtime=0),
    "zstd": zstandard.compress(BODY, 3),
}
WEEK = "public, max-age=604800, immutable"


@pytest.fixture(params=["packed", "plain too"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A page as it stands, or as an older release left it."""
    path = tmp_path / "000.ndjson"
    for coding, suffix in (("identity", ""), ("gzip", ".gz"), ("zstd", ".zst")):
        if suffix or request.param == "plain too":
            path.with_name(path.name + suffix).write_bytes(FORMS[coding])
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A page that fits into one piece."""
    path, body = tmp_path / "001.ndjson", BODY[:5000]
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(body, 6, mtime=0))
    path.with_name(path.name + ".zst").write_bytes(zstandard.compress(body, 3))
    return path


class Answer:
    """What a response sent, message by message."""

    def __init__(self, path: Path, method: str = "GET", shelf: Shelf | None = None, **headers: str) -> None:
        self.messages: list[Any] = []
        response = StandingFile(
            str(path),
            cache=WEEK,
            media_type="application/x-ndjson",
            missing=lambda: document("page_missing", "gone"),
            shelf=shelf,
        )
        raw = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": "/", "headers": raw}

        async def send(message: Any) -> None:
            self.messages.append(message)

        anyio.run(response, scope, _receive, send)
        self.status: int = self.messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}
        self.body = b"".join(message.get("body", b"") for message in self.messages[1:])
        self.coding = self.headers.get("content-encoding", "identity")


async def _receive() -> Any:
    raise AssertionError("a file is sent without asking for anything")


# Which form


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("zstd", "zstd"),
        ("gzip", "gzip"),
        ("gzip, zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, gzip;q=0.8", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("zstd;q=0.000, gzip ; q=0.001", "gzip"),
        ("ZSTD", "zstd"),
        ("x-gzip", "gzip"),
        ("br", "identity"),
        ("*", "zstd"),
        ("*;q=0.1, gzip;q=0.5", "gzip"),
        ("zstd;q=0, *", "gzip"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0.5, gzip;q=0.1", "identity"),
        ("gzip;q=banana", "identity"),
        ("gzip;q=1.5", "identity"),
        ("identity;q=0, gzip", "gzip"),
        ("identity;q=0", "identity"),
        ("*;q=0", "identity"),
    ],
)
def test_the_form_is_the_one_a_reader_weighs_highest(page: Path, header: str | None, coding: str) -> None:
    answer = Answer(page, **({} if header is None else {"accept_encoding": header}))
    assert (answer.status, answer.coding, answer.body) == (200, coding, FORMS[coding])
    assert answer.headers["content-length"] == str(len(FORMS[coding]))
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["cache-control"] == WEEK
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["accept-ranges"] == "bytes"


def test_what_nobody_takes_is_an_empty_choice_and_a_form_that_lacks_is_passed_over(page: Path) -> None:
    assert codings("identity;q=0") == ()
    page.with_name(page.name + ".gz").unlink()
    assert Answer(page, accept_encoding="gzip").coding == "identity"
    page.with_name(page.name + ".gz").write_bytes(FORMS["gzip"])
    page.with_name(page.name + ".zst").unlink()
    assert Answer(page, accept_encoding="zstd, gzip").coding == "gzip"
    page.unlink(missing_ok=True)
    assert Answer(page, accept_encoding="zstd").status == 404
    page.with_name(page.name + ".gz").unlink()
    assert Answer(page, accept_encoding="zstd, gzip").status == 404


@given(st.text(max_size=60), st.sampled_from(["zstd", "gzip", "identity", "*"]), st.integers(0, 1000))
def test_no_header_makes_choosing_fail_and_a_weight_of_nothing_excludes(junk: str, coding: str, weight: int) -> None:
    assert set(codings(junk)) <= set(negotiation.CODINGS)
    chosen = codings(f"{coding};q={weight / 1000:.3f}")
    if coding != "*":
        assert (coding in chosen) is (weight > 0)


# Entity tags


def test_each_form_has_an_entity_tag_of_its_own_and_is_not_sent_again(page: Path) -> None:
    tags = {}
    for coding in FORMS:
        answer = Answer(page, accept_encoding=coding)
        tags[coding] = answer.headers["etag"]
        assert answer.headers["etag"].startswith('"'), "strong"
        again = Answer(page, accept_encoding=coding, if_none_match=f'"x", W/{tags[coding]}')
        assert (again.status, again.body) == (304, b"")
        assert again.headers == {"cache-control": WEEK, "etag": tags[coding], "vary": "Accept-Encoding"}
        assert Answer(page, accept_encoding=coding, if_none_match="*").status == 304
    assert len(set(tags.values())) == 3
    for one, other in itertools.permutations(FORMS, 2):
        assert Answer(page, accept_encoding=one, if_none_match=tags[other]).status == 200
    page.with_name(page.name + ".zst").write_bytes(FORMS["zstd"])
    os.utime(page.with_name(page.name + ".zst"), ns=(1, 1))
    assert Answer(page, accept_encoding="zstd", if_none_match=tags["zstd"]).status == 200, "written again"


def test_a_condition_stands_above_a_range_and_a_head_has_no_body(page: Path) -> None:
    whole = Answer(page, accept_encoding="gzip")
    etag = whole.headers["etag"]
    assert Answer(page, accept_encoding="gzip", if_none_match=etag, range="bytes=0-1").status == 304
    headed = Answer(page, "HEAD", accept_encoding="gzip")
    assert (headed.status, headed.body, headed.headers) == (200, b"", whole.headers)
    assert not has(None, etag) and not has("", etag)


# Parts


@pytest.mark.parametrize("coding", list(FORMS))
@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=100-299", 100, 300), ("bytes=1000-", 1000, None), ("bytes=-50", -50, None),
     ("bytes=5-99999999", 5, None), ("bytes=-99999999", 0, None)],
)  # fmt: skip
def test_a_part_is_of_the_form_that_is_sent(page: Path, coding: str, asked: str, start: int, end: int | None) -> None:
    form = FORMS[coding]
    etag = Answer(page, accept_encoding=coding).headers["etag"]
    answer = Answer(page, accept_encoding=coding, range=asked, if_range=etag)
    assert (answer.status, answer.body, answer.coding) == (206, form[start:end], coding)
    first = start % len(form)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(form[start:end]) - 1}/{len(form)}"
    assert answer.headers["content-length"] == str(len(form[start:end]))


def test_what_is_no_part_gets_the_whole_and_what_is_beyond_the_end_is_told(page: Path) -> None:
    for asked in ("bytes=0-5,9-12", "bytes=9-5", "bytes=-", "lines=0-5", "bytes=a-b", "bytes= 0-1"):
        assert Answer(page, range=asked).body == BODY, asked
    for named in ('"another"', "Sun, 22 Nov 2026 08:00:00 GMT", f"W/{Answer(page).headers['etag']}"):
        assert Answer(page, range="bytes=5-", if_range=named).status == 200, named
    for asked in (f"bytes={len(BODY)}-", "bytes=-0"):
        answer = Answer(page, range=asked)
        assert (answer.status, answer.body) == (416, b"")
        assert answer.headers["content-range"] == f"bytes */{len(BODY)}"


@given(st.text(max_size=30), st.integers(0, 100))
def test_no_range_makes_reading_fail(junk: str, size: int) -> None:
    for asked in (junk, "bytes=" + junk):
        try:
            found = part(asked, None, '"x"', size)
        except Unsatisfiable:
            continue
        assert found is None or 0 <= found.start < found.end <= size


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 100))
def test_a_part_is_within_the_file(first: int, last: int, size: int) -> None:
    try:
        found = part(f"bytes={first}-{last}", None, '"x"', size)
    except Unsatisfiable:
        assert first >= size
    else:
        assert found == (Span(first, min(size, last + 1)) if first <= last else None)


# Memory


Send = Callable[[Any], Awaitable[None]]


def most_held(response: StandingFile, headers: list[tuple[bytes, bytes]], send: Send) -> int:
    """Bytes held at the most while this is sent; what a first answer imports is not counted."""

    async def nowhere(_: Any) -> None:
        pass

    asked = {"type": "http", "method": "GET", "path": "/", "headers": headers}
    anyio.run(response, asked, _receive, nowhere)
    tracemalloc.start()
    try:
        anyio.run(response, asked, _receive, send)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_however_large_a_file_is_only_a_piece_of_it_is_in_memory(tmp_path: Path) -> None:
    path, size = tmp_path / "000.ndjson", 24 << 20
    with open(path, "wb") as file:
        file.truncate(size)
    response = StandingFile(str(path), cache=WEEK, media_type="x", missing=lambda: document("page_missing", ""))
    sent = pieces = 0

    async def send(message: Any) -> None:
        nonlocal sent, pieces
        sent, pieces = sent + len(message.get("body", b"")), pieces + 1

    peak = most_held(response, [], send)
    assert sent == size and pieces == 1 + size // PIECE_BYTES
    assert peak < 6 * PIECE_BYTES, f"{peak} bytes at the most"


@pytest.mark.parametrize("content", ["all the same", "random"])
def test_however_much_a_file_unpacks_to_only_a_piece_of_it_is_in_memory(tmp_path: Path, content: str) -> None:
    path, size = tmp_path / "000.ndjson", 16 << 20
    body = bytes(size) if content == "all the same" else random.Random(1).randbytes(size)
    path.with_name("000.ndjson.zst").write_bytes(zstandard.compress(body, 3))
    response = StandingFile(str(path), cache=WEEK, media_type="x", missing=lambda: document("page_missing", ""))
    sent, at = hashlib.sha256(), 0

    async def send(message: Any) -> None:
        nonlocal at
        sent.update(message.get("body", b""))
        at += len(message.get("body", b""))

    peak = most_held(response, [(b"range", b"bytes=%d-" % (5 << 20))], send)
    assert (at, sent.digest()) == (size - (5 << 20), hashlib.sha256(body[5 << 20 :]).digest())
    assert peak < 10 * PIECE_BYTES, f"{peak} bytes at the most"


@given(st.binary(max_size=3000), st.integers(0, 3000), st.integers(1, 3000), st.sampled_from([64, 700, 10_000]))
def test_a_part_of_what_stands_packed_is_that_part(body: bytes, start: int, size: int, piece_bytes: int) -> None:
    packed, span = zstandard.compress(body, 3), Span(start, min(len(body), start + size))

    async def reading(_: int, wanted: int, at: int) -> bytes:
        return packed[at : at + wanted]

    async def read() -> list[bytes]:
        source = Packed(0, len(packed), reading, piece_bytes)
        return [piece async for piece in pieces(source, span)] if span.start < span.end else []

    came = anyio.run(read)
    assert b"".join(came) == body[span.start : span.end]
    assert all(len(piece) <= piece_bytes for piece in came)


@pytest.mark.parametrize("how", ["cut", "bent", "other"])
def test_a_packed_file_that_is_damaged_is_not_sent_as_if_it_were_whole(tmp_path: Path, how: str) -> None:
    packed = zstandard.compress(BODY[:5000], 3)
    bent = {"cut": packed[:-9], "bent": packed[:20] + bytes(40) + packed[60:], "other": b"no frame"}[how]
    (tmp_path / "000.ndjson.zst").write_bytes(bent)
    if how == "other":
        assert Answer(tmp_path / "000.ndjson").status == 404
        return
    with pytest.raises(OSError, match=r"become shorter|damaged"):
        Answer(tmp_path / "000.ndjson")


def test_a_disk_that_has_to_be_read_first_is_read_aside(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_in_memory(*_: Any) -> int:
        raise BlockingIOError

    monkeypatch.setattr(files.os, "preadv", not_in_memory, raising=False)
    assert Answer(page).body == BODY
    monkeypatch.setattr(files, "_CACHED_ONLY", None)
    assert Answer(page).body == BODY


def test_no_descriptor_stays_open(page: Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    Answer(page)
    before = count()
    etag = Answer(page).headers["etag"]
    for _ in range(5):
        for headers in ({}, {"if_none_match": etag}, {"range": "bytes=0-1"}, {"range": "bytes=99999999-"}):
            Answer(page, **headers)
    assert count() == before


# Removing


def test_a_file_takes_its_forms_with_it(tmp_path: Path) -> None:
    pages = FolderPages(tmp_path)
    for name in ("log/a.ndjson", "log/a.ndjson.zst", "log/a.ndjson.gz", "log/b.ndjson.gz"):
        pages.write(name, b"x")
    pages.remove("log/a.ndjson")
    assert list(pages.list("log/")) == ["log/b.ndjson.gz"]
    pages.remove("log/b.ndjson.gz")
    assert list(pages.list("log/")) == []


# What is held ready


class Counted(Shelf):
    """A shelf that counts what was taken from it."""

    taken = 0

    def take(self, file: str, stands: os.stat_result) -> Held | None:
        held = super().take(file, stands)
        self.taken += held is not None
        return held


@pytest.mark.parametrize("coding", list(FORMS))
def test_what_is_held_goes_out_as_it_did_and_other_questions_are_answered_from_the_file(
    small: Path, coding: str
) -> None:
    shelf = Counted()
    answers = [Answer(small, shelf=shelf, accept_encoding=coding) for _ in range(3)]
    plain = Answer(small, accept_encoding=coding)
    assert shelf.taken == 2
    assert {(answer.status, answer.body) for answer in answers} == {(200, plain.body)}
    assert all(answer.headers == plain.headers for answer in answers)
    for method, asked in (
        ("HEAD", {}),
        ("GET", {"range": "bytes=0-9"}),
        ("GET", {"if_none_match": plain.headers["etag"]}),
        ("GET", {"if_range": '"other"', "range": "bytes=0-9"}),
    ):
        held, read = (Answer(small, method, on, accept_encoding=coding, **asked) for on in (shelf, None))
        assert (held.status, held.headers, held.body) == (read.status, read.headers, read.body)
    assert shelf.taken == 2


def test_what_is_removed_or_written_again_is_held_no_longer(small: Path) -> None:
    shelf = Counted()
    packed = small.with_name(small.name + ".gz")
    assert Answer(small, shelf=shelf, accept_encoding="gzip").coding == "gzip"
    held = packed.stat()
    packed.with_name("new").write_bytes(gzip.compress(b"other" * 20)[: held.st_size].ljust(held.st_size, b"x"))
    os.utime(packed.with_name("new"), ns=(held.st_atime_ns, held.st_mtime_ns))
    packed.with_name("new").replace(packed)  # as long, and as old, and another file all the same
    assert Answer(small, shelf=shelf, accept_encoding="gzip").body == packed.read_bytes()
    packed.unlink()
    answer = Answer(small, shelf=shelf, accept_encoding="gzip")
    assert (answer.coding, answer.body) == ("identity", BODY[:5000])
    Answer(small, shelf=shelf)
    FolderPages(small.parent).remove(small.name)
    assert Answer(small, shelf=shelf).status == Answer(small, shelf=shelf, accept_encoding="gzip").status == 404
    assert shelf.taken == 1


@pytest.mark.anyio
async def test_a_shelf_holds_so_many_bytes_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "HELD_SECONDS", 0.05)
    shelf, stands = Shelf(), os.stat(__file__)
    body, names = bytes(PIECE_BYTES), [str(number) for number in range(HELD_BYTES // PIECE_BYTES + 3)]
    for name in names:
        shelf.put(name, Held([], body, shelves.stood(stands)))
        shelf.put(name, Held([], body, shelves.stood(stands)))
    assert [name for name in names if shelf.take(name, stands) is None] == names[:3], "the oldest gave way"
    async with asyncio.timeout(20):
        while any(shelf.take(name, stands) for name in names):
            await asyncio.sleep(0.01)
    shelf.put("later", Held([], body, shelves.stood(stands)))
    assert shelf.take("later", stands) is not None


def test_what_is_larger_than_a_piece_is_not_held(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(PIECE_BYTES + 1))
    shelf = Counted()
    assert len(Answer(tmp_path / "large", shelf=shelf).body) == PIECE_BYTES + 1
    Answer(tmp_path / "large", shelf=shelf)
    assert shelf.taken == 0
