"""Pages that were written again because something in them was erased: the old bytes are nowhere, the log is proven."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jisr_hub.publish import forms
from jisr_hub.publish.leftovers import Fate, fate_of
from jisr_hub.publish.pages import Layout, place_of
from jisr_protocol import generations, paths
from jisr_protocol.reader.follow import follow
from jisr_protocol.session import Outcome
from tests.hub.author import Author
from tests.hub.published import (
    assert_stands,
    holding,
    hub_over,
    manifest_of,
    plain_files,
    publisher_of,
    read_by,
    restart,
)
from tests.hub.test_erasure import erase, words

pytestmark = pytest.mark.anyio
SECRET = "kanarienvogel"
ALSO = "zeisig"


def author_with_secrets() -> Author:
    """Two pages; a secret in the first, another in the last, partial one."""
    author = Author("dar")
    author.puts(10)
    author.put("secret", **words(SECRET))
    author.puts(270, "more ")
    author.put("also", **words(ALSO))
    return author


def named_generations(hub: Any) -> dict[int, int]:
    head = hub.publisher.head
    return generations.parse(hub.pages.read(head.gens["path"]) or b"", head.gens["sha256"])


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgresql"])
async def test_a_page_with_erased_content_is_written_again_and_the_old_one_goes(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    author = author_with_secrets()
    async with hub_over(kind, request, tmp_path, author) as hub:
        await hub.push(author)
        before = await hub.publish()
        assert before.gens is None and len(holding(hub, SECRET)) == len(holding(hub, ALSO)) == 1
        old = await read_by(hub, tmp_path, tmp_path / "old")
        await erase(hub, author, "secret")
        head = await hub.publish()
        assert named_generations(hub) == {0: 2}
        assert holding(hub, SECRET) == [] and holding(hub, ALSO) != []
        assert forms.source(hub.pages, paths.page(head.epoch, 0)) is None
        await assert_stands(hub)
        await erase(hub, author, "also")
        await erase(hub, author, "r1")
        await hub.publish()
        assert named_generations(hub) == {0: 3, 1: 2}
        assert holding(hub, ALSO) == [] and len({path for path, _ in plain_files(hub) if "gens/" in path}) == 2
        await assert_stands(hub)
        assert (await read_by(hub, tmp_path, tmp_path / "new")).live == old.live - 3
        assert (await read_by(hub, tmp_path, tmp_path / "old")).live == old.live - 3
        await restart(hub)
        await hub.publish()
        assert named_generations(hub) == {0: 3, 1: 2}, "nothing is written again that was not emptied again"
        await assert_stands(hub)


async def test_narrower_pages_from_before_a_restart_go_too(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    author = author_with_secrets()
    async with hub_over("memory", request, tmp_path, author) as hub:
        for start, end in ((0, 40), (40, 80), (80, 120)):
            await hub.push(author, start, end)
            await hub.publish()
        await restart(hub)
        assert len(holding(hub, SECRET)) == 3
        await erase(hub, author, "secret")
        head = await hub.publish()
        assert holding(hub, SECRET) == []
        assert {path for path, _ in plain_files(hub) if path.startswith("log/")} == {
            paths.page(head.epoch, 0, head.size, 2) + ".zst"
        }


async def test_narrower_pages_of_an_earlier_process_go_after_an_hour(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    author = author_with_secrets()
    async with hub_over("memory", request, tmp_path, author) as hub:
        for start, end in ((0, 40), (40, 80)):
            await hub.push(author, start, end)
            await hub.publish()
        await restart(hub)
        hub.pages.files["log/1-aaaaaaaa/000.ndjson.01234567.draft"] = b"cut off"
        await hub.push(author, 80, 120)
        await hub.publish()
        assert sum(".p/" in path for path in hub.pages.files) == 3, "readers on their way still find theirs"
        assert not [path for path in hub.pages.files if path.endswith(".draft")]
        hub.clock.pass_time(hours=1, seconds=1)
        await hub.push(author, 120, 121)
        head = await hub.publish()
        last, before = (paths.page(head.epoch, 0, width) for width in (head.size, head.size - 1))
        assert {path for path in hub.pages.files if ".p/" in path} == {last + ".zst", before + ".zst"}


async def test_what_an_older_release_left_beside_the_packed_form_goes_at_the_next_start(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    author = author_with_secrets()
    async with hub_over("memory", request, tmp_path, author) as hub:
        await hub.push(author)
        await hub.publisher.publish(snapshot=True)
        now = dict(hub.pages.files)
        for path in now:
            if path.endswith(".ndjson.zst"):
                hub.pages.write(paths.plain(path), forms.read(hub.pages, paths.plain(path)) or b"")
        assert len(hub.pages.files) >= len(now) + 3, "two pages and a part"
        await read_by(hub, tmp_path, tmp_path / "older")
        await restart(hub)
        await hub.publish()
        assert hub.pages.files.keys() == now.keys()
        await assert_stands(hub)
        await read_by(hub, tmp_path, tmp_path / "newer")


async def test_a_publisher_that_dies_while_it_empties_pages_leaves_nothing(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Until the new head stands, the old feed is whole; after the next publish nothing of it is anywhere."""
    author = Author("dar")
    author.put("secret", **words(SECRET))
    author.puts(20)
    for dies_at in itertools.count():
        folder = tmp_path / str(dies_at)
        async with hub_over("memory", request, tmp_path, author) as hub:
            await hub.push(author, 0, 10)
            await hub.publisher.publish(snapshot=True)
            await hub.push(author, 10)
            await hub.publish()
            await erase(hub, author, "secret")
            dying = publisher_of(hub, pages=(pages := Dies(hub.pages)))
            await dying.begin()
            pages.left = dies_at
            with contextlib.suppress(OSError):
                await dying.publish()
            if pages.left:
                break
            result = await follow(hub.write_out(folder / "feed"), folder / "copy", now=hub.clock)
            assert result.outcome is Outcome.VERIFIED, result.sentence
            await restart(hub)
            await hub.publish()
            assert holding(hub, SECRET) == []
            await assert_stands(hub)
            assert manifest_of(hub).live == 20
            if dies_at % 4 == 0:
                assert (await read_by(hub, folder, folder / "copy")).live == 20
    assert dies_at > 15, "every write, every flush and every removal was struck"


