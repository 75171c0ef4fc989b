"""Merkle tree, frontier and state tree against their plain definitions."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_protocol import merkle, state_tree
from jisr_protocol.merkle import EMPTY_ROOT, Frontier, Tree, node_hash, verify_consistency, verify_inclusion
from jisr_protocol.state_tree import StateTree
from tests.protocol.refusals import refusal_of

Row = tuple[str, str, int, str]


def leaf(number: int) -> bytes:
    return merkle.leaf_hash(str(number).encode())


def naive(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive(leaves[:split]), naive(leaves[split:]))


@given(st.integers(0, 300))
def test_tree_frontier_and_recursion_have_one_root(size: int) -> None:
    leaves = [leaf(n) for n in range(size)]
    tree, frontier = Tree(leaves), Frontier()
    for item in leaves:
        frontier.append(item)
    assert tree.root() == frontier.root() == naive(leaves)
    assert Frontier.from_bytes(size, frontier.to_bytes()).root() == frontier.root()
    assert len(frontier.roots) == size.bit_count()


@given(st.integers(1, 200), st.integers(0, 200))
def test_a_tree_knows_the_root_of_each_of_its_beginnings(size: int, smaller: int) -> None:
    tree = Tree(leaf(n) for n in range(size))
    smaller = min(smaller, size)
    assert tree.root(smaller) == naive([leaf(n) for n in range(smaller)])


sizes_and_places = st.integers(1, 150).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


def _refuses(check: Callable[..., None], *arguments: object) -> bool:
    return refusal_of(check, *arguments) is not None


@given(sizes_and_places, st.data())
def test_an_audit_path_holds_and_any_change_breaks_it(where: tuple[int, int], data: st.DataObject) -> None:
    size, index = where
    tree = Tree(leaf(n) for n in range(size))
    proof, root = tree.inclusion(index, size), tree.root()
    verify_inclusion(leaf(index), index, size, proof, root)
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index or size == 1))
    assert size == 1 or _refuses(verify_inclusion, leaf(other), index, size, proof, root)
    assert size == 1 or _refuses(verify_inclusion, leaf(index), other, size, proof, root)
    assert _refuses(verify_inclusion, leaf(index), index, size, [*proof, root], root)
    assert not proof or _refuses(verify_inclusion, leaf(index), index, size, proof[1:], root)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bent = [*proof]
        bent[at] = bytes([bent[at][0] ^ 1]) + bent[at][1:]
        assert _refuses(verify_inclusion, leaf(index), index, size, bent, root)


@given(st.integers(0, 150), st.integers(0, 150), st.data())
def test_a_consistency_proof_holds_and_any_change_breaks_it(one: int, two: int, data: st.DataObject) -> None:
    old, new = sorted((one, two))
    tree = Tree(leaf(n) for n in range(new))
    proof, old_root, new_root = tree.consistency(old, new), tree.root(old), tree.root()
    verify_consistency(old, new, proof, old_root, new_root)
    assert _refuses(verify_consistency, old, new, [*proof, new_root], old_root, new_root)
    assert old in (0, new) or _refuses(verify_consistency, old, new, proof[1:], old_root, new_root)
    assert _refuses(verify_consistency, old, new, proof, leaf(-1), new_root)
    assert old == 0 or _refuses(verify_consistency, old, new, proof, old_root, leaf(-1))
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bent = [*proof]
        bent[at] = bytes([bent[at][0] ^ 1]) + bent[at][1:]
        assert _refuses(verify_consistency, old, new, bent, old_root, new_root)


@given(st.integers(1, 100), st.integers(1, 100), st.data())
def test_a_rewritten_entry_breaks_every_proof_from_a_log_that_held_it(one: int, two: int, data: st.DataObject) -> None:
    old, new = sorted((one, two))
    at = data.draw(st.integers(0, old - 1))
    held = Tree(leaf(n) for n in range(old))
    rewritten = Tree(leaf(-1) if n == at else leaf(n) for n in range(new))
    proof = rewritten.consistency(old, new)
    assert _refuses(verify_consistency, old, new, proof, held.root(), rewritten.root())


def test_a_proof_of_a_place_outside_the_tree_is_a_mistake_here() -> None:
    tree = Tree([leaf(0)])
    with pytest.raises(ValueError):
        tree.inclusion(1, 1)
    with pytest.raises(ValueError):
        tree.consistency(2, 1)


# The state tree


def row(number: int, rev: int = 1) -> Row:
    digest = hashlib.sha256(f"{number} {rev}".encode()).hexdigest()
    return f"jisr:{'a' * 52}", f"00000000-0000-4000-8000-{number:012x}", rev, digest


@given(st.sets(st.integers(0, 10_000), max_size=200), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(numbers: set[int], shuffler: random.Random) -> None:
    rows = [row(n) for n in numbers]
    expected, files = state_tree.build(rows)
    shuffler.shuffle(rows)
    again, same_files = state_tree.build(rows)
    assert (expected.root(), files) == (again.root(), same_files)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5)), max_size=60))
def test_a_tree_kept_up_to_date_is_the_tree_built_anew(changes: list[tuple[int, int]]) -> None:
    """Each change sets a record's rev, 0 takes it out; only the touched bucket is hashed again."""
    held: dict[int, Row] = {}
    kept = StateTree()
    for number, rev in changes:
        if rev:
            held[number] = row(number, rev)
        else:
            held.pop(number, None)
        bucket = state_tree.bucket_of(state_tree.path(*row(number)[:2]), 1)
        lines = [state_tree.line(*r) for r in held.values() if state_tree.path(*r[:2]) >> 12 == bucket]
        kept.set_bucket(bucket, state_tree.bucket_hash(state_tree.bucket_bytes(lines)))
        assert kept.root() == state_tree.build(held.values())[0].root()


