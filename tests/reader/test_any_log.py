"""Whatever a log says, the reader's copy holds exactly what the plain fold of its entries holds (LIVE-1 to LIVE-3)."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from jisr_protocol import entry, envelope, head, keys, live, paths, state_tree
from jisr_protocol.entry import Entry
from jisr_protocol.keys import SigningKey
from jisr_protocol.merkle import Tree
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AT = "2026-05-01T08:00:00Z"
KEY = SigningKey(bytes(32))
FIRST = envelope.sealed("key", keys.first_statement(KEY, [], role="node", created=AT, salt="A" * 22), KEY)
RING = keys.begin(FIRST)

Word = tuple[str, int, int, int]
"""op, record, rev, which of two contents"""

words = st.tuples(
    st.sampled_from(["put", "put", "put", "del", "out", "erase", "hold", "unhold", "mark"]),
    st.integers(-1, 3),
    st.integers(1, 4),
    st.integers(0, 1),
)


def record_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def line(seq: int, word: Word) -> bytes:
    """The line of a word; record −1 means all records, where an op can mean that."""
    op, number, rev, content = word
    id_ = record_id(max(number, 0))
    common = {"audience": "public", "id": id_, "node": RING.id, "rev": rev, "salt": "AQ"[content] * 22}
    if op == "put":
        value: dict[str, Any] = common | {"type": "org.jisr.news/1"}
        return entry.write("put", envelope.sealed("record", value, KEY), seq=seq, at=AT)
    if op == "del":
        value = common | {"modified": AT, "of": "org.jisr.news/1"}
        return entry.write("del", envelope.sealed("tombstone", value, KEY), seq=seq, at=AT)
    if op == "out":
        return entry.write_out(seq=seq, at=AT, node=RING.id, id=id_, rev=rev, digest="0" * 64, type="org.jisr.news/1")
    if op == "mark":
        return orjson.dumps({"at": AT, "op": "mark", "seq": seq})
    value = {"by": RING.id, "max_rev": rev if content else None, "node": RING.id}
    target = "*" if number < 0 else id_
    return entry.write(op, envelope.sealed("notice", value, KEY), seq=seq, at=AT, target=target)


def publish(folder: Path, lines: list[bytes], minute: int) -> list[Entry]:
    """The static feed of these lines; returns them, read."""
    read = [entry.parse(raw) for raw in lines]
    rows = [(*place, *row) for place, row in live.fold(read).items()]
    signed = head.write(
        KEY, by=RING.id, name="public", epoch="1-aaaaaaaa", size=len(lines), live=len(rows),
        log_root=Tree(e.leaf for e in read).root(), state_root=state_tree.build(rows)[0].root(),
        time=NOW + timedelta(minutes=minute), valid_for=timedelta(days=1), next_in=timedelta(hours=1),
    )  # fmt: skip
    for number, width, path in paths.pages("1-aaaaaaaa", 0, len(lines)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"".join(raw + b"\n" for raw in lines[256 * number : 256 * number + width]))
    (folder / "keys.json").write_bytes(keys.write_file(RING))
    (folder / "head.json").write_bytes(signed.raw)
    return read


def accepted_of(read: list[Entry]) -> dict[str, int]:
    """The plain rule of revs and guards: the highest rev of each record deleted, or put while nothing kept it out."""
    highest: dict[str, int] = {}
    guards: list[Entry] = []
    for one in read:
        if one.op in ("erase", "hold"):
            guards.append(one)
        elif one.op == "unhold":
            guards = [guard for guard in guards if guard.op == "erase" or one.id not in (guard.id, "*")]
        elif one.op in ("put", "del") and one.node and one.id and one.rev:
            kept_out = any(live.matches(guard, one.node, one.id, one.rev) for guard in guards)
            if one.op == "del" or not kept_out:
                highest[one.id] = max(highest.get(one.id, 0), one.rev)
    return highest


@given(st.lists(words, max_size=24), st.integers(0, 24))
def test_the_copy_holds_what_the_plain_fold_of_the_log_holds(log: list[Word], first: int) -> None:
    lines = [entry.write("key", FIRST, seq=0, at=AT)]
    lines += [line(seq, word) for seq, word in enumerate(log, start=1)]
    with tempfile.TemporaryDirectory() as place:
        folder, file = Path(place) / "feed", Path(place) / "copy.jisr"
        for minute, size in enumerate((min(first + 1, len(lines)), len(lines))):
            read = publish(folder, lines[:size], minute)
            result = follow_once(folder, file, now=lambda: NOW + timedelta(minutes=5))
            assert result.outcome == 0, result.sentence
            with open_copy(file) as copy:
                held = [orjson.loads(row) for row in copy.dump()][:-1]
            rows = {(row["node"], row["id"]): (row["rev"], row["digest"]) for row in held}
            assert rows == live.fold(read)
            shown = {row["id"]: row["rev"] for row in held if row["status"] == "verified"}
            assert all(accepted_of(read).get(id_) == rev for id_, rev in shown.items())
