"""Cases of docs/spec/completeness.md: the head of a node in a hub's feed, and what it says of the records there."""

from __future__ import annotations

from typing import Any

from . import entries
from .cases import Case, CaseFile, bytes_of
from .feed import LATER, Feed
from .key_cases import chain_of
from .primitives import Key, Writer, canonical, epoch
from .trees import state_tree

Rows = list[tuple[str, int, str]]


def node_feed() -> Feed:
    """A node with three live records, one of them changed, and one deleted."""
    feed = Feed(Writer("node"))
    feed.key()
    for label in ("a", "b", "c", "d"):
        feed.put(label)
    feed.put("a", 2)
    feed.delete("d", 2)
    return feed


def rows_of(feed: Feed) -> Rows:
    """(id, rev, digest) of the live records."""
    return [(id_, rev, hashed) for _, id_, rev, hashed in feed.rows]


def make() -> CaseFile:
    file = CaseFile(
        "completeness",
        "Operation node_head: the line of a nodehead entry, the node's key statements, the name of the feed it stands "
        "in → what it says. Operation node_head_order: the heads of one node, held and offered, each {head, jws} → "
        "whether the offered one is newer. Operation node_head_set: the line, and the rows [id, rev, digest] of that "
        "node's live records in the feed → how many are here and how many are missing.",
    )
    _forms(file)
    _signers(file)
    _orders(file)
    _sets(file)
    return file


def _line(head: dict[str, Any], missing: Any) -> dict[str, Any]:
    return bytes_of(entries.nodehead(8, head, missing).raw)


def _given(head: dict[str, Any], missing: Any, feed: str = "public", writer: Writer | None = None) -> Case:
    statements = chain_of((writer or Writer("node")).statements)
    return {"feed": feed, "line": _line(head, missing), "statements": statements}


def _forms(file: CaseFile) -> None:
    feed = node_feed()
    head = feed.head()
    told = {"live": 3, "node": feed.writer.id, "size": feed.size}
    for comment, missing, absent, older in (
        ("nothing is missing", {}, 0, 0),
        ("a count of 0 is none", {"policy": 0}, 0, 0),
        ("two causes", {"policy": 2, "erased": 1}, 3, 0),
        ("every cause", dict.fromkeys(("policy", "expired", "nullified", "quarantined", "erased", "held"), 1), 6, 0),
        ("one record shown as it was before its last change", {"older": 1, "quarantined": 1}, 1, 1),
        ("a cause that a later version knows", {"embargo": 4}, 4, 0),
    ):
        file.valid("NHD-1", "node_head", comment, _given(head, missing), told | {"absent": absent, "older": older})
    for comment, pointer, missing in (
        ("a count below 0", "/missing/policy", {"policy": -1}),
        ("a count that is a text", "/missing/held", {"held": "1"}),
        ("a count that is true", "/missing/erased", {"erased": True}),
        ("33 causes", "/missing", {f"cause{n:02d}": 1 for n in range(33)}),
    ):
        file.invalid("NHD-1", "node_head", comment, _given(head, missing), "malformed", pointer)
    for comment, pointer, changed in (
        ("a head without its number of live records", "/head", {"live": ...}),
        ("a head whose size is a text", "/head/size", {"size": "7"}),
        ("a head with a size below its live records", "/head/size", {"size": 2}),
    ):
        value = {name: one for name, one in (head["head"] | changed).items() if one is not ...}
        given = _given(feed.writer.key.sign("head", value), {})
        file.invalid("NHD-1", "node_head", comment, given, "malformed", pointer)


def _signers(file: CaseFile) -> None:
    feed = node_feed()
    told = {"absent": 0, "live": 3, "node": feed.writer.id, "older": 0, "size": feed.size}
    moved = Writer("node")
    fresh = Key("node fresh")
    moved.later("add", jwk=fresh.jwk)
    file.valid("NHD-2", "node_head", "by a later key", _given(feed.head(key=fresh), {}, writer=moved), told)
    moved.later("retire", by=fresh, kid=moved.key.kid)
    file.valid("NHD-2", "node_head", "by a key that was retired since", _given(feed.head(), {}, writer=moved), told)
    moved.later("revoke", by=fresh, kid=moved.key.kid)
    for comment, head, writer in (
        ("signed by the hub", feed.head(key=Key("hub")), None),
        ("signed by another node", feed.head(key=Key("other")), None),
        ("changed after it was signed", _changed(feed.head(), live=2), None),
        ("by a key that was revoked", feed.head(), moved),
        ("under the keys of another node", feed.head(), Writer("other")),
        ("a record's signature", _resigned(feed.head(), feed.writer.key, "record"), None),
    ):
        pointer = "/head/by" if "another node" in comment and writer else "/jws"
        file.invalid("NHD-2", "node_head", comment, _given(head, {}, writer=writer), "signature_invalid", pointer)
    partners = Feed(Writer("node"), "partners")
    partners.key()
    told = {"absent": 0, "live": 0, "node": feed.writer.id, "older": 0, "size": 1}
    file.valid(
        "NHD-3", "node_head", "for partners, in the feed for partners", _given(partners.head(), {}, "partners"), told
    )
    file.valid(
        "NHD-3", "node_head", "for partners, in a view of it", _given(partners.head(), {}, "partners-north"), told
    )
    for comment, head, name in (
        ("for partners, in a public feed", partners.head(), "public"),
        ("for partners, in a public view", partners.head(), "education"),
        ("public, in the feed for partners", feed.head(), "partners"),
        ("public, in the feed of the hub", feed.head(), "hub"),
    ):
        file.invalid("NHD-3", "node_head", comment, _given(head, {}, name), "audience_mismatch", "/head/name")


