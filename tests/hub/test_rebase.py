"""An older database is put back: the hub refuses, explains, takes back what others hold, and readers go on."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jisr_hub.hub import Fenced
from jisr_hub.publish import forms
from jisr_hub.publish.fence import Behind
from jisr_hub.rebase import NothingToDo
from jisr_hub.storage.memory import MemoryLedger
from jisr_protocol import identifiers, paths
from jisr_protocol.head import Head, Relation, compare
from jisr_protocol.reader.follow import Result, follow
from jisr_protocol.session import Outcome
from tests.hub.author import Author
from tests.hub.hub_in_memory import Clock, MemoryHub, copy_of
from tests.hub.restoring import BackedUp

pytestmark = pytest.mark.anyio


async def pushed(hub: MemoryHub, author: Author, *, feed: str = "public") -> list[str | None]:
    """The node sends what the hub lacks; returns the codes of what was put aside."""
    start = (await hub.ledger.node_log(author.id, feed)).frontier.size
    answer = await hub.push(author, start, feed=feed)
    assert answer.next == len(author.feed(feed).lines)
    return [kept.code for kept in answer.quarantined]


async def read(hub: BackedUp, folder: Path) -> Result:
    """A reader with one copy, who comes again and again."""
    feed = folder / f"feed of {hub.id[5:13]}"
    await hub.write_all(feed) if not hub.publisher.fenced else hub.write_out(feed)
    result = await follow(feed, folder / "reader.copy", now=hub.clock)
    assert result.outcome is Outcome.VERIFIED, result.sentence
    return result


def forget_pages(hub: BackedUp, from_entry: int) -> None:
    """The folder of pages was lost with the database, but for what an older moment had of it."""
    for path in [path for path in hub.pages.files if path.startswith("log/")]:
        number = int(path.split("/")[-1].split(".")[0]) if ".p/" not in path else int(path.split(".p/")[0][-3:])
        width = int(path.split(".p/")[1].split(".")[0]) if ".p/" in path else 256
        if number * 256 + width > from_entry:
            hub.pages.files.pop(path)


async def lost(tmp_path: Path, *, before: int = 300, after: int = 40) -> tuple[BackedUp, Author, Head, list[bytes]]:
    """A hub on yesterday's database; the newest head and lines it had; its reader has followed to the end."""
    author = Author("dar")
    author.puts(before)
    hub = await BackedUp("home").begin()
    await hub.admit(author)
    await pushed(hub, author)
    await hub.publish()
    kept = hub.backup()
    author.puts(after, "late ")
    author.put("r3")
    author.put("r3")
    author.delete("r4")
    await pushed(hub, author)
    hub.clock.pass_time(hours=1)
    head = await hub.publish()
    await read(hub, tmp_path)
    return await hub.put_back(kept), author, head, await hub.lines()


async def test_an_older_database_signs_nothing_takes_nothing_and_goes_on_showing_what_was_shown(tmp_path: Path) -> None:
    hub, author, head, _ = await lost(tmp_path)
    files, size = dict(hub.pages.files), len(await hub.lines())
    assert "jisr-hub rebase --check" in hub.publisher.fenced
    with pytest.raises(Behind, match="older than what this hub has published"):
        await hub.publisher.publish()
    with pytest.raises(Fenced, match="Nothing was signed and nothing is lost"):
        await hub.push(author, 301)
    with pytest.raises(Fenced):
        await hub.hub.rejudge(author.id, "public")
    assert (hub.pages.files, len(await hub.lines())) == (files, size)
    assert hub.publisher.head is not None and hub.publisher.head.raw == head.raw
    assert (await read(hub, tmp_path)).changed is False


async def test_what_the_pages_hold_comes_back_at_the_same_positions_without_a_new_epoch(tmp_path: Path) -> None:
    hub, author, head, lines = await lost(tmp_path)
    found = await hub.look()
    assert (found.whole, found.reaches, found.lost) == (True, head.size, 0)
    done, newest = await hub.rebase()
    assert (done.epoch, done.from_pages) == (head.epoch, len(lines) - found.size)
    assert await hub.lines() == lines, "byte for byte"
    assert compare(head, newest) is Relation.SAME and newest.time > head.time
    assert (await read(hub, tmp_path)).applied == 0
    assert await pushed(hub, author) == [], "what the node sends again is known, and nothing is put aside"
    assert await hub.lines() == lines
    author.put("after")
    assert await pushed(hub, author) == []
    await hub.publish()
    result = await read(hub, tmp_path)
    assert (result.applied, result.live) == (1, 340)
    with pytest.raises(NothingToDo):
        await hub.look()


