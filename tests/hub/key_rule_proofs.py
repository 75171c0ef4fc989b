"""Proofs of what a lost key leaves (docs/spec/keys.md), over rings, entries and proofs made by hand."""

from __future__ import annotations

from jisr_hub import ingest
from jisr_protocol import canonical, entry, envelope, keys, validity
from jisr_protocol.entry import Entry
from jisr_protocol.keys import KeyRing, Last, SigningKey
from tests.hub.author import EPOCH, Author
from tests.protocol.proofs import proves, refused
from tests.reader.publisher import seeded

FRESH = SigningKey(seeded("key proofs", "fresh"))


def lost(author: Author, last: Last, *, by_recovery: bool = True) -> KeyRing:
    """The author's keys after the one he signs with was lost, good up to `last`."""
    ring, old = author.writer.ring, author.writer.key
    value = {"created": "2026-09-01T00:00:00Z", "n": ring.next_n, "node": ring.id, "last": validity.written(last)}
    if by_recovery:
        value |= {"action": "recover", "jwk": keys.jwk_of(FRESH.public.public), "revoked": [old.kid]}
        return ring.admit(envelope.sealed("recovery", value, author.writer.recovery))
    added = {"action": "add", "created": "2026-09-01T00:00:00Z", "jwk": keys.jwk_of(FRESH.public.public)}
    ring = ring.admit(envelope.sealed("key", {**added, "n": ring.next_n, "node": ring.id}, old))
    return ring.admit(
        envelope.sealed("key", {**value, "n": ring.next_n, "action": "revoke", "kid": old.kid}, FRESH)
    )  # fmt: skip


def written(author: Author, count: int = 5) -> list[Entry]:
    author.puts(count)
    return author.feed().entries()


def at(place: Entry) -> validity.Source:
    return "public", EPOCH, place.seq


def as_held(place: Entry, proof: bytes | None = None) -> Entry:
    """The entry as a hub's feed would hold it."""
    assert place.thing is not None
    return entry.parse(
        entry.write("put", place.thing, seq=90, at=place.at, src=at(place), extra=proof and b'{"proof":%b}' % proof)
    )


@proves("KEY-10")
def what_stands_beyond_the_last_good_place_does_not_count() -> None:
    author = Author("dar")
    log = written(author)
    ring = lost(author, {"public": (EPOCH, 3)})
    ingest.check_counts(ring, log[2], at(log[2]))
    refused("KEY-10", lambda: ingest.check_counts(ring, log[3], at(log[3])))


@proves("KEY-10")
def of_a_feed_that_is_not_named_nothing_counts() -> None:
    author = Author("dar")
    log = written(author)
    ring = lost(author, {"partners": (EPOCH, 3)})
    refused("KEY-10", lambda: ingest.check_counts(ring, log[1], at(log[1])))


@proves("KEY-10")
def another_epoch_of_the_same_number_is_not_the_one_that_is_named() -> None:
    author = Author("dar")
    log = written(author)
    ring = lost(author, {"public": ("2-aaaaaaaa", 9)})
    ingest.check_counts(ring, log[1], at(log[1]))
    refused("KEY-10", lambda: ingest.check_counts(ring, log[1], ("public", "2-bbbbbbbb", 1)))


@proves("KEY-11")
def a_proof_leads_to_a_head_of_a_good_key() -> None:
    author = Author("dar")
    log = written(author)
    ring = lost(author, {"public": (EPOCH, 9)})
    tree, signed = author.feed().tree(), author.head(key=FRESH)
    true = validity.prove(log[2].at, signed, tree, 2)
    usual = ring.verifiers("record")
    entry.accepted(as_held(log[2], true), validity.verifiers(ring, as_held(log[2], true), usual), author.id)
    for bent in (validity.prove(log[2].at, signed, tree, 3), validity.prove("2026-09-01T00:00:09Z", signed, tree, 2)):
        refused("KEY-11", lambda bent=bent: validity.verifiers(ring, as_held(log[2], bent), usual))


@proves("KEY-11")
def a_proof_is_of_the_writers_own_feed() -> None:
    author = Author("dar")
    log = written(author)
    author.put("restricted", audience="partners")
    ring = lost(author, {"public": (EPOCH, 9)})
    other = validity.prove(log[2].at, author.head(key=FRESH, name="partners"), author.feed().tree(), 2)
    refused("KEY-11", lambda: validity.verifiers(ring, as_held(log[2], other), ring.verifiers("record")))


@proves("KEY-11")
def a_proof_has_its_members() -> None:
    author = Author("dar")
    log = written(author)
    true = validity.prove(log[2].at, author.head(key=FRESH), author.feed().tree(), 2)
    value = canonical.parse(true)
    assert isinstance(value, dict)
    for name in value:
        bent = canonical.dumps({**value, name: None})
        refused("KEY-11", lambda bent=bent: validity.parse_proof(bent))


@proves("KEY-12")
def only_a_recovery_lifts_what_was_erased() -> None:
    author = Author("dar")
    kid, beyond = author.writer.key.kid, ("public", EPOCH, 7)
    by_revocation = lost(author, {"public": (EPOCH, 3)}, by_recovery=False)
    assert validity.counts(by_revocation, kid, beyond, notice=True), "a thief may have revoked it"
    by_recovery = lost(author, {"public": (EPOCH, 3)})
    assert not validity.counts(by_recovery, kid, beyond, notice=True), "the thief's guard stays"


@proves("KEY-12")
def a_notice_of_before_the_theft_guards_on() -> None:
    author = Author("dar")
    ring = lost(author, {"public": (EPOCH, 3)})
    assert validity.counts(ring, author.writer.key.kid, ("public", EPOCH, 2), notice=True)
    assert not validity.counts(ring, None, ("public", EPOCH, 4), notice=True)
