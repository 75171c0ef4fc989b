"""A first sync over a poor line that is cut again and again: how much came twice, and how long it took."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.corpus import SEED, records
from jisr_protocol import envelope
from jisr_protocol.reader.follow import follow_once
from tests.federation.poor_line import Line, Measured, StreamLine, TunnelLine
from tests.reader.publisher import FeedFolder

CUTS = 20
MOST_RUNS = 60
HEAD_AND_KEYS_BYTES = 4096
"""What each further run asks for anew: the head, and the keys of its signer."""


@dataclass(frozen=True)
class Told:
    """What a sync over the line came to."""

    seconds: float
    needed_bytes: int
    wire_bytes: int
    repeated: list[int]
    largest_page: int
    cuts: int
    runs: int
    live: int

    def said(self) -> str:
        """The figures."""
        most, total = max(self.repeated, default=0), sum(self.repeated)
        return (
            f"{self.cuts} cuts, {self.runs} runs, {self.seconds:.0f} s; {self.wire_bytes} bytes came,"
            f" {self.needed_bytes} are needed, {total} came twice, {most} at most for one cut"
            f" (a page has {self.largest_page})"
        )

    def extrapolated(self, line: Line, records: int, wanted: int = 100_000) -> str:
        """At true speed, in proportion to the records: worked out, not measured."""
        hours = self.seconds * line.faster * wanted / records / 3600
        return f"EXTRAPOLATED, not measured: {wanted} records at 64 kbit/s in {hours:.1f} hours"


def said_of(measured: Measured) -> str:
    """The line, as measured."""
    lost = "no packet can be lost" if measured.loss is None else f"{measured.loss:.1%} of packets lost"
    rate, round_trip = measured.rate * 8 / 1000, measured.round_trip * 1000
    return f"measured {rate:.0f} kbit/s, {round_trip:.0f} ms there and back, {lost}"


def feed_of(folder: Path, count: int) -> FeedFolder:
    """A node's feed of this many records in several scripts."""
    feed = FeedFolder(folder)
    for value in records(count, feed.writer.id, random.Random(SEED)):
        feed.add("put", envelope.sealed("record", value, feed.writer.key))
    feed.publish()
    return feed


def check(line: Line, measured: Measured) -> None:
    """The line is what it is said to be."""
    stalls = 0.15 if measured.loss is not None else 0.3
    assert abs(measured.rate / line.rate - 1) < stalls, (measured.rate, line.rate)
    assert 2 * line.delay <= measured.round_trip < 2 * line.delay + 0.25, (measured.round_trip, line.delay)
    assert measured.loss is None or 0.008 < measured.loss < 0.035, measured.loss


def follow_over(line: TunnelLine | StreamLine, feed: FeedFolder, into: Path, *, ranges: bool, seed: int) -> Told:
    """Follow a feed over the line, from nothing, while it is cut at random bytes, until all is there."""
    chance = random.Random(seed)
    server = line.serve(feed.folder, ranges=ranges)
    with server:
        needed = server.needed_bytes()
        line.cut_at(sorted(chance.sample(range(1, needed), CUTS)))
        before, began = line.made, time.monotonic()
        wire, repeated, runs = 0, [], 0
        while runs < MOST_RUNS:
            runs += 1
            result = line.near(
                lambda: follow_once(
                    line.address(server), into, allow_private=True, now=lambda: feed.now + timedelta(hours=1)
                )
            )
            wire += result.wire_bytes
            repeated += result.repeated
            if result.outcome == 0:
                break
        seconds = time.monotonic() - began
        assert result.outcome == 0, result.sentence
        made = line.made - before
    return Told(seconds, needed, wire, repeated, server.largest_page(), made, runs, result.live)
