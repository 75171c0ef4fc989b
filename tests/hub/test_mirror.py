"""The copy of a feed in a store: whatever fails at whatever moment, its readers find what its head promises."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from jisr_hub.ports import Objects, Shown, Unstored
from jisr_hub.publish.keeping import Copying, pack_all, standing_head
from jisr_hub.publish.mirror import Ahead, Mirror, Noted, Round
from jisr_hub.publish.packing import immutable_files
from jisr_hub.publish.pages import Layout
from jisr_hub.publish.standing import generations_of
from jisr_hub.storage.memory import MemoryPages
from jisr_protocol import head as heads
from jisr_protocol import paths
from jisr_protocol.head import Head
from jisr_protocol.reader.follow import follow
from jisr_protocol.session import Outcome
from tests.hub.author import Author
from tests.hub.hub_in_memory import Clock, MemoryHub
from tests.hub.published import hub_over
from tests.hub.test_erasure import erase

pytestmark = pytest.mark.anyio
SMALL = {paths.HEAD, paths.KEYS}


class Died(BaseException):
    """The process was killed here."""


class Bucket:
    """The Objects port on a dictionary. One call, counted from 0, fails as `how` says; after each, all is looked at."""

    def __init__(self, fails: int = -1, how: str = "") -> None:
        self.objects: dict[str, tuple[bytes, Shown]] = {}
        self.fails, self.how, self.calls = fails, how, 0
        self.put_first: Callable[[], None] | None = None

    def _before(self) -> int:
        number, self.calls = self.calls, self.calls + 1
        if number == self.fails and self.how == "before":
            raise Unstored("the line was cut")
        if number == self.fails and self.how == "killed":
            raise Died
        return number

    def _after(self, number: int) -> None:
        self.check()
        if number == self.fails and self.how == "after":
            raise Unstored("the answer was lost")

    async def put(self, path: str, content: bytes | Path, shown: Shown) -> None:
        number = self._before()
        await anyio.sleep(0)
        assert isinstance(content, bytes)
        self.objects[path] = (content, shown)
        if self.put_first is not None:
            self.put_first, act = None, self.put_first
            act()
        self._after(number)

    async def get(self, path: str) -> bytes | None:
        self._after(self._before())
        return self.objects[path][0] if path in self.objects else None

    async def delete(self, names: Sequence[str]) -> None:
        number = self._before()
        for name in names:
            self.objects.pop(name, None)
        self._after(number)

    async def list(self) -> AsyncIterator[str]:
        number = self._before()
        for name in list(self.objects):
            yield name
        self._after(number)

    def as_pages(self) -> MemoryPages:
        """What a reader gets to see."""
        pages = MemoryPages()
        for path, (content, shown) in self.objects.items():
            pages.files[path] = gzip.decompress(content) if shown.content_encoding else content
        return pages

    @property
    def head(self) -> Head | None:
        return standing_head(self.as_pages())

    def promised(self) -> set[str]:
        """The files that the head in it promises."""
        pages, head = self.as_pages(), self.head
        return set(immutable_files(pages, head, Layout.of(head, generations_of(pages, head)))) if head else set()

    def check(self) -> None:
        """Whatever head is shown has all that it promises."""
        assert self.promised() <= self.objects.keys()
        assert self.head is None or paths.KEYS in self.objects


@dataclass
class States:
    """A hub's folder as it was: with a snapshot, with more entries, after an erasure."""

    first: MemoryPages
    grown: MemoryPages
    erased: MemoryPages


@pytest.fixture
async def states(request: pytest.FixtureRequest, tmp_path: Path) -> States:
    author = Author("dar")
    author.puts(300)
    async with hub_over("memory", request, tmp_path, author) as hub:
        await hub.push(author)
        await hub.publisher.publish(snapshot=True)
        first = copy_of(hub)
        author.puts(20)
        await hub.push(author, 301)
        await hub.publish()
        grown = copy_of(hub)
        await erase(hub, author, "r7")
        await hub.publish()
        return States(first, grown, copy_of(hub))


def copy_of(hub: MemoryHub) -> MemoryPages:
    """The folder as it stands, with every compressed form."""
    pages = MemoryPages()
    pages.files = dict(hub.pages.files)
    head = standing_head(pages)
    assert head is not None
    pack_all(pages, head)
    return pages


async def copied(pages: MemoryPages, bucket: Bucket | None = None) -> tuple[Bucket, Round]:
    bucket = bucket or Bucket()
    return bucket, await Mirror(pages, bucket).round()


def check_same(bucket: Bucket, pages: MemoryPages) -> None:
    """The bucket holds just what the folder's head promises, and what readers of an older head may still ask for."""
    bucket.check()
    assert bucket.objects[paths.HEAD][0] == pages.files[paths.HEAD]
    assert bucket.objects[paths.KEYS][0] == pages.files[paths.KEYS]
    assert bucket.objects.keys() <= {paths.plain(path) for path in pages.files}


async def test_a_reader_of_the_copy_verifies_it(states: States, tmp_path: Path) -> None:
    for name in ("first", "grown", "erased"):
        bucket, _ = await copied(getattr(states, name))
        folder = tmp_path / name
        for path, content in bucket.as_pages().files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        result = await follow(folder, tmp_path / f"{name}.jisr", now=Clock())
        assert result.outcome is Outcome.VERIFIED, result.sentence
        assert result.head is not None and result.head.raw == getattr(states, name).files[paths.HEAD]


