"""From what a person or another system wrote (a draft) to what can be signed, or to the list of what is wrong.

A draft is a record without `node, rev, salt, created, modified`, which the node gives. Filled in here: `id` from
`source.local_id`, `status`, `lang`, `licence`, `audience`; a plain text where words per language belong becomes the
author's words in the draft's `lang`; `local:<type>/<local id>` becomes the record's id. Text is brought to NFC and its
line ends to one line feed, for keyboards and spreadsheets differ and a reader must not.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jisr_protocol import canonical, identifiers, schema
from jisr_protocol.limits import INTEGER_MAX
from jisr_protocol.refusal import Refusal

from .ids import derived, local_id_of, local_reference, uuid8
from .text import shown

GIVEN = ("node", "rev", "salt", "created", "modified")
"""Members the node gives; in a draft they are dropped, so that what `show` prints can be edited and put back."""

_TEXTS = frozenset({"label", "text", "body"})
_REFERENCES = frozenset({"reference", "speaker"})
_ANY_INSTANT = "2000-01-01T00:00:00Z"

Resolve = Callable[[str, str], str | None]
"""(type name without major, local id) → the record's id, None if no such record is known."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not fit: the place as a JSON pointer, a stable code, what was expected, what came."""

    pointer: str
    code: str
    expected: str
    came: str

    @property
    def sentence(self) -> str:
        where = self.pointer or "the whole record"
        return f"{where}: expected {self.expected}; came {self.came}"


class Faulty(Exception):
    """A draft that cannot be signed as it is, with everything that is wrong with it."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(fault.sentence for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Authored:
    """A complete record without the members the node gives: valid under its schema, `content` its canonical bytes."""

    id: str
    type: str
    local_id: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class Author:
    """What one node fills in; `secret` is for ids.derived."""

    node: str
    secret: bytes
    lang: str
    licence: str

    def id_for(self, type_name: str, local_id: str) -> str:
        """The id of a record that has a local id; see ids.derived."""
        return derived(self.secret, type_name, local_id)

    def complete(self, draft: Mapping[str, Any], record_id: str, resolve: Resolve) -> Authored:
        """Fill in and judge one draft whose type is known. Raises Faulty with all its faults."""
        type_name: str = draft["type"]
        record = {name: tidy(member) for name, member in draft.items() if name not in GIVEN}
        local_id = local_id_of(record)
        record["id"] = record_id
        for name, value in (("status", "active"), ("lang", self.lang), ("licence", self.licence)):
            record.setdefault(name, value)
        record.setdefault("audience", schema.default_audience(type_name))
        if schema.about_persons(type_name):
            record.pop("source", None)
        faults: list[Fault] = []
        filled = _Filler(str(record["lang"]), resolve, faults).fill(schema.document(type_name), record, "")
        faults += self._judge(type_name, filled)
        if faults:
            raise Faulty(*faults)
        return Authored(record_id, type_name, local_id, canonical.dumps(filled))

    def _judge(self, type_name: str, record: dict[str, Any]) -> list[Fault]:
        """Schema and canonical profile of the record as it will be at its longest."""
        whole = {
            **record,
            "created": _ANY_INSTANT,
            "modified": _ANY_INSTANT,
            "node": self.node,
            "rev": INTEGER_MAX,
            "salt": identifiers.new_salt(bytes(16)),
        }
        try:
            canonical.dumps(whole)
        except Refusal as refusal:
            return [Fault(shown(refusal.pointer), refusal.code, refusal.expected, shown(refusal.came))]
        if schema.accepts(type_name, whole):
            return []
        return [_fault(error) for error in schema.errors(type_name, whole)]


def check_type(draft: object) -> str:
    """The type of a draft. Raises Faulty if it is no object or of no type this version writes."""
    if not isinstance(draft, dict):
        raise Faulty(Fault("", "malformed", "a JSON object", _short(draft)))
    type_name = draft.get("type")
    if not isinstance(type_name, str) or not schema.known(type_name):
        known = ", ".join(schema.types())
        raise Faulty(Fault("/type", "type_unknown", f"one of {known}", _short(type_name)))
    return type_name


def check_id(draft: Mapping[str, Any]) -> str | None:
    """The id written in a draft, None if there is none. Raises Faulty if it is no UUID."""
    if "id" not in draft:
        return None
    if expected := identifiers.uuid(draft["id"]):
        raise Faulty(Fault("/id", "malformed", expected, _short(draft["id"])))
    return str(draft["id"])


def tidy(value: Any) -> Any:
    """Text in NFC with line feeds for line ends, everywhere in a value; member names stay as they are."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value).replace("\r\n", "\n").replace("\r", "\n")
    if isinstance(value, list):
        return [tidy(item) for item in value]
    if isinstance(value, dict):
        return {name: tidy(member) for name, member in value.items()}
    return value


class _Filler:
    """Walks a record along its schema: what a text or a reference is, only the schema knows."""

    def __init__(self, lang: str, resolve: Resolve, faults: list[Fault]) -> None:
        self._lang, self._resolve, self._faults = lang, resolve, faults

    def fill(self, form: Mapping[str, Any], value: Any, pointer: str) -> Any:
        if "$ref" in form:
            name = form["$ref"].rpartition("/")[2]
            if isinstance(value, str) and name in _TEXTS:
                return {self._lang: {"value": value, "origin": "author"}}
            if isinstance(value, str) and name in _REFERENCES and value.startswith("local:"):
                return self._reference(value, pointer)
            value = self.fill(schema.common()["$defs"][name], value, pointer)
        for part in form.get("allOf", ()):
            value = self.fill(part, value, pointer)
        if isinstance(value, dict) and "properties" in form:
            return {
                name: self.fill(form["properties"][name], member, f"{pointer}/{canonical.escape(name)}")
                if name in form["properties"]
                else member
                for name, member in value.items()
            }
        if isinstance(value, list) and "items" in form:
            return [self.fill(form["items"], item, f"{pointer}/{index}") for index, item in enumerate(value)]
        return value

    def _reference(self, value: str, pointer: str) -> str:
        local = local_reference(value)
        if local is None:
            expected = "local:<type>/<local id>, such as local:organization/12"
            self._faults.append(Fault(pointer, "malformed", expected, _short(value)))
        elif (found := self._resolve(*local)) is not None:
            return found
        else:
            expected = f"a record with the local id {local[1]!r} in this file or at this node"
            self._faults.append(Fault(pointer, "reference_unknown", expected, _short(value)))
        return uuid8(bytes(16))  # fits the schema, so that the fault above is the only one about this place


def _fault(error: schema.SchemaError) -> Fault:
    words = error.message.partition(": expected ")[2]
    expected, _, came = words.partition("; came ")
    return Fault(shown(error.pointer), "schema_invalid", expected, shown(came))


def _short(value: object) -> str:
    if value is None:
        return "nothing"
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return shown(text.encode("utf-8", "backslashreplace").decode(), 80)