async def test_a_database_that_was_lost_whole_comes_back_from_the_pages(tmp_path: Path) -> None:
    hub, author, head, lines = await lost(tmp_path)
    empty = await hub.over(MemoryLedger("1-zzzzzzzz"))
    assert "it knows of nothing published" in empty.publisher.fenced
    done, newest = await empty.rebase()
    assert (await empty.lines(), done.epoch) == (lines, head.epoch)
    assert done.admitted_again == [author.id]
    assert compare(head, newest) is Relation.SAME
    assert await pushed(empty, author) == []
    assert (await read(empty, tmp_path)).applied == 0


async def test_without_pages_a_new_epoch_goes_on_from_the_base_and_the_node_gives_back_the_rest(tmp_path: Path) -> None:
    hub, author, head, lines = await lost(tmp_path)
    size = len(await hub.lines())
    forget_pages(hub, size)
    found = await hub.look()
    assert (found.whole, found.shared, found.lost) == (False, size, head.size - size)
    _, newest = await hub.rebase()
    assert compare(head, newest) is Relation.NEW_EPOCH
    assert [(base["epoch"], base["size"]) for base in newest.bases] == [(head.epoch, size)]
    assert newest.time >= head.time
    result = await read(hub, tmp_path)
    assert result.applied < 256, "it went back to a place it had verified and did not begin anew"
    assert await pushed(hub, author) == []
    await hub.publish()
    result = await read(hub, tmp_path)
    assert (result.applied, result.live) == (len(lines) - size, 339)
    assert [e.seq for e in await hub.log()] == list(range(len(lines))), "positions go on"


async def test_a_reader_at_the_base_reads_only_what_is_new(tmp_path: Path) -> None:
    author = Author("dar")
    author.puts(600)
    hub = await BackedUp("home").begin()
    await hub.admit(author)
    await pushed(hub, author, feed="public") if len(author.feed().lines) <= 500 else await hub.push(author, 0, 500)
    await pushed(hub, author)
    await hub.publish()
    await read(hub, tmp_path)
    kept = hub.backup()
    author.puts(5, "late ")
    await pushed(hub, author)
    await hub.publish()
    hub = await hub.put_back(kept)
    forget_pages(hub, 602)
    await hub.rebase()
    await pushed(hub, author)
    await hub.publish()
    result = await read(hub, tmp_path)
    assert (result.applied, result.live) == (5, 605)
    assert result.requests <= 3, "a head and the page that grew"


async def test_peers_give_back_what_the_node_can_not(tmp_path: Path) -> None:
    """The node is gone for good; its newest revs live on at a hub that follows."""
    clock, author, other = Clock(), Author("dar"), Author("stranger")
    home, far = await BackedUp("home", clock=clock).begin(), await BackedUp("far away", clock=clock).begin()
    await home.admit(author)
    await far.admit(other)
    author.puts(20)
    other.puts(3)
    await pushed(home, author)
    await pushed(far, other)
    for hub in (home, far):
        await hub.publish()
    await far.follow(home, tmp_path)
    await home.follow(far, tmp_path)
    kept = home.backup()
    author.puts(5, "late ")
    author.put("r1")
    author.put("r1")
    author.delete("r2")
    author.put("r3", audience="hub")
    await pushed(home, author)
    await pushed(home, author, feed="hub")
    await home.publish()
    live = await home.live()
    await far.follow(home, tmp_path)
    await far.publish()
    await home.follow(far, tmp_path)
    home = await home.put_back(kept)
    forget_pages(home, len(await home.lines()))
    await home.rebase([await home.peer(far)], tmp_path)
    missing = {key: version for key, version in live.items() if (await home.live()).get(key) != version}
    assert missing == {}
    back = [e for e in await home.log() if e.node == author.id and e.op in ("put", "del")]
    assert all(e.via == () for e in back), "what set out from here did not come by way of another"
    assert {e.src[0] for e in back if e.src} == {"public"}
    await home.publish()
    await far.follow(home, tmp_path)
    assert missing == {}
    assert await pushed(home, author) == []
    assert await pushed(home, author, feed="hub") == []
    assert await home.live() == live, "what was for the hub alone has left again"


async def test_a_peer_gives_nothing_back_in_an_ordinary_round(tmp_path: Path) -> None:
    clock, author = Clock(), Author("dar")
    home, far = await BackedUp("home", clock=clock).begin(), await BackedUp("far away", clock=clock).begin()
    await home.admit(author)
    author.puts(3)
    await pushed(home, author)
    await home.publish()
    await far.follow(home, tmp_path)
    await far.publish()
    size = len(await home.lines())
    await home.follow(far, tmp_path)
    assert {e.node for e in (await home.log())[size:]} == {far.id}, "only the other hub's own keys"


