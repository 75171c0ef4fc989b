"""Follow a feed: bring the verified copy in a file up to what its publisher signs now.

    result = await follow("https://hub.example/feeds/public/", Path("services.jisr"))
    result.outcome is Outcome.VERIFIED

This is the rim around session.Session: it fetches what the session asks for, at most four files at a time, and does to
the copy what it says. Whatever the other side does comes back as an outcome with a sentence. Raised are only

    Busy           another follow of the same file is running
    Unwritable     the copy cannot be written, or is damaged
    CopyProblem    the file is no copy of ours (tables.py)
    Forbidden      the address itself may not be fetched (answers.py)
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..head import Head
from ..refusal import Refusal
from ..session import (
    Apply,
    Commit,
    Continue,
    Continued,
    Discard,
    Done,
    Event,
    GoBack,
    Known,
    Outcome,
    Remove,
    Replace,
    Request,
    Session,
    Settle,
    Survey,
    Void,
)
from ..witness import Count, Policy
from . import evidence
from .answers import Forbidden
from .driving import Driver
from .nodes import Standing
from .places import FolderPlace, HttpPlace, Place, Spool
from .store import Copy, Refused
from .tables import CopyProblem

if TYPE_CHECKING:
    from .http import GuardedClient
    from .tokens import Credentials, TokenClient

Progress = Callable[[int, int], None]
"""Called with entries read and entries to read, from time to time."""
REFUSED_LISTED = 1000


class Busy(CopyProblem):
    """Another follow of the same file is running."""


class Unwritable(CopyProblem):
    """The disk is full, the folder shut, or the file damaged."""


class Result(msgspec.Struct, frozen=True):
    """How a follow ended. `outcome` is the exit status; `sentence` says it to a person.

    The counts are of this sync (`applied` entries, `refused`, at most 1,000 listed, `repaired` records brought or taken
    out because the copy had come to another set than its log) and of the copy as it now is (`live` records in the feed,
    `refused_live` of them not accepted, `unproven` entries at the beginning that were never read). `wait_seconds`: how
    long the other side asks not to be asked again; `throttled`: it answered 429, which is no failure. `wire_bytes` came
    over the line in bodies, compressed; `repeated` are those that came again, for each cut that cost any.
    """

    outcome: Outcome
    sentence: str
    changed: bool = False
    applied: int = 0
    repaired: int = 0
    unproven: int = 0
    live: int = 0
    refused_live: int = 0
    refused: list[Refused] = []
    refusal: Refusal | None = None
    head: Head | None = None
    requests: int = 0
    received_bytes: int = 0
    from_spool: int = 0
    wire_bytes: int = 0
    repeated: list[int] = []
    wait_seconds: float = 0.0
    throttled: bool = False
    evidence: Path | None = None
    waiting: int = 0
    """Records taken in bulk whose signatures will be checked before they are given out."""
    witnessed: Count | None = None
    """Who of the witnesses asked for cosigned the head; None when none were asked for."""
    unmet: list[Standing] = []
    """Nodes whose own head and what the feed holds of them do not add up."""


def _now() -> datetime:
    return datetime.now(UTC)


async def follow(
    feed: str | Path,
    into: Path,
    *,
    allow_private: bool = False,
    expected_id: str | None = None,
    whole: bool = False,
    credentials: Credentials | None = None,
    witnesses: Policy | None = None,
    bulk: bool = False,
    client: GuardedClient | None = None,
    wait_seconds: float = 0.0,
    now: Callable[[], datetime] = _now,
    progress: Progress | None = None,
) -> Result:
    """Bring the copy `into` up to the feed at an address or in a folder; make it if it is not there.

    `expected_id` is the identifier the feed must be of; without it the first head decides, later ones must be the same.
    `allow_private` lets the address lead into a private network. With `whole` the log is read from its first entry on,
    where the feed keeps it, instead of a snapshot. With `credentials` a restricted feed is read, with a token for whom
    they are; then it must be known whose feed it is. With `witnesses`, their cosignatures are counted, and where the
    policy has a quorum, nothing is taken without it. With `bulk` the signatures of the records of a first sync are not
    checked now, but before each is given out, and all of them once by the next follow or by `Copy.complete`. Whoever
    follows often gives a `client` that keeps its connections. With `wait_seconds` a server that offers it (`head-wait`)
    answers as soon as its head covers more than the copy does; others answer at once. Safe to call again after any end,
    a kill too.
    """
    with alone(into):
        was_there = into.exists()
        try:
            with quiet_collector(), Copy(into, create=True) as copy:
                copy.complete(progress)
                known = copy.known()
                if expected_id is not None:
                    known = replace(known, by=expected_id)
                made = _place(feed, into, known, credentials, client, allow_private=allow_private, wait=wait_seconds)
                async with made as place:
                    asked: dict[str, Any] = {"whole": whole, "witnesses": witnesses, "bulk": bulk}
                    session = Session(known, now=now(), anew=copy.suspect, **asked)
                    return await _Run(copy, place, session, now, progress).run()
        except (sqlite3.Error, OSError) as error:
            raise Unwritable(
                f"{into} cannot be written, or is damaged ({error}). Nothing in it was changed. Make room and run it"
                f" again; if it stays so, see what this says: jisr verify {into}"
            ) from error
        finally:
            if not was_there:
                _remove_if_empty(into)


def follow_once(feed: str | Path, into: Path | str, **options: Any) -> Result:
    """The same for programs without an event loop: see `follow`."""
    return asyncio.run(follow(feed, Path(into), **options))


def is_address(feed: str | Path) -> bool:
    """Whether this names a place on the network, not a folder."""
    return isinstance(feed, str) and re.match(r"https?://", feed, re.IGNORECASE) is not None


@contextlib.asynccontextmanager
async def _place(
    feed: str | Path,
    into: Path,
    known: Known,
    who: Credentials | None,
    client: GuardedClient | None,
    *,
    allow_private: bool,
    wait: float,
) -> AsyncIterator[Place]:
    if not is_address(feed):
        yield FolderPlace(Path(feed))
        return
    from .http import GuardedClient  # takes a fifth of a second to import

    async with contextlib.nullcontext(client) if client else GuardedClient(allow_private=allow_private) as client:
        asker: GuardedClient | TokenClient = client
        if who is not None:
            from .tokens import TokenClient

            if not known.by:
                raise Forbidden(str(feed), "unknown", "it is not known whose feed it is", "Name the hub with --expect.")
            asker = TokenClient(client, str(feed), who, known.by)
        waiting = (known.head.size, wait) if known.head is not None and wait >= 1 else None
        yield Spool(HttpPlace(str(feed), asker, seen=_seen(known), waiting=waiting), _spool_of(into))


def _seen(known: Known) -> str | None:
    """A hint to the publisher, that makes it look when its own memory differs; no proof of anything."""
    return f"{known.head.epoch}:{known.head.size}:{known.head.log_root}" if known.head else None


def _spool_of(into: Path) -> Path:
    return into.with_name(into.name + ".spool")


class _Run:
    """One session and the copy and place it works on."""

    def __init__(
        self,
        copy: Copy,
        place: Place,
        session: Session,
        now: Callable[[], datetime],
        progress: Progress | None,
    ) -> None:
        self._copy, self._place, self._session, self._now, self._progress = copy, place, session, now, progress
        self._applied = 0

    async def run(self) -> Result:
        try:
            return self._result(await Driver(self._session, self._place, self._carry_out).run())
        finally:
            self._copy.discard()

    def _carry_out(self, request: Request) -> Event | None:
        match request:
            case Replace():
                self._copy.begin(replace=True)
            case GoBack(size):
                self._copy.go_back(size)
            case Void():
                self._copy.void(request)
            case Apply(judged):
                self._copy.apply(judged)
                self._applied += len(judged)
                self._tell_progress()
            case Remove(records, seq):
                self._copy.remove(records, seq)
            case Settle():
                return self._copy.settle()
            case Survey(depth):
                return self._copy.survey(depth)
            case Continue():
                return Continued()
            case Commit(known):
                self._copy.commit(known, self._now(), self._place.address)
            case Discard():
                self._copy.discard()
                self._applied = 0
        return None

    def _tell_progress(self) -> None:
        if self._progress and self._session.head:
            size = self._session.head.size
            self._progress(min(self._session.start + self._applied, size), size)

    def _result(self, done: Done) -> Result:
        head = self._session.head or self._session.known.head
        kept = None
        if done.evidence is not None:
            kept = evidence.keep(evidence.folder_of(self._copy.path), done.evidence)
        stands = self._copy.stands
        verified = done.outcome is Outcome.VERIFIED
        start = 0 if self._session.repaired else self._session.start
        refused = self._copy.refusals(start - 1) if verified and done.changed else iter(())
        if done.outcome is not Outcome.TEMPORARY:
            shutil.rmtree(_spool_of(self._copy.path), ignore_errors=True)
        unmet = self._copy.keep_unmet() if verified else []
        waits = self._copy.waiting
        sentence = _sentence(done, self._place.address, stands, kept, self._session.repaired, waits)
        return Result(
            done.outcome,
            sentence=f"{sentence}{_unmet(unmet, self._copy.path)}",
            changed=done.changed,
            applied=self._session.applied if verified else 0,
            repaired=self._session.repaired if verified else 0,
            unproven=self._copy.unproven,
            live=self._copy.live() if stands else 0,
            refused_live=self._copy.refused_live(),
            refused=list(itertools.islice(refused, REFUSED_LISTED)),
            refusal=done.refusal,
            head=head,
            requests=self._place.requests,
            received_bytes=self._place.received_bytes,
            from_spool=getattr(self._place, "from_spool", 0),
            wire_bytes=getattr(self._place, "wire_bytes", 0),
            repeated=getattr(self._place, "repeated", []),
            wait_seconds=self._place.wait_seconds,
            throttled=self._place.throttled,
            evidence=kept,
            waiting=waits,
            witnessed=self._session.witnessed,
            unmet=unmet,
        )


def _unmet(unmet: list[Standing], path: Path) -> str:
    if not unmet:
        return ""
    who = "one node" if len(unmet) == 1 else f"{len(unmet)} nodes"
    return (
        f". But what is here of {who} does not add up to what they sign: see which with: jisr nodes {path}. Evidence is"
        f" kept in {evidence.folder_of(path)}"
    )


def _sentence(done: Done, address: str, stands: bool, kept: Path | None, repaired: int, waits: int) -> str:
    """What happened, whether what was stored is safe, what to do next."""
    if done.outcome is Outcome.VERIFIED and waits:
        return (
            f"everything the publisher signs is here; the signatures of {waits} records will be checked by the next"
            " follow or by jisr verify, and until then whenever a record is asked for"
        )
    if done.outcome is Outcome.VERIFIED:
        here = "everything the publisher signs is here and verified" if done.changed else "nothing has changed"
        return f"{here}; {repaired} records were repaired" if repaired else here
    safe = "What was stored before is untouched." if stands else "Nothing was stored."
    came = str(done.refusal) if done.refusal else done.reason
    first, advice = _BY_RULE.get(done.refusal.rule if done.refusal else "") or _WORDS[done.outcome]
    where = f" Evidence is kept in {kept}." if kept else ""
    return printable(f"{address}: {first} ({came}). {safe}{where} {advice}")


def printable(text: str) -> str:
    """The text without what could steer a terminal: parts of it were sent by others."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


