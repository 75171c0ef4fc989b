"""Cases of docs/spec/signed-things.md: every kind re-wrapped as every other, and the edges of JOSE."""

from __future__ import annotations

from typing import Any

from .cases import Case, CaseFile, bytes_of
from .key_cases import chain_of
from .primitives import KINDS, Key, Writer, base64url, canonical, digest

BODY = {"a": 1, "node": "…", "text": "سوق طنجة"}


def make() -> CaseFile:
    file = CaseFile(
        "signed", "Operation verify: a signed thing, its kind, the writer's key statements → who signed it."
    )
    _valid(file)
    _rewrapped(file)
    _headers(file)
    _signatures(file)
    _keys(file)
    _forms(file)
    return file


def _given(kind: str, thing: dict[str, Any], writer: Writer | None = None, *, active_only: bool = False) -> Case:
    return {
        "active_only": active_only,
        "kind": kind,
        "statements": chain_of((writer or Writer("node")).statements),
        "thing": bytes_of(canonical(thing)),
    }


def _valid(file: CaseFile) -> None:
    key = Writer("node").key
    for kind in KINDS:
        body = canonical(BODY)
        given = _given(kind, key.sign(kind, BODY)) | {
            "body_hex": body.hex(),
            "digest_input_hex": (f"jisr-{kind}-1".encode() + b"\x00" + body).hex(),
            "protected_header": canonical({"alg": "Ed25519", "kid": key.kid, "typ": f"jisr-{kind}+jws"}).decode(),
            "seed_hex": key.seed.hex(),
            "signing_input": f"{key.header(kind)}.{base64url(body)}",
        }
        file.valid("SIG-5", "verify", f"a {kind}", given, {"digest": digest(kind, body), "kid": key.kid})
    more = key.sign("record", BODY) | {"seq": 5}
    result = {"digest": digest("record", canonical(BODY)), "kid": key.kid}
    file.valid(
        "SIG-6", "verify", "members beside the two are covered by nothing, and ignored", _given("record", more), result
    )


def _rewrapped(file: CaseFile) -> None:
    """The signature of one kind under the name of another: the header is not the one that follows."""
    key = Writer("node").key
    for kind in KINDS:
        for other in KINDS:
            if other != kind:
                thing = {other: BODY, "jws": key.jws(kind, canonical(BODY))}
                given = _given(other, thing)
                file.invalid("SIG-2", "verify", f"a {kind} as a {other}", given, "header_invalid", "/jws")


def _headers(file: CaseFile) -> None:
    key, body = Writer("node").key, canonical(BODY)
    head = f'"alg":"Ed25519","kid":"{key.kid}","typ":"jisr-record+jws"'
    for comment, header in (
        ("alg none", head.replace("Ed25519", "none")),
        ("the old name of the algorithm", head.replace("Ed25519", "EdDSA")),
        ("another algorithm", head.replace("Ed25519", "HS256")),
        ("alg twice", '"alg":"none",' + head),
        ("alg twice, the good one first", head + ',"alg":"none"'),
        ("a member more", head + ',"x":1'),
        ("the key inside the header", head + ',"jwk":' + canonical(key.jwk).decode()),
        ("an address of a key", head + ',"jku":"https://example.org/keys"'),
        (
            "an unencoded payload",
            f'"alg":"Ed25519","b64":false,"crit":["b64"],"kid":"{key.kid}","typ":"jisr-record+jws"',
        ),
        ("an empty crit", f'"alg":"Ed25519","crit":[],"kid":"{key.kid}","typ":"jisr-record+jws"'),
        ("no typ", f'"alg":"Ed25519","kid":"{key.kid}"'),
        ("no kid", '"alg":"Ed25519","typ":"jisr-record+jws"'),
        ("another typ", head.replace("jisr-record+jws", "JWT")),
        ("a typ in capitals", head.replace("jisr-record+jws", "jisr-RECORD+jws")),
        ("members in another order", f'"kid":"{key.kid}","alg":"Ed25519","typ":"jisr-record+jws"'),
        ("a space", head.replace(":", ": ", 1)),
        ("a kid that is none", head.replace(key.kid, "1")),
        ("a kid that is a number", head.replace(f'"{key.kid}"', "1")),
    ):
        raw = base64url(b"{" + header.encode() + b"}")
        thing = {"jws": key.jws("record", body, header=raw), "record": BODY}
        file.invalid("SIG-2", "verify", comment, _given("record", thing), "header_invalid", "/jws")
    good = key.header("record")
    for comment, header in (
        ("a header with padding", good + "="),
        ("a header that is no base64", "!" + good[1:]),
        ("a header that is no JSON", base64url(b"alg")),
        ("an empty header", ""),
        ("a header that is a list", base64url(b"[]")),
    ):
        thing = {"jws": key.jws("record", body, header=header), "record": BODY}
        file.invalid("SIG-2", "verify", comment, _given("record", thing), "header_invalid", "/jws")


