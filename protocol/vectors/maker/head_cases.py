"""Cases of docs/spec/head.md and capabilities.md."""

from __future__ import annotations

from typing import Any

from .cases import Case, CaseFile, bytes_of
from .feed import EXPIRES, LATER, NOW, TIME, Feed
from .key_cases import chain_of
from .primitives import Key, Writer, canonical, epoch, sha256


def _feed() -> Feed:
    feed = Feed(Writer("node"))
    feed.key()
    feed.put("a")
    return feed


def _given(thing: dict[str, Any], writer: Writer | None = None, now: str = NOW) -> Case:
    return {
        "bytes": bytes_of(canonical(thing) + b"\n"),
        "now": now,
        "statements": chain_of((writer or Writer("node")).statements),
    }


def _snapshot_path(seq: int) -> str:
    return f"snap/{epoch(1)}-{seq}/manifest.json"


def _snapshot(seq: int) -> dict[str, Any]:
    return {"path": _snapshot_path(seq), "seq": seq, "sha256": sha256(b"").hex()}


def make() -> CaseFile:
    file = CaseFile(
        "head",
        "Operation head: the file, the owner's key statements, the time → what it says, whether it has expired. "
        "Operation compare: a stored head and an offered one of the same feed → what they are to each other.",
    )
    _good(file)
    _members(file)
    _meaning(file)
    _comparing(file)
    return file


def _good(file: CaseFile) -> None:
    feed = _feed()
    value = feed.head()["head"]
    result = {"expired": False, "kid": feed.writer.key.kid, "size": 2}
    file.valid("HEAD-1", "head", "a head", _given(feed.head()), result)
    base = {"epoch": epoch(1), "log_root": value["log_root"], "size": 2}
    head = feed.head(bases=[base], epoch=epoch(2), policy={"id": "public-7", "sha256": sha256(b"policy").hex()})
    file.valid("HEAD-1", "head", "a head of a second epoch, with a policy", _given(head), result)
    named = {"path": f"gens/{sha256(b'').hex()}.json", "sha256": sha256(b"").hex()}
    head = feed.head(floor=1, gens=named, snap=_snapshot(2))
    file.valid("HEAD-1", "head", "a head with a snapshot and pages written again", _given(head), result)
    file.valid("HEAD-1", "head", "members nobody knows yet", _given(feed.head(later={"x": [1]})), result)
    empty = Feed(Writer("node"))
    file.valid("HEAD-1", "head", "a head of nothing", _given(empty.head()), result | {"size": 0})
    late = _given(feed.head(), now="2026-07-01T00:00:01Z")
    file.valid("HEAD-6", "head", "a second after it expired", late, result | {"expired": True})
    file.valid("HEAD-6", "head", "in the second it expires", _given(feed.head(), now=EXPIRES), result)
    hub = Feed(Writer("hub", role="hub"))
    hub.key()
    of_hub = {"expired": False, "kid": hub.writer.key.kid, "size": 1}
    in_time = _given(hub.head(expires="2031-01-01T00:00:00Z"), hub.writer, "2026-06-03T00:00:00Z")
    file.valid("HEAD-6", "head", "of a hub, 48 hours old", in_time, of_hub)
    frozen = _given(hub.head(expires="2031-01-01T00:00:00Z"), hub.writer, "2026-06-03T00:00:01Z")
    file.valid("HEAD-6", "head", "of a hub, promised for years", frozen, of_hub | {"expired": True})
    frozen = _given(feed.head(expires="2031-01-01T00:00:00Z"), now="2026-07-16T00:00:01Z")
    file.valid("HEAD-6", "head", "of a node, promised for years", frozen, result | {"expired": True})
    ahead = _given(feed.head(), now="2026-05-31T23:50:00Z")
    file.valid("HEAD-5", "head", "ten minutes ahead of this clock", ahead, result)


