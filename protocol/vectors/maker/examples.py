"""The worked examples of docs/spec: a block of exact text for each name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import ack_cases, entries, evidence_cases, matching_cases, notice_cases, sealed_cases, usage_cases, witness_cases
from .feed import Feed, page_path, record_path
from .primitives import Key, Writer, base32, base64url, canonical, digest, epoch, salt, sha256, uuid
from .push_cases import Pushed
from .snapshots import take
from .statements import Anchor, said, signed
from .trees import consistency, inclusion, root, state_tree

Pairs = list[tuple[str, str]]
GENERATIONS = canonical({"pages": {"12": 2, "407": 3}}) + b"\n"


def _told(pairs: Pairs) -> str:
    """Names and values, one below the other."""
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"{name:<{width}}  {value}".rstrip() for name, value in pairs)


def _text(raw: bytes) -> str:
    return raw.decode()


def _example_feed() -> Feed:
    """The feed that all examples share: a key, two records, a second rev, a deletion."""
    feed = Feed(Writer("node"))
    feed.key()
    feed.put("a", title={"ar": {"origin": "author", "value": "سوق طنجة"}})
    feed.put("b")
    feed.put("a", 2, title={"ar": {"origin": "author", "value": "سوق طنجة القديم"}})
    feed.delete("b", 2)
    return feed


def canonical_bytes() -> str:
    value = {"name": "Café طنجة", "count": 5, "days": ["mo", None, True]}
    raw = canonical(value)
    return _told(
        [
            ("as written by a person", json.dumps(value, ensure_ascii=False)),
            ("canonical", _text(raw)),
            ("in hex", raw.hex()),
            ("SHA-256", sha256(raw).hex()),
        ]
    )


def identifiers() -> str:
    return _told(
        [
            ("node or hub", Writer("node").id),
            ("record", uuid("a")),
            ("instant", "2026-09-01T10:02:11Z"),
            ("epoch", epoch(3)),
            ("digest", sha256(b"").hex()),
            ("key", Key("node").kid),
            ("salt", salt("a")),
            ("type", "org.jisr.service/1"),
            ("feed", "public"),
        ]
    )


def signed_thing() -> str:
    key = Key("node")
    value = entries.record(Writer("node"), "b")
    body, header = canonical(value), key.header("record")
    return _told(
        [
            ("seed of the key", key.seed.hex()),
            ("object", _text(body)),
            ("protected header", f'{{"alg":"Ed25519","kid":"{key.kid}","typ":"jisr-record+jws"}}'),
            ("in base64url", header),
            ("what is signed", f"{header}.{base64url(body)}"),
            ("signed thing", _text(canonical(key.sign("record", value)))),
            ("digest", digest("record", body)),
        ]
    )


def key_chain() -> str:
    writer, fresh = Writer("node"), Key("node 2")
    first = canonical(writer.statements[0]["key"])
    later = writer.later("add", jwk=fresh.jwk)
    return _told(
        [
            ("public key", _text(canonical(writer.key.jwk))),
            ("its thumbprint", writer.key.kid),
            ("first statement", _text(first)),
            ("identifier", "jisr: + base32(SHA-256(6a6973722d69642d3100 ‖ first statement))"),
            ("", "jisr:" + base32(sha256(b"jisr-id-1\x00" + first))),
            ("a later statement", _text(canonical(later["key"]))),
            ("keys.json", _text(canonical({"keys": writer.statements}))),
        ]
    )


def entry() -> str:
    feed = _example_feed()
    line = feed.lines[1]
    stub = entries.stub(line, "superseded")
    return _told(
        [
            ("line", _text(line.raw)),
            ("leaf columns", _text(line.leaf_input)),
            ("leaf", line.leaf.hex()),
            ("the same as a stub", _text(stub.raw)),
            ("its leaf", stub.leaf.hex()),
        ]
    )


def live_set() -> str:
    feed = _example_feed()
    rows = [("seq", "op    record  rev")]
    labels = {uuid("a"): "a", uuid("b"): "b"}
    for line in feed.lines:
        record = labels.get(line.column("id"), "")
        rows.append((str(line.column("seq")), f"{line.column('op'):<4}  {record:<6}  {line.column('rev') or ''}"))
    (row,) = feed.rows
    return _told(rows) + "\n\nlive after entry 4: " + _text(canonical(list(row)))


def merkle() -> str:
    leaves = [sha256(b"\x00" + str(n).encode()) for n in range(3)]
    pair = sha256(b"\x01" + leaves[0] + leaves[1])
    return _told(
        [
            ("leaf 0", f"SHA-256(00 30) = {leaves[0].hex()}"),
            ("leaf 1", f"SHA-256(00 31) = {leaves[1].hex()}"),
            ("leaf 2", f"SHA-256(00 32) = {leaves[2].hex()}"),
            ("root of 0", f"SHA-256() = {root([]).hex()}"),
            ("root of 2", f"SHA-256(01 ‖ leaf 0 ‖ leaf 1) = {pair.hex()}"),
            ("root of 3", f"SHA-256(01 ‖ root of 2 ‖ leaf 2) = {root(leaves).hex()}"),
            ("frontier of 3", "root of 2, leaf 2"),
            ("path of leaf 1 in 3", "leaf 0, leaf 2" + _agrees(inclusion(leaves, 1) == [leaves[0], leaves[2]])),
            ("proof from 2 to 3", "leaf 2" + _agrees(consistency(leaves, 2) == [leaves[2]])),
        ]
    )


def _agrees(true: bool) -> str:
    if not true:
        raise ValueError("an example says what is not so")
    return ""


def state() -> str:
    rows = [(Writer("node").id, uuid(label), rev, sha256(label.encode()).hex()) for label, rev in (("a", 2), ("b", 1))]
    hashed, files = state_tree(rows)
    told: Pairs = []
    for row in rows:
        path = sha256(f"{row[0]}\n{row[1]}".encode())
        told.append(("record", row[1]))
        told.append(("  hash of node LF id", path.hex()))
        told.append(("  bucket, its first six bits", str(path[0] >> 2)))
        told.append(("  line", _text(canonical(list(row)))))
    told.append(("empty bucket", sha256(b"\x00").hex()))
    told += [("bucket file", f"inv/{name}.json") for name, content in files.items() if len(content) < 1000]
    told.append(("state root, and its file", f"inv/{hashed.hex()}.json"))
    return _told(told)


def paths() -> str:
    where = epoch(1)
    told = [
        ("entries 0 to 255", page_path(where, 0)),
        ("entries 256 to 511", page_path(where, 1)),
        ("page 1407", page_path(where, 1407)),
        ("page 407 while it has 37 entries", page_path(where, 407, 37)),
        ("its second generation", page_path(where, 407, 37, 2)),
        ("the snapshot of 102,400 entries", f"snap/{where}-102400/manifest.json"),
        ("its first part", f"snap/{where}-102400/000.ndjson"),
        ("the pages written again", f"gens/{sha256(GENERATIONS).hex()}.json"),
        ("what stands in it", _text(GENERATIONS).rstrip()),
        ("rev 2 of a record", record_path(Writer("node").id, uuid("a"), 2)),
    ]
    return (
        _told(told)
        + "\n\n"
        + _told([(path, f"{len(raw)} bytes") for path, raw in sorted(_example_feed().files().items())])
    )


def head() -> str:
    return _text(canonical(_example_feed().head()))


def snapshot() -> str:
    feed = _example_feed()
    take(feed)
    told = [("head", _text(canonical({"snap": feed.more["snap"]})))]
    told += [(path, _text(raw).rstrip("\n")) for path, raw in sorted(feed.beside.items(), reverse=True)]
    return "\n".join(f"{name}\n  {text}" for name, text in told)


def reading() -> str:
    feed = _example_feed()
    first = page_path(feed.epoch, 0, feed.size)
    feed.put("c")
    second = page_path(feed.epoch, 0, feed.size)
    return "\n".join(
        [
            "first time      GET head.json",
            "                GET keys.json",
            f"                GET {first}",
            "                5 entries, log root and state root as signed: verified",
            "nothing new     GET head.json, If-None-Match: 304",
            "one more        GET head.json",
            f"                GET {second}",
            "                the first 5 are known; 1 entry is taken; roots as signed: verified",
            "much later      GET head.json: its floor is 61,440, its snapshot of 102,400 entries, its size 102,401",
            "                GET snap/…/manifest.json, then each of its parts",
            "                the parts add up to the state root of the manifest; its frontier is taken",
            "                GET the page of entry 102,400",
            "                roots as signed: verified; the set is replaced, history before 102,400 is not proven",
            "after a backup  GET head.json: a new epoch, based at 102,398 entries",
            "                the reader goes back to a place it verified, and reads on from there",
            "                log root as signed, state root not: 2 records differ",
            "                GET inv/… from the root down, only where the hashes differ",
            "                GET rec/… of the two records",
            "                state root as signed: verified, 2 records repaired",
        ]
    )


def push() -> str:
    return _text(Pushed(_example_feed()).body(0, 2)).rstrip("\n")


def ingest() -> str:
    answer: dict[str, Any] = {
        "admitted": 2,
        "duplicates": 0,
        "next": 5,
        "quarantined": [
            {
                "code": "schema_invalid",
                "detail": "expected a member 'title'; came nothing",
                "pointer": "/record",
                "seq": 3,
            }
        ],
        "receipt": "…",
    }
    return _text(canonical(answer))


def relaying() -> str:
    node, hubs = Writer("node"), [Writer(f"hub {n}", role="hub") for n in (1, 2)]
    value = entries.record(node, "b")
    at_node = entries.put(7, value, node.key)
    src = ["public", epoch(1), 7]
    at_first = entries.put(90, value, node.key, src=src)
    hop = {"by": hubs[0].id, "epoch": epoch(1, "hub 1"), "seq": 90}
    at_second = entries.put(412, value, node.key, src=src, via=[hop])
    return "\n".join(_text(line.raw) for line in (at_node, at_first, at_second))


def capabilities() -> str:
    value = {
        "encodings": ["gzip", "zstd"],
        "features": ["head-wait", "log-state"],
        "feeds": [{"audience": "public", "href": "/feeds/public", "name": "public"}],
        "id": Writer("hub", role="hub").id,
        "jisr": ["1"],
        "keys": "/keys.json",
        "limits": {"batch_bytes": 1_048_576, "batch_entries": 500, "per_node_day": 20_000, "record_bytes": 65_536},
        "name": "Hub of the strait",
        "ping": "/v1/ping",
        "push": "/v1/nodes/{node}/feeds/{name}/log",
        "role": "hub",
    }
    return _text(canonical(value))


def problem() -> str:
    value = {
        "code": "seq_gap",
        "detail": "seq_gap (PUSH-2) at /from: expected at most 2, where the hub stands; came 3",
        "next": 2,
        "pointer": "/from",
        "retry": "fix_request",
        "rule": "PUSH-2",
        "status": 409,
        "title": "The push starts behind what the hub holds",
        "type": "urn:jisr:problem:seq_gap",
    }
    return _text(canonical(value))


def version() -> str:
    feed = _example_feed()
    told = [("a head of version 2", '{"head":{…,"jisr":"2",…},"jws":"…"}'), ("what a reader of version 1 says", "")]
    told[1] = (told[1][0], "version_unsupported (HEAD-2) at /head/jisr: expected major version 1; came 2")
    told.append(("what it holds", f"{feed.size} entries, as before"))
    return _told(told)


def limits() -> str:
    return _told(
        [
            ("a record", "65,536 bytes"),
            ("a record inside an entry", "65,536 bytes, the entry 73,728"),
            ("a body of 1,000 bytes", "at most 100,000 bytes after inflating"),
            ("10 bytes of zstd", "131,072 zero bytes: refused, 13,107 times what was sent"),
        ]
    )


def record() -> str:
    value = entries.record(
        Writer("node"),
        "a",
        created="2026-05-01T08:00:00Z",
        lang="ar",
        licence="CC-BY-4.0",
        modified="2026-05-01T08:00:00Z",
        published="2026-05-01T08:00:00Z",
        status="active",
        title={
            "ar": {"origin": "author", "value": "سوق طنجة"},
            "fr": {"origin": "machine", "value": "Marché de Tanger"},
        },
    )
    return _text(canonical(value))


def policy() -> str:
    value = {
        "allow": {"countries": ["ES", "MA"], "types": ["org.jisr.organization/1", "org.jisr.service/1"]},
        "deny": {"languages": ["nl"]},
        "id": "public-7",
        "version": 7,
    }
    raw = canonical({"policy": value}) + b"\n"
    return _told(
        [
            ("the file", _text(raw.removesuffix(b"\n"))),
            ("where it stands", f"policy/{sha256(raw).hex()}.json"),
            ("in the head", _text(canonical({"policy": {"id": "public-7", "sha256": sha256(raw).hex()}}))),
            ("a service with an address in MA, texts in ar and fr", "stands in the feed"),
            ("the same, and its name in nl-BE too", "does not: deny outranks allow"),
            ("a project in MA", "does not: types"),
        ]
    )


def token() -> str:
    key, hub, node = Key("node"), Writer("hub", role="hub").id, Writer("node").id
    header = {"alg": "Ed25519", "kid": key.kid, "typ": "client-authentication+jwt"}
    claims = {"aud": hub, "exp": 1780401750, "iat": 1780401600, "iss": node, "jti": "5f2a", "sub": node}
    return _told(
        [
            ("header", _text(canonical(header))),
            ("claims", _text(canonical(claims))),
            ("assertion", key.compact(header, canonical(claims))),
        ]
    )


def sealed() -> str:
    key, writer = sealed_cases.Opening("node"), Writer("node")
    inside = canonical(sealed_cases.message(writer.id))
    parts = sealed_cases.seal(sealed_cases.padded(inside), key)
    return _told(
        [
            ("enc of the addressee", _text(canonical(key.jwk))),
            ("its thumbprint", key.kid),
            ("what is inside", _text(inside)),
            ("what is sealed", f"these {len(inside)} bytes, 0a, {2048 - len(inside) - 1} times 00"),
            ("header", _text(canonical(sealed_cases.header_of(key, "a")))),
            ("what is carried", f"{'.'.join(parts)[:420]} … {parts[3][-12:]}.{parts[4]}"),
            ("its length", f"{len('.'.join(parts))} bytes"),
            ("its digest", sha256(".".join(parts).encode()).hex()),
        ]
    )


def matching() -> str:
    node = Writer("node").id
    return _told(
        [
            ("asked", _text(canonical(matching_cases.ASKED))),
            ("a profile there", _text(canonical(matching_cases.profile()))),
            ("seven such profiles at a node", _text(canonical({"groups": [{"at_least": 5, "node": node}]}))),
            ("four of them", _text(canonical({"groups": []}))),
        ]
    )


def usage() -> str:
    return _told(
        [
            ("on 3 June 2026, a Wednesday, a node asks", f"GET /v1/nodes/{Writer('node').id}/usage"),
            ("answer", _text(canonical(usage_cases.example()))),
        ]
    )


def notice() -> str:
    writer = Writer("node")
    value = notice_cases.erasure(writer)
    plain = {name: member for name, member in value.items() if name not in ("expires", "jurisdiction")}
    line = entries.acted(9, "erase", writer.key.sign("notice", plain), uuid("a"))
    return _text(line.raw)


def authority() -> str:
    node, hub, anchor = Writer("node"), Writer("hub", role="hub"), Anchor()
    of_hub = said("hub", anchor.id, hub.id, constraints={"countries": ["MA"]})
    of_node = said("node", hub.id, node.id, constraints={"types": ["org.jisr.event", "org.jisr.service"]})
    return _told(
        [
            ("an anchor file", _text(anchor.file.rstrip())),
            ("its identifier", anchor.id),
            ("it names a hub: one key", _text(signed(of_hub, anchor.keys[0])[0])),
            ("another key, the same bytes", _text(signed(of_hub, anchor.keys[2])[0])),
            ("that hub names a node", _text(signed(of_node, hub)[0])),
        ]
    )


def evidence() -> str:
    return _text(evidence_cases.rollback().removesuffix(b"\n"))


def checkpoint() -> str:
    return witness_cases.note().removesuffix("\n")


def completeness() -> str:
    """What a node signs, and the entry in a hub's feed that says how much of it is there."""
    feed = _example_feed()
    said = entries.nodehead(8121, feed.head(), {"policy": 1})
    return _told(
        [
            ("entry", _text(said.raw)),
            ("leaf columns", _text(said.leaf_input)),
            ("live at the node", "1, as it signs"),
            ("live here", "0"),
            ("missing", "1 by policy"),
            ("adds up", "0 + 1 = 1"),
        ]
    )


