"""A hub that cheats, before a reader and a peer: ten attacks, each caught under its own code, nothing honest lost.

tests/federation/test_hostile_to_nodes.py has the third column, the node that pushes.
"""

from __future__ import annotations

import asyncio
import functools
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from jisr_hub.following.peers import Followers
from jisr_hub.ports import Peer
from jisr_protocol import evidence
from jisr_protocol.reader import http
from jisr_protocol.reader.follow import Result, follow_once
from jisr_protocol.reader.store import open_copy
from jisr_protocol.session import Outcome
from tests.federation.hostile import CAUGHT, Attack, HostileHub, drip, endless_lines
from tests.hub.author import Author
from tests.hub.hub_in_memory import Clock, MemoryHub
from tests.reader.conftest import Reader
from tests.reader.publisher import FeedFolder
from tests.reader.test_evidence import verified_elsewhere

EVERY = pytest.mark.parametrize("attack", Attack)


def shown(file: Path) -> dict[str, str]:
    """The digest of every record that is shown, by id."""
    with open_copy(file) as copy:
        return {record.id: record.digest for record in copy.records()}


# Readers


def read_under_attack(attack: Attack, folder: Path) -> Result:
    """The story of one cell: an honest sync, the attack, proof that nothing moved, evidence, an honest sync again."""
    with HostileHub(folder / "feed") as hub:
        reader = Reader(hub.feed, folder / "copy.jisr")

        def follow() -> Result:
            return follow_once(hub.address, reader.file, allow_private=True, now=hub.now)

        assert follow().outcome is Outcome.VERIFIED
        before = dict(hub.written)
        hub.turn(attack)
        with reader.unmoved():
            result = follow()
        assert result.refusal is not None
        caught = CAUGHT[attack]
        assert (result.outcome, result.refusal.code) == (caught.outcome, caught.code)
        assert "What was stored before is untouched" in result.sentence
        assert shown(reader.file) == before
        assert (result.evidence is not None) == (caught.evidence is not None)
        if result.evidence is not None:
            status, said = verified_elsewhere(result.evidence, folder / "elsewhere")
            assert (status, hub.feed.writer.id in said) == (0, True), said
            assert evidence.parse(result.evidence.read_bytes()).kind == caught.evidence
        hub.relent()
        assert follow().outcome is Outcome.VERIFIED
        assert shown(reader.file) == hub.written
        assert before.items() <= hub.written.items()
    return result


@EVERY
def test_a_reader_catches_it_and_loses_nothing(attack: Attack, tmp_path: Path) -> None:
    read_under_attack(attack, tmp_path)


@pytest.mark.parametrize("attack", [a for a in Attack if a not in (Attack.ENDLESS, Attack.FREEZE)])
def test_a_folder_may_cheat_no_more_than_an_address(attack: Attack, tmp_path: Path) -> None:
    with HostileHub(tmp_path / "feed") as hub:
        reader = Reader(hub.feed, tmp_path / "copy.jisr")
        reader.verified(now=hub.now)
        hub.turn(attack)
        with reader.unmoved():
            result = reader.follow(now=hub.now)
        assert result.refusal is not None
        assert (result.outcome, result.refusal.code) == CAUGHT[attack][:2]


def test_a_record_that_the_hub_rewrote_and_signed_into_its_log_is_not_shown(tmp_path: Path) -> None:
    """Tampering of the other kind: roots that fit. The author's signature does not; the older version stays."""
    with HostileHub(tmp_path / "feed") as hub:
        reader = Reader(hub.feed, tmp_path / "copy.jisr")
        reader.verified()
        forged = hub.author.value("record 0", rev=2, note="forged")
        hub.feed.put(hub.author.sign(forged, key=hub.feed.writer.key))
        hub.grow(3)
        result = reader.verified()
        assert [refused.code for refused in result.refused] == ["key_unknown"]
        assert shown(reader.file) == hub.written


# Peers


