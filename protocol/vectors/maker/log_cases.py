"""Cases of docs/spec/feed.md and live-set.md: names of pages, lines, and what a log holds in the end."""

from __future__ import annotations

from . import entries
from .cases import CaseFile, bytes_of
from .feed import Feed, page_path
from .primitives import Writer, epoch, sha256, uuid


def make_pages() -> CaseFile:
    file = CaseFile(
        "pages",
        "Operation path: page number, width, generation → path. Operation pages: positions → the pages that hold them. "
        "Operation lines: the bytes of a page → how many entries.",
    )
    where = epoch(1)
    for number, width, generation in (
        (0, 256, 1), (1, 256, 1), (255, 256, 1), (407, 256, 1), (999, 256, 1), (1000, 256, 1), (1407, 256, 1),
        (999_999, 256, 1), (1_234_067, 256, 1), (0, 1, 1), (407, 37, 1), (1407, 255, 1), (12, 256, 2), (407, 37, 2),
    ):  # fmt: skip
        given = {"epoch": where, "generation": generation, "number": number, "width": width}
        comment = f"page {number}, {width} entries, generation {generation}"
        file.valid("PATH-1", "path", comment, given, {"path": page_path(where, number, width, generation)})
    for comment, start, size in (
        ("nothing new", 5, 5),
        ("the first page, partial", 0, 5),
        ("exactly one page", 0, 256),
        ("one page and one entry", 0, 257),
        ("from inside a page on", 300, 600),
        ("from the end of a page on", 256, 300),
    ):
        last = range(start // 256, -(-size // 256)) if start < size else range(0)
        paths = [page_path(where, n, min(256, size - 256 * n)) for n in last]
        file.valid("PATH-1", "pages", comment, {"epoch": where, "size": size, "start": start}, {"paths": paths})
    two = (
        entries.put(7, entries.record(Writer("node"), "a"), Writer("node").key).raw
        + b"\n"
        + entries.other(8, "mark").raw
        + b"\n"
    )
    file.valid("PAGE-4", "lines", "two lines", {"bytes": bytes_of(two)}, {"entries": 2})
    file.valid("PAGE-4", "lines", "no line", {"bytes": bytes_of(b"")}, {"entries": 0})
    for rule, code, comment, raw, pointer in (
        ("PAGE-4", "not_canonical", "the last line feed is missing", two[:-1], ""),
        ("CAN-1", "not_json", "an empty line between", two.replace(b"\n", b"\n\n", 1), "/1"),
        ("CAN-1", "not_json", "an empty line at the end", two + b"\n", "/2"),
        ("CAN-2", "not_canonical", "a carriage return before the line feed", two.replace(b"\n", b"\r\n"), "/0"),
        ("CAN-1", "not_json", "a byte order mark", b"\xef\xbb\xbf" + two, "/0"),
        ("ENT-1", "malformed", "a line that is no entry", two + b"{}\n", "/2"),
    ):
        file.invalid(rule, "lines", comment, {"bytes": bytes_of(raw)}, code, pointer)
    return file


def make_live() -> CaseFile:
    file = CaseFile(
        "live-set",
        "Operation live: the lines of a log → what is live. Operation order: rev and digest against what is held.",
    )
    one, two = sha256(b"1").hex(), sha256(b"2").hex()
    for comment, held, offered, order in (
        ("nothing is held", [None, None], [1, one], "rises"),
        ("a higher rev", [1, one], [2, two], "rises"),
        ("a higher rev of the same content", [1, one], [9, one], "rises"),
        ("the same again", [2, two], [2, two], "same"),
        ("a lower rev", [2, two], [1, one], "falls"),
        ("the same rev, other content", [2, one], [2, two], "contradicts"),
    ):
        file.valid("LIVE-3", "order", comment, {"held": held, "offered": offered}, {"order": order})
    for comment, feed in _logs():
        lines = [bytes_of(line.raw) for line in feed.lines]
        file.valid("LIVE-1", "live", comment, {"lines": lines}, {"live": [list(row) for row in feed.rows]})
    return file


def _logs() -> list[tuple[str, Feed]]:
    logs = []

    def log(comment: str) -> Feed:
        feed = Feed(Writer("node"))
        logs.append((comment, feed))
        return feed

    log("no entry")
    feed = log("put, put again, deleted, put again")
    for rev in (1, 2):
        feed.put("a", rev)
    feed.delete("a", 3)
    feed.put("a", 4)
    feed = log("out of the view and in again")
    feed.put("a")
    feed.add(entries.out(1, feed.lines[0]))
    feed.put("a")
    feed = log("the log decides, not the rev: a lower rev put later is what the feed says it holds")
    feed.put("a", 5)
    feed.put("a", 3)
    feed = log("an erase up to rev 2 of everything leaves what is newer, and another node's")
    feed.put("a", 2)
    feed.put("b", 3)
    feed.put("c", 1, writer=Writer("other node"))
    notice = feed.writer.key.sign("notice", entries.notice(feed.writer, feed.writer.id, "erase", "*", 2))
    feed.add(entries.acted(3, "erase", notice, "*"))
    feed = log("a hold of one record at any rev; an unhold changes nothing, a put brings it back")
    feed.put("a", 2)
    feed.put("b", 2)
    notice = feed.writer.key.sign("notice", entries.notice(feed.writer, feed.writer.id, "hold", [uuid("a")], None))
    feed.add(entries.acted(2, "hold", notice, uuid("a")))
    feed.add(entries.acted(3, "unhold", notice, uuid("a")))
    feed.put("b", 2)
    feed = log("keys and unknown ops change nothing")
    feed.key()
    feed.put("a")
    feed.add(entries.other(2, "bless", id=uuid("a"), node=feed.writer.id, rev=1))
    feed = log("a deletion of what is not there")
    feed.delete("a", 1)
    feed = log("stubs count like what they stand for")
    feed.put("a")
    feed.put("b")
    feed.put("a", 2)
    feed.lines[0] = entries.stub(feed.lines[0], "superseded")
    return logs
