"""Feeds that a reader ends verified with: some hold entries that are refused alone."""

from __future__ import annotations

from typing import Any

from . import entries
from .feed import LATER, TIME, Feed
from .feeds import Made, a_node, another_node, good, hub_feed, key_revoked, made, sized, small
from .primitives import Key, Writer, base64url, canonical, epoch, uuid

# Good feeds


@good("empty", "A feed of no entries: its log root is the hash of nothing.", "MRK-1")
def _empty() -> Made:
    return made(Feed(a_node()))


@good("one-entry", "One entry, the node's first key statement.")
def _one() -> Made:
    feed = Feed(a_node())
    feed.key()
    return made(feed)


@good("small", "Records put, put again and deleted.", "LIVE-1")
def _small_case() -> Made:
    return made(small())


@good("size-255", "One entry less than a page.", "PATH-1")
def _size_255() -> Made:
    return made(sized(255))


@good("size-256", "Exactly one page: no partial one.", "PATH-1")
def _size_256() -> Made:
    return made(sized(256))


@good("size-257", "A full page and a partial one of a single entry.", "PATH-1")
def _size_257() -> Made:
    return made(sized(257))


@good("five-pages", "More pages than a reader asks for at once.", "PAGE-3")
def _five_pages() -> Made:
    return made(sized(1_100))


@good("every-op", "Every operation there is, and one there is not.", "ENT-5")
def _every_op() -> Made:
    feed, hub = small(), Writer("hub", role="hub")
    key = feed.writer.key
    erase = key.sign("notice", entries.notice(feed.writer, feed.writer.id, "erase", [uuid("b")], 9))
    hold = key.sign("notice", entries.notice(feed.writer, feed.writer.id, "hold", "*", None))
    node = {"by": hub.id, "id": uuid("s"), "n": 1, "subject": feed.writer.id, "type": "node"}
    feed.add(entries.acted(feed.size, "erase", erase, uuid("b")))
    feed.put("d")
    feed.add(entries.out(feed.size, feed.lines[-1]))
    feed.add(entries.acted(feed.size, "hold", hold, "*"))
    feed.add(entries.acted(feed.size, "unhold", hold, "*"))
    feed.put("a", 2)
    feed.add(entries.stated(feed.size, hub.key.sign("statement", node)))
    feed.add(entries.nodehead(feed.size, small().head(), {"policy": 0}))
    feed.add(entries.other(feed.size, "bless", object={"a": 1}))
    return made(feed)


@good("grown", "Read at 6 entries, then at 257: the reader goes on from where it stands.", "READ-5")
def _grown() -> Made:
    feed = small()
    before = feed.files()
    feed.fill(256)
    feed.put("last")
    return Made(feed.files(time=LATER), feed.rows, before)


@good("nothing-new", "The same head again.", "READ-4")
def _nothing_new() -> Made:
    feed = small()
    return Made(feed.files(), feed.rows, feed.files())


@good("signed-again", "The same entries under a newer head.", "READ-4")
def _signed_again() -> Made:
    feed = small()
    return Made(feed.files(time=LATER), feed.rows, feed.files())


@good("key-rotated", "A second key is added and the first retired; what the first signed stays good.", "KEY-6")
def _key_rotated() -> Made:
    writer, fresh = a_node(), Key("node 2")
    feed = Feed(writer)
    feed.key()
    feed.put("a")
    feed.key(writer.later("add", jwk=fresh.jwk))
    feed.key(writer.later("retire", kid=writer.key.kid, by=fresh))
    feed.put("b", key=fresh)
    return Made(feed.files(key=fresh), feed.rows)


@good("key-recovered", "A recovery statement replaces the chain from number 1 on; the fresh key signs.", "KEY-4")
def _key_recovered() -> Made:
    writer, fresh = a_node(), Key("node recovered")
    feed = Feed(writer)
    feed.key()
    statement = writer.recover(fresh, [], 1)
    writer.statements.append(statement)
    feed.key(statement)
    feed.put("a", key=fresh)
    return Made(feed.files(key=fresh), feed.rows)


