"""Canonical bytes: the one spelling of a JSON value that Jisr signs, stores and passes on (docs/spec/canonical.md).

The bytes on the wire are the RFC 8785 form of a value that keeps Jisr's profile: no floats, integers within
±(2^53−1), ASCII member names, NFC text, no duplicate names, at most 16 levels, no control characters but the line
feed, no bidirectional overrides. Under this profile sorted orjson output *is* RFC 8785 (a property test says so).

    parse(b'{"a":1}')   → {"a": 1}, or one Refusal that names the rule and the JSON pointer
    dumps({"b": 1})     → b'{"b":1}', after the same checks
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import orjson

from .limits import DEPTH_LEVELS, INTEGER_MAX, RECORD_BYTES
from .refusal import refuse

# C0 but LF, DEL, C1, bidirectional embeddings, overrides and isolates, and the byte order mark.
_FORBIDDEN_TEXT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
# The escapes that canonical JSON has for control characters, but the one for LF.
_ESCAPED = re.compile(rb"\\[bfrtu]")


def parse(raw: bytes, *, limit_bytes: int = RECORD_BYTES) -> Any:
    """Read one canonical JSON value.

    Always checks size (LIM-1), JSON (CAN-1), the profile (CAN-3 to CAN-8) and that `raw` is the RFC 8785 form of the
    value (CAN-2). Does not check any meaning. Raises Refusal; no other error leaves this function.
    """
    if len(raw) > limit_bytes:
        refuse("LIM-1", "", expected=f"at most {limit_bytes} bytes", came=f"{len(raw)} bytes")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if "depth limit" in str(error):  # orjson's own, far above ours
            refuse("CAN-7", "", expected=f"at most {DEPTH_LEVELS} levels of objects and arrays", came="1,024 or more")
        refuse("CAN-1", "", expected="one JSON text in UTF-8 (RFC 8259)", came=f"{error} in {raw[:40]!r}")
        return None
    if not _plain(value, DEPTH_LEVELS):
        _explain(value, "", DEPTH_LEVELS)
    if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != raw:
        refuse("CAN-2", "", expected="the RFC 8785 bytes of this value", came=_difference(value, raw))
    _check_text(value, raw)
    return value


def dumps(value: Any, *, limit_bytes: int = RECORD_BYTES) -> bytes:
    """Write a value as canonical bytes, refusing what `parse` would refuse."""
    if not _plain(value, DEPTH_LEVELS):
        _explain(value, "", DEPTH_LEVELS)
    try:
        raw = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, orjson.JSONEncodeError) as error:
        refuse("CAN-1", "", expected="a JSON value", came=str(error))
        return b"null"
    if len(raw) > limit_bytes:
        refuse("LIM-1", "", expected=f"at most {limit_bytes} bytes", came=f"{len(raw)} bytes")
    _check_text(value, raw)
    return raw


def _plain(value: Any, levels: int) -> bool:
    """True when names, numbers and depth keep the profile; quick, says nothing of the place.

    One level of the value after the other; most members are text, which needs no look here.
    """
    level = [[value]]
    while level:
        below: list[Any] = []
        for members in level:
            for member in members:
                kind = type(member)
                if kind is str or kind is bool:
                    continue
                if kind is dict:
                    try:
                        if not "".join(member).isascii():
                            return False
                    except TypeError:  # a name that is no text, from `dumps`
                        return False
                    below.append(member.values())
                elif kind is list:
                    below.append(member)
                elif kind is int:
                    if not -INTEGER_MAX <= member <= INTEGER_MAX:
                        return False
                elif member is not None:
                    return False
        if below and levels == 0:
            return False
        level, levels = below, levels - 1
    return True


def _explain(value: Any, pointer: str, levels: int) -> None:
    """Walk again, slowly, to the place that breaks the profile."""
    if isinstance(value, dict | list) and levels == 0:
        refuse("CAN-7", pointer, expected=f"at most {DEPTH_LEVELS} levels of objects and arrays", came="a deeper one")
        return
    if isinstance(value, dict):
        for name, member in value.items():
            if type(name) is not str or not name.isascii():
                refuse("CAN-5", pointer, expected="member names in ASCII", came=str(name))
            _explain(member, f"{pointer}/{escape(str(name))}", levels - 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _explain(item, f"{pointer}/{index}", levels - 1)
    elif isinstance(value, bool) or value is None or isinstance(value, str):
        return
    elif isinstance(value, int) or (isinstance(value, float) and abs(value) > INTEGER_MAX):
        # orjson reads an integer of more than 64 bits as a float
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            refuse("CAN-4", pointer, expected="an integer within ±(2^53−1)", came=str(value))
    else:
        refuse("CAN-3", pointer, expected="an integer, or a decimal number as a string", came=repr(value))


def _check_text(value: Any, raw: bytes) -> None:
    """NFC (CAN-6) and no forbidden characters (CAN-8), decided on the bytes; walked only to name a place."""
    if raw.isascii():
        bent = b"\x7f" in raw
    else:
        text = raw.decode("utf-8", "replace")
        # what is printable in Unicode's sense holds nothing forbidden, and is quickly told
        bent = not unicodedata.is_normalized("NFC", text) or (
            not text.isprintable() and _FORBIDDEN_TEXT.search(text) is not None
        )
    if bent or (b"\\" in raw and _ESCAPED.search(raw.replace(b"\\\\", b""))):
        _explain_text(value, "")


def _explain_text(value: Any, pointer: str) -> None:
    if isinstance(value, str):
        if not unicodedata.is_normalized("NFC", value):
            refuse("CAN-6", pointer, expected="text in Unicode normalisation form C", came=ascii(value))
        found = _FORBIDDEN_TEXT.search(value)
        if found:
            refuse(
                "CAN-8",
                pointer,
                expected="text without control or bidirectional-override characters",
                came=f"U+{ord(found.group()):04X} at character {found.start()}",
            )
    elif isinstance(value, dict):
        for name, member in value.items():
            _explain_text(name, pointer)
            _explain_text(member, f"{pointer}/{escape(name)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _explain_text(item, f"{pointer}/{index}")


def _difference(value: Any, raw: bytes) -> str:
    good = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    at = next((i for i, (a, b) in enumerate(zip(good, raw, strict=False)) if a != b), min(len(good), len(raw)))
    return f"other bytes from byte {at} on: {raw[at : at + 24]!r}"


def escape(name: str) -> str:
    """One reference token of a JSON pointer (RFC 6901 section 3)."""
    return name.replace("~", "~0").replace("/", "~1")
