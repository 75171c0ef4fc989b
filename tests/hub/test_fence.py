"""The fence: a mark outside the database, changed by compare-and-swap. What dies on the way is no reason to refuse."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from jisr_hub.ports import Mark
from jisr_hub.publish.fence import Behind
from jisr_hub.publish.seen import Seen
from jisr_hub.storage.fence import FileFence, MemoryFence
from jisr_protocol import paths
from jisr_protocol.reader.follow import follow
from jisr_protocol.session import Outcome
from tests.hub.author import Author
from tests.hub.restoring import BackedUp

pytestmark = pytest.mark.anyio
MARK = Mark("jisr:" + "a" * 52, "1-aaaaaaaa", 7, "0" * 64, "2026-09-01T12:00:00Z")
NEXT = Mark("jisr:" + "a" * 52, "1-aaaaaaaa", 9, "1" * 64, "2026-09-01T12:00:01Z")


@pytest.fixture(params=["file", "memory"])
def fence(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return FileFence(tmp_path / "fence.json") if request.param == "file" else MemoryFence()


def test_a_fence_moves_only_from_where_it_was_seen(fence: Any) -> None:
    assert fence.read() is None
    assert not fence.swap(MARK, NEXT)
    assert fence.swap(None, MARK)
    assert not fence.swap(None, NEXT)
    assert fence.read() == MARK
    assert fence.swap(MARK, NEXT)
    assert fence.read() == NEXT


def test_of_many_who_swap_at_once_one_wins(tmp_path: Path) -> None:
    won: list[int] = []

    def swap(number: int) -> None:
        mark = Mark(MARK.by, MARK.epoch, number, MARK.log_root, MARK.time)
        if FileFence(tmp_path / "fence.json").swap(None, mark):
            won.append(number)

    threads = [threading.Thread(target=swap, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = FileFence(tmp_path / "fence.json").read()
    assert held is not None and won == [held.size]


def test_a_fence_whose_disk_is_not_there_is_not_a_fence_that_was_never_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileFence(tmp_path / "not mounted" / "fence.json").read()
    (tmp_path / "fence.json").write_bytes(b"{}")
    with pytest.raises(ValueError, match=r"fence\.json is not what this hub wrote"):
        FileFence(tmp_path / "fence.json").read()


async def begun(fence: Any = None) -> tuple[BackedUp, Author]:
    author = Author("dar")
    author.puts(20)
    hub = await BackedUp("home", fence=fence).begin()
    await hub.admit(author)
    await hub.push(author, 0, 10)
    await hub.publish()
    await hub.push(author, 10)
    return hub, author


@pytest.mark.parametrize("dies", ["before the database", "before the fence", "before head.json", "after head.json"])
async def test_wherever_a_publisher_dies_the_next_one_goes_on(
    dies: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, _ = await begun()
    before = hub.fence.mark

    def plant(place: Any, name: str) -> None:
        def die(*_: Any, **__: Any) -> Any:
            raise OSError("planted")

        monkeypatch.setattr(place, name, die)

    write = hub.pages.write

    def no_head(path: str, content: bytes) -> None:
        if path == paths.HEAD:
            raise OSError("planted")
        write(path, content)

    if dies == "before the database":
        plant(hub.ledger, "publish")
    elif dies == "before the fence":
        plant(hub.fence, "swap")
    elif dies == "before head.json":
        monkeypatch.setattr(hub.pages, "write", no_head)
    else:
        plant(hub.publisher, "_tidy")
    with pytest.raises(OSError, match="planted"):
        await hub.publisher.publish()
    moved = dies in ("before head.json", "after head.json")
    assert (hub.fence.mark != before) is moved
    monkeypatch.undo()
    result = await follow(hub.write_out(tmp_path / "feed"), tmp_path / "copy", now=hub.clock)
    assert result.outcome is Outcome.VERIFIED, result.sentence
    again = await hub.over(hub.ledger)
    assert again.publisher.fenced == ""
    head = await again.publish()
    assert (again.fence.mark.size, again.fence.mark.log_root) == (head.size, head.log_root)
    result = await follow(again.write_out(tmp_path / "feed"), tmp_path / "copy", now=hub.clock)
    assert (result.outcome, result.live) == (Outcome.VERIFIED, 20), result.sentence


async def test_the_same_publisher_goes_on_after_its_fence_could_not_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    hub, _ = await begun()
    shown = hub.pages.read(paths.HEAD)

    def full(*_: Any) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hub.fence, "swap", full)
    for _ in range(2):
        with pytest.raises(OSError):
            await hub.publisher.publish()
        assert hub.pages.read(paths.HEAD) == shown, "what the fence does not know is not shown"
        assert hub.publisher.head is not None and hub.publisher.head.raw == shown
    monkeypatch.undo()
    head = await hub.publish()
    assert (head.size, hub.fence.mark.size) == (22, 22)
    assert hub.pages.read(paths.HEAD) == head.raw


async def test_a_fence_that_moved_elsewhere_stops_a_head_before_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder works in two places over one fence: the second to publish notices."""
    hub, author = await begun()
    await hub.publish()
    twin = await hub.over(hub.backup())
    author.put("r1")
    await hub.push(author, 21)
    await hub.publish()
    shown = hub.pages.read(paths.HEAD)
    monkeypatch.setattr(twin.publisher.gate, "check", _nothing)  # it looked just before
    stranger = Author("stranger")
    stranger.put("one")
    await twin.admit(stranger)
    await twin.push(stranger)
    twin.clock.pass_time(seconds=9)
    with pytest.raises(Behind):
        await twin.publisher.publish()
    assert hub.pages.read(paths.HEAD) == shown
    assert twin.publisher.fenced


async def _nothing() -> None:
    """In the place of a look at the fence."""


@pytest.mark.parametrize("what", ["another hub's", "unreadable"])
async def test_a_fence_that_cannot_be_this_hubs_stops_it(what: str) -> None:
    hub, _ = await begun()
    if what == "unreadable":

        class Broken(MemoryFence):
            def read(self) -> Mark | None:
                raise ValueError("rubbish")

        hub.fence = Broken()
    else:
        hub.fence.mark = MARK
    again = await hub.over(hub.ledger)
    assert {"another hub's": "is that of another hub", "unreadable": "cannot be read"}[what] in again.publisher.fenced


async def test_an_older_fence_is_brought_up() -> None:
    hub, _ = await begun()
    old = hub.fence.mark
    head = await hub.publish()
    hub.fence.mark = old
    again = await hub.over(hub.ledger)
    assert (again.publisher.fenced, again.fence.mark.size) == ("", head.size)


async def test_what_readers_claim_is_counted_and_nothing_else() -> None:
    hub, _ = await begun()
    head, seen = await hub.publish(), Seen()
    for claim in ("", "rubbish", f"{head.epoch}:{head.size}:{head.log_root}", f"2-aaaaaaaa:999:{'0' * 64}"):
        seen.note(claim, head)
    assert (seen.count, seen.warning(head)) == (0, "")
    for size in (30, 40, 35):
        seen.note(f"{head.epoch}:{size}:{'0' * 64}", head)
    assert (seen.count, seen.size) == (3, 40)
    assert f"--at-least {head.epoch}:40" in seen.warning(head)
    assert hub.publisher.fenced == ""
