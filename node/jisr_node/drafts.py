"""Taking drafts in: read the lines, give each its id, complete it, and note what changed since it was last known.

Nothing is published here. The same drafts twice change nothing; a draft that fails leaves the others alone; a record
that is missing from an import stays as it is, for an empty file must never empty a directory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from json import JSONDecodeError
from typing import Any

from jisr_protocol import canonical

from .author import Author, Authored, Fault, Faulty, check_id, check_type
from .identity import RandomBytes
from .ids import family, local_id_of, uuid4
from .ports import Change, Store
from .text import shown

LINE_BYTES = 1024 * 1024
"""The longest line that is read; a record has at most 64 KiB."""

_TOO_DEEP = Fault("", "not_json", "at most 16 levels of objects and arrays", "a deeper one")


@dataclass(frozen=True, slots=True)
class RefusedDraft:
    """A line that was left out; `line` counts from 1."""

    line: int
    faults: tuple[Fault, ...]


@dataclass
class Taken:
    """What an import did. `ids` are the records of all good lines, in their order."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: list[RefusedDraft] = field(default_factory=list)
    skipped: int = 0
    ids: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Placed:
    line: int
    draft: Mapping[str, Any]
    id: str


class Drafts:
    """Takes drafts for one author into one store."""

    def __init__(self, store: Store, author: Author, random_bytes: RandomBytes) -> None:
        self._store, self._author, self._random = store, author, random_bytes

    def take(
        self, lines: Iterable[str | bytes | Mapping[str, Any]], label: str | None = None, *, again: bool = False
    ) -> Taken:
        """Take all drafts (parsed or as JSON lines) in one transaction; with `label` only that partner's.

        What was erased is refused, unless it is wanted `again`: an old file must not bring it back by itself. A process
        that dies in the middle has changed nothing. Raises errors.Busy.
        """
        taken = Taken()
        with self._store.transaction():
            placed = list(self._place(lines, label, again, taken))
            in_file = {key: p.id for p in placed if (key := _key(p.draft)) is not None}

            def resolve(kind: str, local_id: str) -> str | None:
                return in_file.get((kind, local_id)) or self._store.local_id(kind, local_id)

            for each in placed:
                try:
                    self.note(self._author.complete(each.draft, each.id, resolve), taken)
                except Faulty as faulty:
                    taken.refused.append(RefusedDraft(each.line, faulty.faults))
                except RecursionError:
                    taken.refused.append(RefusedDraft(each.line, (_TOO_DEEP,)))
        taken.refused.sort(key=lambda refused: refused.line)
        return taken

    def _place(
        self, lines: Iterable[str | bytes | Mapping[str, Any]], label: str | None, again: bool, taken: Taken
    ) -> Iterator[_Placed]:
        """Give each readable draft its id; note the others as refused."""
        first_line: dict[str, int] = {}
        for number, line in enumerate(lines, 1):
            try:
                draft = read_line(line, first=number == 1) if isinstance(line, str | bytes) else line
                if draft is None:
                    continue
                if label is not None and isinstance(draft, dict) and draft.get("node") != label:
                    taken.skipped += 1
                    continue
                check_type(draft)
                record_id = self._id(draft)
                if record_id in first_line:
                    expected = f"another id or local id than line {first_line[record_id]}"
                    raise Faulty(Fault("/source" if "id" not in draft else "/id", "twice", expected, "the same record"))
                self._check_not_erased(record_id, again)
                first_line[record_id] = number
            except Faulty as faulty:
                taken.refused.append(RefusedDraft(number, faulty.faults))
            else:
                yield _Placed(number, draft, record_id)

    def _id(self, draft: Mapping[str, Any]) -> str:
        """The id written, known or derived; a fresh random one if nothing tells the record apart."""
        written, key = check_id(draft), _key(draft)
        known = self._store.local_id(*key) if key else None
        if written and known and written != known:
            raise Faulty(Fault("/id", "contradiction", f"{known}, which has this local id already", written))
        derived = self._author.id_for(*key) if key else None
        return written or known or derived or uuid4(self._random(16))

    def _check_not_erased(self, record_id: str, again: bool) -> None:
        since = None if again else self._store.erased_at(record_id)
        if since is not None:
            expected = "a record that was not erased; to publish it again on purpose, say --again"
            raise Faulty(Fault("", "erased", expected, f"{record_id}, erased on {since[:10]}"))

    def note(self, authored: Authored, taken: Taken) -> None:
        """Want one complete record, part of a transaction. Raises Faulty when it was of another type."""
        pending, stored = self._store.change(authored.id), self._store.record(authored.id)
        held = pending or stored
        if held is not None and held.type != authored.type:
            raise Faulty(Fault("/type", "contradiction", f"{held.type}, which this record is", authored.type))
        if authored.local_id is not None:
            self._store.put_local_id(family(authored.type), authored.local_id, authored.id)
        authored = _still_assured(authored, held.content if held is not None else None)
        self._store.drop_erased(authored.id)
        taken.ids.append(authored.id)
        if held is not None and held.content == authored.content:
            taken.unchanged += 1
            return
        if held is None or held.content is None:
            taken.added += 1
        else:
            taken.changed += 1
        if stored is not None and stored.content == authored.content:
            self._store.drop_change(authored.id)
        else:
            self._store.put_change(Change(authored.id, authored.type, authored.content))


def _still_assured(authored: Authored, held: bytes | None) -> Authored:
    """A table or a program that says nothing of the last check takes no confirmation away: with nothing else changed
    the record stays as it is."""
    if held is None or b'"assured"' not in held or b'"assured"' in authored.content:
        return authored
    value = json.loads(held)
    value.pop("assured", None)
    return replace(authored, content=held) if canonical.dumps(value) == authored.content else authored


def read_line(line: str | bytes, *, first: bool = False) -> Any:
    """One JSON value, None for an empty line. Raises Faulty for what is no JSON, or has a name twice."""
    text = line
    try:
        if len(line) > LINE_BYTES:
            raise Faulty(Fault("", "too_large", f"a line of at most {LINE_BYTES} bytes", f"{len(line)}"))
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        if first:
            text = text.removeprefix("\ufeff")
        return json.loads(text, object_pairs_hook=_no_name_twice, parse_constant=_no_constant) if text.strip() else None
    except UnicodeDecodeError as error:
        raise Faulty(Fault("", "not_json", "text in UTF-8", f"byte {error.start} that is none")) from None
    except RecursionError:
        raise Faulty(_TOO_DEEP) from None
    except ValueError as error:
        raise Faulty(Fault("", "not_json", "one whole JSON object on one line", _beginning(text, error))) from None


def _beginning(text: str | bytes, error: ValueError) -> str:
    """What stands there, and where it stops being JSON."""
    start = shown(str(text).encode("utf-8", "backslashreplace").decode(), 40)
    if isinstance(error, JSONDecodeError):
        return f"{start!r}, which breaks off or goes wrong at character {error.pos + 1}"
    return repr(start)


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        twice = next(name for i, (name, _) in enumerate(pairs) if name in dict(pairs[:i]))
        raise Faulty(Fault("", "not_json", "every member once", f"the member {twice!r} twice"))
    return names


def _no_constant(name: str) -> Any:
    raise Faulty(Fault("", "not_json", "a JSON value", name))


def _key(draft: Mapping[str, Any]) -> tuple[str, str] | None:
    local_id = local_id_of(draft)
    if local_id is None:
        return None
    if any("\ud800" <= character <= "\udfff" for character in local_id):
        raise Faulty(Fault("/source/local_id", "not_json", "text of whole characters", ascii(local_id)))
    return family(draft["type"]), local_id