@good("unknown-op", "Ops nobody knows yet are carried and change no record.", "ENT-8")
def _unknown_op() -> Made:
    feed = small()
    feed.add(entries.other(feed.size, "bless"))
    feed.add(entries.other(feed.size, "bless", id=uuid("a"), node=feed.writer.id, object={"why": "because"}, rev=9))
    feed.put("d")
    return made(feed)


@good("unknown-type", "A record of a type nobody knows yet is held like any other.", "ENT-2")
def _unknown_type() -> Made:
    feed = small()
    feed.put("d", type="example.tree/3")
    return made(feed)


@good("unknown-members", "Members nobody knows yet, in record, entry, key statement and head, change nothing.", "ENT-1")
def _unknown_members() -> Made:
    writer = a_node()
    feed = Feed(writer)
    feed.key(note="unknown in the entry")
    feed.put("a", later={"deep": [1, {"x": None}]}, entry={"later": True})
    return Made(feed.files(later="unknown in the head"), feed.rows)


@good("unknown-crit", "What must be understood and is not: that entry is refused, the rest is not.", "ENT-6")
def _unknown_crit() -> Made:
    feed = small()
    feed.put("d", entry={"crit": ["later"]})
    feed.put("e", crit=["later"])
    feed.put("f")
    return made(feed, refused=[(6, "crit_unknown"), (7, "crit_unknown")])


@good("stub-with-cause", "Content is gone, and a later entry says why.", "ENT-7")
def _stub_with_cause() -> Made:
    feed = small()
    signed = feed.writer.key.sign("notice", entries.notice(feed.writer, feed.writer.id, "erase", [uuid("b")], None))
    feed.add(entries.acted(feed.size, "erase", signed, uuid("b")))
    feed.lines[1] = entries.stub(feed.lines[1], "superseded")
    feed.lines[2] = entries.stub(feed.lines[2], "erased")
    feed.lines[3] = entries.stub(feed.lines[3], "superseded")
    return made(feed)


@good("erase-all", "One notice takes out everything of a node up to a rev.", "LIVE-2")
def _erase_all() -> Made:
    feed = small()
    signed = feed.writer.key.sign("notice", entries.notice(feed.writer, feed.writer.id, "erase", "*", 1))
    feed.add(entries.acted(feed.size, "erase", signed, "*"))
    return made(feed)


@good("out-and-in", "A record leaves the view and comes back.", "LIVE-1")
def _out_and_in() -> Made:
    feed = small()
    feed.add(entries.out(feed.size, feed.lines[2]))
    feed.add(entries.out(feed.size, feed.lines[4]))
    feed.put("b", count=5)
    return made(feed)


@good("hub-of-two", "A hub's feed: the records of two nodes, each under its author's own signature.", "SIG-5")
def _hub_of_two() -> Made:
    return made(hub_feed())


@good("epoch-continued", "A restored publisher goes on in a new epoch from exactly what is held.", "READ-4")
def _epoch_continued() -> Made:
    feed = small()
    before = feed.files()
    base = {"epoch": feed.epoch, "log_root": feed.head()["head"]["log_root"], "size": feed.size}
    feed.epoch, feed.bases = epoch(2), [base]
    feed.put("d")
    return Made(feed.files(time=LATER), feed.rows, before)


@good(
    "epoch-on-old-pages", "Pages wholly below the base stand under the old epoch; a fresh reader finds them.", "PATH-1"
)
def _epoch_on_old_pages() -> Made:
    feed = sized(257)
    base = {"epoch": feed.epoch, "log_root": feed.head()["head"]["log_root"], "size": feed.size}
    feed.epoch, feed.bases = epoch(2), [base]
    feed.put("d")
    return made(feed)


@good(
    "epoch-replaced", "A new epoch not based on what is held: the reader begins again and replaces its set.", "READ-4"
)
def _epoch_replaced() -> Made:
    before = small()
    feed = Feed(a_node(), epoch_=epoch(2))
    feed.key()
    feed.put("z")
    return Made(feed.files(time=LATER), feed.rows, before.files())


