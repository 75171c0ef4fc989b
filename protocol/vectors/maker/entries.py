"""Lines of a log: their members, and the leaf each gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .primitives import Key, Writer, base64url, canonical, digest, identifier, salt, sha256, uuid

AT = "2026-05-01T08:00:00Z"
COLUMNS = ("seq", "op", "type", "node", "id", "rev", "digest", "src", "at")


@dataclass(frozen=True)
class Line:
    """A line of a log without its line feed, and the columns of its leaf."""

    raw: bytes
    columns: tuple[Any, ...]

    @property
    def leaf_input(self) -> bytes:
        return canonical(["jisr-leaf-1", *self.columns])

    @property
    def leaf(self) -> bytes:
        return sha256(b"\x00" + self.leaf_input)

    def column(self, name: str) -> Any:
        return self.columns[COLUMNS.index(name)]


def record(writer: Writer, label: str, rev: int = 1, **members: Any) -> dict[str, Any]:
    """The smallest record: the members every leaf needs, and what is asked for."""
    return {
        "audience": "public",
        "id": uuid(label),
        "node": writer.id,
        "rev": rev,
        "salt": salt(f"{label} {rev}"),
        "type": "org.jisr.news/1",
    } | members


def tombstone(writer: Writer, label: str, rev: int = 2, **members: Any) -> dict[str, Any]:
    return {
        "audience": "public",
        "id": uuid(label),
        "modified": AT,
        "node": writer.id,
        "of": "org.jisr.news/1",
        "rev": rev,
        "salt": salt(f"{label} {rev}"),
    } | members


def notice(writer: Writer, by: str, action: str, ids: list[str] | str, max_rev: int | None) -> dict[str, Any]:
    return {
        "action": action,
        "basis": "author",
        "by": by,
        "expires": "2027-05-01T00:00:00Z",
        "id": uuid(f"notice {action}"),
        "ids": ids,
        "issued": AT,
        "jurisdiction": "MA",
        "max_rev": max_rev,
        "n": 1,
        "node": writer.id,
    }


def put(seq: int, value: dict[str, Any], key: Key, *, jws: str | None = None, **members: Any) -> Line:
    body = canonical(value)
    line = {"at": AT, "jws": jws or key.jws("record", body), "op": "put", "record": value, "seq": seq} | members
    columns = (value["type"], value["node"], value["id"], value["rev"], digest("record", body))
    return _line(line, *columns)


def delete(seq: int, value: dict[str, Any], key: Key, **members: Any) -> Line:
    body = canonical(value)
    line = {"at": AT, "jws": key.jws("tombstone", body), "op": "del", "seq": seq, "tombstone": value} | members
    return _line(line, value["of"], value["node"], value["id"], value["rev"], digest("tombstone", body))


def stub(of: Line, gone: str) -> Line:
    """The line of a put or del whose content is gone; the leaf stays."""
    named = dict(zip(COLUMNS, of.columns, strict=True))
    value = {name: named[name] for name in COLUMNS if named[name] is not None} | {"gone": gone}
    return Line(canonical(value), of.columns)


def out(seq: int, of: Line) -> Line:
    columns = {name: of.column(name) for name in ("type", "node", "id", "rev", "digest")}
    return _line({"at": AT, "op": "out", "seq": seq} | columns, *columns.values())


def key(seq: int, statement: dict[str, Any], **members: Any) -> Line:
    """The entry of a key or recovery statement."""
    kind = "recovery" if "recovery" in statement else "key"
    value = statement[kind]
    body = canonical(value)
    node = value.get("node") or identifier(value)
    kid = value.get("kid") or base64url(sha256(canonical(value["jwk"])))
    line = {"at": AT, "op": kind, "seq": seq} | statement | members
    return _line(line, kind, node, kid, None, digest(kind, body))


def acted(seq: int, op: str, signed_notice: dict[str, Any], target: str, **members: Any) -> Line:
    """An erase, hold or unhold entry of a notice on one target."""
    value = signed_notice["notice"]
    line = {"at": AT, "id": target, "op": op, "seq": seq} | signed_notice | members
    return _line(line, None, value["node"], target, value["max_rev"], digest("notice", canonical(value)))


def stated(seq: int, signed: dict[str, Any]) -> Line:
    value = signed["statement"]
    line = {"at": AT, "op": "statement", "seq": seq} | signed
    return _line(line, value["type"], value["subject"], value["id"], value["n"], digest("statement", canonical(value)))


def nodehead(seq: int, signed_head: dict[str, Any], missing: dict[str, int]) -> Line:
    content = signed_head | {"missing": missing}
    head = signed_head["head"]
    line = {"at": AT, "op": "nodehead", "seq": seq} | content
    return _line(line, None, head["by"], head["name"], None, digest("nodehead", canonical(content)))


def other(seq: int, op: str, **members: Any) -> Line:
    """An entry of an op that this version does not know."""
    line = {"at": AT, "op": op, "seq": seq} | members
    columns = [members.get(name) for name in ("type", "node", "id", "rev")]
    return _line(line, *columns, digest("object", canonical(members.get("object"))))


def _line(line: dict[str, Any], type_: Any, node: Any, id_: Any, rev: Any, digest_: Any) -> Line:
    return Line(canonical(line), (line["seq"], line["op"], type_, node, id_, rev, digest_, line.get("src"), line["at"]))
