"""The frontier of a tree: the roots of the perfect subtrees that [0, size) decomposes into (RFC 6962 §2.1).

A frontier is all a log has to keep in order to append and to compute its root. Reading older nodes and making
proofs live in `proof`; storing lives outside this room.
"""

from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from numseal.tlog.canonical import MAX_SIZE
from numseal.tlog.errors import FrontierError
from numseal.tlog.hashing import EMPTY_ROOT, HASH_SIZE, NODE_PREFIX, node_hash


@dataclass(frozen=True, slots=True)
class Frontier:
    """Hold the decomposition of [0, size): a 32-byte hash for each set bit of `size`, largest first."""

    size: int
    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Refuse, with FrontierError, hashes that do not fit the size."""
        if not 0 <= self.size <= MAX_SIZE:
            raise FrontierError(f"a frontier's size must be 0 to 2^63-1, not {self.size}")
        wanted = self.size.bit_count()
        if len(self.hashes) != wanted:
            raise FrontierError(f"a frontier of size {self.size} has {wanted} hashes, not {len(self.hashes)}")
        if any(len(h) != HASH_SIZE for h in self.hashes):
            raise FrontierError(f"a frontier's hashes have {HASH_SIZE} bytes each")

    def to_bytes(self) -> bytes:
        """Write the hashes one after another, 32 bytes each; the size is kept beside them."""
        return b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, size: int, raw: bytes) -> Self:
        """Read what `to_bytes` wrote for a tree of that size; FrontierError when the count is wrong."""
        if len(raw) % HASH_SIZE:
            raise FrontierError(f"a frontier is whole {HASH_SIZE}-byte hashes, not {len(raw)} bytes")
        return cls(size, tuple(raw[at : at + HASH_SIZE] for at in range(0, len(raw), HASH_SIZE)))

    def nodes(self) -> Iterator[tuple[tuple[int, int], bytes]]:
        """Yield ((level, index), hash) of each subtree, largest first."""
        start = 0
        bits = (level for level in reversed(range(self.size.bit_length())) if self.size >> level & 1)
        for level, value in zip(bits, self.hashes, strict=True):
            yield (level, start >> level), value
            start += 1 << level


EMPTY = Frontier(0, ())


def extend(
    frontier: Frontier,
    leaf_hashes: Iterable[bytes],
    nodes: MutableMapping[tuple[int, int], bytes] | None = None,
) -> Frontier:
    """Append leaf hashes (32 bytes each) and return the frontier of the grown tree; amortised O(1) a leaf.

    Where `nodes` is given, the old frontier's nodes and every node made here, leaves included, are put in it
    as (level, index) -> hash. These are all the nodes that `inclusion_path` of an appended leaf reads: a left
    sibling that ends at or before the old size is in the old frontier, any other sibling was made here.
    FrontierError for a leaf hash of another length; `nodes` must then be thrown away.
    """
    size = frontier.size
    hashes = list(frontier.hashes)
    if nodes is not None:
        nodes.update(frontier.nodes())
    for leaf in leaf_hashes:
        if len(leaf) != HASH_SIZE:
            raise FrontierError(f"leaf {size} has a hash of {len(leaf)} bytes, not {HASH_SIZE}")
        value, index, level = leaf, size, 0
        if nodes is not None:
            nodes[0, index] = value
        # Each trailing one bit of the size is a perfect subtree as large as the one just completed.
        while index & 1:
            value = sha256(NODE_PREFIX + hashes.pop() + value).digest()
            index >>= 1
            level += 1
            if nodes is not None:
                nodes[level, index] = value
        hashes.append(value)
        size += 1
    return Frontier(size, tuple(hashes))


def root(frontier: Frontier) -> bytes:
    """Compute the tree's root hash (RFC 6962 §2.1); EMPTY_ROOT for no leaves."""
    if not frontier.hashes:
        return EMPTY_ROOT
    value = frontier.hashes[-1]
    for left in reversed(frontier.hashes[:-1]):
        value = node_hash(left, value)
    return value
