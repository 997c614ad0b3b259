"""Proofs against the reference vectors and against RFC 6962's own recursive definitions."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.tlog.canonical import MAX_SIZE
from numseal.tlog.errors import ProofError
from numseal.tlog.hashing import EMPTY_ROOT, leaf_hash, node_hash
from numseal.tlog.proof import (
    NodeReader,
    consistency_path,
    inclusion_path,
    root_at,
    verify_consistency,
    verify_inclusion,
)

REFERENCE = [
    leaf_hash(bytes.fromhex(entry))
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", bytes(range(96, 112)).hex())
]
LEAVES = [leaf_hash(str(number).encode()) for number in range(80)]


# --- RFC 6962 §2.1, §2.1.1 and §2.1.2, as written there ---


def split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def mth(d: list[bytes]) -> bytes:
    if not d:
        return EMPTY_ROOT
    if len(d) == 1:
        return d[0]
    k = split(len(d))
    return node_hash(mth(d[:k]), mth(d[k:]))


def rfc_path(m: int, d: list[bytes]) -> list[bytes]:
    if len(d) == 1:
        return []
    k = split(len(d))
    if m < k:
        return [*rfc_path(m, d[:k]), mth(d[k:])]
    return [*rfc_path(m - k, d[k:]), mth(d[:k])]


def rfc_subproof(m: int, d: list[bytes], known: bool) -> list[bytes]:
    if m == len(d):
        return [] if known else [mth(d)]
    k = split(len(d))
    if m <= k:
        return [*rfc_subproof(m, d[:k], known), mth(d[k:])]
    return [*rfc_subproof(m - k, d[k:], known=False), mth(d[:k])]


def reader(leaves: list[bytes]) -> NodeReader:
    """Read perfect subtrees of these leaves, and refuse any that is not whole."""

    def node(level: int, index: int) -> bytes:
        part = leaves[index << level : (index + 1) << level]
        assert len(part) == 1 << level
        return mth(part)

    return node


# --- making and checking ---


@pytest.mark.parametrize(
    ("index", "size", "wanted"),
    [
        (0, 1, []),
        (
            0,
            8,
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            1,
            5,
            [
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ],
)
def test_known_inclusion_paths(index: int, size: int, wanted: list[str]) -> None:
    assert [value.hex() for value in inclusion_path(index, size, reader(REFERENCE))] == wanted


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (1, 1, []),
        (
            1,
            8,
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            [
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ],
)
def test_known_consistency_paths(old: int, new: int, wanted: list[str]) -> None:
    assert [value.hex() for value in consistency_path(old, new, reader(REFERENCE))] == wanted


@pytest.mark.parametrize("size", range(1, 40))
def test_every_inclusion_path_is_the_rfcs_and_verifies(size: int) -> None:
    node, root = reader(LEAVES[:size]), mth(LEAVES[:size])
    assert root_at(size, node) == root
    for index in range(size):
        path = inclusion_path(index, size, node)
        assert path == rfc_path(index, LEAVES[:size])
        verify_inclusion(LEAVES[index], index, size, path, root)


@pytest.mark.parametrize("new", range(40))
def test_every_consistency_path_is_the_rfcs_and_verifies(new: int) -> None:
    node, root = reader(LEAVES[:new]), mth(LEAVES[:new])
    for old in range(new + 1):
        path = consistency_path(old, new, node)
        assert path == (rfc_subproof(old, LEAVES[:new], known=True) if old else [])
        verify_consistency(old, mth(LEAVES[:old]), new, root, path)


def test_root_of_no_leaves() -> None:
    assert root_at(0, reader([])) == EMPTY_ROOT


# --- refusing ---


@given(st.integers(1, 80), st.data())
def test_no_other_index_size_leaf_or_path_verifies(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = LEAVES[:size]
    path, root = rfc_path(index, leaves), mth(leaves)
    other = data.draw(st.integers(0, 79).filter(lambda number: number != index))
    refused(verify_inclusion, LEAVES[index], other, size, path, root)
    refused(verify_inclusion, LEAVES[other], index, size, path, root)
    refused(verify_inclusion, LEAVES[index], index, size, [*path, bytes(32)], root)
    refused(verify_inclusion, LEAVES[index], index, size, path, leaf_hash(root))
    for at in range(len(path)):
        refused(verify_inclusion, LEAVES[index], index, size, flipped(path, at), root)
        refused(verify_inclusion, LEAVES[index], index, size, path[:at] + path[at + 1 :], root)


@given(st.integers(2, 80), st.data())
def test_no_other_root_or_path_is_consistent(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    path = rfc_subproof(old, LEAVES[:new], known=True)
    old_root, new_root = mth(LEAVES[:old]), mth(LEAVES[:new])
    refused(verify_consistency, old, leaf_hash(old_root), new, new_root, path)
    refused(verify_consistency, old, old_root, new, leaf_hash(new_root), path)
    refused(verify_consistency, old, old_root, new, new_root, [*path, bytes(32)])
    for at in range(len(path)):
        refused(verify_consistency, old, old_root, new, new_root, flipped(path, at))
        refused(verify_consistency, old, old_root, new, new_root, path[:at] + path[at + 1 :])


@pytest.mark.parametrize(("old", "new", "wanted"), [(1, 8, 3), (6, 8, 3), (3, 4, 3), (7, 80, 8)])
def test_a_consistency_path_has_the_length_its_sizes_ask_for(old: int, new: int, wanted: int) -> None:
    for count in {0, wanted - 1, wanted + 1, 100}:
        with pytest.raises(ProofError, match=f"must have {wanted} hashes for these sizes, not {count}"):
            verify_consistency(old, bytes(32), new, bytes(32), [bytes(32)] * count)


def test_a_changed_leaf_is_no_extension() -> None:
    old_root = mth(LEAVES[:5])
    forked = [LEAVES[79], *LEAVES[1:9]]
    path = consistency_path(5, 9, reader(forked))
    with pytest.raises(ProofError, match="does not lead to the old root of size 5"):
        verify_consistency(5, old_root, 9, mth(forked), path)


def test_trees_of_one_size_have_one_root() -> None:
    with pytest.raises(ProofError, match="not the root of size 4"):
        verify_consistency(4, bytes(32), 4, mth(LEAVES[:4]), [])
    with pytest.raises(ProofError, match="not the root of size 0"):
        verify_consistency(0, bytes(32), 4, mth(LEAVES[:4]), [])
    with pytest.raises(ProofError, match="must have 0 hashes for these sizes, not 1"):
        verify_consistency(0, EMPTY_ROOT, 4, mth(LEAVES[:4]), [bytes(32)])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 4), (4, 4), (5, 4), (0, MAX_SIZE + 1)])
def test_index_must_be_in_the_tree(index: int, size: int) -> None:
    with pytest.raises(ProofError, match="is not in a tree of size"):
        inclusion_path(index, size, reader(LEAVES))
    with pytest.raises(ProofError, match="is not in a tree of size"):
        verify_inclusion(bytes(32), index, size, [], bytes(32))


@pytest.mark.parametrize(("old", "new"), [(5, 4), (-1, 4), (0, MAX_SIZE + 1)])
def test_sizes_must_be_in_order(old: int, new: int) -> None:
    with pytest.raises(ProofError, match="0 <= old <= new"):
        consistency_path(old, new, reader(LEAVES))
    with pytest.raises(ProofError, match="0 <= old <= new"):
        verify_consistency(old, bytes(32), new, bytes(32), [])


def test_root_at_a_size_out_of_range() -> None:
    with pytest.raises(ProofError, match="tree sizes"):
        root_at(-1, reader(LEAVES))


def test_hashes_must_have_32_bytes() -> None:
    good, bad = bytes(32), bytes(31)
    with pytest.raises(ProofError, match="leaf hash must have 32 bytes"):
        verify_inclusion(bad, 0, 1, [], good)
    with pytest.raises(ProofError, match="root must have 32 bytes"):
        verify_inclusion(good, 0, 1, [], bad)
    with pytest.raises(ProofError, match="inclusion path's every hash must have 32 bytes"):
        verify_inclusion(good, 0, 2, [bad], good)
    with pytest.raises(ProofError, match="old root must have 32 bytes"):
        verify_consistency(1, bad, 2, good, [good])
    with pytest.raises(ProofError, match="new root must have 32 bytes"):
        verify_consistency(1, good, 2, bad, [good])


@given(
    st.integers(),
    st.integers(),
    st.lists(st.binary(max_size=40) | st.binary(min_size=32, max_size=32), max_size=70),
)
def test_hostile_proofs_end_in_a_proof_error(first: int, second: int, path: list[bytes]) -> None:
    refused(verify_inclusion, bytes(32), first, second, [*path, b"x"], bytes(32))
    refused(verify_consistency, first, bytes(32), second, bytes(32), [*path, b"x"])


def flipped(path: list[bytes], at: int) -> list[bytes]:
    return [*path[:at], bytes(byte ^ 1 for byte in path[at]), *path[at + 1 :]]


def refused(check: Callable[..., None], *args: object) -> None:
    with pytest.raises(ProofError):
        check(*args)
