"""What docs/portal.md says works as it stands there."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jisr_protocol.session import Outcome
from tests.reader.publisher import FeedFolder

TEXT = (Path(__file__).parents[2] / "docs/portal.md").read_text("utf-8")


def test_the_lines_for_python_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feed = FeedFolder(tmp_path / "feed", now=datetime.now(UTC).replace(microsecond=0))
    record = feed.put()
    feed.fill(1050)
    feed.publish()
    [code] = re.findall("```python\n(.*?)```", TEXT, re.DOTALL)
    code = code.replace("https://hub.example/feeds/public/", str(feed.folder)).replace("jisr:…", feed.writer.id)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/portal.md", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.startswith("0 everything the publisher signs is here and verified")
    assert record.value["id"] in printed
    assert next(line.split()[:2] for line in printed.splitlines() if " put jisr:" in line) == ["1042", "put"]
    assert "checked" in printed


def test_every_status_is_in_the_table() -> None:
    listed = {int(row) for row in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)}
    assert listed == {int(outcome) for outcome in Outcome} | {64}
