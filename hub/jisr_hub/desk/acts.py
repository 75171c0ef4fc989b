"""The one layer through which people change a hub: desk page, API and command do the same thing, once.

    acts = Acts(journal, identity, clock, random_bytes, bench, second_person=False, operators=count)
    done = await acts.do(actor, "hold", "jisr:…/<id>", "a wrong phone number", days=3)
    await acts.undo(actor, done.n, "it was right")

Each act has a line in `table.ACTS`: the right it needs, whether it can be undone, and its work. `do` checks the right
and that the person has just shown who they are, writes down that it begins, carries it out, and writes one signed line
into the audit log, whatever became of it (chain.py). With a second person required, what cannot be undone waits until
another account approves it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

import msgspec
import orjson
import structlog

from jisr_protocol import identifiers
from jisr_protocol.limits import INTEGER_MAX
from jisr_protocol.refusal import Refusal

from ..curation.saying import Unsayable
from ..identity import Identity
from ..ports import Clock
from . import chain, marking, roles
from .bench import N_, Asked, Bench, CannotAct, Result
from .chain import Journal, Line, Outcome, Row, Ticket
from .denied import Denied, Why
from .marking import Loss, MarkFile
from .roles import Right, Role
from .table import ACTS, Act

LEFT_MINUTES = 30
"""After this long an act that has not ended was interrupted."""
REASON_CHARACTERS = 1000
_log = structlog.get_logger()


class By(StrEnum):
    """By which way somebody acts."""

    PAGE = "page"
    TOKEN = "token"
    COMMAND = "command"
    LETTER = "letter"


@dataclass(frozen=True)
class Actor:
    """Who acts: the account, its role, whether it has just shown who it is, by which way. `rights` are fewer than the
    role's for a token."""

    name: str
    role: Role
    fresh: bool
    by: By
    rights: frozenset[Right] | None = None

    def check(self, right: Right) -> None:
        """Raise Denied unless they may do this now."""
        if self.rights is not None and right not in self.rights:
            raise Denied(Why.ROLE)
        roles.check(self.role, right, fresh=self.fresh)


COMMAND = Actor("command", Role.OPERATOR, True, By.COMMAND)
"""Whoever gives commands on the hub's machine holds its key: nothing is asked of them."""


@dataclass(frozen=True)
class Done:
    """What became of an act: the number of its line, its facts, and whether it waits for a second person."""

    n: int
    facts: Mapping[str, Any]
    waits: str = ""
    """The ticket that a second person approves; "" for what is done."""


async def _nobody() -> int:
    return 0


LETTER = Actor("a letter's answer", Role.CURATOR, False, By.LETTER, frozenset({Right.CURATE}))
"""Whoever opened a one-click link in a letter of the hub: may answer what was asked, which is all that is offered."""


