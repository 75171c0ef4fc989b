"""Immutable files as they are served: the form a reader takes, a part of it, nothing when he has it, little memory."""

from __future__ import annotations

import gzip
import itertools
import os
import tracemalloc
from pathlib import Path
from typing import Any

import anyio
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from jisr_hub.storage.folder import FolderPages
from jisr_hub.web import files, negotiation
from jisr_hub.web.files import PIECE_BYTES, StandingFile
from jisr_hub.web.negotiation import Span, Unsatisfiable, codings, has, part
from jisr_hub.web.problem_documents import document

BODY = b"".join(b'{"seq":%d}\n' % n for n in range(60_000))
FORMS = {
    "identity": BODY,
    "gzip": gzip.compress(BODY, 6, mtime=0),
    "zstd": zstandard.compress(BODY, 3),
}
WEEK = "public, max-age=604800, immutable"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "000.ndjson"
    for coding, suffix in (("identity", ""), ("gzip", ".gz"), ("zstd", ".zst")):
        path.with_name(path.name + suffix).write_bytes(FORMS[coding])
    return path


class Answer:
    """What a response sent, message by message."""

    def __init__(self, path: Path, method: str = "GET", **headers: str) -> None:
        self.messages: list[Any] = []
        response = StandingFile(
            str(path), cache=WEEK, media_type="application/x-ndjson", missing=lambda: document("page_missing", "gone")
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
    page.with_name(page.name + ".zst").unlink()
    assert Answer(page, accept_encoding="zstd, gzip").coding == "gzip"
    page.with_name(page.name + ".gz").unlink()
    assert Answer(page, accept_encoding="zstd, gzip").coding == "identity"
    page.unlink()
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


def test_however_large_a_file_is_only_a_piece_of_it_is_in_memory(tmp_path: Path) -> None:
    path, size, peak = tmp_path / "000.ndjson", 24 << 20, 0
    with open(path, "wb") as file:
        file.truncate(size)
    response = StandingFile(str(path), cache=WEEK, media_type="x", missing=lambda: document("page_missing", ""))
    sent = pieces = 0

    async def send(message: Any) -> None:
        nonlocal sent, pieces
        sent, pieces = sent + len(message.get("body", b"")), pieces + 1

    tracemalloc.start()
    try:
        anyio.run(response, {"type": "http", "method": "GET", "path": "/", "headers": []}, _receive, send)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sent == size and pieces == 1 + size // PIECE_BYTES
    assert peak < 4 * PIECE_BYTES, f"{peak} bytes at the most"


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