class Dies:
    """Pages that fail when so many things were done to them, and from then on."""

    def __init__(self, pages: Any) -> None:
        self._pages, self.left = pages, 10**9

    def __getattr__(self, name: str) -> Any:
        done = getattr(self._pages, name)
        if name not in ("write", "flush", "remove"):
            return done

        def act(*arguments: Any) -> Any:
            if self.left == 0:
                raise OSError("planted")
            self.left -= 1
            return done(*arguments)

        return act


@pytest.mark.parametrize(
    ("path", "fate"),
    [
        ("log/2-bbbbbbbb/000.g2.ndjson", Fate.STAYS),
        ("log/2-bbbbbbbb/000.g2.ndjson.zst", Fate.STAYS),
        ("log/2-bbbbbbbb/000.ndjson.zst", Fate.NOW),
        ("log/2-bbbbbbbb/000.p/7.ndjson", Fate.NOW),
        ("log/2-bbbbbbbb/000.g3.ndjson", Fate.LATER),
        ("log/1-aaaaaaaa/000.g2.ndjson", Fate.LATER),
        ("log/2-bbbbbbbb/001.p/44.ndjson", Fate.STAYS),
        ("log/2-bbbbbbbb/001.p/43.ndjson", Fate.LATER),
        ("log/2-bbbbbbbb/001.ndjson", Fate.LATER),
        ("log/2-bbbbbbbb/001.p/44.ndjson.0123.draft", Fate.NOW),
        ("snap/2-bbbbbbbb-280/000.ndjson.zst", Fate.STAYS),
        ("snap/2-bbbbbbbb-270/000.ndjson", Fate.NOW),
        ("snap/2-bbbbbbbb-290/000.ndjson", Fate.LATER),
        ("gens/" + "0" * 64 + ".json", Fate.LATER),
        ("log/notes.txt", Fate.STAYS),
    ],
)
def test_what_becomes_of_a_file(path: str, fate: Fate) -> None:
    # what fate_of asks of a head
    head = SimpleNamespace(
        epoch="2-bbbbbbbb",
        bases=(),
        size=300,
        floor=0,
        gens={"path": "gens/" + "1" * 64 + ".json"},
        snap={"path": "snap/2-bbbbbbbb-280/manifest.json", "seq": 280},
    )
    layout = Layout(head.epoch, head.bases, 0, {0: 2})
    assert fate_of(path, head, layout) is fate


def test_a_page_below_a_base_stands_under_its_epoch_and_paths_read_back() -> None:
    bases = ({"epoch": "2-bbbbbbbb", "size": 700}, {"epoch": "1-aaaaaaaa", "size": 300})
    layout = Layout("3-cccccccc", bases, 0, {1: 4, 1407: 2})
    pages = [path for _, _, path in layout.pages(1000)]
    assert pages == [
        "log/1-aaaaaaaa/000.ndjson",
        "log/2-bbbbbbbb/001.g4.ndjson",
        "log/3-cccccccc/002.ndjson",
        "log/3-cccccccc/003.p/232.ndjson",
    ]
    for path in (*pages, layout.path(1407, 256), layout.path(1407, 3)):
        place = place_of(path)
        assert place is not None
        assert paths.page(place.epoch, place.number, place.width, place.generation) == path
    for wrong in ("log/1-aaaaaaaa/000.p/0.ndjson", "log/1-aaaaaaaa/../../head.json", "log/1-aaaaaaaa/0.ndjson", "x"):
        assert place_of(wrong) is None
