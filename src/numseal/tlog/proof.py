"""Inclusion and consistency proofs (RFC 6962 §2.1.1, §2.1.2): made from perfect nodes, checked without any.

Making a proof asks a `NodeReader` for perfect subtrees only; the ragged right edge is computed from them.
Checking takes plain values. A root does not bind the tree size, so a caller takes size and root together
from a signed checkpoint.
"""

from collections.abc import Callable, Sequence

from numseal.tlog.canonical import MAX_SIZE
from numseal.tlog.errors import ProofError
from numseal.tlog.hashing import EMPTY_ROOT, HASH_SIZE, node_hash

NodeReader = Callable[[int, int], bytes]
"""(level, index) -> hash of the perfect subtree over leaves [index * 2^level, (index + 1) * 2^level)."""


def root_at(size: int, node: NodeReader) -> bytes:
    """Compute the root the tree had when it held `size` leaves; ProofError for a size out of range."""
    _check_sizes(0, size)
    return _range_root(0, size, node) if size else EMPTY_ROOT


def inclusion_path(index: int, size: int, node: NodeReader) -> list[bytes]:
    """Make the path of leaf `index` in the tree of `size` leaves, its sibling first (RFC 6962 §2.1.1)."""
    _check_index(index, size)
    return _climb(index, 0, size, node)


def consistency_path(old: int, new: int, node: NodeReader) -> list[bytes]:
    """Make the proof that the tree of `new` leaves extends the one of `old` (RFC 6962 §2.1.2).

    Empty for old = 0 (C2SP tlog-witness) and for old = new. ProofError when old > new.
    """
    _check_sizes(old, new)
    if old in (0, new):
        return []
    level = _trailing_zeros(old)
    # The subtree both climbs start from; when it is the whole old tree the verifier knows it as the old root.
    seed = [] if old == 1 << level else [node(level, (old - 1) >> level)]
    return seed + _climb(old - 1, level, new, node)


def verify_inclusion(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf is at `index` in the tree of `size` leaves with that root (RFC 6962 §2.1.1).

    Returns nothing when it is; raises ProofError with the reason when it is not.
    """
    _check_index(index, size)
    _check_hashes("leaf hash", [leaf_hash])
    _check_hashes("root", [root])
    inner = _inner_levels(index, size)
    border = (index >> inner).bit_count()
    _check_path("inclusion", path, inner + border)
    value = leaf_hash
    for level in range(inner):
        value = node_hash(path[level], value) if index >> level & 1 else node_hash(value, path[level])
    for left in path[inner:]:
        value = node_hash(left, value)
    if value != root:
        raise ProofError(f"the inclusion path of leaf {index} does not lead to the root of size {size}")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Check that the new tree is the old one with leaves appended (RFC 6962 §2.1.2).

    Returns nothing when it is; raises ProofError with the reason when it is not.
    """
    _check_sizes(old_size, new_size)
    _check_hashes("old root", [old_root])
    _check_hashes("new root", [new_root])
    if old_size in (0, new_size):
        _check_path("consistency", path, 0)
        expected = new_root if old_size else EMPTY_ROOT
        if old_root != expected:
            raise ProofError(f"the old root is not the root of size {old_size}")
        return
    base = _trailing_zeros(old_size)
    whole = old_size == 1 << base
    index = old_size - 1
    inner = _inner_levels(index, new_size)
    _check_path("consistency", path, inner - base + (index >> inner).bit_count() + (not whole))
    rest = list(path)
    old = new = old_root if whole else rest.pop(0)
    for level, sibling in enumerate(rest, start=base):
        # On the border every sibling is a left one; below it the bit of the index says which side it is on.
        if level >= inner or index >> level & 1:
            old = node_hash(sibling, old)
            new = node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    if old != old_root:
        raise ProofError(f"the consistency path does not lead to the old root of size {old_size}")
    if new != new_root:
        raise ProofError(f"the consistency path does not lead to the new root of size {new_size}")


def _climb(index: int, level: int, size: int, node: NodeReader) -> list[bytes]:
    """Collect the siblings on the way from the node over leaf `index` at `level` to the root of `size`."""
    inner = _inner_levels(index, size)
    path = [node(at, index >> at ^ 1) for at in range(level, inner - 1)]
    if inner > level:
        # Here index and last leaf part, so this sibling alone may be ragged: it holds the tree's right edge.
        start = (index >> (inner - 1) ^ 1) << (inner - 1)
        path.append(_range_root(start, size, node))
    path += [node(at, (index >> at) - 1) for at in range(max(inner, level), index.bit_length()) if index >> at & 1]
    return path


def _range_root(start: int, end: int, node: NodeReader) -> bytes:
    """Compute the root over leaves [start, end), start aligned to a power of two not under the length."""
    length = end - start
    level = _trailing_zeros(length)
    end -= 1 << level
    value = node(level, end >> level)
    for at in range(level + 1, length.bit_length()):
        if length >> at & 1:
            end -= 1 << at
            value = node_hash(node(at, end >> at), value)
    return value


def _inner_levels(index: int, size: int) -> int:
    """Count the levels up to where the ways of leaf `index` and of the last leaf meet."""
    return (index ^ (size - 1)).bit_length()


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1


def _check_index(index: int, size: int) -> None:
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofError(f"leaf index {index} is not in a tree of size {size}")


def _check_sizes(old: int, new: int) -> None:
    if not 0 <= old <= new <= MAX_SIZE:
        raise ProofError(f"tree sizes must be 0 <= old <= new < 2^63, not old {old} and new {new}")


def _check_hashes(what: str, hashes: Sequence[bytes]) -> None:
    if any(len(value) != HASH_SIZE for value in hashes):
        raise ProofError(f"the {what} must have {HASH_SIZE} bytes")


def _check_path(kind: str, path: Sequence[bytes], wanted: int) -> None:
    if len(path) != wanted:
        raise ProofError(f"the {kind} path must have {wanted} hashes for these sizes, not {len(path)}")
    _check_hashes(f"{kind} path's every hash", path)
