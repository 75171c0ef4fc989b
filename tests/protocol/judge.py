"""Runs one vector through the core: operation and input → {"result": …} or {"refused": {"rule", "code", "pointer"}}.

What each operation means is told in the file of vectors that uses it (its member `about`).
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from jisr_protocol import (
    ack,
    anchor,
    authority,
    bundle,
    canonical,
    capabilities,
    checkpoint,
    completeness,
    entry,
    envelope,
    evidence,
    generations,
    head,
    identifiers,
    inflate,
    inventory_walk,
    keys,
    live,
    merkle,
    notice,
    notice_call,
    paths,
    policy,
    problems,
    push,
    receipt,
    snapshot,
    state_tree,
    statement,
    token,
    witness,
)
from jisr_protocol.envelope import Envelope
from jisr_protocol.keys import KeyRing
from jisr_protocol.reader import bundle_file
from jisr_protocol.refusal import Refusal

VECTORS = Path(__file__).resolve().parents[2] / "protocol" / "vectors"
Case = dict[str, Any]


def cases() -> Iterator[Case]:
    """Every case of every JSON file of vectors."""
    for file in sorted(VECTORS.glob("*.json")):
        yield from json.loads(file.read_text("utf-8"))["cases"]


def judge(case: Case) -> Case:
    """What the core makes of a case."""
    try:
        return {"result": _OPERATIONS[case["operation"]](case["input"])}
    except Refusal as refusal:
        return {"refused": {"code": refusal.code, "pointer": refusal.pointer, "rule": refusal.rule}}


def bytes_of(given: Case) -> bytes:
    if "hex" in given:
        return bytes.fromhex(given["hex"])
    return b"".join(bytes.fromhex(piece) * times for piece, times in given["pieces"])


def _hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def _statements(given: list[Case]) -> list[Envelope]:
    return [envelope.parse(bytes_of(s), s["kind"]) for s in given]


def _ring(given: list[Case]) -> KeyRing:
    return keys.fold(_statements(given))


# Bytes and names


def _parse(given: Case) -> Case:
    value = canonical.parse(bytes_of(given["bytes"]))
    return {"value": None if "pieces" in given["bytes"] else value}


def _write(given: Case) -> Case:
    return {"bytes": canonical.dumps(given["value"]).hex()}


FORMS: dict[str, Callable[[object], str | None]] = {
    "audience": identifiers.audience,
    "count": identifiers.count,
    "digest": identifiers.digest,
    "epoch": identifiers.epoch,
    "feed": identifiers.feed_name,
    "instant": identifiers.instant,
    "kid": identifiers.kid,
    "node": identifiers.node,
    "rev": identifiers.rev,
    "salt": identifiers.salt,
    "type": identifiers.type_name,
    "uuid": identifiers.uuid,
}
RULE_OF_FORM = {
    "audience": "ID-11", "count": "ID-10", "digest": "ID-5", "epoch": "ID-4", "feed": "ID-9", "instant": "ID-3",
    "kid": "ID-6", "node": "ID-1", "rev": "ID-10", "salt": "ID-7", "type": "ID-8", "uuid": "ID-2",
}  # fmt: skip


def _form(given: Case) -> Case:
    """A form that does not fit is refused under the rule of what holds it; alone, under its own."""
    if expected := FORMS[given["form"]](given["value"]):
        raise Refusal(RULE_OF_FORM[given["form"]], "", expected, given["value"])
    return {}


# Keys and signed things


def _chain(given: Case) -> Case:
    ring = keys.fold(_statements(given["statements"]), expected_id=given["expected_id"])
    return {"id": ring.id, "keys": {kid: k.state for kid, k in ring.keys.items()}, "next_n": ring.next_n}


def _key_file(given: Case) -> Case:
    ring = keys.fold(keys.parse_file(bytes_of(given["bytes"])))
    assert keys.fold(keys.parse_file(keys.write_file(ring))).statements == ring.statements
    return {"id": ring.id, "statements": len(ring.statements)}


def _verify(given: Case) -> Case:
    thing = envelope.parse(bytes_of(given["thing"]), given["kind"])
    found = envelope.verified(thing, _ring(given["statements"]), active_only=given["active_only"])
    if "seed_hex" in given:
        key = keys.SigningKey(bytes.fromhex(given["seed_hex"]))
        assert thing.body.hex() == given["body_hex"]
        assert key.sign(thing.kind, thing.body) == thing.jws
        assert thing.raw == bytes_of(given["thing"])
    return {"digest": thing.digest, "kid": found.kid}


# Entries and pages


def _entry(given: Case) -> Case:
    raw = bytes_of(given["line"])
    line = entry.parse(raw)
    assert line.raw == raw
    src = list(line.src) if line.src else None
    columns = {
        "at": line.at, "digest": line.digest, "id": line.id, "node": line.node, "op": line.op, "rev": line.rev,
        "seq": line.seq, "src": src, "type": line.type,
    }  # fmt: skip
    leaf_input = orjson.dumps(["jisr-leaf-1", *(columns[name] for name in _COLUMNS)]).decode()
    return {"columns": columns, "leaf": line.leaf.hex(), "leaf_input": leaf_input}


_COLUMNS = ("seq", "op", "type", "node", "id", "rev", "digest", "src", "at")


def _accept(given: Case) -> Case:
    line = entry.parse(bytes_of(given["line"]))
    ring = _ring(given["statements"])
    kind = line.thing.kind if line.thing else "record"
    try:
        found = entry.accepted(line, ring.verifiers(kind), given["signer"])
    except ValueError as error:  # only with ENT-7 switched off
        return {"error": str(error)}
    return {"kid": found.verified.kid, "signer": found.verified.signer}


def _leaf(given: Case) -> Case:
    columns = given["columns"]
    leaf_input = orjson.dumps(["jisr-leaf-1", *columns]).decode()
    return {"leaf": entry.leaf(*columns).hex(), "leaf_input": leaf_input}


def _path(given: Case) -> Case:
    return {"path": paths.page(given["epoch"], given["number"], given["width"], given["generation"])}


def _pages(given: Case) -> Case:
    return {"paths": [path for _, _, path in paths.pages(given["epoch"], given["start"], given["size"])]}


def _lines(given: Case) -> Case:
    return {"entries": len(entry.parse_lines(bytes_of(given["bytes"])))}


def _live(given: Case) -> Case:
    held = live.fold([entry.parse(bytes_of(line)) for line in given["lines"]])
    return {"live": [[*place, *row] for place, row in sorted(held.items())]}


def _order(given: Case) -> Case:
    return {"order": live.order(*given["offered"], *given["held"]).value}


# Trees


def _root(given: Case) -> Case:
    frontier = merkle.Frontier()
    for number in range(given["size"]):
        frontier.append(merkle.leaf_hash(str(number).encode()))
    return {"frontier": [h.hex() for h in frontier.roots], "root": frontier.root().hex()}


def _frontier(given: Case) -> Case:
    return {"root": merkle.Frontier(given["size"], _hashes(given["roots"])).root().hex()}


def _inclusion(given: Case) -> Case:
    leaf, root = _hashes([given["leaf"], given["root"]])
    merkle.verify_inclusion(leaf, given["index"], given["size"], _hashes(given["proof"]), root)
    return {}


def _consistency(given: Case) -> Case:
    old_root, new_root = _hashes([given["old_root"], given["new_root"]])
    merkle.verify_consistency(given["old"], given["new"], _hashes(given["proof"]), old_root, new_root)
    return {}


def counted_row(node: str, number: int) -> tuple[str, str, int, str]:
    """Row `number` of the counting set; state-tree.json says how it is made."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return node, f"00000000-0000-4000-8000-{number:012x}", number % 7 + 1, digest


