"""The example node of a sandbox: its keys, its records, and the push that brings them. Pure: time and random bytes are
arguments."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from jisr_protocol import entry, envelope, head, identifiers, keys, live, push, state_tree
from jisr_protocol.keys import KeyRing, SigningKey
from jisr_protocol.merkle import Tree

NAME = "Example association"
_TYPE = "org.jisr.organization/1"
_NAMES = (
    {"ar": "مثال: دار الحي", "fr": "Exemple : la maison du quartier", "en": "Example: the neighbourhood house"},
    {"ar": "مثال: دروس القراءة للكبار", "fr": "Exemple : lire à l’âge adulte", "en": "Example: reading for adults"},
    {"nl": "Voorbeeld: hulp bij formulieren", "en": "Example: help with forms"},
    {"fr": "Exemple : repas du soir", "ar": "مثال: وجبة المساء"},
    {"es": "Ejemplo: asesoría jurídica", "en": "Example: legal advice"},
    {"tr": "Örnek: gençlik kulübü", "nl": "Voorbeeld: jongerenclub"},
    {"da": "Eksempel: værested", "en": "Example: drop-in centre"},
    {"ar": "مثال: ورشة الخياطة", "fr": "Exemple : atelier de couture"},
)


@dataclass(frozen=True)
class Example:
    """A node with all it has said: its keys, and the body of a push of its public feed."""

    ring: KeyRing
    push: bytes
    records: int


def make(now: datetime, random_bytes: Callable[[int], bytes]) -> Example:
    """Make a node and its records: each name twice, the first record of all in three versions, the last one deleted."""
    key, recovery = SigningKey(random_bytes(32)), SigningKey(random_bytes(32))
    created, salt = identifiers.to_instant(now - timedelta(days=30)), identifiers.new_salt(random_bytes(16))
    statement = keys.first_statement(key, [recovery.public], role="node", created=created, salt=salt)
    ring = keys.begin(envelope.sealed("key", statement, key))
    things = [ring.statements[0], *_said(ring, key, now, random_bytes)]
    ops = {"key": "key", "record": "put", "tombstone": "del"}
    at = identifiers.to_instant(now - timedelta(minutes=1))
    lines = [entry.write(ops[thing.kind], thing, seq=seq, at=at) for seq, thing in enumerate(things)]
    parsed = [entry.parse(line) for line in lines]
    tree, held = Tree(one.leaf for one in parsed), live.fold(parsed)
    state, _ = state_tree.build((*place, *version) for place, version in held.items())
    signed = head.write(
        key, by=ring.id, name="public", epoch=identifiers.new_epoch(1, random_bytes(5)), size=len(lines),
        live=len(held), log_root=tree.root(), state_root=state.root(), time=now, valid_for=timedelta(days=45),
        next_in=timedelta(days=1),
    )  # fmt: skip
    return Example(ring, push.write(signed, lines, 0, tree, {0: lines[0]}), len(held))


def _said(
    ring: KeyRing, key: SigningKey, now: datetime, random_bytes: Callable[[int], bytes]
) -> Iterator[envelope.Envelope]:
    ids = [str(uuid.UUID(bytes=random_bytes(16), version=4)) for _ in range(2 * len(_NAMES))]

    def common(number: int, rev: int) -> dict[str, object]:
        salt = identifiers.new_salt(random_bytes(16))
        modified = identifiers.to_instant(now - timedelta(days=len(ids) - number))
        return {
            "audience": "public",
            "id": ids[number],
            "modified": modified,
            "node": ring.id,
            "rev": rev,
            "salt": salt,
        }

    for number, rev in [*((number, 1) for number in range(len(ids))), (0, 2), (0, 3)]:
        names = _NAMES[number % len(_NAMES)]
        value = common(number, rev) | {
            "created": identifiers.to_instant(now - timedelta(days=30)),
            "lang": next(iter(names)),
            "licence": "CC0-1.0",
            "name": {code: {"origin": "author", "value": f"{name} {rev}"} for code, name in names.items()},
            "status": "active",
            "type": _TYPE,
        }
        yield envelope.sealed("record", value, key)
    yield envelope.sealed("tombstone", common(len(ids) - 1, 2) | {"of": _TYPE}, key)
