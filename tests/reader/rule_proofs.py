"""Proofs of the reader's rules that no vector can say: they need a copy that is looked at between two steps."""

from __future__ import annotations

import tempfile
from pathlib import Path

import orjson

from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from tests.protocol.proofs import proves
from tests.reader.bulk_logs import bent_signature
from tests.reader.publisher import FeedFolder


@proves("READ-17")
def what_was_taken_in_bulk_and_is_not_signed_is_not_given_out() -> None:
    with tempfile.TemporaryDirectory() as place:
        copy = _taken_in_bulk(Path(place))
        with open_copy(copy) as held:
            assert len(list(held.records())) == 2
            assert [change.seq for change in held.changes() if change.op == "put"] == [1, 3]


@proves("READ-17")
def what_was_taken_in_bulk_and_is_not_signed_is_not_called_verified() -> None:
    with tempfile.TemporaryDirectory() as place:
        copy = _taken_in_bulk(Path(place))
        with open_copy(copy) as held:
            statuses = sorted(orjson.loads(line)["status"] for line in list(held.dump())[:-1])
        assert statuses == ["signature_invalid", "verified", "verified"]


def _taken_in_bulk(place: Path) -> Path:
    """A copy of three records, of which the second is not signed."""
    feed, copy = FeedFolder(place / "feed"), place / "copy.jisr"
    feed.puts(3)
    feed.publish()
    feed.bend.line(2, bent_signature)
    assert follow_once(feed.folder, copy, bulk=True, now=lambda: feed.now).outcome == 0
    return copy
