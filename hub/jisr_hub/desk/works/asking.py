"""Acts of asking: a campaign, what was answered, and what a term of a node's own stands for."""

from __future__ import annotations

from jisr_protocol import identifiers

from ...curation.words import MAPS
from ...mail import campaigns
from ...mail.campaigns import Choice, Plan
from ..bench import N_, Asked, Asking, Bench, CannotAct, Result, Undo
from .saying import today

NO_LETTERS = N_("Nothing was changed: this hub sends no letters. Set mail_server and mail_from in hub.json first.")
MONTHS_MOST = 120


async def campaign(bench: Bench, asked: Asked) -> Result:
    """Ask the people behind records whether these are still correct. `expected` is how many records the preview showed;
    when it would be others by now, nobody is asked."""
    asking = asking_of(bench)
    name = asked.text("name").strip()
    if not 1 <= len(name) <= 120:
        raise CannotAct(N_("Nothing was sent. Give the campaign a name of at most %(most)s characters."), most=120)
    planned = await plan(asking, choice_of(asked), today(bench), bench.lang)
    found = len(planned.records)
    if found == 0:
        raise CannotAct(N_("Nothing was sent: there is nobody to ask about such records."))
    if asked.number("expected", found) != found:
        raise CannotAct(
            N_("Nothing was sent: by now it would be %(found)s records. Look at the preview again."), found=found
        )
    at = identifiers.to_instant(bench.hub.clock())
    begun = await campaigns.begin(asking.campaigns, asking.box, planned, name, asked.text("by"), at, bench.random_bytes)
    return Result({"campaign": begun.id, "records": found, "letters": len(planned.asked)})


async def looked_at(bench: Bench, asked: Asked) -> Result:
    """Say that somebody has looked at what was answered about a record; the subject is `<campaign>/<node>/<id>`."""
    which, _, record = asked.subject.partition("/")
    node, _, record_id = record.partition("/")
    at = identifiers.to_instant(bench.hub.clock())
    if not await asking_of(bench).campaigns.done(which, (node, record_id), at):
        raise CannotAct(N_("Nothing was changed: no answer about this waits."))
    return Result({"campaign": which, "node": node, "id": record_id})


async def map_term(bench: Bench, asked: Asked) -> Result:
    """Say that a term of a node's own, `scheme/code`, stands for a core term (`to`), exactly or closely (`match`)."""
    mapping = {"from": _concept(asked.subject), "to": _concept(asked.text("to"))}
    if mapping["from"] == mapping["to"]:
        raise CannotAct(N_("Nothing was said: that is the same term."))
    reason = {"reason": {bench.lang: {"origin": "author", "value": asked.reason}}} if asked.reason else {}
    word = await bench.saying.say(
        MAPS, [], bench.lang, mapping={**mapping, "match": asked.text("match", "exact")}, **reason
    )
    await bench.curation.follow(today(bench))
    return Result({"assertion": word.key[1], **mapping}, undo=Undo("take_back", "/".join(word.key)))


async def plan(asking: Asking, choice: Choice, day: str, lang: str) -> Plan:
    """Who would be asked what."""
    records = await asking.records.old(choice.node, lang)
    return campaigns.plan(records, await asking.box.correspondents(), choice, day)


def choice_of(asked: Asked) -> Choice:
    """Which records an act is about. Raises CannotAct."""
    months = asked.number("months", 6)
    if not 1 <= months <= MONTHS_MOST:
        raise CannotAct(N_("Nothing was changed. Expected 1 to %(most)s months."), most=MONTHS_MOST)
    return Choice(asked.text("node").strip(), asked.text("type").strip(), months)


def asking_of(bench: Bench) -> Asking:
    """What asking people takes. Raises CannotAct where this hub sends no letters."""
    if bench.asking is None:
        raise CannotAct(NO_LETTERS)
    return bench.asking


def _concept(said: str) -> dict[str, str]:
    scheme, cut, code = said.strip().partition("/")
    if not cut or not scheme or not code:
        raise CannotAct(N_("Nothing was said. Expected a term as scheme/code, came %(came)s."), came=said[:80])
    return {"scheme": scheme, "code": code}
