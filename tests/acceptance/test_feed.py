"""A feed that cannot lose: what issue "both databases and bad days" must show.

Each test prints its figure. Short by default, whole with `--long`.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jisr_hub.storage.sql import SqlLedger
from tests.faults import test_injected, test_kill
from tests.faults.race import race
from tests.faults.test_erased import World, erased_everywhere, world
from tests.faults.tracing import can_trace
from tests.flow.node_bad_days import bad_days_of_a_node
from tests.hub import test_check, test_erasure
from tests.hub.author import Author
from tests.hub.hub_in_memory import MemoryHub
from tests.hub.kept_hub import KeptHub
from tests.hub.yesterday import yesterday
from tests.protocol import test_merkle_interop
from tests.reader.conftest import Reader
from tests.reader.publisher import FeedFolder
from tests.reader.repairing import check_costs

__all__ = ["world"]
ROOT = Path(__file__).resolve().parents[2]

# A race


@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
def test_a_reader_misses_nothing_of_sixteen_writers(
    database: str, tmp_path: Path, long: bool, request: pytest.FixtureRequest, figure: Callable[..., None]
) -> None:
    place = tmp_path / "hub.sqlite" if database == "SQLite" else request.getfixturevalue("postgres_address")
    raced = asyncio.run(race(place, 11_000 if long else 600))
    figure(raced.told(database))
    assert sorted(raced.seen) == sorted(raced.stored)
    assert raced.positions == list(range(len(raced.stored)))
    assert raced.rolled_back > 0
    assert len(raced.stored) >= (10_000 if long else 500)


def test_serial_numbers_in_the_same_race_miss_many(
    postgres_address: str, long: bool, figure: Callable[..., None]
) -> None:
    raced = asyncio.run(race(postgres_address, 11_000 if long else 1_200, naive=True))
    figure(raced.told("a serial id and `id > cursor`"))
    assert raced.missed >= (2_000 if long else 100)


def test_two_hubs_on_one_postgresql_lose_nothing_in_a_race_with_kills(
    postgres_address: str, tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """Through HTTP: each node pushes to one of them, a reader follows head and pages of one. On SQLite: the kills."""
    quota = {"hub": 40, "node": 20} if long else {"hub": 4, "node": 2}
    killed, said = test_kill.endure(tmp_path, quota, 11, postgres_address)
    figure(said)
    assert killed["hub"] >= quota["hub"]


# Injected faults


def test_a_fault_at_any_write_loses_nothing_and_is_told(
    tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """Not carried out, carried out and reported as failed, killed, or half of it written: at each call of the path."""
    if reason := can_trace():
        pytest.skip(reason)
    forms = (
        {"fail": 0, "pretend": 0, "kill": 80, "short": 60}
        if long
        else {"fail": 20, "pretend": 20, "kill": 6, "short": 6}
    )
    hub = test_injected.strike(tmp_path, "hub", forms, processes=2 if long else 1)
    each = {"fail": 40, "pretend": 40, "kill": 40}
    others = [test_injected.strike(tmp_path, path, each, processes=2) for path in ("node", "reader")] if long else []
    cases = sum(sum(struck.distinct.values()) for struck in (hub, *others))
    figure(
        f"hub: {hub.distinct} of {hub.points} points; {cases} cases with those of node and reader, {hub.told} told, "
        f"{hub.mended} mended by the same process, 0 violations"
    )
    assert [sentence for struck in (hub, *others) for sentence in struck.violations] == []
    assert min(hub.distinct["fail"], hub.distinct["pretend"]) >= (100 if long else 16)


def test_a_wrong_order_that_is_planted_is_found(tmp_path: Path, figure: Callable[..., None]) -> None:
    if reason := can_trace():
        pytest.skip(reason)
    for plant, violation in test_injected.find_the_plants(tmp_path).items():
        figure(f"{plant}: {violation[:60]}… {violation[violation.rindex('[') :]}")


# Kills


def test_kill_9_of_everybody_loses_nothing_that_was_acknowledged(
    tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """A thousand in all with --long: hub, nodes, readers over HTTP; a publisher and a reader of its folder."""
    whole = {"hub": 270, "node": 400, "reader": 130, "publisher": 200}
    killed, said = test_kill.endure(
        tmp_path, whole if long else {"hub": 3, "node": 4, "reader": 2, "publisher": 3}, seed=3
    )
    figure(said)
    assert killed.total() >= (1000 if long else 12)


# A full disk


def test_a_full_disk_is_told_and_nothing_is_damaged(
    tmp_path: Path, tool: Callable[[str], str], figure: Callable[..., None]
) -> None:
    """4 MB each for a hub, a node and a reader's copy. See tests/faults/full_disk.py."""
    own = [tool("unshare"), "--user", "--map-root-user", "--mount"]
    if subprocess.run([*own, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], capture_output=True).returncode:
        own = [tool("unshare"), "--mount"]
        if subprocess.run([*own, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], capture_output=True).returncode:
            pytest.skip("this machine lets nobody mount a small disk of one's own (unshare, mount -t tmpfs)")
    command = [*own, sys.executable, "-m", "tests.faults.full_disk", str(tmp_path / "disks")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    said = json.loads(done.stdout.splitlines()[-1])
    figure(f"hub, after {said['hub']['pushes']} pushes: {said['hub']['status']} {said['hub']['sentence']}")
    figure(f"node, after {said['node']['publishes']}: {said['node']['sentence']}")
    figure(f"reader, after {said['reader']['follows']}: {said['reader']['sentence'].partition('copy.jisr')[2]}")
    assert min(said["hub"]["pushes"], said["node"]["publishes"], said["reader"]["follows"]) >= 1


# Ten minutes


def test_a_hub_under_mixed_load_stays_as_small_as_it_is(
    tmp_path: Path, long: bool, figure: Callable[..., None]
) -> None:
    """`run.py soak`; twenty seconds are too short to say more of memory than that it does not run away."""
    minutes, growth = (10.0, 1.1) if long else (0.33, 1.4)
    command = [sys.executable, "-m", "tests.soak.run", "--minutes", str(minutes), "--growth", str(growth)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=1200
    )
    assert done.stdout, done.stderr[-3000:]
    soaked = json.loads(done.stdout.splitlines()[-1])
    figure({name: value for name, value in soaked.items() if name != "faults"})
    assert soaked["faults"] == []
    assert done.returncode == 0
    assert soaked["pushes"] > 20 and soaked["follows"] > 20 and soaked["visits"] > 10


# A flipped bit


@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
def test_check_names_one_flipped_bit_wherever_it_is(
    database: str, tmp_path: Path, long: bool, request: pytest.FixtureRequest, figure: Callable[..., None]
) -> None:
    """Bodies, signatures, leaves, lines of nodes, key statements, records, head, pages, snapshot parts."""
    address = "" if database == "SQLite" else str(request.getfixturevalue("postgres_address"))
    hub = test_check.fill(KeptHub(tmp_path / "hub", address))
    assert test_check.faults(hub) == []
    stored = {what: test_check.strike(hub, what, 8 if long else 1, "acceptance") for what in test_check.FLIPS}
    signatures = test_check.strike_signatures(hub, 12 if long else 2, "acceptance")
    files = test_check.strike_files(hub, 3 if long else 1, "acceptance")
    assert min(stored.values()) > 0 and files > 10
    assert test_check.faults(hub) == []
    figure(
        f"{database}: {sum(stored.values())} bits in {len(stored)} kinds of rows, {signatures} in signatures, "
        f"{files} in published files: each named, and nothing beside it"
    )


# Erasure


def test_an_erasure_leaves_no_byte_and_every_proof(world: World, figure: Callable[..., None]) -> None:
    """On both databases: the hub, a hub that follows it, a reader; searched raw, in base64, folded, decompressed."""
    figure(erased_everywhere(world))


@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
def test_what_was_erased_does_not_come_back_and_a_later_rev_does(
    database: str, tmp_path: Path, request: pytest.FixtureRequest, figure: Callable[..., None]
) -> None:
    place = tmp_path / "hub.sqlite" if database == "SQLite" else request.getfixturevalue("postgres_address")

    async def story() -> tuple[list[str | None], set[str]]:
        author = Author("dar")
        author.put("one")
        ledger = await SqlLedger.open(place, new_epoch="1-aaaaaaaa")
        try:
            hub = await MemoryHub("hub", ledger=ledger).begin()
            await hub.admit(author)
            await hub.push(author)
            await test_erasure.erase(hub, author, "one", max_rev=3)
            author.put("one")
            author.delete("one")
            author.put("one", **test_erasure.words("lawful"))
            codes = [kept.code for kept in (await hub.push(author, 2)).quarantined]
            return codes, await hub.names()
        finally:
            await ledger.close()

    codes, names = asyncio.run(story())
    figure(f"{database}: revs 2 and 3, late: {codes}; rev 4: taken, {names}")
    assert (codes, names) == (["erased", "erased"], {"lawful"})


# Repair


def test_a_repair_costs_what_differs_and_is_done_once(tmp_path: Path, long: bool, figure: Callable[..., None]) -> None:
    total, differing = (100_000, (1, 100, 1_000)) if long else (1_000, (1, 10))
    feed = FeedFolder(tmp_path / "feed")
    check_costs(feed, Reader(feed, tmp_path / "copy.jisr"), total, differing, figure)


# Merkle proofs of others


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_the_proofs_of_others_agree_or_differ_for_a_reason(
    shared: Path, kind: str, figure: Callable[..., None]
) -> None:
    compared = test_merkle_interop.compare(shared, kind)
    odd = [f"{name}: {reason}" for name, reason in compared.odd]
    figure(
        f"{compared.total - len(odd)} of {compared.total} {kind} proofs agree; the others:", "; ".join(odd) or "none"
    )
    assert compared.total > 90
    assert compared.differing == []


# Bad days of a hub


@pytest.mark.parametrize("pages", [True, False], ids=["pages there", "pages lost"])
@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
def test_yesterdays_backup_of_a_hub_refuses_explains_rebases_and_pulls_back(
    database: str, pages: bool, tmp_path: Path, long: bool, request: pytest.FixtureRequest, figure: Callable[..., None]
) -> None:
    """With a node that is gone for good, a peer, an erasure since, and readers ahead of the backup and at it."""
    address = "" if database == "SQLite" else request.getfixturevalue("postgres_address")
    figure(yesterday(tmp_path, address, pages=pages, records=400 if long else 270))


def test_yesterdays_backup_of_a_node_refuses_explains_rebases_and_takes_back(figure: Callable[..., None]) -> None:
    """And its folder on two machines: no record of either is lost."""
    bad_days_of_a_node(figure)
