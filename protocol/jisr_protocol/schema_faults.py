"""The slow judge of records, which names every fault: the library `jsonschema`, with patterns and limits as ours.

Apart from schema.py, which loads it when it is first asked for: a node that only signs does without its memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from .canonical import escape
from .schema import Schema, SchemaError, common, document

MOST_MEMBERS = 100
"""How many members of an object are looked at where its schema sets no limit of its own."""


@cache
def complete(type_name: str) -> Draft202012Validator:
    shared = DRAFT202012.create_resource(dict(common()))
    registry: Registry[Any] = Registry().with_resource(str(common()["$id"]), shared)
    return _Complete(dict(document(type_name)), registry=registry)


def _pattern(_: Any, pattern: str, instance: Any, schema: Schema) -> Iterator[ValidationError]:
    """`pattern` as ECMA-262 means it: `$` is the end of the text, not a place before a last line feed.

    A text over `maxLength` has its error already and is not searched: Python's engine is not a linear one.
    """
    if not isinstance(instance, str) or len(instance) > schema.get("maxLength", len(instance)):
        return
    if not _compiled(pattern).search(instance):
        yield ValidationError("does not match")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)


def _within(keyword: str, limit: str) -> Any:
    """The library's check of `keyword`, of as many members as `limit` allows and not of the rest.

    What is over the limit has its error already; walking ten thousand items, each against each, takes minutes.
    """
    check = Draft202012Validator.VALIDATORS[keyword]

    def checked(validator: Any, value: Any, instance: Any, schema: Schema) -> Iterator[ValidationError]:
        most = schema.get(limit, MOST_MEMBERS)
        if isinstance(instance, list):
            instance = instance[:most]
        elif isinstance(instance, dict):
            instance = dict(islice(instance.items(), most))
        yield from check(validator, value, instance, schema) or ()

    return checked


_CHECKS = {
    "pattern": _pattern,
    "items": _within("items", "maxItems"),
    "uniqueItems": _within("uniqueItems", "maxItems"),
    "additionalProperties": _within("additionalProperties", "maxProperties"),
    "propertyNames": _within("propertyNames", "maxProperties"),
}
# the library leaves this one function without types
_Complete: type[Draft202012Validator] = extend(Draft202012Validator, _CHECKS)  # type: ignore[no-untyped-call]


def faults_of(error: ValidationError) -> Iterator[SchemaError]:
    """What an error of the library says, in our parts."""
    pointer = "".join("/" + escape(str(step)) for step in error.absolute_path)
    keyword, came = str(error.validator), cast(Any, error.instance)
    expected = cast(Any, error.validator_value)
    form = str(error.schema.get("title", "")) if isinstance(error.schema, dict) else ""
    if "propertyNames" in error.relative_schema_path:
        yield SchemaError(pointer, "propertyNames", expected, came, form)
    elif keyword == "required":
        yield from (SchemaError(pointer, keyword, name, None, form) for name in expected if name not in came)
    elif keyword == "dependentRequired":
        lacking = {name for given, names in expected.items() if given in came for name in names} - set(came)
        yield from (SchemaError(pointer, keyword, name, None, form) for name in sorted(lacking))
    elif keyword == "anyOf":
        # every anyOf of the schemas is a choice of members; a test holds that
        choice = [name for branch in expected for name in branch["required"]]
        yield SchemaError(pointer, keyword, choice, None, form)
    else:
        yield SchemaError(pointer, keyword, expected, came, form)
