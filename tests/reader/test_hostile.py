"""A publisher that means harm and signs properly, and lines that damage what they carry: a follow always ends with an
outcome and a sentence, never with an error of ours, and what was stored stays."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jisr_protocol import canonical, envelope
from jisr_protocol.reader.follow import Unwritable, follow_once, printable
from jisr_protocol.refusal import Refusal
from jisr_protocol.session import Outcome
from tests.reader.conftest import Reader
from tests.reader.publisher import NOW, FeedFolder
from tests.reader.server import FeedServer

WEIRD: list[Any] = [
    None,
    True,
    0,
    -1,
    2**53 - 1,
    1.5,
    "",
    "x",
    "x" * 5000,
    [],
    [[]],
    {},
    {"a": {}},
    "1-aaaaaaaa",
    "\u202e",
]


def sign_anything(feed: FeedFolder, value: Any) -> bytes:
    """A head file of this value, properly signed however absurd it is."""
    body = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return envelope.wrap("head", feed.writer.key.sign("head", body), body) + b"\n"


def test_a_head_may_say_anything_properly_signed(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(3)
    feed.publish()
    reader.verified()
    honest = orjson.loads((feed.folder / "head.json").read_bytes())["head"]
    with reader.unmoved():
        for member in honest:
            for weird in WEIRD:
                feed.write("head.json", sign_anything(feed, {**honest, member: weird}))
                outcome = reader.follow().outcome
                assert outcome in (Outcome.BROKEN, Outcome.CONTRADICTED, Outcome.STALE, Outcome.VERIFIED)
                if outcome is Outcome.VERIFIED:
                    assert honest[member] == weird
            feed.write("head.json", sign_anything(feed, {k: v for k, v in honest.items() if k != member}))
            assert reader.follow().outcome is Outcome.BROKEN


def test_a_head_that_claims_a_colossal_log_costs_nothing(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(3)
    feed.publish()
    reader.verified()
    feed.bend.head(size=2**53 - 1, live=3)
    started = time.process_time()
    with reader.unmoved():
        result = reader.follow()
    assert result.refusal is not None
    assert (result.outcome, result.refusal.rule) == (Outcome.BROKEN, "PAGE-1")
    assert time.process_time() - started < 2


def damaged(body: bytes, dice: random.Random) -> bytes:
    """The bytes with one of the usual accidents."""
    at = dice.randrange(len(body) + 1)
    to = min(len(body), at + dice.choice((1, 3, 40, 400)))
    piece = body[at:to]
    return dice.choice(
        [
            body[:at] + body[to:],
            body[:at] + piece * 2 + body[to:],
            body[:at] + bytes(dice.randrange(256) for _ in piece) + body[to:],
            body[:at],
            body[:at] + b"\n" + body[at:],
            body[:at] + dice.choice((b'"', b"{", b"]", b"null", b"9" * 400, b"[" * 4000, b"\xf0\x9f")) + body[to:],
            piece,
        ]
    )


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_no_accident_to_a_file_ends_in_an_error_of_ours(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("accident")
    feed = FeedFolder(folder / "feed")
    reader = Reader(feed, folder / "copy.jisr")
    first = feed.put()
    feed.publish(inventory=False)
    reader.verified()
    feed.edit(first)
    feed.delete(feed.put())
    feed.raw(op="praise", object={})
    feed.key_entry(feed.writer.add_key())
    feed.puts(2)
    feed.publish(inventory=False)
    dice = random.Random(seed)
    files = [feed.page_path(0), feed.folder / "head.json", feed.folder / "keys.json"]
    file = dice.choice(files)
    whole = file.read_bytes()
    file.write_bytes(damaged(whole, dice))
    before = reader.dump()
    result = reader.follow()
    assert result.sentence
    if result.outcome is not Outcome.VERIFIED:
        assert reader.dump() == before
    file.write_bytes(whole)
    reader.verified()


def test_what_others_send_cannot_steer_a_terminal(feed: FeedFolder, reader: Reader) -> None:
    feed.write("head.json", b"\x1b]0;gotcha\x07\x1b[2J\x9b31m")
    result = reader.follow()
    assert result.outcome is Outcome.BROKEN
    assert result.sentence.isprintable()
    assert printable("a\x1b[2Jb\n\u202e") == "a\ufffd[2Jb\ufffd\ufffd"


def test_evidence_of_countless_contradictions_does_not_fill_the_disk(feed: FeedFolder, reader: Reader) -> None:
    first = feed.put()
    for number in range(150):
        feed.put(id=first.value["id"], note=str(number))
    feed.publish()
    result = reader.verified()
    assert len(result.refused) >= 1
    assert len({Path(name).parts[0] for name in reader.evidence()}) == 100


def test_a_full_disk_changes_nothing_and_says_so(feed: FeedFolder, reader: Reader, monkeypatch: Any) -> None:
    from jisr_protocol.reader import store

    feed.puts(3)
    feed.publish()
    reader.verified()
    feed.puts(600)
    feed.publish()
    connect: Callable[..., sqlite3.Connection] = store.connect

    def small(path: Path, *, create: bool) -> sqlite3.Connection:
        connection = connect(path, create=create)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 3}")
        return connection

    with reader.unmoved():
        monkeypatch.setattr(store, "connect", small)
        with pytest.raises(Unwritable, match="Make room"):
            reader.follow()
        monkeypatch.undo()
    reader.verified()


def test_a_page_larger_than_any_page_may_be_is_not_read_to_its_end(feed: FeedFolder, reader: Reader) -> None:
    from jisr_protocol.limits import PAGE_BYTES

    feed.puts(3)
    feed.publish()
    with feed.page_path(0).open("ab") as page:
        page.truncate(PAGE_BYTES + 1)
    for source in (None, "http"):
        with FeedServer(feed.folder) as server:
            result = reader.follow(server.address if source else None, allow_private=True)
        assert result.refusal is not None
        assert (result.outcome, result.refusal.rule, result.refusal.code) == (Outcome.BROKEN, "LIM-4", "inflate_limit")


def test_an_entry_deeper_or_larger_than_allowed_breaks_the_page(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(3)
    feed.publish()
    honest = feed.page_path(0).read_bytes()
    for bomb in (b"[" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b'"' + b"x" * 80_000 + b'"'):
        feed.page_path(0).write_bytes(honest.replace(b"\n", b"\n" + bomb + b"\n", 1))
        assert reader.follow().outcome is Outcome.BROKEN


def _instead(line: bytes) -> Callable[[bytes], bytes]:
    return lambda _: line


def test_values_that_are_canonical_but_absurd_are_refused_by_name(feed: FeedFolder, reader: Reader) -> None:
    """Each member of an entry and of its record replaced by each absurd value, signed anew."""
    honest = feed.put()
    base = orjson.loads(feed.lines[-1])
    for place, member in [(p, m) for p in ("", "record") for m in (base if not p else base[p])]:
        for weird in WEIRD:
            value = orjson.loads(feed.lines[-1])
            (value if not place else value[place])[member] = weird
            try:
                body = canonical.dumps(value["record"]) if isinstance(value["record"], dict) else b"{}"
            except Refusal:
                continue
            if place:
                value["jws"] = feed.writer.key.sign("record", body)
            feed.publish(inventory=False)
            feed.bend.line(feed.size - 1, _instead(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)))
            file = reader.file.with_name("absurd.jisr")
            result = follow_once(feed.folder, file, now=lambda: NOW)
            assert result.outcome in (Outcome.BROKEN, Outcome.VERIFIED), (place, member, weird)
            if result.outcome is Outcome.VERIFIED:
                assert result.refused_live == 1, (place, member, weird)
            file.unlink(missing_ok=True)
    assert honest.value["rev"] == 1
