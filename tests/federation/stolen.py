"""What a theft comes to, in figures: a node is offline for four days, a thief is not; then the recovery file."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jisr_hub.storage.sql import SqlLedger
from tests.federation.theft import Theft
from tests.flow.node_bad_days import Link

STOLEN = (
    "the thief goes on with the log at the hub",
    "the thief takes the keys over",
    "the thief signs in secret and pushes after the recovery",
)


@dataclass
class Told:
    """The figures of one story."""

    before: int
    kept: int
    """How many of the records of before the theft everybody shows in the end."""
    thiefs: int
    """How many of the thief's versions anybody shows."""
    edited_after: int
    """How many of the records that the thief gave a very high rev could be edited again."""
    bricked_by_nobody: int
    sentence: str


async def stolen_key(way: str, folder: Path) -> Told:
    """Two hubs on SQLite, the second follows the first; a reader of each, and late readers."""
    ledgers = [await SqlLedger.open(folder / f"{name}.sqlite", new_epoch=f"1-{name * 8}") for name in "ab"]
    try:
        return await _story(way, await Theft(folder, ledgers=ledgers).begin())
    finally:
        for ledger in ledgers:
            await ledger.close()


async def _story(way: str, world: Theft) -> Told:
    ids = await world.say(*(f"record {number}" for number in range(12)))
    await world.spread()
    before = world.good()
    world.steal()
    world.pass_days(1)
    secret = way == STOLEN[2]
    if way == STOLEN[1]:
        await world.take_over()
    high = ids[:3]
    for record_id in high:
        await world.edit(record_id, f"thief's {record_id}", push=not secret)
    await world.add("thief's own", push=not secret)
    await world.add("thief's other", push=not secret)
    await world.delete(ids[3], push=not secret)
    await world.erase(ids[4], push=not secret)
    world.pass_days(2)
    await world.spread()
    if way == STOLEN[0]:
        await world.take_over()
    await world.erase(None, push=not secret)
    await world.add("thief's last", push=not secret)
    await world.spread()
    shown = await world.seen()
    stolen = sum(name.startswith("thief's") for records in shown.values() for _, name in records)
    world.pass_days(1)
    done = await world.recover()
    await world.spread()
    if secret:
        await world.add("thief's late", push=True)
        await world.force()
        await world.spread()
    await world.assert_good()
    await world.assert_good("late reader")
    after = await world.seen()
    kept = min(len(records & before) for records in after.values())
    thiefs = sum(name.startswith("thief's") for records in after.values() for _, name in records)
    for record_id in high:
        world.owner.edit(record_id, {"type": "org.jisr.organization/1", "name": f"again {record_id}"})
    world.owner.publish(now=world.now)
    await world.owner.push(Link(world.home), now=world.now)
    await world.spread()
    await world.assert_good()
    edited = sum(name.startswith("again") for _, name in (await world.seen())["reader of second"])
    said = ", ".join(f"{number} {what}" for what, number in world.counts.items())
    codes = sorted(set(world.refused))
    refused = f", {len(world.refused)} late pushes refused ({', '.join(codes)})" if codes else ""
    plan = done.plan
    sentence = (
        f"thief: {said}; {stolen} of his versions were shown in 4 places before, {thiefs} after{refused}; "
        f"{kept} of {len(before)} records of before stand everywhere, {edited} of {len(high)} with a very high rev "
        f"edited again; last good place {plan.last['public'][1]}, "
        f"{'a new epoch' if plan.renewed else 'no new epoch'}, {len(done.done.records if done.done else [])} said anew"
    )
    return Told(len(before), kept, thiefs, edited, len(high), sentence)


async def any_orders(seeds: Iterable[int], folder: Path) -> int:
    """Random stories; returns how many sets were compared with the owner's. Raises AssertionError for another one."""
    compared = 0
    for seed in seeds:
        place = folder / str(seed)
        place.mkdir()
        world = await interleaved(seed, place)
        for name in ("reader", "late reader"):
            await world.assert_good(name)
        compared += 6
    return compared


async def interleaved(seed: int, folder: Path) -> Theft:
    """Owner, thief, hubs and readers in any order; then the recovery, and both go on."""
    chance = random.Random(seed)
    world = await Theft(folder, label=f"theft {seed}").begin()
    for _ in range(chance.randint(1, 4)):
        await world.work_on(chance, push=chance.random() < 0.8)
    await world.spread()
    world.steal()
    offline = chance.random() < 0.7
    for _ in range(chance.randint(1, 7)):
        who = chance.random()
        if who < 0.55:
            await world.thieve(chance, push=chance.random() < 0.7)
        elif who < 0.8 and not world.owner.feeds.obstacles():
            await world.work_on(chance, push=not offline)
        else:
            await world.spread(readers=chance.random() < 0.5)
    await world.recover()
    for _ in range(chance.randint(0, 3)):
        await (world.thieve if chance.random() < 0.5 else world.work_on)(chance, push=True)
    await world.owner.push(Link(world.home), now=world.now)
    await world.spread()
    return world
