"""Acts about nodes: letting in, refusing, inviting, bounds, quota, and saying that a node is not ours any more."""

from __future__ import annotations

import base64
from dataclasses import replace

from jisr_protocol import constraints, identifiers, keys
from jisr_protocol.constraints import Constraints
from jisr_protocol.refusal import Refusal

from ...authority import admissions
from ...authority.admissions import Request
from ...ports import Member
from ..bench import N_, Asked, Bench, CannotAct, Result, Undo

INVITATION_DAYS, INVITATION_DAYS_AT_MOST = 14, 90
NOT_HERE = N_("Nothing was changed: %(node)s is not admitted here.")
NOT_WAITING = N_("Nothing was changed: %(node)s does not wait here.")


def bounds_of(asked: Asked) -> Constraints | None:
    """The bounds that an act names (countries, types, organizations); None when it names none. Raises CannotAct."""
    lists = {name: asked.listed(name) for name in ("countries", "types", "organizations")}
    value = {name: items for name, items in lists.items() if items}
    if "countries" in value:
        value["countries"] = [country.upper() for country in value["countries"]]
    if expected := constraints.form(value):
        raise CannotAct(N_("Nothing was changed. These bounds do not fit: expected %(expected)s."), expected=expected)
    return constraints.of(value) if value else None


async def admit(bench: Bench, asked: Asked) -> Result:
    """Let in a node that waits."""
    node = asked.subject
    member = await bench.admissions.approve(node, asked.text("name"), bounds_of(asked))
    if member is None:
        raise CannotAct(NOT_WAITING, node=node)
    return Result({"node": node, "name": member.name}, undo=Undo("withdraw", node))


async def refuse(bench: Bench, asked: Asked) -> Result:
    """Forget a request. The node is not told, and may ask again."""
    held = next((one for one in await bench.store.requests() if one.node == asked.subject), None)
    if held is None or not await bench.store.drop(asked.subject):
        raise CannotAct(NOT_WAITING, node=asked.subject)
    kept = {
        "name": held.name, "source": held.source, "at": held.at, "keys": base64.b64encode(held.keys).decode(),
    }  # fmt: skip
    return Result({"node": held.node, "refused": True}, undo=Undo("ask_again", held.node, kept))


async def ask_again(bench: Bench, asked: Asked) -> Result:
    """Have a request wait again that was refused."""
    try:
        held = base64.b64decode(asked.text("keys"), validate=True)
        keys.fold(keys.parse_file(held), expected_id=asked.subject)
        identifiers.from_instant(asked.text("at"))
    except (Refusal, ValueError) as error:  # an act may be asked for by anybody who may, with whatever members
        raise CannotAct(NOT_WAITING, node=asked.subject) from error
    request = Request(asked.subject, asked.text("name"), asked.text("source"), asked.text("at"), held)
    if not await bench.store.put(request, most=admissions.WAITING_MOST, of_one_source=admissions.WAITING_OF_ONE_SOURCE):
        raise CannotAct("Nothing was changed: too many of the same network wait already.")
    return Result({"node": request.node}, undo=Undo("refuse", request.node))


async def invite(bench: Bench, asked: Asked) -> Result:
    """Make a one-time link with which one partner lets its node in. The link is told once and stands in no log."""
    try:
        days = float(asked.text("days") or INVITATION_DAYS)
    except ValueError:
        days = 0
    if not 0 < days <= INVITATION_DAYS_AT_MOST:
        raise CannotAct(N_("Nothing was changed. Expected 1 to %(most)s days."), most=INVITATION_DAYS_AT_MOST)
    code, kept = await admissions.invite(
        bench.store,
        asked.text("name"),
        bounds_of(asked) or Constraints(),
        now=bench.hub.clock(),
        days=days,
        random_bytes=bench.random_bytes,
    )
    link = f"{bench.address}/join#{bench.hub.identity.id.removeprefix('jisr:')}.{code}"
    return Result({"link": link, "code": code, "expires": kept.expires, "name": kept.name})


async def bound(bench: Bench, asked: Asked) -> Result:
    """Say what an admitted node may speak for, in place of what was said before; a withdrawn one is ours again."""
    member = await _ours(bench, asked.subject)
    before, stood = await _bounds(bench, member)
    wanted = bounds_of(asked) or Constraints()
    await bench.hub.attest(member, wanted)
    undo = Undo("bound", member.node, before.to_value()) if stood else Undo("withdraw", member.node)
    return Result({"node": member.node, "constraints": wanted.to_value()}, undo=undo)


async def withdraw(bench: Bench, asked: Asked) -> Result:
    """Say that a node is not ours any more. What is there stays; nothing new of it is taken."""
    member = await _ours(bench, asked.subject)
    before, _ = await _bounds(bench, member)
    said = await bench.hub.attesting.withdraw(member.node, asked.reason)
    bench.hub.changed.set()
    facts = {"node": member.node, "name": member.name, "reason": asked.reason, "statement": said.digest}
    return Result(facts, undo=Undo("bound", member.node, before.to_value()))


async def quota(bench: Bench, asked: Asked) -> Result:
    """Change how much a node may send."""
    member = await _ours(bench, asked.subject)
    wanted = {name: asked.number(name, getattr(bench, name)) for name in ("per_hour", "per_day")}
    if min(wanted.values()) < 1:
        raise CannotAct("Nothing was changed. A node may send 1 entry at least.")
    ring = (await bench.hub.ledger.rings([member.node]))[member.node]
    await bench.hub.ledger.admit(
        replace(member, per_hour=wanted["per_hour"], per_day=wanted["per_day"]), ring.statements
    )
    before = {"per_hour": member.per_hour, "per_day": member.per_day}
    return Result({"node": member.node, "name": member.name, **wanted}, undo=Undo("quota", member.node, before))


async def _ours(bench: Bench, node: str) -> Member:
    member = await bench.hub.ledger.member(node)
    if member is None or member.upstream:
        raise CannotAct(NOT_HERE, node=node)
    return member


async def _bounds(bench: Bench, member: Member) -> tuple[Constraints, bool]:
    """What a node may speak for now, and whether this hub says that it is its own."""
    told = await bench.hub.ledger.told([member.node])
    standing, _ = await bench.hub.attesting.standing(member, told, bench.hub.clock())
    return (standing.constraints, standing.holds) if standing is not None else (Constraints(), False)
