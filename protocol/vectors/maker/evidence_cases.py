"""Cases of docs/spec/evidence.md: what a file of evidence proves, and files that prove nothing."""

from __future__ import annotations

import json
from typing import Any

from . import entries
from .cases import Case, CaseFile, bytes_of
from .feed import NOW, Feed
from .primitives import Key, Writer, canonical, epoch, uuid
from .trees import consistency, inclusion, root

LATE = "2026-06-01T00:01:00Z"
Thing = dict[str, Any]


def file_of(kind: str, said: list[Thing], keys: list[Thing], prefix: Case | None = None) -> bytes:
    """The file of a case."""
    more = {} if prefix is None else {"prefix": prefix}
    return canonical({"evidence": {"keys": keys, "kind": kind, "said": said} | more}) + b"\n"


def two_histories(writer: Writer, size: int = 5) -> tuple[Feed, Feed]:
    """Two logs of one epoch that part after their second entry; the other one is longer by two."""
    feeds = Feed(writer), Feed(writer)
    for feed, other in zip(feeds, ("", "other "), strict=True):
        feed.key()
        feed.put("a")
        for number in range(size - 2 + 2 * bool(other)):
            feed.put(f"{other}{number}")
    return feeds


def parting(one: Feed, other: Feed, size: int) -> Case:
    """That two logs differ within their first `size` entries."""
    leaves = [[line.leaf for line in feed.lines] for feed in (one, other)]
    return {
        "proofs": [[node.hex() for node in consistency(log, size)] if size < len(log) else [] for log in leaves],
        "roots": [root(log[:size]).hex() for log in leaves],
        "size": size,
    }


def rollback() -> bytes:
    """Of two heads of a hub the later one covers less."""
    feed = Feed(Writer("hub", role="hub"))
    feed.key()
    feed.put("a", writer=Writer("node"))
    before = feed.head()
    feed.lines.pop()
    feed.live.clear()
    return file_of("rollback", [before, feed.head(time=LATE)], feed.writer.statements)


def make() -> CaseFile:
    file = CaseFile("evidence", "Operation evidence: the file → its kind, of whom and of what it proves something.")
    _heads(file)
    _prefixes(file)
    _receipts(file)
    _records(file)
    _inclusions(file)
    _incomplete(file)
    _keys(file)
    _forms(file)
    return file


def _found(kind: str, by: str, about: str) -> Case:
    return {"about": about, "by": by, "kind": kind}


def _given(raw: bytes) -> Case:
    return {"bytes": bytes_of(raw)}


