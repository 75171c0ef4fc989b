"""The record types and their two judges: one says yes or no in microseconds, one lists every fault.

The schemas are JSON Schema 2020-12 and normative: `schemas/<type>/<major>.json`. They lie inside an installed
package, in a checkout beside it; that folder is the only thing read here, each file once.

    accepts(type_name, record)     jsonschema-rs with a linear-time regex engine: for the hot path
    errors(type_name, record)      jsonschema: every fault, sorted, for quarantine, import and editor

Both give the same verdict, held by a differential test. Neither checks what canonical.py checks (integers,
text, depth, size), nor signatures, nor who may write what. A record of a known type fits its schema (REC-1);
one of a type that is not `known` is relayed, not judged (REC-2): ask first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

CAME_CHARACTERS = 80

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One fault of a record, in parts that another language can make a sentence of.

    pointer   where (RFC 6901), "" for the whole record; for a missing member the object that lacks it
    keyword   the JSON Schema keyword that failed; `not` for a member that must not be there
    expected  that keyword's value; for `required` the missing name, for `anyOf` the names that would do
    came      what stood there, None if nothing
    form      the schema's own words for what belongs there
    """

    pointer: str
    keyword: str
    expected: Any
    came: Any
    form: str = ""

    @property
    def message(self) -> str:
        """The fault as an English sentence."""
        where = self.pointer or "the record"
        return f"{where}: expected {_expectation(self)}; came {_shortened(self)}"


def types() -> tuple[str, ...]:
    """The full names of all record types that have a schema, sorted."""
    return tuple(sorted(_paths()))


def known(type_name: str) -> bool:
    """Whether there is a schema for this name and major."""
    return type_name in _paths()


def default_audience(type_name: str) -> str:
    """The audience of a record of this type when its author says none. KeyError if unknown."""
    return str(document(type_name)["x-jisr-default-audience"])


def about_persons(type_name: str) -> bool:
    """Whether records of this type are about a person, and carry no `source`. KeyError if unknown."""
    return bool(document(type_name).get("x-jisr-about-persons", False))


def accepts(type_name: str, record: Any) -> bool:
    """Whether `record` fits the schema of `type_name`. Raises KeyError for an unknown type."""
    return _fast(type_name).is_valid(record)


def errors(type_name: str, record: Any) -> list[SchemaError]:
    """Everything in `record` that does not fit, sorted by place, none twice; empty when it fits.

    Raises KeyError for an unknown type.
    """
    # its library takes a tenth of a second and some megabytes, and most of what is judged fits
    from .schema_faults import complete, faults_of

    faults: dict[tuple[str, str, str], SchemaError] = {}
    for error in complete(type_name).iter_errors(record):
        for fault in faults_of(error):
            faults[fault.pointer, fault.keyword, json.dumps(fault.expected, sort_keys=True)] = fault
    return [faults[place] for place in sorted(faults)]


@cache
def document(type_name: str) -> Mapping[str, Any]:
    """The schema of a type as it is written. Raises KeyError for an unknown type."""
    return _read(_paths()[type_name])


@cache
def common() -> Mapping[str, Any]:
    """The schema document of the parts all types share."""
    return _read(_folder() / "common" / "1.json")


@cache
def _folder() -> Path:
    """Inside the package if it was installed from a wheel, else beside it."""
    here = Path(__file__).parent
    inside = here / "schemas"
    return inside if inside.is_dir() else here.parent / "schemas"


@cache
def _paths() -> Mapping[str, Path]:
    files = (file for file in _folder().glob("*/[1-9]*.json") if file.parent.name != "common")
    return {f"org.jisr.{file.parent.name}/{file.stem}": file for file in files}


def _read(path: Path) -> Schema:
    schema: Schema = json.loads(path.read_text("utf-8"))
    return schema


@cache
def _fast(type_name: str) -> jsonschema_rs.Validator:
    shared = dict(common())
    return jsonschema_rs.Draft202012Validator(
        dict(document(type_name)),
        registry=jsonschema_rs.Registry([(shared["$id"], shared)]),
        pattern_options=jsonschema_rs.RegexOptions(),
        offline=True,
    )


_SENTENCES = {
    "required": "a member {expected!r}",
    "dependentRequired": "a member {expected!r} beside what is there",
    "anyOf": "at least one of the members {expected}",
    "const": "{expected!r}",
    "enum": "one of {expected}",
    "maxLength": "{form}, at most {expected} characters",
    "maxItems": "at most {expected} items",
    "minItems": "at least {expected} items",
    "maxProperties": "at most {expected} members",
    "minProperties": "at least {expected} members",
    "maximum": "at most {expected}",
    "minimum": "at least {expected}",
    "uniqueItems": "no item twice",
    "propertyNames": "names that are each {form}",
}


def _expectation(error: SchemaError) -> str:
    """The rule in words; a pattern is told by the form it stands for."""
    words = error.expected
    if isinstance(words, list):
        words = ", ".join(str(word) for word in words)
    sentence = _SENTENCES.get(error.keyword, "{form}")
    return sentence.format(expected=words, form=error.form or f"a value of {error.keyword} {words}")


def _shortened(error: SchemaError) -> str:
    if error.came is None and error.keyword in ("required", "dependentRequired", "anyOf"):
        return "nothing"
    if error.keyword == "maxLength":
        return f"{len(error.came)} characters"
    if error.keyword in ("maxItems", "minItems"):
        return f"{len(error.came)} items"
    text = json.dumps(error.came, ensure_ascii=False, default=repr)
    return text if len(text) <= CAME_CHARACTERS else text[: CAME_CHARACTERS - 1] + "…"
