"""Drafts: a record while somebody writes it, apart from what is published, kept at every change.

Each call that writes is one transaction of the store: when it returns, what it took is durable, and a process that dies
before has changed nothing. Nothing is signed here. A draft becomes what is wanted by `accept`, which takes it like
any other draft of this node (drafts.Drafts); the outbox publishes that, whole or not at all.

Two windows: a form says which record it was made of (`seen`). When another window changed other members meanwhile, both
changes stand; when it changed the same, what was typed is kept as a version of its own and a person chooses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jisr_protocol import identifiers
from jisr_protocol.quality.findings import Verdict

from ..errors import Declined, Mistaken
from ..identity import RandomBytes
from ..ids import uuid4
from ..ports import Store, Version
from ..records import Records
from . import translating
from .differing import Difference, differences
from .fields import Values, Writing
from .judging import judged
from .steps import Step, Task
from .versions import (
    ASIDE,
    BACK,
    DELETED,
    NOTHING,
    PUBLISHED,
    SAVED,
    Versions,
    brought_back,
    bytes_of,
    check_size,
    merged,
    record_of,
    seen,
)

UNCHANGED, MERGED = "unchanged", "merged"
"""What else a save comes to: nothing was different; another window's change stands beside it."""


@dataclass(frozen=True)
class Opened:
    """A record as it is being written. `draft` says whether it differs in a draft of its own, `n` is its version,
    `published` what stands in the feed or waits for it, `seen` what a form says it was made of."""

    id: str
    type: str
    record: dict[str, Any]
    draft: bool
    n: int
    saved_at: str
    published: dict[str, Any] | None
    ended: bool = False

    @property
    def seen(self) -> str:
        return seen(self.record)


@dataclass(frozen=True)
class Saved:
    """What a save came to: SAVED, UNCHANGED, MERGED or ASIDE, the version it is, and when that was kept."""

    outcome: str
    n: int
    at: str
    seen: str


@dataclass(frozen=True)
class Past:
    """One version with what it changed against the one before."""

    version: Version
    changes: list[Difference]
    stands: bool


