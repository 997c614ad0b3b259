"""Roots and proofs against pymerkle, an independent RFC 6962 implementation.

Its consistency proofs decompose the trees in another order than RFC 6962 §2.1.2, so those are compared by
what they prove, over its roots; its inclusion paths must be the same hashes as ours.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InclusionProof, InmemoryTree, verify_inclusion  # type: ignore[import-untyped]

from numseal.tlog import compact_range, proof
from numseal.tlog.errors import ProofError
from numseal.tlog.hashing import leaf_hash

SIZE = 700

NODES: dict[tuple[int, int], bytes] = {}
ENTRIES = [f"entry {number}".encode() for number in range(SIZE)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
compact_range.extend(compact_range.EMPTY, LEAVES, NODES)
ORACLE = InmemoryTree(algorithm="sha256")
for _entry in ENTRIES:
    ORACLE.append_entry(_entry)


def node(level: int, index: int) -> bytes:
    return NODES[level, index]


sizes = st.integers(1, SIZE)


@given(sizes)
def test_roots_are_the_same(size: int) -> None:
    frontier = compact_range.extend(compact_range.EMPTY, LEAVES[:size])
    assert compact_range.root(frontier) == proof.root_at(size, node) == ORACLE.get_root(size)


@settings(max_examples=300)
@given(sizes, st.data())
def test_inclusion_paths_are_the_same(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    theirs = ORACLE.prove_inclusion(index + 1, size)
    ours = proof.inclusion_path(index, size, node)
    # pymerkle counts leaves from one and puts the leaf itself first.
    assert theirs.path == [LEAVES[index], *ours]
    proof.verify_inclusion(LEAVES[index], index, size, theirs.path[1:], ORACLE.get_root(size))


@given(sizes, st.data())
def test_pymerkle_accepts_our_inclusion_paths(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    rule = ORACLE.prove_inclusion(index + 1, size).rule
    ours = InclusionProof(
        "sha256", True, size, index + 1, rule, [LEAVES[index], *proof.inclusion_path(index, size, node)]
    )
    verify_inclusion(LEAVES[index], proof.root_at(size, node), ours, index=index + 1, size=size)


@settings(max_examples=300)
@given(sizes, sizes)
def test_our_consistency_paths_hold_for_its_roots(first: int, second: int) -> None:
    old, new = sorted((first, second))
    path = proof.consistency_path(old, new, node)
    proof.verify_consistency(old, ORACLE.get_root(old), new, ORACLE.get_root(new), path)


@given(st.integers(2, SIZE), st.data())
def test_our_consistency_paths_do_not_hold_for_another_old_root(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    other = data.draw(st.integers(1, new).filter(lambda size: size != old))
    path = proof.consistency_path(old, new, node)
    with pytest.raises(ProofError):
        proof.verify_consistency(old, ORACLE.get_root(other), new, ORACLE.get_root(new), path)
