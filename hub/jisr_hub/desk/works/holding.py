"""Acts that keep records out of sight: a hold, which ends by itself within two weeks, and a block, which is a hold that
the hub says anew until a date that its operator chose.

Both are notices in the hub's public feed, with the reason: whoever is held or blocked, and every hub that follows, is
told by it. The note of a block stays here.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta

from jisr_protocol import identifiers
from jisr_protocol.limits import BASIS_CHARACTERS, HOLD_DAYS
from jisr_protocol.notice import ALL, Notice

from ...ports import Erased
from ...takedown.blocking import Block
from ..bench import N_, Asked, Bench, CannotAct, Result, Undo

BASIS = "by the operator"
BLOCK_YEARS = 10
EXAMPLE = "2026-09-01T10:02:11Z"
RENEWED_DAYS = 5
"""A block's hold is said anew when it ends within so many days."""


async def hold(bench: Bench, asked: Asked) -> Result:
    """Hold a record back, or all of a node, for some days."""
    node, target = target_of(asked.subject)
    days = asked.number("days", HOLD_DAYS)
    if not 1 <= days <= HOLD_DAYS:
        raise CannotAct(
            N_(
                "Nothing was held back. Expected 1 to %(most)s days, came %(days)s: a hold ends by itself, and is made "
                "longer by giving it again before it ends."
            ),
            most=HOLD_DAYS,
            days=days,
        )
    before = await standing(bench, node, target)
    expires = bench.hub.clock() + timedelta(days=days)
    max_rev = asked.number("max_rev", 0) or None
    done = await _say(bench, "hold", node, target, _basis(asked), max_rev=max_rev, expires=expires)
    facts = {"node": node, "id": target, "until": identifiers.to_instant(expires), **asdict(done)}
    return Result(facts, undo=Undo("unhold", asked.subject, {**before, "alone": True}))


async def unhold(bench: Bench, asked: Asked) -> Result:
    """End this hub's own hold of a record, or of a node; with `until` (and `max_rev`) an earlier one holds again."""
    node, target = target_of(asked.subject)
    if await bench.blocks.of(node, target) is not None:
        raise CannotAct(N_("Nothing was changed: this is blocked. End the block instead."))
    held = await holds(bench, node)
    before = _as_members(held.get(target))
    if not before and not (held and target == ALL):
        raise CannotAct(N_("Nothing was changed: this hub holds nothing of %(node)s back by that name."), node=node)
    back = await _release(bench, asked, node, target)
    undo = Undo("again", asked.subject, before) if before else None
    return Result({"node": node, "id": target, "back": back}, undo=undo)


async def again(bench: Bench, asked: Asked) -> Result:
    """Hold again what was held until an instant."""
    node, target = target_of(asked.subject)
    if identifiers.instant(asked.text("until")):
        raise CannotAct(
            N_("Nothing was changed. Expected the end of that hold, such as %(example)s; came %(until)s."),
            example=EXAMPLE,
            until=asked.text("until"),
        )
    until = identifiers.from_instant(asked.text("until"))
    if until <= bench.hub.clock():
        raise CannotAct(N_("Nothing was changed: the time of that hold is over."))
    before = await standing(bench, node, target)
    max_rev = asked.number("max_rev", 0) or None
    done = await _say(bench, "hold", node, target, _basis(asked), max_rev=max_rev, expires=until)
    facts = {"node": node, "id": target, "until": asked.text("until"), **asdict(done)}
    return Result(facts, undo=Undo("unhold", asked.subject, {**before, "alone": True}))


async def block(bench: Bench, asked: Asked) -> Result:
    """Keep a record, or all of a node, out of sight until a day (YYYY-MM-DD), with a reason that everybody may read and
    a note that stays here."""
    node, target = target_of(asked.subject)
    until = day_of(bench, asked.text("until"))
    before, held = await bench.blocks.of(node, target), await standing(bench, node, target)
    note = asked.text("note")
    if len(note) > BASIS_CHARACTERS * 5:
        raise CannotAct(N_("Nothing was changed. Expected a text of at most %(most)s characters."), most=1000)
    made = Block(node, target, until.date().isoformat(), _basis(asked), note, identifiers.to_instant(bench.hub.clock()))
    await bench.blocks.keep(made)
    done = await say_block(bench, made)
    facts = {"node": node, "id": target, "until": made.until, **asdict(done)}
    if before is not None:
        earlier = {"until": before.until, "note": before.note, "reason": before.reason}
        return Result(facts, undo=Undo("block", asked.subject, earlier))
    return Result(facts, undo=Undo("unblock", asked.subject, {**held, "alone": True}))


async def unblock(bench: Bench, asked: Asked) -> Result:
    """End a block; a hold that stood before it holds again as long as it would have."""
    node, target = target_of(asked.subject)
    before = await bench.blocks.of(node, target)
    if before is None:
        raise CannotAct(N_("Nothing was changed: %(subject)s is not blocked."), subject=asked.subject)
    await bench.blocks.drop(node, target)
    back = await _release(bench, asked, node, target)
    earlier = {"until": before.until, "note": before.note, "reason": before.reason}
    return Result({"node": node, "id": target, "back": back}, undo=Undo("block", asked.subject, earlier))


