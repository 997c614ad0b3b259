"""The geometry of C2SP tlog-tiles: paths, widths, entry bundles, and reading nodes out of tiles.

Only the maths and the texts of tiles live here; who stores or serves them is not this module's business.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from numseal.tlog.canonical import MAX_SIZE
from numseal.tlog.errors import TileError
from numseal.tlog.hashing import HASH_SIZE, node_hash
from numseal.tlog.proof import NodeReader

TILE_HEIGHT = 8
TILE_WIDTH = 256
MAX_LEVEL = 63
MAX_ENTRY_SIZE = 0xFFFF
_LENGTH_BYTES = 2
_GROUP = 1000  # an index is written in path elements of three digits

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class TileId:
    """Name a Merkle tree tile: tile level (0 to 63), index in the level, width in hashes (256 when full)."""

    level: int
    index: int
    width: int = TILE_WIDTH


@dataclass(frozen=True, slots=True)
class EntriesId:
    """Name an entry bundle: index, and width in entries (256 when full)."""

    index: int
    width: int = TILE_WIDTH


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Write the path of a tile, `tile/0/x001/x234/067`, with `.p/<W>` when partial (C2SP tlog-tiles)."""
    if not 0 <= level <= MAX_LEVEL:
        raise TileError(f"a tile's level must be 0 to {MAX_LEVEL}, not {level}")
    return f"tile/{level}/{_index_and_width(index, width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Write the path of an entry bundle, `tile/entries/x001/x234/067[.p/<W>]` (C2SP tlog-tiles)."""
    return f"tile/entries/{_index_and_width(index, width)}"


def parse_path(path: str) -> TileId | EntriesId:
    """Read what `tile_path` or `entries_path` writes, and nothing else; TileError otherwise."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise TileError("not the path of a tile or an entry bundle: tile/<level or entries>/<index>[.p/<width>]")
    index = int(match["index"].replace("/", "").replace("x", ""))
    width = int(match["width"] or TILE_WIDTH)
    parsed: TileId | EntriesId
    if match["level"] == "entries":
        parsed, canonical = EntriesId(index, width), entries_path(index, width)
    else:
        level = int(match["level"])
        parsed, canonical = TileId(level, index, width), tile_path(level, index, width)
    # One tile has one path, else caches and stores would hold it twice: no x000 in front, no `.p/256`.
    if canonical != path:
        raise TileError("not the canonical path of a tile or an entry bundle")
    return parsed


def full_tiles(old_size: int, new_size: int) -> Iterator[tuple[int, int]]:
    """Yield (level, index) of each tile that became full as the tree grew, lowest level first."""
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise TileError(f"a tree grows from a size to a larger one, not from {old_size} to {new_size}")
    level = 0
    while full_count := new_size >> TILE_HEIGHT * (level + 1):
        for index in range(old_size >> TILE_HEIGHT * (level + 1), full_count):
            yield level, index
        level += 1


def partial_width(level: int, size: int) -> int:
    """Count the hashes of the partial tile at `level` for that tree size; 0 when there is none."""
    return (size >> TILE_HEIGHT * level) % TILE_WIDTH


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """Write an entry bundle of up to 256 entries, each after its length as a big-endian uint16."""
    if len(entries) > TILE_WIDTH:
        raise TileError(f"an entry bundle holds {TILE_WIDTH} entries at most, not {len(entries)}")
    parts = []
    for position, entry in enumerate(entries):
        if len(entry) > MAX_ENTRY_SIZE:
            raise TileError(f"entry {position} has {len(entry)} bytes; {MAX_ENTRY_SIZE} is the most a bundle takes")
        parts += [len(entry).to_bytes(_LENGTH_BYTES, "big"), entry]
    return b"".join(parts)


def decode_entries(raw: bytes) -> list[bytes]:
    """Read an entry bundle; TileError when it is cut short or holds more than 256 entries."""
    entries: list[bytes] = []
    at = 0
    while at < len(raw):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(raw[at:start], "big")
        if start > len(raw) or at > len(raw):
            raise TileError(f"the entry bundle is cut short inside entry {len(entries)}")
        entries.append(raw[start:at])
        if len(entries) > TILE_WIDTH:
            raise TileError(f"an entry bundle holds {TILE_WIDTH} entries at most")
    return entries


def node_from_tiles(read_tile: Callable[[int, int], bytes]) -> NodeReader:
    """Make a NodeReader over tiles.

    `read_tile(level, index)` returns the tile's hashes one after another, as many as its tree has: the full
    tile, or the partial one of a tree size not under the size the proof is for. Nothing is cached here. A
    tile too short for the node wanted, or not of whole hashes, raises TileError.
    """

    def node(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        tile_index = index >> (TILE_HEIGHT - height)
        first = (index << height) % TILE_WIDTH
        tile = read_tile(tile_level, tile_index)
        last = first + (1 << height)
        if len(tile) % HASH_SIZE or len(tile) < last * HASH_SIZE or len(tile) > TILE_WIDTH * HASH_SIZE:
            name = tile_path(tile_level, tile_index)
            raise TileError(f"{name} has {len(tile)} bytes; {last} whole hashes or more were wanted")
        row = [tile[at * HASH_SIZE : (at + 1) * HASH_SIZE] for at in range(first, last)]
        while len(row) > 1:
            row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
        return row[0]

    return node


def _index_and_width(index: int, width: int) -> str:
    if not 0 <= index <= MAX_SIZE:
        raise TileError(f"a tile's index must be 0 to 2^63-1, not {index}")
    if not 1 <= width <= TILE_WIDTH:
        raise TileError(f"a tile's width must be 1 to {TILE_WIDTH}, not {width}")
    rest, last = divmod(index, _GROUP)
    text = f"{last:03d}"
    while rest:
        rest, group = divmod(rest, _GROUP)
        text = f"x{group:03d}/{text}"
    return text if width == TILE_WIDTH else f"{text}.p/{width}"
