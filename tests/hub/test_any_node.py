"""An admitted node may sign whatever it likes: the hub answers, publishes, and a reader verifies what it published."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from jisr_hub.answers import PushAnswer
from jisr_protocol import canonical, envelope
from jisr_protocol.reader.follow import follow
from jisr_protocol.refusal import Refusal
from tests.hub.author import Author
from tests.hub.hub_in_memory import MemoryHub
from tests.protocol.test_canonical_properties import names, values

AT = "2026-08-01T00:00:00Z"
HOP = {"by": "jisr:" + "h" * 52, "epoch": "1-aaaaaaaa", "seq": 5}

labels = st.sampled_from(["one", "two", "three"])
odd_members = st.dictionaries(
    st.sampled_from(["name", "status", "links", "crit", "audience", "type", "node", "created", "modified"]) | names,
    values,
    max_size=3,
)
entry_members = st.fixed_dictionaries(
    {},
    optional={
        "crit": st.lists(names.filter(bool), max_size=2),
        "later": values,
        "src": st.just(["public", "1-aaaaaaaa", 3]),
        "via": st.lists(st.just(HOP), max_size=5),
    },
)
contents = st.one_of(
    st.tuples(st.just("record"), labels, st.integers(1, 4), odd_members),
    st.tuples(st.just("tombstone"), labels, st.integers(1, 4), odd_members),
    st.tuples(st.sampled_from(["statement", "notice"]), labels, st.integers(1, 4), odd_members),
    st.tuples(st.just("unknown"), labels, st.integers(1, 4), odd_members),
)
words = st.tuples(contents, entry_members)
OPS = {"record": "put", "tombstone": "del", "statement": "statement", "notice": "erase"}


def written(author: Author, seq: int, word: tuple[tuple[str, str, int, dict[str, Any]], dict[str, Any]]) -> bytes:
    """The line of a word, signed by the author."""
    (kind, label, rev, odd), beside = word
    if kind == "unknown":
        return canonical.dumps(beside | {"at": AT, "object": odd, "op": "bless", "seq": seq})
    value = author.value(label, rev=rev)
    if kind == "tombstone":
        value = {name: value[name] for name in ("audience", "id", "modified", "node", "rev", "salt")} | {
            "of": value["type"]
        }
    elif kind == "notice":
        value = {"by": author.id, "max_rev": rev, "node": author.id}
        beside = beside | {"id": "*"}
    elif kind == "statement":
        value = {"id": value["id"], "n": rev, "subject": author.id, "type": "node"}
    thing = envelope.sealed(kind, value | odd, author.writer.key)
    return canonical.dumps(beside | {"at": AT, "jws": thing.jws, "op": OPS[kind], "seq": seq, kind: thing.value})


async def _story(log: list[Any], place: Path) -> None:
    author = Author("dar")
    for word in log:
        author.line(written(author, len(author.feed().lines), word))
    hub = await MemoryHub("hub").begin()
    await hub.admit(author)
    try:
        answer: PushAnswer | None = await hub.push(author)
    except Refusal:
        answer = None
    signed = await hub.publish()
    assert (await hub.push(author)).next == answer.next if answer else True
    assert await hub.publish() == signed or signed.size == (await hub.publish()).size
    result = await follow(hub.write_out(place / "feed"), place / "copy.jisr", now=hub.clock)
    assert result.outcome == 0, result.sentence
    assert result.refused == [], "a hub publishes nothing that its readers refuse"
    if answer is not None:
        assert answer.admitted + answer.duplicates + len(answer.quarantined) == len(author.feed().lines)
        assert all(orjson.dumps([kept.code, kept.pointer, kept.detail]) for kept in answer.quarantined)


@given(st.lists(words, max_size=5))
def test_whatever_a_node_signs_the_hub_answers_and_its_readers_verify(log: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as place:
        try:
            lines = [written(Author("dar"), 1, word) for word in log]
        except Refusal:  # an odd member that no canonical bytes can hold
            return
        assert all(lines)
        asyncio.run(_story(log, Path(place)))
