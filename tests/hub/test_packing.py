"""The compressed forms of what is published: made once, of everything, and never left behind by an erasure."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import zstandard

from jisr_hub.publish import forms
from jisr_hub.publish.keeping import pack_all, standing_head
from jisr_hub.publish.packing import immutable_files, pack
from jisr_hub.publish.pages import Layout
from jisr_hub.publish.standing import generations_of
from jisr_hub.storage.folder import FolderPages
from jisr_hub.storage.memory import MemoryPages
from jisr_protocol import paths
from tests.hub.author import Author
from tests.hub.hub_in_memory import MemoryHub
from tests.hub.published import hub_over
from tests.hub.test_erasure import erase

pytestmark = pytest.mark.anyio


@pytest.fixture
def author() -> Author:
    author = Author("dar")
    author.puts(300)
    return author


@pytest.fixture
async def hub(request: pytest.FixtureRequest, tmp_path: Path, author: Author) -> AsyncIterator[MemoryHub]:
    async with hub_over("memory", request, tmp_path, author) as hub:
        await hub.push(author)
        await hub.publisher.publish(snapshot=True)
        yield hub


def check_forms(pages: MemoryPages) -> int:
    """Every immutable file of the head has both forms, and they say the same; pages and parts stand in no other. How
    many files those are."""
    head = standing_head(pages)
    assert head is not None
    promised = list(immutable_files(pages, head, Layout.of(head, generations_of(pages, head))))
    for path in promised:
        content = zstandard.decompress(pages.files[path + ".zst"])
        assert pages.files.get(path) == (None if path.endswith(".ndjson") else content), path
        assert gzip.decompress(pages.files[path + ".gz"]) == content, path
    return len(promised)


async def test_everything_that_a_head_promises_gets_both_forms_once(hub: MemoryHub, author: Author) -> None:
    head = standing_head(hub.pages)
    assert head is not None and head.snap is not None
    assert pack_all(hub.pages, head) > 0
    assert check_forms(hub.pages) >= 4, "two pages, a manifest, parts"
    assert pack_all(hub.pages, head) == 0
    author.puts(10)
    await hub.push(author, 301)
    later = await hub.publish()
    made = pack_all(hub.pages, later, head)
    assert 1 <= made <= 3, "the page that grew, not those that did not"
    check_forms(hub.pages)


async def test_what_was_erased_stands_in_no_form(hub: MemoryHub, author: Author) -> None:
    head = standing_head(hub.pages)
    assert head is not None
    pack_all(hub.pages, head)
    await erase(hub, author, "r7")
    await hub.publish()
    later = standing_head(hub.pages)
    assert later is not None and later.gens is not None
    pack_all(hub.pages, later)
    check_forms(hub.pages)
    packed = [path for path in hub.pages.files if path.endswith(paths.COMPRESSED)]
    assert all(forms.source(hub.pages, paths.plain(path)) for path in packed)


class Erasing(MemoryPages):
    """Somebody removes the page at the moment when this call of the packer is on its way."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at, self.armed = at, False

    def _strike(self, at: str) -> None:
        if self.armed and at == self.at:
            self.armed = False
            self.remove("log/a.ndjson")

    def read(self, path: str) -> bytes | None:
        self._strike("before reading")
        content = super().read(path)
        self._strike("after reading")
        return content

    def write(self, path: str, content: bytes) -> None:
        super().write(path, content)
        self._strike("after writing")


@pytest.mark.parametrize("at", ["before reading", "after reading", "after writing"])
def test_a_page_that_is_erased_while_it_is_packed_leaves_no_form(at: str) -> None:
    pages = Erasing(at)
    pages.write("log/a.ndjson", b"secret")
    pages.armed = True
    pack(pages, ["log/a.ndjson"])
    assert not pages.armed and pages.files == {}


def test_a_form_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    pages = FolderPages(tmp_path)
    pages.write("log/a.ndjson", b"line\n" * 100)
    assert pack(pages, ["log/a.ndjson"]) == 2
    before = (tmp_path / "log/a.ndjson.gz").stat().st_mtime_ns
    assert pack(pages, ["log/a.ndjson", "log/missing.ndjson"]) == 0
    assert (tmp_path / "log/a.ndjson.gz").stat().st_mtime_ns == before


async def test_who_stops_a_hub_does_not_wait_for_what_is_still_to_be_packed(hub: MemoryHub) -> None:
    head = standing_head(hub.pages)
    assert head is not None
    told = iter([False, True])
    assert pack_all(hub.pages, head, None, lambda: next(told)) == 1
    assert pack_all(hub.pages, head, None, lambda: True) == 0
    assert pack_all(hub.pages, head) > 1