async def peer_under_attack(attack: Attack, folder: Path) -> Peer:
    """The same for a hub that follows it, and beside it an honest hub that goes on being taken in."""
    with HostileHub(folder / "feed") as hub:
        honest = FeedFolder(folder / "honest", label="honest hub", role="hub")
        other = Author("another node")
        honest.welcome(other.writer)
        honest.put(other.sign(other.value("one")))
        honest.publish()
        clock = Clock()
        us = await MemoryHub("us", clock=clock).begin()
        for feed, address in ((hub.feed, hub.address), (honest, str(honest.folder))):
            await us.ledger.keep_peer(Peer(feed.writer.id, feed.label, address, 0, ""))
        followers = Followers(us.hub, folder / "peers", 60.0, allow_private=True)

        async def everybody() -> None:
            clock.now = hub.now()
            honest.now = max(honest.now, clock.now)
            honest.publish()
            for peer in await us.ledger.peers():
                await followers.once(peer)

        async def held() -> dict[str, str]:
            return {id_: digest for (node, id_), (_, digest) in (await us.live()).items() if node == hub.author.id}

        await everybody()
        before = await held()
        assert before == hub.written
        hub.turn(attack)
        honest.put(other.sign(other.value("two")))
        await everybody()
        assert await held() == before
        assert sum(node == other.id for node, _ in await us.live()) == 2
        [cheat, fine] = sorted(await us.ledger.peers(), key=lambda peer: peer.name == "honest hub")
        caught = CAUGHT[attack]
        assert fine.last_outcome == "verified"
        assert cheat.last_outcome == caught.outcome.name.lower()
        assert caught.code in cheat.last_detail
        kept = list((folder / "peers").glob("*.evidence/*"))
        assert [file.name.partition("-")[0] for file in kept] == ([caught.evidence] if caught.evidence else [])
        for file in kept:
            assert verified_elsewhere(file, folder / "elsewhere")[0] == 0
        hub.relent()
        await everybody()
        assert await held() == hub.written
    return cheat


@EVERY
def test_a_peer_catches_it_and_takes_in_the_others(attack: Attack, tmp_path: Path) -> None:
    asyncio.run(peer_under_attack(attack, tmp_path))


# Endless data, and as slow as it likes


PLACES: dict[str, Callable[[HostileHub], str]] = {
    "head": lambda _: "head.json",
    "keys": lambda _: "keys.json",
    "page": lambda hub: str(hub.feed.page_path((hub.feed.size - 1) // 256).relative_to(hub.feed.folder)),
    "manifest": lambda hub: str((hub.feed.snap or {})["path"]),
    "snapshot part": lambda hub: max(hub.feed.snapshot_files),
    "generations": lambda hub: "gens/" + max(file.name for file in (hub.feed.folder / "gens").iterdir()),
    "inventory": lambda hub: f"inv/{hub.feed.signed_head().state_root}.json",
}


@pytest.mark.parametrize("slowly", [False, True], ids=["fast", "a byte a second"])
@pytest.mark.parametrize("place", PLACES)
def test_what_never_ends_is_left_in_time_and_costs_no_memory(
    place: str, slowly: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Callable[..., None]
) -> None:
    patience = replace(http.Patience(), total_seconds=1.5, silence_seconds=1.0, grace_seconds=0.3)
    monkeypatch.setattr(http, "Patience", lambda: patience)
    monkeypatch.setattr("jisr_protocol.reader.places.ATTEMPTS", 1)
    with HostileHub(tmp_path / "feed") as hub:
        reader = Reader(hub.feed, tmp_path / "copy.jisr")
        follow = functools.partial(follow_once, hub.address, reader.file, allow_private=True, now=hub.now)
        if place in ("page", "head", "inventory", "generations"):
            assert follow().outcome is Outcome.VERIFIED
        _prepare(hub, reader, place)
        hub.server.streams[PLACES[place](hub)] = drip if slowly else endless_lines
        hub.server.drip_seconds = 0.05 if slowly else 0.0
        started, most = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result = follow()
        took = time.monotonic() - started
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most) // 1024
        figure(f"{result.outcome.name}, {took:.1f} s, {grown} MiB more, {hub.server.sent_bytes >> 20} MiB sent")
        by_another_way = place in ("manifest", "snapshot part", "inventory")  # for which the log can stand
        expected = Outcome.TEMPORARY if slowly else Outcome.VERIFIED if by_another_way else Outcome.BROKEN
        assert result.outcome is expected, result.sentence
        assert hub.server.sent_bytes > 0
        assert took < 20
        assert grown < 120


def _prepare(hub: HostileHub, reader: Reader, place: str) -> None:
    """Make the reader need the file that never ends."""
    if place in ("manifest", "snapshot part"):
        hub.feed.take_snapshot()
    if place == "generations":
        hub.feed.generations[0] = 2
    if place == "inventory":
        import sqlite3

        connection = sqlite3.connect(reader.file)
        connection.execute("DELETE FROM branch")
        connection.execute("DELETE FROM leaf WHERE id = (SELECT id FROM leaf LIMIT 1)")
        connection.execute("UPDATE feed SET live = live - 1")
        connection.commit()
        connection.close()
    hub.grow(5)
