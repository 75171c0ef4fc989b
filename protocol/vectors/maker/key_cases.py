"""Cases of docs/spec/keys.md: chains of key statements, and key files."""

from __future__ import annotations

from typing import Any

from .cases import Case, CaseFile, bytes_of
from .primitives import Key, Writer, base64url, canonical

Statement = dict[str, Any]


def chain_of(statements: list[Statement]) -> list[Case]:
    return [{"kind": "recovery" if "recovery" in s else "key"} | bytes_of(canonical(s)) for s in statements]


def make() -> CaseFile:
    file = CaseFile("keys", "Operation chain: key statements → identifier and keys. Operation key_file: keys.json.")
    _chains(file)
    _bad_statements(file)
    _bad_chains(file)
    _bad_recoveries(file)
    _key_files(file)
    return file


def _chain(statements: list[Statement], expected_id: str | None = None) -> Case:
    return {"expected_id": expected_id, "statements": chain_of(statements)}


def _result(writer: Writer, states: dict[Key, str], next_n: int) -> Case:
    return {"id": writer.id, "keys": {key.kid: state for key, state in states.items()}, "next_n": next_n}


def _chains(file: CaseFile) -> None:
    writer, fresh = Writer("node"), Key("node 2")
    first = {"first_statement_hex": canonical(writer.statements[0]["key"]).hex()}
    result = _result(writer, {writer.key: "active"}, 1)
    file.valid("KEY-2", "chain", "a first statement names its identifier", _chain(writer.statements) | first, result)
    hub = Writer("hub", role="hub")
    file.valid("KEY-2", "chain", "a hub's", _chain(hub.statements, hub.id), _result(hub, {hub.key: "active"}, 1))
    writer.later("add", jwk=fresh.jwk)
    result = _result(writer, {writer.key: "active", fresh: "active"}, 2)
    file.valid("KEY-4", "chain", "a key is added", _chain(writer.statements), result)
    writer.later("retire", by=fresh, kid=writer.key.kid)
    result = _result(writer, {writer.key: "retired", fresh: "active"}, 3)
    file.valid("KEY-4", "chain", "the first is retired by the second", _chain(writer.statements), result)
    writer.later("revoke", by=fresh, kid=writer.key.kid, reason="stolen")
    result = _result(writer, {writer.key: "revoked", fresh: "active"}, 4)
    file.valid("KEY-6", "chain", "and then revoked", _chain(writer.statements), result)
    saved = Key("node saved")
    recovery = writer.recover(saved, [writer.key.kid], 4)
    result = _result(writer, {writer.key: "revoked", fresh: "active", saved: "active"}, 5)
    file.valid("KEY-4", "chain", "a recovery at the end of the chain", _chain([*writer.statements, recovery]), result)
    recovery = writer.recover(saved, [], 1)
    result = _result(writer, {writer.key: "active", fresh: "revoked", saved: "active"}, 2)
    comment = "a recovery in the place of number 1 replaces what came after, and revokes keys added there"
    file.valid("KEY-4", "chain", comment, _chain([*writer.statements, recovery]), result)
    _lost_keys(file)
    unknown = Writer("node")
    unknown.later("add", jwk=fresh.jwk, remark="members nobody knows yet are kept")
    result = _result(unknown, {unknown.key: "active", fresh: "active"}, 2)
    file.valid("KEY-1", "chain", "a member nobody knows yet", _chain(unknown.statements), result)


def _lost_keys(file: CaseFile) -> None:
    last = {"partners": ["2-aaaaaaaa", 0], "public": ["1-aaaaaaaa", 812]}
    writer, fresh, saved = Writer("node"), Key("node 2"), Key("node saved")
    writer.later("add", jwk=fresh.jwk)
    writer.later("revoke", by=fresh, kid=writer.key.kid, last=last, reason="stolen")
    result = _result(writer, {writer.key: "revoked", fresh: "active"}, 3)
    file.valid("KEY-9", "chain", "a revocation with the last good places", _chain(writer.statements), result)
    recovery = writer.recover(saved, [writer.key.kid], 1, last=last, reason="the laptop was stolen")
    result = _result(writer, {writer.key: "revoked", fresh: "revoked", saved: "active"}, 2)
    comment = "a recovery with the last good places"
    file.valid("KEY-9", "chain", comment, _chain([*writer.statements, recovery]), result)
    nothing = writer.recover(saved, [writer.key.kid], 1, last={})
    comment = "a recovery that leaves nothing good"
    file.valid("KEY-9", "chain", comment, _chain([*writer.statements, nothing]), result)
    for comment, bad in (
        ("places that are a list", [["public", "1-aaaaaaaa", 812]]),
        ("a feed name nobody may have", {"../public": ["1-aaaaaaaa", 812]}),
        ("a place without a size", {"public": ["1-aaaaaaaa"]}),
        ("a size below nothing", {"public": ["1-aaaaaaaa", -1]}),
        ("an epoch that is none", {"public": ["first", 812]}),
        ("more feeds than there may be", {f"feed{number}": ["1-aaaaaaaa", 1] for number in range(17)}),
    ):
        bent = [*writer.statements, writer.recover(saved, [], 1, last=bad)]
        file.invalid("KEY-9", "chain", comment, _chain(bent), "key_invalid", "/recovery/last")
    other = Writer("node")
    other.later("add", jwk=fresh.jwk)
    other.later("revoke", by=fresh, kid=other.key.kid, last=[])
    comment = "a revocation with places that are a list"
    file.invalid("KEY-9", "chain", comment, _chain(other.statements), "key_invalid", "/key/last")


