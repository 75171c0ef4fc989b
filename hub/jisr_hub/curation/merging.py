"""One entry of the merged directory out of the records that are one, and out of what was said of them.

Fields are the members of the records; a text in languages is a field for each language (`name/ar`). Of a field that
records fill differently all values are there. Shown is

    the value that this hub itself corrected; else the one confirmed last (its record's `modified`, a check of it, a
    correction of it, never later than today); else that of the record created first; else by node and id

A correction takes the place of one record's value and says what stood there. One that would make a record unfit for its
schema, or is about a member that says whose record it is, is told and not shown. The entry's address is that of its
oldest record (`created`, node, id); the address of every other record in it leads there. So no address ever dies by a
merge or a split.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from jisr_protocol import canonical, schema

from ..ports import Key
from .clusters import Apart
from .words import ASSURED, CORRECTS, DISPUTED, OWN, SUPPRESSED, TYPE, Voices, Word

NOT_MERGED = frozenset({TYPE})
"""Types of records that are no entries of a directory."""
_NO_FIELD = frozenset(
    {"type", "id", "node", "rev", "salt", "audience", "created", "modified", "lang", "licence", "assured", "source"}
)
"""Members that say whose record it is and how it came to be; no correction reaches them."""
_NODE_CHARACTERS = 16


class Record(msgspec.Struct, frozen=True):
    """A live public record as its author wrote it."""

    key: Key
    rev: int
    digest: str
    type: str
    value: Mapping[str, Any]

    @property
    def modified(self) -> str:
        return str(self.value.get("modified", ""))

    @property
    def order(self) -> tuple[str, str, str]:
        """Older records come first. By what they say and their names alone: the way they came changes nothing."""
        return str(self.value.get("created", "")), *self.key


class Source(msgspec.Struct, frozen=True):
    """A record of an entry, and when it was last confirmed."""

    node: str
    id: str
    rev: int
    digest: str
    modified: str
    confirmed: str
    licence: str


class Correction(msgspec.Struct, frozen=True):
    """Who put a value in the place of the author's, when, and what the author wrote. `older`: the author has written
    the record anew since."""

    by: str
    word: str
    at: str
    pointer: str
    instead_of: Any
    older: bool = False


class Value(msgspec.Struct, frozen=True):
    """One value of a field, and the records (node, id) that say it, with the date of each."""

    value: Any
    sources: tuple[tuple[str, str, str], ...]
    corrections: tuple[Correction, ...] = ()


class Field(msgspec.Struct, frozen=True):
    """The value that is shown, and the others there are."""

    shown: Value
    others: tuple[Value, ...] = ()


class Remark(msgspec.Struct, frozen=True):
    """What was said of an entry's records besides: a check, a doubt, or a correction that cannot be shown."""

    by: str
    word: str
    at: str
    predicate: str
    about: tuple[Key, ...]
    method: str = ""
    reason: Mapping[str, Any] = {}
    pointer: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One organization, service or place."""

    address: str
    type: str
    also: tuple[str, ...]
    """Addresses that lead here: those of the other records that are one with it, also of such as have left."""
    records: tuple[Source, ...]
    fields: Mapping[str, Field]
    remarks: tuple[Remark, ...] = ()
    apart: tuple[Apart, ...] = ()


class _Said(msgspec.Struct, frozen=True):
    """What one record says in one field."""

    value: Any
    record: Record
    at: str
    own: bool
    corrections: tuple[Correction, ...]


def whole(entry: Entry, oldest: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as one record: what its fields show, and from the oldest record who it is."""
    found = {name: member for name, member in oldest.items() if name in _NO_FIELD}
    for name, field in entry.fields.items():
        member, cut, lang = name.partition("/")
        if cut:
            found.setdefault(member, {})[lang] = field.shown.value
        else:
            found[member] = field.shown.value
    return found


def address(key: Key) -> str:
    """The public address of a record and, while it is the oldest, of the entry it is in."""
    return f"{key[0].removeprefix('jisr:')[:_NODE_CHARACTERS]}.{key[1]}"


def suppressed(keys: Iterable[Key], words: Iterable[Word]) -> set[Key]:
    """Those of these records that are not shown, by words that count."""
    named = {key for word in words if word.predicate == SUPPRESSED for key in word.subjects}
    return named & set(keys)


def compose(
    keys: Sequence[Key],
    records: Iterable[Record],
    words: Iterable[Word],
    voices: Voices,
    today: str,
    apart: tuple[Apart, ...] = (),
) -> Entry | None:
    """The entry of these records, which are one: `records` are those that are live, `words` what counts about any of
    them. None when nothing of them is to be shown."""
    about = sorted(words, key=lambda word: word.key)
    hidden = suppressed(keys, about)
    shown = sorted((r for r in records if r.key not in hidden and r.type not in NOT_MERGED), key=lambda r: r.order)
    if not shown:
        return None
    said: dict[str, list[_Said]] = {}
    sources: list[Source] = []
    remarks = [_remark(word, keys) for word in about if word.predicate in (ASSURED, DISPUTED)]
    for record in shown:
        corrected, unfit = _corrected(record, about, voices)
        remarks += [_remark(word, keys) for word in unfit]
        confirmed = _confirmed(record, about, today)
        sources.append(Source(*record.key, record.rev, record.digest, record.modified, confirmed, _licence(record)))
        for name, one in _said(record, corrected, confirmed, today).items():
            said.setdefault(name, []).append(one)
    return Entry(
        address(shown[0].key),
        shown[0].type,
        tuple(sorted(address(key) for key in keys if key != shown[0].key)),
        tuple(sources),
        {name: _field(said[name]) for name in sorted(said)},
        tuple(sorted(remarks, key=lambda one: (one.at, one.by, one.word))),
        apart,
    )