def _counted_node() -> str:
    about: str = json.loads((VECTORS / "state-tree.json").read_text("utf-8"))["about"]
    return about.partition("node ")[2].partition(".")[0]


def _state(given: Case) -> Case:
    if "count" in given:
        node = _counted_node()
        rows = [counted_row(node, number) for number in range(given["count"])]
    else:
        rows = [(row[0], row[1], row[2], row[3]) for row in given["rows"]]
    tree, buckets = state_tree.build(rows)
    root = tree.root()
    files = set(buckets.values())
    empty = {1: state_tree.EMPTY_BUCKET}
    empty[2] = state_tree.inner_hash([empty[1]] * 64)
    inner = {h for level in tree.levels[1:-1] for h in level if h not in empty.values()}
    return {"depth": tree.depth, "files": len(files) + len(inner) + 1, "root": root.hex()}


def _row_path(given: Case) -> Case:
    node, record_id, rev, digest = given["row"]
    bits = state_tree.path(node, record_id)
    return {
        "bucket_at_depth_1": state_tree.bucket_of(bits, 1),
        "bucket_at_depth_2": state_tree.bucket_of(bits, 2),
        "hash": hashlib.sha256(f"{node}\n{record_id}".encode()).hexdigest(),
        "line": state_tree.bucket_bytes([state_tree.line(node, record_id, rev, digest)]).decode(),
    }