def _bad_statements(file: CaseFile) -> None:
    writer = Writer("node")
    good = writer.statements[0]["key"]

    def refuse(comment: str, pointer: str, value: Statement) -> None:
        file.invalid("KEY-1", "chain", comment, _chain([writer.key.sign("key", value)]), "key_invalid", pointer)

    for name in sorted(good):
        refuse(f"a first statement without {name}", "/key", {k: v for k, v in good.items() if k != name})
    refuse("another action in the first statement", "/key/action", good | {"action": "retire"})
    refuse("another role", "/key/role", good | {"role": "reader"})
    refuse("a private member in a key", "/key/jwk", good | {"jwk": writer.key.jwk | {"d": "x"}})
    named = good["jwk"] | {"kid": writer.key.kid}
    refuse("a key that brings a kid of its own (KEY-13)", "/key/jwk", good | {"jwk": named})
    refuse("another curve", "/key/jwk", good | {"jwk": writer.key.jwk | {"crv": "X25519"}})
    for comment, public in (
        ("the neutral point", b"\x01" + bytes(31)),
        ("a point of small order", bytes(32)),
        ("another encoding of a point of small order", (2**255 - 19 + 1).to_bytes(32, "little")),
        ("no point of the curve", b"\x02" + bytes(31)),
    ):
        refuse(comment, "/key/jwk", good | {"jwk": writer.key.jwk | {"x": base64url(public)}})
    refuse("a key with padding", "/key/jwk", good | {"jwk": writer.key.jwk | {"x": writer.key.jwk["x"] + "="}})
    refuse("five recovery keys", "/key/recovery", good | {"recovery": [Key(str(n)).jwk for n in range(5)]})
    later = {"action": "add", "created": "2026-02-01T00:00:00Z", "n": 1, "node": writer.id}
    for comment, pointer, value in (
        ("an action nobody knows", "/key/action", later | {"action": "lend", "jwk": Key("node 2").jwk}),
        ("an add without a key", "/key", later),
        ("a number that is none", "/key/n", later | {"n": "1"}),
    ):
        statements = [*writer.statements, writer.key.sign("key", value)]
        file.invalid("KEY-1", "chain", comment, _chain(statements), "key_invalid", pointer)


def _bad_chains(file: CaseFile) -> None:
    writer, other, fresh = Writer("node"), Writer("other node"), Key("node 2")
    first = writer.statements[0]
    add = {"action": "add", "created": "2026-02-01T00:00:00Z", "jwk": fresh.jwk, "n": 1, "node": writer.id}
    drop = {"action": "retire", "created": "2026-02-01T00:00:00Z", "n": 1, "node": writer.id}

    def refuse(rule: str, code: str, pointer: str, comment: str, *later: Statement) -> None:
        file.invalid(rule, "chain", comment, _chain([first, *later]), code, pointer)

    given = _chain([first], other.id)
    file.invalid("KEY-2", "chain", "the chain of another identifier", given, "identifier_mismatch", "")
    sign = writer.key.sign
    refuse(
        "KEY-3", "key_invalid", "/key/node", "a statement of another identifier", sign("key", add | {"node": other.id})
    )
    refuse("KEY-4", "key_invalid", "/key/n", "a number is left out", sign("key", add | {"n": 2}))
    refuse("KEY-4", "key_invalid", "/key/n", "a number comes twice", sign("key", add | {"n": 0}))
    file.invalid("KEY-4", "chain", "no statement", _chain([]), "key_invalid", "")
    second = writer.key.sign("key", writer.statements[0]["key"] | {"n": 1})
    file.invalid("KEY-4", "chain", "a first statement with number 1", _chain([second]), "key_invalid", "/key/n")
    named = writer.key.sign("key", writer.statements[0]["key"] | {"node": writer.id})
    file.invalid("KEY-4", "chain", "a first statement that names a node", _chain([named]), "key_invalid", "/key/n")
    refuse("KEY-5", "key_invalid", "/key/jwk", "a key is added twice", sign("key", add | {"jwk": writer.key.jwk}))
    refuse(
        "KEY-5",
        "key_invalid",
        "/key/jwk",
        "a recovery key becomes a signing key",
        sign("key", add | {"jwk": writer.recovery.jwk}),
    )
    refuse("KEY-5", "key_invalid", "/key/kid", "an unknown key is retired", sign("key", drop | {"kid": fresh.kid}))
    refuse("KEY-5", "key_invalid", "/key/kid", "nothing is named to retire", sign("key", drop))
    both = writer.key.sign("key", first["key"] | {"recovery": [writer.key.jwk]})
    file.invalid("KEY-5", "chain", "one key to sign and to recover", _chain([both]), "key_invalid", "/key/recovery")
    refuse("SIG-3", "key_unknown", "/jws", "a statement by the key it adds", fresh.sign("key", add))
    refuse("SIG-3", "key_unknown", "/jws", "a statement by a recovery key", writer.recovery.sign("key", add))
    refuse(
        "SIG-5",
        "signature_invalid",
        "/jws",
        "a statement changed after it was signed",
        sign("key", add) | {"key": add | {"created": "2026-02-02T00:00:00Z"}},
    )
    later = Writer("node")
    later.later("add", jwk=fresh.jwk)
    later.later("revoke", by=fresh, kid=later.key.kid)
    later.later("add", jwk=Key("node 3").jwk)
    file.invalid("KEY-6", "chain", "a revoked key adds another", _chain(later.statements), "key_revoked", "/jws")
    late = Writer("node")
    late.later("add", jwk=fresh.jwk)
    late.later("retire", by=fresh, kid=late.key.kid)
    late.later("add", jwk=Key("node 3").jwk)
    file.invalid("KEY-6", "chain", "a retired key adds another", _chain(late.statements), "key_revoked", "/jws")
    again = Writer("node")
    again.later("add", jwk=fresh.jwk)
    again.later("revoke", by=fresh, kid=again.key.kid)
    again.later("retire", by=fresh, kid=again.key.kid)
    file.invalid("KEY-5", "chain", "a revoked key is retired", _chain(again.statements), "key_invalid", "/key/kid")


