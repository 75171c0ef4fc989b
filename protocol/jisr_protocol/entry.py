"""Entries: the numbered lines of a log, and the leaf each gives to the Merkle tree (docs/spec/entries.md).

    {"at":"…","jws":"…","op":"put","record":{…},"seq":7}                                a node's own entry
    {"at":"…","jws":"…","op":"put","record":{…},"seq":90,"src":["public","1-…",7],"via":[…]}   the same at a hub
    {"at":"…","digest":"…","gone":"erased","id":"…","node":"…","op":"put","rev":2,"seq":91,"type":"…"}   a stub

`parse` takes one line without its line feed and returns an Entry: canonical, well-formed, its leaf computed from it.
It checks no signature and no authority; that is `accepted`. What can be derived from the content is not sent twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from . import canonical, identifiers, keys
from .envelope import Envelope, VerifiedEnvelope, digest, slices, verify_bytes
from .keys import PublicKey
from .limits import ENTRY_BYTES, INTEGER_MAX, RECORD_BYTES
from .refusal import Refusal, refuse
from .shapes import Shape, any_object, list_of, object_of, one_of, position

KIND_OF_OP = {
    "put": "record",
    "del": "tombstone",
    "key": "key",
    "recovery": "recovery",
    "statement": "statement",
    "erase": "notice",
    "hold": "notice",
    "unhold": "notice",
}
KNOWN_OPS = frozenset(KIND_OF_OP) | {"out", "nodehead"}
"""Entries of any other op are carried and change nothing (ENT-8)."""
_OWN = frozenset({"at", "gone", "id", "jws", "op", "seq", "src", "via"}) | frozenset(KIND_OF_OP.values())
UNDERSTOOD: frozenset[str] = frozenset()
"""What `crit` may list here. Nothing yet: Jisr Sync 1 defines no critical extension."""

_source = position(identifiers.feed_name, identifiers.epoch, identifiers.count)
_hop = object_of({"by": identifiers.node, "epoch": identifiers.epoch, "seq": identifiers.count})
_vias = list_of(_hop, most=64)
_ENTRY = Shape(
    "ENT-1",
    {"at": identifiers.instant, "op": identifiers.text, "seq": identifiers.count},
    {"src": _source, "via": _vias, "crit": list_of(identifiers.text, most=16)},
)
_USUAL = tuple(
    dict.fromkeys(("at", "jws", "op", "record", "seq", *more)).keys() for more in ((), ("src",), ("src", "via"))
)
"""The members of a put at its node, at its home hub, and farther on."""
_JWS = re.compile(r"[A-Za-z0-9_.-]+")
"""What needs no escape in JSON; whether it is a signature is for `accepted`."""
_BEFORE, _BEHIND_AT = len(b'{"at":"","jws":"","op":"put","record":'), len(b'{"at":,')
_TAIL = tuple((name, len(f',"{name}":')) for name in ("seq", "src", "via"))
_RECORD = Shape(
    "ENT-2",
    {
        "audience": identifiers.audience,
        "id": identifiers.uuid,
        "node": identifiers.node,
        "rev": identifiers.rev,
        "salt": identifiers.salt,
        "type": identifiers.type_name,
    },
)
_TOMBSTONE = Shape(
    "ENT-2",
    {
        "audience": identifiers.audience,
        "id": identifiers.uuid,
        "modified": identifiers.instant,
        "node": identifiers.node,
        "of": identifiers.type_name,
        "rev": identifiers.rev,
        "salt": identifiers.salt,
    },
)
_DERIVED = {
    "digest": identifiers.digest,
    "id": identifiers.uuid,
    "node": identifiers.node,
    "rev": identifiers.rev,
    "type": identifiers.type_name,
}
_KEY = Shape("ENT-2", {}, {"jwk": keys.jwk, "kid": identifiers.kid, "node": identifiers.node})
_OUT = Shape("ENT-2", _DERIVED)
_STUB = Shape("ENT-2", {**_DERIVED, "gone": one_of("erased", "held", "superseded")})


def _rev_or_null(value: object) -> str | None:
    return None if value is None else identifiers.rev(value)


def _target(value: object) -> str | None:
    return None if value == "*" else identifiers.uuid(value)


_NOTICE = Shape("ENT-2", {"by": identifiers.node, "node": identifiers.node, "max_rev": _rev_or_null})
_NOTICE_ENTRY = Shape("ENT-2", {"id": _target})
_STATEMENT = Shape(
    "ENT-2",
    {"id": identifiers.uuid, "n": identifiers.count, "subject": identifiers.node, "type": identifiers.text},
)
_NODEHEAD = Shape("ENT-2", {"head": any_object, "jws": identifiers.text, "missing": any_object})
_NODEHEAD_HEAD = Shape("ENT-2", {"by": identifiers.node, "name": identifiers.feed_name})


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One well-formed line of a log. `thing` is its signed content, None for stubs, `out` and ops without any."""

    raw: bytes
    seq: int
    op: str
    at: str
    type: str | None
    node: str | None
    id: str | None
    rev: int | None
    digest: str | None
    src: tuple[str, str, int] | None
    via: tuple[dict[str, Any], ...]
    thing: Envelope | None
    gone: str | None
    crit: tuple[str, ...]
    leaf: bytes
    """The leaf hash of this entry (ENT-5)."""
    parts: dict[str, bytes]
    """The raw bytes of each member, for whoever passes the entry on; empty for stubs and `out`."""


