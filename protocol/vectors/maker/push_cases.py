"""Cases of docs/spec/push.md: pushes against what a hub holds, and receipts."""

from __future__ import annotations

import json
from typing import Any

from . import entries
from .cases import Case, CaseFile, bytes_of
from .feed import LATER, NOW, TIME, Feed
from .key_cases import chain_of
from .primitives import Key, Writer, canonical, epoch, sha256
from .trees import consistency, inclusion, root


class Pushed:
    """A node's log as it stands, the pushes it makes, and what a hub holds after its first `held` entries."""

    def __init__(self, feed: Feed | None = None) -> None:
        self.feed = feed or _log()

    @property
    def leaves(self) -> list[bytes]:
        return [line.leaf for line in self.feed.lines]

    def header(self, start: int, end: int, **changed: Any) -> dict[str, Any]:
        head = self.feed.head(time=LATER)
        carried = [
            {"line": json.loads(line.raw), "proof": [h.hex() for h in inclusion(self.leaves, seq)]}
            for seq, line in enumerate(self.feed.lines)
            if seq >= start and line.column("op") in ("key", "recovery")
        ]
        proof = consistency(self.leaves, end) if end else []
        value = {"consistency": [h.hex() for h in proof], "from": start, "head": head, "keys": carried, "to": end}
        return value | changed

    def body(self, start: int, end: int, lines: list[bytes] | None = None, **changed: Any) -> bytes:
        sent = [line.raw for line in self.feed.lines[start:end]] if lines is None else lines
        return b"".join(line + b"\n" for line in [canonical(self.header(start, end, **changed)), *sent])

    def held(self, size: int, head_size: int | None = None, head: dict[str, Any] | None = None) -> Case:
        """What a hub holds after the first `size` entries, under a head of `head_size` (as many by default)."""
        if size == 0:
            return {"epoch": None, "head": None, "leaves": [], "statements": []}
        earlier = Feed(self.feed.writer)
        for line in self.feed.lines[: head_size or size]:
            earlier.add(line)
        statements = [json.loads(line.raw)["key"] for line in self.feed.lines[:size] if line.column("op") == "key"]
        signed = [s for s in self.feed.writer.statements if s.get("key") in statements]
        return {
            "epoch": self.feed.epoch,
            "head": bytes_of(canonical(head or earlier.head(time=TIME))),
            "leaves": [line.leaf.hex() for line in self.feed.lines[:size]],
            "statements": chain_of(signed),
        }

    def given(self, body: bytes, held: Case, **changed: Any) -> Case:
        base = {"body": bytes_of(body), "held": held, "name": "public", "node": self.feed.writer.id, "now": NOW}
        return base | changed


def _log() -> Feed:
    feed = Feed(Writer("node"))
    feed.key()
    feed.put("a")
    feed.put("b")
    feed.delete("a", 2)
    feed.put("c")
    return feed


def _result(pushed: Pushed, fresh: int, repeated: int, size: int, head_size: int | None = None) -> Case:
    return {
        "fresh": fresh,
        "head_size": pushed.feed.size if head_size is None else head_size,
        "kept": size - fresh,
        "log_root": root(pushed.leaves[:size]).hex(),
        "repeated": repeated,
        "size": size,
    }


def make() -> CaseFile:
    file = CaseFile(
        "push",
        "Operation push: the inflated body of a push and what the hub holds of that feed → how many entries are new "
        "and repeated, how many of those held stay, the size and root after it, the size of the head held. Operation "
        "receipt: a hub's receipt.",
    )
    _good(file)
    _slices(file)
    _heads(file)
    _epochs(file)
    _keys(file)
    _forms(file)
    _receipts(file)
    return file


def _good(file: CaseFile) -> None:
    pushed = Pushed()

    def good(rule: str, comment: str, start: int, end: int, held: Case, result: Case) -> None:
        file.valid(rule, "push", comment, pushed.given(pushed.body(start, end), held), result)

    good("PUSH-4", "the whole log to a hub that holds nothing", 0, 5, pushed.held(0), _result(pushed, 5, 0, 5))
    good("PUSH-4", "its first part only", 0, 2, pushed.held(0), _result(pushed, 2, 0, 2))
    good("PUSH-4", "the rest", 2, 5, pushed.held(2), _result(pushed, 3, 0, 5))
    good("PUSH-3", "entries the hub holds already, and new ones", 1, 5, pushed.held(3), _result(pushed, 2, 2, 5))
    good("PUSH-3", "all of it again", 0, 5, pushed.held(5), _result(pushed, 0, 5, 5))
    good(
        "PUSH-3",
        "an old part of it again leaves the head that is held",
        0,
        2,
        pushed.held(5),
        _result(pushed, 0, 2, 5, 5),
    )
    good("PUSH-6", "a newer head and no entry", 5, 5, pushed.held(5), _result(pushed, 0, 0, 5))
    newer = pushed.held(5, head=pushed.feed.head(time=NOW))
    good(
        "PUSH-6",
        "an older head and nothing new is a replay, and changes nothing",
        0,
        5,
        newer,
        _result(pushed, 0, 5, 5),
    )
    rotated = Pushed(_rotated())
    body = rotated.body(0, 1, head=rotated.feed.head(time=LATER, key=Key("node 2")))
    comment = "a head by a key that a later entry adds: its line comes along"
    file.valid("PUSH-5", "push", comment, rotated.given(body, rotated.held(0)), _result(rotated, 1, 0, 1))


