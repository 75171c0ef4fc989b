"""Statements and anchors for the vectors: who says what of whom."""

from __future__ import annotations

from typing import Any

from .primitives import Key, Writer, base32, canonical, salt, sha256, uuid

ISSUED, EXPIRES = "2026-04-20T08:00:00Z", "2026-05-20T08:00:00Z"


class Anchor:
    """An anchor of three keys, of which two have to sign."""

    def __init__(self, label: str = "anchor", *, threshold: int = 2, keys: int = 3, **changed: Any) -> None:
        self.keys = [Key(f"{label} {number}") for number in range(keys)]
        self.value = {
            "created": "2026-01-01T00:00:00Z",
            "jwks": [key.jwk for key in self.keys],
            "name": "Bridge of the strait",
            "salt": salt(label),
            "threshold": threshold,
        } | changed
        self.id = "jisr:" + base32(sha256(b"jisr-anchor-1\x00" + canonical(self.value)))
        self.file = canonical({"anchor": self.value}) + b"\n"


def said(name: str, by: str, subject: str, **members: Any) -> dict[str, Any]:
    """A statement of the type org.jisr.<name>/1, with what every one of that type has."""
    own: dict[str, dict[str, Any]] = {
        "hub": {"expires": "2027-01-01T00:00:00Z"},
        "node": {"expires": EXPIRES, "name": "Dar Chabab"},
        "withdrawal": {"of": "org.jisr.node/1", "reason": "the association has closed"},
        "home": {},
        "domain": {"checked": ISSUED, "domain": "dar-chabab.ma"},
    }
    common = {"by": by, "id": uuid(f"statement {name}"), "issued": ISSUED, "n": 1, "subject": subject}
    return {**common, "type": f"org.jisr.{name}/1", **own.get(name, {}), **members}


def signed(value: dict[str, Any], *keys: Key | Writer) -> list[bytes]:
    """The same statement once for each key."""
    found = [key.key if isinstance(key, Writer) else key for key in keys]
    return [canonical(key.sign("statement", value)) for key in found]
