import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.tlog.canonical import MAX_SIZE
from numseal.tlog.compact_range import EMPTY, Frontier, extend, root
from numseal.tlog.errors import FrontierError
from numseal.tlog.hashing import EMPTY_ROOT, leaf_hash, node_hash
from numseal.tlog.proof import inclusion_path, verify_inclusion

# Certificate Transparency's reference tests: eight entries, and the root after each.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", bytes(range(96, 112)).hex())
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def test_known_roots() -> None:
    frontier = EMPTY
    for entry, wanted in zip(ENTRIES, ROOTS, strict=True):
        frontier = extend(frontier, [leaf_hash(entry)])
        assert root(frontier).hex() == wanted


def test_empty() -> None:
    assert root(EMPTY) == EMPTY_ROOT
    assert extend(EMPTY, []) == EMPTY
    assert list(EMPTY.nodes()) == []


@given(st.integers(0, 300), st.integers(0, 300))
def test_batches_do_not_change_the_frontier(first: int, second: int) -> None:
    hashes = leaves(first + second)
    by_batches = extend(extend(EMPTY, hashes[:first]), hashes[first:], {})
    assert by_batches == extend(EMPTY, hashes)


@given(st.integers(0, 200), st.integers(1, 100))
def test_nodes_are_perfect_subtrees_and_enough_for_appended_leaves(old: int, more: int) -> None:
    hashes = leaves(old + more)
    nodes: dict[tuple[int, int], bytes] = {}
    grown = extend(extend(EMPTY, hashes[:old]), hashes[old:], nodes)
    for (level, index), value in nodes.items():
        row = hashes[index << level : (index + 1) << level]
        while len(row) > 1:
            row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
        assert [value] == row
    for index in range(old, old + more):
        path = inclusion_path(index, grown.size, lambda level, at: nodes[level, at])
        verify_inclusion(hashes[index], index, grown.size, path, root(grown))


def test_nodes_of_a_frontier_are_largest_first() -> None:
    frontier = extend(EMPTY, leaves(13))
    assert [at for at, _ in frontier.nodes()] == [(3, 0), (2, 2), (0, 12)]


@given(st.integers(0, 300))
def test_bytes_come_back(size: int) -> None:
    frontier = extend(EMPTY, leaves(size))
    assert Frontier.from_bytes(size, frontier.to_bytes()) == frontier


@pytest.mark.parametrize(
    ("size", "raw", "sentence"),
    [
        (3, bytes(32), "a frontier of size 3 has 2 hashes, not 1"),
        (4, bytes(64), "a frontier of size 4 has 1 hashes, not 2"),
        (0, bytes(32), "a frontier of size 0 has 0 hashes, not 1"),
        (1, bytes(31), "whole 32-byte hashes, not 31 bytes"),
        (-1, b"", "0 to 2\\^63-1, not -1"),
        (MAX_SIZE + 1, bytes(32), "0 to 2\\^63-1"),
    ],
)
def test_bytes_that_do_not_fit_are_refused(size: int, raw: bytes, sentence: str) -> None:
    with pytest.raises(FrontierError, match=sentence):
        Frontier.from_bytes(size, raw)


def test_hashes_of_another_length_are_refused() -> None:
    with pytest.raises(FrontierError, match="32 bytes each"):
        Frontier(1, (bytes(31),))
    with pytest.raises(FrontierError, match="leaf 1 has a hash of 33 bytes"):
        extend(EMPTY, [bytes(32), bytes(33)])
