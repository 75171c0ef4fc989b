"""Drafts: a record while somebody writes it, apart from what is published, kept at every change.

Each call that writes is one transaction of the store: when it returns, what it took is durable, and a process that dies
before has changed nothing. Nothing is signed here. A draft becomes what is wanted by `accept`, which takes it like
any other draft of this node (drafts.Drafts); the outbox publishes that, whole or not at all.

Two windows: a form says which record it was made of (`seen`). When another window changed other members meanwhile, both
changes stand; when it changed the same, what was typed is kept as a version of its own and a person chooses.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jisr_protocol import entry, identifiers
from jisr_protocol.quality.findings import Verdict

from ..errors import Declined, Mistaken
from ..identity import RandomBytes
from ..ids import uuid4
from ..ports import Draft, Store, Version
from ..records import Records
from . import translating
from .differing import Difference, differences
from .fields import Values, Writing
from .judging import judged
from .tasks import Step, Task

MOST_VERSIONS = 100
SAVED, ASIDE, BACK, PUBLISHED, DELETED = "saved", "aside", "back", "published", "deleted"
"""What a version is; see ports.Version."""
UNCHANGED, MERGED = "unchanged", "merged"
"""What else a save comes to: nothing was different; another window's change stands beside it."""
RECORD_BYTES = 256 * 1024
"""How much one draft may hold, four times what a record may."""
_GIVEN = ("id", "node", "rev", "salt", "created", "modified")


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


@dataclass(frozen=True)
class Gone:
    """A record in the trash: `waits` when its end is not published yet, `back` when its text is still here."""

    id: str
    type: str
    record: dict[str, Any]
    deleted: bool
    waits: bool
    back: bool


def seen(record: Mapping[str, Any]) -> str:
    """A short digest of a record as a form shows it."""
    return hashlib.sha256(_bytes(record)).hexdigest()[:24]


