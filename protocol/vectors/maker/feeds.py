"""Complete small feeds, good and bent, each with what a reader must end with."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import entries
from .feed import EXPIRES, LATER, NOW, TIME, Feed, Files, page_path
from .primitives import Key, Writer, base64url, canonical, epoch, sha256, uuid
from .trees import Row

AFTER_EXPIRY = "2026-07-02T00:00:00Z"
EARLIER = "2026-05-31T00:00:00Z"
NEVER = "2026-06-02T13:00:00Z"
"""A time more than ten minutes ahead of NOW."""


@dataclass
class Made:
    """The files of a case: what to read, what to have read before, what is held at the end."""

    files: Files
    rows: list[Row]
    before: Files | None = None
    refused: list[tuple[int, str]] = field(default_factory=list)
    now: str = NOW


@dataclass
class FeedCase:
    name: str
    comment: str
    rule: str | None
    exit: int
    code: str | None
    make: Callable[[], Made]

    def expectation(self, made: Made) -> dict[str, Any]:
        """The content of expect.json."""
        return {
            "before": "before" if made.before is not None else None,
            "code": self.code,
            "comment": self.comment,
            "exit": self.exit,
            "live": [list(row) for row in made.rows],
            "now": made.now,
            "refused": [{"code": code, "seq": seq} for seq, code in made.refused],
            "rule": self.rule,
        }


CASES: list[FeedCase] = []


def _good(name: str, comment: str, rule: str | None = None) -> Callable[[Callable[[], Made]], Callable[[], Made]]:
    return _case(name, comment, rule, 0, None)


def _case(
    name: str, comment: str, rule: str | None, exit_: int, code: str | None
) -> Callable[[Callable[[], Made]], Callable[[], Made]]:
    def register(make: Callable[[], Made]) -> Callable[[], Made]:
        CASES.append(FeedCase(name, comment, rule, exit_, code, make))
        return make

    return register


# The small world of all cases: one node, another, a hub.


def _node() -> Writer:
    return Writer("node")


def _other() -> Writer:
    return Writer("other node")


def _small(writer: Writer | None = None) -> Feed:
    """Six entries: a key, three records, a second rev of one, a deletion of another."""
    feed = Feed(writer or _node())
    feed.key()
    feed.put("a", title={"fr": {"origin": "author", "value": "Marché de Tanger"}})
    feed.put("b", count=5)
    feed.put("c")
    feed.put("a", 2)
    feed.delete("c", 2)
    return feed


def _made(feed: Feed, **more: Any) -> Made:
    return Made(feed.files(), feed.rows, **more)


def _bent(feed: Feed, change: Callable[[Files], None], before: Feed | None = None, **head: Any) -> Made:
    """A feed whose files are changed after they were made; nothing, or `before`, is held at the end."""
    files = feed.files(**head)
    change(files)
    return Made(files, before.rows if before else [], before.files() if before else None)


def _page(feed: Feed, number: int = 0) -> str:
    return page_path(feed.epoch, number, min(256, feed.size - 256 * number))


# Good feeds


@_good("empty", "A feed of no entries: its log root is the hash of nothing.", "MRK-1")
def _empty() -> Made:
    return _made(Feed(_node()))


@_good("one-entry", "One entry, the node's first key statement.")
def _one() -> Made:
    feed = Feed(_node())
    feed.key()
    return _made(feed)


@_good("small", "Records put, put again and deleted.", "LIVE-1")
def _small_case() -> Made:
    return _made(_small())


def _sized(size: int) -> Feed:
    feed = _small()
    feed.fill(size - 1)
    feed.put("last")
    return feed


@_good("size-255", "One entry less than a page.", "PATH-1")
def _size_255() -> Made:
    return _made(_sized(255))


@_good("size-256", "Exactly one page: no partial one.", "PATH-1")
def _size_256() -> Made:
    return _made(_sized(256))


@_good("size-257", "A full page and a partial one of a single entry.", "PATH-1")
def _size_257() -> Made:
    return _made(_sized(257))


@_good("grown", "Read at 6 entries, then at 257: the reader goes on from where it stands.", "READ-5")
def _grown() -> Made:
    feed = _small()
    before = feed.files()
    feed.fill(256)
    feed.put("last")
    return Made(feed.files(time=LATER), feed.rows, before)


@_good("nothing-new", "The same head again.", "READ-4")
def _nothing_new() -> Made:
    feed = _small()
    return Made(feed.files(), feed.rows, feed.files())


@_good("signed-again", "The same entries under a newer head.", "READ-4")
def _signed_again() -> Made:
    feed = _small()
    return Made(feed.files(time=LATER), feed.rows, feed.files())


@_good("key-rotated", "A second key is added and the first retired; what the first signed stays good.", "KEY-6")
def _key_rotated() -> Made:
    writer, fresh = _node(), Key("node 2")
    feed = Feed(writer)
    feed.key()
    feed.put("a")
    feed.key(writer.later("add", jwk=fresh.jwk))
    feed.key(writer.later("retire", kid=writer.key.kid, by=fresh))
    feed.put("b", key=fresh)
    return Made(feed.files(key=fresh), feed.rows)


@_good("key-recovered", "A recovery statement replaces the chain from number 1 on; the fresh key signs.", "KEY-4")
def _key_recovered() -> Made:
    writer, fresh = _node(), Key("node recovered")
    feed = Feed(writer)
    feed.key()
    statement = writer.recover(fresh, [], 1)
    writer.statements.append(statement)
    feed.key(statement)
    feed.put("a", key=fresh)
    return Made(feed.files(key=fresh), feed.rows)


@_good("unknown-op", "Ops nobody knows yet are carried and change no record.", "ENT-8")
def _unknown_op() -> Made:
    feed = _small()
    feed.add(entries.other(feed.size, "bless"))
    feed.add(entries.other(feed.size, "bless", id=uuid("a"), node=feed.writer.id, object={"why": "because"}, rev=9))
    feed.put("d")
    return _made(feed)


@_good("unknown-type", "A record of a type nobody knows yet is held like any other.", "ENT-2")
def _unknown_type() -> Made:
    feed = _small()
    feed.put("d", type="example.tree/3")
    return _made(feed)


@_good(
    "unknown-members", "Members nobody knows yet, in record, entry, key statement and head, change nothing.", "ENT-1"
)
def _unknown_members() -> Made:
    writer = _node()
    feed = Feed(writer)
    feed.key(note="unknown in the entry")
    feed.put("a", later={"deep": [1, {"x": None}]}, entry={"later": True})
    return Made(feed.files(later="unknown in the head"), feed.rows)


@_good("unknown-crit", "What must be understood and is not: that entry is refused, the rest is not.", "ENT-6")
def _unknown_crit() -> Made:
    feed = _small()
    feed.put("d", entry={"crit": ["later"]})
    feed.put("e", crit=["later"])
    feed.put("f")
    return _made(feed, refused=[(6, "crit_unknown"), (7, "crit_unknown")])


@_good("stub-with-cause", "Content is gone, and a later entry says why.", "ENT-7")
def _stub_with_cause() -> Made:
    feed = _small()
    signed = feed.writer.key.sign("notice", entries.notice(feed.writer, feed.writer.id, "erase", [uuid("b")], None))
    feed.add(entries.acted(feed.size, "erase", signed, uuid("b")))
    feed.lines[1] = entries.stub(feed.lines[1], "superseded")
    feed.lines[2] = entries.stub(feed.lines[2], "erased")
    feed.lines[3] = entries.stub(feed.lines[3], "superseded")
    return _made(feed)


@_good("erase-all", "One notice takes out everything of a node up to a rev.", "LIVE-2")
def _erase_all() -> Made:
    feed = _small()
    signed = feed.writer.key.sign("notice", entries.notice(feed.writer, feed.writer.id, "erase", "*", 1))
    feed.add(entries.acted(feed.size, "erase", signed, "*"))
    return _made(feed)


@_good("out-and-in", "A record leaves the view and comes back.", "LIVE-1")
def _out_and_in() -> Made:
    feed = _small()
    feed.add(entries.out(feed.size, feed.lines[2]))
    feed.add(entries.out(feed.size, feed.lines[4]))
    feed.put("b", count=5)
    return _made(feed)


def _hub_feed() -> Feed:
    """A hub's feed of two nodes, with where each entry stood and how it came."""
    hub, node, other = Writer("hub", role="hub"), _node(), _other()
    feed = Feed(hub)
    feed.key()
    for seq, writer in ((0, node), (0, other)):
        feed.key(writer.statements[0], src=["public", epoch(1, writer.label), seq])
    for seq, (label, writer) in enumerate((("a", node), ("b", other), ("c", node)), start=1):
        hop = {"by": hub.id, "epoch": feed.epoch, "seq": seq}
        feed.put(label, writer=writer, entry={"src": ["public", epoch(1, writer.label), seq], "via": [hop]})
    return feed