def _heads(file: CaseFile) -> None:
    hub = Writer("hub", role="hub")
    feed, other = two_histories(hub)
    keys, about = hub.statements, "its feed public"
    file.valid("EVD-4", "evidence", "a rollback", _given(rollback()), _found("rollback", hub.id, about))
    shorter = Feed(hub)
    shorter.lines = feed.lines[:3]
    head, less, more = feed.head(), shorter.head(time=LATE), other.head(time=LATE)
    same = file_of("rollback", [head, shorter.head()], keys)
    file.valid("EVD-4", "evidence", "two sizes in one second", _given(same), _found("rollback", hub.id, about))
    forked = feed.head(log_root=root([]).hex(), time=LATE)
    fork = file_of("fork", [head, forked], keys)
    file.valid("EVD-4", "evidence", "two roots for one size", _given(fork), _found("fork", hub.id, about))
    state = file_of("fork", [head, feed.head(state_root=root([]).hex())], keys)
    file.valid("EVD-4", "evidence", "two sets for one log", _given(state), _found("fork", hub.id, about))
    twice = file_of("fork", [head, feed.head(epoch=epoch(1, "other"))], keys)
    file.valid("EVD-4", "evidence", "two epochs of one number", _given(twice), _found("fork", hub.id, about))

    def nothing(comment: str, kind: str, said: list[Thing], pointer: str = "/evidence/said") -> None:
        file.invalid("EVD-4", "evidence", comment, _given(file_of(kind, said, keys)), "unproven", pointer)

    nothing("a head and a larger, later one", "rollback", [head, more])
    nothing("a smaller head that is the older one", "rollback", [feed.head(time=LATE), shorter.head()])
    nothing("a smaller head of a later epoch", "rollback", [head, shorter.head(epoch=epoch(2), time=LATE)])
    nothing("the same head twice", "fork", [head, head])
    nothing("one log under two dates", "fork", [head, feed.head(time=LATE)])
    nothing("two sizes without a proof that they part", "fork", [head, more])
    nothing("an epoch and the next one", "fork", [head, feed.head(epoch=epoch(2))])
    for comment, said in (
        ("heads of two hubs", [head, Feed(Writer("other", role="hub")).head()]),
        ("heads of two feeds", [head, feed.head(name="partners", log_root=root([]).hex())]),
    ):
        both = [*keys, *Writer("other", role="hub").statements]
        given = _given(file_of("fork", said, both))
        file.invalid("EVD-3", "evidence", comment, given, "unproven", "/evidence/said")
    given = _given(file_of("rumour", [head, less], keys))
    file.invalid("EVD-3", "evidence", "a kind nobody knows", given, "unproven", "/evidence/kind")
    given = _given(file_of("fork", [head], keys))
    file.invalid("EVD-3", "evidence", "one head alone", given, "unproven", "/evidence/kind")
    given = _given(file_of("fork", [head, forked], []))
    file.invalid("EVD-2", "evidence", "no keys", given, "unproven", "/evidence/keys")
    stranger = feed.head(log_root=root([]).hex(), key=Key("stranger"))
    given = _given(file_of("fork", [head, stranger], keys))
    file.invalid("SIG-3", "evidence", "a head that a stranger signed", given, "key_unknown", "/jws")
    changed = {"head": forked["head"] | {"size": 4, "live": 4}, "jws": forked["jws"]}
    given = _given(file_of("rollback", [head, changed], keys))
    file.invalid("SIG-5", "evidence", "a head that was changed", given, "signature_invalid", "/jws")


def _prefixes(file: CaseFile) -> None:
    hub = Writer("hub", role="hub")
    feed, other = two_histories(hub)
    said, keys = [feed.head(), other.head(time=LATE)], hub.statements
    found = _found("fork", hub.id, "its feed public")
    for size in (3, 4, 5):
        given = _given(file_of("fork", said, keys, parting(feed, other, size)))
        file.valid("EVD-5", "evidence", f"logs that differ within {size} entries", given, found)
    base = {"epoch": feed.epoch, "log_root": root([]).hex(), "size": 5}
    later = other.head(bases=[base], epoch=epoch(2), time=LATE)
    prefix = {"proofs": [[], []], "roots": [feed.head()["head"]["log_root"], base["log_root"]], "size": 5}
    given = _given(file_of("fork", [feed.head(), later], keys, prefix))
    file.valid("EVD-5", "evidence", "a base that is not the log signed before", given, found)
    good = parting(feed, other, 4)

    def nothing(rule: str, comment: str, pointer: str, prefix: Case, heads: list[Thing] = said) -> None:
        given = _given(file_of("fork", heads, keys, prefix))
        file.invalid(rule, "evidence", comment, given, "unproven", f"/evidence/prefix/{pointer}")

    nothing("EVD-4", "the entries that both begin with", "roots", parting(feed, other, 2))
    nothing("EVD-5", "a proof that leads elsewhere", "proofs/1", good | {"proofs": [good["proofs"][0], ["00" * 32]]})
    nothing("EVD-5", "no proofs", "proofs/0", good | {"proofs": [[], []]})
    nothing("EVD-5", "roots the other way round", "proofs/0", good | {"roots": good["roots"][::-1]})
    nothing("EVD-5", "more entries than one of them has", "size", good | {"size": 6})
    nothing("EVD-5", "of epochs that share nothing", "size", good, [said[0], other.head(epoch=epoch(2), time=LATE)])
    nothing("EVD-5", "of a base that lies below", "size", prefix | {"size": 5}, [said[0], other.head(
        bases=[base | {"size": 2}], epoch=epoch(2), time=LATE
    )])  # fmt: skip