def _changed(head: dict[str, Any], **members: Any) -> dict[str, Any]:
    return head | {"head": head["head"] | members}


def _resigned(head: dict[str, Any], key: Key, kind: str) -> dict[str, Any]:
    return head | {"jws": key.jws(kind, canonical(head["head"]))}


def _orders(file: CaseFile) -> None:
    feed = node_feed()
    held = feed.head()
    more = node_feed()
    more.put("e")
    less = Feed(Writer("node"))
    less.key()
    less.put("a")

    def given(offered: dict[str, Any], before: dict[str, Any] = held) -> Case:
        return {"held": bytes_of(canonical(before)), "offered": bytes_of(canonical(offered))}

    for comment, offered, newer in (
        ("the same again", held, False),
        ("the same, signed later", feed.head(time=LATER), False),
        ("longer", more.head(time=LATER), True),
        ("shorter, in a later epoch", _signed(feed, less.head(time=LATER), epoch=epoch(2)), True),
    ):
        file.valid("NHD-4", "node_head_order", comment, given(offered), {"newer": newer})
    for comment, offered, before in (
        ("shorter and older", less.head(), more.head(time=LATER)),
        ("shorter and younger", less.head(time=LATER), held),
        ("longer, in an earlier epoch", more.head(), _signed(feed, held, epoch=epoch(2))),
    ):
        file.invalid("NHD-4", "node_head_order", comment, given(offered, before), "head_older", "/head/size")
    for comment, offered in (
        ("another log root for one size", _signed(feed, held, log_root="0" * 64)),
        ("another live set for one size", _signed(feed, held, live=2, state_root="0" * 64)),
        ("another epoch of one number", _signed(feed, held, epoch=epoch(1, "other"))),
    ):
        file.invalid("NHD-5", "node_head_order", comment, given(offered), "fork", "/head")


def _signed(feed: Feed, head: dict[str, Any], **members: Any) -> dict[str, Any]:
    return feed.writer.key.sign("head", head["head"] | members)


def _sets(file: CaseFile) -> None:
    feed = node_feed()
    rows, head = rows_of(feed), feed.head()
    old = next(line for line in feed.lines if line.column("rev") == 1 and line.column("id") == rows[0][0])
    before = (rows[0][0], 1, old.column("digest"))

    def given(held: Rows, missing: dict[str, int]) -> Case:
        return {"line": _line(head, missing), "rows": [list(row) for row in held]}

    for comment, held, missing in (
        ("all of them", rows, {}),
        ("one is missing, and said to be", rows[1:], {"policy": 1}),
        ("all are missing", [], {"policy": 2, "erased": 1}),
        ("one is here as it was before", [before, *rows[1:]], {"older": 1, "quarantined": 1}),
        ("one is here that the node has deleted since", [*rows, (before[0][:-1] + "0", 1, before[2])], {"older": 1}),
    ):
        told = {"absent": sum(n for cause, n in missing.items() if cause != "older"), "live": len(held)}
        file.valid("NHD-6", "node_head_set", comment, given(held, missing), told)
    for comment, held, missing in (
        ("one is missing, and nobody says so", rows[1:], {}),
        ("two are missing, and one is said to be", rows[2:], {"quarantined": 1}),
        ("all are here, and one is said to be missing", rows, {"held": 1}),
        ("one too many", [*rows, (before[0][:-1] + "0", 1, before[2])], {}),
        ("nothing at all is here", [], {}),
    ):
        file.invalid("NHD-6", "node_head_set", comment, given(held, missing), "state_mismatch", "/head/live")
    for comment, held in (
        ("an older version in the place of the newest", [before, *rows[1:]]),
        ("another record in the place of one", [*rows[1:], (before[0][:-1] + "0", 1, before[2])]),
        ("another digest", [(rows[0][0], rows[0][1], "0" * 64), *rows[1:]]),
    ):
        file.invalid("NHD-7", "node_head_set", comment, given(held, {}), "state_mismatch", "/head/state_root")
    assert state_tree(feed.rows)[0].hex() == head["head"]["state_root"]
