"""What the reader's tests share: a feed, a reader of it, and the story "nothing moved"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jisr_protocol import evidence
from jisr_protocol.evidence import Evidence
from jisr_protocol.reader.follow import Result, follow_once
from jisr_protocol.reader.store import Copy, Record, open_copy
from jisr_protocol.session import Outcome
from tests.reader.publisher import FeedFolder


class Reader:
    """A reader with its copy. It believes the time to be that of the feed, unless told otherwise."""

    def __init__(self, feed: FeedFolder, file: Path) -> None:
        self.feed, self.file = feed, file

    def follow(self, source: str | Path | None = None, **options: Any) -> Result:
        options.setdefault("now", lambda: self.feed.now)
        return follow_once(source or self.feed.folder, self.file, **options)

    def verified(self, source: str | Path | None = None, **options: Any) -> Result:
        """Follow; it must end verified."""
        result = self.follow(source, **options)
        assert result.outcome is Outcome.VERIFIED, result.sentence
        return result

    def open(self) -> Copy:
        return open_copy(self.file)

    def dump(self) -> list[bytes] | None:
        """The lines of `jisr dump`; None when there is no copy."""
        if not self.file.exists():
            return None
        with self.open() as copy:
            return list(copy.dump())

    def statuses(self) -> dict[str, str]:
        """The status of every record in the tree, by id."""
        import orjson

        lines = [orjson.loads(line) for line in (self.dump() or [])[:-1]]
        return {line["id"]: line["status"] for line in lines}

    def records(self) -> dict[str, Record]:
        with self.open() as copy:
            return {record.id: record for record in copy.records()}

    def evidence(self) -> dict[str, bytes]:
        """Every file of the evidence folder, by its path there."""
        folder = self.file.with_name(self.file.name + ".evidence")
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    def cases(self) -> list[Evidence]:
        """What is kept as evidence, read again."""
        return [evidence.parse(content) for content in self.evidence().values()]

    def whole(self) -> list[tuple[Any, ...]]:
        """Every row of every table but the time of the last check."""
        import sqlite3

        connection = sqlite3.connect(self.file)
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows = [(name, *row) for name in sorted(names) for row in connection.execute(f"SELECT * FROM {name}")]
        connection.close()
        return [tuple(row[:-1]) if row[0] == "feed" else row for row in rows]

    @contextmanager
    def unmoved(self) -> Iterator[None]:
        """Whatever happens inside leaves the copy as it was, row for row and line for line."""
        held = self.file.exists()
        before, dump = (self.whole(), self.dump()) if held else ([], None)
        yield
        assert self.file.exists() == held
        if held:
            assert self.dump() == dump
            assert self.whole() == before


@pytest.fixture
def feed(tmp_path: Path) -> FeedFolder:
    """A node's own feed; only its first key statement is in it."""
    return FeedFolder(tmp_path / "feed")


@pytest.fixture
def hub(tmp_path: Path) -> FeedFolder:
    """A hub's feed."""
    return FeedFolder(tmp_path / "hub", label="hub", role="hub")


@pytest.fixture
def reader(feed: FeedFolder, tmp_path: Path) -> Reader:
    """A reader of `feed`."""
    return Reader(feed, tmp_path / "copy.jisr")


@pytest.fixture
def hub_reader(hub: FeedFolder, tmp_path: Path) -> Reader:
    """A reader of `hub`."""
    return Reader(hub, tmp_path / "hub-copy.jisr")
