"""Cases of docs/spec/snapshot.md, and of the files that heads and inventories name: feed.md, state-tree.md."""

from __future__ import annotations

from typing import Any

from . import entries, snapshots
from .cases import Case, CaseFile, bytes_of
from .feed import Feed, record_path
from .feeds import small
from .primitives import Writer, canonical, epoch, sha256, uuid


def make() -> CaseFile:
    file = CaseFile(
        "snapshot",
        "Operation manifest: a head and the manifest it names → position, live records, lines. Operation part: what a "
        "manifest says of a part, and its bytes → how many lines. Operation generations: the file and its hash → page "
        "number and generation. Operation record_file: the file and the line of the inventory → its position. "
        "Operation place: what file → its path.",
    )
    _manifests(file)
    _parts(file)
    _generations(file)
    _record_files(file)
    _places(file)
    return file


def _given(feed: Feed, manifest: bytes | None = None, **head: Any) -> Case:
    raw = feed.beside[feed.more["snap"]["path"]] if manifest is None else manifest
    return {"bytes": bytes_of(raw), "head": bytes_of(canonical(feed.head(**head)) + b"\n")}


def _named(feed: Feed, value: dict[str, Any]) -> Case:
    snapshots.name_manifest(feed, canonical(value) + b"\n")
    return _given(feed)


def _taken(lines: int = 4096) -> tuple[Feed, dict[str, Any]]:
    feed = small()
    snapshots.take(feed, lines=lines)
    return feed, snapshots.manifest_of(feed)


def _manifests(file: CaseFile) -> None:
    feed, value = _taken()
    result = {"lines": 4, "live": 2, "seq": 6}
    file.valid("SNAP-2", "manifest", "a manifest", _given(feed), result)
    file.valid("SNAP-2", "manifest", "members nobody knows yet", _named(feed, value | {"later": [1]}), result)
    file.valid("SNAP-2", "manifest", "parts of one line", _given(_taken(1)[0]), result)
    told = _told()
    result_told = {"lines": 5, "live": 2, "seq": 7}
    file.valid("SNAP-2", "manifest", "with statements", _given(told), result_told)
    _bent_statements(file, told)
    nothing = Feed(Writer("node"))
    snapshots.take(nothing)
    file.valid("SNAP-2", "manifest", "of no entries", _given(nothing), {"lines": 0, "live": 0, "seq": 0})
    base = {"epoch": feed.epoch, "log_root": feed.head()["head"]["log_root"], "size": 6}
    snapshots.name_manifest(feed, canonical(value) + b"\n")
    later = _given(feed, bases=[base], epoch=epoch(2))
    file.valid("SNAP-2", "manifest", "of an earlier epoch that reaches so far", later, result)
    _bent_manifests(file, feed, value)


def _told() -> Feed:
    feed, hub = small(), Writer("hub", role="hub")
    node = {"by": hub.id, "id": uuid("s"), "n": 1, "subject": feed.writer.id, "type": "org.jisr.node/1"}
    feed.add(entries.stated(feed.size, hub.key.sign("statement", node)))
    snapshots.take(feed)
    return feed


def _bent_statements(file: CaseFile, feed: Feed) -> None:
    value = snapshots.manifest_of(feed)
    part = value["statements"][0]
    for comment, bad, pointer in (
        ("statements that are no list", {}, "/statements"),
        ("statements without lines", [part | {"count": 0}], "/statements"),
        ("statements elsewhere", [part | {"path": "log/000.ndjson"}], "/statements/0/path"),
        ("statements in the part of another list", [value["parts"][0]], "/statements/0/path"),
    ):
        given = _named(feed, value | {"statements": bad})
        file.invalid("SNAP-2", "manifest", comment, given, "malformed", pointer)


def _bent_manifests(file: CaseFile, feed: Feed, value: dict[str, Any]) -> None:
    for name in sorted(value):
        less = {member: v for member, v in value.items() if member != name}
        file.invalid("SNAP-2", "manifest", f"no {name}", _named(feed, less), "malformed")
    part = value["parts"][0]
    for comment, member, bad, pointer in (
        ("of another node", "by", Writer("other node").id, "/by"),
        ("of another feed", "name", "partners", "/name"),
        ("of another position", "seq", 5, "/seq"),
        ("of another epoch", "epoch", epoch(2), "/epoch"),
        ("a root in capitals", "state_root", value["state_root"].upper(), "/state_root"),
        ("live as text", "live", "2", "/live"),
        ("a list that is none", "guards", {}, "/guards"),
        ("a part without lines", "parts", [part | {"count": 0}], "/parts"),
        ("a part of too many lines", "parts", [part | {"count": 4097}], "/parts"),
        ("a part that is too large", "parts", [part | {"bytes": 16_777_217}], "/parts"),
        ("a part without a hash", "parts", [{"bytes": 1, "count": 1, "path": part["path"]}], "/parts"),
        ("a path elsewhere", "parts", [part | {"path": "log/000.ndjson"}], "/parts/0/path"),
        ("a path that climbs", "parts", [part | {"path": part["path"].replace("/0", "/../0")}], "/parts/0/path"),
        ("a number of two digits", "parts", [part | {"path": part["path"].replace("001", "01")}], "/parts/0/path"),
        ("a path twice", "parts", [part, part], "/parts/1/path"),
    ):
        file.invalid("SNAP-2", "manifest", comment, _named(feed, value | {member: bad}), "malformed", pointer)
    for comment, roots in (("a hash too many", [*value["frontier"], "00" * 32]), ("a hash too few", [])):
        given = _named(feed, value | {"frontier": roots})
        file.invalid("MRK-1", "manifest", comment, given, "proof_invalid")
    given = _named(feed, value) | {"bytes": bytes_of(canonical(value | {"live": 3}) + b"\n")}
    file.invalid("SNAP-1", "manifest", "another manifest", given, "hash_mismatch")
    spaced = canonical(value).replace(b'":', b'": ', 1) + b"\n"
    snapshots.name_manifest(feed, spaced)
    file.invalid("CAN-2", "manifest", "a space", _given(feed), "not_canonical")