def _bucket(given: Case) -> Case:
    rows = state_tree.parse_bucket(bytes_of(given["content"]), bytes.fromhex(given["hash"]))
    return {"rows": [list(row) for row in rows]}


def _inner(given: Case) -> Case:
    content = bytes_of(given["content"])
    children = state_tree.parse_inner(content, bytes.fromhex(given["hash"]))
    assert state_tree.inner_bytes(children) == content
    return {"children": [child.hex() for child in children]}


# Snapshots, and other files that are named by their hash


def _manifest(given: Case) -> Case:
    found = snapshot.parse(bytes_of(given["bytes"]), head.parse(bytes_of(given["head"])))
    return {"lines": sum(part.count for _, part in found.lists), "live": found.live, "seq": found.seq}


def _part(given: Case) -> Case:
    return {"lines": len(snapshot.open_part(snapshot.Part(**given["part"]), bytes_of(given["bytes"])))}


def _generations(given: Case) -> Case:
    pages = generations.parse(bytes_of(given["bytes"]), given["sha256"])
    assert generations.parse(*_again(generations.write(pages))) == pages
    return {"pages": {str(number): generation for number, generation in pages.items()}}


def _again(content: bytes) -> tuple[bytes, str]:
    return content, generations.named(content)["sha256"]


def _record_file(given: Case) -> Case:
    node, record_id, rev, digest = given["row"]
    return {"seq": inventory_walk.read_record(bytes_of(given["bytes"]), (node, record_id, rev, digest)).seq}


def _place(given: Case) -> Case:
    of, *arguments = given["of"]
    places: dict[str, Callable[..., str]] = {
        "generations": paths.generations,
        "manifest": paths.snapshot,
        "part": paths.snapshot_part,
        "record": paths.record,
    }
    return {"path": places[of](*arguments)}


# Heads, capabilities, pushes


def _head(given: Case) -> Case:
    raw, now = bytes_of(given["bytes"]), datetime.fromisoformat(given["now"])
    parsed = head.parse(raw)
    ring = _ring(given["statements"])
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
    leaves = _hashes(held["leaves"])
    frontier = merkle.Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    ring = _ring(held["statements"]) if held["statements"] else None
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
    found = envelope.verified(thing, _ring(given["statements"]))
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
    said = checkpoint.verified(note, _ring(given["statements"]))
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


# Notices


def _notice(given: Case) -> Case:
    found = notice.parse(bytes_of(given["thing"]))
    return _said(notice.verified(found, _ring(given["statements"]), now=datetime.fromisoformat(given["now"])))


def _said(found: notice.Notice) -> Case:
    return {
        "action": found.action, "digest": found.envelope.digest, "max_rev": found.max_rev, "n": found.n,
        "targets": list(found.targets),
    }  # fmt: skip


def _target(given: Case) -> Case:
    return _said(notice.target(entry.parse(bytes_of(given["line"]))))


def _ack(given: Case) -> Case:
    found = ack.parse(bytes_of(given["thing"]))
    ack.verified(found, _ring(given["statements"]), now=datetime.fromisoformat(given["now"]))
    told = {"by": found.by, "notice": found.notice, "outcome": found.outcome}
    return told | {"awaits": list(found.awaits), "reason": found.reason}


def _hold_end(given: Case) -> Case:
    end = notice.ends(notice.parse(bytes_of(given["thing"])))
    return {"end": end and identifiers.to_instant(end)}


def _notice_call(given: Case) -> Case:
    call = notice_call.parse(bytes_of(given["bytes"]))
    return {"chains": len(call.chains), "said": len(call.said)}


def _notice_order(given: Case) -> Case:
    found = notice.parse(bytes_of(given["thing"]))
    held = tuple(given["held"]) if given["held"] else None
    return {"order": notice.judge(found, held, given["newest_rev"]).value}


def _force(given: Case) -> Case:
    found = notice.parse(bytes_of(given["thing"]))
    notice.check_binds(found, own_feed=given["own_feed"], home=given["home"])
    return {"force": notice.force(found, own_feed=given["own_feed"], home=given["home"]).value}


# Node heads


def _node_head(given: Case) -> Case:
    found = completeness.of(entry.parse(bytes_of(given["line"])))
    completeness.verified(found, _ring(given["statements"]), given["feed"])
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


# Policies