class Drafting:
    """The drafts in one store of the node with this identifier."""

    def __init__(self, store: Store, records: Records, node: str, random_bytes: RandomBytes) -> None:
        self._store, self._records, self._node, self._random = store, records, node, random_bytes
        self._versions = Versions(store, records)

    # Looking

    def open(self, record_id: str) -> Opened:
        """A record as it is being written. Raises Mistaken when there is neither a draft nor a record."""
        draft, held = self._store.draft(record_id), self._versions.held(record_id)
        if draft is not None:
            version = self._versions.one(record_id, draft.n)
            record = record_of(version.content)
            return Opened(record_id, draft.type, record, record != held, draft.n, version.at, held)
        if held is None:
            raise Mistaken(f"There is no record {record_id} here. Nothing was changed. See: jisr-node list")
        return Opened(record_id, str(held["type"]), dict(held), False, 0, "", held)

    def all(self) -> list[Opened]:
        """Every draft that says something else than what is published, in the order in which they were begun."""
        opened = [self.open(draft.id) for draft in self._store.drafts()]
        return [one for one in opened if one.draft]

    def judge(self, record_id: str, now: datetime) -> Verdict:
        """Every finding on a draft as it would be signed now."""
        stored = self._store.record(record_id)
        created = stored.created if stored is not None else ""
        return judged(self.open(record_id).record, self._node, record_id, identifiers.to_instant(now)[:10], created)

    def history(self, record_id: str) -> list[Past]:
        """The versions that are kept, newest first, each with what it changed."""
        draft = self._store.draft(record_id)
        found, before = [], _Beginning
        for version in self._store.versions(record_id):
            record = record_of(version.content)
            stands = draft is not None and draft.n == version.n
            found.append(Past(version, differences(before, record), stands))
            if version.kind != ASIDE:
                before = record
        return found[::-1]

    def written(self, record_id: str) -> translating.Written:
        """For which words translations were made."""
        said = self._store.written_for(record_id)
        return json.loads(said) if said else {}

    # Writing

    def begin(self, task: Task, writing: Writing, licence: str, now: datetime, organization: str | None = None) -> str:
        """A new draft; one of the same task in which nothing was written yet is taken again. Returns its id."""
        record = task.begin(writing, licence, identifiers.to_instant(now)[:10], organization)
        with self._store.transaction():
            for draft in self._store.drafts():
                if draft.n == 1 and record_of(self._versions.one(draft.id, 1).content) == record:
                    return draft.id
            record_id = uuid4(self._random(16))
            self._versions.stand(record_id, record, SAVED, now)
        return record_id

    def save(
        self,
        record_id: str,
        step: Step,
        values: Values,
        shown: Iterable[str],
        made_of: str,
        writing: Writing,
        now: datetime,
    ) -> Saved:
        """Keep what was typed on the page of a step, of the fields that it showed; `made_of` is its `seen`.

        When it returns, it is durable. Raises Mistaken when there is no such record, Declined when it is too much.
        """
        shown = list(shown)

        def typed(record: dict[str, Any]) -> dict[str, Any]:
            return step.apply(record, values, shown, writing)

        return self.change(record_id, typed, made_of, now)

    def translate(
        self, record_id: str, lang: str, words: Mapping[str, str], read: Iterable[str], made_of: str, now: datetime
    ) -> Saved:
        """Keep the words of texts in one language that is not the author's; `read` names texts whose words somebody
        says are right. See translating.translate."""
        said, known = set(read), self.written(record_id)

        def typed(record: dict[str, Any]) -> dict[str, Any]:
            nonlocal known
            for member, text in words.items():
                known = translating.translate(record, member, lang, text, read=member in said, written=known)
            return record

        return self.change(record_id, typed, made_of, now, lambda: self._versions.keep_written(record_id, known))

    def change(
        self,
        record_id: str,
        typed: Callable[[dict[str, Any]], dict[str, Any]],
        made_of: str,
        now: datetime,
        taken: Callable[[], None] = lambda: None,
    ) -> Saved:
        """Keep a change of the record that somebody saw; what changed since they saw it stands, or is asked about.
        `taken` is done in the same transaction unless it is put aside."""
        with self._store.transaction():
            opened = self.open(record_id)
            base = self._seen(opened, made_of)
            mine = typed(json.loads(bytes_of(base)))
            check_size(mine)
            if mine == base:
                taken()
                return Saved(UNCHANGED, opened.n, opened.saved_at, opened.seen)
            both = merged(base, mine, opened.record)
            if both is None:
                n = self._versions.note(record_id, ASIDE, mine, now)
                return Saved(ASIDE, n, identifiers.to_instant(now), opened.seen)
            taken()
            if both == opened.record:
                return Saved(UNCHANGED, opened.n, opened.saved_at, opened.seen)
            known = translating.after_change(opened.record, both, self.written(record_id))
            self._versions.keep_written(record_id, known)
            n = self._versions.stand(record_id, both, SAVED, now)
        return Saved(SAVED if both == mine else MERGED, n, identifiers.to_instant(now), seen(both))

    def undo(self, record_id: str, now: datetime) -> int | None:
        """Go back to the version before; None when there is none. Undoing is a version too, so nothing is lost."""
        draft = self._store.draft(record_id)
        if draft is None:
            return None
        versions = {one.n: one for one in self._store.versions(record_id) if one.kind != ASIDE}
        stands, n = record_of(versions[draft.n].content), draft.n
        while (earlier := brought_back(versions[n])) in versions:
            n = earlier
        before = [one.n for one in versions.values() if one.n < n and record_of(one.content) != stands]
        return self.go_back(record_id, before[-1], now) if before else None

    def go_back(self, record_id: str, n: int, now: datetime) -> int:
        """Make a version that is kept the one that stands. Raises Mistaken when it is not kept any more."""
        with self._store.transaction():
            record = record_of(self._versions.one(record_id, n).content)
            return self._versions.stand(record_id, record, f"{BACK} {n}", now)

    def drop(self, record_id: str, now: datetime) -> None:
        """Throw a draft away: what is published stays as it is. One that was never published goes into the trash."""
        with self._store.transaction():
            draft, held = self._store.draft(record_id), self._versions.held(record_id)
            if draft is not None and held is None:
                self._versions.note(record_id, DELETED, record_of(self._versions.one(record_id, draft.n).content), now)
            self._store.drop_draft(record_id)

    # Publishing

    def accept(self, record_id: str, made_of: str, now: datetime) -> Opened:
        """Make a draft what is wanted, for the outbox to publish. Raises Mistaken when it is not what was looked at, or
        when it cannot be signed; then nothing was changed."""
        opened = self.open(record_id)
        if opened.seen != made_of:
            raise Declined(
                "It was changed in another window since you looked at it, so nothing was published. Look at it again."
            )
        if self.catch_up(record_id, now):
            raise Declined(
                "It was changed by a command or an import since this draft was begun, so nothing was published. Both "
                "changes are kept, and what you wrote stands where both changed the same. Look at it again."
            )
        if opened.record != opened.published:
            taken = self._records.take([{**opened.record, "id": record_id}], again=True)
            if taken.refused:
                said = "; ".join(fault.sentence for refused in taken.refused for fault in refused.faults)
                raise Mistaken(f"This cannot be published as it is: {said}. Your draft is kept.")
        return opened

    def catch_up(self, record_id: str, now: datetime) -> bool:
        """Bring into a draft what became of its record since it was begun: an import, a command, a confirmation. Where
        both changed the same, the draft stands. Returns whether there was anything; the history holds both."""
        with self._store.transaction():
            draft, held = self._store.draft(record_id), self._versions.held(record_id)
            kept = [one for one in self._store.versions(record_id) if one.kind == PUBLISHED]
            if draft is None or held is None or not kept or record_of(kept[-1].content) == held:
                return False
            base, mine = record_of(kept[-1].content), record_of(self._versions.one(record_id, draft.n).content)
            if mine == held:
                return False  # it was accepted, and the process died before that was noted
            caught = dict(mine)
            for name in base.keys() | held.keys():
                if mine.get(name, NOTHING) == base.get(name, NOTHING):
                    caught = {one: member for one, member in caught.items() if one != name}
                    caught |= {name: held[name]} if name in held else {}
            self._versions.note(record_id, PUBLISHED, held, now)
            self._versions.stand(record_id, caught, SAVED, now)
        return True

    def published(self, opened: Opened, now: datetime) -> None:
        """Take note that what was accepted is published; what another window wrote meanwhile stays a draft."""
        with self._store.transaction():
            draft = self._store.draft(opened.id)
            held = self._versions.held(opened.id) or opened.record
            self._versions.note(opened.id, PUBLISHED, held, now)
            if draft is not None and draft.n == opened.n:
                self._store.drop_draft(opened.id)

    def _seen(self, opened: Opened, made_of: str) -> dict[str, Any]:
        """The record that a form was made of: as it stands, or an earlier version; as it stands if that is not kept."""
        if made_of == opened.seen:
            return opened.record
        past = (record_of(version.content) for version in reversed(self._store.versions(opened.id)))
        found = next((record for record in past if seen(record) == made_of), None)
        if found is None and opened.published is not None and seen(opened.published) == made_of:
            found = opened.published
        return found if found is not None else opened.record


_Beginning: dict[str, Any] = {}
