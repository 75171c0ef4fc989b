"""Other people's Merkle proofs: the test data of transparency-dev/merkle, kept outside this project.

Two policies differ, and are stated here instead of being hidden in a list of exceptions:

* From a tree of no leaves they prove nothing: there size1 = 0 is always an error. For us the empty tree is a prefix of
  every tree, with the empty proof and the root of nothing (MRK-3), because a reader begins at nothing. Their cases of
  size1 = 0 fail here too, each for another reason: a proof that is not empty, or a root that is not one.
* Their verifier takes hashes of any length, and one of their good cases has roots that are words; here a hash that is
  not 32 bytes is refused (MRK-2, MRK-3).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jisr_protocol.merkle import EMPTY_ROOT, verify_consistency, verify_inclusion
from tests.protocol.refusals import refusal_of


def _proofs(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(str(path.relative_to(folder)), json.loads(path.read_text("utf-8"))) for path in files]


def _b64(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def _refuses(check: Callable[..., None], *arguments: object) -> bool:
    return refusal_of(check, *arguments) is not None


def test_inclusion_proofs_agree(shared: Path, figure: Callable[..., None]) -> None:
    proofs = _proofs(shared / "vectors" / "merkle" / "inclusion")
    differing = []
    for name, case in proofs:
        proof = [_b64(item) for item in case["proof"] or []]
        leaf, root = _b64(case["leafHash"]), _b64(case["root"])
        if _refuses(verify_inclusion, leaf, case["leafIdx"], case["treeSize"], proof, root) != case["wantErr"]:
            differing.append((name, case["desc"]))
    figure("inclusion proofs of others", len(proofs))
    assert (len(proofs) > 90, differing) == (True, [])


def test_consistency_proofs_agree(shared: Path, figure: Callable[..., None]) -> None:
    proofs = _proofs(shared / "vectors" / "merkle" / "consistency")
    differing = []
    for name, case in proofs:
        proof = [_b64(item) for item in case["proof"] or []]
        roots = _b64(case["root1"]), _b64(case["root2"])
        expected = case["wantErr"] or any(len(hashed) != 32 for hashed in (*roots, *proof))
        if _refuses(verify_consistency, case["size1"], case["size2"], proof, *roots) != expected:
            differing.append((name, case["desc"]))
    figure("consistency proofs of others", len(proofs))
    assert (len(proofs) > 90, differing) == (True, [])


def test_nothing_is_a_prefix_of_everything_which_is_our_policy() -> None:
    verify_consistency(0, 5, [], EMPTY_ROOT, bytes(32))
    verify_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_only_hashes_of_32_bytes_are_hashes_which_is_our_policy(length: int) -> None:
    odd = bytes(length)
    assert _refuses(verify_inclusion, odd, 0, 1, [], odd)
    assert _refuses(verify_consistency, 3, 3, [], odd, odd)
    assert _refuses(verify_consistency, 0, 3, [], EMPTY_ROOT, odd)
