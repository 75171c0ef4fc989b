"""Erasing: the content of a record goes, here and wherever its feeds are held; the proofs and the guard stay.

One transaction: an `erase` entry with a signed notice enters every feed in which the record ever stood, each earlier
put and del of it there becomes a stub, its pages get the next generation, and what the author wrote of it, its local
ids and what hubs said of it go. What is left is its id and its rev, which goes on rising.

    erase       as its author wants it
    again       what the ledger beside the store knows and the store does not: an older store was put back
    settle      after the commit: the ledger follows, no byte stays in any file
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from jisr_protocol import entry, identifiers, notice
from jisr_protocol.entry import Entry
from jisr_protocol.limits import PAGE_ENTRIES

from . import usage
from .errors import Mistaken
from .feeds import Feeds, Open, reopened
from .ids import derived, uuid4
from .outbox import REV_FLOOR
from .ports import Erasure, Ledger, Line, Store

DEFAULT_BASIS = "by its author"
UNSCRUBBED = "unscrubbed"
"""The setting that says that bytes of what was erased may still lie in a file of the folder."""
_NUMBER = "notice_n"


@dataclass
class Erased:
    """What an erasure did: the records, entries appended by feed, and feeds whose earlier pages changed."""

    ids: tuple[str, ...]
    entries: dict[str, int] = field(default_factory=dict)


class Erasures:
    """Erases from one store, and from its feeds."""

    def __init__(self, feeds: Feeds, ledger: Ledger, import_secret: bytes) -> None:
        self._feeds, self._store, self._ledger, self._secret = feeds, feeds.store, ledger, import_secret

    def erase(self, record_id: str | None, basis: str, now: datetime) -> Erased:
        """Erase one record, or all of them. Raises Mistaken for a basis too long, Busy, Contradiction."""
        at = identifiers.to_instant(now)
        with self._store.transaction():
            self._feeds.check_may_sign()
            ids = self._ids(record_id)
            max_rev = max((r.rev for r in self._store.records() if record_id in (None, r.id)), default=0)
            names = () if record_id is None else (record_id,)
            erasure = Erasure(uuid4(self._feeds.random(16)), 0, names, max_rev, at)
            done = Erased(tuple(ids))
            if max_rev:
                erasure = self.numbered(erasure)
                for feed in map(reopened, self._store.feeds()):
                    if self._store.lines_of(feed.name, record_id):
                        self.say(erasure, feed, basis, now)
                        self._feeds.sign(feed, now)
                        done.entries[feed.name] = feed.added
            self._forget(erasure, ids)
            self._store.put_erasure(erasure)
            self._store.set(UNSCRUBBED, "yes")
        return done

    def numbered(self, erasure: Erasure) -> Erasure:
        """The erasure with the next number of a notice; part of a transaction."""
        number = int(self._store.settings().get(_NUMBER) or 0) + 1
        self._store.set(_NUMBER, str(number))
        return replace(erasure, n=number)

    def _ids(self, record_id: str | None) -> list[str]:
        known = {record.id for record in self._store.records()} | {change.id for change in self._store.changes()}
        return sorted(known) if record_id is None else [record_id]

    def say(self, erasure: Erasure, feed: Open, basis: str, now: datetime) -> None:
        """Append the notice of an erasure to a feed, and take the content out of what it covers there."""
        identity = self._feeds.identity
        said = notice.write(
            identity.key,
            id=erasure.notice,
            action="erase",
            by=identity.id,
            node=identity.id,
            ids=erasure.ids,
            max_rev=erasure.max_rev,
            n=erasure.n,
            issued=identifiers.to_instant(now),
            basis=basis,
        )
        for target in said.targets:
            record_id = None if target == notice.ALL else target
            self._feeds.append(feed, "erase", said.envelope, record_id, now, target=target)
        self.empty(erasure, feed.name)

    def empty(self, erasure: Erasure, feed: str) -> None:
        """Turn what an erasure covers in a feed into stubs, and take it out of the live set."""
        pages = set()
        for line in _covered(self._store, erasure, feed):
            self._store.rewrite(feed, line.seq, entry.write_stub(entry.parse(line.raw), "erased"))
            pages.add(line.seq // PAGE_ENTRIES)
        held = self._store.generations(feed)
        for page in pages:
            self._store.put_generation(feed, page, held.get(page, 1) + 1)
        for record_id, rev, _ in self._store.live(feed):
            if _names(erasure, record_id) and rev <= erasure.max_rev:
                self._store.drop_live(feed, record_id)

    def _forget(self, erasure: Erasure, ids: Iterable[str]) -> None:
        """Let go of everything that was written of these records, but for ids and revs."""
        store = self._store
        usage.forget(store, frozenset(ids))
        for record_id in ids:
            stored = store.record(record_id)
            if stored is not None and stored.rev <= erasure.max_rev:
                store.put_record(replace(stored, content=None, feed=None, modified=erasure.at))
            store.drop_change(record_id)
            store.put_erased(record_id, erasure.at)
            for kind, local_id in store.local_ids(record_id):
                store.put_erased(derived(self._secret, kind, local_id), erasure.at)
            store.drop_local_ids(record_id)
            store.forget_drafts(record_id)
            store.drop_imported(record_id)
        if not erasure.ids:
            store.forget_drafts(None)
            floor = int(store.settings().get(REV_FLOOR) or 0)
            store.set(REV_FLOOR, str(max(floor, erasure.max_rev)))
        self._forget_answers(erasure)

    def _forget_answers(self, erasure: Erasure) -> None:
        """What hubs said may quote what they were sent."""
        for kept in self._store.quarantined():
            lines = self._store.lines(kept.feed, kept.seq, kept.seq + 1)
            if not lines or lines[0].id is None or _names(erasure, lines[0].id):
                self._store.put_quarantined(kept.hub, kept.feed, kept.seq, kept.seq + 1, ())
        self._store.forget_problems()

    def again(self) -> list[Erasure]:
        """Erase in the store what the ledger says and the store does not know; part of no transaction.

        It stays unsigned until a rebase says it anew: which entries came after it, nobody here knows.
        """
        known = {erasure.notice for erasure in self._store.erasures()}
        missing = [erasure for erasure in self._ledger.read() if erasure.notice not in known]
        if missing:
            with self._store.transaction():
                for erasure in missing:
                    self.take(replace(erasure, signed=erasure.max_rev == 0))
                self._store.set(UNSCRUBBED, "yes")
        return missing

    def take(self, erasure: Erasure) -> None:
        """Carry out an erasure that was said elsewhere; part of a transaction."""
        for feed in self._store.feeds():
            self.empty(erasure, feed.name)
        self._forget(erasure, erasure.ids or self._ids(None))
        floor = int(self._store.settings().get(REV_FLOOR) or 0)
        number = int(self._store.settings().get(_NUMBER) or 0)
        self._store.set(REV_FLOOR, str(max(floor, erasure.max_rev)))
        self._store.set(_NUMBER, str(max(number, erasure.n)))
        self._store.put_erasure(erasure)

    def settle(self) -> None:
        """Bring the ledger up to the store, and leave no byte in its files. Twice is once. Raises Busy, OSError."""
        said = {erasure.notice for erasure in self._ledger.read()}
        if fresh := [erasure for erasure in self._store.erasures() if erasure.notice not in said]:
            # Dying before this, the store alone knows of the erasure; the next start comes by here.
            self._ledger.append(fresh)
        if self._store.settings().get(UNSCRUBBED):
            self._store.scrub(UNSCRUBBED)


def check_basis(basis: str) -> str:
    """The words that go with an erasure. Raises Mistaken when they are none, or too many."""
    from jisr_protocol.limits import BASIS_CHARACTERS

    basis = " ".join(basis.split())
    if not 0 < len(basis) <= BASIS_CHARACTERS or not basis.isprintable():
        raise Mistaken(
            f"--why takes 1 to {BASIS_CHARACTERS} characters, which everybody may read. Nothing was erased. Say it "
            "shorter, and without what is to be erased."
        )
    return basis


def _covered(store: Store, erasure: Erasure, feed: str) -> Iterable[Line]:
    for record_id in erasure.ids or (None,):
        for line in store.lines_of(feed, record_id):
            parsed: Entry = entry.parse(line.raw)
            if parsed.gone is None and (parsed.rev or 0) <= erasure.max_rev:
                yield line


def _names(erasure: Erasure, record_id: str) -> bool:
    return not erasure.ids or record_id in erasure.ids