class Acts:
    """Carries out what people ask of one hub."""

    def __init__(
        self,
        journal: Journal,
        identity: Identity,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        bench: Bench | None = None,
        *,
        second_person: bool = False,
        able: Callable[[Right], Awaitable[int]] | None = None,
        mark: MarkFile | None = None,
    ) -> None:
        """`able` counts the accounts that have a right: a second person is asked for where there are two. `mark` is the
        newest act, kept outside the database."""
        self.journal = journal
        self._identity, self._clock, self._random, self._bench = identity, clock, random_bytes, bench
        self._second_person, self._able, self._mark = second_person, able, mark

    @property
    def bench(self) -> Bench:
        """The parts of the open hub. Raises RuntimeError for acts without one."""
        if self._bench is None:
            raise RuntimeError("these acts have no open hub")
        return self._bench

    async def do(self, actor: Actor, kind: str, subject: str = "", reason: str = "", **members: Any) -> Done:
        """Do one thing; durable, and in the audit log, when it returns.

        Raises Denied, CannotAct, and what the work raises (Refusal, Fenced, Conflict, …); each is in the log too.
        """
        asked = Asked(kind, subject, reason, members)
        return await self._asked(actor, asked, 0, self._work(kind))

    async def carry_out(
        self,
        actor: Actor,
        kind: str,
        subject: str,
        reason: str,
        work: Callable[[], Awaitable[Result]],
        **members: Any,
    ) -> Result:
        """The same for work that the caller brings: a command that opens the hub in its own way."""
        result: list[Result] = []

        async def brought(bench: Bench | None, asked: Asked) -> Result:
            result.append(await work())
            return result[0]

        await self._asked(actor, Asked(kind, subject, reason, members), 0, brought)
        return result[0] if result else Result({})

    async def undo(self, actor: Actor, n: int, reason: str = "") -> Done:
        """Undo an act by its number, by the act it named as its opposite. Raises as `do`, and CannotAct when there is
        nothing to undo."""
        line = await self.journal.line(n)
        if line is None or line.outcome != Outcome.DONE or line.words is None or not line.words.undo:
            raise CannotAct(N_("Nothing was changed: act %(n)s cannot be undone."), n=n)
        if line.undone_by:
            raise CannotAct(
                N_("Nothing was changed: act %(n)s was undone already, by act %(by)s."), n=n, by=line.undone_by
            )
        kind, subject, members = line.words.undo
        asked = Asked(str(kind), str(subject), reason or line.words.reason, dict(members))
        return await self._asked(actor, asked, n, self._work(asked.kind))

    async def waiting(self) -> list[tuple[Ticket, Asked, str]]:
        """What waits for a second person: (ticket, what, who asks), oldest first."""
        return [(one, *_read(one)[:2]) for one in await self.journal.open() if one.waits]

    async def approve(self, actor: Actor, ticket: str) -> Done:
        """Do what somebody else asked for. Raises as `do`, and Denied (SAME_PERSON) for whoever asked."""
        held = await self._held(ticket)
        asked, who, by = _read(held)
        act = ACTS[asked.kind]
        actor.check(act.right)
        roles.check_second(who, actor.name, actor.role, act.right, fresh=actor.fresh)
        if not await self.journal.take(ticket):
            raise CannotAct(N_("Nothing was changed: this was decided already."))
        first = Actor(who, actor.role, actor.fresh, By(by))
        return await self._carried(first, asked, 0, ticket, self._work(asked.kind), actor.name)

    async def decline(self, actor: Actor, ticket: str, reason: str = "") -> None:
        """Leave undone what somebody asked for; whoever asked may say so too."""
        held = await self._held(ticket)
        asked, who, by = _read(held)
        actor.check(ACTS[asked.kind].right)
        if not await self.journal.take(ticket):
            raise CannotAct(N_("Nothing was changed: this was decided already."))
        first = Actor(who, actor.role, actor.fresh, By(by))
        await self._end(first, asked, 0, ticket, Outcome.DECLINED, Result({}, reason), actor.name)

    def _work(self, kind: str) -> Callable[[Bench | None, Asked], Awaitable[Result]]:
        act = ACTS.get(kind)
        if act is None:
            raise CannotAct("Nothing was changed: there is no act %(kind)s.", kind=kind)

        async def work(bench: Bench | None, asked: Asked) -> Result:
            if bench is None:
                raise RuntimeError(f"{kind} needs an open hub")
            try:
                return await act.work(bench, asked)
            except Unsayable as cannot:  # whoever asked, by whatever way, reads the same sentence
                raise CannotAct(str(cannot)) from None

        return work

    async def _asked(
        self, actor: Actor, asked: Asked, undoes: int, work: Callable[[Bench | None, Asked], Awaitable[Result]]
    ) -> Done:
        act = ACTS[asked.kind]
        await self._close_left()
        ticket = self._random(12).hex()
        try:
            actor.check(act.right)
            _check_reason(act, asked)
        except (Denied, CannotAct) as refused:
            await self._end(actor, asked, undoes, ticket, Outcome.REFUSED, Result({}, str(refused)))
            raise
        waits = await self._needs_second(actor, act)
        await self.journal.begin(ticket, _written(actor, asked), self._at(), waits=waits)
        if waits:
            n = await self._note_asked(actor, asked)
            return Done(n, {}, ticket)
        return await self._carried(actor, asked, undoes, ticket, work)

    async def _carried(
        self,
        actor: Actor,
        asked: Asked,
        undoes: int,
        ticket: str,
        work: Callable[[Bench | None, Asked], Awaitable[Result]],
        second: str = "",
    ) -> Done:
        try:
            result = await work(self._bench, asked)
        # whatever went wrong is written down, and goes on to whoever asked
        except BaseException as error:
            # an error of our own kind says why nothing was done; any other is a fault, and its words tell of one
            expected = isinstance(error, CannotAct | Denied | Refusal) or type(error).__module__.startswith("jisr")
            outcome = Outcome.REFUSED if expected else Outcome.FAILED
            said = str(error) if expected or isinstance(error, Exception) else type(error).__name__
            await self._end(actor, asked, undoes, ticket, outcome, Result({}, said), second)
            raise
        n = await self._end(actor, asked, undoes, ticket, Outcome.DONE, result, second)
        return Done(n, result.facts)

    async def _end(
        self,
        actor: Actor,
        asked: Asked,
        undoes: int,
        ticket: str,
        outcome: Outcome,
        result: Result,
        second: str = "",
    ) -> int:
        undo = (result.undo.kind, result.undo.subject, dict(result.undo.members)) if result.undo else ()
        words = chain.salted(
            self._random(chain.SALT_BYTES),
            reason=asked.reason[:REASON_CHARACTERS],
            members=_said(asked),
            sentence=result.sentence[:REASON_CHARACTERS],
            undo=_plain(undo),
        )

        def write(n: int, prev: str) -> tuple[Line, Row]:
            names = (actor.name, actor.by.value, asked.kind, asked.subject, outcome.value, second, undoes)
            line = Line(n, self._at(), *names, words)
            return line, chain.write(line, prev, self._identity.key)

        line = await self.journal.end(ticket, write)
        await self._move_mark(line.n)
        if actor.by is not By.COMMAND:  # a command says itself what it did
            _log.info("desk.act", n=line.n, kind=line.kind, outcome=line.outcome, account=line.who, by=line.by)
        return line.n

    async def loss(self) -> Loss | None:
        """What the log lacks of what was written down; None when it is whole, or its mark cannot be read."""
        try:
            return await marking.loss(self.journal, self._mark) if self._mark is not None else None
        except (OSError, ValueError) as error:
            _log.error("desk.mark", reason=str(error))
            return None

    async def accept_loss(self, actor: Actor, reason: str) -> Loss:
        """Say that lines at the end of the log are gone and why; an act says so for ever, and the mark goes on from it.
        Raises CannotAct where nothing is gone, and as `do`."""
        mark, lost = self._mark, await self.loss()
        before = mark.read() if mark is not None else None
        if mark is None or lost is None or before is None:
            raise CannotAct("Nothing was changed: the audit log holds all that was written down.")

        async def told() -> Result:
            return Result({})

        await self.carry_out(
            actor, "log_loss", f"act {lost.mark}", reason, told, held=lost.size, mark=lost.mark, line=before.line
        )
        size = await self.journal.size()
        mark.swap(before, marking.ActMark(self._identity.id, size, await self.journal.hash_at(size)))
        return lost

    async def _move_mark(self, n: int) -> None:
        """After the line is durable: whoever dies before this leaves a mark that the log holds."""
        if self._mark is None:
            return
        try:
            after = marking.ActMark(self._identity.id, n, await self.journal.hash_at(n))
            if not await marking.advance(self.journal, self._mark, after):
                _log.error("desk.log_ends_early", n=n)
        except (OSError, ValueError) as error:  # the act is done; the mark is one behind, which is no alarm
            _log.error("desk.mark", reason=str(error))

    async def _note_asked(self, actor: Actor, asked: Asked) -> int:
        return await self._end(actor, asked, 0, "", Outcome.ASKED, Result({}))

    async def _needs_second(self, actor: Actor, act: Act) -> bool:
        """Refused while only one could approve: then it is done at once, as without the setting."""
        if not self._second_person or act.right not in roles.CONFIRMED or actor.by is By.COMMAND:
            return False
        return self._able is not None and await self._able(act.right) > 1

    async def _close_left(self) -> None:
        before = identifiers.to_instant(self._clock() - timedelta(minutes=LEFT_MINUTES))
        for left in await self.journal.open():
            if not left.waits and left.at < before:
                asked, who, by = _read(left)
                await self._end(Actor(who, Role.AUDITOR, False, By(by)), asked, 0, left.ticket,
                                Outcome.INTERRUPTED, Result({}))  # fmt: skip

    async def _held(self, ticket: str) -> Ticket:
        found = [one for one in await self.journal.open(ticket) if ticket and one.waits]
        if not found:
            raise CannotAct(N_("Nothing was changed: this was decided already."))
        return found[0]

    def _at(self) -> str:
        return identifiers.to_instant(self._clock())