# Entries that are refused alone


@good("key-of-another", "A record of one node signed by another node's key: refused, the others are held.", "SIG-3")
def _key_of_another() -> Made:
    feed = hub_feed()
    feed.put("d", writer=another_node(), key=a_node().key)
    feed.put("e", writer=a_node())
    return made(feed, refused=[(6, "key_unknown")])


@good("record-of-another", "In a node's own feed a record of another node, well signed: refused.", "READ-9")
def _record_of_another() -> Made:
    feed = small()
    feed.key(another_node().statements[0])
    feed.put("d", writer=another_node())
    feed.put("e")
    return made(feed, refused=[(7, "not_authoritative")])


@good("signature-broken", "One record's signature does not fit: refused, the others are held.", "SIG-5")
def _signature_broken() -> Made:
    feed = small()
    value = entries.record(feed.writer, "d")
    jws = feed.writer.key.jws("record", canonical(value | {"rev": 2}))
    feed.add(entries.put(feed.size, value, feed.writer.key, jws=jws))
    feed.put("e")
    return made(feed, refused=[(6, "signature_invalid")])


def _with_header(header: dict[str, Any] | bytes) -> Made:
    feed = small()
    value = entries.record(feed.writer, "d")
    raw = base64url(header if isinstance(header, bytes) else canonical(header))
    jws = feed.writer.key.jws("record", canonical(value), header=raw)
    feed.add(entries.put(feed.size, value, feed.writer.key, jws=jws))
    feed.put("e")
    return made(feed, refused=[(6, "header_invalid")])


@good("header-with-more", "A member more in a protected header: that entry is refused.", "SIG-2")
def _header_with_more() -> Made:
    kid = a_node().key.kid
    return _with_header({"alg": "Ed25519", "kid": kid, "nonce": "x", "typ": "jisr-record+jws"})


@good("header-of-another-kind", "A record under the header of a tombstone: that entry is refused.", "SIG-2")
def _header_of_another_kind() -> Made:
    return _with_header({"alg": "Ed25519", "kid": a_node().key.kid, "typ": "jisr-tombstone+jws"})


@good("key-revoked", "What a revoked key signs after its revocation is refused.", "KEY-6")
def _key_revoked() -> Made:
    return made(key_revoked(), refused=[(5, "key_revoked")])


@good("key-revoked-at-home", "What stands before the revocation stays good, for who comes late too.", "KEY-6")
def _key_revoked_at_home() -> Made:
    writer, fresh = a_node(), Key("node 2")
    feed = Feed(writer)
    feed.key()
    feed.put("a")
    feed.key(writer.later("add", jwk=fresh.jwk))
    feed.key(writer.later("revoke", by=fresh, kid=writer.key.kid))
    feed.put("b")
    feed.put("c", key=fresh)
    return Made(feed.files(key=fresh), feed.rows, refused=[(4, "key_revoked")])


@good("rev-falls", "A rev that falls: the state tree follows the log, the accepted set keeps the higher rev.", "READ-7")
def _rev_falls() -> Made:
    feed = small()
    feed.put("d", 5)
    feed.put("d", 3)
    feed.put("e")
    return made(feed, refused=[(7, "rev_not_increasing")])


@good("rev-twice", "One rev with two contents is equivocation.", "READ-8")
def _rev_twice() -> Made:
    feed = small()
    feed.put("d", 5)
    feed.put("d", 5, said="otherwise")
    return made(feed, refused=[(7, "equivocation")])


@good("key-statement-skipped", "A key statement whose number is not the next: refused, and its key unknown.", "KEY-4")
def _key_statement_skipped() -> Made:
    writer, fresh = a_node(), Key("node 2")
    feed = small(writer)
    value = {"action": "add", "created": TIME, "jwk": fresh.jwk, "n": 4, "node": writer.id}
    feed.key(writer.key.sign("key", value))
    feed.put("d", key=fresh)
    return made(feed, refused=[(6, "key_invalid"), (7, "key_unknown")])