def _rotated() -> Feed:
    feed = _log()
    feed.key(feed.writer.later("add", jwk=Key("node 2").jwk))
    return feed


def _slices(file: CaseFile) -> None:
    pushed = Pushed()
    lines = [line.raw for line in pushed.feed.lines]

    def refuse(rule: str, code: str, pointer: str, comment: str, body: bytes, held: Case, **changed: Any) -> None:
        file.invalid(rule, "push", comment, pushed.given(body, held, **changed), code, pointer)

    refuse("PUSH-2", "seq_gap", "/from", "a gap after what is held", pushed.body(3, 5), pushed.held(2))
    refuse("PUSH-2", "seq_gap", "/from", "a gap before the first", pushed.body(1, 5), pushed.held(0))
    refuse(
        "ENT-3",
        "seq_mismatch",
        "/to",
        "an entry is left out",
        pushed.body(0, 5, [*lines[:2], *lines[3:]]),
        pushed.held(0),
    )
    refuse(
        "ENT-3",
        "seq_mismatch",
        "/to",
        "two entries changed places",
        pushed.body(0, 5, [lines[1], lines[0], *lines[2:]]),
        pushed.held(0),
    )
    refuse("ENT-3", "seq_mismatch", "/to", "fewer entries than said", pushed.body(0, 5, lines[:4]), pushed.held(0))
    refuse("ENT-3", "seq_mismatch", "/to", "more entries than said", pushed.body(0, 4, lines), pushed.held(0))
    other = Pushed(_log())
    other.feed.lines[2] = entries.put(2, entries.record(other.feed.writer, "z"), other.feed.writer.key)
    refuse("PUSH-3", "feed_fork", "/2", "another entry at a position that is held", other.body(0, 5), pushed.held(5))
    forked = other.body(5, 5)
    refuse("PUSH-4", "proof_invalid", "/consistency", "a head over another log", forked, pushed.held(5, 3))
    refuse(
        "PUSH-4",
        "proof_invalid",
        "/consistency",
        "no proof to the head",
        pushed.body(0, 3, consistency=[]),
        pushed.held(0),
    )
    proof = [h.hex() for h in consistency(pushed.leaves, 3)]
    refuse(
        "PUSH-4",
        "proof_invalid",
        "/consistency",
        "a hash of the proof is left out",
        pushed.body(0, 3, consistency=proof[1:]),
        pushed.held(0),
    )
    changed = [lines[0], lines[1].replace(b"2026-05-01T08:00:00Z", b"2026-05-01T08:00:01Z", 1), *lines[2:]]
    refuse(
        "PUSH-4",
        "proof_invalid",
        "/consistency",
        "a line that is not the signed one",
        pushed.body(0, 5, changed),
        pushed.held(0),
    )


def _rebased(base: int) -> Pushed:
    """The node's log in its second epoch, which goes on from the first `base` entries of the first."""
    old, feed = _log(), _log()
    del feed.lines[base:]
    feed.bases = [{"epoch": old.epoch, "log_root": root([line.leaf for line in feed.lines]).hex(), "size": base}]
    feed.epoch = epoch(2)
    if base == 0:
        feed.key()
    feed.put("b", 9)
    feed.put("d")
    return Pushed(feed)


