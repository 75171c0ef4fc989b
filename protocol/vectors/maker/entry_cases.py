"""Cases of docs/spec/entries.md and live-set.md: lines, leaves, stubs, and what a log holds in the end."""

from __future__ import annotations

import json
from typing import Any

from . import entries
from .cases import CaseFile, bytes_of
from .entries import COLUMNS, Line
from .feed import Feed
from .key_cases import chain_of
from .primitives import Key, Writer, canonical, epoch, salt, sha256, uuid

SRC = ["public", epoch(1), 7]


def make() -> CaseFile:
    file = CaseFile(
        "entries",
        "Operation entry: a line without its line feed → the columns of its leaf and the leaf. Operation accept: the "
        "same line under its author's key statements. Operation leaf: columns → leaf.",
    )
    _good_lines(file)
    _members(file)
    _contents(file)
    _twice(file)
    _stubs(file)
    _accepting(file)
    _leaves(file)
    return file


def _result(line: Line) -> dict[str, Any]:
    return {
        "columns": dict(zip(COLUMNS, line.columns, strict=True)),
        "leaf": line.leaf.hex(),
        "leaf_input": line.leaf_input.decode(),
    }


def good_lines() -> list[tuple[str, str, Line]]:
    """A line of every op: (rule, comment, line)."""
    writer, hub = Writer("node"), Writer("hub", role="hub")
    key = writer.key
    put = entries.put(7, entries.record(writer, "a", 3, title="سوق"), key)
    hop = {"by": hub.id, "epoch": epoch(3), "seq": 5}
    notice = key.sign("notice", entries.notice(writer, writer.id, "erase", [uuid("a")], 3))
    every = key.sign("notice", entries.notice(writer, writer.id, "hold", "*", None))
    stated = {"by": hub.id, "id": uuid("s"), "n": 4, "subject": writer.id, "type": "node"}
    feed = Feed(writer)
    feed.key()
    return [
        ("ENT-5", "a record is put", put),
        (
            "ENT-5",
            "the same at a hub, with where it stood and how it came",
            entries.put(90, entries.record(writer, "a", 3, title="سوق"), key, src=SRC, via=[hop]),
        ),
        (
            "ENT-5",
            "a record is deleted by its author's tombstone",
            entries.delete(8, entries.tombstone(writer, "a", 4), key),
        ),
        ("ENT-5", "a record left this view", entries.out(9, put)),
        ("ENT-5", "a first key statement", entries.key(0, writer.statements[0])),
        ("ENT-5", "a later key statement", entries.key(1, Writer("node").later("add", jwk=Key("node 2").jwk))),
        ("ENT-5", "a recovery statement", entries.key(2, writer.recover(Key("node saved"), [], 1))),
        ("ENT-5", "a notice erases one record up to rev 3", entries.acted(10, "erase", notice, uuid("a"))),
        ("ENT-5", "a notice holds everything of a node", entries.acted(11, "hold", every, "*")),
        ("ENT-5", "and lets it go", entries.acted(12, "unhold", every, "*")),
        ("ENT-5", "a hub's statement about a node", entries.stated(13, hub.key.sign("statement", stated))),
        ("ENT-5", "a node's own head inside a hub's feed", entries.nodehead(14, feed.head(), {"policy": 2})),
        ("ENT-8", "an op nobody knows, with nothing", entries.other(15, "mark")),
        (
            "ENT-8",
            "an op nobody knows, with an object and columns",
            entries.other(16, "bless", id="x", node=writer.id, object={"b": 1, "a": 2}, rev=5, type="t"),
        ),
        ("ENT-8", "columns of the wrong form count as absent", _odd_columns()),
        ("ENT-7", "content that was erased", entries.stub(put, "erased")),
        (
            "ENT-7",
            "content that is held back",
            entries.stub(entries.delete(8, entries.tombstone(writer, "a", 4), key), "held"),
        ),
        (
            "ENT-1",
            "members nobody knows yet",
            entries.put(7, entries.record(writer, "a", later=[1]), key, later={"x": 1}),
        ),
    ]


def _odd_columns() -> Line:
    line = entries.other(17, "bless", id=5, node=None, rev="1", type=["t"])
    nothing = (17, "bless", None, None, None, None, line.column("digest"), None, entries.AT)
    return Line(line.raw, nothing)


def _good_lines(file: CaseFile) -> None:
    for rule, comment, line in good_lines():
        file.valid(rule, "entry", comment, {"line": bytes_of(line.raw)}, _result(line))


def _bent(file: CaseFile, rule: str, code: str, pointer: str, comment: str, line: Line, **members: Any) -> None:
    """Refuse the line with these members changed; a member set to ... is taken out."""
    value = json.loads(line.raw) | members
    value = {name: member for name, member in value.items() if member is not ...}
    file.invalid(rule, "entry", comment, {"line": bytes_of(canonical(value))}, code, pointer)


