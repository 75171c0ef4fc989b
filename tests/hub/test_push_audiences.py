"""Records that are not for everybody, and those whose audience changes, in pushes to a hub."""

from __future__ import annotations

import pytest

from tests.hub.author import Author, record_id
from tests.hub.pushing import hub_of

pytestmark = pytest.mark.anyio


async def test_a_restricted_record_gets_no_position_in_the_hubs_feed() -> None:
    author = Author("dar")
    author.put("hidden", audience="hub")
    author.put("secret", audience="partners")
    hub = await hub_of(author)
    for feed in ("hub", "partners"):
        assert (await hub.push(author, feed=feed)).admitted == 2
    assert await hub.live() == {}
    assert b"hidden" not in b"".join(await hub.lines())


def narrowing() -> Author:
    """A record that is public, then for hubs only: a tombstone where it was, a later rev where it goes."""
    author = Author("dar")
    author.put("moved")
    author.put("stays")
    author.delete("moved")
    author.put("moved", audience="hub")
    return author


async def test_narrowing_an_audience_leaves_the_public_feed_by_the_tombstone() -> None:
    author = narrowing()
    hub = await hub_of(author)
    await hub.push(author)
    await hub.push(author, feed="hub")
    assert [e.op for e in await hub.log()] == ["key", "key", "put", "put", "del"]
    assert set(await hub.live()) == {(author.id, record_id("stays"))}


async def test_when_the_restricted_feed_comes_first_the_public_rev_leaves_by_an_out() -> None:
    author = narrowing()
    hub = await hub_of(author)
    await hub.push(author, 0, 3)
    assert len(await hub.live()) == 2
    await hub.push(author, feed="hub")
    assert [e.op for e in await hub.log()][-1] == "out"
    assert set(await hub.live()) == {(author.id, record_id("stays"))}
    await hub.push(author, 3)
    assert set(await hub.live()) == {(author.id, record_id("stays"))}


async def test_a_public_rev_that_comes_after_it_was_narrowed_is_never_shown() -> None:
    author = narrowing()
    hub = await hub_of(author)
    await hub.push(author, feed="hub")
    assert (await hub.push(author)).admitted == 4
    ops = [(e.op, e.id) for e in await hub.log() if e.op in ("put", "out", "del")]
    assert ops == [("put", record_id("stays")), ("del", record_id("moved"))]


async def test_widening_it_again_shows_it_again() -> None:
    author = narrowing()
    author.delete("moved", audience="hub")
    author.put("moved")
    for order in (("public", "hub"), ("hub", "public")):
        hub = await hub_of(author)
        for feed in order:
            await hub.push(author, feed=feed)
        assert (await hub.live())[author.id, record_id("moved")][0] == 5
