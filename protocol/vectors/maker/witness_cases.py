"""Cases of docs/spec/witnesses.md: checkpoints, their signatures and cosignatures, the keys of witnesses."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from .cases import Case, CaseFile, bytes_of
from .feed import NOW, Feed
from .key_cases import chain_of
from .primitives import Key, Writer, canonical, digest, epoch, sha256
from .trees import consistency, root

WITNESS = "witness.example/nl"
SECONDS = int(datetime.fromisoformat("2026-06-01T00:05:00+00:00").timestamp())


def note_key(name: str, kind: int, key: Key) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([kind]) + key.public)[:4]


def text_of(signed: dict[str, Any], **changed: str) -> str:
    """What is signed: origin, size, root, the head's digest."""
    value = signed["head"]
    lines = {
        "origin": f"{value['by']}/{value['name']}/{value['epoch']}",
        "size": str(value["size"]),
        "root": base64.b64encode(bytes.fromhex(value["log_root"])).decode(),
        "head": "jisr-head-1 " + digest("head", canonical(value)),
    } | changed
    return "".join(f"{line}\n" for line in lines.values())


def line(name: str, key_hash: bytes, value: bytes) -> str:
    return f"— {name} {base64.b64encode(key_hash + value).decode()}\n"


def by_log(text: str, key: Key) -> str:
    """The publisher's signature line."""
    origin = text.partition("\n")[0]
    return line(origin, note_key(origin, 1, key), key.sign_raw(text.encode()))


def by_witness(text: str, key: Key, seconds: int = SECONDS, name: str = WITNESS) -> str:
    """A cosignature line."""
    message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
    return line(name, note_key(name, 4, key), seconds.to_bytes(8, "big") + key.sign_raw(message))


def witness_key(key: Key, name: str = WITNESS) -> str:
    encoded = base64.b64encode(b"\x04" + key.public).decode()
    return f"{name}+{note_key(name, 4, key).hex()}+{encoded}"


def hub_feed() -> Feed:
    feed = Feed(Writer("hub", role="hub"))
    feed.key()
    feed.put("a", writer=Writer("node"))
    return feed


def note() -> str:
    """A checkpoint with its publisher's signature and one cosignature."""
    feed = hub_feed()
    text = text_of(feed.head())
    return f"{text}\n{by_log(text, feed.writer.key)}{by_witness(text, Key('witness'))}"


def make() -> CaseFile:
    file = CaseFile(
        "witnesses",
        "Operation checkpoint: a note, its publisher's key statements → what it says. Operation render: a head → the "
        "text of its checkpoint. Operation cosignature: a note, the key of a witness, the time → when it cosigned, "
        "null if it did not. Operation witness_key: the text → its name. "
        "Operation witness: an add-checkpoint request, what the witness cosigned last → the size. Operation quorum: a "
        "policy, a note, the time → who cosigned, whether that is enough.",
    )
    _notes(file)
    _cosignatures(file)
    _witness_keys(file)
    _requests(file)
    _policies(file)
    return file


def _given(raw: str | bytes, **more: Any) -> Case:
    content = raw.encode() if isinstance(raw, str) else raw
    return {"note": bytes_of(content), "statements": chain_of(hub_feed().writer.statements)} | more


