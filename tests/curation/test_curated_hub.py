"""A hub that says things of records, and its merged directory over a ledger, on both databases."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import sqlalchemy as sa

from jisr_hub import log
from jisr_hub.curation.saying import Unsayable
from jisr_hub.curation.words import TYPE
from jisr_hub.following.taking import Offered, take_once
from jisr_hub.ports import Peer
from jisr_hub.storage import tables as t
from jisr_hub.storage.curation import IGNORE
from jisr_hub.takedown.erasure import Erasures
from jisr_protocol import entry
from tests.curation.curated import CuratedHub, curated_hub, key_of
from tests.hub.anchored import Network, put_in
from tests.hub.author import Author
from tests.hub.test_views import Outside

pytestmark = pytest.mark.anyio
ABC = ("a", "b", "c")


@pytest.fixture
def author() -> Author:
    author = Author("dar")
    for label in ABC:
        author.put(label)
    return author


async def filled(hub: CuratedHub, author: Author) -> CuratedHub:
    await hub.admit(author)
    await hub.push(author)
    return hub


async def test_what_the_hub_says_stands_in_its_feed_as_its_own_record(place: Path | str, author: Author) -> None:
    async with curated_hub(place) as hub:
        await filled(hub, author)
        word = await hub.say("same_as", author, "a", "b")
        (said,) = [e for e in await hub.log() if e.type == TYPE]
        assert (said.op, said.node, said.id, said.src) == ("put", hub.id, word.key[1], None)
        assert word.key in await hub.live()
        await hub.publish()


async def test_merge_suppress_correct_and_undo(place: Path | str, author: Author) -> None:
    async with curated_hub(place) as hub:
        await filled(hub, author)
        before, index = await hub.entries(), await hub.index()
        words = [
            await hub.say("same_as", author, "a", "b"),
            await hub.say("suppressed", author, "c"),
            await hub.say("corrects", author, "a", pointer="/status", value="paused"),
        ]
        assert await hub.shown(author, *ABC) == {"a+b"}
        (entry,) = (await hub.entries()).values()
        assert [one.by for one in entry.fields["status"].shown.corrections] == [hub.id]
        assert entry.fields["status"].others[0].value == "active"
        for word in words:
            await hub.saying.take_back(word.key)
        assert await hub.entries() == before
        assert await hub.index() == index


async def test_not_the_same_said_after_the_same_splits_in_the_same_second_and_back(
    place: Path | str, author: Author
) -> None:
    async with curated_hub(place) as hub:
        await filled(hub, author)
        for predicate, shown in (("same_as", {"a+b", "c"}), ("not_same_as", {"a", "b", "c"})) * 2:
            await hub.say(predicate, author, "a", "b")
            assert await hub.shown(author, *ABC) == shown


async def test_a_resync_resurrects_nothing(place: Path | str, author: Author) -> None:
    """The author writes on, sends all of it again, and writes a record anew that is suppressed."""
    async with curated_hub(place) as hub:
        await filled(hub, author)
        await hub.say("suppressed", author, "c")
        await hub.say("same_as", author, "a", "b")
        author.put("c")
        author.put("b")
        await hub.push(author)
        await hub.push(author)
        assert await hub.shown(author, *ABC) == {"a+b"}


async def test_every_address_of_a_merged_entry_leads_to_it_and_back_after_a_split(
    place: Path | str, author: Author
) -> None:
    async with curated_hub(place) as hub:
        await filled(hub, author)
        alone = set(await hub.entries())
        word = await hub.say("same_as", author, *ABC)
        (entry,) = (await hub.entries()).values()
        assert {entry.address, *entry.also} == alone
        for name in alone:
            key = await hub.curation.find(name)
            assert key is not None
            assert await hub.curation.entry(key, hub.today) == entry
        await hub.saying.take_back(word.key)
        assert set(await hub.entries()) == alone
        assert await hub.curation.find("nobody.here") is None


async def test_following_the_log_comes_to_what_is_made_anew_whatever_happens(place: Path | str) -> None:
    """Forty steps of authors and operator; the index is that of a rebuild, and a step costs what it concerns."""
    by, labels = random.Random(5), [f"r{number}" for number in range(12)]
    author, said = Author("busy"), []
    author.puts(12)
    async with curated_hub(place) as hub:
        await filled(hub, author)
        await hub.curation.follow(hub.today)
        for step in range(40):
            start = len(author.feed().lines)
            what = by.choice(["same_as", "same_as", "not_same_as", "suppressed", "undo", "put", "delete", "window"])
            some = by.sample(labels, 2)
            if what == "undo" and said:
                await hub.saying.take_back(said.pop(by.randrange(len(said))).key)
            elif what in ("same_as", "not_same_as"):
                said.append(await hub.say(what, author, *some))
            elif what == "suppressed":
                said.append(await hub.say(what, author, some[0]))
            elif what == "window":
                said.append(await hub.say("suppressed", author, some[0], until=hub.today))
                hub.clock.now = hub.clock.now.replace(day=hub.clock.now.day % 28 + 1)
            else:
                author.put(some[0]) if what == "put" else author.delete(some[0])
                await hub.push(author, start)
            settled = await hub.curation.follow(hub.today)
            assert settled <= 12
            if step % 4 == 0:
                index, entries = await hub.index(), await hub.entries()
                await hub.curation.rebuild(hub.today)
                assert (await hub.index(), await hub.entries()) == (index, entries)
        assert len(said) > 10


async def test_a_change_is_worked_out_for_what_it_concerns(place: Path | str) -> None:
    author = Author("many")
    author.puts(60)
    async with curated_hub(place) as hub:
        await filled(hub, author)
        await hub.curation.follow(hub.today)
        assert await hub.curation.follow(hub.today) == 0
        word = await hub.say("same_as", author, "r0", "r1")
        assert await hub.curation.follow(hub.today) == 1
        start = len(author.feed().lines)
        author.put("r9")
        author.put("r1")
        await hub.push(author, start)
        assert await hub.curation.follow(hub.today) == 1, "of two records one is spoken of"
        await hub.saying.take_back(word.key)
        assert await hub.curation.follow(hub.today) == 2


async def test_an_erased_record_leaves_its_entry_and_the_index_holds_no_content(
    place: Path | str, author: Author
) -> None:
    async with curated_hub(place) as hub:
        await filled(hub, author)
        await hub.say("same_as", author, "a", "b")
        assert await hub.shown(author, *ABC) == {"a+b", "c"}
        await Erasures(hub.hub, hub.clock, Outside(), Outside()).erase(
            author.id, key_of(author, "a")[1], 1, id="b3d1a3a2-9d0c-4e0a-8a49-0f6f3a0c1a11", basis="asked for"
        )
        assert await hub.shown(author, *ABC) == {"b", "c"}
        index = await hub.index()
        await hub.curation.rebuild(hub.today)
        assert await hub.index() == index
        names = {column.name for table in (t.word, t.word_about, t.merged) for column in table.columns}
        assert names == {"node", "id", "predicate", "since", "until", "signer", "word", "entry", "leads"}


async def test_what_cannot_be_said_is_refused_with_a_sentence_and_nothing_is_stored(
    place: Path | str, author: Author
) -> None:
    async with curated_hub(place) as hub:
        await filled(hub, author)
        size = len(await hub.lines())
        for predicate, labels, members in (
            ("same_as", ["a"], {}),
            ("same_as", ["a", "a"], {}),
            ("corrects", ["a"], {"pointer": "no pointer", "value": 1}),
            ("loves", ["a"], {}),
        ):
            with pytest.raises(Unsayable, match="Nothing was said"):
                await hub.say(predicate, author, *labels, **members)
        for key in (key_of(author, "a"), (hub.id, key_of(author, "a")[1])):
            with pytest.raises(Unsayable, match="no word of this hub"):
                await hub.saying.take_back(key)
        assert len(await hub.lines()) == size


# At other hubs


async def test_a_peer_that_accepts_shows_it_one_that_ignores_does_not_and_undo_is_followed(
    place: Path | str, author: Author, tmp_path: Path
) -> None:
    async with curated_hub(place) as peer, curated_hub(tmp_path / "speaker.sqlite", "speaker") as speaker:
        await filled(speaker, author)
        said = await speaker.say("same_as", author, "a", "b")
        hidden = await speaker.say("suppressed", author, "c")
        await speaker.publish()
        await peer.follow(speaker, tmp_path)
        assert said.key in await peer.live()
        plain = await peer.entries()
        assert await peer.shown(author, *ABC) == {"a", "b", "c"}, "whom nobody accepted is not heard"
        await peer.accept(speaker)
        assert await peer.shown(author, *ABC) == {"a+b"}
        mine = await peer.saying.say(
            "disputed", [hidden.key], reason={"en": {"origin": "author", "value": "they are open"}}
        )
        assert await peer.shown(author, *ABC) == {"a+b", "c"}, "one word of theirs is overridden"
        await peer.saying.take_back(mine.key)
        await peer.accept(speaker, IGNORE)
        assert await peer.entries() == plain
        await peer.accept(speaker)
        await speaker.saying.take_back(said.key)
        await speaker.publish()
        await peer.follow(speaker, tmp_path)
        await peer.follow(speaker, tmp_path)
        assert await peer.shown(author, *ABC) == {"a", "b"}
        await peer.publish()


async def test_a_hub_put_back_from_a_backup_takes_its_own_words_back_and_can_undo_them(
    place: Path | str, author: Author, tmp_path: Path
) -> None:
    async with curated_hub(tmp_path / "lost.sqlite", "speaker") as before, curated_hub(place, "peer") as peer:
        await filled(before, author)
        said, gone = await before.say("same_as", author, "a", "b"), await before.say("suppressed", author, "c")
        await before.saying.take_back(gone.key)
        await before.publish()
        await peer.follow(before, tmp_path)
        theirs = [Offered(e.seq, e) for e in await peer.log() if e.node == before.id and e.op in ("put", "del")]
        async with curated_hub(tmp_path / "again.sqlite", "speaker") as again:
            await filled(again, author)
            follows = Peer(peer.id, "peer", "", 0, "1-hhhhhhha")
            rings = {before.id: before.identity.ring}
            assert await take_once(again.hub, follows, theirs, rings, None) == 0, "never by following"
            assert await take_once(again.hub, follows, theirs, rings, None, back=True) == len(theirs)
            assert await take_once(again.hub, follows, theirs, rings, None, back=True) == 0
            assert {e.src for e in await again.log() if e.node == again.id} == {None}
            assert await again.shown(author, *ABC) == {"a+b", "c"}
            await again.saying.take_back(said.key)
            assert await again.shown(author, *ABC) == {"a", "b", "c"}
            await again.publish()


async def test_where_an_anchor_is_trusted_a_hub_that_it_names_may_speak_and_no_other(
    place: Path | str, author: Author, tmp_path: Path
) -> None:
    """AUTH-1 for what a hub says itself."""
    network = Network()
    async with (
        curated_hub(tmp_path / "speaker.sqlite", "speaker") as speaker,
        curated_hub(place, "peer", anchors=[network.anchor], attests=True) as peer,
    ):
        await filled(speaker, author)
        word = await speaker.say("suppressed", author, "a")
        await speaker.publish()
        await peer.follow(speaker, tmp_path)
        assert word.key not in await peer.live()
        await put_in(speaker, network.says(speaker.id, speaker.clock.now))
        later = await speaker.say("suppressed", author, "b")
        await speaker.publish()
        await peer.follow(speaker, tmp_path)
        assert later.key in await peer.live()


async def test_what_a_peer_says_is_taken_from_itself_alone(place: Path | str, author: Author, tmp_path: Path) -> None:
    """A hub between lets a word go that its author still says: it stays here."""
    async with (
        curated_hub(tmp_path / "speaker.sqlite", "speaker") as speaker,
        curated_hub(tmp_path / "between.sqlite", "between") as between,
        curated_hub(place, "peer") as peer,
    ):
        await filled(speaker, author)
        word = await speaker.say("suppressed", author, "a")
        await speaker.publish()
        await between.follow(speaker, tmp_path)
        await between.publish()
        await peer.follow(speaker, tmp_path)
        held = (await peer.ledger.held("public", [word.key]))[word.key]
        out = log.out_draft(*word.key, held.rev, held.digest, held.type)
        left = Offered(99, entry.parse(log.number(out, 99, "2026-09-01T12:00:00Z").line))
        by_between = Peer(between.id, "between", "", 0, "1-hhhhhhha")
        assert await take_once(peer.hub, by_between, [left], {}, None) == 0
        assert word.key in await peer.live()
        by_itself = Peer(speaker.id, "speaker", "", 0, "1-hhhhhhha")
        assert await take_once(peer.hub, by_itself, [left], {}, None) == 1
        assert word.key not in await peer.live()


async def test_the_index_of_an_older_epoch_is_made_anew(place: Path | str, author: Author) -> None:
    async with curated_hub(place) as hub:
        await filled(hub, author)
        await hub.say("same_as", author, "a", "b")
        await hub.curation.follow(hub.today)
        async with hub.ledger.database.writing() as connection:
            await connection.execute(sa.update(t.curated).values(epoch="0-hhhhhhha"))
            await connection.execute(sa.delete(t.merged))
        assert await hub.shown(author, *ABC) == {"a+b", "c"}
