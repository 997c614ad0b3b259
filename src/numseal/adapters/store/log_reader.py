"""Proofs and tiles of the published tree, from the rows of leaves and full tiles. Nothing here appends or signs.

Perfect nodes never change once they are there, so those that proofs have asked for are kept; tiles that are not full
yet change, so they are not. Reads are of the shown state and end at the published head.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from numseal.adapters.store.engine import Reads
from numseal.adapters.store.growth import hashes_at
from numseal.tlog.hashing import HASH_SIZE
from numseal.tlog.proof import NodeReader
from numseal.tlog.tile import TILE_HEIGHT, TILE_WIDTH, node_from_tiles

KEPT_NODES = 20_000
KEPT_TILES = 64

T = TypeVar("T")
_UNKNOWN = bytes(HASH_SIZE)


class LogReader:
    """Reads a log through an engine's reads."""

    def __init__(self, reads: Reads) -> None:
        """Take the reads."""
        self._reads = reads
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._tiles: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    async def prove(self, size: int, make: Callable[[NodeReader], T]) -> T:
        """Call `make` with a reader of the nodes of a published tree that has at least `size` leaves.

        Which nodes are asked for must not depend on their values: they are collected first, read, and then given.
        """
        if len(self._nodes) > KEPT_NODES:
            self._nodes = {}
        nodes = self._nodes
        missing: list[tuple[int, int]] = []

        def collect(level: int, index: int) -> bytes:
            known = nodes.get((level, index))
            if known is None:
                missing.append((level, index))
                return _UNKNOWN
            return known

        result = make(collect)
        if not missing:
            return result
        partial: dict[tuple[int, int], bytes] = {}
        for level, index in missing:
            nodes[level, index] = await self._node(level, index, size, partial)
        return make(lambda level, index: nodes[level, index])

    async def _node(self, level: int, index: int, size: int, partial: dict[tuple[int, int], bytes]) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        name = (tile_level, index >> (TILE_HEIGHT - height))
        data = partial.get(name)
        if data is None:
            width = min(TILE_WIDTH, (size >> TILE_HEIGHT * tile_level) - name[1] * TILE_WIDTH)
            data = partial[name] = await self._hashes(*name, width)
        return node_from_tiles(lambda _level, _index: data)(level, index)

    async def tile(self, level: int, index: int, width: int, size: int) -> bytes | None:
        """Return `width` hashes of a tile, or None where the tree of `size` leaves does not have them."""
        if level < 0 or index < 0:
            return None
        available = (size >> TILE_HEIGHT * level) - index * TILE_WIDTH
        if not 0 < width <= min(available, TILE_WIDTH):
            return None
        if available < TILE_WIDTH:
            return await self._hashes(level, index, width)
        full = await self._full(level, index)
        return None if full is None else full[: width * HASH_SIZE]

    async def _hashes(self, level: int, index: int, width: int) -> bytes:
        if width == TILE_WIDTH:
            full = await self._full(level, index)
            if full is not None:
                return full
        return b"".join(await hashes_at(self._reads, level, index * TILE_WIDTH, width))

    async def _full(self, level: int, index: int) -> bytes | None:
        name = (level, index)
        known = self._tiles.get(name)
        if known is not None:
            self._tiles.move_to_end(name)
            return known
        found = await self._reads.tile(level, index)
        if found is not None:
            self._tiles[name] = found
            if len(self._tiles) > KEPT_TILES:
                self._tiles.popitem(last=False)
        return found

    async def entries(self, start: int, count: int, size: int) -> list[bytes] | None:
        """Return entries, or None where the tree of `size` leaves does not have all of them."""
        if start < 0 or count < 1 or start + count > size:
            return None
        return await self._reads.entries(start, count)
