"""Feeds beside the public one: what enters and leaves them, on both databases (POL-4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jisr_protocol import policy as policies
from jisr_protocol.reader.follow import follow
from jisr_protocol.reader.store import Copy
from tests import postgres
from tests.hub.author import Author, record_id
from tests.hub.viewed import ViewedHub, viewed_hub

pytestmark = pytest.mark.anyio
MA = policies.write("ma", 1, allow={"countries": ["MA"]})
ES = policies.write("ma", 2, allow={"countries": ["ES"]})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    if request.param == "sqlite":
        yield tmp_path / "hub.sqlite"
    else:
        with postgres.database(request.getfixturevalue("postgres_server")) as address:
            yield address


def of(country: str) -> dict[str, object]:
    """Members that put a record into a country."""
    return {"x_place": {"country": country}}


async def _labels(hub: ViewedHub, name: str, author: Author, *labels: str) -> set[str]:
    held = await hub.live_of(name)
    return {label for label in labels if (author.id, record_id(label)) in held}


async def _follow(hub: ViewedHub, name: str, folder: Path) -> dict[tuple[str, str], tuple[int, str]]:
    """What a reader of the view holds, after it followed its files."""
    result = await follow(hub.files_of(name, folder / name), folder / f"{name}.copy", now=hub.clock)
    assert result.outcome == 0, result.sentence
    assert result.refused == []
    with Copy(folder / f"{name}.copy") as copy:
        return {(c.node, c.id): (c.rev or 0, c.digest) for c in copy.changes() if c.op == "put"}


async def test_a_view_holds_what_its_policy_takes_and_follows_every_change(place: Path | str, tmp_path: Path) -> None:
    author = Author("dar")
    async with viewed_hub(place) as hub:
        await hub.admit(author)
        author.put("here", **of("MA"))
        author.put("there", **of("ES"))
        await hub.push(author)
        await hub.view("ma", MA)
        await hub.round()
        assert await _labels(hub, "ma", author, "here", "there") == {"here"}
        assert await _follow(hub, "ma", tmp_path) == await hub.live_of("ma")
        start = len(author.feed().lines)
        author.put("here", **of("ES"))
        author.put("there", **of("MA"))
        author.put("more", **of("MA"))
        await hub.push(author, start)
        await hub.round()
        assert await _labels(hub, "ma", author, "here", "there", "more") == {"there", "more"}
        start = len(author.feed().lines)
        author.delete("more")
        await hub.push(author, start)
        await hub.round()
        assert await _labels(hub, "ma", author, "here", "there", "more") == {"there"}
        assert await _follow(hub, "ma", tmp_path) == await hub.live_of("ma")
        await hub.view("ma", ES)
        await hub.round()
        assert await _labels(hub, "ma", author, "here", "there", "more") == {"here"}
        assert await _follow(hub, "ma", tmp_path) == await hub.live_of("ma")
        head = hub.publisher_of("ma").head
        assert head is not None
        assert (head.name, head.policy) == ("ma", ES.named)
        stands = (tmp_path / "ma" / "policy" / f"{ES.sha256}.json").read_bytes()
        assert policies.named_by(head.policy, stands).id == "ma-2"
        assert await hub.round() == 0