async def test_a_hub_whose_whole_folder_was_put_back_goes_on_when_its_operator_says_so(tmp_path: Path) -> None:
    """Its own reader calls it a rollback until then."""
    author = Author("dar")
    author.puts(10)
    hub = await BackedUp("home").begin()
    await hub.admit(author)
    await pushed(hub, author)
    await hub.publish()
    kept, files, mark = hub.backup(), dict(hub.pages.files), hub.fence.mark
    author.puts(5, "late ")
    await pushed(hub, author)
    hub.clock.pass_time(hours=1)
    newest = await hub.publish()
    await read(hub, tmp_path)
    hub.pages.files, hub.fence.mark = files, mark
    hub.clock.pass_time(hours=1)
    hub = await hub.put_back(kept)
    assert hub.publisher.fenced == "", "it cannot know"
    author.put("other")
    await hub.push(author, 11, 14)
    await hub.publish()
    feed = hub.write_out(tmp_path / f"feed of {hub.id[5:13]}")
    result = await follow(feed, tmp_path / "reader.copy", now=hub.clock)
    assert result.outcome is Outcome.CONTRADICTED
    hub.publisher.seen.note(f"{newest.epoch}:{newest.size}:{newest.log_root}", hub.publisher.head)
    assert f"rebase --at-least {newest.epoch}:{newest.size}" in hub.publisher.seen.warning(hub.publisher.head)
    _, head = await hub.rebase(at_least=(newest.epoch, newest.size))
    assert identifiers.epoch_number(head.epoch) == 2
    assert await pushed(hub, author) == []
    await hub.publish()
    result = await read(hub, tmp_path)
    assert result.live == 16
    with copy_of(tmp_path / "reader.copy") as copy:
        assert {record.rev for record in copy.records()} == {1}


async def test_a_flipped_bit_in_a_page_is_not_taken_back(tmp_path: Path) -> None:
    hub, author, head, _ = await lost(tmp_path)
    path = paths.page(head.epoch, 1, head.size - 256)
    raw = forms.read(hub.pages, path) or b""
    at = raw.rindex(b'"name"') + 30
    forms.write(hub.pages, path, raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    found = await hub.look()
    assert not found.whole and found.reaches < head.size
    await hub.rebase()
    assert await pushed(hub, author) == []
    await hub.publish()
    assert (await read(hub, tmp_path)).live == 339


CHOICES = st.lists(st.integers(0, 9), min_size=2, max_size=14)


@given(before=CHOICES, after=CHOICES, pages=st.sampled_from(["all", "none", "some"]), node_lives=st.booleans())
@settings(max_examples=12)
def test_whatever_happened_since_the_backup_nothing_that_any_holder_has_is_lost(
    before: list[int], after: list[int], pages: str, node_lives: bool
) -> None:
    asyncio.run(_story(before, after, pages, node_lives))


async def _story(before: list[int], after: list[int], pages: str, node_lives: bool) -> None:
    """Pushes, publishes, backup, more of it with a peer and a reader, restore, rebase: what lived, lives."""
    with tempfile.TemporaryDirectory() as name:
        folder, clock, author = Path(name), Clock(), Author("dar")
        home, far = await BackedUp("home", clock=clock).begin(), await BackedUp("far away", clock=clock).begin()
        await home.admit(author)
        await far.publish()
        await home.follow(far, folder)
        author.puts(1, "always ")
        for choice in before:
            await _happens(choice, home, far, author, folder)
        await _happens(8, home, far, author, folder)
        kept = home.backup()
        for choice in after:
            await _happens(choice, home, far, author, folder)
        await pushed(home, author)
        await home.publish()
        live, shown = await home.live(), home.publisher.head
        assert shown is not None
        if not node_lives:
            await far.follow(home, folder)  # one holder is alive
            await far.publish()
            await home.follow(far, folder)
        home = await home.put_back(kept)
        if pages != "all":
            forget_pages(home, 0 if pages == "none" else len(await home.lines()))
        fenced = bool(home.publisher.fenced)
        if fenced:
            _, head = await home.rebase([await home.peer(far)], folder)
            assert compare(shown, head) in (Relation.SAME, Relation.LARGER, Relation.NEW_EPOCH)
        if node_lives:
            assert await pushed(home, author) == []
        await home.publish()
        now = await home.live()
        assert {key: now.get(key) for key in live} == live and now.keys() == live.keys()
        assert (await read(home, folder)).live == len(live)
        await far.follow(home, folder)
        assert await far.live() == now


async def _happens(choice: int, home: BackedUp, far: BackedUp, author: Author, folder: Path) -> None:
    """One thing: records written, changed, deleted; pushed; published; read; followed."""
    home.clock.pass_time(seconds=5)
    if choice < 3:
        author.puts(choice + 1, f"{len(author.feed().lines)} ")
    elif choice < 5:
        author.put("always 0")
    elif choice == 5 and len(author.revs) > 1:
        author.delete(next(label for label in reversed(author.revs) if label != "always 0"))
    elif choice == 6:
        await pushed(home, author)
    if choice >= 7:
        await pushed(home, author)
        await home.publish()
    if choice == 8:
        await far.follow(home, folder)
        await far.publish()
        await home.follow(far, folder)
    if choice == 9:
        await read(home, folder)
