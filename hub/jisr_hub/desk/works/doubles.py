"""Acts about likely duplicates that are no word about them: unsure, later; and taking one record out of an entry."""

from __future__ import annotations

from ...curation.candidates import Pair, pair
from ...curation.doubles import LATER, UNSURE
from ...curation.words import NOT_SAME
from ...ports import Key
from ..bench import N_, Asked, Bench, CannotAct, Doubles, Result, Undo
from .saying import reason_of, today, word_named


async def answer(bench: Bench, asked: Asked) -> Result:
    """Keep that nobody can say (`unsure`), or that it is asked again on a day (`later`, `until`)."""
    doubles, both = _doubles(bench), await _both(bench, asked)
    said, until = asked.text("answer"), asked.text("until")
    if said not in (UNSURE, LATER):
        raise CannotAct(N_("Nothing was changed. Expected unsure or later."))
    if said == LATER and not today(bench) < until <= "9999-12-31":
        raise CannotAct(N_("Nothing was changed. Expected a day to come, as YYYY-MM-DD."))
    who = asked.text("account", "command")
    await doubles.answer(both, said, until if said == LATER else "", who, f"{bench.hub.clock():%Y-%m-%dT%H:%M:%SZ}")
    return Result({"answer": said, "until": until}, undo=Undo("unanswer", asked.subject))


async def unanswer(bench: Bench, asked: Asked) -> Result:
    """Ask about two records again."""
    await _doubles(bench).unanswer(await _both(bench, asked))
    return Result({"answer": ""})


async def split(bench: Bench, asked: Asked) -> Result:
    """Say of one record that it is not the same as any other of its entry."""
    await bench.curation.follow(today(bench))
    key = await bench.curation.find(asked.subject)
    entry = await bench.curation.entry(key, today(bench)) if key is not None else None
    others = [(one.node, one.id) for one in entry.records if (one.node, one.id) != key] if entry is not None else []
    if key is None or not others:
        raise CannotAct(N_("Nothing was changed: this record is one with no other."))
    words = [await bench.saying.say(NOT_SAME, [key, other], bench.lang, **reason_of(bench, asked)) for other in others]
    await bench.curation.follow(today(bench))
    return Result({"records": len(others)}, undo=Undo("unsplit", " ".join(word.key[1] for word in words)))


async def unsplit(bench: Bench, asked: Asked) -> Result:
    """Take back what `split` said."""
    for name in asked.subject.split():
        await bench.saying.take_back((await word_named(bench, name)).key)
    await bench.curation.follow(today(bench))
    return Result({"words": len(asked.subject.split())})


def _doubles(bench: Bench) -> Doubles:
    if bench.doubles is None:
        raise RuntimeError("this hub keeps no likely duplicates")
    return bench.doubles


async def _both(bench: Bench, asked: Asked) -> Pair:
    found: list[Key] = [key for name in asked.subject.split() if (key := await bench.curation.find(name)) is not None]
    if len(found) != 2 or found[0] == found[1]:
        raise CannotAct(N_("Nothing was changed. Expected two records."))
    return pair(found[0], found[1])
