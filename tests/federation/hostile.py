"""A hub that cheats: an honest feed with honest records, and one switch per attack.

    with HostileHub(folder) as hub:
        hub.grow(20)                     honest until it is told otherwise
        hub.turn(Attack.FORK)            from now on it does this, and only this
        hub.relent()                     and is honest again, with everything there

It holds its own signing key, so what it signs is signed properly; it holds nobody else's. What it does to a node that
pushes is in hostile_to_nodes.py. What each attack is called by whoever reads stands in CAUGHT.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Self

from jisr_protocol import entry
from jisr_protocol.envelope import Envelope
from jisr_protocol.session import Outcome
from tests.hub.author import Author
from tests.reader.publisher import FeedFolder
from tests.reader.server import FeedServer


class Attack(StrEnum):
    """One switch each."""

    TAMPER = "tamper"
    DROP = "drop"
    REORDER = "reorder"
    FREEZE = "freeze"
    ROLL_BACK = "roll back"
    FORK = "fork"
    FAST_FORWARD = "fast-forward"
    MIX = "mix and match"
    ENDLESS = "endless data"
    STUB = "stub without cause"


class Caught(NamedTuple):
    """How a reader's sync ends, under which code, and of which kind the evidence is, if any can be."""

    outcome: Outcome
    code: str
    evidence: str | None = None


CAUGHT = {
    Attack.TAMPER: Caught(Outcome.BROKEN, "root_mismatch"),
    Attack.DROP: Caught(Outcome.BROKEN, "seq_mismatch"),
    Attack.REORDER: Caught(Outcome.BROKEN, "seq_mismatch"),
    Attack.FREEZE: Caught(Outcome.STALE, "head_expired"),
    Attack.ROLL_BACK: Caught(Outcome.CONTRADICTED, "rollback", "rollback"),
    Attack.FORK: Caught(Outcome.CONTRADICTED, "fork", "fork"),
    Attack.FAST_FORWARD: Caught(Outcome.BROKEN, "epoch_jump"),
    Attack.MIX: Caught(Outcome.BROKEN, "root_mismatch"),
    Attack.ENDLESS: Caught(Outcome.BROKEN, "inflate_limit"),
    Attack.STUB: Caught(Outcome.BROKEN, "stub_without_cause"),
}


