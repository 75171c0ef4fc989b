"""What this hub itself says of records: assertions of its own identity, signed and put into its public feed.

    saying = Saying(hub, words_about, os.urandom)
    word = await saying.say("same_as", [a, b])
    await saying.take_back(word.key)            by its tombstone: the view is the one it was before

They stand in the hub's own log like any record, and go to followers and on as those do (docs/decisions/0050). The hub
is their author, so its log is their author's log and their entries have no `src`.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from jisr_protocol import entry as entries
from jisr_protocol import envelope, identifiers, schema

from .. import log
from ..hub import Hub
from ..ports import Change, Held, Key, Remembered
from .words import NOT_SAME, SAME, TYPE, Word, word_of

AUDIENCE = "public"
LICENCE = "CC0-1.0"
WordsAbout = Callable[[Sequence[Key]], Awaitable[Sequence[Word]]]


class Unsayable(Exception):
    """What was to be said cannot be; the sentence says why. Nothing was changed."""


class Saying:
    """Signs what the operator of a hub says of records. `words_about` tells what is said of them already."""

    def __init__(self, hub: Hub, words_about: WordsAbout, random_bytes: Callable[[int], bytes]) -> None:
        self._hub, self._words_about, self._random = hub, words_about, random_bytes

    @property
    def _own(self) -> str:
        return self._hub.identity.id

    async def say(self, predicate: str, subjects: Sequence[Key], lang: str = "en", **members: Any) -> Word:
        """Say something of records; durable when it returns. `members` are those of its schema beside the common ones.

        Raises Unsayable, Fenced, Conflict.
        """
        self._hub.check_open()
        if len(set(subjects)) != len(subjects):
            raise Unsayable("Nothing was said: the same record is named twice.")
        now = identifiers.to_instant(self._hub.clock())
        value = {
            "audience": AUDIENCE,
            "created": now,
            "id": str(uuid.UUID(bytes=self._random(16), version=4)),
            "lang": lang,
            "licence": LICENCE,
            "modified": await self._after_own(now, predicate, subjects),
            "node": self._own,
            "predicate": predicate,
            "rev": 1,
            "salt": identifiers.new_salt(self._random(16)),
            "status": "active",
            **({"subjects": ["/".join(key) for key in subjects]} if subjects else {}),
            "type": TYPE,
            **members,
        }
        faults = schema.errors(TYPE, value)
        if faults:
            raise Unsayable("Nothing was said: " + "; ".join(one.message for one in faults))
        thing = envelope.sealed("record", value, self._hub.identity.key)
        await self._store("put", thing, value, TYPE)
        word = word_of(value, thing.digest)
        if word is None:
            raise ValueError("an assertion that fits its schema cannot be read")
        return word

    async def take_back(self, key: Key) -> None:
        """Take back what this hub said; durable when it returns. Raises Unsayable, Fenced, Conflict."""
        self._hub.check_open()
        held = (await self._hub.ledger.held(AUDIENCE, [key])).get(key)
        if key[0] != self._own or held is None or not held.live or held.type != TYPE:
            raise Unsayable(f"Nothing was changed: {key[1]} is no word of this hub that stands.")
        value = {
            "audience": AUDIENCE,
            "id": key[1],
            "modified": identifiers.to_instant(self._hub.clock()),
            "node": self._own,
            "of": TYPE,
            "rev": held.rev + 1,
            "salt": identifiers.new_salt(self._random(16)),
        }
        await self._store("del", envelope.sealed("tombstone", value, self._hub.identity.key), value, TYPE)

    async def _after_own(self, now: str, predicate: str, subjects: Sequence[Key]) -> str:
        """When it is said: after whatever this hub has said of the same records, by a second at least, for of one
        signer the later word counts."""
        if predicate not in (SAME, NOT_SAME):
            return now
        before = [word.modified for word in await self._words_about(subjects) if word.by == self._own]
        if max(before, default="") < now:
            return now
        return identifiers.to_instant(identifiers.from_instant(max(before)) + timedelta(seconds=1))

    async def _store(self, op: str, thing: envelope.Envelope, value: Mapping[str, Any], type_name: str) -> None:
        now = identifiers.to_instant(self._hub.clock())
        draft = log.draft(entries.parse(entries.write(op, thing, seq=0, at=now)), src=None)
        held = Held(value["rev"], thing.digest, type_name, op == "put")
        key = self._own, value["id"]
        await self._hub.ledger.store(
            Change(now, [draft], [Remembered(*key, AUDIENCE, held)], guards=await self._hub.ledger.guards([key])),
            log.number,
        )
        self._hub.changed.set()