def _epochs(file: CaseFile) -> None:
    """A new epoch at a hub that holds five entries of the old one, or fewer."""
    old = Pushed()

    def good(comment: str, pushed: Pushed, start: int, held: Case, fresh: int, repeated: int) -> None:
        size = pushed.feed.size
        given = pushed.given(pushed.body(start, size), held)
        file.valid("PUSH-10", "push", comment, given, _result(pushed, fresh, repeated, size))

    good("a new epoch based on all that is held", _rebased(5), 5, old.held(5), 2, 0)
    good("a new epoch based before the end of what is held", _rebased(3), 3, old.held(5), 2, 0)
    good("a new epoch, with entries before its base again", _rebased(3), 1, old.held(5), 2, 2)
    good("a new epoch based further on than what is held", _rebased(4), 2, old.held(2), 4, 0)
    near = _rebased(5)
    near.feed.epoch = epoch(1001)
    good("a new epoch whose number is a thousand higher", near, 5, old.held(5), 2, 0)
    far = _rebased(5)
    far.feed.epoch = epoch(100_000_000)
    given = far.given(far.body(5, far.feed.size), old.held(5))
    file.invalid("HEAD-7", "push", "an epoch far ahead of the one held", given, "epoch_jump", "/head/epoch")
    good("a new epoch that begins anew", _rebased(0), 0, old.held(5), 3, 0)

    def refuse(rule: str, comment: str, pushed: Pushed, pointer: str, held: Case, start: int = 3) -> None:
        given = pushed.given(pushed.body(start, pushed.feed.size), held)
        file.invalid(rule, "push", comment, given, "epoch_unknown", pointer)

    lower = _rebased(3)
    lower.feed.epoch = epoch(1, "another")
    refuse("PUSH-7", "another epoch of the same number, based on the one held", lower, "/head/epoch", old.held(5))
    loose = _rebased(3)
    loose.feed.bases = []
    refuse("PUSH-7", "a later epoch without a base", loose, "/head/epoch", old.held(5))
    refuse("PUSH-7", "the old epoch after the new one", old, "/head/epoch", _rebased(3).held(5))
    strange = _rebased(3)
    strange.feed.bases[0]["log_root"] = "0" * 64
    refuse("PUSH-10", "a base with a root that is not the one held", strange, "/head/head/bases", old.held(5))
    other = _rebased(3)
    other.feed.lines[2] = entries.put(2, entries.record(other.feed.writer, "z"), other.feed.writer.key)
    other.feed.bases[0]["log_root"] = root(other.leaves[:3]).hex()
    refuse("PUSH-10", "a base on other entries than those held", other, "/head/head/bases", old.held(5))
    short = other.given(other.body(2, 5), old.held(2))
    file.valid("PUSH-10", "push", "the same where only what agrees is held", short, _result(other, 3, 0, 5))


def _heads(file: CaseFile) -> None:
    pushed = Pushed()

    def refuse(rule: str, code: str, pointer: str, comment: str, given: Case) -> None:
        file.invalid(rule, "push", comment, given, code, pointer)

    held = pushed.held(3)
    body = pushed.body(3, 5)
    refuse("PUSH-7", "epoch_unknown", "/head", "a feed of another name", pushed.given(body, held, name="partners"))
    refuse(
        "PUSH-7",
        "epoch_unknown",
        "/head",
        "another node's address",
        pushed.given(body, held, node=Writer("other node").id),
    )
    refuse(
        "PUSH-7",
        "epoch_unknown",
        "/head/epoch",
        "another epoch than the one held",
        pushed.given(body, held | {"epoch": epoch(2)}),
    )
    newer = pushed.held(3, 3, pushed.feed.head(time=NOW, size=3, live=2, log_root=root(pushed.leaves[:3]).hex()))
    refuse(
        "PUSH-6",
        "head_older",
        "/head/head/time",
        "new entries under a head older than the one held",
        pushed.given(body, newer),
    )
    twice = pushed.held(3, 5, pushed.feed.head(time=TIME, log_root=sha256(b"other").hex()))
    refuse("PUSH-3", "feed_fork", "/head/head/log_root", "two heads of one size", pushed.given(body, twice))
    ahead = pushed.given(body, held, now="2026-05-31T00:00:00Z")
    refuse("HEAD-5", "clock_skew", "/head/time", "a head from tomorrow", ahead)
    stranger = pushed.body(3, 5, head=pushed.feed.head(time=LATER, key=Key("stranger")))
    refuse("SIG-3", "key_unknown", "/jws", "a head by a stranger", pushed.given(stranger, held))
    bent = pushed.feed.head(time=LATER)
    bent["head"] = bent["head"] | {"live": 0}
    refuse(
        "SIG-5",
        "signature_invalid",
        "/jws",
        "a head changed after it was signed",
        pushed.given(pushed.body(3, 5, head=bent), held),
    )


