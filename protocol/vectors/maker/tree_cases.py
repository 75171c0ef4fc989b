"""Cases of docs/spec/merkle.md and state-tree.md."""

from __future__ import annotations

from . import trees
from .cases import CaseFile, bytes_of
from .primitives import canonical, sha256
from .trees import counted_consistency, counted_inclusion, counted_leaf, counted_root, counted_row, state_tree

SIZES = (*range(34), 63, 64, 65, 127, 128, 129, 255, 256, 257, 300, 511, 512, 513, 599, 600, 65_535, 65_536, 65_537)


def make_merkle() -> CaseFile:
    file = CaseFile(
        "merkle",
        "Leaf i is SHA-256(0x00 ‖ i in decimal ASCII). Operation root: that many leaves → root and the roots of its "
        "perfect subtrees, largest first. Operations inclusion and consistency: a proof → nothing, or a refusal. "
        "Operation frontier: size and subtree roots → root.",
    )
    for size in SIZES:
        result = {"frontier": [h.hex() for h in _frontier(size)], "root": counted_root(0, size).hex()}
        file.valid("MRK-1", "root", f"{size} leaves", {"size": size}, result)
    _frontiers(file)
    _inclusions(file)
    _consistencies(file)
    return file


def _frontier(size: int) -> list[bytes]:
    roots, start = [], 0
    for bit in reversed(range(size.bit_length())):
        if size >> bit & 1:
            roots.append(counted_root(start, start + (1 << bit)))
            start += 1 << bit
    return roots


def _frontiers(file: CaseFile) -> None:
    for size in (0, 1, 6, 7, 600):
        given = {"roots": [h.hex() for h in _frontier(size)], "size": size}
        file.valid("MRK-1", "frontier", f"the frontier of {size}", given, {"root": counted_root(0, size).hex()})
    good = [h.hex() for h in _frontier(6)]
    for comment, size, roots in (
        ("one root too few", 6, good[:-1]),
        ("one root too many", 6, [*good, good[0]]),
        ("roots of no leaves", 0, good[:1]),
        ("a root of 31 bytes", 6, [good[0], good[1][:-2]]),
        ("a root of 33 bytes", 6, [good[0], good[1] + "00"]),
    ):
        file.invalid("MRK-1", "frontier", comment, {"roots": roots, "size": size}, "proof_invalid")


def _inclusion(index: int, size: int, **changed: object) -> dict[str, object]:
    proof = [h.hex() for h in counted_inclusion(index, 0, size)] if index < size else []
    leaf, root = counted_leaf(index).hex(), counted_root(0, size).hex()
    return {"index": index, "leaf": leaf, "proof": proof, "root": root, "size": size} | changed


def _inclusions(file: CaseFile) -> None:
    places = [
        (0, 1),
        (0, 2),
        (1, 2),
        (2, 3),
        (4, 7),
        (6, 7),
        (0, 8),
        (7, 8),
        (8, 9),
        (99, 257),
        (599, 600),
        (65_536, 65_537),
    ]
    for index, size in places:
        file.valid("MRK-2", "inclusion", f"leaf {index} of {size}", _inclusion(index, size), {})
    good = _inclusion(4, 7)
    proof = [h.hex() for h in counted_inclusion(4, 0, 7)]
    short = [*proof[:-1], proof[-1][:-2]]
    for comment, changed in (
        ("another leaf", {"leaf": counted_leaf(5).hex()}),
        ("another place", {"index": 5}),
        ("another size", {"size": 9}),
        ("a smaller size", {"size": 5}),
        ("another root", {"root": counted_root(0, 6).hex()}),
        ("the root of nothing", {"root": trees.EMPTY_ROOT.hex()}),
        ("no proof", {"proof": []}),
        ("one hash too few", {"proof": proof[:-1]}),
        ("one hash too many", {"proof": [*proof, proof[0]]}),
        ("a hash too many in front", {"proof": [proof[0], *proof]}),
        ("hashes in another order", {"proof": proof[::-1]}),
        ("a bit of a hash", {"proof": [_flipped(proof[0]), *proof[1:]]}),
        ("a hash of 31 bytes", {"proof": short}),
        ("a place beyond the size", {"index": 7}),
        ("the place of the next leaf", {"index": 8, "size": 8}),
        ("a tree of no leaves", {"index": 0, "proof": [], "root": trees.EMPTY_ROOT.hex(), "size": 0}),
    ):
        file.invalid("MRK-2", "inclusion", comment, good | changed, "proof_invalid")
    whole = _inclusion(0, 1) | {"proof": [counted_leaf(0).hex()]}
    file.invalid("MRK-2", "inclusion", "a proof where none is needed", whole, "proof_invalid")
    inner = counted_root(0, 4)
    given = {"index": 0, "leaf": inner.hex(), "proof": [counted_root(4, 7).hex()], "root": good["root"], "size": 2}
    comment = "a proof for an inner node under another size is a proof of that size only: the size is signed"
    file.valid("MRK-2", "inclusion", comment, given, {})
    comment = "sizes 7 and 8 give the path of leaf 4 one shape: here too only the signature binds the size"
    file.valid("MRK-2", "inclusion", comment, good | {"size": 8}, {})


