"""The load: deterministic multilingual service records, signed and cut into pushes before any clock runs.

Words are made from the letters of Arabic, Latin and Tifinagh script with a skewed frequency, so that compression has
about the work real text gives it.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import zstandard

from jisr_protocol import entry, envelope, head, identifiers, keys, push, state_tree
from jisr_protocol.keys import KeyRing, SigningKey
from jisr_protocol.merkle import Tree

SEED = 20261122
BATCH = 500
NOW = datetime(2026, 9, 1, 10, 0, tzinfo=UTC)
_LETTERS = {
    "ar": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "fr": "abcdefghijlmnopqrstuvéèàç",
    "es": "abcdefghijlmnopqrstuvñáéó",
    "tr": "abcçdefgğhıijklmnoöprsştuüvyz",
    "zgh": "ⴰⴱⴳⴷⴹⴻⴼⴽⵀⵃⵄⵅⵇⵉⵊⵍⵎⵏⵓⵔⵕⵖⵙⵚⵛⵜⵟⵡⵢⵣ",
}


@dataclass(frozen=True)
class Writer:
    """One node of the load: its keys, and its pushes in order, compressed."""

    ring: KeyRing
    pushes: list[bytes]
    key_file: bytes
    records: int


def _words(rng: random.Random) -> dict[str, list[str]]:
    return {
        lang: ["".join(rng.choice(letters) for _ in range(rng.randrange(2, 9))) for _ in range(900)]
        for lang, letters in _LETTERS.items()
    }


def records(count: int, node: str, rng: random.Random, words: dict[str, list[str]]) -> Iterator[dict[str, Any]]:
    """`count` service records of `node`."""

    def text(lang: str, length: int) -> str:
        chosen = words[lang]
        return " ".join(chosen[int(rng.random() ** 3 * len(chosen))] for _ in range(length))

    for _ in range(count):
        langs = ["ar", *rng.sample(["fr", "es", "tr", "zgh"], rng.choice([1, 1, 2]))]

        def said(length: int, langs: list[str] = langs) -> dict[str, dict[str, str]]:
            return {lang: {"origin": "author", "value": text(lang, length)} for lang in langs}

        yield {
            "area": [{"code": f"MA-{rng.randrange(1, 13):02d}", "scheme": "ISO3166-2"}],
            "audience": "public",
            "contact_points": [{"phone": f"+2125{rng.randrange(10**8):08d}", "role": "reception"}],
            "created": "2026-03-01T08:00:00Z",
            "description": said(rng.randrange(14, 28)),
            "id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "lang": "ar",
            "licence": "CC-BY-4.0",
            "modified": "2026-09-01T10:00:00Z",
            "name": said(rng.randrange(2, 5)),
            "node": node,
            "organization": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "rev": rng.randrange(1, 40),
            "salt": identifiers.new_salt(rng.randbytes(16)),
            "schedule": {
                "operating_hours": [
                    {
                        "days": ["MO", "TU", "WE", "TH", "FR"][: rng.randrange(3, 6)],
                        "intervals": [["09:00", "12:30"], ["15:00", "18:00"]],
                        "label": "normal",
                    }
                ],
                "timezone": "Africa/Casablanca",
            },
            "status": "active",
            "terms": [{"code": str(rng.randrange(1, 18)), "role": "sdg", "scheme": "sdg"}],
            "type": "org.jisr.service/1",
        }


def writer(count: int, number: int) -> Writer:
    """A node with `count` records, everything signed, every push compressed with zstd 3."""
    rng = random.Random(SEED * 1000 + number)
    key, recovery = SigningKey(rng.randbytes(32)), SigningKey(rng.randbytes(32))
    salt = identifiers.new_salt(rng.randbytes(16))
    at = identifiers.to_instant(NOW)
    first = keys.first_statement(key, [recovery.public], role="node", created=at, salt=salt)
    ring = keys.begin(envelope.sealed("key", first, key))
    lines = [entry.write("key", ring.statements[0], seq=0, at=at)]
    live = []
    for record in records(count, ring.id, rng, _words(random.Random(SEED))):
        signed = envelope.sealed("record", record, key)
        live.append((ring.id, record["id"], record["rev"], signed.digest))
        lines.append(entry.write("put", signed, seq=len(lines), at=at))
    tree = Tree(entry.parse(line).leaf for line in lines)
    state, _ = state_tree.build(live)
    signed_head = head.write(
        key,
        by=ring.id,
        name="public",
        epoch=identifiers.new_epoch(1, b"bench"),
        size=len(lines),
        live=len(live),
        log_root=tree.root(),
        state_root=state.root(),
        time=datetime.now(UTC) - timedelta(minutes=1),
        valid_for=timedelta(days=45),
        next_in=timedelta(days=1),
    )
    bodies, start = [], 0
    while start < len(lines):
        taken = push.fits(lines[start : start + BATCH])
        bodies.append(push.write(signed_head, lines[start : start + taken], start, tree, {0: lines[0]}))
        start += taken
    compressor = zstandard.ZstdCompressor(level=3)
    return Writer(ring, [compressor.compress(body) for body in bodies], keys.write_file(ring), count)