def _receipts(file: CaseFile) -> None:
    hub, node = Writer("hub", role="hub"), Writer("node")

    def receipt(size: int, log_root: str, at: str = NOW, **changed: Any) -> Thing:
        value = {"at": at, "by": hub.id, "epoch": epoch(1), "log_root": log_root, "name": "public", "node": node.id}
        return hub.key.sign("receipt", value | {"size": size} | changed)

    about = f"what it holds of the feed public of {node.id}"
    first, other = receipt(5, "0" * 64), receipt(5, "1" * 64)
    raw = file_of("fork", [first, other], hub.statements)
    file.valid("EVD-4", "evidence", "two receipts for one size", _given(raw), _found("fork", hub.id, about))
    less = receipt(4, "1" * 64, "2026-09-01T00:00:00Z")
    raw = file_of("rollback", [first, less], hub.statements)
    file.valid("EVD-4", "evidence", "a later receipt for less", _given(raw), _found("rollback", hub.id, about))
    foreign = receipt(5, "1" * 64, node=Writer("other").id)
    given = _given(file_of("fork", [first, foreign], hub.statements))
    file.invalid("EVD-3", "evidence", "receipts for two nodes", given, "unproven", "/evidence/said")


def _records(file: CaseFile) -> None:
    node, hub = Writer("node"), Writer("hub", role="hub")
    one, other = (entries.record(node, "a", note=note) for note in ("one", "other"))
    said = [node.key.sign("record", value) for value in (one, other)]
    found = _found("equivocation", node.id, uuid("a"))
    raw = file_of("equivocation", said, node.statements)
    file.valid("EVD-4", "evidence", "two contents of one rev", _given(raw), found)
    gone = node.key.sign("tombstone", entries.tombstone(node, "a", 1))
    raw = file_of("equivocation", [said[0], gone], node.statements)
    file.valid("EVD-4", "evidence", "a content and a tombstone of one rev", _given(raw), found)

    def nothing(rule: str, comment: str, pointer: str, said: list[Thing]) -> None:
        given = _given(file_of("equivocation", said, [*node.statements, *hub.statements]))
        file.invalid(rule, "evidence", comment, given, "unproven", f"/evidence/said{pointer}")

    nothing("EVD-4", "one content twice", "", [said[0], said[0]])
    nothing("EVD-3", "two revs", "", [said[0], node.key.sign("record", entries.record(node, "a", 2))])
    nothing("EVD-3", "two records", "", [said[0], node.key.sign("record", entries.record(node, "b"))])
    nothing("EVD-3", "a record and a head", "/1", [said[0], Feed(node).head()])
    by_hub = hub.key.sign("record", other)
    given = _given(file_of("equivocation", [said[0], by_hub], [*node.statements, *hub.statements]))
    file.invalid("SIG-3", "evidence", "a content that a hub invented", given, "key_unknown", "/jws")


def _keys(file: CaseFile) -> None:
    one, other = Writer("node"), Writer("node")
    said = [one.later("add", jwk=Key("node 2").jwk), other.later("add", jwk=Key("thief").jwk)]
    first = one.statements[:1]
    raw = file_of("keys", said, first)
    file.valid("EVD-4", "evidence", "two statements of one number", _given(raw), _found("keys", one.id, "statement 1"))
    given = _given(file_of("keys", [said[0], said[0]], first))
    file.invalid("EVD-4", "evidence", "one statement twice", given, "unproven", "/evidence/said")
    given = _given(file_of("keys", [said[0], Writer("other").later("retire", kid=Key("other").kid)], first))
    file.invalid("EVD-3", "evidence", "statements of two nodes", given, "unproven", "/evidence/said")
    given = _given(file_of("keys", said, []))
    file.invalid("EVD-2", "evidence", "statements without the first one", given, "unproven", "/evidence/keys")
    foreign = Writer("node").later("add", by=Key("thief"), jwk=Key("thief").jwk)
    given = _given(file_of("keys", [said[0], foreign], first))
    file.invalid("SIG-3", "evidence", "a statement by a stranger's key", given, "key_unknown", "/jws")


