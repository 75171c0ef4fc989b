"""Pages that stand compressed alone (PATH-3): in a folder, and on a web server that knows of files and nothing else."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from jisr_protocol.exchange import Fetch, Fetched, Garbled, Missing
from jisr_protocol.limits import PAGE_BYTES
from jisr_protocol.reader.follow import Result, follow_once
from jisr_protocol.reader.http import GuardedClient
from jisr_protocol.reader.places import FolderPlace, HttpPlace
from jisr_protocol.session import Outcome

VECTORS = Path(__file__).parents[2] / "protocol/vectors/feeds"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Plain(http.server.ThreadingHTTPServer):
    """Serves a folder under the names of its files, and notes what was asked for."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        server = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_request(self, *_: object) -> None:
                server.asked.append(self.path.lstrip("/"))

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        self.address = f"http://127.0.0.1:{self.server_address[1]}/"


@pytest.fixture
def plain() -> Iterator[Callable[[Path], Plain]]:
    servers: list[Plain] = []

    def serve(folder: Path) -> Plain:
        servers.append(Plain(folder))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return servers[-1]

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def read(address: str | Path, into: Path) -> Result:
    return follow_once(address, into, allow_private=True, now=lambda: NOW)


@pytest.mark.parametrize("name", ["page-gzip-alone", "page-zstd-alone"])
def test_a_reader_finds_them_on_a_plain_web_server(name: str, plain: Callable[[Path], Plain], tmp_path: Path) -> None:
    result = read(plain(VECTORS / name / "feed").address, tmp_path / "copy")
    assert result.outcome is Outcome.VERIFIED, result.sentence


def test_a_name_that_was_found_is_asked_for_first(plain: Callable[[Path], Plain], tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    shutil.copytree(VECTORS / "five-pages" / "feed", feed)
    for page in sorted(feed.rglob("*.ndjson")):
        (page.with_name(page.name + ".zst")).write_bytes(_frame(page.read_bytes()))
        page.unlink()
    server = plain(feed)
    result = read(server.address, tmp_path / "copy")
    assert result.outcome is Outcome.VERIFIED, result.sentence
    pages = [path for path in server.asked if path.startswith("log/")]
    assert sum(path.endswith(".zst") for path in pages) == 5
    assert len([path for path in pages if not path.endswith(".zst")]) <= 4, "those that were on their way at first"


@pytest.mark.anyio
async def test_one_that_is_cut_and_one_that_is_nowhere(plain: Callable[[Path], Plain]) -> None:
    cut = VECTORS / "page-gzip-cut" / "feed"
    [page] = [path.relative_to(cut).as_posix().removesuffix(".gz") for path in cut.rglob("*.gz")]
    async with GuardedClient(allow_private=True) as client:
        for place in (FolderPlace(cut), HttpPlace(plain(cut).address, client)):
            found = await place.fetch(Fetch(page, PAGE_BYTES))
            assert isinstance(found, Garbled) and found.refusal.rule == "LIM-6"
            assert await place.fetch(Fetch(page.replace("000", "001"), PAGE_BYTES)) == Missing(
                page.replace("000", "001")
            )
            too_long = await place.fetch(Fetch(page, 100))
            assert isinstance(too_long, Garbled) and too_long.refusal.rule == "LIM-4"


@pytest.mark.anyio
async def test_a_page_as_it_is_comes_before_one_that_is_compressed(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log/000.ndjson").write_bytes(b"{}\n")
    (tmp_path / "log/000.ndjson.zst").write_bytes(b"no frame")
    assert await FolderPlace(tmp_path).fetch(Fetch("log/000.ndjson", 100)) == Fetched("log/000.ndjson", b"{}\n")
    (tmp_path / "keys.json.zst").write_bytes(_frame(b"{}"))
    assert await FolderPlace(tmp_path).fetch(Fetch("keys.json", 100)) == Missing("keys.json"), "pages and parts alone"


def _frame(content: bytes) -> bytes:
    return zstandard.compress(content, 3)
