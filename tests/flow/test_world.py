"""The world in memory: it is the same each time, everything in it does happen, and a failure is told shortly."""

import random
from collections.abc import Callable
from unittest import mock

import pytest

from jisr_hub.following import taking
from jisr_hub.publish import forms
from jisr_protocol import head as heads
from jisr_protocol import paths

from . import check
from .runs import explore
from .world import World

HAPPENS = (
    *("added", "edited", "narrowed", "deleted", "ended", "revived", "published", "rotated", "later major"),
    *("unknown op", "unknown type", "push none", "push lost", "push answer lost", "push twice", "push delayed"),
    *("late push taken", "late push refused: key_revoked", "hub published", "disk full", "lied", "rollback shown"),
    *("node died", "hub died", "reader died", "time passed", "clock back", "battery empty", "bent by a stranger"),
    *("read none: verified", "read cut: temporary", "read missing: verified", "read flipped: verified"),
    *("read stale: verified", "read stuck: stale"),
)


def _told(shape: int, choices: list[int]) -> list[str]:
    with World(shape) as world:
        for choice in choices:
            world.step(choice)
        world.heal()
        return [*world.told, *(hub.pages.shown[-1].decode() for hub in world.hubs)]


def test_the_same_numbers_are_the_same_world() -> None:
    chance = random.Random(1)
    shape, choices = chance.randrange(2**24), [chance.randrange(2**24) for _ in range(60)]
    assert _told(shape, choices) == _told(shape, choices)


def test_everything_that_can_happen_does_happen(figure: Callable[..., None]) -> None:
    tally = explore(60, 50, 77, shrink=False)
    if tally.failure:
        raise tally.failure
    figure("things seen in 60 worlds:", ", ".join(f"{kind} {tally.seen[kind]}" for kind in HAPPENS))
    assert [kind for kind in HAPPENS if not tally.seen[kind]] == []


def test_a_world_in_which_nothing_happens_holds() -> None:
    with World(0) as world:
        for _ in range(3):
            world.step(0)
        world.heal()
        assert world.checker.hubs["hub0"].log.size > 0


def test_a_hub_that_loses_an_entry_is_seen_at_once() -> None:
    with World(0) as world:
        world.heal()
        world.hubs[0].ledger._s.entries.pop()
        with pytest.raises(AssertionError, match="has lost entries"):
            world.checker.look()


def test_a_page_with_another_byte_is_seen() -> None:
    with World(0) as world:
        world.heal()
        hub = world.hubs[0]
        head = heads.parse(hub.pages.files[paths.HEAD])
        path = paths.pages(head.epoch, 0, head.size)[0][2]
        forms.write(hub.pages, path, (forms.read(hub.pages, path) or b"").replace(b"key", b"kez"))
        with pytest.raises(AssertionError, match="is not what its log holds"):
            world.checker.look_at_all()


def test_an_unsigned_head_is_seen() -> None:
    with World(0) as world:
        world.heal()
        hub = world.hubs[0]
        hub.pages.shown.append(hub.pages.shown[-1].replace(b'"size":', b'"size":1'))
        with pytest.raises((AssertionError, check.entries.Refusal)):
            world.checker.look()


@pytest.mark.long
def test_a_failing_run_shrinks_to_what_matters(figure: Callable[..., None]) -> None:
    take = taking._Batch.take

    def forgets_tombstones(batch: taking._Batch, offered: taking.Offered) -> None:
        if offered.entry.op != "del":
            take(batch, offered)

    with mock.patch.object(taking._Batch, "take", forgets_tombstones):
        tally = explore(300, 30, 5)
    figure(f"a lost tombstone, found at world {tally.failed_at}, is told in {tally.choices} steps of 30")
    assert tally.failure is not None
    assert tally.choices <= 8