@_good("hub-of-two", "A hub's feed: the records of two nodes, each under its author's own signature.", "SIG-5")
def _hub_of_two() -> Made:
    return _made(_hub_feed())


@_good("epoch-continued", "A restored publisher goes on in a new epoch from exactly what is held.", "READ-4")
def _epoch_continued() -> Made:
    feed = _small()
    before = feed.files()
    base = {"epoch": feed.epoch, "log_root": feed.head()["head"]["log_root"], "size": feed.size}
    feed.epoch, feed.bases = epoch(2), [base]
    feed.put("d")
    return Made(feed.files(time=LATER), feed.rows, before)


@_good(
    "epoch-replaced", "A new epoch not based on what is held: the reader begins again and replaces its set.", "READ-4"
)
def _epoch_replaced() -> Made:
    before = _small()
    feed = Feed(_node(), epoch_=epoch(2))
    feed.key()
    feed.put("z")
    return Made(feed.files(time=LATER), feed.rows, before.files())


# Entries that are refused alone


@_good("key-of-another", "A record of one node signed by another node's key: refused, the others are held.", "SIG-3")
def _key_of_another() -> Made:
    feed = _hub_feed()
    feed.put("d", writer=_other(), key=_node().key)
    feed.put("e", writer=_node())
    return _made(feed, refused=[(6, "key_unknown")])