async def test_objects_say_what_they_are_and_how_long_they_may_be_kept(states: States) -> None:
    bucket, done = await copied(states.erased)
    assert done.put == len(bucket.objects) - 2
    for path, (_, shown) in bucket.objects.items():
        kind = "application/x-ndjson" if path.endswith(".ndjson") else "application/json"
        seconds = {paths.HEAD: 10, paths.KEYS: 60}.get(path)
        cache = f"public, max-age={seconds}, stale-if-error=86400" if seconds else "public, max-age=604800, immutable"
        assert shown == Shown(kind, cache, "" if path in SMALL else "gzip"), path


async def test_nothing_is_done_twice(states: States) -> None:
    bucket = Bucket()
    mirror = Mirror(states.grown, bucket)
    await mirror.round()
    calls = bucket.calls
    assert (await mirror.round()).changed is False
    assert bucket.calls == calls, "what has not changed costs no request"
    _, again = await copied(states.grown, bucket)
    assert (again.put, again.deleted) == (0, 0)


@pytest.mark.parametrize("how", ["before", "after", "killed"])
async def test_whatever_fails_at_any_call_the_next_process_goes_on(states: States, how: str) -> None:
    whole, _ = await copied(states.first)
    seen = whole.calls
    _, done = await copied(states.erased, whole)
    calls = whole.calls - seen
    assert done.put >= 3 and done.deleted >= 2 and calls >= 8
    for number in range(calls):
        bucket, _ = await copied(states.first)
        bucket.fails, bucket.how, bucket.calls = number, how, 0
        try:
            await copied(states.erased, bucket)
        except (Unstored, Died):
            bucket.check()
            bucket.fails = -1
        else:
            pytest.fail(f"call {number} did not fail")
        await copied(states.erased, bucket)
        check_same(bucket, states.erased)
        assert bucket.objects.keys() == whole.objects.keys(), number
        assert paths.page(heads.parse(states.first.files[paths.HEAD]).epoch, 0) not in bucket.objects, "it was erased"


async def test_the_same_process_goes_on_after_a_failure(states: States) -> None:
    bucket = Bucket(fails=4, how="after")
    mirror = Mirror(states.first, bucket)
    with pytest.raises(Unstored):
        await mirror.round()
    await mirror.round()
    check_same(bucket, states.first)


async def test_a_folder_that_moves_on_meanwhile_is_begun_anew(states: States) -> None:
    pages, bucket = MemoryPages(), Bucket()
    pages.files = dict(states.grown.files)

    def move_on() -> None:
        pages.files = dict(states.erased.files)

    bucket.put_first = move_on
    mirror = Mirror(pages, bucket)
    await mirror.round()
    bucket.check()
    await mirror.round()
    check_same(bucket, states.erased)


async def test_a_form_that_is_not_made_yet_is_made(states: States) -> None:
    for path in [path for path in states.grown.files if path.endswith(".gz")]:
        del states.grown.files[path]
    bucket, _ = await copied(states.grown)
    check_same(bucket, states.grown)


async def test_a_page_goes_when_the_hub_has_removed_it(states: States) -> None:
    bucket = Bucket()
    mirror = Mirror(states.grown, bucket)
    await copied(states.first, bucket)
    partial = paths.plain(next(path for path in states.first.files if ".p/" in path))
    await mirror.round()
    assert partial in bucket.objects, "somebody may be on the way with the older head"
    states.grown.remove(partial)
    assert (await mirror.round()).deleted == 1
    assert partial not in bucket.objects


@pytest.mark.parametrize("later", ["grown", "erased"])
async def test_an_older_folder_changes_nothing_in_a_bucket_that_shows_more(states: States, later: str) -> None:
    bucket, _ = await copied(getattr(states, later))
    before = dict(bucket.objects)
    with pytest.raises(Ahead, match="jisr-hub rebase --at-least"):
        await copied(states.first, bucket)
    assert bucket.objects == before


async def test_another_hubs_bucket_is_left_alone(
    states: States, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    bucket, _ = await copied(states.first)
    before = dict(bucket.objects)
    other = MemoryHub("other")
    await other.begin()
    await other.publish()
    with pytest.raises(Ahead, match="this hub is"):
        await copied(copy_of(other), bucket)
    assert bucket.objects == before


async def test_what_stands_there_is_told_in_one_note(states: States) -> None:
    notes: list[Noted] = []
    bucket = Bucket(fails=2, how="before")

    def opened() -> Objects:
        return bucket

    copying = Copying(states.first, "s3://jisr/public", opened, Clock(), None, notes.append)
    head: Any = standing_head(states.first)
    for _ in range(2):
        bucket.calls = 0
        with pytest.raises(Unstored):
            await copying.round()
    assert [note.failed for note in notes] == ["the line was cut"], "said once"
    assert notes[0].behind(head) == head.size
    bucket.fails = -1
    await copying.round()
    await copying.round()
    assert len(notes) == 2 and notes[1].failed == "" and notes[1].behind(head) == 0
    assert notes[1].behind(msgspec.structs.replace(head, size=head.size + 5)) == 5