class AcceptedEntry(msgspec.Struct, frozen=True, gc=False):
    """An entry whose content was verified under its author's keys. Made only by `accepted`."""

    entry: Entry
    verified: VerifiedEnvelope


def leaf(
    seq: int,
    op: str,
    type_: str | None,
    node: str | None,
    id_: str | None,
    rev: int | None,
    digest_: str | None,
    src: tuple[str, str, int] | None,
    at: str,
) -> bytes:
    """SHA-256(0x00 ‖ canonical ["jisr-leaf-1",seq,op,type,node,id,rev,digest,src,at]) (ENT-5)."""
    columns = orjson.dumps(["jisr-leaf-1", seq, op, type_, node, id_, rev, digest_, src, at])
    return hashlib.sha256(b"\x00" + columns).digest()


def parse(raw: bytes) -> Entry:
    """Read one line of a log (without its line feed).

    Always checks: canonical bytes and profile (CAN), size (LIM-1, LIM-2), members of the entry (ENT-1) and of its
    content (ENT-2), that nothing derivable is sent beside its content (ENT-4). Does not check: signature, authority,
    schema, the order of revs, `crit`. Raises Refusal.
    """
    value = canonical.parse(raw, limit_bytes=ENTRY_BYTES)
    if (usual := _usual_put(raw, value)) is not None:
        return usual
    _ENTRY.check(value)
    if not isinstance(value, dict):
        value = {}
    op = value.get("op", "")
    parts: dict[str, bytes] = {}
    if op == "out":
        derived, thing = _derived(_OUT.check(value)), None
    elif "gone" in value:
        if op not in ("put", "del"):
            refuse("ENT-7", "/gone", expected="a put or del: only these may become stubs", came=op)
        derived, thing = _derived(_STUB.check(value)), None
        _nothing_left(op, value)
    elif op == "nodehead":
        parts = slices(raw)
        derived, thing = _nodehead(value, parts), None
    elif op in KIND_OF_OP:
        parts = slices(raw)
        thing = _thing(value, parts, KIND_OF_OP[op])
        derived = _columns(op, value, thing)
        _nothing_twice(op, value)
    else:
        parts = slices(raw)
        derived, thing = _other(value, parts), None
    seq, at = value.get("seq", 0), value.get("at", "")
    src = tuple(value["src"]) if "src" in value else None
    via = tuple(value["via"]) if "via" in value else ()
    hashed = leaf(seq, op, *derived, src, at)
    gone = value.get("gone")
    return Entry(raw, seq, op, at, *derived, src, via, thing, gone, _crit(value, thing), hashed, parts)


def parse_checked(raw: bytes) -> Entry:
    """`parse` of a line of which another process of ours has found that `parse` takes it, and that `between` does."""
    usual = _usual_put(raw, orjson.loads(raw))
    return usual if usual is not None else parse(raw)


def _usual_put(raw: bytes, value: Any) -> Entry | None:
    """The entry of a put as nearly all are: whole and with no member more. None for any other, and for one in which
    anything is wrong: the ordinary way says what.

    Canonical bytes have the members in order, so where the record begins follows from what stands before it.
    """
    if type(value) is not dict or value.get("op") != "put" or value.keys() not in _USUAL:
        return None
    at, jws, record, seq = value["at"], value["jws"], value["record"], value["seq"]
    src, via = value.get("src"), value.get("via")
    if not (type(record) is type(value) and type(jws) is str and _JWS.fullmatch(jws)) or "crit" in record:
        return None
    if identifiers.instant(at) or identifiers.count(seq):
        return None
    if ("src" in value and _source(src)) or ("via" in value and _vias(via)):
        return None
    try:
        type_, node, id_, rev = record["type"], record["node"], record["id"], record["rev"]
        if not identifiers.named_well(record["audience"], id_, node, record["salt"], type_) or identifiers.rev(rev):
            return None
    except KeyError:
        return None
    parts = {"at": b'"%b"' % at.encode(), "jws": b'"%b"' % jws.encode(), "op": b'"put"', "seq": b"%d" % seq}
    if src is not None:
        parts["src"] = orjson.dumps(src)
    if via is not None:
        parts["via"] = orjson.dumps(via, option=orjson.OPT_SORT_KEYS)
    body = parts["record"] = raw[_BEFORE + len(at) + len(jws) : -_tail(parts)]
    if len(body) > RECORD_BYTES:
        return None
    thing = Envelope("record", jws, body, record)
    hashed, src, via = thing.digest, tuple(src) if src is not None else None, tuple(via or ())
    leaf_hash = leaf(seq, "put", type_, node, id_, rev, hashed, src, at)
    return Entry(raw, seq, "put", at, type_, node, id_, rev, hashed, src, via, thing, None, (), leaf_hash, parts)