UNWITNESSED = (
    "too few of the witnesses you trust have cosigned what it shows",
    "Try again later: they may be on their way. If it stays so, ask its publisher and the witnesses.",
)
"""WIT-9: what is shown may be shown to you alone."""
BELOW_FLOOR = (
    "the feed no longer keeps the entries that come next here, and offers no snapshot to begin from",
    "Ask its publisher for a snapshot, or follow another copy of the feed that still has them.",
)
"""READ-11: nothing came that is wrong; what is needed is gone."""
_BY_RULE = {"READ-11": BELOW_FLOOR, "WIT-9": UNWITNESSED}
_WORDS = {
    Outcome.STALE: (
        "the feed is older than it should be",
        "Its publisher may be offline. Try again later; if it stays so, ask the publisher.",
    ),
    Outcome.CONTRADICTED: (
        "the publisher contradicts what it signed before",
        "Do not use this feed until its publisher has explained it. Anybody can judge the evidence with: jisr verify",
    ),
    Outcome.BROKEN: (
        "what came is not the feed its publisher signed",
        "Try again later, or another copy of the feed; if it stays so, tell the publisher.",
    ),
    Outcome.DIVERGED: (
        "its entries do not add up to the set its publisher signs",
        "Tell the publisher: its head and its log disagree.",
    ),
    Outcome.TEMPORARY: ("the feed could not be read", "Try again later; a second run goes on where this one stopped."),
}


def check_folder(into: Path) -> None:
    """Raise CopyProblem when there is no folder to make the copy in; before anybody is asked for anything."""
    if not into.parent.is_dir():
        raise CopyProblem(f"There is no folder {into.parent} to make {into.name} in. Nothing was stored.")


@contextlib.contextmanager
def quiet_collector() -> Iterator[None]:
    """Look for cycles seldom: what is read makes none, and is gone a page later."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@contextlib.contextmanager
def alone(into: Path) -> Iterator[None]:
    """Hold the lock of this copy: a SQLite lock on a side file, which the system lifts when a process dies."""
    check_folder(into)
    lock = sqlite3.connect(into.with_name(into.name + ".lock"), timeout=0, isolation_level=None)
    try:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise Busy(
                f"Another follow into {into} is running. Nothing was changed; try again when it is done."
            ) from error
        yield
    finally:
        lock.close()


def _remove_if_empty(into: Path) -> None:
    """A first follow that ends badly leaves no file behind."""
    with contextlib.suppress(CopyProblem):
        with Copy(into) as copy:
            empty = not copy.stands
        if empty:
            for suffix in ("", "-wal", "-shm"):
                into.with_name(into.name + suffix).unlink(missing_ok=True)
