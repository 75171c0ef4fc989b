"""The body of `POST /v1/notices` and of what is answered about a notice (docs/spec/notices.md).

    {"keys":[[<key statement>,…],…],"said":[<notice or ack>,…]}

Canonical bytes and a line feed. `said` are signed things as they are, `keys` the chains of whoever signed them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from . import canonical, envelope
from .envelope import Envelope
from .keys import KeyRing
from .limits import NOTICES_BYTES
from .refusal import refuse


class Call(msgspec.Struct, frozen=True):
    """What such a body holds: signed things in raw form, and chains of key statements. Nothing is checked yet."""

    said: Sequence[bytes]
    chains: Sequence[Sequence[Envelope]]


def write(things: Iterable[Envelope], rings: Iterable[KeyRing]) -> bytes:
    """The body that brings these things, with the key statements of their signers."""
    chains = (b"[" + b",".join(statement.raw for statement in ring.statements) + b"]" for ring in rings)
    return b'{"keys":[%b],"said":[%b]}\n' % (b",".join(chains), b",".join(thing.raw for thing in things))


def parse(raw: bytes) -> Call:
    """Read such a body (CAN, NTC-10). Raises Refusal."""
    raw = raw.removesuffix(b"\n")
    value = canonical.parse(raw, limit_bytes=NOTICES_BYTES)
    parts = envelope.slices(raw) if isinstance(value, dict) else {}
    try:
        said = [bytes(part) for part in msgspec.json.decode(parts["said"], type=list[msgspec.Raw])]
        chains = msgspec.json.decode(parts["keys"], type=list[list[msgspec.Raw]])
        named = [[envelope.slices(bytes(part)) for part in chain] for chain in chains]
    except (KeyError, msgspec.DecodeError):
        refuse("NTC-10", "", expected="members 'said' and 'keys', both lists", came=raw[:60].decode("utf-8", "replace"))
        return Call((), ())
    kinds = [["recovery" if "recovery" in names else "key" for names in chain] for chain in named]
    pairs = (zip(chain, each, strict=True) for chain, each in zip(chains, kinds, strict=True))
    return Call(said, [[envelope.parse(bytes(part), kind) for part, kind in chain] for chain in pairs])
