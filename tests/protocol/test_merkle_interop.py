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
from dataclasses import dataclass, field
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


@dataclass
class Compared:
    """What became of all proofs of a kind: their number, those that differ by a policy stated above, and by none."""

    total: int = 0
    odd: list[tuple[str, str]] = field(default_factory=list)
    differing: list[tuple[str, str]] = field(default_factory=list)


def compare(shared: Path, kind: str) -> Compared:
    """Judge every proof of this kind as ours and as theirs."""
    compared = Compared()
    for name, case in _proofs(shared / "vectors" / "merkle" / kind):
        compared.total += 1
        proof = [_b64(item) for item in case["proof"] or []]
        if kind == "inclusion":
            hashes = [_b64(case["leafHash"]), _b64(case["root"]), *proof]
            came = _refuses(verify_inclusion, hashes[0], case["leafIdx"], case["treeSize"], proof, hashes[1])
        else:
            hashes = [_b64(case["root1"]), _b64(case["root2"]), *proof]
            came = _refuses(verify_consistency, case["size1"], case["size2"], proof, *hashes[:2])
        if came != case["wantErr"]:
            reason = "its hashes have not 32 bytes" if any(len(hashed) != 32 for hashed in hashes) else ""
            (compared.odd if came and reason else compared.differing).append((name, reason or case["desc"]))
    return compared


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_the_proofs_of_others_agree(shared: Path, kind: str, figure: Callable[..., None]) -> None:
    compared = compare(shared, kind)
    figure(f"{kind} proofs of others", compared.total)
    assert (compared.total > 90, compared.differing, len(compared.odd) < 3) == (True, [], True)


def test_nothing_is_a_prefix_of_everything_which_is_our_policy() -> None:
    verify_consistency(0, 5, [], EMPTY_ROOT, bytes(32))
    verify_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_only_hashes_of_32_bytes_are_hashes_which_is_our_policy(length: int) -> None:
    odd = bytes(length)
    assert _refuses(verify_inclusion, odd, 0, 1, [], odd)
    assert _refuses(verify_consistency, 3, 3, [], odd, odd)
    assert _refuses(verify_consistency, 0, 3, [], EMPTY_ROOT, odd)