def _policy(given: Case) -> Case:
    found = policy.parse(bytes_of(given["bytes"]))
    return {"named": found.named}


def _policy_named(given: Case) -> Case:
    return {"version": policy.named_by(given["named"], bytes_of(given["bytes"])).version}


def _policy_judge(given: Case) -> Case:
    facts = policy.Facts(given["home"], tuple(given["home_countries"]), tuple(given["marks"]))
    policy.check(policy.parse(bytes_of(given["bytes"])), given["record"], facts)
    return {"stands": True}


# Authority


def _statement(given: Case) -> Case:
    found = statement.parse(bytes_of(given["thing"]))
    statement.verified(found, _ring(given["statements"]), now=datetime.fromisoformat(given["now"]))
    return {"by": found.by, "digest": found.digest, "n": found.n, "subject": found.subject, "type": found.type}


def _statement_order(given: Case) -> Case:
    held = tuple(given["held"]) if given["held"] else None
    return {"order": statement.judge(statement.parse(bytes_of(given["thing"])), held).value}


def _anchor(given: Case) -> Case:
    found = anchor.parse_file(bytes_of(given["bytes"]))
    return {"id": found.id, "kids": sorted(found.keys), "threshold": found.threshold}


def _attest(given: Case) -> Case:
    anchors = [anchor.parse_file(bytes_of(raw)) for raw in given["anchors"]]
    by_id = {one.id: one for one in anchors}
    at = datetime.fromisoformat(given["at"])
    held = []
    for one in given["statements"]:
        said = statement.parse(bytes_of(one["thing"]))
        ring = _ring(one["keys"]) if one["keys"] else None
        held.append(statement.verified(said, ring, now=at) if ring else by_id[said.by].verified(said, now=at))
    standing = authority.Authority(held, anchors=anchors, assumed=given["assumed"]).node(given["node"], at)
    standing.check(given["record"])
    until = identifiers.to_instant(standing.until) if standing.until else None
    return {"by": standing.by, "constraints": standing.constraints.to_value(), "until": until}


# Tokens


def _token_signer(given: Case) -> Case:
    return {"kid": token.signer(given["header"], _ring(given["statements"]) if given["statements"] else None)}


def _token_claims(given: Case) -> Case:
    now = identifiers.from_instant(given["now"])
    found = token.checked(given["claims"], hub=given["hub"], now=now)
    return {"by": found.by, "expires": found.expires, "jti": found.jti}


# The rest


def _inflate(given: Case) -> Case:
    content = inflate.inflate(bytes_of(given["body"]), given["encoding"], given["limit_bytes"])
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _retry(given: Case) -> Case:
    return {"retry": problems.PROBLEMS[given["code"]].retry}


_OPERATIONS: dict[str, Callable[[Case], Case]] = {
    "bundle": _bundle,
    "accept": _accept,
    "anchor": _anchor,
    "attest": _attest,
    "bucket": _bucket,
    "capabilities": _capabilities,
    "chain": _chain,
    "checkpoint": _checkpoint,
    "compare": _compare,
    "consistency": _consistency,
    "cosignature": _cosignature,
    "entry": _entry,
    "evidence": _evidence,
    "force": _force,
    "form": _form,
    "frontier": _frontier,
    "generations": _generations,
    "head": _head,
    "inclusion": _inclusion,
    "inflate": _inflate,
    "inner": _inner,
    "key_file": _key_file,
    "leaf": _leaf,
    "lines": _lines,
    "live": _live,
    "manifest": _manifest,
    "node_head": _node_head,
    "node_head_order": _node_head_order,
    "node_head_set": _node_head_set,
    "ack": _ack,
    "hold_end": _hold_end,
    "notice": _notice,
    "notice_call": _notice_call,
    "notice_order": _notice_order,
    "order": _order,
    "pages": _pages,
    "parse": _parse,
    "part": _part,
    "path": _path,
    "place": _place,
    "policy": _policy,
    "policy_judge": _policy_judge,
    "policy_named": _policy_named,
    "push": _push,
    "quorum": _quorum,
    "receipt": _receipt,
    "record_file": _record_file,
    "render": _render,
    "retry": _retry,
    "root": _root,
    "row_path": _row_path,
    "state": _state,
    "statement": _statement,
    "statement_order": _statement_order,
    "target": _target,
    "token_claims": _token_claims,
    "token_signer": _token_signer,
    "verify": _verify,
    "witness_key": _witness_key,
    "witness": _witness,
    "write": _write,
}