# Corrections


def _corrected(record: Record, words: Iterable[Word], voices: Voices) -> tuple[list[tuple[Word, bool]], list[Word]]:
    """The corrections of a record that can be shown, (word, whether it is our own), in the order they are carried out;
    and those that cannot. Of several about one member that of this hub counts, else the latest."""
    best: dict[str, tuple[tuple[bool, Any], Word]] = {}
    for word in words:
        if word.predicate == CORRECTS and record.key in word.subjects:
            own = voices.rank(word.by) == OWN
            if word.pointer not in best or (own, word.age) > best[word.pointer][0]:
                best[word.pointer] = ((own, word.age), word)
    value, taken, unfit = dict(record.value), [], []
    for pointer in sorted(best):
        (own, _), word = best[pointer]
        after = put_at(value, pointer, word.value)
        if after is None or (schema.known(record.type) and not schema.accepts(record.type, after)):
            unfit.append(word)
        else:
            value = after
            taken.append((word, own))
    return taken, unfit


def put_at(value: Mapping[str, Any], pointer: str, new: Any) -> dict[str, Any] | None:
    """A record with another value at a JSON pointer; None when nothing can stand there, or nobody may say it."""
    names = [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:]]
    if not names or names[0] in _NO_FIELD:
        return None
    whole = copy.deepcopy(dict(value))
    place: Any = whole
    for name in names[:-1]:
        place = _step(place, name)
    last = names[-1]
    if isinstance(place, dict):
        place[last] = new
    elif isinstance(place, list) and _is_index(last, len(place)):
        place[int(last)] = new
    else:
        return None
    return whole


def _step(place: Any, name: str) -> Any:
    if isinstance(place, dict):
        return place.get(name)
    return place[int(name)] if isinstance(place, list) and _is_index(name, len(place)) else None


def _is_index(name: str, size: int) -> bool:
    return name.isascii() and name.isdigit() and (name == "0" or name[0] != "0") and int(name) < size


# Fields


def fields(value: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record: its members, a text in languages by language."""
    found: dict[str, Any] = {}
    for name, member in value.items():
        if name in _NO_FIELD:
            continue
        if isinstance(member, dict) and member and all(_is_text(text) for text in member.values()):
            found |= {f"{name}/{lang}": text for lang, text in member.items()}
        else:
            found[name] = member
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, dict) and "value" in value and "origin" in value


def _said(record: Record, corrected: Sequence[tuple[Word, bool]], confirmed: str, today: str) -> dict[str, _Said]:
    before = fields(record.value)
    after: dict[str, Any] = dict(record.value)
    touched: dict[str, list[tuple[Correction, bool]]] = {}
    for word, own in corrected:
        changed = put_at(after, word.pointer, word.value)
        if changed is None:
            continue
        was, now = fields(after), fields(changed)
        for name in was.keys() | now.keys():
            if was.get(name) != now.get(name):
                one = Correction(
                    *word.key, word.modified, word.pointer, before.get(name), record.modified > word.modified
                )
                touched.setdefault(name, []).append((one, own))
        after = changed
    found = {}
    for name, value in fields(after).items():
        by = [one for one, _ in touched.get(name, ())]
        at = max([confirmed, *(_until(one.at, today) for one in by)])
        found[name] = _Said(value, record, at, any(own for _, own in touched.get(name, ())), tuple(by))
    return found


def _field(said: Sequence[_Said]) -> Field:
    """All values of a field, the one that is shown first. `said` is in the order of the records."""
    newest = sorted(said, key=lambda one: one.at, reverse=True)
    ordered = sorted(newest, key=lambda one: not one.own)
    groups: dict[bytes, list[_Said]] = {}
    for one in ordered:
        groups.setdefault(canonical.dumps({"value": one.value}), []).append(one)
    values = [
        Value(
            group[0].value,
            tuple((*one.record.key, one.at) for one in group),
            tuple(correction for one in group for correction in one.corrections),
        )
        for group in groups.values()
    ]
    return Field(values[0], tuple(values[1:]))


# Dates and remarks


def _confirmed(record: Record, words: Iterable[Word], today: str) -> str:
    """When a record was last written, or checked by its author or by somebody who is heard."""
    checked = record.value.get("assured")
    own = str(checked.get("at", "")) if isinstance(checked, dict) else ""
    others = [word.modified for word in words if word.predicate == ASSURED and record.key in word.subjects]
    return max(_until(date, today) for date in (record.modified, own, *others))


def _until(date: str, today: str) -> str:
    """A date, but none that is still to come: nobody is shown first for having dated a record ahead."""
    return min(date, _end_of(today))


def _end_of(today: str) -> str:
    return f"{today}T23:59:59Z"


def _licence(record: Record) -> str:
    return str(record.value.get("licence", ""))


def _remark(word: Word, keys: Iterable[Key]) -> Remark:
    about = tuple(sorted(set(keys) & set(word.subjects)))
    return Remark(*word.key, word.modified, word.predicate, about, word.method, word.reason, word.pointer)
