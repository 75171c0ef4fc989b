"""Acts about letters: who agreed to get them, and sending one again that did not arrive.

The audit log is for ever and an address is not: its lines name people and letters by a part of a hash.
"""

from __future__ import annotations

from jisr_protocol import identifiers
from jisr_protocol.pages.language import NAMES

from ...mail.letters import HUB, UNDELIVERED, Correspondent, Letter, NoAddress, address_of, letter_name, name_of
from ..bench import N_, Asked, Bench, CannotAct, Result
from .asking import asking_of

OURS = "hub"
"""What a subject calls the hub's own people."""
NO_ADDRESS = N_("Nothing was kept: this is not a mail address.")
NOT_WHOLE = N_("Nothing was kept. A node's identifier, a language, and how they agreed belong here.")
NOBODY = N_("Nothing was changed: nobody of this name gets letters.")
LETTERS_MOST = 1000


async def correspond(bench: Bench, asked: Asked) -> Result:
    """Write down that somebody agreed to get letters (`does` = "agree", `address`, `lang`, `how`), wants no more
    ("end"), or is to be forgotten ("forget"). The subject is a node or `hub`, and the person's name in the log."""
    does = asked.text("does")
    if does == "agree":
        return await _agree(bench, asked)
    if does not in ("end", "forget"):
        raise CannotAct("Nothing was changed. Expected agree, end or forget.")
    box, (node, who) = asking_of(bench).box, _person(asked)
    held = [one for one in await box.correspondents() if name_of(one.address) == who and node in (one.node, None)]
    if not held:
        raise CannotAct(NOBODY)
    if does == "forget":
        await box.forget(held[0].address)
    else:
        await box.end(held[0].address, identifiers.to_instant(bench.hub.clock()))
    return Result({"node": held[0].node, "who": who}, sentence=who)


async def _agree(bench: Bench, asked: Asked) -> Result:
    try:
        to = address_of(asked.text("address"))
    except NoAddress as error:
        raise CannotAct(NO_ADDRESS) from error
    node, lang, how = asked.subject.partition(" ")[0], asked.text("lang"), " ".join(asked.text("how").split())
    if (node != OURS and identifiers.node(node)) or lang not in NAMES or not how:
        raise CannotAct(NOT_WHOLE)
    node = HUB if node == OURS else node
    at = identifiers.to_instant(bench.hub.clock())
    await asking_of(bench).box.agree(Correspondent(to, node, lang, at, how[:200]))
    return Result({"node": node, "who": name_of(to)}, sentence=name_of(to))


def _person(asked: Asked) -> tuple[str | None, str]:
    """Of which node (None for any), and the name in the log."""
    node, _, who = asked.subject.partition(" ")
    if asked.text("address"):
        who = name_of(asked.text("address").strip())
    return {"": None, OURS: HUB}.get(node, node), who


async def retry(bench: Bench, asked: Asked) -> Result:
    """Send a letter again that was refused or given up. The subject is its name."""
    box = asking_of(bench).box
    found = [one for one in await undelivered(bench) if letter_name(one) == asked.subject]
    if not found or not await box.retry(found[0].cause, int(bench.hub.clock().timestamp())):
        raise CannotAct(N_("Nothing was changed: no letter of this name waits to be sent again."))
    return Result({"letter": asked.subject, "kind": found[0].kind})


async def undelivered(bench: Bench) -> list[Letter]:
    """The letters that did not arrive, newest first."""
    return [one for one in await asking_of(bench).box.letters(LETTERS_MOST) if one.state in UNDELIVERED]