def _consistency(old: int, new: int, **changed: object) -> dict[str, object]:
    proof = [h.hex() for h in counted_consistency(old, 0, new)] if 0 < old < new else []
    return {
        "new": new,
        "new_root": counted_root(0, new).hex(),
        "old": old,
        "old_root": counted_root(0, old).hex(),
        "proof": proof,
    } | changed


def _consistencies(file: CaseFile) -> None:
    pairs = [
        (0, 0),
        (0, 5),
        (1, 1),
        (1, 2),
        (1, 7),
        (2, 3),
        (3, 7),
        (4, 7),
        (6, 8),
        (6, 7),
        (8, 9),
        (255, 257),
        (256, 600),
    ]
    for old, new in [*pairs, (65_535, 65_537), (65_536, 65_537)]:
        file.valid("MRK-3", "consistency", f"{old} to {new}", _consistency(old, new), {})
    good = _consistency(3, 7)
    proof = [h.hex() for h in counted_consistency(3, 0, 7)]
    for comment, changed in (
        ("another old root", {"old_root": counted_root(0, 4).hex()}),
        ("another new root", {"new_root": counted_root(0, 6).hex()}),
        ("the roots swapped", {"new_root": good["old_root"], "old_root": good["new_root"]}),
        ("another old size", {"old": 2}),
        ("another new size", {"new": 9}),
        ("sizes that fall", {"new": 3, "old": 7}),
        ("no proof", {"proof": []}),
        ("one hash too few", {"proof": proof[:-1]}),
        ("one hash too many", {"proof": [*proof, proof[0]]}),
        ("a hash too many in front", {"proof": [proof[0], *proof]}),
        ("hashes in another order", {"proof": proof[::-1]}),
        ("a bit of a hash", {"proof": [*proof[:-1], _flipped(proof[-1])]}),
        ("a hash of 33 bytes", {"proof": [*proof[:-1], proof[-1] + "00"]}),
    ):
        file.invalid("MRK-3", "consistency", comment, good | changed, "proof_invalid")
    for comment, given in (
        ("equal sizes with a proof", _consistency(3, 3, proof=proof[:1])),
        ("equal sizes, two roots", _consistency(3, 3, new_root=counted_root(0, 4).hex())),
        ("from nothing with a proof", _consistency(0, 3, proof=proof[:1])),
        ("from nothing with a root that is not nothing's", _consistency(0, 3, old_root=counted_root(0, 1).hex())),
        (
            "a power of two whose proof repeats the old root",
            _consistency(4, 7, proof=[counted_root(0, 4).hex(), counted_root(4, 7).hex()]),
        ),
    ):
        file.invalid("MRK-3", "consistency", comment, given, "proof_invalid")


def _flipped(hashed: str) -> str:
    return bytes([int(hashed[:2], 16) ^ 1]).hex() + hashed[2:]


