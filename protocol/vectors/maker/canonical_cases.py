"""Cases of docs/spec/canonical.md: which bytes are the one spelling of a value."""

from __future__ import annotations

from typing import Any

from .cases import CaseFile, bytes_of
from .primitives import canonical

RECORD_BYTES = 65_536
MOST = 2**53 - 1


def make() -> CaseFile:
    file = CaseFile("canonical", "Operation parse: bytes → the value, or a refusal. Operation write: value → bytes.")
    _valid(file)
    _not_json(file)
    _other_spellings(file)
    _outside_the_profile(file)
    _writing(file)
    return file


def _valid(file: CaseFile) -> None:
    values: list[tuple[str, str, Any]] = [
        ("CAN-2", "an empty object", {}),
        ("CAN-2", "an empty array", []),
        ("CAN-2", "an empty text", ""),
        ("CAN-2", "the three literals", [True, False, None]),
        (
            "CAN-2",
            "members sorted by name: capitals before small letters, the empty name first",
            {"": 1, "B": 2, "a": 3},
        ),
        ("CAN-2", "digits sort as text", {"1": 1, "10": 2, "2": 3}),
        ("CAN-2", "quotation mark, backslash and line feed have short escapes, the solidus none", '"\\\n/'),
        ("CAN-2", "text that is not ASCII stands as itself", "Tanger طنجة ⵟⴰⵏⵊⴰ 🌉"),
        ("CAN-3", "whole numbers", [0, -1, 42]),
        ("CAN-4", "the largest and the smallest integer", [MOST, -MOST]),
        ("CAN-5", "ASCII names, spaces and punctuation too", {"a b": 1, "~/": 2}),
        ("CAN-6", "composed letters", "é ñ أ 각"),
        ("CAN-6", "marks that compose with nothing", "q̣̇"),
        (
            "CAN-8",
            "joiners and direction marks are part of Arabic and Persian text",
            "می\u200cخواهم \u200f(\u200e1\u200f)",
        ),
        ("CAN-8", "line and paragraph separators are allowed", "\u2028\u2029"),
    ]
    for rule, comment, value in values:
        file.valid(rule, "parse", comment, {"bytes": bytes_of(canonical(value))}, {"value": value})
    file.valid("CAN-7", "parse", "sixteen levels", {"bytes": bytes_of(b"[" * 16 + b"]" * 16)}, {"value": _nested(16)})
    most = {"bytes": bytes_of(b'"', (b"x", RECORD_BYTES - 2), b'"')}
    file.valid("LIM-1", "parse", "exactly 65,536 bytes", most, {"value": None})


def _nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


def _not_json(file: CaseFile) -> None:
    for comment, raw in (
        ("nothing", b""),
        ("an object that does not end", b'{"a":1'),
        ("something after the value", b"{}x"),
        ("two values", b"{}{}"),
        ("a number that is none", b'{"a":NaN}'),
        ("infinity", b"[Infinity]"),
        ("a comma too many", b"[1,]"),
        ("a comment", b"[1/**/]"),
        ("single quotation marks", b"{'a':1}"),
        ("a number with a leading zero", b"[01]"),
        ("a plus sign", b"[+1]"),
        ("a control character inside a text", b'["\x01"]'),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        ("a byte that is not UTF-8", b'["\xff"]'),
        ("an overlong encoding of a solidus", b'["\xc0\xaf"]'),
        ("half of a surrogate pair as an escape", b'["\\ud800"]'),
        ("the second half first", b'["\\udc00\\ud800"]'),
        ("half of a surrogate pair as bytes", b'["\xed\xa0\x80"]'),
        ("UTF-16", '{"a":1}'.encode("utf-16-le")),
        ("a number too large for any computer", b"[1e400]"),
    ):
        file.invalid("CAN-1", "parse", comment, {"bytes": bytes_of(raw)}, "not_json")