@_good("record-of-another", "In a node's own feed a record of another node, well signed: refused.", "READ-9")
def _record_of_another() -> Made:
    feed = _small()
    feed.key(_other().statements[0])
    feed.put("d", writer=_other())
    feed.put("e")
    return _made(feed, refused=[(7, "not_authoritative")])


@_good("signature-broken", "One record's signature does not fit: refused, the others are held.", "SIG-5")
def _signature_broken() -> Made:
    feed = _small()
    value = entries.record(feed.writer, "d")
    jws = feed.writer.key.jws("record", canonical(value | {"rev": 2}))
    feed.add(entries.put(feed.size, value, feed.writer.key, jws=jws))
    feed.put("e")
    return _made(feed, refused=[(6, "signature_invalid")])


def _with_header(header: dict[str, Any] | bytes) -> Made:
    feed = _small()
    value = entries.record(feed.writer, "d")
    raw = base64url(header if isinstance(header, bytes) else canonical(header))
    jws = feed.writer.key.jws("record", canonical(value), header=raw)
    feed.add(entries.put(feed.size, value, feed.writer.key, jws=jws))
    feed.put("e")
    return _made(feed, refused=[(6, "header_invalid")])


@_good("header-with-more", "A member more in a protected header: that entry is refused.", "SIG-2")
def _header_with_more() -> Made:
    kid = _node().key.kid
    return _with_header({"alg": "Ed25519", "kid": kid, "nonce": "x", "typ": "jisr-record+jws"})