class HostileHub:
    """A hub's feed over HTTP, with the records of one node that it cannot sign for."""

    def __init__(self, folder: Path, *, records: int = 280) -> None:
        self.feed = FeedFolder(folder, label="hostile hub", role="hub")
        self.author = Author("honest node")
        self.feed.welcome(self.author.writer)
        self._numbers = itertools.count()
        self.server = FeedServer(folder)
        self.written: dict[str, str] = {}
        """The digest of every record that the node wrote and the hub once showed, by id."""
        self.now_is_later = timedelta()
        self._kept: tuple[list[bytes], str, dict[str, str]] = ([], "", {})
        self.grow(records)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *reason: object) -> None:
        self.server.__exit__(*reason)

    @property
    def address(self) -> str:
        return self.server.address

    def now(self) -> Any:
        """The time at which readers ask."""
        return self.feed.now + self.now_is_later

    def grow(self, count: int) -> None:
        """Further records of the node, published honestly."""
        for _ in range(count):
            record = self.put()
            self.written[record.value["id"]] = record.digest
        self._publish()

    def put(self) -> Envelope:
        """A new record of the node, in the hub's log."""
        return self.feed.put(self.author.sign(self.author.value(f"record {next(self._numbers)}")))

    def _publish(self, **head: Any) -> None:
        self.feed.publish(inventory=False, **{"valid_for": timedelta(hours=48), **head})

    def turn(self, attack: Attack) -> None:
        """Begin to cheat in this way."""
        self._kept = list(self.feed.lines), self.feed.epoch, dict(self.written)
        _ATTACKS[attack](self)

    def relent(self) -> None:
        """Be honest again: everything that was ever shown, and a little more, in the epoch that it was."""
        lines, self.feed.epoch, self.written = self._kept
        self.feed.lines = list(lines)
        self.server.stale.clear()
        self.server.streams.clear()
        self.now_is_later = timedelta()
        self.grow(3)

    # The attacks. Each begins with honest news, so that there is something to fetch.

    def tamper(self) -> None:
        """A record of the node says something else, on the page where it stands."""
        self.grow(5)
        self.feed.bend.line(self.feed.size - 2, lambda line: line.replace("دار".encode(), "نار".encode()))

    def drop(self) -> None:
        """The newest record is left out of its page."""
        self.grow(5)
        self.feed.bend.shorten(page=(self.feed.size - 1) // 256)

    def reorder(self) -> None:
        """Two records change places."""
        self.grow(5)

        def swapped(body: bytes) -> bytes:
            *lines, one, other = body.removesuffix(b"\n").split(b"\n")
            return b"\n".join([*lines, other, one, b""])

        self.feed.bend.page((self.feed.size - 1) // 256, swapped)

    def freeze(self) -> None:
        """It goes on showing its head, promised to be good for years, and says nothing new."""
        self._publish(valid_for=timedelta(days=3650))
        self.now_is_later = timedelta(hours=49)

    def roll_back(self) -> None:
        """A newer head covers less."""
        self.grow(5)
        self.feed.bend.shortened_log(self.feed.size - 40)

    def fork(self) -> None:
        """Another history, larger than the one shown before: from entry 200 on other records of the node."""
        self.feed.lines = self.feed.lines[:200]
        while self.feed.size < len(self._kept[0]) + 5:
            self.put()
        self._publish()

    def fast_forward(self) -> None:
        """An epoch with the highest number there is: whoever believes it never takes a later one."""
        self.feed.new_epoch(self.feed.size, "z")
        self.feed.epoch = "999999999-zzzzzzzz"
        self.put()
        self._publish()
        self.feed.bases = ()

    def mix(self) -> None:
        """The head of today with the page of another day of its own, of the same length."""
        kept = list(self.feed.lines)
        self.grow(5)
        honest = self.feed.lines
        self.feed.lines = [*kept[:-1], *honest[len(kept) - 1 :]]
        path = self.feed.page_path((self.feed.size - 1) // 256)
        self.feed.lines = kept
        for _ in range(5):
            self.put()
        first = (self.feed.size - 1) // 256 * 256
        path.write_bytes(b"".join(line + b"\n" for line in self.feed.lines[first:]))
        self.feed.lines = honest

    def endless(self) -> None:
        """A page that never ends."""
        self.grow(5)
        path = self.feed.page_path((self.feed.size - 1) // 256)
        self.server.streams[str(path.relative_to(self.feed.folder))] = endless_lines

    def stub(self) -> None:
        """The content of a record is gone, and no later entry says why. The leaf stays, and so do all roots."""
        self.grow(5)
        seq = self.feed.size - 2
        stub = entry.write_stub(entry.parse(self.feed.lines[seq]), "erased")
        self.feed.bend.line(seq, lambda _: stub)


_ATTACKS: dict[Attack, Callable[[HostileHub], None]] = {
    Attack.TAMPER: HostileHub.tamper,
    Attack.DROP: HostileHub.drop,
    Attack.REORDER: HostileHub.reorder,
    Attack.FREEZE: HostileHub.freeze,
    Attack.ROLL_BACK: HostileHub.roll_back,
    Attack.FORK: HostileHub.fork,
    Attack.FAST_FORWARD: HostileHub.fast_forward,
    Attack.MIX: HostileHub.mix,
    Attack.ENDLESS: HostileHub.endless,
    Attack.STUB: HostileHub.stub,
}


def endless_lines() -> Iterator[bytes]:
    """Plausible bytes, as fast as they are taken."""
    return itertools.repeat(b'{"at":"2026-09-01T00:00:00Z","op":"mark","seq":1}\n' * 1300)


def drip() -> Iterator[bytes]:
    """A byte now and then: FeedServer.drip_seconds apart."""
    return itertools.repeat(b" ")
