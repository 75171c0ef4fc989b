"""Cases of docs/spec/tokens.md: who may have signed an assertion, and what it must say."""

from __future__ import annotations

from typing import Any

from .cases import CaseFile
from .key_cases import chain_of
from .primitives import Key, Writer

NOW, SECONDS = "2026-06-02T12:00:00Z", 1780401600


def make() -> CaseFile:
    file = CaseFile(
        "tokens",
        "Operation token_signer: the header of an assertion, the key statements of the reader that it claims to be "
        "from (none of an unknown one) → the kid that must have signed. Operation token_claims: the claims, the hub "
        "that is asked, its time → whose they are, until when (seconds since 1970).",
    )
    _signers(file)
    _claims(file)
    return file


def _signers(file: CaseFile) -> None:
    first, fresh = Key("node"), Key("node 2")
    plain, rotated, robbed = Writer("node"), Writer("node"), Writer("node")
    for writer in (rotated, robbed):
        writer.later("add", jwk=fresh.jwk)
    rotated.later("retire", kid=first.kid)
    robbed.later("revoke", kid=first.kid)
    header = {"alg": "Ed25519", "kid": first.kid, "typ": "client-authentication+jwt"}
    newer = header | {"kid": fresh.kid}
    for comment, given, writer in (
        ("the reader's own key", header, plain),
        ("a member nobody knows", header | {"x": 1}, plain),
        ("a key that was added later", newer, rotated),
        ("the other key of a reader that revoked one", newer, robbed),
    ):
        case = {"header": given, "statements": chain_of(writer.statements)}
        file.valid("TOK-1", "token_signer", comment, case, {"kid": given["kid"]})
    for comment, pointer, given, statements in (
        ("alg none", "/header", header | {"alg": "none"}, plain.statements),
        ("the older name of the algorithm", "/header", header | {"alg": "EdDSA"}, plain.statements),
        ("a symmetric algorithm", "/header", header | {"alg": "HS256"}, plain.statements),
        ("no typ", "/header", {name: header[name] for name in ("alg", "kid")}, plain.statements),
        ("the typ of a signed thing", "/header", header | {"typ": "jisr-head+jws"}, plain.statements),
        ("no kid", "/header/kid", {name: header[name] for name in ("alg", "typ")}, plain.statements),
        ("another reader's key", "/header/kid", newer, plain.statements),
        ("a retired key", "/header/kid", header, rotated.statements),
        ("a revoked key", "/header/kid", header, robbed.statements),
        ("the recovery key", "/header/kid", header | {"kid": plain.recovery.kid}, plain.statements),
        ("an unknown reader", "/header/kid", header, []),
    ):
        case = {"header": given, "statements": chain_of(statements)}
        file.invalid("TOK-1", "token_signer", comment, case, "restricted", pointer)


def _claims(file: CaseFile) -> None:
    hub, other, node = Writer("hub", role="hub").id, Writer("other", role="hub").id, Writer("node").id
    good: dict[str, Any] = {"aud": hub, "exp": SECONDS + 150, "iat": SECONDS, "iss": node, "jti": "5f2a", "sub": node}
    for comment, changed in (
        ("an assertion", {}),
        ("the longest life", {"exp": SECONDS + 300}),
        ("its last second", {"exp": SECONDS + 1}),
        ("a jti of 128 characters", {"jti": "j" * 128}),
        ("a member nobody knows", {"x": 1}),
    ):
        claims = good | changed
        said = {"by": node, "expires": claims["exp"], "jti": claims["jti"]}
        file.valid("TOK-3", "token_claims", comment, {"claims": claims, "hub": hub, "now": NOW}, said)
    for comment, aud in (
        ("another hub", other),
        ("a list with this hub alone", [hub]),
        ("this hub and another", [hub, other]),
        ("the address of the hub", "https://hub.example"),
        ("nobody", None),
    ):
        case = {"claims": good | {"aud": aud}, "hub": hub, "now": NOW}
        file.invalid("TOK-2", "token_claims", comment, case, "restricted", "/aud")
    for comment, pointer, changed in (
        ("expired this second", "/exp", {"exp": SECONDS}),
        ("a second too long", "/exp", {"exp": SECONDS + 301}),
        ("an instant as a text", "/exp", {"exp": "2026-06-02T12:02:00Z"}),
        ("an exp that is true", "/exp", {"exp": True}),
        ("for somebody else", "/sub", {"sub": other}),
        ("from nobody", "/sub", {"iss": None, "sub": None}),
        ("no name of its own", "/jti", {"jti": ""}),
        ("a jti of 129 characters", "/jti", {"jti": "j" * 129}),
        ("a number as jti", "/jti", {"jti": 5}),
    ):
        case = {"claims": good | changed, "hub": hub, "now": NOW}
        file.invalid("TOK-3", "token_claims", comment, case, "restricted", pointer)
