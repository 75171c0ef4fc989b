"""A node's home hub: what the node itself says of it, in its own feed (docs/spec/authority.md)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from jisr_protocol import entry, identifiers, statement
from jisr_protocol.statement import HOME, Statement

from .errors import Mistaken
from .feeds import PUBLIC, Feeds


@dataclass(frozen=True, slots=True)
class Link:
    """An invitation: the hub's address, its identifier ("" when the link names none), and the code, "" for none."""

    address: str
    hub: str
    code: str


def read_link(text: str) -> Link:
    """Read what an operator sent: ADDRESS/join#HUB.CODE, or a plain address. Raises Mistaken."""
    address, sign, rest = text.strip().partition("#")
    if sign:
        hub, _, code = rest.partition(".")
        address = address.removesuffix("/join")
        if identifiers.node(f"jisr:{hub}") is not None or not code:
            raise Mistaken(f"{text} is no whole invitation: its end is missing. Nothing was sent. Ask for it again.")
        return Link(_checked(address), f"jisr:{hub}", code)
    return Link(_checked(address), "", "")


def _checked(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Mistaken(f"{address} is no address of a hub. Expected one such as https://hub.example. Nothing was sent.")
    return address.rstrip("/")


class Homes:
    """Says in the node's public feed which hub is its home."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds, self._store, self._identity = feeds, feeds.store, feeds.identity

    def said(self) -> Statement | None:
        """The newest word in the public feed; None when there is none."""
        feed = self._store.feed(PUBLIC)
        if feed is None:
            return None
        lines = self._store.lines(PUBLIC, 0, feed.size)
        told = [entry.parse(line.raw).thing for line in lines if line.op == "statement"]
        found = [statement.of(thing) for thing in told if thing is not None and thing.value.get("type") == HOME]
        return max(found, key=lambda one: one.n, default=None)

    def write(self, hub: str, now: datetime) -> Statement:
        """The next word, signed; it stands nowhere yet."""
        before = self.said()
        return statement.write(
            self._identity.key,
            HOME,
            id=str(uuid.UUID(bytes=self._feeds.random(16), version=4)),
            by=self._identity.id,
            subject=self._identity.id,
            n=before.n + 1 if before is not None else 1,
            issued=identifiers.to_instant(now),
            home=hub,
        )

    def append(self, said: Statement, now: datetime) -> bool:
        """Put a word into the public feed, unless it names the home that stands there already. Durable when it returns.
        Raises Contradiction, Busy."""
        before = self.said()
        if before is not None and before.value["home"] == said.value["home"]:
            return False
        with self._store.transaction():
            self._feeds.check_may_sign()
            opened = self._feeds.open_all(now)[PUBLIC]
            self._feeds.append(opened, "statement", said.envelope, None, now)
            self._feeds.sign(opened, now)
        self._feeds.mark()
        return True
