"""Key pairs: a public key with the protected headers it may stand in, a private key that signs (docs/spec/keys.md).

A header is exactly the base64url of {"alg":"Ed25519","kid":"…","typ":"jisr-<kind>+jws"}: it follows from key and kind,
so a verifier compares it with a constant, and a thing of one kind can never be taken for another.
"""

from __future__ import annotations

import base64
import hashlib

import nacl.bindings
import nacl.signing
import orjson

_OPENING = b"jisr-enc-1\0"
KINDS = ("record", "tombstone", "key", "recovery", "head", "statement", "notice", "ack", "receipt")


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def thumbprint(public: bytes) -> str:
    """The RFC 7638 thumbprint (RFC 8037 members) of an Ed25519 public key of 32 bytes: its kid, for ever (KEY-13)."""
    return _b64(hashlib.sha256(orjson.dumps(jwk_of(public), option=orjson.OPT_SORT_KEYS)).digest())


def jwk_of(public: bytes) -> dict[str, str]:
    """The public key as a JWK of exactly three members (RFC 8037)."""
    return {"crv": "Ed25519", "kty": "OKP", "x": _b64(public)}


def protected(kid: str, kind: str) -> str:
    """The one protected header of (kid, kind), in base64url (SIG-2)."""
    header = f'{{"alg":"Ed25519","kid":"{kid}","typ":"jisr-{kind}+jws"}}'
    return base64.urlsafe_b64encode(header.encode()).decode().rstrip("=")


class PublicKey:
    """One Ed25519 public key and the protected header of each kind it may sign; a revoked one says so."""

    __slots__ = ("headers", "kid", "public", "revoked", "verify_key")

    def __init__(self, public: bytes, *, revoked: bool = False) -> None:
        self.public = public
        self.revoked = revoked
        self.kid = thumbprint(public)
        self.verify_key = nacl.signing.VerifyKey(public)
        self.headers = {kind: protected(self.kid, kind) for kind in KINDS}


class OpeningKey:
    """A private key that opens what is sealed to its owner (X25519): `private` and `public` are 32 bytes each."""

    __slots__ = ("private", "public")

    def __init__(self, private: bytes) -> None:
        self.private = private
        self.public = nacl.bindings.crypto_scalarmult_base(private)

    @property
    def jwk(self) -> dict[str, str]:
        """The public key as the `enc` of a key statement (KEY-17)."""
        return {"crv": "X25519", "kty": "OKP", "x": _b64(self.public)}

    @property
    def kid(self) -> str:
        return sealing_kid(self.public)


def sealing_kid(public: bytes) -> str:
    """The RFC 7638 thumbprint of an X25519 public key of 32 bytes."""
    value = {"crv": "X25519", "kty": "OKP", "x": _b64(public)}
    return _b64(hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).digest())


class SigningKey:
    """A private signing key. Made from a seed of 32 random bytes, which is the whole secret."""

    __slots__ = ("_secret", "public")

    def __init__(self, seed: bytes) -> None:
        public, self._secret = nacl.bindings.crypto_sign_seed_keypair(seed)
        self.public = PublicKey(public)

    @property
    def kid(self) -> str:
        return self.public.kid

    @property
    def opening(self) -> OpeningKey:
        """The key that opens messages, which follows from this one: whoever keeps a seed safe keeps both."""
        seed = self._secret[: nacl.bindings.crypto_sign_SEEDBYTES]
        return OpeningKey(hashlib.sha256(_OPENING + seed).digest())

    def sign_compact(self, header: bytes, payload: bytes) -> str:
        """A compact JWS (RFC 7515) that is no signed thing of ours: its header must say what it is (TOK-1)."""
        signed = base64.urlsafe_b64encode(header).rstrip(b"=") + b"." + base64.urlsafe_b64encode(payload).rstrip(b"=")
        return f"{signed.decode()}.{_b64(self._signature(signed))}"

    def sign(self, kind: str, body: bytes) -> str:
        """The detached JWS (RFC 7515 appendix F) of `body` as a thing of `kind`."""
        header = self.public.headers[kind].encode()
        signature = self._signature(header + b"." + base64.urlsafe_b64encode(body).rstrip(b"="))
        return f"{header.decode()}..{_b64(signature)}"

    def sign_note(self, text: str) -> bytes:
        """The Ed25519 signature of a note of ours, or of a cosignature: never to be taken for that of a JWS."""
        if not text.startswith(("jisr:", "cosignature/v1\n")):
            raise ValueError("only notes are signed so")
        return self._signature(text.encode())

    def _signature(self, message: bytes) -> bytes:
        return nacl.bindings.crypto_sign(message, self._secret)[: nacl.bindings.crypto_sign_BYTES]
