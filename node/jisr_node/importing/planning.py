"""What an import would do, by name, before anything is done; and doing it, in one transaction.

The brake: when more than one in twenty of what a list brought would end, or all of it, nothing is taken in until a
person has said how many may end. An empty or failed file empties no directory.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..author import Authored
from ..drafts import Drafts, Taken
from ..errors import Declined
from ..outbox import content_with
from ..ports import Change, Store
from ..status import name_of
from .making import WORDS
from .preparing import Prepared, Progress, Ready, digest

BRAKE_PERCENT = 5


@dataclass(frozen=True, slots=True)
class Named:
    """A record by name; `before` where it was called otherwise."""

    id: str
    type: str
    name: str
    before: str = ""


@dataclass
class Plan:
    """What would happen. `known` is how many records the lists of this file brought before; `ended` those of them that
    the file has no more. The place of one that ended stays: others may be there."""

    added: list[Named] = field(default_factory=list)
    changed: list[Named] = field(default_factory=list)
    ended: list[Named] = field(default_factory=list)
    unchanged: int = 0
    known: int = 0

    @property
    def braked(self) -> bool:
        """Whether so much would end that a person must say so."""
        return bool(self.ended) and len(self.ended) * 100 > self.known * BRAKE_PERCENT

    @property
    def empty(self) -> bool:
        return not (self.added or self.changed or self.ended)


def plan(store: Store, prepared: Prepared) -> Plan:
    """Compare what is prepared with what is here. Nothing is changed."""
    made = Plan()
    present = set(prepared.kept)
    for ready in prepared.ready():
        present.add(ready.id)
        before = _content(store, ready.id)
        if before == ready.content:
            made.unchanged += 1
        elif before is None:
            made.added.append(Named(ready.id, ready.type, ready.title))
        else:
            name = name_of(before) or ""
            made.changed.append(Named(ready.id, ready.type, ready.title, name if name != ready.title else ""))
    for listed in prepared.lists:
        for record_id in store.imported(listed):
            gone = _going(store, record_id)
            made.known += gone is not None
            if gone is not None and record_id not in present:
                made.ended.append(gone)
    return made


def _going(store: Store, record_id: str) -> Named | None:
    change, record = store.change(record_id), store.record(record_id)
    content = change.content if change is not None else record.content if record is not None else None
    if content is None or b'"status":"ended"' in content:
        return None
    held = change or record
    return Named(record_id, held.type if held is not None else "", name_of(content) or record_id)


def _content(store: Store, record_id: str) -> bytes | None:
    change = store.change(record_id)
    if change is not None:
        return change.content
    record = store.record(record_id)
    return record.content if record is not None else None


def carry_out(
    store: Store, drafts: Drafts, prepared: Prepared, made: Plan, *, ending: int | None, progress: Progress
) -> Taken:
    """Take everything in, in one transaction: what dies in the middle has changed nothing.

    `ending` is how many a person said may end. Raises Declined, with nothing changed, when the brake holds, or when a
    record was changed here since the plan was made; Busy.
    """
    check_brake(made, ending)
    taken = Taken()
    done = 0
    with store.transaction():
        for ready in prepared.ready():
            if _digest(store, ready.id) != ready.base:
                raise Declined(
                    f"The record {ready.title!r} was changed at this node while the file was read. Nothing was changed "
                    "by the import. Give the same command again."
                )
            drafts.note(Authored(ready.id, ready.type, _own_id(ready), ready.content), taken)
            if ready.main:
                store.put_imported(ready.list, ready.id)
            done += 1
            if done % 50 == 0:
                progress(done, prepared.count)
        for gone in made.ended:
            _end(store, gone.id)
            store.drop_imported(gone.id)
    progress(prepared.count, prepared.count)
    return taken


def check_brake(made: Plan, ending: int | None) -> None:
    """Raise Declined when a person must first say how many may end, or said another number."""
    if made.braked and ending != len(made.ended):
        said = f"; --ending says {ending}" if ending is not None else ""
        raise Declined(
            f"{len(made.ended)} of {made.known} records that this list brought before are not in the file{said}. That "
            "is more than one in twenty, so nothing was changed, and nothing is lost. If the file is whole and they "
            f"have really ended, say so: --ending {len(made.ended)}"
        )


def _own_id(ready: Ready) -> str | None:
    return None if ready.local_id.startswith(WORDS) else ready.local_id


def _digest(store: Store, record_id: str) -> str:
    content = _content(store, record_id)
    return digest(content) if content is not None else ""


def _end(store: Store, record_id: str) -> None:
    content = _content(store, record_id)
    held = store.change(record_id) or store.record(record_id)
    if content is not None and held is not None:
        store.put_change(Change(record_id, held.type, content_with(content, status="ended")))
