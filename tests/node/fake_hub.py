"""A hub of a few lines: takes pushes with the protocol's own check, keeps them in memory, answers as a hub does.

hub = FakeHub()                     a ports.Hub; hub.logs["public"].entries is what it holds
hub.keep_back[7] = KeptBack(…)      quarantine the entry at seq 7
hub.lose_answers = 1                take the next push and let the answer get lost
hub.bend = lambda answer: …         change an answer before it leaves
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from jisr_node.errors import HubRefused, HubUnreachable
from jisr_protocol import envelope, head, keys, push, receipt
from jisr_protocol.entry import Entry
from jisr_protocol.keys import SigningKey
from jisr_protocol.limits import PUSH_BYTES
from jisr_protocol.merkle import EMPTY_ROOT, Frontier
from jisr_protocol.push import NodeLog
from jisr_protocol.refusal import Refusal

NOW = datetime(2026, 9, 1, 12, 0, 0, tzinfo=UTC)


@dataclass
class Log:
    held: NodeLog
    entries: list[Entry] = field(default_factory=list)


class FakeHub:
    def __init__(self, seed: bytes = b"h" * 32, address: str = "https://hub.example") -> None:
        self._address = address
        self.key = SigningKey(seed)
        statement = keys.first_statement(
            self.key, [], role="hub", created="2026-01-01T00:00:00Z", salt="AAAAAAAAAAAAAAAAAAAAAA"
        )
        self.ring = keys.fold([envelope.sealed("key", statement, self.key)])
        self.logs: dict[str, Log] = {}
        self.pushes: list[bytes] = []
        self.keep_back: dict[int, dict[str, Any]] = {}
        self.lose_answers = 0
        self.refuse_next: list[Exception] = []
        self.bend: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer
        self.now = NOW
        self.restricted: set[str] = set()
        self.shown: list[bytes] = []
        """The lines of the hub's own public feed: they stay, whatever becomes of the node's log."""
        self.aside: list[Entry] = []

    @property
    def address(self) -> str:
        return self._address

    def log(self, feed: str) -> Log:
        return self.logs.get(feed) or Log(NodeLog(None, Frontier(), None, None))

    async def keys(self) -> bytes:
        return keys.write_file(self.ring)

    async def log_state(self, node: str, feed: str) -> bytes:
        if feed in self.restricted:
            raise HubRefused("restricted", "this feed is read with a token")
        held = self.log(feed).held
        state = {"epoch": held.epoch, "next": held.frontier.size, "log_root": held.frontier.root().hex()}
        shown = orjson.Fragment(held.head.envelope.raw) if held.head else None
        return orjson.dumps(state | {"head": shown})

    async def ask(self, body: bytes) -> bool:
        raise HubRefused("not_found", "this hub lets nobody in by itself")

    async def lines_about(self, node: str) -> list[bytes]:
        """The public feed of this hub, as if it had never held anything else, stubs for what was erased in it."""
        return list(self.shown)

    async def shown_head(self) -> bytes:
        """Signed at `now`, over nothing: only its date counts here."""
        return head.write(
            self.key, by=self.ring.id, name="public", epoch="1-aaaaaaaa", size=0, live=0, log_root=EMPTY_ROOT,
            state_root=EMPTY_ROOT, time=self.now, valid_for=timedelta(hours=48), next_in=timedelta(minutes=5),
        ).raw  # fmt: skip

    async def push(self, node: str, feed: str, body: bytes, *, later: bool = False) -> bytes:
        if self.refuse_next:
            raise self.refuse_next.pop(0)
        self.pushes.append(body)
        try:
            answer = self.take(node, feed, body)
        except Refusal as refusal:
            position = self.log(feed).held.frontier.size if refusal.code == "seq_gap" else None
            raise HubRefused(refusal.code, str(refusal), next=position) from refusal
        if self.lose_answers:
            self.lose_answers -= 1
            raise HubUnreachable("the line broke")
        return answer

    def take(self, node: str, feed: str, body: bytes) -> bytes:
        """Judge a push as a hub does, store it, answer."""
        assert len(body) <= PUSH_BYTES
        log = self.log(feed)
        held_leaves = {entry.seq: entry.leaf for entry in log.entries}
        came = push.parse(body)
        extended = push.check(came, log.held, held_leaves, node=node, name=feed, now=self.now)
        held = NodeLog(extended.head.epoch, extended.frontier, extended.head, extended.ring)
        self.aside += log.entries[extended.kept :]
        self.logs[feed] = Log(held, [*log.entries[: extended.kept], *extended.entries])
        if feed == "public":
            self._show(extended.head.epoch, extended.entries)
        size, root = extended.frontier.size, extended.frontier.root()
        signed = receipt.write(
            self.key, by=self.ring.id, node=node, name=feed, epoch=extended.head.epoch, size=size, log_root=root,
            at=self.now,
        )  # fmt: skip
        kept = [{"seq": e.seq, **self.keep_back[e.seq]} for e in came.entries if e.seq in self.keep_back]
        answer = {
            "admitted": sum(e.seq not in self.keep_back for e in extended.entries),
            "duplicates": extended.repeated,
            "next": size,
            "quarantined": kept,
            "receipt": orjson.Fragment(signed.raw),
        }
        return orjson.dumps(self.bend(answer))

    def _show(self, epoch: str, entries: list[Entry]) -> None:
        """Append to the hub's own feed, under its own numbers and time, as a hub does."""
        for came in entries:
            if came.thing is None or came.seq in self.keep_back:
                continue
            if came.op == "erase":
                self.shown = [line for line in self.shown if orjson.loads(line).get("record", {}).get("id") != came.id]
            members = {
                **{name: orjson.Fragment(raw) for name, raw in came.parts.items()},
                "at": "2026-09-09T09:09:09Z", "seq": len(self.shown), "src": ["public", epoch, came.seq],
            }  # fmt: skip
            self.shown.append(orjson.dumps(members, option=orjson.OPT_SORT_KEYS))

    def records(self, feed: str = "public") -> dict[str, dict[str, Any]]:
        """The live records of a feed, by id."""
        live: dict[str, dict[str, Any]] = {}
        for entry in self.log(feed).entries:
            if entry.op == "put" and entry.thing:
                live[entry.thing.value["id"]] = entry.thing.value
            elif entry.op == "del" and entry.thing:
                live.pop(entry.thing.value["id"], None)
        return live
