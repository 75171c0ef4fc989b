"""The hub's search follows its log: what is public is found within one look, and nothing else ever is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jisr_hub.storage import tables as t
from jisr_hub.storage.search import SqlDocuments
from jisr_protocol import identifiers, opening
from jisr_protocol.opening import Days, Open
from tests.hub.author import record_id
from tests.hub.search_world import SearchedHub, place, said, searched_hub
from tests.hub.test_erasure import ALL, erase

pytestmark = pytest.mark.anyio
ORGANIZATION = "organization"
TERM = {"scheme": "shores", "code": "women", "role": "focus"}
HOURS = {
    "timezone": "Africa/Casablanca",
    "operating_hours": [
        {"label": "normal", "days": ["MO", "TU"], "intervals": [["09:00", "12:00"], ["22:00", "02:00"]]}
    ],
}


@pytest.fixture
async def world(place: Path | str) -> AsyncIterator[SearchedHub]:
    async with searched_hub(place) as found:
        yield found


async def everything(world: SearchedHub) -> list[tuple[Any, ...]]:
    """What is searched of each entry, in whatever place it stands."""
    c = t.search_entry.c
    rows = await world.hub.ledger.rows(sa.select(c.node, c.id, c.content).where(c.node != ""))
    return sorted(tuple(row) for row in rows)


async def test_what_changes_is_found_as_it_is_now(world: SearchedHub) -> None:
    await world.fill({"one": {"name": said(fr="Maison des femmes")}, "two": {"name": said(nl="Taalles voor vrouwen")}})
    assert await world.find("femmes") == ["one"]
    world.put("one", name=said(fr="Maison des jeunes"))
    world.author.delete("two", of="org.jisr.service/1")
    await world.push()
    assert (await world.find("femmes"), await world.find("jeunes"), await world.find()) == ([], ["one"], ["one"])
    world.put("three", name=said(fr="Bibliothèque"))
    await world.push()
    assert await world.find("bibliotheque") == ["three"], "an entry that comes takes the place of one that left"
    assert len(await world.hub.ledger.rows(sa.select(t.search_entry))) == 2


async def test_what_is_not_public_is_never_found(world: SearchedHub) -> None:
    await world.fill({"seen": {"name": said(fr="Refuge ouvert")}})
    world.put("unseen", name=said(fr="Refuge secret"), audience="partners")
    await world.hub.push(world.author, feed="partners")
    await world.push()
    assert await world.find("refuge") == ["seen"] and await world.find("secret") == []
    assert not any("secret" in row[2] for row in await everything(world))


async def test_merges_splits_corrections_and_suppressions_are_followed(world: SearchedHub) -> None:
    names = {"one": "Dar Nour", "two": "Dar Annour", "three": "Amal"}
    await world.fill({label: {"type": ORGANIZATION, "name": said(en=name)} for label, name in names.items()})
    assert sorted(await world.find("dar")) == ["one", "two"]
    joined = await world.hub.say("same_as", world.author, "one", "two")
    await world.look()
    (lead,) = await world.find("dar")
    assert lead in ("one", "two") and (await world.ask("dar")).total == 1
    await world.hub.saying.take_back(joined.key)
    await world.look()
    assert sorted(await world.find("dar")) == ["one", "two"]
    await world.hub.say("corrects", world.author, "three", pointer="/name/en/value", value="Espoir")
    await world.look()
    assert (await world.find("amal"), await world.find("espoir")) == ([], ["three"])
    await world.hub.say("suppressed", world.author, "three")
    await world.look()
    assert await world.find("espoir") == []


async def test_of_what_is_erased_nothing_stays_and_what_it_was_part_of_is_made_anew(world: SearchedHub) -> None:
    await world.fill(
        {
            "house": {"type": ORGANIZATION, "name": said(fr="Xanadouce")},
            "help": {"name": said(fr="Aide"), "organization": record_id("house")},
        }
    )
    assert sorted(await world.find("xanadouce")) == ["help", "house"]
    await erase(world.hub, world.author, "house")
    rows = [tuple(row) for table in t.SEARCH for row in await world.hub.ledger.rows(sa.select(table))]
    assert not any("xanadouce" in str(row) for row in rows), "gone before anybody looks"
    await world.look()
    assert (await world.find("xanadouce"), await world.find("aide")) == ([], ["help"])
    assert world.searching._index.vocabulary.find("xanadouce") is None, "nor is it in memory"
    await erase(world.hub, world.author, ALL)
    await world.look()
    assert await everything(world) == [] and await world.find() == []


async def test_a_place_that_changes_moves_what_is_given_there_and_a_hidden_one_is_nowhere(world: SearchedHub) -> None:
    await world.fill(
        {
            "tangier": place("35.7767", "-5.8039", name=said(fr="Centre")),
            "near": {"name": said(fr="Conseil"), "at": [{"location": record_id("tangier")}]},
            "far": {"name": said(fr="Conseil"), "at": [{"location": record_id("enschede")}]},
            "enschede": place("52.2215", "6.8937", name=said(nl="Huis")),
        }
    )
    here = {"near": (35.78, -5.80), "order": "near", "types": ("service",)}
    assert await world.find("conseil", **here) == ["near", "far"]
    assert await world.find("conseil", near=(35.78, -5.80), within_km=5.0) == ["near"]
    world.put("tangier", "location", privacy="hidden", name=said(fr="Centre"))
    await world.push()
    found = await world.ask("conseil", **here)
    assert world.called(found) == ["far", "near"] and found.hits[1].distance_km is None
    assert await world.find("conseil", near=(35.78, -5.80), within_km=5.0) == []


async def test_a_place_that_shows_its_area_is_no_nearer_than_its_area(world: SearchedHub) -> None:
    await world.fill({"area": place("35.7767", "-5.8039", "locality", privacy="area", name=said(fr="Foyer"))})
    (hit,) = (await world.ask("foyer", near=(35.7767, -5.8039))).hits
    assert hit.distance_km == 1.0
    assert await world.find("foyer", near=(35.7767, -5.8039), within_km=0.5) == []


async def test_of_records_that_are_one_each_may_hide_the_place(world: SearchedHub) -> None:
    hidden = {"type": "location", "privacy": "hidden", "name": said(fr="Abri")}
    await world.fill({"one": place("35.7767", "-5.8039", name=said(fr="Abri")), "two": hidden})
    await world.hub.say("same_as", world.author, "one", "two")
    await world.look()
    found = await world.ask("abri", near=(35.7767, -5.8039))
    assert found.total == 1 and found.hits[0].distance_km is None


async def test_what_expires_is_not_found_from_that_moment_on(world: SearchedHub) -> None:
    ends = identifiers.to_instant(world.hub.clock() + timedelta(hours=1))
    await world.fill({"short": {"name": said(en="Fair"), "expires": ends}, "long": {"name": said(en="Fair")}})
    assert sorted(await world.find("fair")) == ["long", "short"]
    world.hub.clock.pass_time(hours=1)
    assert await world.find("fair") == ["long"]


async def test_facets_narrow_and_count_what_a_choice_would_give(world: SearchedHub) -> None:
    both, other = [TERM, {**TERM, "code": "youth"}], [{**TERM, "code": "youth"}]
    await world.fill(
        {
            "a": {"name": said(en="a"), "terms": both, "languages": ["ar", "fr"], "cost": {"free": True}},
            "b": {"name": said(en="b"), "terms": other, "languages": ["fr"], "delivery": ["remote"]},
            "c": {"type": ORGANIZATION, "name": said(en="c"), "terms": [TERM], "languages": ["nl-BE"]},
        }
    )
    found = await world.ask(facets={"theme": ("shores:women",)})
    assert sorted(world.called(found)) == ["a", "c"] and found.total == 2
    assert found.facets["theme"] == (("shores:women", 2), ("shores:youth", 2)), "as if nothing were chosen in it"
    assert found.facets["language"] == (("ar", 1), ("fr", 1), ("nl", 1))
    assert found.facets["type"] == (("organization", 1), ("service", 1))
    assert sorted(await world.by(("theme", "shores:women"), ("theme", "shores:youth"))) == ["a", "b", "c"]
    assert await world.by(("theme", "shores:women"), ("type", "service")) == ["a"]
    assert (await world.by(("remote", "yes")), await world.by(("cost", "free"))) == (["b"], ["a"])
    assert sum(found.fresh.values()) == 2


async def test_open_now_is_what_the_page_says_at_every_quarter_of_three_days(world: SearchedHub) -> None:
    start, days = world.hub.clock().replace(hour=0, minute=0, second=0), Days("MA")
    told = {"name": said(en="Open"), "schedule": HOURS}
    ends = {**told, "period": {"until": start.date().isoformat()}}
    begins = {**told, "period": {"from": (start + timedelta(days=1)).date().isoformat()}}
    records = {"open": told, "ends": ends, "begins": begins, "paused": {**told, "status": "paused"}, "none": {}}
    await world.fill(records)
    seen = set()
    for quarter in range(3 * 96):
        at = start + timedelta(minutes=15 * quarter)
        expected = {label for label, one in records.items() if isinstance(opening.of_record(one, at, days), Open)}
        assert set(await world.find(open_at=at)) == expected, at
        seen.add(frozenset(expected))
    assert seen >= {frozenset(), frozenset({"open", "ends"}), frozenset({"open", "begins"})}


async def test_it_can_be_deleted_and_is_made_anew_the_same(world: SearchedHub) -> None:
    await world.fill({f"r{number}": {"name": said(fr=f"Cours numéro {number}")} for number in range(30)})
    await world.hub.say("same_as", world.author, "r1", "r2")
    await world.look()
    before, found = await everything(world), await world.ask("cours")
    async with world.hub.ledger.database.writing() as connection:
        for table in t.SEARCH:
            await connection.execute(sa.delete(table))
    await world.look()
    assert await everything(world) == before and await world.ask("cours") == found and found.total == 29


async def test_other_rules_make_it_anew(world: SearchedHub) -> None:
    await world.fill({"one": {"name": said(fr="Cours")}})
    generation, _ = await world.documents.stand()
    world.documents = SqlDocuments(world.hub.ledger, world.hub.curation, rules=99)
    await world.look()
    assert (await world.documents.stand())[0] == generation + 1 and await world.find("cours") == ["one"]
    assert await world.documents.follow(world.hub.today) == 0


async def test_a_term_is_found_by_the_words_of_its_code_list(world: SearchedHub) -> None:
    concepts = [{"code": "women", "label": said(fr="Femmes", ar="النساء")}]
    listed = {"type": "taxonomy", "name": said(fr="Mots"), "scheme": "shores", "version": "1"}
    await world.fill({"list": {**listed, "concepts": concepts}, "one": {"name": said(nl="Taalles"), "terms": [TERM]}})
    assert "one" in await world.find("نساء")


async def test_a_word_that_stands_nowhere_is_answered_by_one_that_is_like_it(world: SearchedHub) -> None:
    await world.fill({"one": {"name": said(nl="Schuldhulpverlening")}, "two": {"name": said(ar="النور")}})
    found = await world.ask("schuldhulpverlenign")
    assert world.called(found) == ["one"] and found.hits[0].nearly and found.nearly == ("schuldhulpverlening",)
    assert await world.find("ennour") == ["two"]
    assert not (await world.ask("schuldhulp")).hits[0].nearly, "a beginning is no mistake"