def _members(file: CaseFile) -> None:
    feed = _feed()
    value = feed.head()["head"]

    def refuse(comment: str, pointer: str, bent: dict[str, Any]) -> None:
        file.invalid("HEAD-1", "head", comment, _given(feed.writer.key.sign("head", bent)), "malformed", pointer)

    for name in sorted(value):
        refuse(f"no {name}", "/head", {k: v for k, v in value.items() if k != name})
    for comment, name, bad in (
        ("an owner that is no identifier", "by", "https://example.org/"),
        ("an epoch without a random part", "epoch", "1"),
        ("a root in capitals", "log_root", value["log_root"].upper()),
        ("a root of 31 bytes", "state_root", value["state_root"][:-2]),
        ("a size as text", "size", "2"),
        ("a size below none", "size", -1),
        ("a name in capitals", "name", "Public"),
        ("an expiry without a zone", "expires", "2026-07-01T00:00:00"),
        ("a base without its root", "bases", [{"epoch": epoch(1), "size": 1}]),
        ("bases that are no list", "bases", {}),
        ("a policy without a hash", "policy", {"id": "public-7"}),
        ("generations without a hash", "gens", {"path": "gens/x.json"}),
        ("generations elsewhere", "gens", {"path": "../gens.json", "sha256": sha256(b"").hex()}),
        ("a snapshot without a position", "snap", {"path": _snapshot_path(2), "sha256": sha256(b"").hex()}),
        ("a snapshot elsewhere", "snap", _snapshot(2) | {"path": "snap/../../manifest.json"}),
        ("a snapshot of another position", "snap", _snapshot(2) | {"path": _snapshot_path(1)}),
        ("a snapshot of no epoch", "snap", _snapshot(2) | {"path": "snap/x-2/manifest.json"}),
    ):
        refuse(comment, f"/head/{name}", value | {name: bad})


def _meaning(file: CaseFile) -> None:
    feed, key = _feed(), Writer("node").key

    def refuse(rule: str, code: str, pointer: str, comment: str, given: Case) -> None:
        file.invalid(rule, "head", comment, given, code, pointer)

    refuse("HEAD-2", "version_unsupported", "/head/jisr", "another major", _given(feed.head(jisr="2")))
    refuse("HEAD-2", "version_unsupported", "/head/jisr", "a minor", _given(feed.head(jisr="1.1")))
    bare = {"head": {"jisr": "2"}, "jws": key.jws("head", canonical({"jisr": "2"}))}
    refuse("HEAD-2", "version_unsupported", "/head/jisr", "another major of which nothing else is known", _given(bare))
    refuse("HEAD-3", "malformed", "/head/size", "a floor above the size", _given(feed.head(floor=3)))
    refuse("HEAD-3", "malformed", "/head/snap/seq", "a snapshot above the size", _given(feed.head(snap=_snapshot(3))))
    below = _given(feed.head(floor=2, snap=_snapshot(1)))
    refuse("HEAD-3", "malformed", "/head/snap/seq", "a snapshot below the floor", below)
    refuse("HEAD-3", "malformed", "/head/size", "more live than entries", _given(feed.head(live=3)))
    refuse(
        "HEAD-3",
        "malformed",
        "/head/expires",
        "it expired before it was signed",
        _given(feed.head(expires="2026-05-31T23:59:59Z")),
    )
    other = Writer("other node")
    refuse("KEY-2", "identifier_mismatch", "/head/by", "the keys of another", _given(feed.head(), other))
    refuse("SIG-3", "key_unknown", "/jws", "signed by another's key", _given(feed.head(key=other.key)))
    changed = feed.head()
    changed["head"] = changed["head"] | {"live": 0}
    refuse("SIG-5", "signature_invalid", "/jws", "changed after it was signed", _given(changed))
    value = feed.head()["head"]
    record = {"head": value, "jws": key.jws("record", canonical(value))}
    refuse("SIG-2", "header_invalid", "/jws", "signed as a record", _given(record))
    ahead = _given(feed.head(), now="2026-05-31T23:49:59Z")
    refuse("HEAD-5", "clock_skew", "/head/time", "ten minutes and a second ahead of this clock", ahead)
    writer, fresh = Writer("node"), Key("node 2")
    writer.later("add", jwk=fresh.jwk)
    writer.later("retire", by=fresh, kid=writer.key.kid)
    refuse("HEAD-4", "key_revoked", "/jws", "signed by a retired key", _given(feed.head(), writer))
    writer.later("revoke", by=fresh, kid=writer.key.kid)
    refuse("KEY-6", "key_revoked", "/jws", "signed by a revoked key", _given(feed.head(), writer))
    two = bytes_of(canonical(feed.head()) + b"\n\n")
    refuse("CAN-2", "not_canonical", "", "two line feeds", _given(feed.head()) | {"bytes": two})
    web = bytes_of(b"<!doctype html>\n")
    refuse("CAN-1", "not_json", "", "a web page", _given(feed.head()) | {"bytes": web})
    bare = bytes_of(canonical(value) + b"\n")
    refuse("SIG-6", "signature_invalid", "", "a head without its signature", _given(feed.head()) | {"bytes": bare})


