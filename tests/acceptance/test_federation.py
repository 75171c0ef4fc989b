"""Between countries: what the issue "who may speak for whom" must show.

Each test prints its figure. Short by default, whole with `--long`.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from examples.federation.worlds import ALL, WORLDS
from jisr_hub import config
from jisr_hub.cli import checking
from jisr_hub.following.taking import Offered, take
from jisr_hub.takedown.acknowledging import Acknowledgements
from jisr_node.app import Node
from jisr_protocol.reader.answers import Forbidden
from jisr_protocol.reader.http import GuardedClient
from jisr_protocol.reader.store import open_copy
from tests.faults.test_canaries import RECORDS, planted
from tests.faults.test_erased import _log as erased_log
from tests.faults.test_erased import files, holding
from tests.federation import side_by_side, takedown
from tests.federation.address_probes import HOSTS, is_refusal, probes, said, wall, ways_out
from tests.federation.complete import REFUSED, far_reader
from tests.federation.hostile import CAUGHT, Attack
from tests.federation.hostile_to_nodes import TOLD
from tests.federation.hosts import Network
from tests.federation.mapped import unmapped
from tests.federation.poor_follow import CUTS, HEAD_AND_KEYS_BYTES, check, feed_of, follow_over, said_of
from tests.federation.poor_line import Line, poor_line
from tests.federation.several_hosts import agree, federation, told, torment
from tests.federation.shown_world import sentences, show
from tests.federation.side_by_side import NEW, OLD, dumped
from tests.federation.side_by_side import follow as follow_host
from tests.federation.speaking import STORIES
from tests.federation.stolen import STOLEN, any_orders, stolen_key
from tests.federation.takedown import five_hubs
from tests.federation.test_hostile import peer_under_attack, read_under_attack
from tests.federation.test_hostile_to_nodes import node_under_attack
from tests.federation.topologies import FORMS, HUBS, NODES, Federation, links
from tests.hub.kept_hub import KeptHub, some_author
from tests.reader.raw_server import Dialler, Resolver, answer, local, redirect, serving

ROOT = Path(__file__).resolve().parents[2]

# Topologies


@pytest.mark.parametrize("form", FORMS)
def test_five_hubs_agree_whatever_way_they_are_linked(form: str, long: bool, figure: Callable[..., None]) -> None:
    with Federation(form) as world:
        for number in range(3 if long else 1):
            for actor in world.nodes:
                world.write(actor, f"{actor.label} {number}")
        rounds = world.settle()
        assert len(set(world.signed())) == 1
        assert world.signed()[0][0] == NODES * (3 if long else 1)
        record = world.write(world.nodes[0], "one more")
        world.settle()
        draft = {"type": "org.jisr.organization/1", "name": "another name", "audience": "public"}
        changes = 10 if long else 3
        traffic, grown, turns = None, [0] * HUBS, 0
        for number in range(changes):

            def edit(words: str = f"name {number}") -> None:
                world.nodes[0].node.edit(record, {**draft, "name": words})
                world.send(world.nodes[0])

            traffic, grown, turns = world.spend(edit)
            # each link carries it once, whatever ways there are: its page, or the end of the page before it too
            assert traffic.pages <= 2 * len(links(form))
            assert grown in ([1] * HUBS, [2] * HUBS)  # the record, and the head of its node
        assert [dict(once) for once in world.stored(record)] == [dict.fromkeys(range(1, changes + 2), 1)] * HUBS
        quiet, unmoved, _ = world.spend(lambda: None)
        assert unmoved == [0] * HUBS
        assert quiet.pages == 0
        assert turns <= (1 if form == "mesh" else 2)  # the longest way there, and no turn more
        assert len(set(world.signed())) == 1
        figure(
            f"{form}, {len(links(form))} links: equal state roots after {rounds} rounds; a change costs"
            f" {traffic.pages} pages, {traffic.bytes} bytes, {grown} entries, {turns} rounds; each rev once at each hub"
        )


# Several real hosts


@pytest.mark.parametrize("form", ["ring", "star"])
def test_hubs_on_hosts_of_their_own_agree_after_every_trouble(
    form: str, tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """A host cut off and healed, a slow one, a hostile one, clocks a day off; short: two hubs."""
    if form == "star" and not long:
        pytest.skip("only with --long")
    names = ["ma", "nl", "be", "fr", "es"] if long else ["ma", "nl"]
    with Network(tmp_path) as network:
        *hubs, evil = federation(network, names, links(form, len(names)), hostile="xx")
        for hub in hubs:
            hub.write(f"first of {hub.name}")
        took = {"first": agree(hubs, len(hubs))}
        took |= torment(hubs, evil)
        slowed = hubs[-1].host.slow("128kbit")
        live = hubs[0].shown[0]
        hubs[-1].write("over a slow line")
        took["a slow line" if slowed else "a slow line (not slowed here)"] = agree(hubs, live + 1)
        figure(f"{form} of {len(hubs)} on {network.kind}: agreed after " + told(took))


# Address probes


def test_no_program_dials_an_address_inside(tmp_path: Path, figure: Callable[..., None]) -> None:
    hub = KeptHub(tmp_path / "hub").folder
    config.write(hub, config.read(hub).model_copy(update={"allow_private": False}))
    heard: dict[str, str] = {}

    async def story() -> tuple[list[str], list[bytes]]:
        async with wall() as behind:
            with Node.in_memory(now=datetime.now(UTC), name="dar", country="MA", lang="ar") as node:
                for name, way in ways_out(hub, node, tmp_path).items():
                    for host, address in probes(behind.port):
                        heard[f"{name} {host}"] = await said(way, address)
            return behind.dialled, behind.heard

    dialled, arrived = asyncio.run(story())
    assert [(probe, words) for probe, words in heard.items() if not is_refusal(words)] == []
    assert (dialled, arrived) == ([], [])
    figure(f"{len(HOSTS)} addresses x {len(heard) // len(HOSTS)} ways out: {len(heard)} refused, 0 dialled")


def test_a_name_that_changes_its_answer_and_a_redirect_inwards_are_refused(figure: Callable[..., None]) -> None:
    resolver = Resolver(["93.184.216.34"], ["127.0.0.1"])
    dialler = Dialler(answer("200 OK", b"hello", Connection="close"))

    async def changing() -> None:
        async with GuardedClient(dialler=dialler, resolver=resolver) as client:
            await client.get("http://feed.example/", limit_bytes=100)
            with pytest.raises(Forbidden):
                await client.get("http://feed.example/", limit_bytes=100)

    async def turned_inwards() -> list[str]:
        async def inside(_: str, writer: asyncio.StreamWriter) -> None:
            writer.write(answer("200 OK", b"secret"))

        async with serving(inside) as inner:

            async def outside(_: str, writer: asyncio.StreamWriter) -> None:
                writer.write(redirect(inner.url()))

            async with serving(outside) as outer, local() as client:
                with pytest.raises(Forbidden):
                    await client.get(outer.url(), limit_bytes=100)
            return inner.asked

    asyncio.run(changing())
    assert dialler.dialled == ["93.184.216.34 80"]
    assert asyncio.run(turned_inwards()) == []
    figure("a name that changes its answer: dialled once, where it was checked; a redirect inwards: not followed")


# The four worlds


@pytest.mark.parametrize("name", [*WORLDS, pytest.param(ALL, marks=pytest.mark.long)])
def test_a_world_runs_to_verified_readers_and_carries_each_sentence_of_its_description(
    name: str, tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """Long: until each hub has told of every node, which it does half a minute after the last change; and the four
    together, whose sentences are those of each."""
    shown = show(name, tmp_path, settled=long)
    assert shown.summary["reader"]["verified"] is True
    ends = {shown.summary["reader"]["state_root"], *(hub["state_root"] for hub in shown.summary["hubs"])}
    assert set(shown.roots.values()) == ends
    assert len(ends) == 1
    hubs, nodes = len(shown.summary["hubs"]), shown.summary["nodes"]
    standings = Counter(shown.standings.values())
    assert set(standings) <= ({"complete"} if long else {"complete", "open", "unsaid"})
    assert standings.total() == hubs * nodes
    assert unmapped(shown) == []
    table = sentences(name)
    records = {record for sentence in table for record in sentence.records}
    checks = {check for sentence in table for check in sentence.checks}
    hidden = sum(shown.own[record]["audience"] != "public" for record in records)
    figure(
        f"{name}: {hubs} hubs, {nodes} nodes, {len(shown.public)} public records, one state root at every hub and"
        f" reader after {shown.summary['seconds']} s; {standings['complete']} times all of a node by its own head;"
        f" {len(table)} sentences carried by {len(records)} records ({hidden} of them not public, in no feed)"
        f" and {len(checks)} checks"
    )


# Hubs that cheat


@pytest.mark.parametrize("attack", Attack)
def test_a_reader_a_peer_and_a_node_catch_each_attack(
    attack: Attack, tmp_path: Path, figure: Callable[..., None]
) -> None:
    """Its own code, no honest record lost, evidence that another process judges from the file alone."""
    read = read_under_attack(attack, tmp_path / "reader")
    peer = asyncio.run(peer_under_attack(attack, tmp_path / "peer"))
    node_under_attack(attack, tmp_path / "node")
    assert read.refusal is not None
    figure(
        f"reader: exit {read.outcome:d}, {read.refusal.code}; peer: {peer.last_outcome}, {CAUGHT[attack].code}; node: "
        f"{TOLD[attack].code}; evidence: reader and peer {CAUGHT[attack].evidence}, node {TOLD[attack].evidence}"
    )


# A stolen key


@pytest.mark.parametrize("way", STOLEN)
def test_a_node_whose_key_was_stolen_comes_back_with_its_recovery_file(
    way: str, tmp_path: Path, figure: Callable[..., None]
) -> None:
    """Four days offline. Nothing the thief wrote stays, all from before stays valid, his high revs brick no record."""
    told = asyncio.run(stolen_key(way, tmp_path))
    figure(f"{way}: {told.sentence}")
    assert told.thiefs == 0
    assert told.kept == told.before
    assert told.edited_after == told.bricked_by_nobody


def test_in_any_order_of_owner_thief_and_recovery_the_owners_set_stands(
    tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """At two hubs, a reader of each that was there all the time, and one of each that comes late."""
    stories = 200 if long else 6
    places = asyncio.run(any_orders(range(1000, 1000 + stories), tmp_path))
    figure(f"{stories} random stories, {places} sets compared, each exactly the owner's")
    assert places == stories * 6


# Takedown


@pytest.mark.parametrize("silent", [False, True], ids=["all answer", "one is dead"])
def test_what_its_node_erased_is_in_no_byte_of_five_hubs_and_their_readers(
    silent: bool, tmp_path: Path, figure: Callable[..., None]
) -> None:
    """After one round of sync; each receipt is in, a late re-offer is refused, all proofs verify."""

    async def story() -> str:
        async with five_hubs(tmp_path) as world:
            where: dict[str, str] = {}
            drafts = [planted_record(where, number) for number in range(3)]
            assert not world.node.import_drafts(drafts).refused
            world.node.publish()
            await world.turn()
            roots = {await world.read(name) for name in takedown.NAMES}
            assert len(roots) == 1
            places = [tmp_path / name for name in (*takedown.NAMES, "readers")]
            secret = [word for word, id_ in where.items() if id_ == drafts[0]["id"]]
            assert all(holding(secret, place) for place in places), "the search sees it before"
            logs = {name: await erased_log(world.running[name]) for name in takedown.NAMES}
            late = next(e for e in logs["home"] if e.op == "put" and e.id == drafts[0]["id"])
            if silent:
                world.dead.add("four")
            world.node.erase(drafts[0]["id"], basis="asked for by the person named in it")
            await world.turn()
            alive = [name for name in takedown.NAMES if name not in world.dead]
            assert len({await world.read(name) for name in alive}) == 1
            searched = [tmp_path / name for name in (*alive, "readers") if name != "four"]
            left = holding(secret, *(p for p in searched if p.name != "readers"), *readers_of(tmp_path, alive))
            assert left == {}, left
            for name in alive:
                after = await erased_log(world.running[name])
                assert [e.leaf for e in after[: len(logs[name])]] == [e.leaf for e in logs[name]]
                assert (await checking.check(tmp_path / name, lambda *_: None))["faults"] == []
            (receipt,) = await Acknowledgements(world.running["home"].hub).receipts()
            assert set(receipt.confirmed.values()) == {"done"}
            assert set(receipt.confirmed) == {world.id(name) for name in alive}
            later = datetime.now(UTC) + timedelta(hours=25)
            (seen,) = await world.node.receipts(world.address["home"])
            assert (set(seen.confirmed), seen.overdue) == (set(receipt.confirmed), ())
            (seen,) = await world.node.receipts(world.address["home"], now=later)
            assert seen.overdue == ((world.id("four"),) if silent else ()), "its author sees the same, each word signed"
            world.running["home"].hub.clock = lambda: later
            (receipt,) = await Acknowledgements(world.running["home"].hub).receipts()
            assert receipt.overdue == ((world.id("four"),) if silent else ())
            for name in [name for name in alive if name != "home"]:
                running = world.running[name]
                (peer,) = await running.ledger.peers()
                rings = await running.ledger.rings([world.node.id])
                assert await take(running.hub, peer, [Offered(late.seq, late)], rings, peer.cursor) == 0
                assert not holding(secret, tmp_path / name / "public", tmp_path / name / "hub.sqlite")
            return (
                f"{len(secret)} words of a record: in 0 of {len(files(*searched))} files of {len(alive)} hubs and their"
                f" readers; {len(receipt.confirmed)} receipts, overdue: {len(receipt.overdue)}"
            )

    figure(asyncio.run(story()))


def test_public_local_public_leaves_no_stale_version_anywhere(tmp_path: Path, figure: Callable[..., None]) -> None:
    """Narrowed by its node, then public again: at each step every hub and reader shows what its node means now."""

    async def story() -> str:
        async with five_hubs(tmp_path) as world:
            where: dict[str, str] = {}
            draft = planted_record(where, 0)
            assert not world.node.import_drafts([draft]).refused
            shown = []
            for audience in ("public", "local", "public"):
                changed = {**draft, "audience": audience}
                if shown:
                    world.node.edit(draft["id"], {**changed, "website": f"https://example.org/{len(shown)}"})
                world.node.publish()
                await world.turn()
                for name in takedown.NAMES:
                    await world.read(name)
                    with open_copy(tmp_path / "readers" / f"{name}.jisr") as copy:
                        records = list(copy.records())
                        assert copy.refused_live() == 0
                    assert [r.rev for r in records] == ([] if audience == "local" else [records[0].rev])
                    shown.append((audience, name, records[0].rev if records else 0))
            revs = {rev for audience, _, rev in shown[-5:]}
            assert len(revs) == 1 and revs != {1}
            return f"public, local, public: 5 hubs and readers show rev {shown[0][2]}, nothing, rev {revs.pop()}"

    figure(asyncio.run(story()))


def planted_record(where: dict[str, str], number: int) -> dict[str, Any]:
    """A draft with a word of its own in each text field."""
    words: dict[str, str] = {}
    draft = planted({**RECORDS[0], "audience": "public"}, words, "public")
    draft = {k: v for k, v in draft.items() if k not in ("node", "rev", "salt", "created", "modified", "source")}
    draft["id"] = f"{number:08x}-dddd-4ddd-8ddd-{number:012x}"
    where.update(dict.fromkeys(words, draft["id"]))
    return draft


def readers_of(place: Path, names: list[str]) -> list[Path]:
    """The folders of copies of these hubs, each put beside the others."""
    found = []
    for name in names:
        folder = place / f"of-{name}"
        folder.mkdir(exist_ok=True)
        for file in (place / "readers").glob(f"{name}.jisr*"):
            if file.is_file():
                shutil.copy(file, folder / file.name)
        found.append(folder)
    return found


# Is it all of a node?


@pytest.mark.parametrize("way", ["honest", "with a policy on the way", "a hub that leaves out"])
def test_a_far_reader_knows_of_every_node_whether_it_holds_all_of_it(
    way: str, tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """Three hubs in a row: all of it by the node's own head; counted where something is missing; a lie is found out."""
    nodes, records = (20, 200) if long else (3, 12)
    picky, drops = way == "with a policy on the way", way == "a hub that leaves out"
    told = asyncio.run(far_reader(nodes, records, tmp_path, picky=picky, drops=drops))
    figure(f"{way}: {dict(told.verdicts)}, {told.live} of {told.promised} here, {dict(told.missing)} missing")
    if drops:
        assert told.verdicts == {"unmet": nodes}
        assert told.promised - told.live == nodes
    elif picky:
        assert told.verdicts == {"short": nodes}
        assert told.missing == {"policy": nodes, "quarantined": REFUSED * nodes}
        assert told.promised - told.live == sum(told.missing.values())
    else:
        assert told.verdicts == {"complete": nodes}
        assert told.live == told.promised == nodes * records
    assert told.hashes > 0  # and a record is proven to stand in that hub's log


