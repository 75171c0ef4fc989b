"""The worked examples of docs/spec, as a reader finds them there, run through the core."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path

from jisr_protocol import (
    canonical,
    capabilities,
    checkpoint,
    completeness,
    entry,
    envelope,
    evidence,
    head,
    identifiers,
    keys,
    live,
    merkle,
    paths,
    policy,
    push,
    sealed,
    signing,
)
from jisr_protocol.keys import SigningKey
from jisr_protocol.merkle import Frontier
from jisr_protocol.push import NodeLog

SPEC = Path(__file__).resolve().parents[2] / "docs" / "spec"
NOW = datetime(2026, 6, 2, 12, tzinfo=UTC)
WITNESS = "witness.example/nl"


def example(name: str) -> str:
    for file in SPEC.glob("*.md"):
        found = re.search(rf"<!-- example: {name} -->\n```text\n(.*?)\n```", file.read_text("utf-8"), re.DOTALL)
        if found:
            return found[1]
    raise AssertionError(f"no example {name}")


def told(name: str) -> dict[str, str]:
    """The names and values of an example, which stand two spaces or more apart."""
    pairs = (re.split(r" {2,}", line.strip(), maxsplit=1) for line in example(name).splitlines() if line)
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def test_the_canonical_bytes() -> None:
    words = told("canonical")
    raw = words["canonical"].encode()
    assert canonical.dumps(json.loads(words["as written by a person"])) == raw == bytes.fromhex(words["in hex"])


def test_the_signed_thing() -> None:
    words = told("signed-thing")
    thing = envelope.parse(words["signed thing"].encode(), "record")
    key = SigningKey(bytes.fromhex(words["seed of the key"]))
    assert thing.body == words["object"].encode()
    assert thing.digest == words["digest"]
    assert thing.jws == key.sign("record", thing.body)
    assert thing.jws.startswith(words["in base64url"] + "..")


def test_the_key_chain() -> None:
    words = told("key-chain")
    ring = keys.fold(keys.parse_file(words["keys.json"].encode() + b"\n"))
    assert ring.id == identifiers.identifier_of(words["first statement"].encode())
    assert ring.id in example("key-chain")
    assert next(iter(ring.keys)) == words["its thumbprint"]


def test_the_entry_and_its_stub() -> None:
    words = told("entry")
    line, stub = entry.parse(words["line"].encode()), entry.parse(words["the same as a stub"].encode())
    assert line.leaf.hex() == stub.leaf.hex() == words["leaf"] == words["its leaf"]
    assert merkle.leaf_hash(words["leaf columns"].encode()) == line.leaf


def test_the_head() -> None:
    parsed = head.parse(example("head").encode() + b"\n")
    ring = keys.fold(keys.parse_file(told("key-chain")["keys.json"].encode()))
    assert head.verified(parsed, ring, now=NOW).kid in ring.keys


def test_the_push_and_what_it_comes_to() -> None:
    body = example("push").encode() + b"\n"
    parsed = push.parse(body)
    nothing = NodeLog(None, Frontier(), None, None)
    found = push.check(parsed, nothing, {}, node=parsed.head.by, name="public", now=NOW)
    assert (len(found.entries), found.head.size) == (2, 5)


def test_the_node_head_adds_up() -> None:
    said = completeness.of(entry.parse(told("completeness")["entry"].encode()))
    ring = keys.fold(keys.parse_file(told("key-chain")["keys.json"].encode()))
    completeness.verified(said, ring, "public")
    completeness.check_set(said, 0, None)
    assert said.absent == said.head.live == 1


def test_the_line_on_its_way_from_hub_to_hub() -> None:
    at_node, at_first, at_second = (entry.parse(line.encode()) for line in example("relaying").splitlines())
    assert at_node.thing and at_first.thing and at_second.thing
    assert at_node.thing.raw == at_first.thing.raw == at_second.thing.raw
    assert (at_first.src, len(at_second.via)) == (("public", "1-lzpfi5ma", at_node.seq), 1)
    assert live.order(1, at_second.digest or "", at_node.rev, at_node.digest) is live.Order.SAME


def test_the_capability_document_the_problem_and_the_record() -> None:
    assert capabilities.parse(example("capabilities").encode() + b"\n").role == "hub"
    assert canonical.parse(example("problem").encode())["code"] == "seq_gap"
    assert canonical.parse(example("record").encode())["type"] == "org.jisr.news/1"


def test_the_policy_and_what_it_keeps_out() -> None:
    words = told("policy")
    raw = words["the file"].encode() + b"\n"
    found = policy.named_by(json.loads(words["in the head"])["policy"], raw)
    assert paths.policy(found.sha256) == words["where it stands"]
    name = {lang: {"origin": "author", "value": "x"} for lang in ("ar", "fr")}
    service = {"addresses": [{"country": "MA"}], "lang": "ar", "name": name, "type": "org.jisr.service/1"}
    dutch = service | {"name": name | {"nl-BE": name["ar"]}}
    project = {"countries": ["MA"], "lang": "ar", "type": "org.jisr.project/1"}
    judged = [policy.judge(found, record, policy.Facts()) for record in (service, dutch, project)]
    assert [reason is None for reason in judged] == [True, False, False]
    assert [(reason or "").partition(" ")[0] for reason in judged] == ["", "nothing", "one"]


def test_the_evidence() -> None:
    found = evidence.judge(evidence.parse(example("evidence").encode() + b"\n"))
    assert (found.kind, found.about) == ("rollback", "its feed public")


def test_the_checkpoint_and_its_cosignature() -> None:
    note = checkpoint.parse(example("checkpoint").encode() + b"\n")
    witness = checkpoint.witness_key(SigningKey(hashlib.sha256(b"jisr vector key witness").digest()), WITNESS)
    at = checkpoint.cosignature(note, witness, now=NOW)
    assert note.checkpoint.size == 2 and at == datetime(2026, 6, 1, 0, 5, tzinfo=UTC)


def test_the_sealed_message_is_to_the_key_that_stands_above_it() -> None:
    lines = told("sealed")
    public = json.loads(lines["enc of the addressee"])["x"]
    raw = base64.urlsafe_b64decode(public + "=")
    assert signing.sealing_kid(raw) == lines["its thumbprint"] == json.loads(lines["header"])["kid"]
    inside = lines["what is inside"].encode()
    plain = sealed.padded(inside)
    assert (len(plain), sealed.id_in(plain)) == (2048, json.loads(inside)["id"])
    node = json.loads(inside)["to"]
    assert sealed.read(plain, to=node, now=NOW).purpose == sealed.MESSAGE
