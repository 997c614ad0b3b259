import pytest
from hypothesis import given
from hypothesis import strategies as st

from numseal.tlog.canonical import MAX_SIZE
from numseal.tlog.compact_range import EMPTY, extend
from numseal.tlog.errors import TileError
from numseal.tlog.hashing import leaf_hash
from numseal.tlog.proof import consistency_path, inclusion_path, root_at
from numseal.tlog.tile import (
    EntriesId,
    TileId,
    decode_entries,
    encode_entries,
    entries_path,
    full_tiles,
    node_from_tiles,
    parse_path,
    partial_width,
    tile_path,
)

PATHS = [
    ("tile/0/000", TileId(0, 0)),
    ("tile/0/001.p/1", TileId(0, 1, 1)),
    ("tile/1/999.p/255", TileId(1, 999, 255)),
    ("tile/3/x001/000", TileId(3, 1000)),
    ("tile/0/x001/x234/067", TileId(0, 1234067)),  # the index written out in C2SP tlog-tiles
    ("tile/63/x001/x234/067.p/112", TileId(63, 1234067, 112)),
    ("tile/entries/x001/x234/067", EntriesId(1234067)),
    ("tile/entries/000.p/7", EntriesId(0, 7)),
    ("tile/0/x009/x223/x372/x036/x854/x775/807", TileId(0, MAX_SIZE)),
]


@pytest.mark.parametrize(("path", "parsed"), PATHS)
def test_paths(path: str, parsed: TileId | EntriesId) -> None:
    assert parse_path(path) == parsed
    match parsed:
        case TileId(level, index, width):
            assert tile_path(level, index, width) == path
        case EntriesId(index, width):
            assert entries_path(index, width) == path


@given(st.integers(0, 63), st.integers(0, MAX_SIZE), st.integers(1, 256))
def test_paths_come_back(level: int, index: int, width: int) -> None:
    assert parse_path(tile_path(level, index, width)) == TileId(level, index, width)
    assert parse_path(entries_path(index, width)) == EntriesId(index, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/100/000",
        "tile/-1/000",
        "tile/0/x000/000",
        "tile/0/x000/x001/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p",
        "tile/0/000.p/1/..",
        "tile/0/../000",
        "tile/0/٠٠٠",
        "tile/0/000\n",
        "tile/entries/000.p/256",
        "tile/data/000",
        "tile/0/x009/x223/x372/x036/x854/x775/808",  # 2^63
        "tile/0/" + "x001/" * 5000 + "001",
    ],
)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(TileError):
        parse_path(path)


@given(st.text())
def test_any_text_is_a_path_or_a_tile_error(text: str) -> None:
    with pytest.raises(TileError):
        parse_path(text)


def test_numbers_out_of_range_make_no_path() -> None:
    with pytest.raises(TileError, match="level must be 0 to 63, not 64"):
        tile_path(64, 0)
    with pytest.raises(TileError, match="index must be 0 to 2\\^63-1, not -1"):
        tile_path(0, -1)
    with pytest.raises(TileError, match="width must be 1 to 256, not 0"):
        entries_path(0, 0)


def test_the_tiles_of_70000_leaves() -> None:
    """The example of C2SP tlog-tiles, Partial Tiles."""
    full = list(full_tiles(0, 70_000))
    assert full == [(0, index) for index in range(273)] + [(1, 0)]
    assert [partial_width(level, 70_000) for level in range(4)] == [112, 17, 1, 0]


def test_the_tiles_of_256_leaves() -> None:
    assert list(full_tiles(0, 255)) == []
    assert list(full_tiles(255, 256)) == [(0, 0)]
    assert list(full_tiles(256, 256)) == []
    assert [partial_width(level, 256) for level in range(3)] == [0, 1, 0]


@given(st.lists(st.integers(0, 200_000), min_size=1, max_size=6))
def test_each_tile_becomes_full_once(sizes: list[int]) -> None:
    sizes.sort()
    steps = [tile for old, new in zip([0, *sizes], sizes, strict=False) for tile in full_tiles(old, new)]
    assert sorted(steps) == sorted(full_tiles(0, sizes[-1]))


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 1), (0, MAX_SIZE + 1)])
def test_a_tree_does_not_shrink(old: int, new: int) -> None:
    with pytest.raises(TileError, match="grows"):
        list(full_tiles(old, new))


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_entries_come_back(entries: list[bytes]) -> None:
    assert decode_entries(encode_entries(entries)) == entries


def test_entries_are_length_prefixed() -> None:
    assert encode_entries([b"ab", b""]) == b"\x00\x02ab\x00\x00"
    assert decode_entries(encode_entries([bytes(0xFFFF)])) == [bytes(0xFFFF)]


def test_entries_a_bundle_cannot_hold() -> None:
    with pytest.raises(TileError, match="entry 1 has 65536 bytes"):
        encode_entries([b"", bytes(0x10000)])
    with pytest.raises(TileError, match="256 entries at most, not 257"):
        encode_entries([b""] * 257)
    with pytest.raises(TileError, match="256 entries at most"):
        decode_entries(bytes(2 * 257))


@pytest.mark.parametrize("raw", [b"\x00", b"\x00\x01", b"\x00\x02a", b"\x00\x01a\x00"])
def test_cut_bundles_are_refused(raw: bytes) -> None:
    with pytest.raises(TileError, match="cut short inside entry"):
        decode_entries(raw)


SIZE = 66_000  # a full tile on level 1, partial ones on levels 0, 1 and 2
NODES: dict[tuple[int, int], bytes] = {}
extend(EMPTY, (leaf_hash(number.to_bytes(4, "big")) for number in range(SIZE)), NODES)


def stored_node(level: int, index: int) -> bytes:
    return NODES[level, index]


def read_tile(level: int, index: int) -> bytes:
    first = index * 256
    width = min(256, (SIZE >> 8 * level) - first)
    assert width > 0
    return b"".join(NODES[8 * level, at] for at in range(first, first + width))


@pytest.mark.parametrize("index", [0, 255, 256, 65_535, 65_536, SIZE - 1])
def test_paths_are_read_from_tiles(index: int) -> None:
    node = node_from_tiles(read_tile)
    assert inclusion_path(index, SIZE, node) == inclusion_path(index, SIZE, stored_node)
    assert consistency_path(index, SIZE, node) == consistency_path(index, SIZE, stored_node)
    assert root_at(index + 1, node) == root_at(index + 1, stored_node)


@pytest.mark.parametrize("tile", [b"", bytes(32 * 3), bytes(32 * 4 + 1), bytes(32 * 257)])
def test_a_tile_that_cannot_hold_the_node_is_refused(tile: bytes) -> None:
    with pytest.raises(TileError, match=r"tile/0/000 has .* 4 whole hashes or more were wanted"):
        node_from_tiles(lambda _level, _index: tile)(1, 1)
