"""Notes how every round with a source ends, in memory first, so that no sync waits for it or fails by it.

    notes = Notes(clock, by)
    notes.begin(source, Way.PEER)
    notes.stage(source, Way.PEER, "fetching", done=3, total=9)
    notes.took(source, Way.PEER, counted)
    notes.end(source, Way.PEER, "verified")
    notes.pushed(node, counted)                       a round of its own, with the pushes around it
    await notes.flush(store)                          soon after, by a duty of its own

Each way has a health of its own: nothing that goes well in one direction makes another one look well. Whatever goes
wrong in here is logged (`history.failed`) and nothing more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import structlog

from jisr_protocol import identifiers

from ..ports import Clock, Draft, Key
from ..ports.history import LEFT_OUT_KEPT, Condition, History, LeftOut, Order, Round, Way
from ..views.policies import braked
from .rounds import Rounds

PUSH_IDLE_SECONDS = 60
"""Pushes that come within this time of each other are one round, of an hour at most."""
PUSH_LONGEST_SECONDS = 3600
QUIET_SECONDS = 60
"""How late at the latest a round is written down that changed nothing; any other is with the next flush."""
MOST_WAITING = 2_000
"""Rounds kept in memory while the database is away; beyond that the oldest are lost, and it is said."""
AT_ONCE = 500
DETAIL_CHARACTERS = 500
MANY = 5
"""Fewer records than this are no alarm, unless they are all that the source has."""
OPEN_AFTER, OPEN_SECONDS, OPEN_SECONDS_AT_MOST = 20, 3600.0, 6 * 3600.0
"""After so many failures in a row a source is asked each hour only, then each two, up to six."""
WELL = frozenset({"verified", "braked"})
NEUTRAL = frozenset({"", "throttled", "waiting"})
"""Ends that say nothing of how a source is: it, or this hub, asked for a pause."""
EMPTIED, MUCH_GONE, RENAMED, CREPT = "emptied", "much_gone", "renamed", "crept"
"""Why a person should look: nothing is left, more than 5 % is gone, more than half has other names; or the rounds of a
day, each of them small, have together ended more than 5 %."""
CREPT_SECONDS = 24 * 3600
_log = structlog.get_logger()


class Counted(NamedTuple):
    """What entries did to the live records of a source, and where in this hub's log they stand."""

    added: int = 0
    changed: int = 0
    gone: int = 0
    refused: int = 0
    first: int = -1
    next: int = -1


def counted(drafts: Iterable[Draft], live: set[Key], *, refused: int = 0, size: int = -1) -> Counted:
    """What these entries did, where `live` are the records among theirs that were live before; `size` is that of the
    log after them. Of a record that several are about, what came of it in the end counts."""
    ops: dict[Key, str] = {}
    entries = 0
    for draft in drafts:
        entries += 1
        if draft.op in ("put", "del", "out"):
            ops[draft.node or "", draft.id or ""] = draft.op
    puts = {key for key, op in ops.items() if op == "put"}
    changed = len(puts & live)
    first = size - entries if entries and size >= 0 else -1
    return Counted(len(puts) - changed, changed, len(ops.keys() & live - puts), refused, first, size if entries else -1)


def alarm_of(gone: int, renamed: int, live: int) -> str:
    """Why a person should look at a round that ended or renamed so many of a source's `live` records, or ""."""
    if live > 0 and gone >= live:
        return EMPTIED
    if gone >= MANY and braked(gone, live):
        return MUCH_GONE
    return RENAMED if renamed >= MANY and renamed * 2 > live else ""


def rest_seconds(failures: int) -> float:
    """The circuit breaker: how long at least a source is left alone after so many failures in a row."""
    if failures < OPEN_AFTER:
        return 0.0
    return float(min(OPEN_SECONDS_AT_MOST, OPEN_SECONDS * 2.0 ** (failures - OPEN_AFTER)))


def heeding(rounds: Rounds[Any], way: Way, notes: Notes, store: History) -> None:
    """Have these rounds follow what the operator decided and what is remembered of failures, and say when they ask."""
    known: Mapping[str, Order] = {}

    async def orders() -> Mapping[str, Order]:
        nonlocal known
        try:
            known = await store.orders(way)
        # the database may be away: then what was decided before still holds, and the rounds go on
        except Exception:
            _log.exception("history.failed")
        return known

    rounds.orders = orders
    rounds.rest = lambda source: rest_seconds(notes.failures(source, way))
    rounds.due = lambda source, seconds: notes.due(source, way, seconds)


def _quietly(work: Callable[..., None]) -> Callable[..., None]:
    """A fault in here must not stop what is noted."""

    @functools.wraps(work)
    def done(self: Notes, *args: Any, **named: Any) -> None:
        try:
            work(self, *args, **named)
        # whatever it is, it is ours, and the records are more important than what is noted of them
        except Exception:
            _log.exception("history.failed")

    return done


