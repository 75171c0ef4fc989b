"""Saying that records are still correct: a new signed rev of each, in which `assured` alone is another.

No word of the author is touched, so no translation is outdated by it. What waits to be published keeps waiting.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import digest
from typing import Any

from .. import whereabouts
from ..errors import Declined, Mistaken
from ..outbox import Outbox, Published, content_with, show
from ..ports import Change, Stored
from . import links
from .ageing import Ageing, ageing

SELF = "self"
"""The method of a check by the author."""


class Assuring:
    """Confirms the records of one node."""

    def __init__(self, outbox: Outbox, node: str, secret: bytes) -> None:
        """`secret` is the node's own; links are made with one derived from it."""
        self._outbox, self._store, self._node = outbox, outbox.store, node
        self._link_secret = digest(secret, b"still correct", sha256)

    def ageing(self, now: datetime) -> list[Ageing]:
        """The records that age; see ageing.ageing. What our hub was told, by an answer to its letter, counts from the
        day on which we saw it say so."""
        held = (show(self._node, record) for record in self._store.records() if record.content is not None)
        return ageing(held, now.date().isoformat(), whereabouts.confirmed(self._store))

    def say(self, revs: Mapping[str, int | None], now: datetime) -> Published:
        """Say of records, each in the rev that was looked at (None: as it stands), that they are still correct.

        Signed at once, all or none; twice on a day is once. Raises Mistaken for a record that is not published,
        Declined for one that changed meanwhile or is to be deleted, Busy, Contradiction; then nothing was changed.
        """
        assured = {"at": now.date().isoformat(), "by": self._node, "method": SELF}
        return self._outbox.publish_these(lambda: self._changes(revs, assured), now)

    def _changes(self, revs: Mapping[str, int | None], assured: Mapping[str, str]) -> list[Change]:
        """What is to be published; what waits gets the same `assured`. Part of a transaction."""
        changes = []
        for record_id, rev in revs.items():
            held, content = self._published(record_id, rev)
            if json.loads(content).get("assured") == assured:
                continue
            changes.append(Change(record_id, held.type, content_with(content, assured=assured)))
            waiting = self._store.change(record_id)
            if waiting is not None and waiting.content is not None:
                self._store.put_change(replace(waiting, content=content_with(waiting.content, assured=assured)))
        return changes

    def _published(self, record_id: str, rev: int | None) -> tuple[Stored, bytes]:
        held, waiting = self._store.record(record_id), self._store.change(record_id)
        if held is None or held.content is None:
            raise Mistaken(
                f"The record {record_id} is not published, so there is nothing to confirm. Nothing was changed."
            )
        if waiting is not None and waiting.content is None:
            raise Declined(f"The record {record_id} is to be deleted at the next publish. Nothing was changed.")
        if rev is not None and held.rev != rev:
            raise Declined(f"The record {record_id} was changed since it was shown. Nothing was confirmed. Look again.")
        return held, held.content

    # Links

    def link(self, now: datetime, days: int = links.DAYS) -> str:
        """The last part of an address that lets whoever has it confirm public records for some days."""
        return links.write(self._link_secret, now + timedelta(days=days))

    def may(self, link: str, now: datetime) -> bool:
        """Whether such a link is whole and not too old."""
        return links.holds(self._link_secret, link, now)

    def public(self, now: datetime) -> list[tuple[Ageing, dict[str, Any]]]:
        """The ageing records that everybody may see, as published: all that a link shows."""
        aged = {one.id: one for one in self.ageing(now)}
        stored = [self._store.record(record_id) for record_id in aged]
        return [(aged[one.id], show(self._node, one)) for one in stored if one is not None and one.feed == "public"]


def as_they_stand(ids: Collection[str]) -> dict[str, int | None]:
    """Records in whatever rev they have."""
    return dict.fromkeys(ids)