def _signatures(file: CaseFile) -> None:
    key, body = Writer("node").key, canonical(BODY)
    header = key.header("record")
    good = key.signature(header, body)
    text = base64url(good)

    def refuse(rule: str, comment: str, jws: str) -> None:
        given = _given("record", {"jws": jws, "record": BODY})
        file.invalid(rule, "verify", comment, given, "signature_invalid", "/jws")

    refuse("SIG-1", "a compact JWS with its payload", f"{header}.{base64url(body)}.{text}")
    refuse("SIG-1", "one dot", f"{header}.{text}")
    refuse("SIG-1", "three dots", f"{header}...{text}")
    refuse("SIG-1", "no dot", header)
    refuse("SIG-1", "empty", "")
    refuse("SIG-1", "something after the signature", f"{header}..{text}.")
    refuse("SIG-4", "padding", f"{header}..{text}==")
    refuse("SIG-4", "bits that mean nothing are not zero", f"{header}..{_stray(text)}")
    refuse("SIG-4", "the other base64 alphabet", f"{header}..{'+' + text[1:]}")
    refuse("SIG-4", "a line feed inside", f"{header}..{text[:43]}\n{text[43:]}")
    refuse("SIG-4", "one byte too short", f"{header}..{base64url(good[:-1])}")
    refuse("SIG-4", "no signature", f"{header}..")
    refuse("SIG-5", "a bit of the signature", f"{header}..{base64url(bytes([good[0] ^ 1]) + good[1:])}")
    order = 2**252 + 27742317777372353535851937790883648493
    high = (int.from_bytes(good[32:], "little") + order).to_bytes(32, "little")
    refuse("SIG-5", "S is not below the group order", f"{header}..{base64url(good[:32] + high)}")
    refuse("SIG-5", "R is a point of small order", f"{header}..{base64url(bytes([1]) + bytes(31) + good[32:])}")
    refuse("SIG-5", "nothing but zeros", f"{header}..{base64url(bytes(64))}")
    refuse("SIG-5", "the signature of another body", key.jws("record", canonical(BODY | {"a": 2})))
    bare = base64url(key._private.sign(body))
    refuse("SIG-5", "a signature of the body without the header", f"{header}..{bare}")


def _stray(text: str) -> str:
    """The same bytes for a reader that ignores the four bits too many."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) + 1]


def _keys(file: CaseFile) -> None:
    stranger = Key("stranger").sign("record", BODY)
    file.invalid("SIG-3", "verify", "a stranger's key", _given("record", stranger), "key_unknown", "/jws")
    recovery = Writer("node").recovery.sign("record", BODY)
    file.invalid("SIG-3", "verify", "a recovery key signs no record", _given("record", recovery), "key_unknown", "/jws")
    writer, fresh = Writer("node"), Key("node 2")
    thing, headed = writer.key.sign("record", BODY), writer.key.sign("head", BODY)
    writer.later("add", jwk=fresh.jwk)
    writer.later("retire", by=fresh, kid=writer.key.kid)
    result = {"digest": digest("record", canonical(BODY)), "kid": writer.key.kid}
    file.valid("KEY-6", "verify", "a retired key's record stays good", _given("record", thing, writer), result)
    given = _given("head", headed, writer, active_only=True)
    file.invalid("HEAD-4", "verify", "a retired key signs no head", given, "key_revoked", "/jws")
    writer.later("revoke", by=fresh, kid=writer.key.kid)
    given = _given("record", thing, writer)
    file.invalid("KEY-6", "verify", "a revoked key", given, "key_revoked", "/jws")


def _forms(file: CaseFile) -> None:
    key = Writer("node").key
    good = key.sign("record", BODY)
    for comment, thing in (
        ("no signature", {"record": BODY}),
        ("a signature that is no text", {"jws": 5, "record": BODY}),
        ("no object", {"jws": good["jws"]}),
        ("an object that is a text", {"jws": good["jws"], "record": "x"}),
        ("another kind's object", {"jws": good["jws"], "tombstone": BODY}),
    ):
        file.invalid("SIG-6", "verify", comment, _given("record", thing), "signature_invalid")
    spaced = {"hex": canonical(good).replace(b'"a":1', b'"a": 1').hex()}
    file.invalid("CAN-2", "verify", "a space", _given("record", good) | {"thing": spaced}, "not_canonical")
