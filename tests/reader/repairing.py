"""What it costs to put a copy right of which some records differ, at any size."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence

from jisr_protocol import paths
from tests.reader.conftest import Reader
from tests.reader.publisher import FeedFolder


def check_costs(
    feed: FeedFolder, reader: Reader, total: int, differing: Sequence[int], figure: Callable[..., None]
) -> None:
    """A publisher of `total` records loses the newest edits of some of them; a reader that holds the edits follows.

    Requests and bytes rise with the difference, nothing is repaired twice, and all of it again would cost far more.
    """
    records = feed.puts(total)
    backup = feed.size
    feed.publish(inventory=False)
    reader.verified()
    chance = random.Random(4)
    costs = []
    for count in differing:
        feed.lines, feed.epoch, feed.bases = feed.lines[:backup], "1-aaaaaaaa", ()
        shutil.rmtree(feed.folder / "inv", ignore_errors=True)
        own = Reader(feed, reader.file.with_name(f"{count}.jisr"))
        shutil.copy(reader.file, own.file)
        chosen = chance.sample(range(total - 200), count)
        for number in chosen:
            feed.edit(records[number])
        feed.publish(inventory=False)
        own.verified()
        feed.new_epoch(backup)
        feed.put()
        feed.publish()
        for number in chosen:
            path = paths.record(feed.writer.id, records[number].value["id"], 1)
            feed.write(path, feed.lines[number + 1] + b"\n")
        result = own.verified()
        costs.append((result.requests, result.received_bytes))
        figure(f"{count:,} of {total:,} differ: {result.requests:,} requests, {result.received_bytes:,} bytes")
        assert result.repaired == count
        again = own.verified()
        assert (again.repaired, again.requests) == (0, 1), "nothing is repaired twice"
    late = Reader(feed, reader.file.with_name("late.jisr"))
    all_bytes = late.verified().received_bytes
    figure(f"all of it: {all_bytes:,} bytes")
    pages = 1 + 1  # the head, and the page from which it reads on
    for (requests, _), count in zip(costs, differing, strict=True):
        assert requests <= pages + 2 * count + 66, "a record and at most its bucket each, and the nodes above"
    assert costs == sorted(costs) and len(set(costs)) == len(costs)
    assert costs[-1][1] < all_bytes