def _put() -> Line:
    return entries.put(7, entries.record(Writer("node"), "a"), Writer("node").key)


def _members(file: CaseFile) -> None:
    put = _put()
    for name in ("at", "op", "seq"):
        _bent(file, "ENT-1", "malformed", "", f"no {name}", put, **{name: ...})
    hop = {"by": Writer("hub").id, "epoch": epoch(3), "seq": 5}
    for comment, pointer, members in (
        ("an instant with an offset", "/at", {"at": "2026-05-01T08:00:00+00:00"}),
        ("an empty op", "/op", {"op": ""}),
        ("a position below none", "/seq", {"seq": -1}),
        ("a position as text", "/seq", {"seq": "7"}),
        ("a src of two items", "/src", {"src": ["public", epoch(1)]}),
        ("a src with another epoch form", "/src", {"src": ["public", "1", 7]}),
        ("a via that is no list", "/via", {"via": hop}),
        ("a hop without its hub", "/via", {"via": [{"epoch": epoch(3), "seq": 5}]}),
        ("a crit of numbers", "/crit", {"crit": [1]}),
    ):
        _bent(file, "ENT-1", "malformed", pointer, comment, put, **members)
    file.invalid("ENT-1", "entry", "a list", {"line": bytes_of(b"[]")}, "malformed", "")
    file.invalid("CAN-2", "entry", "a space", {"line": bytes_of(put.raw.replace(b'"op":', b'"op": '))}, "not_canonical")
    long = put.raw.replace(b'"type"', b'"text":"%b","type"' % (b"x" * 65_536))
    text = {
        "pieces": [[long[: long.index(b"xxx")].hex(), 1], ["78", 65_536], [long[long.rindex(b"xxx") + 3 :].hex(), 1]]
    }
    file.invalid("LIM-2", "entry", "a record of more than 65,536 bytes", {"line": text}, "too_large", "/record")


def _contents(file: CaseFile) -> None:
    writer = Writer("node")
    put = _put()
    _bent(file, "ENT-2", "malformed", "/record", "a put without its record", put, record=...)
    _bent(file, "ENT-2", "malformed", "/record", "a put without its signature", put, jws=...)
    _bent(file, "ENT-2", "malformed", "/record", "a record that is a text", put, record="x")
    record = entries.record(writer, "a")
    for name in sorted(record):
        less = {member: value for member, value in record.items() if member != name}
        _bent(file, "ENT-2", "malformed", "/record", f"a record without {name}", put, record=less)
    for comment, name, value in (
        ("an audience nobody knows", "audience", "friends"),
        ("an id in capitals", "id", uuid("a").upper()),
        ("an author that is no identifier", "node", "https://example.org/"),
        ("rev 0", "rev", 0),
        ("a salt with padding", "salt", salt("a") + "=="),
        ("a type without a major", "type", "org.jisr.news"),
    ):
        _bent(file, "ENT-2", "malformed", f"/record/{name}", comment, put, record=record | {name: value})
    gone = entries.delete(8, entries.tombstone(writer, "a"), writer.key)
    tombstone = entries.tombstone(writer, "a")
    less = {name: value for name, value in tombstone.items() if name != "of"}
    _bent(file, "ENT-2", "malformed", "/tombstone", "a tombstone that does not say of what", gone, tombstone=less)
    _bent(file, "ENT-2", "malformed", "/tombstone", "a del with a record", gone, record=record, tombstone=...)
    out = entries.out(9, put)
    _bent(file, "ENT-2", "malformed", "", "an out without a digest", out, digest=...)
    _bent(file, "ENT-2", "malformed", "/rev", "an out of rev 0", out, rev=0)
    notice = writer.key.sign("notice", entries.notice(writer, writer.id, "erase", "*", 3))
    erase = entries.acted(10, "erase", notice, "*")
    _bent(file, "ENT-2", "malformed", "", "an erase without a target", erase, id=...)
    _bent(file, "ENT-2", "malformed", "/id", "an erase of a target that is no id", erase, id="all")
    bent = notice["notice"] | {"max_rev": "3"}
    _bent(file, "ENT-2", "malformed", "/notice/max_rev", "a max_rev that is a text", erase, notice=bent)
    key = entries.key(0, writer.statements[0])
    first = writer.statements[0]["key"]
    _bent(file, "ENT-2", "malformed", "/key/jwk", "a key that is a number", key, key=first | {"jwk": 5})
    _bent(file, "ENT-2", "malformed", "/key/node", "a key statement of nobody", key, key=first | {"node": 5})
    feed = Feed(writer)
    feed.key()
    head = entries.nodehead(14, feed.head(), {})
    _bent(file, "ENT-2", "malformed", "", "a nodehead without its count of what is missing", head, missing=...)
    _bent(file, "ENT-2", "malformed", "/head", "a nodehead of nobody", head, head={"name": "public"})