def _notes(file: CaseFile) -> None:
    feed = hub_feed()
    head, key = feed.head(), feed.writer.key
    text = text_of(head)
    said = {"head": digest("head", canonical(head["head"])), "origin": text.partition("\n")[0], "size": 2}
    given = {"head": bytes_of(canonical(head) + b"\n")}
    file.valid("WIT-1", "render", "the checkpoint of a head", given, {"text": text})
    whole = note()
    file.valid("WIT-1", "checkpoint", "a note with a cosignature", _given(whole), said)
    alone = f"{text}\n{by_log(text, key)}"
    file.valid("WIT-1", "checkpoint", "signed by its publisher alone", _given(alone), said)
    more = text + "another line\n"
    file.valid("WIT-1", "checkpoint", "a further line", _given(f"{more}\n{by_log(more, key)}"), said)
    unknown = alone + line("somebody", b"abcd", b"x" * 64)
    file.valid("WIT-2", "checkpoint", "a signature of somebody unknown", _given(unknown), said)

    def malformed(comment: str, raw: str | bytes) -> None:
        file.invalid("WIT-1", "checkpoint", comment, _given(raw), "malformed")

    def bent(comment: str, **changed: str) -> None:
        other = text_of(head, **changed)
        malformed(comment, f"{other}\n{by_log(other, key)}")

    bent("an origin that is a name", origin="example.org/log")
    bent("an origin without an epoch", origin=said["origin"].rpartition("/")[0])
    bent("a size with a zero before it", size="02")
    bent("a size that is none", size="two")
    bent("a size above 2^53", size="9007199254740992")
    bent("a root of 31 bytes", root=base64.b64encode(bytes(31)).decode())
    bent("a root in base64url", root=base64.urlsafe_b64encode(b"\xff" * 32).decode())
    bent("without the head's digest", head="later")
    malformed("no signature", text + "\n")
    malformed("no empty line", text)
    malformed("a signature line with a hyphen", alone.replace("— ", "- "))
    malformed("a signature that is not base64", alone.rstrip("\n") + "!\n")
    malformed("no line feed at the end", alone.rstrip("\n"))
    malformed("101 signatures", alone + line("somebody", b"abcd", b"x" * 64) * 100)
    malformed("bytes that are not UTF-8", alone.encode() + b"\xff\n")
    malformed("nothing", "")

    def unsigned(comment: str, raw: str) -> None:
        file.invalid("WIT-2", "checkpoint", comment, _given(raw), "signature_invalid")

    unsigned("signed by a stranger", f"{text}\n{by_log(text, Key('stranger'))}")
    unsigned("cosigned only", f"{text}\n{by_witness(text, Key('witness'))}")
    larger = text_of(head, size="3")
    unsigned("another size under the signature", f"{larger}\n{by_log(text, key)}")
    unsigned("a good signature and a bad one", alone + by_log(larger, key))
    given = _given(alone) | {"statements": chain_of(Writer("other", role="hub").statements)}
    file.invalid("KEY-2", "checkpoint", "the keys of another hub", given, "identifier_mismatch")


