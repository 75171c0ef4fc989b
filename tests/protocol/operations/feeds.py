"""Operations of vectors on heads, pushes, and what others say of a feed: evidence, witnesses, bundles, node heads."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import orjson

from jisr_protocol import (
    bundle,
    capabilities,
    checkpoint,
    completeness,
    entry,
    envelope,
    evidence,
    head,
    identifiers,
    merkle,
    push,
    receipt,
    witness,
)
from jisr_protocol.reader import bundle_file
from tests.protocol.operations.given import Case, bytes_of, hashes, ring_of

# Heads, capabilities, pushes


def _head(given: Case) -> Case:
    raw, now = bytes_of(given["bytes"]), datetime.fromisoformat(given["now"])
    parsed = head.parse(raw)
    ring = ring_of(given["statements"])
    found = head.verified(parsed, ring, now=now)
    # members beside the signed object and its signature are not the head's
    assert parsed.raw == raw or len(orjson.loads(raw)) > 2
    return {"expired": head.expired(parsed, now, role=ring.role), "kid": found.kid, "size": parsed.size}


def _compare(given: Case) -> Case:
    stored, offered = (head.parse(bytes_of(given[name])) for name in ("stored", "offered"))
    return {"relation": head.compare(stored, offered).value}


def _capabilities(given: Case) -> Case:
    found = capabilities.parse(bytes_of(given["bytes"]))
    assert capabilities.parse(found.to_bytes()) == found
    return {"id": found.id, "push": found.push, "role": found.role}


def _push(given: Case) -> Case:
    held = given["held"]
    leaves = hashes(held["leaves"])
    frontier = merkle.Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    ring = ring_of(held["statements"]) if held["statements"] else None
    stored = head.parse(bytes_of(held["head"])) if held["head"] else None
    log = push.NodeLog(held["epoch"], frontier, stored, ring)
    parsed = push.parse(bytes_of(given["body"]))
    now = datetime.fromisoformat(given["now"])
    before = frontier.to_bytes(), frontier.size
    found = push.check(parsed, log, dict(enumerate(leaves)), node=given["node"], name=given["name"], now=now)
    assert (frontier.to_bytes(), frontier.size) == before
    return {
        "fresh": len(found.entries),
        "head_size": found.head.size,
        "kept": found.kept,
        "log_root": found.frontier.root().hex(),
        "repeated": found.repeated,
        "size": found.frontier.size,
    }


def _receipt(given: Case) -> Case:
    thing = receipt.parse(bytes_of(given["bytes"]))
    found = envelope.verified(thing, ring_of(given["statements"]))
    return {"kid": found.kid, "size": thing.value["size"]}


# Evidence


def _evidence(given: Case) -> Case:
    raw = bytes_of(given["bytes"])
    case = evidence.parse(raw)
    found = evidence.judge(case)
    assert evidence.write(case) == raw
    return {"about": found.about, "by": found.by, "kind": found.kind}


# Witnesses


def _checkpoint(given: Case) -> Case:
    raw = bytes_of(given["note"])
    note = checkpoint.parse(raw)
    assert note.raw == raw
    said = checkpoint.verified(note, ring_of(given["statements"]))
    return {"head": said.head, "origin": said.origin, "size": said.size}


def _render(given: Case) -> Case:
    return {"text": checkpoint.of_head(head.parse(bytes_of(given["head"]))).text}


def _cosignature(given: Case) -> Case:
    note, witness = checkpoint.parse(bytes_of(given["note"])), checkpoint.parse_witness_key(given["witness"])
    at = checkpoint.cosignature(note, witness, now=datetime.fromisoformat(given["now"]))
    return {"at": identifiers.to_instant(at) if at else None}


def _witness(given: Case) -> Case:
    request = witness.parse_request(bytes_of(given["body"]))
    witness.judge(request, witness.Held(**given["held"], note="") if given["held"] else None)
    assert witness.write_request(request.old, request.proof, request.note) == bytes_of(given["body"])
    return {"size": request.note.checkpoint.size}


def _quorum(given: Case) -> Case:
    """What a reader makes of it: a session that is offered a head with this checkpoint."""
    policy, note = witness.parse_policy(given["policy"]), checkpoint.parse(bytes_of(given["note"]))
    found = policy.count(note, now=datetime.fromisoformat(given["now"]))
    witness.check_enough(found, policy)
    return {"cosigned": list(found.cosigned), "enough": found.enough, "known": found.known}


def _witness_key(given: Case) -> Case:
    found = checkpoint.parse_witness_key(given["text"])
    assert str(found) == given["text"]
    return {"name": found.name}


# Bundles


def _bundle(given: Case) -> Case:
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "bundle.zip"
        file.write_bytes(bytes_of(given["bytes"]))
        with bundle_file.opened(file) as part:
            about = part.about
            assert bundle.parse(about.to_bytes()) == about
            return {
                "by": about.by, "files": sorted(part.files), "from": about.start, "part": about.part,
                "parts": about.parts, "size": about.size,
            }  # fmt: skip


# Node heads


def _node_head(given: Case) -> Case:
    found = completeness.of(entry.parse(bytes_of(given["line"])))
    completeness.verified(found, ring_of(given["statements"]), given["feed"])
    counts = {"absent": found.absent, "live": found.head.live, "older": found.older}
    return counts | {"node": found.node, "size": found.head.size}


def _node_head_order(given: Case) -> Case:
    held, offered = (head.parse(bytes_of(given[name])) for name in ("held", "offered"))
    return {"newer": completeness.in_order(held, offered)}


def _node_head_set(given: Case) -> Case:
    found = completeness.of(entry.parse(bytes_of(given["line"])))
    rows = [(record_id, rev, digest) for record_id, rev, digest in given["rows"]]
    completeness.check_set(found, len(rows), completeness.root_of(found.node, rows))
    return {"absent": found.absent, "live": len(rows)}


OPERATIONS: dict[str, Callable[[Case], Case]] = {
    "bundle": _bundle,
    "capabilities": _capabilities,
    "checkpoint": _checkpoint,
    "compare": _compare,
    "cosignature": _cosignature,
    "evidence": _evidence,
    "head": _head,
    "node_head": _node_head,
    "node_head_order": _node_head_order,
    "node_head_set": _node_head_set,
    "push": _push,
    "quorum": _quorum,
    "receipt": _receipt,
    "render": _render,
    "witness": _witness,
    "witness_key": _witness_key,
}