def _other_spellings(file: CaseFile) -> None:
    for comment, raw in (
        ("members in another order", b'{"b":1,"a":2}'),
        ("a space after a colon", b'{"a": 1}'),
        ("a space after a comma", b"[1, 2]"),
        ("a line feed at the end", b"{}\n"),
        ("a plain letter as an escape", b'["\\u0061"]'),
        ("a letter outside ASCII as an escape", b'["\\u00e9"]'),
        ("an escaped solidus", b'["\\/"]'),
        ("a line feed as a long escape", b'["\\u000a"]'),
        ("an escape in capitals", b'["\\u000A"]'),
        ("a name twice, other values", b'{"a":1,"a":2}'),
        ("a name twice, one value", b'{"a":1,"a":1}'),
        ("a name twice, once as an escape", b'{"a":1,"\\u0061":1}'),
        ("minus zero", b"[-0]"),
    ):
        file.invalid("CAN-2", "parse", comment, {"bytes": bytes_of(raw)}, "not_canonical")


def _outside_the_profile(file: CaseFile) -> None:
    def refuse(rule: str, comment: str, raw: bytes, pointer: str = "") -> None:
        file.invalid(rule, "parse", comment, {"bytes": bytes_of(raw)}, "not_canonical", pointer)

    refuse("CAN-3", "5 written as 5.0", b'{"a":5.0}', "/a")
    refuse("CAN-3", "5 written as 5e0", b'{"a":5e0}', "/a")
    refuse("CAN-3", "a fraction", b'{"a":[0,1.5]}', "/a/1")
    refuse("CAN-3", "a negative zero with a fraction", b"[-0.0]", "/0")
    refuse("CAN-4", "2^53", b'{"a":9007199254740992}', "/a")
    refuse("CAN-4", "−2^53", b"[-9007199254740992]", "/0")
    refuse("CAN-4", "2^63", b"[9223372036854775808]", "/0")
    refuse("CAN-4", "2^64", b"[18446744073709551616]", "/0")
    refuse("CAN-5", "a name outside ASCII", canonical({"é": 1}))
    refuse("CAN-5", "a name outside ASCII further in", canonical({"a/b": [{"ن": 1}]}), "/a~1b/0")
    refuse("CAN-6", "a letter and a combining accent", canonical({"a": "e\u0301"}), "/a")
    refuse("CAN-6", "an alef and a combining hamza", canonical(["\u0627\u0654"]), "/0")
    refuse("CAN-6", "a compatibility letter that has another form", canonical(["\u212b"]), "/0")
    refuse("CAN-6", "Hangul in pieces", canonical(["\u1100\u1161\u11a8"]), "/0")
    refuse("CAN-7", "seventeen levels of arrays", b"[" * 17 + b"]" * 17, "/0" * 16)
    refuse("CAN-7", "seventeen levels of objects", b'{"a":' * 16 + b"{}" + b"}" * 16, "/a" * 16)
    deep = {"bytes": bytes_of((b"[", 100_000), (b"]", 100_000))}
    file.invalid("LIM-1", "parse", "100,000 levels, by their size", deep, "too_large")
    deep = {"bytes": bytes_of((b"[", 30_000), (b"]", 30_000))}
    file.invalid("CAN-7", "parse", "30,000 levels", deep, "not_canonical")
    for comment, character in (
        ("the null character", "\x00"),
        ("a tab", "\t"),
        ("a carriage return", "\r"),
        ("an escape character", "\x1b"),
        ("the delete character", "\x7f"),
        ("a next-line character", "\x85"),
        ("the last of the C1 characters", "\x9f"),
        ("a right-to-left override", "\u202e"),
        ("a left-to-right embedding", "\u202a"),
        ("a right-to-left isolate", "\u2067"),
        ("a byte order mark inside a text", "\ufeff"),
    ):
        refuse("CAN-8", comment, canonical({"a": f"x{character}y"}), "/a")
    refuse("CAN-8", "a control character in a name", canonical({"a\x01": 1}))
    over = {"bytes": bytes_of(b'"', (b"x", RECORD_BYTES - 1), b'"')}
    file.invalid("LIM-1", "parse", "one byte more than 65,536", over, "too_large")


def _writing(file: CaseFile) -> None:
    value = {"b": ["é", {"d": None, "c": -5}], "a": "\n", "A": True}
    file.valid("CAN-2", "write", "a value becomes its bytes", {"value": value}, {"bytes": canonical(value).hex()})
    file.invalid("CAN-3", "write", "a fraction is not written", {"value": {"a": 1.5}}, "not_canonical", "/a")
    file.invalid("CAN-6", "write", "decomposed text is not written", {"value": ["e\u0301"]}, "not_canonical", "/0")