def _forms(file: CaseFile) -> None:
    raw = rollback()

    def malformed(comment: str, raw: bytes, pointer: str = "") -> None:
        file.invalid("EVD-1", "evidence", comment, _given(raw), "malformed", pointer)

    malformed("no line feed", raw[:-1])
    malformed("another line", raw + b"\n")
    malformed("a space", raw.replace(b'"kind":', b'"kind": '))
    malformed("a member nobody knows", raw.replace(b'"kind":', b'"hint":1,"kind":'))
    malformed("without what was said", canonical({"evidence": {"keys": [], "kind": "fork"}}) + b"\n")
    malformed("not an object", b"[]\n")
    malformed("nothing", b"")
    malformed("something that is not signed", file_of("fork", [{}, {}], []), "/evidence/said/0")
    file.invalid(
        "SIG-6", "evidence", "a head without its signature", _given(file_of("fork", [{"head": {}}], [])),
        "signature_invalid", "/evidence/said/0",
    )  # fmt: skip


def _inclusions(file: CaseFile) -> None:
    """That a record stands in a hub's log."""
    hub, node = Feed(Writer("hub", role="hub")), Writer("node")
    hub.key()
    hub.add(entries.key(1, node.statements[0]))
    for label in ("a", "b", "c", "d"):
        hub.put(label, writer=node, entry={"src": ["public", epoch(1), hub.size]})
    hub.add(entries.delete(hub.size, entries.tombstone(node, "b"), node.key))
    keys = [*hub.writer.statements, *node.statements]

    def place(number: int, **changed: Any) -> Case:
        line = hub.lines[number]
        told = {name: line.column(name) for name in ("at", "op", "seq", "src")}
        return told | {"proof": [h.hex() for h in inclusion([one.leaf for one in hub.lines], number)]} | changed

    def given(said: list[Thing], where: Case | None, statements: list[Thing] = keys) -> Case:
        more = {} if where is None else {"inclusion": where}
        value = {"keys": statements, "kind": "inclusion", "said": said} | more
        return {"bytes": bytes_of(canonical({"evidence": value}) + b"\n")}

    def thing(seq: int) -> Thing:
        value = json.loads(hub.lines[seq].raw)
        return {name: value[name] for name in ("record", "tombstone", "jws") if name in value}

    head = hub.head()
    told = {"about": uuid("a"), "by": hub.writer.id, "kind": "inclusion"}
    for comment, seq, about in (("a record", 2, "a"), ("the last one", 5, "d"), ("a tombstone", 6, "b")):
        file.valid("EVD-6", "evidence", comment, given([thing(seq), head], place(seq)), told | {"about": uuid(about)})
    away = "/evidence/inclusion/proof"
    for comment, where in (
        ("another position", place(2, seq=3)),
        ("another time", place(2, at="2026-05-01T08:00:01Z")),
        ("another place in its author's log", place(2, src=["public", epoch(1), 9])),
        ("no place in its author's log", place(2, src=None)),
        ("the path of another entry", place(2, proof=place(4)["proof"])),
        ("a path that is too short", place(2, proof=place(2)["proof"][:-1])),
        ("a position beyond the log", place(2, seq=70)),
    ):
        file.invalid("EVD-6", "evidence", comment, given([thing(2), head], where), "unproven", away)
    other = given([thing(3), head], place(2))
    file.invalid("EVD-6", "evidence", "another record at that place", other, "unproven", away)
    for comment, case, pointer in (
        ("no place at all", given([thing(2), head], None), "/evidence/said"),
        ("a tombstone said to be put", given([thing(6), head], place(6, op="put")), "/evidence/inclusion/op"),
        ("the head first", given([head, thing(2)], place(2)), "/evidence/said"),
    ):
        file.invalid("EVD-3", "evidence", comment, case, "unproven", pointer)
    lacking = given([thing(2), head], place(2), node.statements)
    file.invalid("EVD-2", "evidence", "an inclusion without the hub's keys", lacking, "unproven", "/evidence/keys")
    lacking = given([thing(2), head], place(2), hub.writer.statements)
    file.invalid("EVD-2", "evidence", "an inclusion without the author's keys", lacking, "unproven", "/evidence/keys")