@_good("header-of-another-kind", "A record under the header of a tombstone: that entry is refused.", "SIG-2")
def _header_of_another_kind() -> Made:
    return _with_header({"alg": "Ed25519", "kid": _node().key.kid, "typ": "jisr-tombstone+jws"})


@_good("key-revoked", "What a revoked key signs after its revocation is refused.", "KEY-6")
def _key_revoked() -> Made:
    writer, fresh = _node(), Key("node 2")
    feed = Feed(Writer("hub", role="hub"))
    feed.key()
    feed.key(writer.statements[0])
    feed.key(writer.later("add", jwk=fresh.jwk))
    feed.put("a", writer=writer)
    feed.key(writer.later("revoke", by=fresh, kid=writer.key.kid, reason="stolen"))
    feed.put("b", writer=writer)
    feed.put("c", writer=writer, key=fresh)
    return _made(feed, refused=[(5, "key_revoked")])


@_good(
    "rev-falls", "A rev that falls: the state tree follows the log, the accepted set keeps the higher rev.", "READ-7"
)
def _rev_falls() -> Made:
    feed = _small()
    feed.put("d", 5)
    feed.put("d", 3)
    feed.put("e")
    return _made(feed, refused=[(7, "rev_not_increasing")])


@_good("rev-twice", "One rev with two contents is equivocation.", "READ-8")
def _rev_twice() -> Made:
    feed = _small()
    feed.put("d", 5)
    feed.put("d", 5, said="otherwise")
    return _made(feed, refused=[(7, "equivocation")])


@_good("key-statement-skipped", "A key statement whose number is not the next: refused, and its key unknown.", "KEY-4")
def _key_statement_skipped() -> Made:
    writer, fresh = _node(), Key("node 2")
    feed = _small(writer)
    value = {"action": "add", "created": TIME, "jwk": fresh.jwk, "n": 4, "node": writer.id}
    feed.key(writer.key.sign("key", value))
    feed.put("d", key=fresh)
    return _made(feed, refused=[(6, "key_invalid"), (7, "key_unknown")])


# Pages that are not what the head says


@_case("flipped-byte", "A byte of a page changed.", "READ-5", 21, "root_mismatch")
def _flipped_byte() -> Made:
    feed = _small()
    return _bent(feed, lambda files: _replace(files, _page(feed), "Marché", "Marchà"))


@_case("missing-page", "A page that the head promises is not there.", "PAGE-1", 21, "page_missing")
def _missing_page() -> Made:
    feed = _small()
    return _bent(feed, lambda files: _drop(files, _page(feed)))


@_case("missing-later-page", "The second page is missing; what was held stays.", "PAGE-1", 21, "page_missing")
def _missing_later_page() -> Made:
    before, feed = _small(), _sized(257)
    return _bent(feed, lambda files: _drop(files, _page(feed, 1)), before, time=LATER)


@_case("shortened-log", "A page holds fewer entries than its name says.", "PAGE-3", 21, "seq_mismatch")
def _shortened_log() -> Made:
    feed = _small()

    def shorten(files: Files) -> None:
        files[_page(feed)] = b"".join(files[_page(feed)].splitlines(keepends=True)[:-1])

    return _bent(feed, shorten)


@_case("swapped-lines", "Two entries changed places.", "PAGE-3", 21, "seq_mismatch")
def _swapped_lines() -> Made:
    feed = _small()

    def swap(files: Files) -> None:
        lines = files[_page(feed)].splitlines(keepends=True)
        files[_page(feed)] = b"".join([*lines[:1], lines[2], lines[1], *lines[3:]])

    return _bent(feed, swap)


@_case("last-line-open", "The last line of a page has no line feed.", "PAGE-4", 21, "not_canonical")
def _last_line_open() -> Made:
    feed = _small()
    return _bent(feed, lambda files: _put(files, _page(feed), files[_page(feed)][:-1]))


