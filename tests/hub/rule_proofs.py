"""Proofs of the hub's own rules (see tests/protocol/proofs.py), over a hub in memory."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any
from unittest import mock
from urllib.parse import urlencode

from starlette.requests import Request

from jisr_hub import ingest
from jisr_hub.answers import PushAnswer
from jisr_hub.following.taking import Offered, way
from jisr_hub.ports import Peer
from jisr_hub.storage.witnessed import LocalMemory
from jisr_hub.takedown.acknowledging import Acknowledgements
from jisr_hub.takedown.erasure import Erasures
from jisr_hub.views.readers import Granted, Reader
from jisr_hub.web.tokens import Tokens
from jisr_hub.witness.cosigning import Witness
from jisr_protocol import ack, canonical, checkpoint, entry, majors, notice
from jisr_protocol.entry import Entry
from jisr_protocol.keys import KeyRing, SigningKey
from jisr_protocol.token import ASSERTION_TYPE, Assertion, assertion
from jisr_protocol.witness import write_request
from tests.federation.major_two import major_two
from tests.hub.author import TYPE, Author, record_id
from tests.hub.hub_in_memory import MemoryHub
from tests.protocol.proofs import proves, refused
from tests.reader.publisher import NOW, seeded

NOTICE = "5d2c1f3e-0000-4000-8000-000000000001"


def pushed(*authors: Author, **options: Any) -> PushAnswer:
    """The answer of a fresh hub to a push of everything that the first author wrote; it admitted all of them."""

    async def story() -> PushAnswer:
        hub = await MemoryHub("hub", **options).begin()
        await hub.admit(*authors)
        return await hub.push(authors[0])

    return asyncio.run(story())


def put_aside(author: Author, code: str, pointer: str, **options: Any) -> None:
    """Assert that the author's last entry is put aside with this code, and nothing else is."""
    found = [(kept.seq, kept.code, kept.pointer) for kept in pushed(author, **options).quarantined]
    assert found == [(len(author.feed().lines) - 1, code, pointer)], found


@proves("ING-1")
def a_node_that_was_not_admitted_may_not_push() -> None:
    author = Author("stranger")
    author.put("one")

    async def story() -> None:
        hub = await MemoryHub("hub").begin()
        await hub.push(author)

    refused("ING-1", lambda: asyncio.run(story()))


def _bench(author: Author) -> ingest.Bench:
    return ingest.Bench(author.id, "public", "1-aaaaaaaa", author.ring, {}, {})


@proves("ING-2")
def a_record_of_another_node_has_no_place_in_a_nodes_log() -> None:
    author, other = Author("dar"), Author("other")
    author.add(other.sign(other.value("one")))
    foreign = author.feed().entries()[-1]
    refused("ING-2", lambda: ingest.authority(_bench(author), foreign))


def another_nodes_record_is_put_aside() -> None:
    author, other = Author("dar"), Author("other")
    author.put("mine")
    author.add(other.sign(other.value("one")))
    put_aside(author, "not_authoritative", "/record/node")


@proves("ING-3")
def a_rev_that_falls_is_put_aside() -> None:
    author = Author("dar")
    author.put("one", rev=5)
    author.put("one", rev=3)
    put_aside(author, "rev_not_increasing", "/record/rev")


@proves("ING-4")
def another_content_for_the_same_rev_is_put_aside() -> None:
    author = Author("dar")
    author.put("one", rev=5)
    author.put("one", rev=5)
    put_aside(author, "equivocation", "/record/rev")


@proves("ING-5")
def a_first_rev_above_a_million_is_put_aside() -> None:
    author = Author("dar")
    author.put("one", rev=1_000_001)
    put_aside(author, "rev_jump", "/record/rev")


@proves("ING-5")
def a_rev_that_jumps_by_more_than_a_million_is_put_aside() -> None:
    author = Author("dar")
    author.put("one", rev=1_000_000)
    author.put("one", rev=2_000_001)
    put_aside(author, "rev_jump", "/record/rev")


@proves("ING-6")
def a_record_that_does_not_fit_its_type_is_put_aside() -> None:
    author = Author("dar")
    author.put("good")
    author.put("one", status="gone")
    put_aside(author, "schema_invalid", "/record/status")


@proves("ING-7")
def a_record_for_another_audience_is_put_aside() -> None:
    author = Author("dar")
    author.put("good")
    author.add(author.sign(author.value("one", audience="hub")))
    put_aside(author, "audience_mismatch", "/record/audience")


@proves("ING-8")
def a_record_that_the_policy_does_not_take_is_put_aside() -> None:
    author = Author("dar")
    author.put("one")
    put_aside(author, "policy_refused", "/record", policy=lambda _: "no organizations")


@proves("ING-9")
def a_later_major_of_a_known_type_is_put_aside() -> None:
    author = Author("dar")
    author.put("one", type=TYPE.replace("/1", "/9"))
    put_aside(author, "type_unknown", "/record/type")


