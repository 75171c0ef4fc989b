"""The operator's desk: one merged directory out of many voices, every act signed and reversible.

Each test prints its figure. Short by default, whole with `--long`.
"""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from jisr_hub.curation.words import Word
from jisr_hub.storage.curation import IGNORE
from tests.curation.curated import CuratedHub, curated_hub, key_of
from tests.hub.author import Author

pytestmark = pytest.mark.anyio

# Merge, split, suppress, correct


async def filled(hub: CuratedHub, author: Author) -> None:
    await hub.admit(author)
    await hub.push(author)
    await hub.curation.follow(hub.today)


async def curate(hub: CuratedHub, author: Author, labels: list[str], count: int, by: random.Random) -> list[Word]:
    """So many acts of an operator: merges, splits, records that are hidden, and corrections."""
    words = []
    for _ in range(count):
        one, two = by.sample(labels, 2)
        match by.choice(("same_as", "same_as", "not_same_as", "suppressed", "corrects")):
            case "corrects":
                words.append(await hub.say("corrects", author, one, pointer="/status", value="paused"))
            case "suppressed":
                words.append(await hub.say("suppressed", author, one))
            case predicate:
                words.append(await hub.say(predicate, author, one, two))
    return words


async def test_what_a_hub_says_is_seen_at_a_peer_that_accepts_it_and_not_at_one_that_does_not(
    tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    author, labels = Author("many"), [f"r{number}" for number in range(200 if long else 20)]
    author.puts(len(labels))
    async with (
        curated_hub(tmp_path / "speaks.sqlite", "speaks") as speaks,
        curated_hub(tmp_path / "hears.sqlite", "hears") as hears,
        curated_hub(tmp_path / "deaf.sqlite", "deaf") as deaf,
    ):
        await filled(speaks, author)
        plain = await speaks.entries()
        words = await curate(speaks, author, labels, len(labels) // 2, random.Random(3))
        await speaks.publish()
        await hears.accept(speaks)
        await deaf.accept(speaks, IGNORE)
        for peer in (hears, deaf):
            (tmp_path / peer.id[5:13]).mkdir()
            await peer.follow(speaks, tmp_path / peer.id[5:13])
            assert {word.key for word in words} <= set(await peer.live()), "a word is passed on, heard or not"
        shown = {address: len(entry.records) for address, entry in (await speaks.entries()).items()}
        heard, unheard = await hears.entries(), await deaf.entries()
        assert {address: len(entry.records) for address, entry in heard.items()} == shown
        assert {key: entry.fields for key, entry in unheard.items()} == {key: e.fields for key, e in plain.items()}
        figure(
            f"{len(words)} words: {len(plain)} records are {len(heard)} entries where they are accepted, "
            f"{len(unheard)} where they are not"
        )
        assert len(heard) < len(unheard) == len(labels)


async def test_a_resync_resurrects_nothing(tmp_path: Path, long: bool, figure: Callable[..., None]) -> None:
    """Every record that is hidden or joined is written anew by its author, and all of it is sent again."""
    author, labels = Author("again"), [f"r{number}" for number in range(100 if long else 12)]
    author.puts(len(labels))
    async with curated_hub(tmp_path / "hub.sqlite") as hub:
        await filled(hub, author)
        hidden, one = labels[: len(labels) // 3], labels[len(labels) // 3 : len(labels) // 2]
        for label in hidden:
            await hub.say("suppressed", author, label)
        await hub.say("same_as", author, *one)
        before = set(await hub.entries())
        for _ in range(2):
            for label in (*hidden, *one):
                author.put(label)
            await hub.push(author)
        assert set(await hub.entries()) == before
        figure(f"{len(hidden)} hidden and {len(one)} joined records written anew twice: none came back")


@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
async def test_undo_restores_the_exact_view_and_a_rebuild_or_another_order_changes_nothing(
    database: str, tmp_path: Path, long: bool, request: pytest.FixtureRequest, figure: Callable[..., None]
) -> None:
    place = tmp_path / "hub.sqlite" if database == "SQLite" else request.getfixturevalue("postgres_address")
    author, labels = Author("order"), [f"r{number}" for number in range(60 if long else 12)]
    author.puts(len(labels))
    by = random.Random(7)
    async with curated_hub(place) as hub:
        await filled(hub, author)
        plain, index = await hub.entries(), await hub.index()
        words = await curate(hub, author, labels, 60 if long else 12, by)
        curated, with_words = await hub.entries(), await hub.index()
        await hub.curation.rebuild(hub.today)
        assert (await hub.entries(), await hub.index()) == (curated, with_words)
        worked_out = []
        by.shuffle(words)
        for word in words:
            await hub.saying.take_back(word.key)
            worked_out.append(await hub.curation.follow(hub.today))
        assert await hub.entries() == plain
        assert await hub.index() == index
        for label in labels:
            assert await hub.curation.entry(key_of(author, label), hub.today) is not None
        figure(
            f"{database}: {len(words)} words over {len(plain)} records, a rebuild equal; taken back in another order, "
            f"the view and its index are the first ones; at most {max(worked_out)} entries worked out for one"
        )
