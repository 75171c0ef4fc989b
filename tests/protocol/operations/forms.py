"""Operations of vectors on bytes, names, keys and what is signed with them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from jisr_protocol import canonical, envelope, identifiers, inflate, keys, problems
from jisr_protocol.refusal import Refusal
from tests.protocol.operations.given import Case, bytes_of, ring_of, statements_of

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
    ring = keys.fold(statements_of(given["statements"]), expected_id=given["expected_id"])
    return {"id": ring.id, "keys": {kid: k.state for kid, k in ring.keys.items()}, "next_n": ring.next_n}


def _key_file(given: Case) -> Case:
    ring = keys.fold(keys.parse_file(bytes_of(given["bytes"])))
    assert keys.fold(keys.parse_file(keys.write_file(ring))).statements == ring.statements
    return {"id": ring.id, "statements": len(ring.statements)}


def _verify(given: Case) -> Case:
    thing = envelope.parse(bytes_of(given["thing"]), given["kind"])
    found = envelope.verified(thing, ring_of(given["statements"]), active_only=given["active_only"])
    if "seed_hex" in given:
        key = keys.SigningKey(bytes.fromhex(given["seed_hex"]))
        assert thing.body.hex() == given["body_hex"]
        assert key.sign(thing.kind, thing.body) == thing.jws
        assert thing.raw == bytes_of(given["thing"])
    return {"digest": thing.digest, "kid": found.kid}


# The rest


def _inflate(given: Case) -> Case:
    content = inflate.inflate(bytes_of(given["body"]), given["encoding"], given["limit_bytes"])
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _retry(given: Case) -> Case:
    return {"retry": problems.PROBLEMS[given["code"]].retry}


OPERATIONS: dict[str, Callable[[Case], Case]] = {
    "chain": _chain,
    "form": _form,
    "inflate": _inflate,
    "key_file": _key_file,
    "parse": _parse,
    "retry": _retry,
    "verify": _verify,
    "write": _write,
}