@_case("entry-without-op", "An entry without a member it needs.", "ENT-1", 21, "malformed")
def _entry_without_op() -> Made:
    feed = _small()
    return _bent(feed, lambda files: _replace(files, _page(feed), '"op":"del",', ""))


@_case("record-without-salt", "A record without a member its leaf needs.", "ENT-2", 21, "malformed")
def _record_without_salt() -> Made:
    feed = _small()
    salt = canonical(entries.record(feed.writer, "b")["salt"]).decode()
    return _bent(feed, lambda files: _replace(files, _page(feed), f'"salt":{salt},', ""))


@_case("digest-beside-content", "An entry repeats what follows from its content.", "ENT-4", 21, "malformed")
def _digest_beside_content() -> Made:
    feed = _small()
    more = f'"digest":"{sha256(b"x").hex()}",'
    return _bent(feed, lambda files: _replace(files, _page(feed), '"jws":', more + '"jws":', 1))


@_case("stub-without-cause", "Content is gone and no entry says why.", "ENT-7", 21, "stub_without_cause")
def _stub_without_cause() -> Made:
    feed = _small()
    good = feed.lines[2]

    def empty(files: Files) -> None:
        stub = entries.stub(good, "erased")
        files[_page(feed)] = files[_page(feed)].replace(good.raw, stub.raw)

    return _bent(feed, empty)


_FORMS: dict[str, tuple[str, str, str, str, str]] = {
    "member-order": ("Members in another order.", '"rev":1,"salt"', '"salt"', "CAN-2", "not_canonical"),
    "spaces": ("A space after a colon.", '"count":5', '"count": 5', "CAN-2", "not_canonical"),
    "escaped-letter": ("A plain letter written as an escape.", "Marché", "\\u004darché", "CAN-2", "not_canonical"),
    "name-twice-first": (
        "A name twice, the good one first.",
        '"count":5',
        '"count":5,"count":6',
        "CAN-2",
        "not_canonical",
    ),
    "name-twice-last": (
        "A name twice, the good one last.",
        '"count":5',
        '"count":6,"count":5',
        "CAN-2",
        "not_canonical",
    ),
    "decimal-point": ("5 written as 5.0.", '"count":5', '"count":5.0', "CAN-3", "not_canonical"),
    "exponent": ("5 written as 5e0.", '"count":5', '"count":5e0', "CAN-3", "not_canonical"),
    "byte-order-mark": ("A byte order mark before the first line.", "", "\ufeff", "CAN-1", "not_json"),
    "nfd-text": ("Text that is not in form C.", "é", unicodedata.normalize("NFD", "é"), "CAN-6", "not_canonical"),
    "lone-surrogate": ("Half of a surrogate pair.", "Marché", "\\ud800", "CAN-1", "not_json"),
    "control-character": ("A control character in a text.", "Marché", "Mar\\u0001ché", "CAN-8", "not_canonical"),
}


def _form(old: str, new: str) -> Callable[[], Made]:
    def make() -> Made:
        feed = _small()

        def change(files: Files) -> None:
            text = files[_page(feed)].decode()
            if old.startswith('"rev"'):
                at = text.index(old)
                after = text.index(",", at + len(old))
                text = text[:at] + text[at + 8 : after] + ',"rev":1' + text[after:]
            else:
                text = text.replace(old, new, 1)
            files[_page(feed)] = text.encode()

        return _bent(feed, change)

    return make


for _name, (_comment, _old, _new, _rule, _code) in _FORMS.items():
    CASES.append(FeedCase(f"form-{_name}", _comment, _rule, 21, _code, _form(_old, _new)))


# Heads that contradict, are late, or are none


@_case("older-head", "A head smaller and older than the one held: some cache's.", "READ-2", 10, "head_older")
def _older_head() -> Made:
    feed = _small()
    small = feed.files(time=EARLIER)
    feed.put("d")
    return Made(small, feed.rows, feed.files())