def _twice(file: CaseFile) -> None:
    put = _put()
    for name, value in (("digest", put.column("digest")), ("id", uuid("a")), ("node", Writer("node").id), ("rev", 1)):
        comment = f"a put that repeats {name}"
        _bent(file, "ENT-4", "malformed", f"/{name}", comment, put, **{name: value})
    writer = Writer("node")
    notice = writer.key.sign("notice", entries.notice(writer, writer.id, "erase", "*", 3))
    erase = entries.acted(10, "erase", notice, "*")
    _bent(file, "ENT-4", "malformed", "/rev", "an erase that repeats its max_rev", erase, rev=3)


def _stubs(file: CaseFile) -> None:
    put = _put()
    stub = entries.stub(put, "erased")
    _bent(file, "ENT-2", "malformed", "/gone", "a reason nobody knows", stub, gone="lost")
    _bent(file, "ENT-2", "malformed", "", "a stub without its digest", stub, digest=...)
    _bent(
        file,
        "ENT-4",
        "malformed",
        "/record",
        "a stub that still has its record",
        stub,
        record=entries.record(Writer("node"), "a"),
    )
    _bent(file, "ENT-4", "malformed", "/jws", "a stub that still has its signature", stub, jws="x")
    key = entries.key(0, Writer("node").statements[0])
    file.invalid(
        "ENT-7",
        "entry",
        "a key statement may not be gone",
        {"line": bytes_of(entries.stub(key, "erased").raw)},
        "stub_without_cause",
        "/gone",
    )
    mark = canonical({"at": entries.AT, "gone": "erased", "op": "mark", "seq": 3})
    file.invalid(
        "ENT-7", "entry", "nor an entry of an op nobody knows", {"line": bytes_of(mark)}, "stub_without_cause", "/gone"
    )


def _accepting(file: CaseFile) -> None:
    writer, other = Writer("node"), Writer("other node")
    chain = chain_of(writer.statements)

    def given(line: Line, signer: Writer = writer) -> dict[str, Any]:
        return {"line": bytes_of(line.raw), "signer": signer.id, "statements": chain_of(signer.statements)}

    put = _put()
    file.valid(
        "READ-9", "accept", "a record under its author's key", given(put), {"kid": writer.key.kid, "signer": writer.id}
    )
    gone = entries.delete(8, entries.tombstone(writer, "a"), writer.key)
    file.valid("READ-9", "accept", "a tombstone", given(gone), {"kid": writer.key.kid, "signer": writer.id})
    file.invalid("READ-9", "accept", "a record of another node", given(put, other), "not_authoritative", "/record/node")
    forged = entries.put(7, entries.record(writer, "a"), other.key)
    file.invalid("SIG-3", "accept", "signed by another node's key", given(forged), "key_unknown", "/jws")
    moved = entries.put(
        7,
        entries.record(writer, "a"),
        writer.key,
        jws=writer.key.jws("tombstone", canonical(entries.record(writer, "a"))),
    )
    file.invalid("SIG-2", "accept", "under the header of a tombstone", given(moved), "header_invalid", "/jws")
    for comment, line in (
        (
            "the entry must be understood, and is not",
            entries.put(7, entries.record(writer, "a"), writer.key, crit=["later"]),
        ),
        (
            "the record must be understood, and is not",
            entries.put(7, entries.record(writer, "a", crit=["later"]), writer.key),
        ),
        ("a crit that is no list of names", entries.put(7, entries.record(writer, "a", crit="later"), writer.key)),
    ):
        file.invalid("ENT-6", "accept", comment, given(line), "crit_unknown", "/crit")
    file.invalid(
        "ENT-7",
        "accept",
        "nothing to verify in a stub",
        {"line": bytes_of(entries.stub(put, "held").raw), "signer": writer.id, "statements": chain},
        "stub_without_cause",
        "/gone",
    )


def _leaves(file: CaseFile) -> None:
    for comment, columns in (
        (
            "every column",
            [7, "put", "org.jisr.news/1", Writer("node").id, uuid("a"), 3, sha256(b"x").hex(), SRC, entries.AT],
        ),
        (
            "nothing but position, op and time",
            [0, "mark", None, None, None, None, sha256(b"x").hex(), None, entries.AT],
        ),
        ("the largest position", [2**53 - 1, "mark", None, None, None, None, None, None, entries.AT]),
        ("a type outside ASCII", [1, "bless", "نوع", None, None, None, None, None, entries.AT]),
    ):
        line = Line(b"", tuple(columns))
        result = {"leaf": line.leaf.hex(), "leaf_input": line.leaf_input.decode()}
        file.valid("ENT-5", "leaf", comment, {"columns": columns}, result)
