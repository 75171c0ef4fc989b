"""The public directory shows what is one once, under an address that stays, and nothing that is hidden."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from jisr_hub.curation.merging import address
from jisr_hub.ports.catalogue import Slice
from jisr_hub.storage import directory as storage
from jisr_hub.storage.catalogue import SqlCatalogue
from jisr_hub.storage.directory import SqlDirectory
from jisr_hub.web import public as pages
from jisr_protocol.identifiers import from_instant
from tests.curation.curated import CuratedHub, curated_hub, key_of
from tests.hub.author import Author

pytestmark = pytest.mark.anyio
ORGANIZATION, MEMBERSHIP = "org.jisr.organization/1", "org.jisr.membership/1"


async def nobody(nodes: Iterable[str]) -> set[str]:
    return set()


class Shown:
    """A curated hub and what people see of it."""

    def __init__(self, hub: CuratedHub) -> None:
        self.hub, self.author = hub, Author("shown")
        self.directory = self.opened()
        app = Starlette(routes=pages.routes(self.directory, hub.clock))
        self.browser = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub")

    def opened(self) -> SqlDirectory:
        """As a process that has counted nothing yet sees it."""
        return SqlDirectory(self.hub.ledger, "Hub", "/feeds/public", nobody, self.hub.curation, self.hub.clock)

    async def fill(self) -> None:
        for label, name in (("one", "Dar Nour"), ("two", "Dar Annour"), ("three", "Amal")):
            self.author.put(label, type=ORGANIZATION, name=named(name))
        sides = {"subject": key_of(self.author, "one")[1], "alliance": key_of(self.author, "three")[1]}
        self.author.put("member", type=MEMBERSHIP, role="member", side="subject", name=None, **sides)
        await self.hub.admit(self.author)
        await self.hub.push(self.author)
        await self.hub.curation.follow(self.hub.today)

    async def say(self, predicate: str, *labels: str, **members: Any) -> Any:
        word = await self.hub.say(predicate, self.author, *labels, **members)
        await self.hub.curation.follow(self.hub.today)
        return word

    def addresses(self, *labels: str) -> list[str]:
        """Of the oldest first."""
        return [address(key) for key in sorted(key_of(self.author, label) for label in labels)]

    async def listed(self) -> set[str]:
        return {(await self.directory.page(None, 0, 50))[at].id for at in range(await self.count())}

    async def count(self) -> int:
        return len(await self.directory.page(None, 0, 50))


def named(name: str) -> dict[str, Any]:
    return {"en": {"value": name, "origin": "author"}}


@pytest.fixture(params=["SQLite", "PostgreSQL"])
async def shown(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shown]:
    place = tmp_path / "hub.sqlite" if request.param == "SQLite" else request.getfixturevalue("postgres_address")
    async with curated_hub(place) as hub:
        found = Shown(hub)
        await found.fill()
        yield found
        await found.browser.aclose()


async def test_what_is_one_is_listed_once_and_counted_once_until_it_is_taken_back(shown: Shown) -> None:
    before = await shown.count()
    word = await shown.say("same_as", "one", "two")
    summary = await shown.directory.summary()
    assert (await shown.count(), summary.types[ORGANIZATION]) == (before - 1, 2)
    assert summary.records == before - 1 and not any("assertion" in name for name in summary.types)
    await shown.hub.saying.take_back(word.key)
    await shown.hub.curation.follow(shown.hub.today)
    assert (await shown.count(), (await shown.opened().summary()).records) == (before, before)


async def test_the_address_that_lost_leads_to_the_one_that_stands_and_comes_back_after_a_split(shown: Shown) -> None:
    lead, lost = shown.addresses("one", "two")
    assert (await shown.browser.get(f"/directory/{lost}")).status_code == 200
    word = await shown.say("same_as", "one", "two")
    led = await shown.browser.get(f"/directory/{lost}?lang=fr")
    assert (led.status_code, led.headers["location"]) == (307, f"/directory/{lead}?lang=fr")
    entry = await shown.browser.get(f"/directory/{lead}", headers={"Accept-Language": "en"})
    assert "One entry out of 2 records" in entry.text and "Other sources say" in entry.text
    assert "Dar Nour" in entry.text and "Dar Annour" in entry.text
    await shown.hub.saying.take_back(word.key)
    await shown.hub.curation.follow(shown.hub.today)
    assert (await shown.browser.get(f"/directory/{lost}")).status_code == 200


async def test_one_of_several_records_says_which_entry_it_is_in(shown: Shown) -> None:
    await shown.say("same_as", "one", "two")
    lead, _ = shown.addresses("one", "two")
    page = await shown.browser.get(f"/directory/{'/'.join(key_of(shown.author, 'two'))}")
    assert page.status_code == 200 and f'href="/directory/{lead}"' in page.text


async def test_what_is_hidden_has_no_page_and_what_is_corrected_shows_it(shown: Shown) -> None:
    await shown.say("suppressed", "three")
    await shown.say("corrects", "one", pointer="/name/en/value", value="Dar Nour of Rabat")
    assert key_of(shown.author, "three")[1] not in await shown.listed()
    for path in (f"/directory/{'/'.join(key_of(shown.author, 'three'))}", f"/directory/{shown.addresses('three')[0]}"):
        assert (await shown.browser.get(path)).status_code == 404
    assert "Dar Nour of Rabat" in (await shown.browser.get("/directory")).text


async def test_a_membership_is_called_after_its_two_sides(shown: Shown) -> None:
    page = await shown.browser.get("/directory?type=membership", headers={"Accept-Language": "en"})
    assert "Dar Nour – Amal" in page.text and "Record without a name" not in page.text


async def streamed(shown: Shown, *types: str) -> list[Any]:
    return [one async for one in shown.directory.stream(types)]


async def test_a_stream_gives_every_entry_once_as_its_page_shows_it(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_STREAMED_AT_ONCE", 1)
    before = await streamed(shown)
    assert [(one.node, one.id) for one in before] == sorted((one.node, one.id) for one in before)
    assert {one.id for one in before} == await shown.listed()
    await shown.say("same_as", "one", "two")
    await shown.say("suppressed", "three")
    found = await streamed(shown, ORGANIZATION)
    lead, _ = shown.addresses("one", "two")
    assert [(one.entry, len(one.sources)) for one in found] == [(lead, 2)]
    assert found == [await shown.directory.entry(lead)]
    assert {one.type for one in await streamed(shown)} == {ORGANIZATION, MEMBERSHIP}
    assert await streamed(shown, "org.jisr.event/1") == []


async def test_keys_come_in_order_each_once_with_the_day_they_were_taken_in(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dated(offset: int = 0, limit: int = 50) -> list[tuple[str, str, str]]:
        return [one async for one in shown.directory.dated_keys(offset, limit)]

    monkeypatch.setattr(storage, "_STEP", 2)
    await shown.say("same_as", "one", "two")
    found = await dated()
    held = {(one.node, one.id): one.received_at for one in await streamed(shown)}
    assert {(node, id_): from_instant(at) for node, id_, at in found} == held and len(found) == 3
    assert found == sorted(found) and await dated(1, 1) == found[1:2] and await dated(3) == []


async def test_a_stream_goes_on_while_the_hub_writes_and_misses_nothing_that_stayed(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_STREAMED_AT_ONCE", 1)
    stayed, met = await shown.listed(), []
    async for one in shown.directory.stream():
        met.append(one.id)
        shown.author.put(f"new {len(met)}", type=ORGANIZATION, name=named("Nieuw"))
        if len(met) < 3:
            await shown.hub.push(shown.author)
    assert stayed <= set(met) and len(met) == len(set(met))


async def test_a_catalogue_tells_states_parts_and_lines_of_what_is_one(shown: Shown) -> None:
    hub = shown.hub
    catalogue = SqlCatalogue(hub.ledger, shown.directory, hub.curation, hub.clock)
    one, two, three = (key_of(shown.author, label) for label in ("one", "two", "three"))
    first = await catalogue.state()
    assert first == await catalogue.state() and first.modified is not None
    assert [line.id for line in await catalogue.lines_of([one, three])] == sorted((one[1], three[1]))
    await shown.say("same_as", "one", "two")
    await shown.say("suppressed", "three")
    second = await catalogue.state()
    assert second.tag != first.tag
    lead, lost = sorted((one, two))
    found = await catalogue.resolved([one, two, three])
    assert {key: (entry.node, entry.id) for key, entry in found.items()} == {one: lead, two: lead}
    total, entries = await catalogue.part(Slice((ORGANIZATION,)))
    assert (total, [(entry.node, entry.id) for entry in entries]) == (1, [lead])
    assert (await catalogue.part(Slice((ORGANIZATION,), offset=1)))[1] == []
    for asked, count in (
        (Slice((ORGANIZATION,), containing=(b"Dar Nour",)), int(lead == one)),
        (Slice((ORGANIZATION,), containing=(b"no such words",)), 0),
        (Slice((ORGANIZATION,), nodes=(one[0],)), 1),
        (Slice((ORGANIZATION,), nodes=("jisr:" + "a" * 52,)), 0),
        (Slice((ORGANIZATION,), since=hub.clock() + timedelta(days=1)), 0),
        (Slice((ORGANIZATION,), since=hub.clock() - timedelta(days=365)), 1),
    ):
        assert (await catalogue.part(asked))[0] == count, asked
    lines = [line async for line in catalogue.lines((ORGANIZATION,))]
    assert [(line.node, line.id, line.entry) for line in lines] == [(*key, address(lead)) for key in (lead, lost)]
    assert await catalogue.named(one[0][5:17], (ORGANIZATION,), lambda id_: id_ == two[1]) == two
    assert await catalogue.named(one[0][5:17], (MEMBERSHIP,), lambda id_: id_ == two[1]) is None


@pytest.mark.parametrize("asked", ["x", "a.b", "aaaaaaaaaaaaaaaa.00000000-0000-4000-8000-000000000000", "%00"])
async def test_an_address_of_nothing_is_a_page_that_says_so(shown: Shown, asked: str) -> None:
    assert (await shown.browser.get(f"/directory/{asked}")).status_code == 404