@proves("ING-10")
def a_node_that_used_up_its_quota_is_told_to_come_back() -> None:
    author = Author("dar")
    author.put("one")

    async def story() -> None:
        hub = await MemoryHub("hub").begin()
        await hub.admit(author, per_hour=1, per_day=1)
        await hub.push(author)
        author.put("two")
        await hub.push(author, 2)

    refused("ING-10", lambda: asyncio.run(story()))


# Erasure


def _erased_then(author: Author, say: Any) -> PushAnswer:
    """The answer to what `say` makes the author push after this hub erased its record up to rev 2."""

    async def story() -> PushAnswer:
        hub = await MemoryHub("hub").begin()
        await hub.admit(author)
        author.put("one")
        await hub.push(author)
        erasures = Erasures(hub.hub, hub.clock, _Nothing(), _Nothing())
        await erasures.erase(author.id, record_id("one"), 2, id=NOTICE, basis="asked for")
        start = len(author.feed().lines)
        say()
        return await hub.push(author, start)

    return asyncio.run(story())


class _Nothing:
    """No files beside the database."""

    def read(self) -> list[bytes]:
        return []

    def append(self, lines: Any) -> None:
        pass

    async def erase(self, erasures: Any) -> None:
        pass


@proves("ING-11")
def what_was_erased_does_not_come_back() -> None:
    author = Author("dar")
    answer = _erased_then(author, lambda: author.put("one"))
    assert [(kept.code, kept.pointer) for kept in answer.quarantined] == [("erased", "/record/rev")]


@proves("ING-11")
def a_late_deletion_of_it_is_not_taken_either_and_a_later_rev_is() -> None:
    author = Author("dar")

    def say() -> None:
        author.delete("one")
        author.put("one")

    answer = _erased_then(author, say)
    assert ([kept.code for kept in answer.quarantined], answer.admitted) == (["erased"], 1)


@proves("ING-12")
def a_stub_without_an_erasure_is_put_aside() -> None:
    author = Author("dar")
    author.put("one")
    stub = entry.write_stub(author.feed().entries()[-1], "erased")
    author.feed().lines[-1] = stub
    put_aside(author, "stub_without_cause", "/gone")


# Notices that strangers bring


def _brought(*things: Any, chains: Any, limit: int = 1_000) -> list[Any]:
    """The answers of a hub that holds nothing to these."""

    async def story() -> list[Any]:
        hub = await MemoryHub("hub").begin()
        with mock.patch("jisr_hub.takedown.acknowledging.ADVICE_KEPT", limit):
            return await Acknowledgements(hub.hub).take([thing.envelope.raw for thing in things], chains)

    return asyncio.run(story())


def _notice_of(hub: MemoryHub, number: int) -> notice.Notice:
    return notice.write(
        hub.identity.key, id=NOTICE, action="erase", by=hub.id, node=Author(f"node {number}").id, ids=(), max_rev=1,
        n=1, issued="2026-08-01T00:00:00Z", basis="asked for",
    )  # fmt: skip


@proves("NTC-9")
def strangers_can_leave_only_so_many_notices() -> None:
    stranger = MemoryHub("stranger")
    told = _brought(*(_notice_of(stranger, n) for n in range(3)), chains=[stranger.identity.ring.statements], limit=2)
    assert [answer.get("code") for answer in told] == [None, None, "rate_limited"], told


@proves("ACK-4")
def an_ack_of_a_notice_that_is_not_held_is_not_kept() -> None:
    stranger = MemoryHub("stranger")
    said = ack.write(
        stranger.identity.key, by=stranger.id, notice="0" * 64, outcome="done", at=stranger.clock() - timedelta(days=1)
    )
    (answer,) = _brought(said, chains=[stranger.identity.ring.statements])
    assert answer.get("code") == "not_found", answer


# Between hubs

PEER = Peer("jisr:" + "p" * 52, "peer", "https://peer.example/", 0, "1-aaaaaaaa")


async def _taken(offered: list[Entry], rings: dict[str, KeyRing]) -> int:
    """How many entries a hub's log grows by when a peer offers these."""
    hub = await MemoryHub("hub").begin()
    return await hub.take(PEER, [Offered(line.seq, line) for line in offered], rings)


@proves("PEER-1")
def a_record_whose_signature_does_not_fit_never_enters_from_a_peer() -> None:
    author, thief = Author("dar"), Author("thief")
    author.feed()
    author.add(author.sign(author.value("one"), key=thief.writer.key))
    assert asyncio.run(_taken(author.feed().entries(), {author.id: author.ring})) == 1, "only the key statement"


@proves("PEER-2")
def an_entry_that_comes_back_to_where_it_was_is_ignored() -> None:
    author = Author("dar")
    author.put("one")
    hub_id = MemoryHub("hub").id
    line = _with_via(author, [hub_id])
    refused("PEER-2", lambda: way(hub_id, PEER, line, 7))