async def renew_blocks(bench: Bench) -> int:
    """Say anew the hold of each block that ends soon, and forget blocks whose day is over; how many were said."""
    said, today = 0, identifiers.to_instant(bench.hub.clock())[:10]
    soon = identifiers.to_instant(bench.hub.clock() + timedelta(days=RENEWED_DAYS))
    for one in await bench.blocks.all():
        if one.until < today:
            await bench.blocks.drop(one.node, one.target)
            continue
        held = str((await standing(bench, one.node, one.target)).get("until", ""))
        if held < soon and held < identifiers.to_instant(_end(one.until)):
            await say_block(bench, one)
            said += 1
    return said


async def say_block(bench: Bench, one: Block) -> Erased:
    """Say the hold of a block, as far as a hold may reach."""
    expires = min(_end(one.until), bench.hub.clock() + timedelta(days=HOLD_DAYS))
    return await _say(bench, "hold", one.node, one.target, one.reason, expires=expires)


def target_of(subject: str) -> tuple[str, str]:
    """Node and record of a subject `<node>/<id>`; `<node>` and `<node>/*` name all of its records. Raises CannotAct."""
    node, _, record = subject.partition("/")
    target = record or ALL
    if identifiers.node(node) or (target != ALL and identifiers.uuid(target)):
        raise CannotAct(
            N_("Nothing was changed. Expected a node's identifier, and a record's id after it; came %(subject)s."),
            subject=subject,
        )
    return node, target


def day_of(bench: Bench, text: str) -> datetime:
    """The end of a day in the future. Raises CannotAct."""
    try:
        end = _end(text)
    except ValueError:
        end = bench.hub.clock()
    if not bench.hub.clock() < end < bench.hub.clock() + timedelta(days=366 * BLOCK_YEARS):
        raise CannotAct(
            N_("Nothing was changed. Expected a day to come within ten years, as YYYY-MM-DD; came %(day)s."), day=text
        )
    return end


async def standing(bench: Bench, node: str, target: str) -> dict[str, str | int]:
    """Until when this hub's own hold of exactly this target holds, and up to which rev; empty when there is none."""
    return _as_members((await holds(bench, node)).get(target))


async def holds(bench: Bench, node: str) -> dict[str, Notice]:
    """The holds of this hub of a node that hold now, by the record's id; `*` for all of the node."""
    said = [one.notice for one in await bench.hub.ledger.notices(node) if one.notice.by == bench.hub.identity.id]
    found: dict[str, Notice] = {}
    for one in sorted(said, key=lambda each: each.n):
        for target in one.targets:
            if one.action == "unhold":
                found = {} if target == ALL else {name: held for name, held in found.items() if name != target}
            elif one.action == "hold":
                found[target] = one
    now = bench.hub.clock()
    return {target: one for target, one in found.items() if one.expires is not None and one.expires > now}


def _as_members(held: Notice | None) -> dict[str, str | int]:
    if held is None or held.expires is None:
        return {}
    members: dict[str, str | int] = {"until": identifiers.to_instant(held.expires)}
    return members | ({"max_rev": held.max_rev} if held.max_rev else {})


async def _release(bench: Bench, asked: Asked, node: str, target: str) -> int:
    """End a hold; what `until` says holds again, and with `alone` so do the holds of single records of the node."""
    others = (await holds(bench, node)) if target == ALL and asked.members.get("alone") else {}
    back = (await _say(bench, "unhold", node, target, _basis(asked))).entries
    for name, held in others.items():
        if name != ALL:
            basis = str(held.envelope.value["basis"])
            await _say(bench, "hold", node, name, basis, max_rev=held.max_rev, expires=held.expires)
    until = asked.text("until")
    if until and (expires := identifiers.from_instant(until)) > bench.hub.clock():
        max_rev = asked.number("max_rev", 0) or None
        await _say(bench, "hold", node, target, _basis(asked), max_rev=max_rev, expires=expires)
    return back


async def _say(
    bench: Bench,
    action: str,
    node: str,
    target: str,
    basis: str,
    *,
    max_rev: int | None = None,
    expires: datetime | None = None,
) -> Erased:
    id = str(uuid.UUID(bytes=bench.random_bytes(16), version=4))
    return await bench.erasures.say(action, node, (target,), id=id, basis=basis, max_rev=max_rev, expires=expires)


def _basis(asked: Asked) -> str:
    basis = (asked.text("reason") or asked.reason).strip() or BASIS
    if len(basis) > BASIS_CHARACTERS:
        raise CannotAct(
            N_("Nothing was changed. Expected a text of at most %(most)s characters."), most=BASIS_CHARACTERS
        )
    return basis


def _end(day: str) -> datetime:
    return datetime.combine(datetime.strptime(day, "%Y-%m-%d").date(), time(23, 59, 59), UTC)
