"""The samples of docs/samples in real servers: what they hand out, in which form, and that they outlive the hub."""

from __future__ import annotations

import gzip
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from jisr_hub.publish import forms
from jisr_hub.storage.folder import FolderPages
from jisr_protocol import head as heads
from jisr_protocol import paths
from jisr_protocol.head import Head
from jisr_protocol.reader.follow import Result, follow_once
from jisr_protocol.session import Outcome
from tests.hub.author import Author
from tests.hub.fronts import Hub, Nginx, Process, Varnish, ask
from tests.hub.kept_hub import KeptHub, some_author

FEED = "/feeds/public/"
WEEK = "public, max-age=604800, immutable"
HEAD = "public, max-age=10, stale-if-error=86400"


def filled(folder: Path) -> tuple[Author, Head]:
    """A hub's folder with a page and a half, a snapshot, and every compressed form."""
    from jisr_hub.publish.keeping import pack_all

    author = some_author(records=300)
    KeptHub(folder).fill(author, snapshot=True)
    head = heads.parse((folder / "public" / paths.HEAD).read_bytes())
    pack_all(FolderPages(folder / "public"), head)
    return author, head


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, Head]]:
    folder = tmp_path_factory.mktemp("served") / "hub"
    _, head = filled(folder)
    with Hub(folder) as hub:
        yield hub, head


@pytest.fixture(scope="module")
def nginx(
    served: tuple[Hub, Head], tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nginx]:
    with Nginx(tool, served[0], tmp_path_factory.mktemp("front")) as front:
        yield front


@pytest.fixture(scope="module")
def varnish(
    served: tuple[Hub, Head], tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Varnish]:
    with Varnish(tool, served[0], tmp_path_factory.mktemp("front")) as front:
        yield front


def follow(front: Process, into: Path, **options: bool) -> Result:
    """A new reader of the host, as `jisr follow http://…` is."""
    return follow_once(front.address + FEED, into, allow_private=True, **options)


def test_the_head_and_pages_are_what_they_are_at_the_hub(served: tuple[Hub, Head], nginx: Nginx) -> None:
    hub, head = served
    assert (checked := nginx.check()).returncode == 0, checked.stderr
    first = forms.read(FolderPages(hub.folder / "public"), paths.page(head.epoch, 0))
    undo = {"zstd": zstandard.decompress, "gzip": gzip.decompress, None: lambda body: body}
    for accepted, coding in (
        ("zstd, gzip", "zstd"), ("gzip, deflate, br", "gzip"), ("gzip;q=0, zstd;q=0.0", None), ("", None),
        ("zstd ; q=0, gzip ; q=0.5", "gzip"), ("zstdx", None),
    ):  # fmt: skip
        answer = ask(nginx.address + FEED + paths.page(head.epoch, 0), accept_encoding=accepted)
        assert (answer.status, answer.headers.get("content-encoding")) == (200, coding), accepted
        assert undo[coding](answer.body) == first
        assert answer.headers["cache-control"] == WEEK
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert answer.headers["vary"] == "Accept-Encoding"
        again = ask(
            nginx.address + FEED + paths.page(head.epoch, 0), accept_encoding=accepted,
            if_none_match=answer.headers["etag"],
        )  # fmt: skip
        assert (again.status, again.body) == (304, b"")
        rest = ask(
            nginx.address + FEED + paths.page(head.epoch, 0), accept_encoding=accepted, range="bytes=100-",
            if_range=answer.headers["etag"],
        )  # fmt: skip
        assert (rest.status, rest.body) == (206, answer.body[100:])
    assert head.snap is not None
    manifest = ask(nginx.address + FEED + head.snap["path"])
    assert (manifest.status, manifest.headers["content-type"]) == (200, "application/json")
    assert manifest.headers["cache-control"] == WEEK


def test_the_head_comes_with_the_hubs_own_tag_and_waits(served: tuple[Hub, Head], nginx: Nginx) -> None:
    deadline = time.monotonic() + 10
    while True:  # the hub may publish between the two
        shown = ask(nginx.address + FEED + paths.HEAD)
        assert (shown.status, shown.headers["cache-control"]) == (200, HEAD)
        if shown.headers["etag"] == ask(served[0].address + FEED + paths.HEAD).headers["etag"]:
            break
        assert time.monotonic() < deadline, "nginx goes on with an older head"
        time.sleep(0.2)
    assert ask(nginx.address + FEED + paths.HEAD, if_none_match=shown.headers["etag"]).status == 304
    waited = ask(f"{nginx.address}{FEED}{paths.HEAD}?after=0&wait=5")
    assert (waited.status, waited.headers["cache-control"]) == (200, "no-store")
    around = ask(f"{nginx.address}{FEED}{paths.HEAD}?h=abc")
    assert (around.status, around.body) == (200, shown.body)