@proves("PEER-2")
def an_entry_of_more_than_three_hops_is_ignored() -> None:
    author = Author("dar")
    author.put("one")
    line = _with_via(author, ["jisr:" + letter * 52 for letter in "abc"])
    refused("PEER-2", lambda: way(MemoryHub("hub").id, PEER, line, 7))


def _with_via(author: Author, hubs: list[str]) -> Entry:
    hops = [{"by": hub, "epoch": "1-aaaaaaaa", "seq": 1} for hub in hubs]
    line = author.feed().entries()[-1]
    assert line.thing is not None
    return entry.parse(entry.write("put", line.thing, seq=7, at=line.at, via=canonical.dumps(hops)))


# Versions


@proves("VER-1")
def a_call_in_another_major_is_refused() -> None:
    for spoken in ("1", "1.7"):
        majors.check_called(spoken)
    refused("VER-1", lambda: majors.check_called("2"))
    refused("VER-1", lambda: majors.check_called("11"))
    refused("VER-1", lambda: majors.check_called(""))


@proves("VER-2")
def of_what_a_host_offers_the_highest_that_is_spoken_here_is_taken() -> None:
    with major_two():
        assert [majors.highest(there) for there in (["1"], ["1", "2"], ["2", "1", "3"])] == ["1", "2", "2"]
    assert majors.highest(["1", "2"]) == "1"
    refused("VER-2", lambda: majors.highest(["2", "10"]))


@proves("VER-2")
def a_host_that_offers_nothing_we_speak_is_not_followed() -> None:
    refused("VER-2", lambda: majors.highest(["one"]))
    refused("VER-2", lambda: majors.highest([]))


@proves("VER-3")
def a_major_does_not_end_within_a_year() -> None:
    majors.check_ending(date(2027, 3, 1), date(2028, 2, 29))
    refused("VER-3", lambda: majors.check_ending(date(2027, 3, 1), date(2028, 2, 28)))


@proves("VER-3")
def a_major_does_not_end_before_anybody_was_told() -> None:
    refused("VER-3", lambda: majors.check_ending(date(2027, 3, 1), date(2026, 3, 1)))


# Tokens


class _Readers:
    """One reader, in memory."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring, self._used, self._tokens = ring, set[tuple[str, str]](), dict[str, Granted]()

    async def reader(self, id: str) -> Reader | None:
        return Reader(id, self._ring, frozenset({"partners"})) if id == self._ring.id else None

    async def use(self, said: Assertion, now: int) -> bool:
        fresh = (said.by, said.jti) not in self._used
        self._used.add((said.by, said.jti))
        return fresh

    async def grant(self, token: str, granted: Granted, expires: int) -> None:
        self._tokens[token] = granted

    async def granted(self, token: str, now: int) -> Granted | None:
        return self._tokens.get(token)


def _asked(*assertions: str) -> int:
    """The status of the answer to the last of these assertions."""

    async def story() -> int:
        tokens = Tokens(_Readers(Author("reader").ring), HUB, lambda: NOW)
        for given in assertions:
            form = {
                "grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": given, "scope": "partners",
            }  # fmt: skip
            answer = await tokens.answer(urlencode(form).encode())
        return answer.status_code

    return asyncio.run(story())


HUB = "jisr:" + "h" * 52


def _assertion() -> str:
    reader = Author("reader")
    return assertion(reader.writer.key, by=reader.id, hub=HUB, jti="one", now=NOW)


@proves("TOK-1")
def a_changed_assertion_does_not_fit_its_signature() -> None:
    header, claims, signature = _assertion().split(".")
    assert _asked(_assertion()) == 200
    assert _asked(f"{header}.{claims}.{signature[::-1]}") == 401


@proves("TOK-4")
def an_assertion_opens_once() -> None:
    refused("TOK-4", lambda: _asked(_assertion(), _assertion()))


@proves("TOK-5")
def without_a_token_a_restricted_feed_stays_shut() -> None:
    tokens = Tokens(_Readers(Author("reader").ring), HUB, lambda: NOW)
    request = Request({"type": "http", "headers": [(b"authorization", b"Bearer nothing")]})
    refused("TOK-5", lambda: asyncio.run(tokens.check(request, "partners")))


@proves("WIT-3")
def a_witness_cosigns_only_feeds_of_hubs_it_follows() -> None:
    author = Author("somebody")

    async def story() -> None:
        hub = await MemoryHub("witness").begin()
        await hub.admit(author)  # its keys are known, and it is not followed
        key = SigningKey(seeded("witness"))
        witness = Witness(hub.id, key, hub.ledger, LocalMemory(), hub.clock, keep=lambda _: None)
        author.put("one")
        note = checkpoint.signed(author.head(), author.writer.key)
        await witness.add(write_request(0, [], note))

    refused("WIT-3", lambda: asyncio.run(story()))
