"""What came for this node, kept sealed as it came and opened only to be shown.

    box.take(digest, raw, now)   open and judge what a hub gave; keep it, or say why not
    box.listed(now)              what is kept, opened, newest first
    box.delete(id)               for good
    box.change_keys(before)      what was sealed to the key of before can still be opened by the one of now

A message lies in node.sqlite as the JWE that came, so the file alone tells nobody what it says: opening takes the
signing key, from which the opening key follows. It goes by itself when it expires. Its id is remembered until then
(SEAL-11).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from jisr_protocol import identifiers, sealed
from jisr_protocol.keys import encryption_key
from jisr_protocol.reader import sealing
from jisr_protocol.refusal import Refusal
from jisr_protocol.signing import OpeningKey, SigningKey

from ..errors import Declined, Mistaken
from ..identity import Identity

OPENING_DAYS = 90
"""How long an opening key of before is kept: messages live 30 days, what volunteers wrote of themselves 90."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as it lies here: `sealed` as it came."""

    id: str
    at: str
    expires: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Shown:
    """A message that is opened: when it came, and what it says. `value` is empty when no key here opens it."""

    id: str
    at: str
    value: dict[str, Any]


class Messages(Protocol):
    """The part of the store that keeps messages."""

    def messages(self) -> list[Kept]:
        """The newest first."""

    def put_message(self, message: Kept) -> None: ...
    def drop_messages(self, until: str, message_id: str | None = None) -> int:
        """Delete one, or with None all that expired before `until`, and ids that need not be remembered."""

    def message_seen(self, message_id: str) -> bool: ...
    def openings(self) -> list[tuple[str, bytes]]:
        """(when it was put aside, sealed) of the opening keys of before."""

    def replace_openings(self, openings: Sequence[tuple[str, bytes]]) -> None: ...


class Box:
    """The messages of one node."""

    def __init__(self, store: Messages, identity: Identity) -> None:
        self._store, self._identity = store, identity

    def take(self, raw: bytes, now: datetime) -> Refusal | None:
        """Keep a message that is for this node and in time; the Refusal when it is not, and nothing is kept then.

        Within a transaction of the store.
        """
        try:
            plain = sealing.unseal(sealed.parse(raw), self.keys())
            seen = self._store.message_seen(sealed.id_in(plain))
            found = sealed.read(plain, to=self._identity.id, now=now, seen=seen)
        except Refusal as refusal:
            return refusal
        self._store.put_message(Kept(found.id, identifiers.to_instant(now), found.expires, raw))
        return None

    def listed(self, now: datetime) -> list[Shown]:
        """What is kept and not over, newest first."""
        keys = self.keys()
        return [self._shown(one, keys) for one in self._store.messages() if one.expires > identifiers.to_instant(now)]

    def has_any(self, now: datetime) -> bool:
        """Whether something is kept and not over; nothing is opened for it."""
        return any(one.expires > identifiers.to_instant(now) for one in self._store.messages())

    def show(self, message_id: str, now: datetime) -> Shown:
        """One message. Raises Mistaken when there is none, Declined when no key here opens it."""
        found = next((one for one in self.listed(now) if one.id == message_id), None)
        if found is None:
            raise Mistaken(
                f"There is no message {message_id} here; it may have expired. Nothing was changed. See: "
                "jisr-node messages list"
            )
        if not found.value:
            raise Declined(
                "No key that is kept here opens this message. It stays as it is. Ask its sender to write again."
            )
        return found

    def _shown(self, one: Kept, keys: Sequence[OpeningKey]) -> Shown:
        try:
            plain = sealing.unseal(sealed.parse(one.sealed), keys)
            value = sealed.read(plain, to=self._identity.id, now=identifiers.from_instant(one.at)).value
        except Refusal:
            value = {}
        return Shown(one.id, one.at, value)

    def delete(self, message_id: str) -> bool:
        """Delete one message; its id stays known. False when there is none. Within a transaction."""
        return bool(self._store.drop_messages("", message_id))

    def expire(self, now: datetime) -> int:
        """Delete what is over; how many messages. Within a transaction."""
        return self._store.drop_messages(identifiers.to_instant(now))

    def change_keys(self, before: SigningKey, now: datetime) -> None:
        """Keep the opening key of before, sealed to the one of now, as long as anything may be sealed to it."""
        oldest = identifiers.to_instant(now - timedelta(days=OPENING_DAYS))
        held = [(at, self._opened(raw, before.opening)) for at, raw in self._store.openings() if at > oldest]
        known = [(at, key) for at, key in held if key is not None]
        known.append((identifiers.to_instant(now), before.opening))
        if encryption_key(self._identity.ring) is None:
            return
        self._store.replace_openings([(at, self._sealed(key)) for at, key in known])

    def keys(self) -> list[OpeningKey]:
        """What opens things that were sealed to this node, the key of now first."""
        current = self._identity.key.opening
        older = (self._opened(raw, current) for _, raw in self._store.openings())
        return [current, *(key for key in older if key is not None)]

    def _sealed(self, key: OpeningKey) -> bytes:
        value = {"opening": base64.b64encode(key.private).decode()}
        return sealing.seal(sealed.padded(json.dumps(value).encode()), self._identity.ring)

    def _opened(self, raw: bytes, by: OpeningKey) -> OpeningKey | None:
        try:
            plain = sealing.unseal(sealed.parse(raw), [by])
            return OpeningKey(base64.b64decode(json.loads(plain.partition(b"\n")[0])["opening"]))
        except (Refusal, ValueError, KeyError, TypeError):
            return None
