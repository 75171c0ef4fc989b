"""What the records of a load say: deterministic services in several languages.

Words are made from the letters of Arabic, Latin and Tifinagh script with a skewed frequency, so that compression has
about the work real text gives it.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from jisr_protocol import identifiers

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


def _words(rng: random.Random) -> dict[str, list[str]]:
    return {
        lang: ["".join(rng.choice(letters) for _ in range(rng.randrange(2, 9))) for _ in range(900)]
        for lang, letters in _LETTERS.items()
    }


def records(count: int, node: str, rng: random.Random) -> Iterator[dict[str, Any]]:
    """`count` service records of `node`."""
    words = _words(random.Random(SEED))

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


def changed(record: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The same record after its author has changed its telephone number."""
    points = [{**point, "phone": f"+2125{rng.randrange(10**8):08d}"} for point in record["contact_points"]]
    return {**record, "rev": record["rev"] + 1, "contact_points": points}
