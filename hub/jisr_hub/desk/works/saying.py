"""Acts that say something of records: one, not one, out of sight, checked, doubted, wrong; and taking it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jisr_protocol import identifiers

from ...curation.merging import address
from ...curation.words import DISPUTED, MAPS, Word
from ...ports import Key
from ..bench import N_, Asked, Bench, CannotAct, Result, Undo

MEMBERS = ("pointer", "value", "method", "mapping", "from", "until")
ACCEPT, IGNORE = "accept", "ignore"


async def say(bench: Bench, asked: Asked) -> Result:
    """Say `predicate` of the record that is the subject and of further `records`, each by its address or
    `<node>/<id>`."""
    predicate = asked.text("predicate")
    names = [*asked.subject.split(), *asked.listed("records")]
    await bench.curation.follow(today(bench))
    subjects = [await _record(bench, name) for name in dict.fromkeys(names)]
    members = {name: asked.members[name] for name in MEMBERS if asked.members.get(name) not in (None, "")}
    members |= reason_of(bench, asked)
    word = await bench.saying.say(predicate, subjects, bench.lang, **members)
    return Result(await _told(bench, word, done="said"), undo=Undo("take_back", "/".join(word.key)))


async def take_back(bench: Bench, asked: Asked) -> Result:
    """Take back a word of this hub, named by its id, or the beginning of it."""
    word = await word_named(bench, asked.subject)
    if word.by != bench.curation.own:
        raise CannotAct("Nothing was changed: that is the word of %(by)s, which this hub cannot take back.", by=word.by)
    await bench.saying.take_back(word.key)
    facts = await _told(bench, word, done="taken back")
    return Result(facts, undo=Undo("say", " ".join("/".join(key) for key in word.subjects), _again(word)))


async def set_aside(bench: Bench, asked: Asked) -> Result:
    """Say that a word of another hub does not count here, with a reason that everybody may read."""
    word = await word_named(bench, asked.subject)
    against = await bench.saying.say(DISPUTED, [word.key], bench.lang, **reason_of(bench, asked))
    facts = {**await _told(bench, word, done="does not count here"), "by": against.key[1]}
    return Result(facts, undo=Undo("take_back", "/".join(against.key)))


async def hear(bench: Bench, asked: Asked) -> Result:
    """Accept or ignore (`decision`) what a hub or partner says of records, from now on."""
    signer, decision = asked.subject, asked.text("decision", ACCEPT)
    if expected := identifiers.node(signer):
        raise CannotAct(
            "Nothing was changed. Expected a hub's or node's identifier, %(expected)s; came %(came)s.",
            expected=expected,
            came=signer,
        )
    if signer == bench.curation.own:
        raise CannotAct("Nothing was changed: what this hub says itself always counts.")
    if decision not in (ACCEPT, IGNORE):
        raise CannotAct("Nothing was changed. Expected accept or ignore.")
    before = (await bench.curation.decisions()).get(signer, IGNORE)
    await bench.curation.decide(signer, decision, identifiers.to_instant(bench.hub.clock()))
    changed = await bench.curation.follow(today(bench))
    words = len(await bench.curation.said(signer))
    facts = {"signer": signer, "decision": decision, "words": words, "worked_out": changed}
    return Result(facts, undo=Undo("hear", signer, {"decision": before}))


async def word_named(bench: Bench, which: str) -> Word:
    """The word with this id, or whose id begins so. Raises CannotAct."""
    name = which.rpartition("/")[2]
    named = [word for word in await bench.curation.said() if name and word.key[1].startswith(name)]
    if not named:
        raise CannotAct(N_("Nothing was changed: no word that stands is named %(which)s."), which=which)
    if len(named) > 1:
        raise CannotAct("Nothing was changed: more than one word is named %(which)s.", which=which)
    return named[0]


def today(bench: Bench) -> str:
    """The day, YYYY-MM-DD."""
    return identifiers.to_instant(bench.hub.clock())[:10]


async def _record(bench: Bench, name: str) -> Key:
    key = await bench.curation.find(name)
    if key is None or identifiers.node(key[0]) or identifiers.uuid(key[1]):
        raise CannotAct(
            N_("Nothing was changed: there is no record %(name)s here. Expected its address, or node/id."),
            name=name,
        )
    if await bench.curation.entry(key, today(bench)) is None and not await bench.curation.words([key]):
        raise CannotAct(N_("Nothing was changed: this hub shows no record %(name)s."), name=name)
    return key


def reason_of(bench: Bench, asked: Asked) -> dict[str, Any]:
    """The reason of an act as a member of a word."""
    return {"reason": {bench.lang: {"origin": "author", "value": asked.reason}}} if asked.reason else {}


def _again(word: Word) -> Mapping[str, Any]:
    members: dict[str, Any] = {"predicate": word.predicate, "from": word.since, "until": word.until}
    members |= {"pointer": word.pointer, "method": word.method}
    if word.pointer:
        members["value"] = word.value
    if word.predicate == MAPS:
        members["mapping"] = dict(word.mapping)
    return {name: value for name, value in members.items() if value != ""}


async def _told(bench: Bench, word: Word, done: str) -> dict[str, Any]:
    settled = await bench.curation.follow(today(bench))
    shown = {}
    for key in word.subjects:
        entry = await bench.curation.entry(key, today(bench))
        shown[address(key)] = entry.address if entry is not None else ""
    return {
        "assertion": word.key[1],
        "signer": word.by,
        "predicate": word.predicate,
        "done": done,
        "entries": shown,
        "worked_out": settled,
    }
