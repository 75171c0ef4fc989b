"""Logs of one node for the tests of bulk: every op in any order, two keys of which one may be lost, bent signatures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import strategies as st

from jisr_protocol import entry, envelope, head, keys, live, page_walk, paths, state_tree
from jisr_protocol.keys import KeyRing, SigningKey
from jisr_protocol.merkle import Tree
from jisr_protocol.reader import sheet

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AT = "2026-05-01T08:00:00Z"
EPOCH = "1-aaaaaaaa"
KEYS = SigningKey(bytes(32)), SigningKey(bytes(31) + b"\x01")
FIRST = envelope.sealed("key", keys.first_statement(KEYS[0], [], role="node", created=AT, salt="A" * 22), KEYS[0])
PAGE = 4
"""Entries in a page here, so that a short log has many."""

Word = tuple[str, int, int, int, int, bool]
"""op, record, rev, which of two contents, which key, whether its signature is bent"""

words = st.tuples(
    st.sampled_from([*["new"] * 6, "put", "put", "del", "out", "erase", "hold", "unhold", "mark", "revoke"]),
    st.integers(-1, 6),
    st.integers(1, 4),
    st.integers(0, 1),
    st.integers(0, 1),
    st.sampled_from([False, False, False, True]),
)
logs = st.lists(words, max_size=30)


class Log:
    """The lines of these words, and the ring of their node."""

    def __init__(self, said: list[Word]) -> None:
        self.ring: KeyRing = keys.begin(FIRST)
        self.lines = [entry.write("key", FIRST, seq=0, at=AT)]
        self._key({"action": "add", "jwk": keys.jwk_of(KEYS[1].public.public)})
        for word in said:
            self._say(word)

    def _key(self, members: dict[str, Any]) -> None:
        value = {"created": AT, "n": self.ring.next_n, "node": self.ring.id, **members}
        statement = envelope.sealed("key", value, KEYS[0])
        self.ring = self.ring.admit(statement)
        self.lines.append(entry.write("key", statement, seq=len(self.lines), at=AT))

    def _say(self, word: Word) -> None:
        op, number, rev, content, key, bent = word
        seq, signer = len(self.lines), KEYS[key]
        if op == "revoke":
            if self.ring.keys[KEYS[1].kid].state == "active":
                last = {"last": {"public": [EPOCH, max(seq - rev, 0)]}} if content else {}
                self._key({"action": "revoke", "kid": KEYS[1].kid, "reason": "stolen", **last})
            return
        id_ = _record_id(1000 + seq if op == "new" else max(number, 0))
        common = {"audience": "public", "id": id_, "node": self.ring.id, "rev": rev, "salt": "AQ"[content] * 22}
        if op in ("new", "put"):
            thing = envelope.sealed("record", common | {"type": "org.jisr.news/1"}, signer)
            raw = entry.write("put", thing, seq=seq, at=AT)
        elif op == "del":
            value = common | {"modified": AT, "of": "org.jisr.news/1"}
            raw = entry.write("del", envelope.sealed("tombstone", value, signer), seq=seq, at=AT)
        elif op == "out":
            named = {"node": self.ring.id, "id": id_, "rev": rev, "digest": "0" * 64, "type": "org.jisr.news/1"}
            raw = entry.write_out(seq=seq, at=AT, **named)
        elif op == "mark":
            raw = b'{"at":"%b","op":"mark","seq":%d}' % (AT.encode(), seq)
        else:
            value = {"by": self.ring.id, "max_rev": rev if content else None, "node": self.ring.id}
            target = "*" if number < 0 else id_
            raw = entry.write(op, envelope.sealed("notice", value, signer), seq=seq, at=AT, target=target)
        self.lines.append(bent_signature(raw) if bent else raw)

    def publish(self, folder: Path, size: int, minute: int) -> None:
        """The static feed of the first `size` lines."""
        read = [entry.parse(raw) for raw in self.lines[:size]]
        rows = [(*place, *row) for place, row in live.fold(read).items()]
        signed = head.write(
            KEYS[0], by=self.ring.id, name="public", epoch=EPOCH, size=size, live=len(rows),
            log_root=Tree(e.leaf for e in read).root(), state_root=state_tree.build(rows)[0].root(),
            time=NOW + timedelta(minutes=minute), valid_for=timedelta(days=1), next_in=timedelta(hours=1),
        )  # fmt: skip
        for number, width, path in paths.pages(EPOCH, 0, size):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            page = self.lines[PAGE * number : PAGE * number + width]
            (folder / path).write_bytes(b"".join(raw + b"\n" for raw in page))
        (folder / "keys.json").write_bytes(keys.write_file(keys.fold(self._statements(size))))
        (folder / "head.json").write_bytes(signed.raw)

    def _statements(self, size: int) -> Iterator[envelope.Envelope]:
        told = sum(entry.parse(raw).op == "key" for raw in self.lines[:size])
        return iter(self.ring.statements[: max(told, 1)])


@contextmanager
def short_pages() -> Iterator[None]:
    """Pages of a few entries, for publisher and reader."""
    with ExitStack() as pages:
        for module in (paths, page_walk, sheet):
            pages.enter_context(mock.patch.object(module, "PAGE_ENTRIES", PAGE))
        yield


def bent_signature(line: bytes) -> bytes:
    """The line with another signature of the right form; no hash covers it."""

    def other(found: re.Match[bytes]) -> bytes:
        return found[1] + (b"B" if found[2] == b"A" else b"A")

    return re.sub(rb"(\.\.[\w-]{20})([\w-])", other, line, count=1)


def _record_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"