# The poor line


@pytest.mark.parametrize("ranges", [True, False], ids=["a host with ranges", "a host without"])
def test_a_poor_line_that_is_cut_repeats_at_most_a_page(
    ranges: bool, tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """1,000 records on a line eight times faster; with --long 10,000 at true speed, from a host with ranges."""
    whole = long and ranges
    count, line = (10_000, Line()) if whole else (1_000, Line(faster=8))
    feed = feed_of(tmp_path / "feed", count)
    with poor_line(line) as made:
        measured = made.measure()
        check(line, measured)
        told = follow_over(made, feed, tmp_path / "copy.jisr", ranges=ranges, seed=20261122)
    figure(f"{made.kind}; everything {line.faster:g} times faster than 64 kbit/s and 400 ms; {said_of(measured)}")
    figure(f"{count} records, {told.said()}; {told.extrapolated(line, count)}")
    assert (told.live, told.cuts) == (count, CUTS)
    assert max(told.repeated, default=0) <= told.largest_page, "at most one compressed page for each cut"
    assert len(told.repeated) <= told.cuts and (not ranges or told.repeated == [])
    assert told.wire_bytes <= told.needed_bytes + sum(told.repeated) + told.runs * HEAD_AND_KEYS_BYTES


# Who may speak for whom


@pytest.mark.parametrize("name", sorted(STORIES))
def test_who_may_speak_for_whom(name: str, tmp_path: Path, figure: Callable[..., None]) -> None:
    figure(f"{name}: {asyncio.run(STORIES[name](tmp_path))}")


# Versions


def test_an_old_reader_follows_1_and_a_new_one_negotiates_2(
    tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """Programs of their own: a hub that speaks 1 and 2, `jisr` as it is, and `jisr` as it would be with 2."""
    author = some_author(records=2_000 if long else 300)
    hub = KeptHub(tmp_path / "hub").fill(author, snapshot=True)
    old, new, whole = (tmp_path / name for name in ("old", "new", "whole"))
    with side_by_side.serving(hub) as address:
        first = [
            follow_host(OLD, address, old),
            follow_host(NEW, address, new),
            follow_host(NEW, address, whole, "--whole"),
        ]
        assert [told["head"]["jisr"] for told in first] == ["1", "2", "2"]
        start = len(author.feed().lines)
        author.puts(40, prefix="later")
        side_by_side.push(address, author, start)
        again = [follow_host(OLD, address, old), follow_host(NEW, address, new)]
    assert [told["head"]["jisr"] for told in again] == ["1", "2"]
    assert all(told["changed"] for told in again)
    for one, two in (first[:2], again):
        same = ("epoch", "size", "live", "log_root", "state_root", "time")
        assert [one["head"][name] for name in same] == [two["head"][name] for name in same]
    (records, place), (others, there) = dumped(OLD, old), dumped(NEW, new)
    assert (records, place) == (others, there)
    assert len(records) == again[0]["live"] > first[0]["live"]
    in_1, in_2 = (f"{told['requests']} requests, {told['received_bytes']:,} bytes" for told in again)
    figure(
        f"{len(records)} records; for 40 new ones in major 1 {in_1}; in major 2 {in_2}; both end at state root"
        f" {place['state_root'][:16]}…"
    )
