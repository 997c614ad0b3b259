"""How a batch makes the log grow: from the old head and new entries to leaf rows, full tiles and the unsigned head.

Only what has to be stored is worked out here; nothing is written, and nothing signed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from numseal.adapters.store.engine import Head, LogRows
from numseal.ports.store import StoreError
from numseal.tlog.compact_range import Frontier, extend, root
from numseal.tlog.hashing import leaf_hash
from numseal.tlog.proof import inclusion_path
from numseal.tlog.tile import TILE_HEIGHT, TILE_WIDTH, full_tiles


@dataclass(frozen=True, slots=True)
class Growth:
    """The rows of a batch's leaves and of the tiles it filled, and the head with size, root and frontier after it.

    `nodes` holds all nodes on the way from the new leaves to the root.
    """

    head: Head
    leaves: list[tuple[int, bytes, bytes]]
    tiles: list[tuple[int, int, bytes, bytes]]
    nodes: dict[tuple[int, int], bytes]

    def path(self, index: int) -> tuple[bytes, ...]:
        """Return the inclusion path of a leaf of this batch in the tree after it."""
        nodes = self.nodes
        return tuple(inclusion_path(index, self.head.size, lambda level, at: nodes[level, at]))


async def grow(old: Head, entries: Sequence[bytes], log: LogRows) -> Growth:
    """Append entries; reads from the log only what is needed to fill tiles."""
    if not entries:
        return Growth(old, [], [], {})
    hashes = [leaf_hash(entry) for entry in entries]
    nodes: dict[tuple[int, int], bytes] = {}
    frontier = extend(Frontier.from_bytes(old.size, old.frontier), hashes, nodes)
    head = replace(old, size=frontier.size, root=root(frontier), frontier=frontier.to_bytes())
    leaves = list(zip(range(old.size, frontier.size), entries, hashes, strict=True))
    tiles = [
        (level, index, nodes[TILE_HEIGHT * (level + 1), index], await _tile(level, index, old.size, nodes, log))
        for level, index in full_tiles(old.size, frontier.size)
    ]
    return Growth(head, leaves, tiles, nodes)


async def _tile(level: int, index: int, old_size: int, nodes: dict[tuple[int, int], bytes], log: LogRows) -> bytes:
    start, end = index * TILE_WIDTH, (index + 1) * TILE_WIDTH
    stored = max(start, min(end, old_size >> TILE_HEIGHT * level))
    row = await hashes_at(log, level, start, stored - start)
    return b"".join([*row, *(nodes[TILE_HEIGHT * level, at] for at in range(stored, end))])


async def hashes_at(log: LogRows, level: int, start: int, count: int) -> list[bytes]:
    """Read `count` hashes of a tile level from rows: leaves below, roots of full tiles above; raises StoreError."""
    if not count:
        return []
    if level:
        found = await log.tile_roots(level - 1, start, count)
    else:
        found = await log.leaf_hashes(start, count)
    if len(found) != count:
        raise StoreError(
            "STORAGE_CORRUPT",
            f"the log's rows have a gap: level {level} has {len(found)} hashes from {start}, expected {count}",
        )
    return found