@_case("older-epoch", "A head of an earlier epoch than the one held.", "READ-2", 10, "head_older")
def _older_epoch() -> Made:
    feed, old = _small(), _small()
    feed.epoch = epoch(2)
    return Made(old.files(), feed.rows, feed.files())


@_case("rollback", "A head smaller and newer than the one held.", "READ-3", 20, "rollback")
def _rollback() -> Made:
    feed = _small()
    small = feed.files(time=LATER)
    feed.put("d")
    return Made(small, feed.rows, feed.files())


@_case("two-heads-one-size", "Two signed heads of one size and two roots.", "READ-4", 20, "fork")
def _two_heads() -> Made:
    one, two = _small(), _small()
    one.put("d")
    two.put("e")
    return Made(two.files(time=LATER), one.rows, one.files())


@_case("history-rewritten", "A larger log that does not begin with what is held.", "READ-4", 20, "fork")
def _history_rewritten() -> Made:
    one, two = _small(), _small()
    one.put("d")
    two.put("e")
    two.put("f")
    return Made(two.files(time=LATER), one.rows, one.files())


@_case("epoch-twice", "Two epochs with one number.", "READ-4", 20, "fork")
def _epoch_twice() -> Made:
    one, two = _small(), _small()
    two.epoch = epoch(1, "another")
    return Made(two.files(time=LATER), one.rows, one.files())


@_case("key-chain-rewritten", "A chain of key statements that is not the one held.", "KEY-8", 20, "fork")
def _key_chain_rewritten() -> Made:
    one, two = _node(), _node()
    feed = Feed(one)
    feed.key()
    feed.key(one.later("add", jwk=Key("node 2").jwk))
    bent = Feed(two)
    bent.key()
    fresh = Key("node 3")
    bent.key(two.later("add", jwk=fresh.jwk))
    bent.put("a", key=fresh)
    return Made(bent.files(key=fresh, time=LATER), feed.rows, feed.files())


@_case("expired-head", "The head has expired.", "HEAD-6", 10, "head_expired")
def _expired_head() -> Made:
    feed = _small()
    return Made(feed.files(), [], now=AFTER_EXPIRY)


@_case("expired-head-held", "The head held before has expired; what is held stays.", "HEAD-6", 10, "head_expired")
def _expired_head_held() -> Made:
    feed = _small()
    return Made(feed.files(expires="2026-06-02T11:00:00Z"), feed.rows, feed.files())


@_case(
    "head-of-another-feed",
    "The head of another node's feed stands at this address.",
    "READ-1",
    21,
    "identifier_mismatch",
)
def _head_of_another_feed() -> Made:
    feed, other = _small(), _small(_other())
    return Made(other.files(time=LATER), feed.rows, feed.files())


@_case("head-of-another-name", "The head of another feed of the same node.", "READ-1", 21, "identifier_mismatch")
def _head_of_another_name() -> Made:
    feed, other = _small(), _small()
    other.name = "partners"
    return Made(other.files(time=LATER), feed.rows, feed.files())


@_case("head-missing", "There is no head.json.", "HEAD-1", 21, "malformed")
def _head_missing() -> Made:
    feed = _small()
    return _bent(feed, lambda files: _drop(files, "head.json"))


@_case("head-not-json", "The head is a web page.", "CAN-1", 21, "not_json")
def _head_not_json() -> Made:
    feed = _small()
    return _bent(feed, lambda files: _put(files, "head.json", b"<!doctype html><title>Parked</title>\n"))


@_case("head-without-size", "A head without a member it needs.", "HEAD-1", 21, "malformed")
def _head_without_size() -> Made:
    feed = _small()
    return _bent(feed, lambda files: _replace(files, "head.json", f',"size":{feed.size}', ""))