def _comparing(file: CaseFile) -> None:
    def small(time: str = TIME, **changed: Any) -> dict[str, Any]:
        return _feed().head(time=time, **changed)

    def large(time: str = TIME, **changed: Any) -> dict[str, Any]:
        feed = _feed()
        feed.put("b")
        return feed.head(time=time, **changed)

    def compare(rule: str, comment: str, stored: dict[str, Any], offered: dict[str, Any], relation: str) -> None:
        given = {"offered": bytes_of(canonical(offered)), "stored": bytes_of(canonical(stored))}
        file.valid(rule, "compare", comment, given, {"relation": relation})

    other = sha256(b"other").hex()
    compare("READ-4", "the same head", small(), small(), "same")
    compare("READ-4", "the same entries signed again", small(), small(LATER), "same")
    compare("READ-4", "larger", small(), large(LATER), "larger")
    compare("READ-2", "smaller and older", large(LATER), small(), "older")
    compare("READ-3", "smaller and newer", large(), small(LATER), "rollback")
    compare("READ-3", "smaller and of the same second", large(), small(), "rollback")
    compare("READ-4", "one size, two log roots", small(), small(LATER, log_root=other), "fork")
    compare("READ-4", "one size, two state roots", small(), small(LATER, state_root=other), "fork")
    compare("READ-4", "one size, two live counts", small(), small(LATER, live=0), "fork")
    compare("READ-2", "an earlier epoch, however large", small(epoch=epoch(2)), large(LATER), "older")
    compare("READ-4", "a later epoch, however small", large(), small(LATER, epoch=epoch(2)), "new epoch")
    compare("READ-4", "two epochs with one number", small(), large(LATER, epoch=epoch(1, "another")), "fork")


def make_capabilities() -> CaseFile:
    file = CaseFile("capabilities", "Operation capabilities: the file /.well-known/jisr.json → who is here.")
    hub = Writer("hub", role="hub")
    small = {
        "feeds": [{"audience": "public", "href": "/feeds/public/", "name": "public"}],
        "id": hub.id,
        "jisr": ["1"],
        "keys": "/feeds/public/keys.json",
        "name": "Hub of the strait",
        "role": "hub",
    }
    full = small | {
        "encodings": ["gzip", "zstd"],
        "features": ["push", "long_poll"],
        "limits": {"batch_entries": 500, "record_bytes": 65_536},
        "ping": "/v1/ping",
        "push": "/v1/nodes/{node}/feeds/{name}/log",
    }

    def given(value: Any) -> Case:
        return {"bytes": bytes_of(canonical(value) + b"\n")}

    for comment, value in (
        ("the least", small),
        ("all of it", full),
        ("members nobody knows yet", full | {"later": [1]}),
    ):
        result = {"id": hub.id, "push": value.get("push"), "role": "hub"}
        file.valid("CAP-2", "capabilities", comment, given(value), result)
    for name in sorted(small):
        less = {k: v for k, v in small.items() if k != name}
        file.invalid("CAP-2", "capabilities", f"no {name}", given(less), "malformed", f"/{name}")
    for comment, name, bad, pointer in (
        ("an id that is an address", "id", "https://example.org/", "/id"),
        ("a role nobody knows", "role", "mirror", "/role"),
        ("no version", "jisr", [], "/jisr"),
        ("a version as a number", "jisr", [1], "/jisr/0"),
        ("an empty name", "name", "", "/name"),
        ("feeds that are no list", "feeds", {}, "/feeds"),
        ("a feed without an address", "feeds", [{"audience": "public", "name": "public"}], "/feeds/0/href"),
        ("a feed for nobody", "feeds", [small["feeds"][0] | {"audience": "local"}], "/feeds/0/audience"),
        ("a limit as text", "limits", {"record_bytes": "65536"}, "/limits/record_bytes"),
    ):
        file.invalid("CAP-2", "capabilities", comment, given(small | {name: bad}), "malformed", pointer)
    spaced = {"bytes": bytes_of(canonical(small).replace(b'":', b'": '))}
    file.invalid("CAN-2", "capabilities", "spaces", spaced, "not_canonical")
    return file