def test_what_is_not_there_is_the_hubs_to_say(nginx: Nginx) -> None:
    for path in ("log/9-aaaaaaaa/000.ndjson", f"snap/9-aaaaaaaa-7/{paths.KEYS}", "log/../head.json", "nothing"):
        answer = ask(nginx.address + FEED + path)
        assert answer.status == 404 and answer.headers["content-type"] == "application/problem+json", path
    assert ask(nginx.address + "/hub.json").status == 404
    assert ask(nginx.address + "/files/zst/head.json").status == 404
    assert ask(nginx.address + "/readyz").status == 200


@pytest.mark.parametrize("kind", ["nginx", "varnish"])
def test_a_reader_follows_through_it(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    front: Process = request.getfixturevalue(kind)
    for name, whole in (("snapshot.jisr", False), ("whole.jisr", True)):
        result = follow(front, tmp_path / name, whole=whole)
        assert result.outcome is Outcome.VERIFIED, result.sentence
        assert result.live == 299
    assert follow(front, tmp_path / "whole.jisr").changed is False


def test_varnish_keeps_what_it_may_and_says_so(served: tuple[Hub, Head], varnish: Varnish) -> None:
    page = varnish.address + FEED + paths.page(served[1].epoch, 0)
    first = ask(page, accept_encoding="gzip")
    again = ask(page, accept_encoding="gzip")
    assert (first.status, again.status, again.body) == (200, 200, first.body)
    assert again.headers["cache-control"] == WEEK and again.headers["content-encoding"] == "gzip"
    assert len(again.headers["x-varnish"].split()) == 2, "from its memory"
    shown = ask(varnish.address + FEED + paths.HEAD)
    assert (shown.status, shown.headers["cache-control"]) == (200, HEAD)
    assert ask(f"{varnish.address}{FEED}{paths.HEAD}?after=0&wait=5").headers["cache-control"] == "no-store"
    assert ask(varnish.address + "/v1/token", "POST", content_length="0").status >= 400


@pytest.mark.parametrize("kind", [Nginx, Varnish])
def test_without_the_hub_a_new_reader_still_verifies(
    kind: type[Nginx] | type[Varnish], tool: Callable[[str], str], tmp_path: Path
) -> None:
    answers_without_hub(kind, tool, tmp_path)


def answers_without_hub(kind: type[Nginx] | type[Varnish], tool: Callable[[str], str], folder: Path) -> int:
    """A reader comes, the hub is killed, another one comes: it verifies all. How many requests that took."""
    _, head = filled(folder / "hub")
    with Hub(folder / "hub") as hub, kind(tool, hub, folder) as front:
        if kind is Varnish:  # it has no folder: it knows what was asked for
            assert follow(front, folder / "before.jisr", whole=True).outcome is Outcome.VERIFIED
            ask(front.address + "/.well-known/jisr.json")
        hub.kill()
        result = follow(front, folder / "after.jisr", whole=True)
        assert result.outcome is Outcome.VERIFIED, result.sentence
        shown = ask(front.address + FEED + paths.HEAD)
        assert result.head is not None and result.head.raw == shown.body and result.head.size >= head.size
        for question in ("", "?h=abc", "?after=0&wait=1"):
            again = ask(f"{front.address}{FEED}{paths.HEAD}{question}")
            assert (again.status, again.body, again.headers["cache-control"]) == (200, shown.body, HEAD), question
        page, plain = (
            ask(front.address + FEED + paths.page(head.epoch, 0), accept_encoding=coding) for coding in ("gzip", "")
        )
        assert (page.status, page.headers["cache-control"]) == (plain.status, plain.headers["cache-control"])
        assert (page.status, page.headers["cache-control"], page.headers["content-encoding"]) == (200, WEEK, "gzip")
        assert plain.body == gzip.decompress(page.body) and "content-encoding" not in plain.headers
        assert ask(front.address + "/v1/ping", "POST", content_length="0").status in (502, 503, 504)
        return result.requests


def test_the_samples_are_as_the_documents_say() -> None:
    said = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert "samples/nginx.conf" in said and "samples/varnish.vcl" in said


def test_the_stranger_to_this_file_is_found(nginx: Nginx) -> None:
    """What `nginx -t` says of a fault is seen by this test's own means."""
    nginx.config.write_text(nginx.config.read_text() + "nonsense;\n")
    done: subprocess.CompletedProcess[str] = nginx.check()
    assert done.returncode != 0 and "nonsense" in done.stderr