@_case("head-of-major-2", "A head of a major version this reader does not speak.", "HEAD-2", 21, "version_unsupported")
def _head_of_major_2() -> Made:
    return Made(_small().files(jisr="2"), [])


@_case("head-floor-above-size", "A floor above the size.", "HEAD-3", 21, "malformed")
def _head_floor_above_size() -> Made:
    return Made(_small().files(floor=7), [])


@_case("head-changed", "A member of the head changed after it was signed.", "SIG-5", 21, "signature_invalid")
def _head_changed() -> Made:
    feed = _small()
    return _bent(feed, lambda files: _replace(files, "head.json", EXPIRES, "2026-08-01T00:00:00Z"))


@_case("head-by-stranger", "A head signed by a key that is not the owner's.", "SIG-3", 21, "key_unknown")
def _head_by_stranger() -> Made:
    return Made(_small().files(key=_other().key), [])


@_case("head-by-retired-key", "A head signed by a retired key.", "HEAD-4", 21, "key_revoked")
def _head_by_retired_key() -> Made:
    writer, fresh = _node(), Key("node 2")
    feed = Feed(writer)
    feed.key()
    feed.key(writer.later("add", jwk=fresh.jwk))
    feed.key(writer.later("retire", kid=writer.key.kid, by=fresh))
    return Made(feed.files(), [])


@_case("head-by-revoked-key", "A head signed by a revoked key.", "KEY-6", 21, "key_revoked")
def _head_by_revoked_key() -> Made:
    writer, fresh = _node(), Key("node 2")
    feed = Feed(writer)
    feed.key()
    feed.key(writer.later("add", jwk=fresh.jwk))
    feed.key(writer.later("revoke", kid=writer.key.kid, by=fresh))
    return Made(feed.files(), [])


@_case("head-from-the-future", "A head dated more than ten minutes ahead.", "HEAD-5", 21, "clock_skew")
def _head_from_the_future() -> Made:
    return Made(_small().files(time=NEVER), [])


@_case("wrong-log-root", "The head signs another log root than the entries give.", "READ-5", 21, "root_mismatch")
def _wrong_log_root() -> Made:
    return Made(_small().files(log_root=sha256(b"another").hex()), [])


@_case("wrong-state-root", "The head signs another live set than the entries give.", "READ-6", 22, "state_mismatch")
def _wrong_state_root() -> Made:
    return Made(_small().files(state_root=sha256(b"another").hex()), [])


@_case("wrong-live-count", "The head signs another number of live records.", "READ-6", 22, "state_mismatch")
def _wrong_live_count() -> Made:
    return Made(_small().files(live=1), [])


@_case("floor-above-cursor", "The feed no longer keeps what comes next.", "READ-11", 21, "cursor_below_floor")
def _floor_above_cursor() -> Made:
    return Made(_small().files(floor=3), [])


@_case("keys-missing", "There is no keys.json.", "PAGE-1", 21, "page_missing")
def _keys_missing() -> Made:
    return _bent(_small(), lambda files: _drop(files, "keys.json"))


@_case("keys-of-another", "The keys.json of another node.", "KEY-2", 21, "identifier_mismatch")
def _keys_of_another() -> Made:
    other = canonical({"keys": _other().statements}) + b"\n"
    return _bent(_small(), lambda files: _put(files, "keys.json", other))


@_case("keys-empty", "A keys.json without a statement.", "KEY-7", 21, "key_invalid")
def _keys_empty() -> Made:
    return _bent(_small(), lambda files: _put(files, "keys.json", b'{"keys":[]}\n'))


def _replace(files: Files, path: str, old: str, new: str, count: int = -1) -> None:
    changed = files[path].replace(old.encode(), new.encode(), count)
    if changed == files[path]:
        raise ValueError(f"{path} holds no {old!r}")
    files[path] = changed


def _put(files: Files, path: str, content: bytes) -> None:
    files[path] = content


def _drop(files: Files, path: str) -> None:
    del files[path]
