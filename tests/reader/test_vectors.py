"""The feeds in protocol/vectors/feeds, read by the whole reader: status, code, rows and refusals are as they say."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import orjson
import pytest

from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy

FEEDS = sorted(path.parent for path in (Path(__file__).parents[2] / "protocol/vectors/feeds").glob("*/expect.json"))


@pytest.mark.parametrize("folder", FEEDS, ids=lambda folder: folder.name)
def test_the_reader_ends_as_the_feed_says(folder: Path, tmp_path: Path) -> None:
    expected = json.loads((folder / "expect.json").read_text("utf-8"))
    file, now = tmp_path / "copy.jisr", datetime.fromisoformat(expected["now"])
    if expected["before"]:
        assert follow_once(folder / expected["before"], file, now=lambda: now).outcome == 0
    result = follow_once(folder / "feed", file, now=lambda: now)
    assert (int(result.outcome), result.refusal.code if result.refusal else None) == (
        expected["exit"],
        expected["code"],
    )
    assert file.exists() == bool(expected["exit"] == 0 or expected["before"])
    assert sorted(rows(file)) == expected["live"]
    if result.outcome == 0 and result.changed:
        assert {(r.seq, r.code) for r in result.refused} <= {(r["seq"], r["code"]) for r in expected["refused"]}
        assert bool(result.refused) == bool(expected["refused"])


def rows(file: Path) -> list[list[object]]:
    if not file.exists():
        return []
    with open_copy(file) as copy:
        lines = [orjson.loads(line) for line in copy.dump()][:-1]
    return [[line[name] for name in ("node", "id", "rev", "digest")] for line in lines]
