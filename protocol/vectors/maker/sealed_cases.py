"""Cases of docs/spec/sealed.md: messages sealed to a node, what is inside, and what nobody takes."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from .cases import CaseFile, bytes_of
from .key_cases import chain_of
from .primitives import Key, Writer, base64url, canonical, sha256, uuid

NOW = "2026-06-02T12:00:00Z"
SIZES = (2_048, 8_192, 32_768)


class Opening:
    """An X25519 key whose private part is SHA-256("jisr vector enc key " + label)."""

    def __init__(self, label: str) -> None:
        self.private = sha256(f"jisr vector enc key {label}".encode())
        self._key = X25519PrivateKey.from_private_bytes(self.private)
        self.jwk = {"crv": "X25519", "kty": "OKP", "x": base64url(self._key.public_key().public_bytes_raw())}
        self.kid = base64url(sha256(canonical(self.jwk)))

    def agree(self, other: Opening) -> bytes:
        return self._key.exchange(X25519PublicKey.from_public_bytes(other._key.public_key().public_bytes_raw()))


def secret(sender: Opening, addressee: Opening) -> bytes:
    """RFC 7518 section 4.6.2: the key of the content, for the algorithm that encrypts it."""
    algorithm = b"A256GCM"
    fixed = len(algorithm).to_bytes(4, "big") + algorithm + bytes(4) + bytes(4) + (256).to_bytes(4, "big")
    return ConcatKDFHash(SHA256(), 32, fixed).derive(sender.agree(addressee))


def header_of(addressee: Opening, label: str, **members: Any) -> dict[str, Any]:
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "epk": Opening(f"once {label}").jwk, "kid": addressee.kid}
    return header | {"typ": "jisr-sealed+jwe"} | members


def seal(plain: bytes, addressee: Opening, label: str = "a", header: dict[str, Any] | None = None) -> list[str]:
    """The five parts of a compact JWE."""
    protected = base64url(canonical(header_of(addressee, label) if header is None else header))
    iv = sha256(f"jisr vector iv {label}".encode())[:12]
    sealed = AESGCM(secret(Opening(f"once {label}"), addressee)).encrypt(iv, plain, protected.encode())
    return [protected, "", base64url(iv), base64url(sealed[:-16]), base64url(sealed[-16:])]


def padded(raw: bytes, size: int = 0) -> bytes:
    return (raw + b"\n").ljust(size or next(each for each in SIZES if len(raw) < each), b"\0")


def message(to: str, **changed: Any) -> dict[str, Any]:
    value = {
        "expires": "2026-07-01T12:00:00Z",
        "id": uuid("message"),
        "purpose": "message",
        "reply": "+212 539 000 000",
        "sender": {"kind": "person"},
        "sent": "2026-06-01T12:00:00Z",
        "text": "هل لديكم دروس بالدارجة؟",
        "to": to,
    }
    return {name: member for name, member in (value | changed).items() if member is not None}


SHEET = {
    "area": "NL329",
    "consent": True,
    "languages": ["ar", "nl"],
    "need": "a buddy for visits to offices",
    "urgency": "this_week",
}


def make() -> CaseFile:
    file = CaseFile(
        "sealed",
        "Operation encryption_key: key statements → the kid to seal to, null where there is none. Operation sealed: "
        "the bytes of a message and the key statements of its addressee → kid and digest, as a hub judges it. "
        "Operation unsealed: the bytes, the private keys that are kept (hex), the addressee, the time, the ids that "
        "came before → id, purpose and what is inside.",
    )
    _keys(file)
    _carried(file)
    _opened(file)
    return file


def _with(*more: tuple[str, dict[str, Any]], enc: Any = None) -> Writer:
    """A chain whose later statements are these; `enc` comes with a second key."""
    writer = Writer("node")
    if enc is not None:
        writer.later("add", jwk=Key("node 2").jwk, enc=enc)
    for action, members in more:
        writer.later(action, **members)
    return writer


def _keys(file: CaseFile) -> None:
    old, new = Opening("node"), Opening("node 2")
    second = Key("node 2").kid
    third = ("add", {"jwk": Key("node 3").jwk, "enc": new.jwk})
    for comment, writer, kid in (
        ("a chain that names none", Writer("node"), None),
        ("one that came with a later key", _with(enc=old.jwk), old.kid),
        ("the newest of two", _with(third, enc=old.jwk), new.kid),
        ("that of a key still active, when the newer was revoked",
         _with(third, ("revoke", {"kid": Key("node 3").kid}), enc=old.jwk), old.kid),
        ("none, when the key it came with was retired", _with(("retire", {"kid": second}), enc=old.jwk), None),
        ("one of another curve counts as none", _with(enc=Key("node").jwk), None),
        ("one with a member more counts as none", _with(enc=old.jwk | {"use": "enc"}), None),
        ("no object", _with(enc="none"), None),
        ("one of 31 bytes", _with(enc=old.jwk | {"x": base64url(bytes(31))}), None),
    ):  # fmt: skip
        file.valid("KEY-17", "encryption_key", comment, {"statements": chain_of(writer.statements)}, {"kid": kid})


def _carried(file: CaseFile) -> None:
    key = Opening("node")
    writer = _with(enc=key.jwk)
    chain = chain_of(writer.statements)
    plain = padded(canonical(message(writer.id)))
    parts = seal(plain, key)

    def case(text: str, statements: Any = chain) -> dict[str, Any]:
        return {"bytes": bytes_of(text.encode()), "statements": statements}

    for comment, content in (("the smallest size", plain), ("the next size", padded(b"{}", SIZES[1])),
                             ("the largest size", padded(b"{}", SIZES[2]))):  # fmt: skip
        text = ".".join(seal(content, key))
        result = {"digest": sha256(text.encode()).hex(), "kid": key.kid}
        file.valid("SEAL-3", "sealed", comment, case(text), result)
    header, _, iv, sealed, tag = parts
    for comment, odd in (
        ("four parts", [header, "", iv, sealed]),
        ("six parts", [*parts, ""]),
        ("a key that is wrapped", [header, base64url(bytes(40)), iv, sealed, tag]),
        ("padding of base64", [header, "", iv, sealed, tag + "=="]),
        ("base64 with + and /", [header, "", iv, sealed, "+/" + tag[2:]]),
        ("another spelling of the last bits", [header, "", iv, sealed, tag[:-1] + _next(tag[-1])]),
        ("a line feed at the end", [header, "", iv, sealed, tag + "\n"]),
        ("an iv of 16 bytes", [header, "", base64url(bytes(16)), sealed, tag]),
        ("a tag of 12 bytes", [header, "", iv, sealed, base64url(bytes(12))]),
        ("nothing", [""]),
    ):
        file.invalid("SEAL-1", "sealed", comment, case(".".join(odd)), "malformed")
    good = header_of(key, "a")
    for comment, pointer, value in (
        ("another algorithm", "/header", good | {"alg": "ECDH-ES+A256KW"}),
        ("a weaker cipher", "/header", good | {"enc": "A128CBC-HS256"}),
        ("the typ of another thing", "/header", good | {"typ": "JWT"}),
        ("compressed before it was sealed", "/header", good | {"zip": "DEF"}),
        ("a word about the sender", "/header", good | {"apu": "c2VuZGVy"}),
        ("no kid", "/header", {name: good[name] for name in ("alg", "enc", "epk", "typ")}),
        ("a kid that is no thumbprint", "/header/kid", good | {"kid": "node"}),
        ("a passing key of another curve", "/header/epk", good | {"epk": Key("node").jwk}),
        ("a private passing key", "/header/epk", good | {"epk": good["epk"] | {"d": "AA"}}),
        ("no object", "/header", []),
    ):
        text = ".".join([base64url(canonical(value)), "", iv, sealed, tag])
        file.invalid("SEAL-2", "sealed", comment, case(text), "header_invalid", pointer)
    long = base64url(canonical(good)[:-1] + b" " * 600 + b"}")
    file.invalid("SEAL-2", "sealed", "a header that hides much", case(".".join([long, *parts[1:]])), "header_invalid",
                 "/header")  # fmt: skip
    for comment, size in (("a byte less than a size", 2_047), ("a byte more", 2_049), ("nothing sealed", 0)):
        text = ".".join([header, "", iv, base64url(bytes(size)), tag])
        file.invalid("SEAL-3", "sealed", comment, case(text), "malformed")
    text = ".".join([header, "", iv, base64url(bytes(40_000)), tag])
    file.invalid("LIM-1", "sealed", "longer than any message", case(text), "too_large")
    other = ".".join(seal(plain, Opening("other")))
    for comment, given in (
        ("the key of somebody else", case(other)),
        ("an addressee without such a key", case(".".join(parts), chain_of(Writer("node").statements))),
        ("a key of before", case(".".join(parts),
                                 chain_of(_with(("retire", {"kid": Key("node 2").kid}), enc=key.jwk).statements))),
    ):  # fmt: skip
        file.invalid("SEAL-4", "sealed", comment, given, "key_unknown", "/header/kid")


def _next(letter: str) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return letters[letters.index(letter) + 1]


def _opened(file: CaseFile) -> None:
    key, writer = Opening("node"), Writer("node")

    def case(plain: bytes, **changed: Any) -> dict[str, Any]:
        text = ".".join(seal(plain, changed.pop("sealed_to", key)))
        given = {"bytes": bytes_of(text.encode()), "keys": [key.private.hex()], "now": NOW, "seen": [], "to": writer.id}
        return given | changed

    def whole(**changed: Any) -> bytes:
        return padded(canonical(message(**{"to": writer.id} | changed)))

    referral = {"purpose": "referral", "referral": SHEET}
    for comment, changed in (
        ("a question", {}),
        ("about a record, in a language", {"about": {"id": uuid("a"), "node": writer.id}, "lang": "ar"}),
        ("from an organization", {"sender": {"kind": "organization", "name": "Buurthuis", "node": Writer("b").id}}),
        ("a referral", referral),
        ("a referral that says least", {"purpose": "referral", "referral": {"consent": True}}),
        ("a member nobody knows", {"x": 1}),
        ("5,000 characters, in the largest size", {"text": "ص" * 5_000}),
        ("its last second", {"expires": "2026-06-02T12:00:01Z"}),
        ("30 days", {"sent": NOW, "expires": "2026-07-02T12:00:00Z"}),
    ):
        value = message(writer.id, **changed)
        result = {"id": value["id"], "inside": value, "purpose": value["purpose"]}
        file.valid("SEAL-7", "unsealed", comment, case(padded(canonical(value))), result)
    text = ".".join(seal(whole(), key))
    header, _, iv, sealed, tag = text.split(".")
    bent = "A" if sealed[0] != "A" else "B"
    passing = base64url(canonical(header_of(key, "another")))
    for comment, pointer, given in (
        ("a key that is not kept here", "/header/kid", case(whole(), keys=[Opening("other").private.hex()])),
        ("no key at all", "/header/kid", case(whole(), keys=[])),
        ("one letter changed", "", _bent([header, "", iv, bent + sealed[1:], tag], case(whole()))),
        ("another passing key", "", _bent([passing, "", iv, sealed, tag], case(whole()))),
        ("another iv", "", _bent([header, "", base64url(bytes(12)), sealed, tag], case(whole()))),
        ("a tag of zeros", "", _bent([header, "", iv, sealed, base64url(bytes(16))], case(whole()))),
        ("sealed to somebody else and renamed", "",
         _bent([header, *seal(whole(), Opening("other"))[1:]], case(whole()))),
    ):  # fmt: skip
        file.invalid("SEAL-5", "unsealed", comment, given, "unopenable", pointer)
    raw = canonical(message(writer.id))
    for comment, plain in (
        ("no line feed", raw.ljust(2_048, b"\0")),
        ("a larger size than needed", padded(raw, SIZES[1])),
        ("filled with spaces", (raw + b"\n").ljust(2_048, b" ")),
        ("a second message behind the first", (raw + b"\n" + raw + b"\n").ljust(2_048, b"\0")),
    ):
        file.invalid("SEAL-6", "unsealed", comment, case(plain), "malformed")
    for comment, pointer, changed in (
        ("no id", "", {"id": None}),
        ("an id that is no UUID", "/id", {"id": "1"}),
        ("another purpose", "/purpose", {"purpose": "chat"}),
        ("no way to answer", "/reply", {"reply": ""}),
        ("no text", "", {"text": None}),
        ("a text of 5,001 characters", "/text", {"text": "a" * 5_001}),
        ("a sender of no kind", "/sender", {"sender": {}}),
        ("a sender of another kind", "/sender/kind", {"sender": {"kind": "robot"}}),
        ("a sender that is no node", "/sender/node", {"sender": {"kind": "organization", "node": "node"}}),
        ("about something that is no record", "/about", {"about": "a"}),
        ("a sheet in a plain message", "/referral", {"referral": SHEET}),
        ("a referral without a sheet", "/referral", {"purpose": "referral"}),
    ):
        file.invalid("SEAL-7", "unsealed", comment, case(whole(**changed)), "malformed", pointer)
    for comment, pointer, sheet in (
        ("nobody agreed", "/referral/consent", SHEET | {"consent": False}),
        ("nobody was asked", "/referral/consent", {"need": "food"}),
        ("a member for a name", "/referral/name", SHEET | {"name": "Yusra"}),
        ("a member for a birthday", "/referral/birth_date", SHEET | {"birth_date": "1990-01-01"}),
        ("a member for a phone number", "/referral/phone", SHEET | {"phone": "+212 600 000 000"}),
        ("an address instead of an area", "/referral/area", SHEET | {"area": "12 rue du Port"}),
        ("another urgency", "/referral/urgency", SHEET | {"urgency": "now"}),
        ("nine languages", "/referral/languages", SHEET | {"languages": ["ar"] * 9}),
    ):
        changed = referral | {"referral": sheet}
        file.invalid("SEAL-8", "unsealed", comment, case(whole(**changed)), "malformed", pointer)
    for comment, to in (("sealed again for another node", Writer("b").id), ("to a hub", Writer("hub", "hub").id)):
        file.invalid("SEAL-9", "unsealed", comment, case(whole(to=to)), "unopenable", "/to")
    for comment, pointer, changed in (
        ("over this second", "/expires", {"expires": NOW}),
        ("over before it was sent", "/expires", {"sent": NOW, "expires": "2026-06-01T12:00:00Z"}),
        ("a second more than 30 days", "/expires", {"sent": NOW, "expires": "2026-07-02T12:00:01Z"}),
        ("from tomorrow", "/sent", {"sent": "2026-06-03T12:00:00Z"}),
    ):
        file.invalid("SEAL-10", "unsealed", comment, case(whole(**changed)), "message_expired", pointer)
    for comment, seen in (("its id came before", [uuid("message")]), ("among others", [uuid("a"), uuid("message")])):
        file.invalid("SEAL-11", "unsealed", comment, case(whole(), seen=seen), "message_seen", "/id")


def _bent(parts: list[str], given: dict[str, Any]) -> dict[str, Any]:
    return given | {"bytes": bytes_of(".".join(parts).encode())}