def _check_reason(act: Act, asked: Asked) -> None:
    if len(asked.reason) > REASON_CHARACTERS:
        raise CannotAct(
            N_("Nothing was changed. Expected a text of at most %(most)s characters."), most=REASON_CHARACTERS
        )
    if act.reason and not asked.reason.strip():
        raise CannotAct(N_("Nothing was changed. Say why, in a few words."))


def _plain(value: Any) -> Any:
    """As canonical JSON may hold it: a number that is no whole one, or too large, as its text."""
    return _texts(orjson.loads(orjson.dumps(msgspec.to_builtins(value, enc_hook=str), default=str)))


def _said(asked: Asked) -> Any:
    """The members of an act as they may stand in the log."""
    return _plain({name: value for name, value in asked.members.items() if name not in ACTS[asked.kind].unsaid})


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _texts(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_texts(member) for member in value]
    if isinstance(value, float) or (isinstance(value, int) and abs(value) > INTEGER_MAX):
        return str(value)
    return value


def _written(actor: Actor, asked: Asked) -> bytes:
    return orjson.dumps([actor.name, actor.by.value, asked.kind, asked.subject, asked.reason, _said(asked)])


def _read(ticket: Ticket) -> tuple[Asked, str, str]:
    who, by, kind, subject, reason, members = orjson.loads(ticket.asked)
    return Asked(kind, subject, reason, members), who, by