def _incomplete(file: CaseFile) -> None:
    """That what a hub shows of a node is not what the node signs."""
    hub, node, other = Feed(Writer("hub", role="hub")), Feed(Writer("node")), Feed(Writer("other"))
    hub.key()
    node.key()
    for label in ("a", "b", "c"):
        node.put(label)
    keys = [*hub.writer.statements, *node.writer.statements]
    rows: list[Any] = [[id_, rev, digest] for _, id_, rev, digest in node.rows]
    of_node, of_hub = node.head(), hub.head()

    def given(
        records: list[Any], missing: Case, said: list[Thing] | None = None, statements: list[Thing] = keys, **more: Any
    ) -> Case:
        told = {"missing": missing, "records": records} | more
        value = {"incomplete": told, "keys": statements, "kind": "incomplete", "said": said or [of_node, of_hub]}
        return {"bytes": bytes_of(canonical({"evidence": value}) + b"\n")}

    found = _found("incomplete", hub.writer.id, node.writer.id)
    bent = [rows[0][0], rows[0][1], "0" * 64]
    for comment, records, missing in (
        ("one is missing, and nobody says so", rows[1:], {}),
        ("one is missing, and two are said to be", rows[1:], {"policy": 2}),
        ("another content in the place of one", [bent, *rows[1:]], {}),
        ("nothing of the node", [], {}),
    ):
        file.valid("EVD-7", "evidence", comment, given(records, missing), found)
    for comment, records, missing, pointer in (
        ("all of them", rows, {}, ""),
        ("one is missing, and said to be", rows[1:], {"held": 1}, ""),
        ("one of them twice", [rows[0], *rows], {}, "/records"),
        ("one twice in the place of another", [rows[0], rows[0], rows[1]], {}, "/records"),
    ):
        case = given(records, missing)
        file.invalid("EVD-7", "evidence", comment, case, "unproven", f"/evidence/incomplete{pointer}")
    for comment, said in (
        ("the feed's head first", [of_hub, of_node]),
        ("two heads of the node", [of_node, of_node]),
        ("a head for partners", [node.head(name="partners"), of_hub]),
        (
            "a record in the place of a head",
            [of_node, node.writer.key.sign("record", entries.record(node.writer, "a"))],
        ),
    ):
        file.invalid("EVD-3", "evidence", comment, given(rows[1:], {}, said), "unproven", "/evidence/said")
    lacking = given(rows[1:], {}, statements=hub.writer.statements)
    file.invalid("EVD-2", "evidence", "without the node's keys", lacking, "unproven", "/evidence/keys")
    stranger = given(rows[1:], {}, [node.head(key=other.writer.key), of_hub])
    file.invalid("SIG-3", "evidence", "a node's head that a stranger signed", stranger, "key_unknown", "/jws")
    for comment, malformed in (
        ("a count below 0", given(rows, {"held": -1})),
        ("a digest that is none", given([[rows[0][0], 1, "x"]], {})),
        ("a member beside what was shown", given(rows[1:], {}, why="so")),
    ):
        file.invalid("EVD-1", "evidence", comment, malformed, "malformed")