@given(st.sets(st.integers(0, 10_000), min_size=1, max_size=100), st.data())
def test_any_difference_between_two_sets_shows_in_the_root(numbers: set[int], data: st.DataObject) -> None:
    changed = data.draw(st.sampled_from(sorted(numbers)))
    rows = [row(n) for n in numbers]
    root = state_tree.build(rows)[0].root()
    without = [row(n) for n in numbers if n != changed]
    assert state_tree.build(without)[0].root() != root
    assert state_tree.build([*without, row(changed, 2)])[0].root() != root


@given(st.sets(st.integers(0, 100_000), max_size=300))
def test_the_inventory_leads_to_every_row(numbers: set[int]) -> None:
    """STA-3, STA-4: from the root down, by the files alone."""
    rows = sorted(row(n) for n in numbers)
    tree, buckets = state_tree.build(rows)
    root = tree.root()
    files = {state_tree.bucket_hash(content): content for content in buckets.values()}
    children = state_tree.parse_inner(state_tree.inner_bytes(tree.children(0, 0)), root)
    found = [r for h in children if h != state_tree.EMPTY_BUCKET for r in state_tree.parse_bucket(files[h], h)]
    assert sorted(found) == rows


@pytest.mark.parametrize(("live", "depth"), [(0, 1), (4096, 1), (4097, 2), (262_144, 2), (262_145, 3), (16_777_216, 3)])
def test_the_depth_follows_from_the_number_of_records(live: int, depth: int) -> None:
    assert state_tree.depth_for(live) == depth


@given(st.lists(st.integers(0, 6), max_size=8))
def test_a_block_is_added_like_its_leaves(widths: list[int]) -> None:
    """Wherever the size so far is a multiple of the block's width."""
    whole, by_blocks = merkle.Frontier(), merkle.Frontier()
    for exponent in sorted(widths, reverse=True):
        leaves = [merkle.leaf_hash(b"%d" % number) for number in range(whole.size, whole.size + 2**exponent)]
        for leaf in leaves:
            whole.append(leaf)
        by_blocks.append_block(merkle.block_root(leaves), len(leaves))
    assert (by_blocks.size, by_blocks.roots, by_blocks.root()) == (whole.size, whole.roots, whole.root())