def _cosignatures(file: CaseFile) -> None:
    feed, key = hub_feed(), Key("witness")
    text = text_of(feed.head())
    log = f"{text}\n{by_log(text, feed.writer.key)}"

    def given(lines: str, now: str = NOW, witness: str = witness_key(key)) -> Case:
        return {"note": bytes_of((log + lines).encode()), "now": now, "witness": witness}

    at = {"at": datetime.fromtimestamp(SECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    file.valid("WIT-8", "cosignature", "a cosignature", given(by_witness(text, key)), at)
    file.valid("WIT-8", "cosignature", "none", given(""), {"at": None})
    other = by_witness(text, Key("other"))
    file.valid("WIT-8", "cosignature", "of another key of that name", given(other), {"at": None})
    renamed = by_witness(text, key, name="witness.example/be")
    file.valid("WIT-8", "cosignature", "of that key under another name", given(renamed), {"at": None})
    ahead = given(by_witness(text, key), "2026-05-31T23:55:00Z")
    file.valid("WIT-8", "cosignature", "ten minutes ahead", ahead, at)

    def bad(comment: str, case: Case) -> None:
        file.invalid("WIT-8", "cosignature", comment, case, "signature_invalid")

    bad("more than ten minutes ahead", given(by_witness(text, key), "2026-05-31T23:54:59Z"))
    larger = text_of(feed.head(), size="3")
    bad("of another checkpoint", given(by_witness(larger, key)))
    good = base64.b64decode(by_witness(text, key).split()[-1])
    later = good[:4] + (SECONDS + 1).to_bytes(8, "big") + good[12:]
    bad("its time changed", given(line(WITNESS, later[:4], later[4:])))
    bad("cut short", given(line(WITNESS, good[:4], good[4:40])))
    bad("a signature without a time", given(line(WITNESS, good[:4], key.sign_raw(text.encode()))))


def _witness_keys(file: CaseFile) -> None:
    key = Key("witness")
    whole = witness_key(key)
    file.valid("WIT-7", "witness_key", "a key", {"text": whole}, {"name": WITNESS})
    name, hashed, encoded = whole.split("+", 2)
    typed = base64.b64encode(b"\x01" + key.public).decode()
    for comment, text in (
        ("no name", f"+{hashed}+{encoded}"),
        ("another hash", f"{name}+00000000+{encoded}"),
        ("the hash of another name", f"other+{hashed}+{encoded}"),
        ("a key for signatures, not for cosignatures", f"{name}+{note_key(name, 1, key).hex()}+{typed}"),
        ("a key that is cut short", whole[:-8]),
        ("nothing", ""),
    ):
        file.invalid("WIT-7", "witness_key", comment, {"text": text}, "malformed")


def _grown(size: int) -> Feed:
    feed = hub_feed()
    feed.fill(size)
    return feed


def request(feed: Feed, old: int | str, proof: list[bytes], **changed: str) -> bytes:
    """The body of add-checkpoint."""
    text = text_of(feed.head(), **changed)
    lines = [f"old {old}", *(base64.b64encode(node).decode() for node in proof), ""]
    return ("".join(f"{one}\n" for one in lines) + f"{text}\n{by_log(text, feed.writer.key)}").encode()


def _requests(file: CaseFile) -> None:
    feed = _grown(7)
    leaves = [one.leaf for one in feed.lines]

    def held(size: int, of: Feed = feed, of_epoch: str | None = None) -> Case:
        return {"epoch": of_epoch or of.epoch, "root": root([one.leaf for one in of.lines[:size]]).hex(), "size": size}

    def given(raw: bytes, last: Case | None) -> Case:
        return {"body": bytes_of(raw), "held": last}

    def good(comment: str, raw: bytes, last: Case | None) -> None:
        file.valid("WIT-6", "witness", comment, given(raw, last), {"size": 7})

    good("the first checkpoint of a feed", request(feed, 0, []), None)
    for size in (1, 2, 3, 4, 6):
        good(f"from {size} entries on", request(feed, size, consistency(leaves, size)), held(size))
    good("the same log again", request(feed, 7, []), held(7))
    feed.epoch = epoch(2)
    good("the next epoch", request(feed, 0, []), held(5, of_epoch=epoch(1)))
    feed.epoch = epoch(1)
    proof = consistency(leaves, 3)

    def bad(rule: str, code: str, comment: str, raw: bytes, last: Case | None) -> None:
        file.invalid(rule, "witness", comment, given(raw, last), code)

    def malformed(comment: str, raw: bytes) -> None:
        bad("WIT-4", "malformed", comment, raw, held(3))

    malformed("an old size above the checkpoint's", request(feed, 8, []))
    malformed("an old size of 0 and a proof", request(feed, 0, proof))
    malformed("an old size with a zero before it", request(feed, "03", proof))
    malformed("an old size below zero", request(feed, "-3", proof))
    malformed("an old size in other digits", request(feed, "\u0663", proof))
    malformed("no old size", request(feed, 3, proof).partition(b"\n")[2])
    malformed("a hash of 31 bytes", request(feed, 3, [bytes(31)]))
    malformed("64 hashes", request(feed, 3, [bytes(32)] * 64))
    malformed("no note", b"old 3\n")
    malformed("nothing", b"")

    def elsewhere(comment: str, raw: bytes, last: Case | None) -> None:
        bad("WIT-5", "witness_conflict", comment, raw, last)

    elsewhere("an old size below the one held", request(feed, 3, proof), held(5))
    elsewhere("an old size above the one held", request(feed, 5, consistency(leaves, 5)), held(3))
    elsewhere("an old size, and nothing is held", request(feed, 3, proof), None)
    elsewhere("from the start, and something is held", request(feed, 0, []), held(3))
    elsewhere("a smaller checkpoint than the one held", request(_grown(5), 5, []), held(7))
    other = hub_feed()
    other.put("b", writer=Writer("node"))
    other.fill(7)
    elsewhere("another root at the same size", request(other, 7, []), held(7))
    elsewhere("an older epoch", request(feed, 0, []), held(5, of_epoch=epoch(2)))
    elsewhere("another epoch of the same number", request(feed, 0, []), held(5, of_epoch=epoch(1, "other")))
    feed.epoch = epoch(1002)
    elsewhere("an epoch far ahead", request(feed, 0, []), held(5, of_epoch=epoch(1)))
    feed.epoch = epoch(1)

    def unproven(comment: str, nodes: list[bytes], of: Feed = feed) -> None:
        bad("WIT-6", "proof_invalid", comment, request(of, 3, nodes), held(3))

    unproven("no proof", [])
    unproven("a proof cut short", proof[:-1])
    unproven("a proof with a hash more", [*proof, bytes(32)])
    unproven("a proof with its hashes in another order", proof[::-1])
    unproven("the proof of another log", consistency([one.leaf for one in other.lines], 3), other)


def _policies(file: CaseFile) -> None:
    keys = {name: Key(f"witness {name}") for name in ("nl", "be", "fr")}
    lines = [f"witness {name} {witness_key(key, name)} https://{name}.example/v1/witness" for name, key in keys.items()]
    feed = hub_feed()
    text = text_of(feed.head())
    log = f"{text}\n{by_log(text, feed.writer.key)}"

    def given(policy: list[str], *cosigned: str) -> Case:
        note = log + "".join(by_witness(text, keys[name], name=name) for name in cosigned)
        return {"note": bytes_of(note.encode()), "now": NOW, "policy": "\n".join(policy) + "\n"}

    two = [*lines, "# two of three", "", "group us 2 nl be fr", "quorum us"]
    nested = [*lines, "group low any nl be", "group both all low fr", "quorum both"]
    for comment, policy, cosigned, enough in (
        ("two of three", two, ["be", "fr"], True),
        ("all of them", two, ["nl", "be", "fr"], True),
        ("a group of groups", nested, ["be", "fr"], True),
        ("one witness", [*lines, "quorum fr"], ["fr"], True),
        ("no quorum, and nobody", [*lines, "quorum none"], [], True),
    ):
        result = {"cosigned": sorted(cosigned), "enough": enough, "known": 3}
        file.valid("WIT-9", "quorum", comment, given(policy, *cosigned), result)
    for comment, policy, cosigned in (
        ("one of three", two, ["be"]),
        ("nobody", two, []),
        ("half of both groups", nested, ["nl", "be"]),
        ("another witness than the one asked for", [*lines, "quorum fr"], ["nl", "be"]),
    ):
        file.invalid("WIT-9", "quorum", comment, given(policy, *cosigned), "unwitnessed")
    for comment, policy in (
        ("no quorum line", lines),
        ("two quorum lines", [*two, "quorum nl"]),
        ("a quorum nobody named", [*lines, "quorum somebody"]),
        ("a group of somebody unknown", [*lines, "group us 1 nl es", "quorum us"]),
        ("a group that needs more than it has", [*lines, "group us 4 nl be fr", "quorum us"]),
        ("a group that needs nobody", [*lines, "group us 0 nl be fr", "quorum us"]),
        ("a group that counts one twice", [*lines, "group us 2 nl nl", "quorum us"]),
        ("a name twice", [*lines, lines[0], "quorum nl"]),
        ("a key under two names", [*lines, f"witness de {witness_key(keys['nl'], 'de')}", "quorum nl"]),
        ("a word nobody knows", [*two, "trust nobody"]),
        ("nothing", []),
    ):
        file.invalid("WIT-7", "quorum", comment, given(policy), "malformed")
