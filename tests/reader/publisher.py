"""A small publisher for tests: writes a feed into a folder, honestly, and then bends it in one line.

    feed = FeedFolder(tmp_path / "feed")          a node's own feed; role="hub" carries other writers' records too
    service = feed.put()                          a record; feed.put(id=service.id, name="new") is its next rev
    feed.delete(service)
    feed.publish()                                pages, keys.json, inventory, head
    feed.erase(service)                           an erase entry; the content goes, its pages get a new generation
    feed.publish(records=True)                    record files too
    feed.take_snapshot()                          of all there is; from the next publish on the head names it
    feed.new_epoch(300)                           a backup of 300 entries was restored: a new epoch goes on from there

    feed.bend.flip(page=0, at=100)                a flipped bit in a page
    feed.bend.lose(page=1) · feed.bend.shorten(page=0) · feed.bend.line(3, b"…") · feed.bend.head(size=1)

Everything follows from the names given, so two runs write the same bytes: salts, ids and keys are hashes of counters.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from jisr_protocol import (
    entry,
    envelope,
    generations,
    head,
    identifiers,
    keys,
    live,
    page_walk,
    paths,
    snapshot,
    state_tree,
)
from jisr_protocol.envelope import Envelope
from jisr_protocol.keys import KeyRing, SigningKey
from jisr_protocol.limits import PAGE_ENTRIES
from jisr_protocol.merkle import Frontier

NOW = datetime(2026, 9, 1, 12, 0, 0, tzinfo=UTC)
EPOCH = "1-aaaaaaaa"
TYPE = "org.jisr.service/1"


def seeded(*words: object) -> bytes:
    """32 bytes that follow from the words."""
    return hashlib.sha256("\x00".join(map(str, words)).encode()).digest()


@functools.lru_cache(20_000)
def _parsed(line: bytes) -> entry.Entry:
    """An entry, read once: a feed is written again and again."""
    return entry.parse(line)


@dataclass
class Writer:
    """A node or hub with its keys. `key` signs; `rotate`, `retire`, `revoke` return the statement for the log."""

    label: str
    role: str = "node"

    def __post_init__(self) -> None:
        self.keys = [SigningKey(seeded(self.label, "key", 0))]
        self.recovery = SigningKey(seeded(self.label, "recovery"))
        value = keys.first_statement(
            self.key, [self.recovery.public], role=self.role, created="2026-01-01T00:00:00Z", salt=self._salt("first")
        )
        self.ring: KeyRing = keys.begin(envelope.sealed("key", value, self.key))
        self._made = 0

    @property
    def id(self) -> str:
        return self.ring.id

    @property
    def key(self) -> SigningKey:
        return self.keys[-1]

    def _salt(self, *words: object) -> str:
        return identifiers.new_salt(seeded(self.label, "salt", *words))

    def _later(self, signer: SigningKey, **members: Any) -> Envelope:
        value = {"created": "2026-02-01T00:00:00Z", "n": self.ring.next_n, "node": self.id, **members}
        statement = envelope.sealed("key", value, signer)
        self.ring = self.ring.admit(statement)
        return statement

    def add_key(self) -> Envelope:
        """A further signing key, used from now on."""
        fresh = SigningKey(seeded(self.label, "key", len(self.keys)))
        statement = self._later(self.key, action="add", jwk=keys.jwk_of(fresh.public.public))
        self.keys.append(fresh)
        return statement

    def retire(self, key: SigningKey) -> Envelope:
        return self._later(self.key, action="retire", kid=key.kid)

    def revoke(self, key: SigningKey) -> Envelope:
        return self._later(self.key, action="revoke", kid=key.kid, reason="stolen")

    def recover(self, *revoked: SigningKey) -> Envelope:
        """A recovery statement that takes the number after the first statement."""
        fresh = SigningKey(seeded(self.label, "key", len(self.keys)))
        value = {
            "action": "recover",
            "created": "2026-03-01T00:00:00Z",
            "jwk": keys.jwk_of(fresh.public.public),
            "n": 1,
            "node": self.id,
            "revoked": [key.kid for key in revoked],
        }
        statement = envelope.sealed("recovery", value, self.recovery)
        self.ring = self.ring.admit(statement)
        self.keys.append(fresh)
        return statement

    def record(self, *, id: str | None = None, rev: int = 1, key: SigningKey | None = None, **members: Any) -> Envelope:
        """A signed record; without an id a new one."""
        self._made += 1
        value = {
            "audience": "public",
            "id": id or str(uuid.UUID(bytes=seeded(self.label, "id", self._made)[:16], version=4)),
            "node": self.id,
            "rev": rev,
            "salt": self._salt(self._made),
            "type": TYPE,
            "name": {"ar": {"origin": "author", "value": f"خدمة {self._made}"}},
            **members,
        }
        return envelope.sealed("record", value, key or self.key)

    def tombstone(self, record: Envelope, *, rev: int | None = None, key: SigningKey | None = None) -> Envelope:
        self._made += 1
        value = {
            "audience": "public",
            "id": record.value["id"],
            "modified": "2026-08-01T00:00:00Z",
            "node": self.id,
            "of": record.value["type"],
            "rev": record.value["rev"] + 1 if rev is None else rev,
            "salt": self._salt(self._made),
        }
        return envelope.sealed("tombstone", value, key or self.key)

    def notice(self, action: str, *, max_rev: int | None = None, ids: object = "*") -> Envelope:
        value = {"action": action, "by": self.id, "ids": ids, "max_rev": max_rev, "n": 1, "node": self.id}
        return envelope.sealed("notice", value, self.key)


@dataclass
class FeedFolder:
    """A feed in the making. `lines` are its log; publish() writes it all, every time anew."""

    folder: Path
    label: str = "node"
    role: str = "node"
    name: str = "public"
    epoch: str = EPOCH
    now: datetime = NOW
    bases: tuple[dict[str, Any], ...] = ()
    floor: int = 0
    lines: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.generations: dict[int, int] = {}
        self.snap: dict[str, Any] | None = None
        self.snapshot_files: dict[str, bytes] = {}
        self.writer = Writer(self.label, self.role)
        self.bend = Bend(self)
        self._at = 0
        if not self.lines:
            self.key_entry(self.writer.ring.statements[0])

    # Entries

    def append(self, line: Callable[[int, str], bytes]) -> int:
        """Add the line that `line(seq, at)` makes; return its seq."""
        seq = len(self.lines)
        at = identifiers.to_instant(NOW - timedelta(days=30) + timedelta(seconds=seq))
        self.lines.append(line(seq, at))
        return seq

    def add(self, op: str, thing: Envelope, **options: Any) -> int:
        return self.append(lambda seq, at: entry.write(op, thing, seq=seq, at=at, **options))

    def raw(self, **members: Any) -> int:
        """An entry of these members, canonical; seq and at are given."""
        return self.append(lambda seq, at: orjson.dumps({"at": at, **members, "seq": seq}, option=orjson.OPT_SORT_KEYS))

    def key_entry(self, statement: Envelope) -> int:
        return self.add("recovery" if statement.kind == "recovery" else "key", statement)

    def welcome(self, writer: Writer) -> Writer:
        """Carry another writer's key statements; for a hub's feed."""
        for statement in writer.ring.statements:
            self.key_entry(statement)
        return writer

    def put(self, record: Envelope | None = None, *, by: Writer | None = None, **members: Any) -> Envelope:
        """A put of this record, or of a new one with these members (id, rev, key and any content)."""
        record = record or (by or self.writer).record(**members)
        self.add("put", record)
        return record

    def puts(self, count: int) -> list[Envelope]:
        return [self.put() for _ in range(count)]

    def edit(self, record: Envelope, **members: Any) -> Envelope:
        """The next rev of a record of ours."""
        return self.put(id=record.value["id"], rev=record.value["rev"] + 1, **members)

    def delete(self, record: Envelope, **options: Any) -> Envelope:
        tombstone = self.writer.tombstone(record, **options)
        self.add("del", tombstone)
        return tombstone

    def out(self, record: Envelope) -> int:
        value = record.value
        return self.append(
            lambda seq, at: entry.write_out(
                seq=seq, at=at, node=value["node"], id=value["id"], rev=value["rev"], digest=record.digest,
                type=value["type"],
            )
        )  # fmt: skip

    def fill(self, size: int) -> None:
        """Add records until the log has `size` entries."""
        while len(self.lines) < size:
            self.put()

    def stub(self, seq: int, gone: str = "erased") -> None:
        """Null the content of an entry; its leaf stays."""
        self.lines[seq] = entry.write_stub(entry.parse(self.lines[seq]), gone)

    def erase(self, record: Envelope, *, max_rev: int | None = None, stub: bool = True) -> int:
        """Erase a record up to a rev, its own by default; its earlier lines become stubs, and their pages are new."""
        max_rev = record.value["rev"] if max_rev is None else max_rev
        target = record.value["id"]
        notice = self.writer.notice("erase", max_rev=max_rev, ids=[target])
        for seq, parsed in enumerate(self.entries()) if stub else ():
            if parsed.op in ("put", "del") and parsed.id == target and (parsed.rev or 0) <= max_rev and not parsed.gone:
                self.stub(seq)
                self.generations[seq // PAGE_ENTRIES] = self.generations.get(seq // PAGE_ENTRIES, 1) + 1
        return self.add("erase", notice, target=target)

    def new_epoch(self, size: int, random: str = "b") -> None:
        """Forget what came after the first `size` entries; a new epoch goes on from there."""
        number = identifiers.epoch_number(self.epoch) + 1
        self.lines = self.lines[:size]
        base = {"epoch": self.epoch, "log_root": self.log_root().hex(), "size": size}
        self.bases, self.epoch = (*self.bases, base), f"{number}-{random * 8}"

    def take_snapshot(self, **manifest: Any) -> None:
        """A snapshot of all entries there are now; `manifest` replaces arguments of snapshot.write."""
        entries, held, seq = self.entries(), self.live(), self.size
        newest = {(e.node, e.id): e for e in entries if e.op in ("put", "del", "out")}
        live_puts = [newest[place] for place in held]
        live_puts.sort(key=lambda e: (state_tree.path(e.node or "", e.id or ""), e.node, e.id))
        lifted = {(e.node, e.id) for e in entries if e.op == "unhold"}
        lists = {
            "keys": [e for e in entries if e.op in ("key", "recovery")],
            "guards": [e for e in entries if e.op == "erase" or (e.op == "hold" and (e.node, e.id) not in lifted)],
            "tombstones": [e for e in newest.values() if e.op in ("del", "out") and not e.gone],
            "parts": live_puts,
            "heads": list({(e.node, e.id): e for e in entries if e.op == "nodehead"}.values()),
            "statements": [e for e in entries if e.op == "statement"],
        }
        files: dict[str, bytes] = {}
        described: dict[str, list[snapshot.Part]] = {}
        for name, chosen in lists.items():
            described[name] = []
            for count, body in snapshot.cut(e.raw for e in chosen):
                path = paths.snapshot_part(self.epoch, seq, len(files))
                files[path] = body
                described[name].append(snapshot.describe(path, count, body))
        tree, _ = state_tree.build([(*place, *version) for place, version in held.items()])
        frontier = Frontier()
        for parsed in entries:
            frontier.append(parsed.leaf)
        arguments: dict[str, Any] = {
            "by": self.writer.id, "name": self.name, "epoch": self.epoch, "frontier": frontier, "live": len(held),
            "state_root": tree.root(), **described, **manifest,
        }  # fmt: skip
        written = snapshot.write(**arguments)
        self.snap = snapshot.named(written, self.epoch, seq)
        self.snapshot_files = {paths.snapshot(self.epoch, seq): written, **files}

    # What follows from the lines

    @property
    def size(self) -> int:
        return len(self.lines)

    def entries(self) -> list[entry.Entry]:
        return [_parsed(line) for line in self.lines]

    def live(self) -> dict[tuple[str, str], tuple[int, str]]:
        return live.fold(self.entries())

    def log_root(self) -> bytes:
        frontier = Frontier()
        for parsed in self.entries():
            frontier.append(parsed.leaf)
        return frontier.root()

    def signed_head(self, *, key: SigningKey | None = None, **changes: Any) -> head.Head:
        """The head of the log as it is; `changes` replace arguments of head.write."""
        held = [(*name, *version) for name, version in self.live().items()]
        tree, _ = state_tree.build(held)
        arguments: dict[str, Any] = {
            "by": self.writer.id,
            "name": self.name,
            "epoch": self.epoch,
            "size": self.size,
            "live": len(held),
            "log_root": self.log_root(),
            "state_root": tree.root(),
            "time": self.now,
            "valid_for": timedelta(days=45),
            "next_in": timedelta(days=1),
            "bases": self.bases,
            "floor": self.floor,
            "gens": generations.named(generations.write(self.generations)) if self.generations else None,
            "snap": self.snap,
            **changes,
        }
        return head.write(key or self.writer.key, **arguments)

    # Writing

    def publish(self, *, inventory: bool = True, records: bool = False, **head_changes: Any) -> FeedFolder:
        """Write pages, keys and inventory, the head last; each publication is a minute later than the one before."""
        signed = self.signed_head(**head_changes)
        for _, _, path in self._pages(signed, range(self.floor // PAGE_ENTRIES)):
            (self.folder / path).unlink(missing_ok=True)
        for number, width, path in self._pages(
            signed, range(self.floor // PAGE_ENTRIES, -(-self.size // PAGE_ENTRIES))
        ):
            first = number * PAGE_ENTRIES
            if self.generations.get(number, 1) > 1:
                self._remove_page(signed, number)
            self.write(path, b"".join(line + b"\n" for line in self.lines[first : first + width]))
        if self.generations:
            content = generations.write(self.generations)
            self.write(generations.named(content)["path"], content)
        for path, content in self.snapshot_files.items():
            self.write(path, content)
        self.write(paths.KEYS, keys.write_file(self.writer.ring))
        if inventory:
            self._write_inventory()
        if records:
            self._write_records()
        self.write(paths.HEAD, signed.raw)
        self.now += timedelta(minutes=1)
        return self

    def _pages(self, signed: head.Head, numbers: range) -> Iterator[tuple[int, int, str]]:
        for number in numbers:
            width = min(PAGE_ENTRIES, self.size - number * PAGE_ENTRIES)
            epoch = page_walk.epoch_of_page(signed, number)
            yield number, width, paths.page(epoch, number, width, self.generations.get(number, 1))

    def _remove_page(self, signed: head.Head, number: int) -> None:
        """Every file of a page: whole or partial, of any generation."""
        whole = self.folder / paths.page(page_walk.epoch_of_page(signed, number), number)
        for file in (*whole.parent.glob(f"{whole.stem}.*ndjson"), *(whole.parent / f"{whole.stem}.p").glob("*")):
            file.unlink()

    def _write_records(self) -> None:
        """The record file of every live record: the last put that set it."""
        held = self.live()
        for parsed in self.entries():
            node, record_id, rev = parsed.node or "", parsed.id or "", parsed.rev or 0
            set_it = parsed.op == "put" and held.get((node, record_id)) == (rev, parsed.digest)
            if set_it and not parsed.gone:
                self.write(paths.record(node, record_id, rev), parsed.raw + b"\n")

    def _write_inventory(self) -> None:
        tree, files = state_tree.build([(*name, *version) for name, version in self.live().items()])
        tree.root()
        for content in files.values():
            self.write(paths.inventory(state_tree.bucket_hash(content)), content)
        for level in range(tree.depth):
            for number, hashed in enumerate(tree.levels[level]):
                self.write(paths.inventory(hashed), state_tree.inner_bytes(tree.children(level, number)))

    def write(self, path: str, content: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def page_path(self, number: int) -> Path:
        """The newest file of a page."""
        width = min(PAGE_ENTRIES, self.size - number * PAGE_ENTRIES)
        return self.folder / paths.page(self.epoch, number, width, self.generations.get(number, 1))


class Bend:
    """Ways to make a published feed wrong."""

    def __init__(self, feed: FeedFolder) -> None:
        self._feed = feed

    def bytes(self, path: Path, change: Callable[[bytes], bytes]) -> None:
        path.write_bytes(change(path.read_bytes()))

    def page(self, number: int, change: Callable[[bytes], bytes]) -> None:
        self.bytes(self._feed.page_path(number), change)

    def flip(self, *, page: int, at: int, bit: int = 0) -> None:
        """Flip one bit of one byte."""
        self.page(page, lambda body: body[:at] + bytes([body[at] ^ 1 << bit]) + body[at + 1 :])

    def lose(self, *, page: int) -> None:
        self._feed.page_path(page).unlink()

    def shorten(self, *, page: int, lines: int = 1) -> None:
        """Leave out the last lines of a page."""
        self.page(page, lambda body: b"".join(line + b"\n" for line in body.split(b"\n")[: -1 - lines]))

    def line(self, seq: int, change: Callable[[bytes], bytes]) -> None:
        """Change the bytes of one published line."""

        def changed(body: bytes) -> bytes:
            lines = body.split(b"\n")
            lines[seq % PAGE_ENTRIES] = change(lines[seq % PAGE_ENTRIES])
            return b"\n".join(lines)

        self.page(seq // PAGE_ENTRIES, changed)

    def head(self, *, key: SigningKey | None = None, **changes: Any) -> None:
        """Sign another head: any argument of head.write."""
        self._feed.write(paths.HEAD, self._feed.signed_head(key=key, **changes).raw)

    def shortened_log(self, size: int) -> None:
        """Sign a newer head over fewer entries, everything else honest."""
        self._feed.lines = self._feed.lines[:size]
        self._feed.publish()

    def rewritten(self, seq: int, change: Callable[[FeedFolder], None]) -> None:
        """Sign a history that differs from entry `seq` on: `change` appends what comes instead, the rest follows."""
        later = self._feed.lines[seq + 1 :]
        self._feed.lines = self._feed.lines[:seq]
        change(self._feed)
        self._feed.lines += later[len(self._feed.lines) - seq - 1 :]
        self._feed.publish()


def altered_forms(line: bytes) -> Iterator[tuple[str, bytes]]:
    """Other spellings of a line with the same or nearly the same meaning; each must be refused."""
    value = orjson.loads(line)
    backwards = dict(sorted(value.items(), reverse=True))
    yield "member order", orjson.dumps(backwards)
    yield "a space", line.replace(b",", b", ", 1)
    yield "an escaped plain letter", line.replace(b'"public"', rb'"\u0070ublic"', 1)
    yield "duplicate name, first", b'{"at":"2020-01-01T00:00:00Z",' + line[1:]
    yield "duplicate name, last", line[:-1] + b',"seq":%d}' % value["seq"]
    yield "an integer as 5.0", line.replace(b'"rev":1,', b'"rev":1.0,', 1)
    yield "an integer as 5e0", line.replace(b'"rev":1,', b'"rev":1e0,', 1)
    yield "a byte order mark", b"\xef\xbb\xbf" + line
    yield "text that is not NFC", line.replace("خدمة".encode(), "cafe\u0301".encode(), 1)
    yield "a lone surrogate", line.replace("خدمة".encode(), rb"\ud800", 1)
    yield "a carriage return", line + b"\r"


def altered_headers(line: bytes, kid: str) -> Iterator[tuple[str, bytes]]:
    """The same record under protected headers that are not the one it must have."""
    header = {"alg": "Ed25519", "kid": kid, "typ": "jisr-record+jws"}
    before, _, rest = line.partition(b'"jws":"')
    _, dots, after = rest.partition(b"..")
    for name, changed in (
        ("an unknown header member", {**header, "zip": "DEF"}),
        ("another typ", {**header, "typ": "jisr-tombstone+jws"}),
        ("another alg", {**header, "alg": "EdDSA"}),
    ):
        encoded = base64.urlsafe_b64encode(orjson.dumps(changed)).rstrip(b"=")
        yield name, before + b'"jws":"' + encoded + dots + after