_Columns = tuple[str | None, str | None, str | None, int | None, str | None]


def _derived(value: dict[str, Any]) -> _Columns:
    return value["type"], value["node"], value["id"], value["rev"], value["digest"]


def _thing(value: dict[str, Any], parts: dict[str, bytes], kind: str) -> Envelope:
    content, jws = value.get(kind), value.get("jws")
    if not isinstance(content, dict) or not isinstance(jws, str):
        refuse("ENT-2", f"/{kind}", expected=f"a signed {kind}: members 'jws' and '{kind}'", came=sorted(value))
        return Envelope(kind, "", b"{}", {})
    body = parts[kind]
    if len(body) > RECORD_BYTES:
        refuse("LIM-2", f"/{kind}", expected=f"at most {RECORD_BYTES} bytes", came=f"{len(body)} bytes")
    return Envelope(kind, jws, body, content)


def _columns(op: str, value: dict[str, Any], thing: Envelope) -> _Columns:
    content = thing.value
    if op == "put":
        _RECORD.check(content, "/record")
        return content["type"], content["node"], content["id"], content["rev"], thing.digest
    if op == "del":
        _TOMBSTONE.check(content, "/tombstone")
        return content["of"], content["node"], content["id"], content["rev"], thing.digest
    if op in ("key", "recovery"):
        _KEY.check(content, f"/{thing.kind}")
        node, kid = keys.subject_of(thing)
        return thing.kind, node, kid, None, thing.digest
    if op == "statement":
        _STATEMENT.check(content, "/statement")
        return content["type"], content["subject"], content["id"], content["n"], thing.digest
    _NOTICE.check(content, "/notice")
    _NOTICE_ENTRY.check(value)
    return None, content["node"], value["id"], content["max_rev"], thing.digest


def _nothing_twice(op: str, value: dict[str, Any]) -> None:
    twice = {"type", "node", "rev", "digest"} | (set() if op in ("erase", "hold", "unhold") else {"id"})
    if found := sorted(twice & value.keys()):
        refuse("ENT-4", f"/{found[0]}", expected="no member that follows from the content", came=value[found[0]])


def _nothing_left(op: str, value: dict[str, Any]) -> None:
    if found := sorted({"jws", KIND_OF_OP.get(op, "jws")} & value.keys()):
        refuse("ENT-4", f"/{found[0]}", expected="a stub without any content", came=f"a member {found[0]!r}")


def _nodehead(value: dict[str, Any], parts: dict[str, bytes]) -> _Columns:
    _NODEHEAD.check(value)
    head = _NODEHEAD_HEAD.check(value.get("head"), "/head")
    body = b'{"head":%b,"jws":%b,"missing":%b}' % (parts["head"], parts["jws"], parts["missing"])
    return None, head["by"], head["name"], None, digest("nodehead", body)


def _other(value: dict[str, Any], parts: dict[str, bytes]) -> _Columns:
    """An op this version does not know is carried: its leaf is made of what it gives (ENT-8)."""
    body = parts.get("object", b"null")

    def given(name: str) -> str | None:
        member = value.get(name)
        return member if isinstance(member, str) else None

    rev = value.get("rev")
    return given("type"), given("node"), given("id"), rev if type(rev) is int else None, digest("object", body)


def _crit(value: dict[str, Any], thing: Envelope | None) -> tuple[str, ...]:
    inner = thing.value.get("crit", ()) if thing else ()
    listed = (
        [*value.get("crit", ()), *(inner if isinstance(inner, list) else ["crit"])] if inner or "crit" in value else []
    )
    return tuple(str(name) for name in listed)