def _bad_recoveries(file: CaseFile) -> None:
    writer, fresh = Writer("node"), Key("node 2")
    writer.later("add", jwk=fresh.jwk)
    saved = Key("node saved")
    good = writer.recover(saved, [], 1)["recovery"]

    def refuse(rule: str, code: str, pointer: str, comment: str, value: Statement, key: Key) -> None:
        statements = [*writer.statements, key.sign("recovery", value)]
        file.invalid(rule, "chain", comment, _chain(statements), code, pointer)

    lost = writer.recovery
    refuse(
        "KEY-1",
        "key_invalid",
        "/recovery",
        "a recovery without a list of keys",
        {k: v for k, v in good.items() if k != "revoked"},
        lost,
    )
    refuse(
        "KEY-3",
        "key_invalid",
        "/recovery/node",
        "a recovery of another identifier",
        good | {"node": Writer("hub").id},
        lost,
    )
    refuse(
        "KEY-4", "key_invalid", "/recovery/n", "a recovery in the place of the first statement", good | {"n": 0}, lost
    )
    refuse("KEY-4", "key_invalid", "/recovery/n", "a recovery beyond the chain", good | {"n": 3}, lost)
    refuse("KEY-5", "key_invalid", "/recovery/jwk", "the fresh key is an old one", good | {"jwk": fresh.jwk}, lost)
    refuse("KEY-5", "key_invalid", "/recovery/jwk", "the fresh key is the recovery key", good | {"jwk": lost.jwk}, lost)
    refuse("SIG-3", "key_unknown", "/jws", "a recovery by a signing key", good, writer.key)
    refuse("SIG-3", "key_unknown", "/jws", "a recovery by the key it brings", good, saved)


def _key_files(file: CaseFile) -> None:
    writer = Writer("node")
    writer.later("add", jwk=Key("node 2").jwk)
    writer.statements.append(writer.recover(Key("node saved"), [], 2))
    raw = canonical({"keys": writer.statements}) + b"\n"
    file.valid("KEY-7", "key_file", "three statements", {"bytes": bytes_of(raw)}, {"id": writer.id, "statements": 3})
    for comment, content in (
        ("no statement", b'{"keys":[]}\n'),
        ("a list alone", b"[]\n"),
        ("another member", b'{"statements":[]}\n'),
        ("no list", b'{"keys":{}}\n'),
    ):
        file.invalid("KEY-7", "key_file", comment, {"bytes": bytes_of(content)}, "key_invalid", "/keys")
    bare = canonical({"keys": [writer.statements[0]["key"]]}) + b"\n"
    file.invalid(
        "SIG-6", "key_file", "a statement without its signature", {"bytes": bytes_of(bare)}, "signature_invalid"
    )
    nothing = canonical({"keys": [*writer.statements, None]}) + b"\n"
    given = {"bytes": bytes_of(nothing)}
    file.invalid("SIG-6", "key_file", "a statement that is null", given, "signature_invalid")
    spaced = raw.replace(b'{"keys":[', b'{"keys": [')
    file.invalid("CAN-2", "key_file", "a space", {"bytes": bytes_of(spaced)}, "not_canonical")
