"""What the hub's core relies on, for every place for pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jisr_hub.ports import Pages
from jisr_hub.storage.folder import FolderPages
from jisr_hub.storage.memory import MemoryPages

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "folder"])
def pages(request: pytest.FixtureRequest, tmp_path: Path) -> Pages:
    return MemoryPages() if request.param == "memory" else FolderPages(tmp_path / "public")


async def test_files_are_read_as_written_replaced_and_removed(pages: Pages) -> None:
    path, other = "log/1-aaaaaaaa/x001/000.p/7.ndjson", "head.json"
    assert pages.read(path) is None
    pages.write(path, b"one\n")
    pages.write(other, b"{}")
    pages.flush()
    assert (pages.read(path), pages.read(other)) == (b"one\n", b"{}")
    pages.write(path, b"one\n")
    pages.write(path, b"two\n")
    assert (pages.read(path), pages.read(other)) == (b"two\n", b"{}")
    assert pages.read("log/1-aaaaaaaa/x001") is None, "a folder is no file"
    assert pages.read(path + "/more") is None
    pages.remove(path)
    pages.remove(path)
    assert pages.read(path) is None
    pages.flush()


async def test_a_file_goes_with_its_forms_or_alone(pages: Pages) -> None:
    forms = ["log/000.ndjson", "log/000.ndjson.zst", "log/000.ndjson.gz"]
    for path in forms:
        pages.write(path, b"x")
    pages.remove(forms[0], alone=True)
    pages.remove(forms[0], alone=True)
    assert set(pages.list("log/")) == set(forms[1:])
    pages.remove(forms[0])
    assert list(pages.list("log/")) == []
    pages.flush()


async def test_files_are_listed_by_how_their_paths_begin(pages: Pages) -> None:
    assert list(pages.list("log/")) == []
    files = ["log/1-aaaaaaaa/000.ndjson", "log/1-aaaaaaaa/000.p/7.ndjson", "log/1-aaaaaaaa/001.ndjson", "head.json"]
    for path in files:
        pages.write(path, b"{}")
    assert set(pages.list("log/")) == set(files[:3])
    assert set(pages.list("log/1-aaaaaaaa/000.")) == set(files[:2])
    assert list(pages.list("snap/")) == list(pages.list("log/2-")) == []
    for path in list(pages.list("log/")):
        pages.remove(path)
    pages.flush()
    assert list(pages.list("log/")) == []


async def test_a_write_leaves_nothing_else_behind(tmp_path: Path) -> None:
    pages = FolderPages(tmp_path)
    for number in range(3):
        pages.write("log/000.ndjson", b"x" * number)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["000.ndjson"]


async def test_a_write_that_is_cut_off_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = FolderPages(tmp_path)
    pages.write("head.json", b"old")

    def dies(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("jisr_hub.storage.folder.os.replace", dies)
    with pytest.raises(OSError, match="no space"):
        pages.write("head.json", b"new")
    assert pages.read("head.json") == b"old"
