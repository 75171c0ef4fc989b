"""Feeds that a reader must not take: wrong or missing files, heads that are late or contradict each other."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from . import entries
from .feed import EXPIRES, LATER, Feed, Files
from .feeds import (
    AFTER_EXPIRY,
    CASES,
    EARLIER,
    NEVER,
    FeedCase,
    Made,
    a_node,
    another_node,
    bent,
    case,
    drop,
    page,
    put,
    replace,
    sized,
    small,
)
from .primitives import Key, canonical, epoch, sha256

# Pages that are not what the head says


@case("flipped-byte", "A byte of a page changed.", "READ-5", 21, "root_mismatch")
def _flipped_byte() -> Made:
    feed = small()
    return bent(feed, lambda files: replace(files, page(feed), "Marché", "Marchà"))


@case("missing-page", "A page that the head promises is not there.", "PAGE-1", 21, "page_missing")
def _missing_page() -> Made:
    feed = small()
    return bent(feed, lambda files: drop(files, page(feed)))


@case("missing-later-page", "The second page is missing; what was held stays.", "PAGE-1", 21, "page_missing")
def _missing_later_page() -> Made:
    before, feed = small(), sized(257)
    return bent(feed, lambda files: drop(files, page(feed, 1)), before, time=LATER)


@case("shortened-log", "A page holds fewer entries than its name says.", "PAGE-3", 21, "seq_mismatch")
def _shortened_log() -> Made:
    feed = small()

    def shorten(files: Files) -> None:
        files[page(feed)] = b"".join(files[page(feed)].splitlines(keepends=True)[:-1])

    return bent(feed, shorten)


@case("swapped-lines", "Two entries changed places.", "PAGE-3", 21, "seq_mismatch")
def _swapped_lines() -> Made:
    feed = small()

    def swap(files: Files) -> None:
        lines = files[page(feed)].splitlines(keepends=True)
        files[page(feed)] = b"".join([*lines[:1], lines[2], lines[1], *lines[3:]])

    return bent(feed, swap)


@case("last-line-open", "The last line of a page has no line feed.", "PAGE-4", 21, "not_canonical")
def _last_line_open() -> Made:
    feed = small()
    return bent(feed, lambda files: put(files, page(feed), files[page(feed)][:-1]))


@case("entry-without-op", "An entry without a member it needs.", "ENT-1", 21, "malformed")
def _entry_without_op() -> Made:
    feed = small()
    return bent(feed, lambda files: replace(files, page(feed), '"op":"del",', ""))


@case("record-without-salt", "A record without a member its leaf needs.", "ENT-2", 21, "malformed")
def _record_without_salt() -> Made:
    feed = small()
    salt = canonical(entries.record(feed.writer, "b")["salt"]).decode()
    return bent(feed, lambda files: replace(files, page(feed), f'"salt":{salt},', ""))


@case("digest-beside-content", "An entry repeats what follows from its content.", "ENT-4", 21, "malformed")
def _digest_beside_content() -> Made:
    feed = small()
    more = f'"digest":"{sha256(b"x").hex()}",'
    return bent(feed, lambda files: replace(files, page(feed), '"jws":', more + '"jws":', 1))


@case("stub-without-cause", "Content is gone and no entry says why.", "ENT-7", 21, "stub_without_cause")
def _stub_without_cause() -> Made:
    feed = small()
    good = feed.lines[2]

    def empty(files: Files) -> None:
        stub = entries.stub(good, "erased")
        files[page(feed)] = files[page(feed)].replace(good.raw, stub.raw)

    return bent(feed, empty)


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
        feed = small()

        def change(files: Files) -> None:
            text = files[page(feed)].decode()
            if old.startswith('"rev"'):
                at = text.index(old)
                after = text.index(",", at + len(old))
                text = text[:at] + text[at + 8 : after] + ',"rev":1' + text[after:]
            else:
                text = text.replace(old, new, 1)
            files[page(feed)] = text.encode()

        return bent(feed, change)

    return make


for _name, (_comment, _old, _new, _rule, _code) in _FORMS.items():
    CASES.append(FeedCase(f"form-{_name}", _comment, _rule, 21, _code, _form(_old, _new)))


# Heads that contradict, are late, or are none


@case("older-head", "A head smaller and older than the one held: some cache's.", "READ-2", 10, "head_older")
def _older_head() -> Made:
    feed = small()
    shorter = feed.files(time=EARLIER)
    feed.put("d")
    return Made(shorter, feed.rows, feed.files())


@case("older-epoch", "A head of an earlier epoch than the one held.", "READ-2", 10, "head_older")
def _older_epoch() -> Made:
    feed, old = small(), small()
    feed.epoch = epoch(2)
    return Made(old.files(), feed.rows, feed.files())


@case("rollback", "A head smaller and newer than the one held.", "READ-3", 20, "rollback")
def _rollback() -> Made:
    feed = small()
    shorter = feed.files(time=LATER)
    feed.put("d")
    return Made(shorter, feed.rows, feed.files())


@case("two-heads-one-size", "Two signed heads of one size and two roots.", "READ-4", 20, "fork")
def _two_heads() -> Made:
    one, two = small(), small()
    one.put("d")
    two.put("e")
    return Made(two.files(time=LATER), one.rows, one.files())


@case("history-rewritten", "A larger log that does not begin with what is held.", "READ-4", 20, "fork")
def _history_rewritten() -> Made:
    one, two = small(), small()
    one.put("d")
    two.put("e")
    two.put("f")
    return Made(two.files(time=LATER), one.rows, one.files())


@case("epoch-twice", "Two epochs with one number.", "READ-4", 20, "fork")
def _epoch_twice() -> Made:
    one, two = small(), small()
    two.epoch = epoch(1, "another")
    return Made(two.files(time=LATER), one.rows, one.files())


@case("epoch-far-ahead", "An epoch whose number leaves its publisher no higher one.", "HEAD-7", 21, "epoch_jump")
def _epoch_far_ahead() -> Made:
    feed, before = small(), small()
    feed.rebase(feed.size)
    feed.epoch = epoch(999_999_999)
    feed.put("d")
    return Made(feed.files(time=LATER), before.rows, before.files())


@case("key-chain-rewritten", "A chain of key statements that is not the one held.", "KEY-8", 20, "fork")
def _key_chain_rewritten() -> Made:
    one, two = a_node(), a_node()
    feed = Feed(one)
    feed.key()
    feed.key(one.later("add", jwk=Key("node 2").jwk))
    bent = Feed(two)
    bent.key()
    fresh = Key("node 3")
    bent.key(two.later("add", jwk=fresh.jwk))
    bent.put("a", key=fresh)
    return Made(bent.files(key=fresh, time=LATER), feed.rows, feed.files())


@case("expired-head", "The head has expired.", "HEAD-6", 10, "head_expired")
def _expired_head() -> Made:
    feed = small()
    return Made(feed.files(), [], now=AFTER_EXPIRY)


@case("expired-head-held", "The head held before has expired; what is held stays.", "HEAD-6", 10, "head_expired")
def _expired_head_held() -> Made:
    feed = small()
    return Made(feed.files(expires="2026-06-02T11:00:00Z"), feed.rows, feed.files())


@case(
    "head-of-another-feed",
    "The head of another node's feed stands at this address.",
    "READ-1",
    21,
    "identifier_mismatch",
)
def _head_of_another_feed() -> Made:
    feed, other = small(), small(another_node())
    return Made(other.files(time=LATER), feed.rows, feed.files())


@case("head-of-another-name", "The head of another feed of the same node.", "READ-1", 21, "identifier_mismatch")
def _head_of_another_name() -> Made:
    feed, other = small(), small()
    other.name = "partners"
    return Made(other.files(time=LATER), feed.rows, feed.files())


@case("head-missing", "There is no head.json.", "HEAD-1", 21, "malformed")
def _head_missing() -> Made:
    feed = small()
    return bent(feed, lambda files: drop(files, "head.json"))


@case("head-not-json", "The head is a web page.", "CAN-1", 21, "not_json")
def _head_not_json() -> Made:
    feed = small()
    return bent(feed, lambda files: put(files, "head.json", b"<!doctype html><title>Parked</title>\n"))


@case("head-without-size", "A head without a member it needs.", "HEAD-1", 21, "malformed")
def _head_without_size() -> Made:
    feed = small()
    return bent(feed, lambda files: replace(files, "head.json", f',"size":{feed.size}', ""))


@case("head-of-major-2", "A head of a major version this reader does not speak.", "HEAD-2", 21, "version_unsupported")
def _head_of_major_2() -> Made:
    return Made(small().files(jisr="2"), [])


@case("head-floor-above-size", "A floor above the size.", "HEAD-3", 21, "malformed")
def _head_floor_above_size() -> Made:
    return Made(small().files(floor=7), [])


@case("head-changed", "A member of the head changed after it was signed.", "SIG-5", 21, "signature_invalid")
def _head_changed() -> Made:
    feed = small()
    return bent(feed, lambda files: replace(files, "head.json", EXPIRES, "2026-08-01T00:00:00Z"))


@case("head-by-stranger", "A head signed by a key that is not the owner's.", "SIG-3", 21, "key_unknown")
def _head_by_stranger() -> Made:
    return Made(small().files(key=another_node().key), [])


@case("head-by-retired-key", "A head signed by a retired key.", "HEAD-4", 21, "key_revoked")
def _head_by_retired_key() -> Made:
    writer, fresh = a_node(), Key("node 2")
    feed = Feed(writer)
    feed.key()
    feed.key(writer.later("add", jwk=fresh.jwk))
    feed.key(writer.later("retire", kid=writer.key.kid, by=fresh))
    return Made(feed.files(), [])


@case("head-by-revoked-key", "A head signed by a revoked key.", "KEY-6", 21, "key_revoked")
def _head_by_revoked_key() -> Made:
    writer, fresh = a_node(), Key("node 2")
    feed = Feed(writer)
    feed.key()
    feed.key(writer.later("add", jwk=fresh.jwk))
    feed.key(writer.later("revoke", kid=writer.key.kid, by=fresh))
    return Made(feed.files(), [])


@case("head-from-the-future", "A head dated more than ten minutes ahead.", "HEAD-5", 21, "clock_skew")
def _head_from_the_future() -> Made:
    return Made(small().files(time=NEVER), [])


@case("wrong-log-root", "The head signs another log root than the entries give.", "READ-5", 21, "root_mismatch")
def _wrong_log_root() -> Made:
    return Made(small().files(log_root=sha256(b"another").hex()), [])


@case("wrong-state-root", "The head signs another live set than the entries give.", "READ-6", 22, "state_mismatch")
def _wrong_state_root() -> Made:
    return Made(small().files(state_root=sha256(b"another").hex()), [])


@case("wrong-live-count", "The head signs another number of live records.", "READ-6", 22, "state_mismatch")
def _wrong_live_count() -> Made:
    return Made(small().files(live=1), [])


@case("floor-above-cursor", "The feed no longer keeps what comes next.", "READ-11", 21, "cursor_below_floor")
def _floor_above_cursor() -> Made:
    return Made(small().files(floor=3), [])


@case("keys-missing", "There is no keys.json.", "PAGE-1", 21, "page_missing")
def _keys_missing() -> Made:
    return bent(small(), lambda files: drop(files, "keys.json"))


@case("keys-of-another", "The keys.json of another node.", "KEY-2", 21, "identifier_mismatch")
def _keys_of_another() -> Made:
    other = canonical({"keys": another_node().statements}) + b"\n"
    return bent(small(), lambda files: put(files, "keys.json", other))


@case("keys-empty", "A keys.json without a statement.", "KEY-7", 21, "key_invalid")
def _keys_empty() -> Made:
    return bent(small(), lambda files: put(files, "keys.json", b'{"keys":[]}\n'))
