"""Likely duplicates: the queue, two records side by side, and the four answers, each of which can be undone."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol import identifiers
from jisr_protocol.pages.language import N_, Language
from jisr_protocol.pages.text import Text, choose
from jisr_protocol.pages.vocabulary import MEMBERS, kinds_word

from ...curation import explaining
from ...curation.candidates import MANY, Pair, pair
from ...curation.clusters import TOO_MANY
from ...curation.doubles import LATER, UNSURE, Answer, Double
from ...curation.likeness import Grade
from ...curation.merging import Entry, Record
from ...curation.words import NOT_SAME, SAME
from ...desk.acts import Actor, Acts, By
from ...desk.bench import CannotAct
from ...desk.denied import Denied, Why
from ...desk.door import Visitor
from ...desk.roles import Right
from ...hub import Fenced
from ...ports import Clock, Conflict, Key
from ..page import reader_language
from .map_drawing import drawn
from .reasons import GRADES, told
from .rim import Endpoint, Rim, Way, form_of, may

QUEUE = "/desk/duplicates"
A_PAGE = 30
KINDS = ("organization", "service", "location")
CANNOT = (CannotAct, Fenced, Conflict)
"""What stops an act; each says why in a sentence."""
ANSWERS = {UNSURE: N_("Nobody could say"), LATER: N_("Asked again on a day")}
DONE: Mapping[str, str] = {
    "merge": N_("They are one entry now."),
    "apart": N_("They stay two. This is not asked again."),
    UNSURE: N_("Kept as unsure. This is not asked again."),
    LATER: N_("This is asked again on the day you said."),
    "split": N_("The record is out of the entry."),
    "undone": N_("It is as it was before."),
}


class Doubles(Protocol):
    """The queue."""

    async def open(
        self, today: str, kind: str = "", grade: int = 0, start: int = 0, count: int = 50
    ) -> list[Double]: ...

    async def counts(self, today: str) -> dict[tuple[str, Grade], int]: ...

    async def pair(self, one: Key, other: Key) -> Double | None: ...

    async def answers(self) -> list[Answer]: ...

    async def trouble(self) -> str:
        """Why the search has ended; "" while it goes on."""
        ...


class Curation(Protocol):
    """The merged directory."""

    own: str

    async def find(self, name: str) -> Key | None: ...

    async def entry(self, key: Key, today: str) -> Entry | None: ...

    async def records(self, keys: Collection[Key]) -> dict[Key, Record]: ...

    async def joined(self, keys: Sequence[Key], at: str) -> tuple[list[Entry], list[Entry]]: ...


@dataclass(frozen=True)
class Curating:
    """What the rooms of the curator work with."""

    acts: Acts
    doubles: Doubles
    curation: Curation
    clock: Clock

    @property
    def at(self) -> str:
        """This instant."""
        return identifiers.to_instant(self.clock())


class Duplicates:
    """The room of likely duplicates."""

    def __init__(self, rim: Rim, parts: Curating) -> None:
        self.rim, self._parts = rim, parts

    def ways(self) -> dict[Way, Endpoint]:
        """Everybody who is in may look; deciding is for who curates."""
        return {
            Way("GET", QUEUE, Right.LOOK): self.queue,
            Way("GET", f"{QUEUE}/pair", Right.LOOK, script=True): self.pair,
            Way("GET", f"{QUEUE}/answers", Right.LOOK): self.answers,
            Way("POST", f"{QUEUE}/answer", Right.CURATE): self.answer,
            Way("POST", f"{QUEUE}/undo", Right.CURATE): self.undo,
        }

    async def queue(self, request: Request, visitor: Visitor | None) -> Response:
        """What waits, surest first; of one kind or all."""
        parts, asked = self._parts, request.query_params
        language = reader_language(request)
        kind = asked.get("kind", "") if asked.get("kind", "") in KINDS else ""
        start = int(asked["start"]) if asked.get("start", "").isdecimal() and len(asked["start"]) < 7 else 0
        today = parts.at[:10]
        found = await parts.doubles.open(today, kind, start=start, count=A_PAGE + 1)
        counts = await parts.doubles.counts(today)
        records = await parts.curation.records([key for one in found for key in one.pair])
        return self.rim.show(
            request,
            "duplicates.html",
            visitor,
            lines=[_line(one, records, language) for one in found[:A_PAGE]],
            kinds=[(name, kinds_word(f"org.jisr.{name}/1", language), _sum(counts, name)) for name in KINDS],
            kind=kind,
            count=_sum(counts, kind),
            more=f"{QUEUE}?{urlencode({'kind': kind, 'start': start + A_PAGE})}" if len(found) > A_PAGE else "",
            trouble=await parts.doubles.trouble(),
            **done_of(request, visitor),
        )

    async def answers(self, request: Request, visitor: Visitor | None) -> Response:
        """What was answered with unsure or later: what is asked again first at the top, then the latest."""
        parts, language = self._parts, reader_language(request)
        found = sorted(await parts.doubles.answers(), key=lambda one: (one.answer != LATER, one.until))
        records = await parts.curation.records([key for one in found for key in one.pair])
        lines = [
            (one, [name_of(records[key].value if key in records else {}, language) for key in one.pair],
             f"{QUEUE}/pair?{_asked(one.pair)}", " ".join("/".join(key) for key in one.pair), _day(one.until))
            for one in found
        ]  # fmt: skip
        return self.rim.show(
            request, "duplicate_answers.html", visitor, lines=lines, answers=ANSWERS, back=f"{QUEUE}/answers",
            moment=identifiers.from_instant, may_curate=may(visitor, Right.CURATE),
        )  # fmt: skip

    async def pair(self, request: Request, visitor: Visitor | None) -> Response:
        """Two records side by side."""
        asked = request.query_params
        return await self._pair(request, visitor, asked.get("one", ""), asked.get("other", ""))

    async def answer(self, request: Request, visitor: Visitor | None) -> Response:
        """Merge, not the same, unsure, or later."""
        one, other, said, until, reason = await form_of(request, "one", "other", "answer", "until", "reason")
        if visitor is None or said not in DONE:
            raise Denied(Why.FORM)
        acts, actor, both = self._parts.acts, actor_of(visitor), f"{one} {other}"
        try:
            if said in (UNSURE, LATER):
                members = {"answer": said, "until": until if said == LATER else "", "account": actor.name}
                done = await acts.do(actor, "answer", both, reason, **members)
            else:
                predicate = SAME if said == "merge" else NOT_SAME
                done = await acts.do(actor, "say", both, reason, predicate=predicate)
        except CANNOT as cannot:
            return await self._pair(request, visitor, one, other, cannot)
        return self.rim.go(f"{QUEUE}?{urlencode({'done': said, 'n': done.n})}")

    async def undo(self, request: Request, visitor: Visitor | None) -> Response:
        """Take an answer back."""
        n, back = await form_of(request, "n", "back")
        if visitor is None or not n.isdecimal() or len(n) > 12:
            raise Denied(Why.FORM)
        try:
            await self._parts.acts.undo(actor_of(visitor), int(n))
        except CANNOT as cannot:
            return cannot_page(self.rim, request, visitor, cannot)
        lead = back if back.startswith("/desk/") else QUEUE
        return self.rim.go(f"{lead}{'&' if '?' in lead else '?'}done=undone")

    async def _pair(
        self, request: Request, visitor: Visitor | None, one: str, other: str, cannot: Exception | None = None
    ) -> Response:
        parts, language = self._parts, reader_language(request)
        keys = [key for name in (one, other) if (key := await parts.curation.find(name)) is not None]
        records = await parts.curation.records(keys)
        if len(records) != 2:
            gone = CannotAct(N_("One of the two records is not here any more."))
            return cannot_page(self.rim, request, visitor, gone, 404)
        a, b = (records[key].value for key in keys)
        double = await parts.doubles.pair(*keys)
        around = await parts.curation.records(explaining.related((a, b)))
        near = [record.value for record in around.values()]
        found = explaining.reasons(a, b, near, double.codes if double else (), await self._givers(a, b))
        spots = explaining.spots(a, b, near)
        before, after = await parts.curation.joined(keys, parts.at)
        return self.rim.show(
            request,
            "pair.html",
            visitor,
            409 if cannot is not None else 200,
            sentence=_sentence(cannot, language),
            sides=[_side(records[key], language) for key in keys],
            rows=[_row(row, language) for row in explaining.side_by_side(a, b)],
            reasons=[told(reason, language) for reason in found],
            grade=language.gettext(GRADES[double.grade]) if double else "",
            drawing=drawn(spots),
            metres=explaining.apart_metres(spots),
            change=_change(before, after, language),
            may_decide=may(visitor, Right.CURATE),
        )

    async def _givers(self, a: Mapping[str, Any], b: Mapping[str, Any]) -> Grade | None:
        """How like the organizations of two services are."""
        given = []
        for value in (a, b):
            said = value.get("organization")
            if isinstance(said, str):
                node, slash, record_id = said.rpartition("/")
                given.append((node, record_id) if slash else (str(value["node"]), said))
        found = await self._parts.doubles.pair(*pair(*given)) if len(set(given)) == 2 else None
        return found.grade if found is not None else None


def actor_of(visitor: Visitor) -> Actor:
    """Who acts on a page."""
    return Actor(visitor.account.name, visitor.account.role, visitor.fresh, By.PAGE)


def cannot_page(rim: Rim, request: Request, visitor: Visitor | None, cannot: Exception, status: int = 409) -> Response:
    """An act that could not be carried out, as a page."""
    sentence = _sentence(cannot, reader_language(request))
    return rim.show(request, "refused.html", visitor, status, sentence=sentence, why="CANNOT")


def done_of(request: Request, visitor: Visitor | None) -> dict[str, Any]:
    """What was just done, and the number under which it is undone."""
    said, n = request.query_params.get("done", ""), request.query_params.get("n", "")
    words = reader_language(request).gettext(DONE[said]) if said in DONE else ""
    return {"done": words, "undo": n if words and n.isdecimal() and may(visitor, Right.CURATE) else ""}


def _sentence(cannot: Exception | None, language: Language) -> str:
    if isinstance(cannot, CannotAct):
        return language.gettext(cannot.sentence) % cannot.values if cannot.values else language.gettext(cannot.sentence)
    return str(cannot) if cannot is not None else ""


def _sum(counts: Mapping[tuple[str, Grade], int], kind: str) -> int:
    return sum(count for (name, _), count in counts.items() if kind in ("", name))


def name_of(value: Mapping[str, Any], language: Language) -> Text:
    """What a record is called, for this reader."""
    found = choose(value.get("name") or value.get("title"), language.code, value.get("lang"))
    return found or Text(language.gettext("Record without a name"), language.code)


@dataclass(frozen=True)
class _Line:
    href: str
    names: tuple[Text, Text]
    grade: str
    level: int
    kind: str


def _line(one: Double, records: Mapping[Key, Record], language: Language) -> _Line:
    names = [name_of(records[key].value if key in records else {}, language) for key in one.pair]
    return _Line(
        f"{QUEUE}/pair?{_asked(one.pair)}",
        (names[0], names[1]),
        language.gettext(GRADES[one.grade]),
        int(one.grade),
        kinds_word(f"org.jisr.{one.kind}/1", language),
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _asked(both: Pair) -> str:
    return urlencode({"one": "/".join(both[0]), "other": "/".join(both[1])})


@dataclass(frozen=True)
class _Side:
    key: str
    name: Text
    node: str
    href: str
    modified: object


def _side(record: Record, language: Language) -> _Side:
    node, record_id = record.key
    modified = identifiers.from_instant(record.modified)
    return _Side(
        "/".join(record.key), name_of(record.value, language), node, f"/directory/{node}/{record_id}", modified
    )


@dataclass(frozen=True)
class _Row:
    label: str
    lang: str
    one: str
    other: str
    same: bool


def _row(row: explaining.Row, language: Language) -> _Row:
    name, _, lang = row.name.partition("/")
    label = language.gettext(MEMBERS[name]) if name in MEMBERS else name
    return _Row(label, lang, written(row.one), written(row.other), row.same)


def written(value: Any) -> str:
    """A value of a record as it may be read."""
    if value is None:
        return ""
    if isinstance(value, dict) and "value" in value:
        return str(value["value"])
    if isinstance(value, str | int):
        return str(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)[:2000]


@dataclass(frozen=True)
class _Change:
    """What a merge would do: `address` of the one entry, addresses that would lead there, how many records it has,
    fields that would show another value; `stands` when they are one already, `stops` why they cannot be."""

    address: str
    leads: tuple[str, ...]
    records: int
    fields: tuple[tuple[str, str, str], ...]
    stands: bool
    stops: str
    warns: bool


def _change(before: Sequence[Entry], after: Sequence[Entry], language: Language) -> _Change:
    stands = len(before) == 1
    joined = max(after, key=lambda entry: len(entry.records), default=None)
    if joined is None or (len(after) > 1 and not stands):
        why = {one.why for entry in after for one in entry.apart}
        stops = (
            N_("More than 50 records cannot be one entry.")
            if TOO_MANY in why
            else N_("A merge would change nothing: other words keep these two apart.")
        )
        return _Change("", (), 0, (), stands, language.gettext(stops), False)
    lost = tuple(entry.address for entry in before if entry.address != joined.address)
    changed = []
    for name, field in joined.fields.items():
        shown = {written(entry.fields[name].shown.value) for entry in before if name in entry.fields}
        if len(shown) > 1:
            member, _, lang = name.partition("/")
            label = language.gettext(MEMBERS[member]) if member in MEMBERS else member
            changed.append((label, lang, written(field.shown.value)))
    size = len(joined.records)
    return _Change(joined.address, lost, size, tuple(changed), stands, "", size > MANY)