def _keys(file: CaseFile) -> None:
    pushed, rotated = Pushed(), Pushed(_rotated())
    whole = pushed.header(0, 5)

    def refuse(rule: str, code: str, pointer: str, comment: str, given: Case) -> None:
        file.invalid(rule, "push", comment, given, code, pointer)

    none = pushed.given(pushed.body(0, 5, keys=[]), pushed.held(0))
    refuse("PUSH-5", "proof_invalid", "/keys", "a first push without the first key statement", none)
    bare = [whole["keys"][0] | {"proof": []}]
    refuse(
        "PUSH-5",
        "proof_invalid",
        "/keys/0/proof",
        "a key line without its proof",
        pushed.given(pushed.body(0, 5, keys=bare), pushed.held(0)),
    )
    unsigned = rotated.feed.head(time=LATER, key=Key("node 2"))
    missing = rotated.given(rotated.body(0, 1, head=unsigned, keys=whole["keys"]), rotated.held(0))
    refuse("PUSH-5", "proof_invalid", "/keys/0/proof", "a key line with the proof for another head", missing)
    put = [{"line": json.loads(pushed.feed.lines[1].raw), "proof": [h.hex() for h in inclusion(pushed.leaves, 1)]}]
    refuse(
        "PUSH-1",
        "malformed",
        "/keys/1/line",
        "a key line that is a put",
        pushed.given(pushed.body(0, 5, keys=whole["keys"] + put), pushed.held(0)),
    )
    other = Pushed(Feed(Writer("other node")))
    other.feed.key()
    given = other.given(other.body(0, 1), other.held(0)) | {"node": other.feed.writer.id}
    file.valid("PUSH-5", "push", "one key entry", given, _result(other, 1, 0, 1))
    mixed = Feed(Writer("node"))
    mixed.key(Writer("other node").statements[0])
    strange = Pushed(mixed)
    refuse(
        "KEY-2",
        "identifier_mismatch",
        "",
        "the key line of another node",
        strange.given(strange.body(0, 1), strange.held(0)),
    )


def _forms(file: CaseFile) -> None:
    pushed = Pushed()
    good = pushed.header(0, 5)

    def refuse(rule: str, code: str, pointer: str, comment: str, body: bytes) -> None:
        file.invalid(rule, "push", comment, pushed.given(body, pushed.held(0)), code, pointer)

    for name in sorted(good):
        less = {k: v for k, v in good.items() if k != name}
        refuse("PUSH-1", "malformed", "", f"no {name}", canonical(less) + b"\n")
    for comment, pointer, changed in (
        ("a proof of no hashes", "/consistency", {"consistency": ["x"]}),
        ("a start below none", "/from", {"from": -1}),
        ("a head that is a list", "/head", {"head": []}),
        ("an end before the start", "/to", {"from": 5, "to": 0}),
        ("a key line without a line", "/keys/0", {"keys": [{"proof": []}], "to": 0}),
        ("a key line without a proof", "/keys/0", {"keys": [{"line": good["keys"][0]["line"]}], "to": 0}),
    ):
        refuse("PUSH-1", "malformed", pointer, comment, canonical(good | changed) + b"\n")
    refuse("CAN-1", "not_json", "", "nothing", b"")
    refuse("CAN-2", "not_canonical", "", "a space in the first line", b" " + pushed.body(0, 5))
    refuse("PAGE-4", "not_canonical", "", "the last line feed is missing", pushed.body(0, 5)[:-1])
    refuse(
        "CAN-2",
        "not_canonical",
        "/1",
        "a space in the second entry",
        pushed.body(0, 2, [pushed.feed.lines[0].raw, pushed.feed.lines[1].raw + b" "]),
    )
    refuse(
        "HEAD-1",
        "malformed",
        "/head",
        "a head without its size",
        pushed.body(0, 5, head=pushed.feed.writer.key.sign("head", {"jisr": "1"})),
    )
    many = Feed(Writer("node"))
    many.fill(501)
    lines = b"".join(line.raw + b"\n" for line in many.lines)
    first = canonical(good | {"to": 501}) + b"\n"
    refuse("PUSH-8", "too_large", "", "501 entries", first + lines)
    body = {"pieces": [[first.hex(), 1], ["78", 2 * 1024 * 1024]]}
    file.invalid("PUSH-8", "push", "more than 2 MiB", pushed.given(b"", pushed.held(0)) | {"body": body}, "too_large")


def _receipts(file: CaseFile) -> None:
    hub, pushed = Writer("hub", role="hub"), Pushed()
    value = {
        "at": NOW,
        "by": hub.id,
        "epoch": pushed.feed.epoch,
        "log_root": root(pushed.leaves).hex(),
        "name": "public",
        "node": pushed.feed.writer.id,
        "size": 5,
    }
    given = {"bytes": bytes_of(canonical(hub.key.sign("receipt", value))), "statements": chain_of(hub.statements)}
    file.valid("PUSH-9", "receipt", "a receipt", given, {"kid": hub.key.kid, "size": 5})
    for name in sorted(value):
        less = hub.key.sign("receipt", {k: v for k, v in value.items() if k != name})
        file.invalid(
            "PUSH-9", "receipt", f"no {name}", given | {"bytes": bytes_of(canonical(less))}, "malformed", "/receipt"
        )
    by_node = {"bytes": bytes_of(canonical(pushed.feed.writer.key.sign("receipt", value)))}
    file.invalid("SIG-3", "receipt", "signed by the node itself", given | by_node, "key_unknown", "/jws")