def _parts(file: CaseFile) -> None:
    feed, _ = _taken()
    two = b"".join(line.raw + b"\n" for line in feed.lines[1:3])
    path = f"snap/{feed.epoch}-6/001.ndjson"

    def given(content: bytes, **changed: Any) -> Case:
        return {"bytes": bytes_of(content), "part": snapshots.part(path, two) | changed}

    file.valid("SNAP-1", "part", "two lines", given(two), {"lines": 2})
    for rule, code, comment, content, changed in (
        ("SNAP-1", "hash_mismatch", "another content", two.replace(b'"count":5', b'"count":6'), {}),
        ("SNAP-1", "hash_mismatch", "a byte less", two[:-1], {}),
        ("SNAP-1", "hash_mismatch", "another hash", two, {"sha256": sha256(b"").hex()}),
        ("SNAP-1", "hash_mismatch", "another length", two, {"bytes": len(two) - 1}),
        ("SNAP-3", "malformed", "a line less than it says", two, {"count": 3}),
        ("SNAP-3", "malformed", "a line more than it says", two, {"count": 1}),
        (
            "PAGE-4",
            "not_canonical",
            "the last line feed is missing",
            two[:-1],
            {"bytes": len(two) - 1, "sha256": sha256(two[:-1]).hex()},
        ),
    ):
        file.invalid(rule, "part", comment, given(content, **changed), code)


def _generations(file: CaseFile) -> None:
    def given(content: bytes, hashed: bytes | None = None) -> Case:
        return {"bytes": bytes_of(content), "sha256": (hashed or sha256(content)).hex()}

    good = b'{"pages":{"12":2,"407":3}}\n'
    file.valid("PAGE-6", "generations", "two pages", given(good), {"pages": {"12": 2, "407": 3}})
    file.valid("PAGE-6", "generations", "no page", given(b'{"pages":{}}\n'), {"pages": {}})
    later = given(b'{"later":1,"pages":{"0":2}}\n')
    file.valid("PAGE-6", "generations", "members nobody knows yet", later, {"pages": {"0": 2}})
    file.invalid("PAGE-5", "generations", "another hash", given(good, sha256(b"")), "hash_mismatch")
    for comment, content, pointer in (
        ("no pages", b"{}\n", "/pages"),
        ("a list", b'{"pages":[12]}\n', "/pages"),
        ("a list of all", b"[]\n", "/pages"),
        ("the first generation", b'{"pages":{"12":1}}\n', "/pages/12"),
        ("a generation as text", b'{"pages":{"12":"2"}}\n', "/pages/12"),
        ("a generation that is true", b'{"pages":{"12":true}}\n', "/pages/12"),
        ("a leading zero", b'{"pages":{"012":2}}\n', "/pages/012"),
        ("a number below none", b'{"pages":{"-1":2}}\n', "/pages/-1"),
        ("no number", b'{"pages":{"x":2}}\n', "/pages/x"),
    ):
        file.invalid("PAGE-6", "generations", comment, given(content), "malformed", pointer)
    file.invalid("CAN-2", "generations", "a space", given(b'{"pages": {}}\n'), "not_canonical")


def _record_files(file: CaseFile) -> None:
    writer = Writer("node")
    line = entries.put(7, entries.record(writer, "a", 2), writer.key)
    row = [line.column(name) for name in ("node", "id", "rev", "digest")]

    def given(content: bytes, **changed: Any) -> Case:
        names = ("node", "id", "rev", "digest")
        return {"bytes": bytes_of(content), "row": [changed.get(n, v) for n, v in zip(names, row, strict=True)]}

    whole = line.raw + b"\n"
    file.valid("STA-5", "record_file", "a put", given(whole), {"seq": 7})
    gone = entries.stub(line, "erased").raw + b"\n"
    deleted = entries.delete(7, entries.tombstone(writer, "a"), writer.key).raw + b"\n"
    out = entries.out(7, line).raw + b"\n"
    for comment, content, changed in (
        ("another rev", whole, {"rev": 3}),
        ("another digest", whole, {"digest": sha256(b"").hex()}),
        ("another node", whole, {"node": Writer("other node").id}),
        ("another record", whole, {"id": uuid("b")}),
        ("a stub", gone, {}),
        ("a deletion", deleted, {}),
        ("a departure", out, {}),
        ("two lines", whole + whole, {}),
        ("no line", b"", {}),
    ):
        file.invalid("STA-5", "record_file", comment, given(content, **changed), "state_mismatch")
    file.invalid("PAGE-4", "record_file", "no line feed", given(line.raw), "not_canonical")


def _places(file: CaseFile) -> None:
    node, where = Writer("node").id, epoch(1)
    for comment, given, path in (
        ("a manifest", ["manifest", where, 102_400], f"snap/{where}-102400/manifest.json"),
        ("a first part", ["part", where, 102_400, 0], f"snap/{where}-102400/000.ndjson"),
        ("part 1000", ["part", where, 102_400, 1000], f"snap/{where}-102400/1000.ndjson"),
        ("generations", ["generations", sha256(b"").hex()], f"gens/{sha256(b'').hex()}.json"),
        ("a record file", ["record", node, uuid("a"), 2], record_path(node, uuid("a"), 2)),
    ):
        file.valid("PATH-2", "place", comment, {"of": given}, {"path": path})
