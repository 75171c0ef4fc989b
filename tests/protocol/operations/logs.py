"""Operations of vectors on entries, pages, trees, and the files that are named by their hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import orjson

from jisr_protocol import entry, generations, head, inventory_walk, live, merkle, paths, snapshot, state_tree
from tests.protocol.operations.given import VECTORS, Case, bytes_of, hashes, ring_of

# Entries and pages


def _entry(given: Case) -> Case:
    raw = bytes_of(given["line"])
    line = entry.parse(raw)
    assert line.raw == raw
    src = list(line.src) if line.src else None
    columns = {
        "at": line.at, "digest": line.digest, "id": line.id, "node": line.node, "op": line.op, "rev": line.rev,
        "seq": line.seq, "src": src, "type": line.type,
    }  # fmt: skip
    leaf_input = orjson.dumps(["jisr-leaf-1", *(columns[name] for name in _COLUMNS)]).decode()
    return {"columns": columns, "leaf": line.leaf.hex(), "leaf_input": leaf_input}


_COLUMNS = ("seq", "op", "type", "node", "id", "rev", "digest", "src", "at")


def _accept(given: Case) -> Case:
    line = entry.parse(bytes_of(given["line"]))
    ring = ring_of(given["statements"])
    kind = line.thing.kind if line.thing else "record"
    try:
        found = entry.accepted(line, ring.verifiers(kind), given["signer"])
    except ValueError as error:  # only with ENT-7 switched off
        return {"error": str(error)}
    return {"kid": found.verified.kid, "signer": found.verified.signer}


def _leaf(given: Case) -> Case:
    columns = given["columns"]
    leaf_input = orjson.dumps(["jisr-leaf-1", *columns]).decode()
    return {"leaf": entry.leaf(*columns).hex(), "leaf_input": leaf_input}


def _path(given: Case) -> Case:
    return {"path": paths.page(given["epoch"], given["number"], given["width"], given["generation"])}


def _pages(given: Case) -> Case:
    return {"paths": [path for _, _, path in paths.pages(given["epoch"], given["start"], given["size"])]}


def _lines(given: Case) -> Case:
    return {"entries": len(entry.parse_lines(bytes_of(given["bytes"])))}


def _live(given: Case) -> Case:
    held = live.fold([entry.parse(bytes_of(line)) for line in given["lines"]])
    return {"live": [[*place, *row] for place, row in sorted(held.items())]}


def _order(given: Case) -> Case:
    return {"order": live.order(*given["offered"], *given["held"]).value}


# Trees


def _root(given: Case) -> Case:
    frontier = merkle.Frontier()
    for number in range(given["size"]):
        frontier.append(merkle.leaf_hash(str(number).encode()))
    return {"frontier": [h.hex() for h in frontier.roots], "root": frontier.root().hex()}


def _frontier(given: Case) -> Case:
    return {"root": merkle.Frontier(given["size"], hashes(given["roots"])).root().hex()}


def _inclusion(given: Case) -> Case:
    leaf, root = hashes([given["leaf"], given["root"]])
    merkle.verify_inclusion(leaf, given["index"], given["size"], hashes(given["proof"]), root)
    return {}


def _consistency(given: Case) -> Case:
    old_root, new_root = hashes([given["old_root"], given["new_root"]])
    merkle.verify_consistency(given["old"], given["new"], hashes(given["proof"]), old_root, new_root)
    return {}


def counted_row(node: str, number: int) -> tuple[str, str, int, str]:
    """Row `number` of the counting set; state-tree.json says how it is made."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return node, f"00000000-0000-4000-8000-{number:012x}", number % 7 + 1, digest


def _counted_node() -> str:
    about: str = json.loads((VECTORS / "state-tree.json").read_text("utf-8"))["about"]
    return about.partition("node ")[2].partition(".")[0]


def _state(given: Case) -> Case:
    if "count" in given:
        node = _counted_node()
        rows = [counted_row(node, number) for number in range(given["count"])]
    else:
        rows = [(row[0], row[1], row[2], row[3]) for row in given["rows"]]
    tree, buckets = state_tree.build(rows)
    root = tree.root()
    files = set(buckets.values())
    empty = {1: state_tree.EMPTY_BUCKET}
    empty[2] = state_tree.inner_hash([empty[1]] * 64)
    inner = {h for level in tree.levels[1:-1] for h in level if h not in empty.values()}
    return {"depth": tree.depth, "files": len(files) + len(inner) + 1, "root": root.hex()}


def _row_path(given: Case) -> Case:
    node, record_id, rev, digest = given["row"]
    bits = state_tree.path(node, record_id)
    return {
        "bucket_at_depth_1": state_tree.bucket_of(bits, 1),
        "bucket_at_depth_2": state_tree.bucket_of(bits, 2),
        "hash": hashlib.sha256(f"{node}\n{record_id}".encode()).hexdigest(),
        "line": state_tree.bucket_bytes([state_tree.line(node, record_id, rev, digest)]).decode(),
    }


def _bucket(given: Case) -> Case:
    rows = state_tree.parse_bucket(bytes_of(given["content"]), bytes.fromhex(given["hash"]))
    return {"rows": [list(row) for row in rows]}


def _inner(given: Case) -> Case:
    content = bytes_of(given["content"])
    children = state_tree.parse_inner(content, bytes.fromhex(given["hash"]))
    assert state_tree.inner_bytes(children) == content
    return {"children": [child.hex() for child in children]}


# Snapshots, and other files that are named by their hash


def _manifest(given: Case) -> Case:
    found = snapshot.parse(bytes_of(given["bytes"]), head.parse(bytes_of(given["head"])))
    return {"lines": sum(part.count for _, part in found.lists), "live": found.live, "seq": found.seq}


def _part(given: Case) -> Case:
    return {"lines": len(snapshot.open_part(snapshot.Part(**given["part"]), bytes_of(given["bytes"])))}


def _generations(given: Case) -> Case:
    pages = generations.parse(bytes_of(given["bytes"]), given["sha256"])
    assert generations.parse(*_again(generations.write(pages))) == pages
    return {"pages": {str(number): generation for number, generation in pages.items()}}


def _again(content: bytes) -> tuple[bytes, str]:
    return content, generations.named(content)["sha256"]


def _record_file(given: Case) -> Case:
    node, record_id, rev, digest = given["row"]
    return {"seq": inventory_walk.read_record(bytes_of(given["bytes"]), (node, record_id, rev, digest)).seq}


def _place(given: Case) -> Case:
    of, *arguments = given["of"]
    places: dict[str, Callable[..., str]] = {
        "generations": paths.generations,
        "manifest": paths.snapshot,
        "part": paths.snapshot_part,
        "record": paths.record,
    }
    return {"path": places[of](*arguments)}


OPERATIONS: dict[str, Callable[[Case], Case]] = {
    "accept": _accept,
    "bucket": _bucket,
    "consistency": _consistency,
    "entry": _entry,
    "frontier": _frontier,
    "generations": _generations,
    "inclusion": _inclusion,
    "inner": _inner,
    "leaf": _leaf,
    "lines": _lines,
    "live": _live,
    "manifest": _manifest,
    "order": _order,
    "pages": _pages,
    "part": _part,
    "path": _path,
    "place": _place,
    "record_file": _record_file,
    "root": _root,
    "row_path": _row_path,
    "state": _state,
}