class Drafting:
    """The drafts in one store of the node with this identifier."""

    def __init__(self, store: Store, records: Records, node: str, random_bytes: RandomBytes) -> None:
        self._store, self._records, self._node, self._random = store, records, node, random_bytes

    # Looking

    def open(self, record_id: str) -> Opened:
        """A record as it is being written. Raises Mistaken when there is neither a draft nor a record."""
        draft, held = self._store.draft(record_id), self._held(record_id)
        if draft is not None:
            version = self._version(record_id, draft.n)
            record = _record(version.content)
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
            record = _record(version.content)
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
                if draft.n == 1 and _record(self._version(draft.id, 1).content) == record:
                    return draft.id
            record_id = uuid4(self._random(16))
            self._put(record_id, record, SAVED, now)
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

        return self.change(record_id, typed, made_of, now, lambda: self._keep_written(record_id, known))

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
            mine = typed(json.loads(_bytes(base)))
            _check_size(mine)
            if mine == base:
                taken()
                return Saved(UNCHANGED, opened.n, opened.saved_at, opened.seen)
            merged = _merged(base, mine, opened.record)
            if merged is None:
                n = self._next(record_id)
                self._add(Version(record_id, n, identifiers.to_instant(now), ASIDE, _bytes(mine)))
                return Saved(ASIDE, n, identifiers.to_instant(now), opened.seen)
            taken()
            if merged == opened.record:
                return Saved(UNCHANGED, opened.n, opened.saved_at, opened.seen)
            known = translating.after_change(opened.record, merged, self.written(record_id))
            self._keep_written(record_id, known)
            n = self._put(record_id, merged, SAVED, now)
        return Saved(SAVED if merged == mine else MERGED, n, identifiers.to_instant(now), seen(merged))

    def undo(self, record_id: str, now: datetime) -> int | None:
        """Go back to the version before; None when there is none. Undoing is a version too, so nothing is lost."""
        draft = self._store.draft(record_id)
        if draft is None:
            return None
        versions = {one.n: one for one in self._store.versions(record_id) if one.kind != ASIDE}
        stands, n = _record(versions[draft.n].content), draft.n
        while (earlier := _again(versions[n])) in versions:
            n = earlier
        before = [one.n for one in versions.values() if one.n < n and _record(one.content) != stands]
        return self.go_back(record_id, before[-1], now) if before else None

    def go_back(self, record_id: str, n: int, now: datetime) -> int:
        """Make a version that is kept the one that stands. Raises Mistaken when it is not kept any more."""
        with self._store.transaction():
            return self._put(record_id, _record(self._version(record_id, n).content), f"{BACK} {n}", now)

    def drop(self, record_id: str, now: datetime) -> None:
        """Throw a draft away: what is published stays as it is. One that was never published goes into the trash."""
        with self._store.transaction():
            draft, held = self._store.draft(record_id), self._held(record_id)
            if draft is not None and held is None:
                content = self._version(record_id, draft.n).content
                self._add(Version(record_id, self._next(record_id), identifiers.to_instant(now), DELETED, content))
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
            draft, held = self._store.draft(record_id), self._held(record_id)
            kept = [one for one in self._store.versions(record_id) if one.kind == PUBLISHED]
            if draft is None or held is None or not kept or _record(kept[-1].content) == held:
                return False
            base, mine = _record(kept[-1].content), _record(self._version(record_id, draft.n).content)
            if mine == held:
                return False  # it was accepted, and the process died before that was noted
            caught = dict(mine)
            for name in base.keys() | held.keys():
                if mine.get(name, _NOTHING) == base.get(name, _NOTHING):
                    caught = {one: member for one, member in caught.items() if one != name}
                    caught |= {name: held[name]} if name in held else {}
            at = identifiers.to_instant(now)
            self._add(Version(record_id, self._next(record_id), at, PUBLISHED, _bytes(held)))
            self._put(record_id, caught, SAVED, now)
        return True

    def published(self, opened: Opened, now: datetime) -> None:
        """Take note that what was accepted is published; what another window wrote meanwhile stays a draft."""
        with self._store.transaction():
            draft = self._store.draft(opened.id)
            held = self._held(opened.id) or opened.record
            self._add(Version(opened.id, self._next(opened.id), identifiers.to_instant(now), PUBLISHED, _bytes(held)))
            if draft is not None and draft.n == opened.n:
                self._store.drop_draft(opened.id)

    # Trash

    def end(self, record_id: str, now: datetime) -> None:
        """Say that its matter has ended: it stays visible as ended once that is published."""
        self._keep(record_id, SAVED, now)
        self._records.end(record_id)
        with self._store.transaction():
            self._store.drop_draft(record_id)

    def delete(self, record_id: str, now: datetime) -> None:
        """Want a record gone from everything that is published; its text stays in the trash here."""
        self._keep(record_id, DELETED, now)
        self._records.delete(record_id)
        with self._store.transaction():
            self._store.drop_draft(record_id)

    def trash(self) -> list[Gone]:
        """What is ended or deleted, the newest last."""
        changes = {change.id: change for change in self._store.changes()}
        stored = {record.id: record for record in self._store.records()}
        found = []
        for record_id in dict.fromkeys([*stored, *changes, *self._store.version_ids()]):
            change, record = changes.get(record_id), stored.get(record_id)
            content = change.content if change else record.content if record else None
            if content is None:
                text = self._last(record_id)
                kind = str((text or {}).get("type", change.type if change else record.type if record else ""))
                if self._store.erased_at(record_id) is None and self._store.draft(record_id) is None:
                    found.append(Gone(record_id, kind, text or {}, True, change is not None, text is not None))
            elif (value := json.loads(content))["status"] == "ended":
                found.append(Gone(record_id, str(value["type"]), value, False, change is not None, True))
        return found

    def restore(self, record_id: str, now: datetime) -> bool:
        """Bring back what is in the trash. What is not published yet is called off at once (True); else it becomes a
        draft (False), and publishing that shows it again. Raises Mistaken when its text is not here any more."""
        with self._store.transaction():
            change, stored = self._store.change(record_id), self._store.record(record_id)
            was = stored.content if stored is not None else None
            if change is not None and was is not None and json.loads(was)["status"] != "ended":
                self._store.drop_change(record_id)
                return True
            text = self._last(record_id)
            if text is None:
                raise Mistaken("The text of this record is not kept here any more, so it cannot be brought back.")
            self._put(record_id, {**text, "status": "active"}, SAVED, now)
        return False

    def forget(self, record_id: str) -> None:
        """Let go of the text of something that was never published. Raises Mistaken for what was: that is erased."""
        with self._store.transaction():
            if self._store.record(record_id) is not None or self._store.change(record_id) is not None:
                raise Mistaken(
                    "This was published, so its text is not only here. Nothing was changed. To take it out everywhere: "
                    "jisr-node erase"
                )
            self._store.forget_drafts(record_id)

    def _last(self, record_id: str) -> dict[str, Any] | None:
        """The text of a record as it last stood: here, or in a feed of this node."""
        change, stored = self._store.change(record_id), self._store.record(record_id)
        for content in (change and change.content, stored and stored.content):
            if content:
                return _record(content)
        kept = [version for version in self._store.versions(record_id) if version.kind in (DELETED, PUBLISHED)]
        if kept:
            return _record(kept[-1].content)
        lines = [line for feed in self._store.feeds() for line in self._store.lines_of(feed.name, record_id)]
        for line in reversed(lines):
            said = entry.parse(line.raw)
            if said.op == "put" and said.thing is not None:
                return _record(_bytes(said.thing.value))
        return None

    # Within

    def _held(self, record_id: str) -> dict[str, Any] | None:
        change, stored = self._store.change(record_id), self._store.record(record_id)
        content = change.content if change is not None else stored.content if stored is not None else None
        return _record(content) if content is not None else None

    def _version(self, record_id: str, n: int) -> Version:
        for version in self._store.versions(record_id):
            if version.n == n:
                return version
        raise Mistaken("This version is not kept any more. Nothing was changed.")

    def _seen(self, opened: Opened, made_of: str) -> dict[str, Any]:
        """The record that a form was made of: as it stands, or an earlier version; as it stands if that is not kept."""
        if made_of == opened.seen:
            return opened.record
        past = (_record(version.content) for version in reversed(self._store.versions(opened.id)))
        found = next((record for record in past if seen(record) == made_of), None)
        if found is None and opened.published is not None and seen(opened.published) == made_of:
            found = opened.published
        return found if found is not None else opened.record

    def _next(self, record_id: str) -> int:
        versions = self._store.versions(record_id)
        return versions[-1].n + 1 if versions else 1

    def _put(self, record_id: str, record: dict[str, Any], kind: str, now: datetime) -> int:
        """Make a record the draft that stands; what was published before is kept as the first version."""
        at, held = identifiers.to_instant(now), self._held(record_id)
        if self._store.draft(record_id) is None and held is not None and held != record:
            last = self._store.versions(record_id)
            if not last or _record(last[-1].content) != held:
                self._add(Version(record_id, self._next(record_id), at, PUBLISHED, _bytes(held)))
        n = self._next(record_id)
        self._add(Version(record_id, n, at, kind, _bytes(record)))
        self._store.put_draft(Draft(record_id, str(record["type"]), n))
        return n

    def _keep(self, record_id: str, kind: str, now: datetime) -> None:
        held = self._held(self._records.find(record_id))
        if held is not None:
            with self._store.transaction():
                self._add(Version(record_id, self._next(record_id), identifiers.to_instant(now), kind, _bytes(held)))

    def _add(self, version: Version) -> None:
        self._store.put_version(version, MOST_VERSIONS)

    def _keep_written(self, record_id: str, known: translating.Written) -> None:
        self._store.put_written_for(record_id, json.dumps(known, sort_keys=True))


_Beginning: dict[str, Any] = {}


def _merged(base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any] | None:
    """What two windows made of a record, member by member; None when both changed one member to different things."""
    merged = dict(theirs)
    for name in base.keys() | mine.keys():
        before, now, other = (record.get(name, _NOTHING) for record in (base, mine, theirs))
        if now in (before, other):
            continue
        if other != before:
            return None
        if now is _NOTHING:
            merged.pop(name, None)
        else:
            merged[name] = now
    return merged


_NOTHING = object()


def _again(version: Version) -> int:
    """The version that this one brought back; 0 when it brought none."""
    kind, _, number = version.kind.partition(" ")
    return int(number) if kind == BACK else 0


def _record(content: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(content)
    return {name: member for name, member in value.items() if name not in _GIVEN}


def _bytes(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def _check_size(record: Mapping[str, Any]) -> None:
    if (size := len(_bytes(record))) > RECORD_BYTES:
        raise Declined(
            f"This is too much for one record: {size} bytes, and {RECORD_BYTES} fit. What was saved before is safe; "
            "make it shorter."
        )
