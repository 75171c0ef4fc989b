"""The hub's own log: how an accepted entry becomes an entry of the hub's feed.

The content goes in as the raw slices in which it came (ENT-9); only position, time and provenance are the hub's.
"""

from __future__ import annotations

import hashlib
from bisect import bisect
from collections.abc import Mapping

import orjson

from jisr_protocol import completeness, entry, envelope, state_tree
from jisr_protocol.entry import Entry
from jisr_protocol.envelope import Envelope
from jisr_protocol.head import Head
from jisr_protocol.notice import Notice

from .ports import Draft, Numbered, Position

_OWN = ("at", "seq", "src", "via")


def once(item: Draft) -> str | None:
    """By what a draft is known that stands in the hub's feed once, whichever way it comes: a key statement by its
    digest, an entry of an unknown op by all it carries. None for what may come again."""
    if item.op in ("key", "recovery"):
        return item.digest
    if item.op in entry.KNOWN_OPS:
        return None
    members = envelope.slices(b"{" + b",".join(filter(None, (item.before, item.after))) + b"}")
    carried = {name: raw for name, raw in members.items() if name not in _OWN}
    return hashlib.sha256(
        b"\0".join(part for name in sorted(carried) for part in (name.encode(), carried[name]))
    ).hexdigest()


def draft(
    accepted: Entry,
    *,
    src: Position | None,
    via: bytes | None = None,
    jws: str | None = None,
) -> Draft:
    """The hub's entry for an entry of a node (or of a peer): all it carries, known or not, but place and time.

    `jws` takes the place of the one that came.
    """
    is_record = accepted.op in ("put", "del")
    path = state_tree.path(accepted.node or "", accepted.id or "") if is_record else None
    written = b"" if src is None else b'"src":["%b","%b",%d]' % (src[0].encode(), src[1].encode(), src[2])
    if jws is None and (usual := entry.between(accepted)) is not None:
        # the very slice of the line that came, from behind its time to before its position
        return _draft(accepted, src, usual, b",".join(filter(None, (written, via and b'"via":' + via))), path)
    carried = {name: raw for name, raw in accepted.parts.items() if name not in _OWN}
    if src:
        carried["src"] = written.removeprefix(b'"src":')
    if via:
        carried["via"] = via
    if jws:
        carried["jws"] = b'"%b"' % jws.encode()
    return _draft(accepted, src, *_around(carried), path)


def again(said: Entry) -> Draft:
    """The draft of an entry of this hub's feed that is to be appended anew: all it carries but place and time."""
    return _draft(said, said.src, *_around(said.parts), None)


def as_read(said: Entry) -> Draft:
    """The draft of an entry of this hub's feed that is to stand there again as it was read."""
    path = state_tree.path(said.node or "", said.id or "") if said.op in ("put", "del", "out") else None
    return _draft(said, said.src, *_around(said.parts), path)


def put_again(said: Entry, proof: bytes | None) -> Draft:
    """The draft of a put that a thief's had taken the place of, with the proof that it is good."""
    carried = {name: raw for name, raw in said.parts.items() if name != "proof"}
    if proof is not None:
        carried["proof"] = proof
    return _draft(said, said.src, *_around(carried), state_tree.path(said.node or "", said.id or ""))


def _draft(said: Entry, src: Position | None, before: bytes, after: bytes, path: int | None) -> Draft:
    return Draft(said.op, said.type, said.node, said.id, said.rev, said.digest, src, before, after, path)


def _around(members: Mapping[str, bytes]) -> tuple[bytes, bytes]:
    """These members, but for place and time, as they are written before and after `seq`."""
    names = sorted(members.keys() - {"at", "seq"})
    cut = bisect(names, "seq")
    written = [b'"%b":%b' % (name.encode(), members[name]) for name in names]
    return b",".join(written[:cut]), b",".join(written[cut:])


def notice_draft(notice: Notice, target: str) -> Draft:
    """The entry for one target of a notice of the hub's own."""
    said = notice.envelope
    members = {
        "id": orjson.dumps(target),
        "jws": b'"%b"' % said.jws.encode(),
        "notice": said.body,
        "op": b'"%b"' % notice.action.encode(),
    }
    return Draft(notice.action, None, notice.node, target, notice.max_rev, said.digest, None, *_around(members))


def statement_draft(said: Envelope, subject: str) -> Draft:
    """The entry for a statement of the hub's own."""
    value = said.value
    members = {"jws": b'"%b"' % said.jws.encode(), "op": b'"statement"', "statement": said.body}
    return Draft("statement", value["type"], subject, value["id"], value["n"], said.digest, None, *_around(members))


def key_draft(statement: Envelope, node: str, kid: str) -> Draft:
    """The entry for a key statement of the hub's own."""
    members = {
        "jws": b'"%b"' % statement.jws.encode(),
        "op": b'"%b"' % statement.kind.encode(),
        statement.kind: statement.body,
    }
    return Draft(statement.kind, statement.kind, node, kid, None, statement.digest, None, *_around(members))


def node_head_draft(head: Head, missing: Mapping[str, int]) -> Draft:
    """The entry that says how far this feed holds all of a node (NHD-8), by the node's own signed head."""
    members = completeness.members(head, missing)
    body = b'{"head":%b,"jws":%b,"missing":%b}' % (members["head"], members["jws"], members["missing"])
    digest = envelope.digest("nodehead", body)
    return Draft("nodehead", None, head.by, head.name, None, digest, None, *_around(members))


def out_draft(node: str, record_id: str, rev: int, digest: str, type_name: str, why: str = "") -> Draft:
    """The entry that says a record left this feed, and why: a cause of completeness.CAUSES, or `audience`; "" where the
    feed it came by let it go without a word."""
    members = {
        "digest": orjson.dumps(digest),
        "id": orjson.dumps(record_id),
        "node": orjson.dumps(node),
        "op": b'"out"',
        "rev": b"%d" % rev,
        "type": orjson.dumps(type_name),
        **({"why": orjson.dumps(why)} if why else {}),
    }
    return Draft(
        "out", type_name, node, record_id, rev, digest, None, *_around(members), state_tree.path(node, record_id)
    )


def number(item: Draft, seq: int, at: str) -> Numbered:
    """Give a draft its position: the canonical line and its leaf. Called under the writer's lock, so it stays quick."""
    # every op has a member between `at` and `seq`: the op itself
    line = b'{"at":"%b",%b,"seq":%d%b}' % (at.encode(), item.before, seq, item.after and b"," + item.after)
    leaf = entry.leaf(seq, item.op, item.type, item.node, item.id, item.rev, item.digest, item.src, at)
    return Numbered(seq, line, leaf, item)


def hop(by: str, epoch: str, seq: int, earlier: bytes | None = None) -> bytes:
    """The canonical `via` of an entry read from `by`: earlier hops first."""
    last = b'{"by":"%b","epoch":"%b","seq":%d}' % (by.encode(), epoch.encode(), seq)
    return b"[" + (earlier[1:-1] + b"," if earlier and earlier != b"[]" else b"") + last + b"]"
