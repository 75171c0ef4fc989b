"""The command `jisr follow` over every feed in protocol/vectors/feeds: it exits as expect.json says.

What the copy holds afterwards is compared in test_vectors.py, through the reader's own interface.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jisr_protocol.reader import follow
from jisr_protocol.reader.cli import app

FEEDS = sorted(path.parent for path in (Path(__file__).parents[2] / "protocol/vectors/feeds").glob("*/expect.json"))


@pytest.mark.parametrize("folder", FEEDS, ids=lambda folder: folder.name)
def test_the_command_exits_as_the_feed_says(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected: dict[str, Any] = json.loads((folder / "expect.json").read_text("utf-8"))
    now = datetime.fromisoformat(expected["now"])
    monkeypatch.setattr(follow, "follow_once", partial(follow.follow_once, now=lambda: now))
    copy = str(tmp_path / "copy.jisr")
    if expected["before"]:
        assert CliRunner().invoke(app, ["follow", str(folder / expected["before"]), "--into", copy]).exit_code == 0
    result = CliRunner().invoke(app, ["follow", str(folder / "feed"), "--into", copy, "--json"])
    assert result.exit_code == expected["exit"], result.output
    if expected["exit"]:
        assert expected["code"] in result.output
        assert expected["rule"] in result.output
    if expected["exit"] == 20:
        assert list(tmp_path.glob("*.evidence/*.json"))


def test_every_exit_status_of_a_feed_is_in_the_vectors() -> None:
    """All but 30: a folder is always reachable."""
    exits = {json.loads((folder / "expect.json").read_text("utf-8"))["exit"] for folder in FEEDS}
    assert exits == {0, 10, 20, 21, 22}