def accepted(entry: Entry, verifiers: Mapping[str, PublicKey], signer: str) -> AcceptedEntry:
    """Verify the content of a put or del under `signer`'s keys; the only maker of an AcceptedEntry.

    Always checks: `crit` (ENT-6), that the record's node is the signer (READ-9), the signature (SIG-1 to SIG-5).
    `verifiers` is KeyRing.verifiers(kind) of the signer. Raises Refusal; the caller keeps its code with the entry.
    """
    if unknown := [name for name in entry.crit if name not in UNDERSTOOD]:
        refuse("ENT-6", "/crit", expected="only what this version understands", came=unknown)
    if entry.thing is None:
        refuse("ENT-7", "/gone", expected="content to verify", came=entry.gone or entry.op)
        raise ValueError("an entry without content cannot be accepted")
    if entry.node != signer:
        refuse("READ-9", "/record/node", expected=signer, came=entry.node)
    kid = verify_bytes(entry.thing, verifiers)
    return AcceptedEntry(entry, VerifiedEnvelope(entry.thing, signer, kid))


def write(
    op: str,
    thing: Envelope,
    *,
    seq: int,
    at: str,
    src: tuple[str, str, int] | None = None,
    via: bytes | None = None,
    target: str | None = None,
    extra: bytes | None = None,
) -> bytes:
    """The canonical line (without line feed) of an entry with signed content, composed from raw slices.

    `via` is the canonical bytes of the list of hops; `target` the id a notice acts on; `extra` see `extra`. The content
    is not serialised again (ENT-9): its bytes go in as they came.
    """
    if seq < 0 or seq > INTEGER_MAX:
        raise ValueError(f"seq {seq} is out of range")
    members = {
        "at": b'"%b"' % at.encode(),
        "jws": b'"%b"' % thing.jws.encode(),
        "op": b'"%b"' % op.encode(),
        "seq": b"%d" % seq,
        thing.kind: thing.body,
    }
    if target is not None:
        members["id"] = b'"%b"' % target.encode()
    if src is not None:
        members["src"] = b'["%b","%b",%d]' % (src[0].encode(), src[1].encode(), src[2])
    if via:
        members["via"] = via
    if extra:
        members |= slices(extra)
    return b"{" + b",".join(b'"%b":%b' % (name.encode(), members[name]) for name in sorted(members)) + b"}"


def between(said: Entry) -> bytes | None:
    """The members of a put from behind its `at` to before its `seq`, as one slice of its line, where those after `seq`
    are known to say only whence it came; None for any other entry."""
    if said.op != "put" or said.parts.keys() not in _USUAL:
        return None
    return said.raw[len(said.parts["at"]) + _BEHIND_AT : -_tail(said.parts)]


def _tail(parts: Mapping[str, bytes]) -> int:
    """How many bytes of a usual put stand behind its record, the comma before `seq` included."""
    return sum(len(parts[name]) + own for name, own in _TAIL if name in parts) + 1


def extra(said: Entry) -> bytes | None:
    """The members that stand in an entry beside those this version gives one, as an object of raw slices: a `proof`
    (KEY-11), and what later versions say (ENT-9). None when there are none."""
    rest = [(name, raw) for name, raw in sorted(said.parts.items()) if name not in _OWN]
    return b"{" + b",".join(b'"%b":%b' % (name.encode(), raw) for name, raw in rest) + b"}" if rest else None


def write_out(*, seq: int, at: str, node: str, id: str, rev: int, digest: str, type: str) -> bytes:
    """The line of an `out` entry: this record left this view."""
    return canonical.dumps(
        {"at": at, "digest": digest, "id": id, "node": node, "op": "out", "rev": rev, "seq": seq, "type": type}
    )


def write_stub(entry: Entry, gone: str) -> bytes:
    """The line of `entry` with its content gone; its leaf is the same (ENT-7)."""
    members: dict[str, Any] = {
        "at": entry.at, "digest": entry.digest, "gone": gone, "id": entry.id, "node": entry.node,
        "op": entry.op, "rev": entry.rev, "seq": entry.seq, "type": entry.type,
    }  # fmt: skip
    if entry.src is not None:
        members["src"] = list(entry.src)
    if entry.via:
        members["via"] = list(entry.via)
    return canonical.dumps(members)


def split_lines(body: bytes) -> list[bytes]:
    """Cut a page or the lines of a push apart, each ended by a line feed (PAGE-4); of nothing, none."""
    if not body:
        return []
    if not body.endswith(b"\n"):
        refuse("PAGE-4", "", expected="every line ended by a line feed", came=body[-20:])
    return body.removesuffix(b"\n").split(b"\n")


def parse_lines(body: bytes) -> list[Entry]:
    """Read the lines of a page as entries. The pointer of a refusal begins with the line's number."""
    entries = []
    for number, raw in enumerate(split_lines(body)):
        try:
            entries.append(parse(raw))
        except Refusal as refusal:
            raise refusal.below(f"/{number}") from None
    return entries
