"""What the operations read of a case: bytes, hashes, statements of keys, and the ring they make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jisr_protocol import envelope, keys
from jisr_protocol.envelope import Envelope
from jisr_protocol.keys import KeyRing

VECTORS = Path(__file__).resolve().parents[3] / "protocol" / "vectors"
Case = dict[str, Any]


def bytes_of(given: Case) -> bytes:
    if "hex" in given:
        return bytes.fromhex(given["hex"])
    return b"".join(bytes.fromhex(piece) * times for piece, times in given["pieces"])


def hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def statements_of(given: list[Case]) -> list[Envelope]:
    return [envelope.parse(bytes_of(s), s["kind"]) for s in given]


def ring_of(given: list[Case]) -> KeyRing:
    return keys.fold(statements_of(given))