class Notes:
    """What one process has seen, until it is written down. Changed by the event loop only."""

    def __init__(self, clock: Clock, by: str = "") -> None:
        self._clock, self._by = clock, by
        self._conditions: dict[tuple[str, str], Condition] = {}
        self._open: dict[tuple[str, str], Round] = {}
        self._last: dict[tuple[str, str], Round] = {}
        """The last round that ended: a later one that is like it is added to it."""
        self._unsaid: dict[tuple[str, str, str, str], Round] = {}
        self._changed: set[tuple[str, str]] = set()
        """Conditions that are not written down."""
        self._unjudged: set[tuple[str, str, str, str]] = set()
        """Rounds that ended, of which it is not known yet whether they are an alarm."""
        self._left_out: dict[tuple[str, str, str], LeftOut] = {}
        """By peer and record: what was not taken, as far as it is not written down."""
        self._soon = False
        self._flushed = float("-inf")
        self._noted = 0

    # What happens

    @_quietly
    def begin(self, source: str, way: Way) -> None:
        """A round begins."""
        self._open[source, way] = self._round(source, way)
        self.stage(source, way, "asking")

    @_quietly
    def stage(self, source: str, way: Way, stage: str, done: int = 0, total: int = 0) -> None:
        """A round does this now, and is so far."""
        condition = self.condition(source, way)
        condition.stage, condition.done, condition.total, condition.stage_at = stage, done, total, self._now()
        self._changed.add((source, way))

    @_quietly
    def took(self, source: str, way: Way, what: Counted) -> None:
        """Entries of this source were taken or refused in the round that is open; without one it is not noted."""
        if (source, way) in self._open:
            _add(self._open[source, way], what)

    @_quietly
    def left_out(self, source: str, kept: Sequence[LeftOut]) -> None:
        """These entries of a peer's feed were not taken."""
        for one in kept if len(self._left_out) < LEFT_OUT_KEPT else ():
            self._left_out[source, one.node, one.id] = one
            self._soon = True

    @_quietly
    def pushed(self, source: str, what: Counted, outcome: str = "verified", detail: str = "") -> None:
        """A node has sent something; or, where its feed is fetched just now, a part of that was taken."""
        if (source, Way.PULL) in self._open:
            _add(self._open[source, Way.PULL], what)
            return
        one = self._push_of(source, outcome)
        _add(one, what)
        one.runs += 1
        one.ended, one.detail = self._now(), detail[:DETAIL_CHARACTERS]
        self._written_down(one)
        self._tell(one)

    @_quietly
    def seen_back(self, source: str, entries: int) -> None:
        """A hub that is followed shows so many new entries that it has from here."""
        done = self._round(source, Way.BACK)
        done.outcome, done.added = "verified", entries
        self._ended(done)
        self._tell(done)

    @_quietly
    def end(self, source: str, way: Way, outcome: str, detail: str = "") -> None:
        """A round is over."""
        done = self._open.pop((source, way), None) or self._round(source, way)
        done.ended, done.outcome, done.detail = self._now(), outcome, detail[:DETAIL_CHARACTERS]
        self._ended(done)
        self._tell(done)

    @_quietly
    def due(self, source: str, way: Way, seconds: float) -> None:
        """It is asked again in so many seconds."""
        self.condition(source, way).next_at = identifiers.to_instant(self._clock() + timedelta(seconds=seconds))
        self._changed.add((source, way))

    def failures(self, source: str, way: Way) -> int:
        """How many rounds in a row failed, up to now."""
        return self._conditions[source, way].failures if (source, way) in self._conditions else 0

    def condition(self, source: str, way: Way | str) -> Condition:
        """How this direction of a source is."""
        return self._conditions.setdefault((source, way), Condition(source, way))

    # Writing it down

    async def load(self, store: History) -> None:
        """Go on from what is remembered: a restart forgives no failures."""
        for held in await store.conditions():
            held.stage, held.done, held.total = "", 0, 0
            self._conditions.setdefault((held.source, held.way), held)

    async def flush(self, store: History, now: float, *, all: bool = False) -> int:
        """Write down what is to be, `now` being seconds of one clock of the caller's; how many rounds. What could not
        be stays for the next time."""
        self._close_pushes(all=all)
        if not (all or self._soon or now - self._flushed >= QUIET_SECONDS):
            return 0
        self._soon, self._flushed = False, now
        self._lose_some()
        written = 0
        while self._unsaid or self._changed:
            keys, ways = list(self._unsaid)[:AT_ONCE], list(self._changed)[:AT_ONCE]
            rounds = [self._unsaid.pop(key) for key in keys]
            self._changed.difference_update(ways)
            try:
                for each in rounds:
                    await self._judge(each, store)
                await store.keep(rounds, [self._conditions[way] for way in ways])
            except BaseException:
                self._unsaid = {**{each.key: each for each in rounds}, **self._unsaid}
                self._changed.update(ways)
                self._soon = True
                raise
            written += len(rounds)
        await self._flush_left_out(store)
        return written

    async def _flush_left_out(self, store: History) -> None:
        for source in {source for source, _, _ in self._left_out}:
            held = {key: one for key, one in self._left_out.items() if key[0] == source}
            await store.keep_left_out(source, list(held.values()), self._now())
            self._left_out = {key: one for key, one in self._left_out.items() if held.get(key) is not one}

    async def _judge(self, done: Round, store: History) -> None:
        """Say whether a person should look, once it is over or ends records."""
        over = done.key in self._unjudged
        if not (done.gone or (over and done.changed)) or done.way == Way.BACK:
            self._unjudged.discard(done.key)
            return
        done.live = await store.live(done.source, done.way) + done.gone - done.added
        if over and done.changed * 2 > done.live:
            done.renamed = await store.renamed(done.source, done.way, done.first, done.next)
        done.alarm = alarm_of(done.gone, done.renamed, done.live) or await self._crept(done, store) or done.alarm
        self._unjudged.discard(done.key)

    async def _crept(self, done: Round, store: History) -> str:
        """Whether the rounds of the last day ended much together. Counted first by what the rounds say, and only when
        that is much by the log itself, in which a record that came and went is none."""
        since = identifiers.to_instant(self._clock() - timedelta(seconds=CREPT_SECONDS))
        before = await store.since(done, since)
        live = done.live + before.gone - before.added
        much = alarm_of(done.gone + before.gone, 0, max(live, 1))
        if not (done.gone and before.gone and much) or before.first < 0:
            return ""
        gone = await store.ended(done.source, done.way, before.first, done.next)
        if not alarm_of(gone, 0, max(live, 1)):
            return ""
        done.detail = done.detail or f"{gone} of {live} records ended within a day"
        return CREPT

    def _close_pushes(self, *, all: bool) -> None:
        now = self._clock()
        for (source, way), one in list(self._open.items()):
            if way == Way.PUSH:
                idle = (now - identifiers.from_instant(one.ended)).total_seconds()
                if all or idle >= PUSH_IDLE_SECONDS:
                    self._ended(self._open.pop((source, way)))

    def _lose_some(self) -> None:
        lost = list(self._unsaid)[: max(0, len(self._unsaid) - MOST_WAITING)]
        for key in lost:
            del self._unsaid[key]
            self._unjudged.discard(key)
        if lost:
            _log.warning("history.lost", rounds=len(lost))

    # What comes of it

    def _now(self) -> str:
        return identifiers.to_instant(self._clock())

    def _round(self, source: str, way: Way) -> Round:
        """A round that begins now."""
        now = self._now()
        self._noted += 1
        return Round(source, way, now, f"{self._by}{self._noted}", now)

    def _push_of(self, source: str, outcome: str) -> Round:
        """The pushes of a source that belong together: until their time is over, or how they end is another."""
        now, key = self._now(), (source, Way.PUSH)
        one = self._open.get(key)
        if one is not None:
            lasted = (identifiers.from_instant(now) - identifiers.from_instant(one.began)).total_seconds()
            if one.outcome == outcome and lasted <= PUSH_LONGEST_SECONDS and one.began[:10] == now[:10]:
                return one
            self._ended(one)
        self._open[key] = one = self._round(source, Way.PUSH)
        one.outcome, one.runs = outcome, 0
        return one

    def _ended(self, done: Round) -> None:
        key = (done.source, done.way)
        last = self._last.get(key)
        if last is not None and _alike(last, done):
            last.runs, last.ended = last.runs + done.runs, done.ended
            if done is not last:
                self._unsaid.pop(done.key, None)
            done = last
        else:
            self._last[key] = done
            self._unjudged.add(done.key)
        self._written_down(done)

    def _written_down(self, one: Round) -> None:
        self._unsaid[one.key] = one
        self._soon |= bool(one.moved or one.refused or one.runs == 1)

    def _tell(self, done: Round) -> None:
        """What a round says of how its direction is."""
        condition = self.condition(done.source, done.way)
        if done.outcome != condition.outcome:
            condition.since, self._soon = done.ended, True
        condition.run_at, condition.outcome, condition.detail = done.ended, done.outcome, done.detail
        condition.stage, condition.done, condition.total = "", 0, 0
        if done.outcome in WELL:
            condition.success_at, condition.failures = done.ended, 0
        elif done.outcome not in NEUTRAL:
            condition.failures += 1
        self._changed.add((done.source, done.way))


def _add(one: Round, what: Counted) -> None:
    one.added, one.changed, one.gone = one.added + what.added, one.changed + what.changed, one.gone + what.gone
    one.refused += what.refused
    if what.first >= 0:
        one.first = what.first if one.first < 0 else min(one.first, what.first)
        one.next = max(one.next, what.next)


def _alike(last: Round, done: Round) -> bool:
    """Whether the later of two rounds says nothing that the first has not said."""
    quiet = not (last.moved or last.refused or done.moved or done.refused)
    same = (last.outcome, last.detail, last.ended[:10]) == (done.outcome, done.detail, done.ended[:10])
    return quiet and same
