"""A node for the hub's tests: writes logs of its own, honestly, and then bends them in one line.

    author = Author("dar")
    author.put("one", name="دار")                 a record in the feed `public`; audience="hub" goes to that feed
    author.edit("one", name="other")              its next rev
    author.delete("one")                          its tombstone
    author.push()                                 the body of a push of all of it; push(3, 5) of a slice

    author.add(signed("record", value, author))   an entry of any signed thing
    author.line(b"…")                             an entry line of any bytes

Everything follows from the names, so two runs give the same bytes.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jisr_protocol import entry, envelope, head, identifiers, live, push, state_tree
from jisr_protocol.envelope import Envelope
from jisr_protocol.keys import SigningKey
from jisr_protocol.merkle import Tree
from tests.reader.publisher import NOW, Writer, seeded

TYPE = "org.jisr.organization/1"
EPOCH = "1-nnnnnnnn"


def record_id(label: str) -> str:
    """The id that records of this label have, at every author."""
    return str(uuid.UUID(bytes=seeded("record", label)[:16], version=4))


@dataclass
class Log:
    """One feed of an author: its lines and the keys of the lines that carry a key statement."""

    name: str
    epoch: str = EPOCH
    lines: list[bytes] = field(default_factory=list)
    key_lines: dict[int, bytes] = field(default_factory=dict)

    def entries(self) -> list[entry.Entry]:
        return [entry.parse(line) for line in self.lines]

    def tree(self) -> Tree:
        return Tree(parsed.leaf for parsed in self.entries())


class Author:
    """One node; `now` is what its clock says when it signs a head."""

    def __init__(self, label: str, *, now: datetime = NOW) -> None:
        self.label, self.now = label, now
        self.writer = Writer(label)
        self.revs: dict[str, int] = {}
        self.feeds: dict[str, Log] = {}
        self._made = 0

    @property
    def id(self) -> str:
        return self.writer.id

    @property
    def ring(self) -> Any:
        return self.writer.ring

    def feed(self, name: str = "public") -> Log:
        """The feed of this name; it begins with the author's key statements."""
        if name not in self.feeds:
            self.feeds[name] = Log(name)
            for statement in self.writer.ring.statements:
                self.add(statement, feed=name)
        return self.feeds[name]

    # Entries

    def line(self, raw: bytes, *, feed: str = "public") -> int:
        """Append these bytes as the next line; return its seq."""
        log = self.feed(feed)
        log.lines.append(raw)
        return len(log.lines) - 1

    def add(self, thing: Envelope, *, op: str = "", feed: str = "public", **options: Any) -> int:
        """Append an entry of a signed thing."""
        ops = {"record": "put", "tombstone": "del"}
        log = self.feed(feed)
        seq = len(log.lines)
        at = identifiers.to_instant(NOW - timedelta(days=3) + timedelta(seconds=seq))
        raw = entry.write(op or ops.get(thing.kind, thing.kind), thing, seq=seq, at=at, **options)
        if thing.kind in ("key", "recovery"):
            log.key_lines[seq] = raw
        return self.line(raw, feed=feed)

    def value(self, label: str, *, rev: int = 1, audience: str = "public", **members: Any) -> dict[str, Any]:
        """A record that fits its schema, unsigned."""
        self._made += 1
        return {
            "audience": audience,
            "created": "2026-08-01T00:00:00Z",
            "id": record_id(label),
            "lang": "ar",
            "licence": "CC-BY-4.0",
            "modified": "2026-08-02T00:00:00Z",
            "name": {"ar": {"origin": "author", "value": f"دار {label} {rev}"}},
            "node": self.id,
            "rev": rev,
            "salt": identifiers.new_salt(seeded(self.label, "salt", self._made)),
            "status": "active",
            "type": TYPE,
            **members,
        }

    def sign(self, value: dict[str, Any], *, kind: str = "record", key: SigningKey | None = None) -> Envelope:
        return envelope.sealed(kind, value, key or self.writer.key)

    def put(self, label: str, *, rev: int | None = None, audience: str = "public", **members: Any) -> Envelope:
        """A put of the next rev of a record, or of this rev."""
        rev = self.revs.get(label, 0) + 1 if rev is None else rev
        self.revs[label] = max(rev, self.revs.get(label, 0))
        thing = self.sign(self.value(label, rev=rev, audience=audience, **members))
        self.add(thing, feed=audience)
        return thing

    edit = put

    def puts(self, count: int, prefix: str = "r") -> None:
        for number in range(count):
            self.put(f"{prefix}{number}")

    def delete(self, label: str, *, audience: str = "public", of: str = TYPE) -> Envelope:
        """A tombstone with the next rev."""
        rev = self.revs[label] = self.revs.get(label, 0) + 1
        self._made += 1
        value = {
            "audience": audience,
            "id": record_id(label),
            "modified": "2026-08-03T00:00:00Z",
            "node": self.id,
            "of": of,
            "rev": rev,
            "salt": identifiers.new_salt(seeded(self.label, "salt", self._made)),
        }
        thing = self.sign(value, kind="tombstone")
        self.add(thing, feed=audience)
        return thing

    def statement(self, statement: Envelope) -> None:
        """Append a key statement of ours to every feed."""
        for name in list(self.feeds) or ["public"]:
            if name in self.feeds:
                self.add(statement, feed=name)
            else:
                self.feed(name)

    # Heads and pushes

    def head(self, feed: str = "public", *, size: int | None = None, **changes: Any) -> head.Head:
        """The signed head of a feed; `changes` replace arguments of head.write."""
        log = self.feed(feed)
        size = len(log.lines) if size is None else size
        held = [(*key, *version) for key, version in live.fold(log.entries()[:size]).items()]
        tree, _ = state_tree.build(held)
        arguments: dict[str, Any] = {
            "by": self.id,
            "name": feed,
            "epoch": log.epoch,
            "size": size,
            "live": len(held),
            "log_root": log.tree().root(size),
            "state_root": tree.root(),
            "time": self.now,
            "valid_for": timedelta(days=45),
            "next_in": timedelta(days=1),
            **changes,
        }
        key = arguments.pop("key", self.writer.key)
        return head.write(key, **arguments)

    def push(self, start: int = 0, end: int | None = None, *, feed: str = "public", **head_changes: Any) -> bytes:
        """The body of a push of the lines [start, end) under a head over everything."""
        log = self.feed(feed)
        signed = self.head(feed, **head_changes)
        end = signed.size if end is None else end
        key_lines = {seq: raw for seq, raw in log.key_lines.items() if seq < signed.size}
        return push.write(signed, log.lines[start:end], start, log.tree(), key_lines)