def make_state() -> CaseFile:
    file = CaseFile(
        "state-tree",
        "Row i of the counting set is [node, 00000000-0000-4000-8000-<i in 12 hex digits>, i mod 7 + 1, SHA-256 of i "
        f"in decimal], node {trees.COUNTED_NODE}. Operation state: rows, or how many of the counting set → root, live, "
        "inventory. Operation bucket, inner: a file and its hash → what it holds. "
        "Operation row_path: a row → its line and buckets.",
    )
    for count in (0, 1, 2, 64, 65, 4_095, 4_096, 4_097, 5_000):
        root, files = state_tree([counted_row(n) for n in range(count)])
        depth = 1 if count <= 4_096 else 2
        result = {"depth": depth, "files": len(files), "root": root.hex()}
        file.valid("STA-3", "state", f"{count} records", {"count": count}, result)
    rows = [counted_row(n) for n in (3, 1, 2)]
    root, files = state_tree(rows)
    result = {"depth": 1, "files": len(files), "root": root.hex()}
    file.valid("STA-3", "state", "the order of rows does not matter", {"rows": [list(row) for row in rows]}, result)
    for row in rows:
        line = canonical(list(row)) + b"\n"
        hashed = sha256(f"{row[0]}\n{row[1]}".encode())
        bucket = int.from_bytes(hashed[:3], "big") >> 18
        given = {"row": list(row)}
        file.valid(
            "STA-1",
            "row_path",
            "one row",
            given,
            {
                "bucket_at_depth_1": bucket,
                "bucket_at_depth_2": int.from_bytes(hashed[:3], "big") >> 12,
                "hash": hashed.hex(),
                "line": line.decode(),
            },
        )
    _files(file)
    return file


def _files(file: CaseFile) -> None:
    lines = sorted(canonical(list(counted_row(n))) + b"\n" for n in range(3))
    content = b"".join(lines)
    hashed = sha256(b"\x00" + content).hex()
    rows = sorted((counted_row(n) for n in range(3)), key=lambda row: canonical(list(row)))

    def bucket(raw: bytes) -> dict[str, object]:
        return {"content": bytes_of(raw), "hash": sha256(b"\x00" + raw).hex()}

    file.valid("STA-2", "bucket", "three rows", bucket(content), {"rows": [list(row) for row in rows]})
    file.valid("STA-2", "bucket", "no row", bucket(b""), {"rows": []})
    good = {"content": bytes_of(content), "hash": hashed}
    file.invalid("STA-4", "bucket", "another file", good | {"content": bytes_of(lines[0])}, "state_mismatch")
    file.invalid("STA-4", "bucket", "another hash", good | {"hash": sha256(content).hex()}, "state_mismatch")
    node, record_id, rev, digest = counted_row(1)
    for rule, code, comment, raw, pointer in (
        ("STA-2", "state_mismatch", "lines in another order", b"".join(lines[::-1]), ""),
        ("STA-2", "state_mismatch", "the last line feed is missing", content[:-1], ""),
        ("STA-2", "state_mismatch", "three columns", canonical([node, record_id, rev]) + b"\n", "/0"),
        ("STA-2", "state_mismatch", "five columns", canonical([node, record_id, rev, digest, 1]) + b"\n", "/0"),
        ("STA-2", "state_mismatch", "rev 0", canonical([node, record_id, 0, digest]) + b"\n", "/0"),
        (
            "STA-2",
            "state_mismatch",
            "a digest in capitals",
            canonical([node, record_id, rev, digest.upper()]) + b"\n",
            "/0",
        ),
        ("STA-2", "state_mismatch", "an object", b"{}\n", "/0"),
        ("STA-2", "state_mismatch", "a record twice", lines[0] * 2, ""),
        ("CAN-2", "not_canonical", "a space", lines[0].replace(b",", b", "), ""),
    ):
        file.invalid(rule, "bucket", comment, bucket(raw), code, pointer)
    empty = sha256(b"\x00")
    children = [sha256(b"\x00" + content), *[empty] * 63]
    inner = canonical([child.hex() for child in children]) + b"\n"
    inner_hash = sha256(b"\x01" + b"".join(children)).hex()
    file.valid(
        "STA-3",
        "inner",
        "one bucket and 63 empty ones",
        {"content": bytes_of(inner), "hash": inner_hash},
        {"children": [child.hex() for child in children]},
    )
    swapped = canonical([child.hex() for child in [empty, children[0], *[empty] * 62]]) + b"\n"
    for comment, raw in (
        ("children in another order", swapped),
        ("63 children", canonical([child.hex() for child in children[:63]]) + b"\n"),
        ("children that are no hashes", canonical(["x"] * 64) + b"\n"),
        ("an object", b"{}\n"),
    ):
        file.invalid("STA-4", "inner", comment, {"content": bytes_of(raw), "hash": inner_hash}, "state_mismatch")
