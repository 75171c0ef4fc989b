"""Good feeds with one file bent in any way: the reader ends with an outcome, and what it held stays what it was."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from tests.protocol.operations.given import VECTORS
from tests.protocol.test_hostile_bytes import _bent_bytes

NAMES = [
    *("every-op", "grown", "hub-of-two", "key-recovered", "key-rotated", "signed-again", "epoch-continued"),
    *("snapshot", "snapshot-below-floor", "snapshot-guard", "generations", "epoch-back"),
]


def rows(file: Path) -> list[Any]:
    """What a copy holds, and its cursor."""
    with open_copy(file) as copy:
        return [orjson.loads(line) for line in copy.dump()]


def _bend(folder: Path, data: st.DataObject) -> None:
    walked = (folder / "rec").is_dir()
    files = sorted(path for path in folder.rglob("*") if path.is_file() and (walked or path.parent.name != "inv"))
    file = data.draw(st.sampled_from(files))
    raw = file.read_bytes()
    deed = data.draw(st.sampled_from(["bit", "value", "value", "cut", "drop", "swap", "twice"]))
    if deed == "bit":
        at = data.draw(st.integers(0, len(raw) - 1))
        file.write_bytes(raw[:at] + bytes([raw[at] ^ 1 << data.draw(st.integers(0, 7))]) + raw[at + 1 :])
    elif deed == "value":
        file.write_bytes(_bent_bytes(raw, data))
    elif deed == "cut":
        file.write_bytes(raw[: data.draw(st.integers(0, len(raw) - 1))])
    elif deed == "drop":
        file.unlink()
    elif deed == "twice":
        file.write_bytes(raw * 2)
    else:
        file.write_bytes(data.draw(st.sampled_from(files)).read_bytes())


@given(st.sampled_from(NAMES), st.data())
def test_a_bent_feed_ends_with_an_outcome_and_takes_nothing_away(name: str, data: st.DataObject) -> None:
    case = VECTORS / "feeds" / name
    expected = json.loads((case / "expect.json").read_text("utf-8"))
    now = datetime.fromisoformat(expected["now"])
    with tempfile.TemporaryDirectory() as place:
        feed, file = Path(place) / "feed", Path(place) / "copy.jisr"
        held = None
        if expected["before"]:
            assert follow_once(case / "before", file, now=lambda: now).outcome == 0
            held = rows(file)
        shutil.copytree(case / "feed", feed)
        _bend(feed, data)
        result = follow_once(feed, file, now=lambda: now)
        if result.outcome == 0:
            found = [[row[column] for column in ("node", "id", "rev", "digest")] for row in rows(file)[:-1]]
            assert found in (expected["live"], _live_before(case)), "only what was signed is ever held"
        else:
            assert result.sentence
            assert (rows(file) if held else None) == held
        again = follow_once(case / "feed", file, now=lambda: now)
        assert again.outcome == 0, "and the good feed is read afterwards as if nothing had happened"


def _live_before(case: Path) -> list[Any] | None:
    """A bent head may be the older one: then what was held before stays."""
    before = case / "before"
    if not before.is_dir():
        return None
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "copy.jisr"
        now = datetime.fromisoformat(json.loads((case / "expect.json").read_text("utf-8"))["now"])
        follow_once(before, file, now=lambda: now)
        return [[row[column] for column in ("node", "id", "rev", "digest")] for row in rows(file)[:-1]]