def bundle() -> str:
    from .bundle_cases import about, bundle_of, example_feed

    feed = example_feed()
    files = bundle_of(feed).entries
    return "\n".join(
        [
            "tangier.zip",
            *(f"  {entry.name.decode():<32} {len(entry.content)} bytes" for entry in files),
            "",
            "bundle.json",
            _text(about(feed)).rstrip(),
            "",
            "what somebody who holds the first entry sends to get the rest",
            f"{epoch(1)}:1",
        ]
    )


def ack() -> str:
    hub = Writer("hub", role="hub")
    return _text(canonical(hub.key.sign("ack", ack_cases.acknowledged(hub))))


EXAMPLES: dict[str, Callable[[], str]] = {
    "ack": ack,
    "bundle": bundle,
    "authority": authority,
    "canonical": canonical_bytes,
    "capabilities": capabilities,
    "checkpoint": checkpoint,
    "completeness": completeness,
    "entry": entry,
    "evidence": evidence,
    "head": head,
    "identifiers": identifiers,
    "ingest": ingest,
    "key-chain": key_chain,
    "limits": limits,
    "live-set": live_set,
    "matching": matching,
    "usage": usage,
    "merkle": merkle,
    "notice": notice,
    "paths": paths,
    "policy": policy,
    "problem": problem,
    "push": push,
    "reading": reading,
    "record": record,
    "relaying": relaying,
    "sealed": sealed,
    "signed-thing": signed_thing,
    "snapshot": snapshot,
    "state": state,
    "token": token,
    "version": version,
}
