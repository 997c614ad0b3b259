"""What HTTP serves, held against the log: an auditor needs nothing else to compute the root again."""

from collections.abc import AsyncIterator, Awaitable, Callable

import orjson
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fakes.log_store import FakeLogStore
from numseal.adapters.http.app import make_http_app
from numseal.attestation.public_keys import PublicKeys
from numseal.ports.store import StoreError
from numseal.tlog.checkpoint import open_checkpoint
from numseal.tlog.hashing import HASH_SIZE, leaf_hash
from numseal.tlog.note import verifier_key
from numseal.tlog.proof import root_at
from numseal.tlog.tile import (
    TILE_WIDTH,
    decode_entries,
    entries_path,
    full_tiles,
    node_from_tiles,
    partial_width,
    tile_path,
)

ORIGIN = "numseal.test/log"
SIZE = 700
KEY = Ed25519PrivateKey.generate()
VKEY = verifier_key(ORIGIN, KEY).text()
KEYS = PublicKeys.of(
    "https://numseal.test",
    [ec.generate_private_key(ec.SECP256R1()).public_key()],
    ORIGIN,
    VKEY,
    "https://numseal.test/t",
)
IMMUTABLE = "public, max-age=31536000, immutable"


class TileStore(FakeLogStore):
    """A log store that serves tiles, and that can be told to fail."""

    broken: StoreError | None = None

    async def tile(self, level: int, index: int, width: int) -> bytes | None:
        if self.broken is not None:
            raise self.broken
        # A real store counts in 64 bits and is never asked for more than there is.
        assert (TILE_WIDTH * index + width) << 8 * level <= self.published().size
        nodes = [self._nodes.get((8 * level, TILE_WIDTH * index + at)) for at in range(width)]
        return None if None in nodes else b"".join(node for node in nodes if node is not None)

    async def entries(self, start: int, count: int) -> list[bytes] | None:
        assert start + count <= self.published().size
        return await super().entries(start, count)

    async def ready(self) -> None:
        if self.broken is not None:
            raise self.broken


Connect = Callable[..., Awaitable[TestClient]]  # type: ignore[type-arg]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    clients = []

    async def open_client(
        size: int = SIZE, *, published: int = -1, broken: StoreError | None = None, unreadable: bool = False
    ) -> TestClient:  # type: ignore[type-arg]
        store = TileStore([b"entry %d" % number for number in range(size)], KEY, ORIGIN, published=published)
        store.broken, store.unreadable = broken, unreadable
        client = TestClient(TestServer(make_http_app(store, KEYS)))
        await client.start_server()
        clients.append(client)
        return client

    yield open_client
    for client in clients:
        await client.close()


def kind(answer: ClientResponse) -> tuple[int, str, str]:
    return answer.status, answer.headers["Content-Type"], answer.headers["Cache-Control"]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, SIZE, 65_536 + 300])
async def test_the_root_of_the_checkpoint_follows_from_the_tiles(connect: Connect, size: int) -> None:
    client = await connect(size)
    answer = await client.get("/log/checkpoint")
    assert kind(answer) == (200, "text/plain; charset=utf-8", "no-cache")
    head = open_checkpoint(await answer.text(), VKEY, ORIGIN)
    assert head.size == size

    tiles = {}
    for level, index in full_tiles(0, size):
        tiles[level, index] = await (await client.get(f"/log/{tile_path(level, index)}")).read()
    for level in range(3):
        if width := partial_width(level, size):
            index = size >> 8 * (level + 1)
            answer = await client.get(f"/log/{tile_path(level, index, width)}")
            assert kind(answer) == (200, "application/octet-stream", IMMUTABLE)
            tiles[level, index] = await answer.read()
    assert root_at(size, node_from_tiles(lambda level, index: tiles[level, index])) == head.root


async def test_entries_hash_to_the_lowest_tiles(connect: Connect) -> None:
    client = await connect()
    for index, width in ((0, 256), (1, 256), (2, SIZE % 256)):
        answer = await client.get(f"/log/{entries_path(index, width)}")
        assert kind(answer) == (200, "application/octet-stream", IMMUTABLE)
        entries = decode_entries(await answer.read())
        tile = await (await client.get(f"/log/{tile_path(0, index, width)}")).read()
        assert len(entries) == width
        assert b"".join(map(leaf_hash, entries)) == tile
        assert len(tile) == width * HASH_SIZE


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/002",
        "tile/0/002.p/189",
        "tile/0/003.p/1",
        "tile/1/000",
        "tile/1/000.p/3",
        "tile/2/000.p/1",
        "tile/63/000",
        "tile/0/x009/x223/x372/x036/x854/x775/807.p/1",
        "tile/entries/002",
        "tile/entries/002.p/189",
        "tile/entries/x009/x223/x372/x036/x854/x775/807",
        "tile/0/2",
        "tile/0/002.p/0",
        "tile/0/000.p/256",
        "tile/64/000",
        "tile/x/000",
        "tile/0/000/",
        "tile/0/%2e%2e/000",
        "tile/0/000%00",
        "tile/",
        "tile",
        "",
        "checkpoint/",
    ],
)
async def test_what_is_not_published_is_not_found_and_not_kept(connect: Connect, path: str) -> None:
    answer = await (await connect()).get(f"/log/{path}")
    assert answer.status == 404
    assert answer.headers["Cache-Control"] == "no-store"


async def test_what_is_durable_but_not_signed_yet_is_not_served(connect: Connect) -> None:
    client = await connect(300, published=200)
    assert (await client.get(f"/log/{tile_path(0, 0, 200)}")).status == 200
    for path in (tile_path(0, 0, 201), tile_path(0, 0), entries_path(0, 201), tile_path(1, 0, 1)):
        assert (await client.get(f"/log/{path}")).status == 404


async def test_entries_that_the_store_has_not_are_not_found(connect: Connect) -> None:
    client = await connect(unreadable=True)
    assert (await client.get(f"/log/{entries_path(0)}")).status == 404


async def test_narrower_tiles_of_earlier_heads_stay(connect: Connect) -> None:
    client = await connect()
    whole = await (await client.get(f"/log/{tile_path(0, 0)}")).read()
    assert await (await client.get(f"/log/{tile_path(0, 0, 7)}")).read() == whole[: 7 * HASH_SIZE]


async def test_keys(connect: Connect) -> None:
    client = await connect()
    answer = await client.get("/.well-known/numseal-keys.json")
    assert kind(answer) == (200, "application/json", "public, max-age=300")
    assert PublicKeys.from_json(await answer.read()) == KEYS
    answer = await client.get("/.well-known/jwks.json")
    assert kind(answer) == (200, "application/jwk-set+json", "public, max-age=300")
    (key,) = orjson.loads(await answer.read())["keys"]
    assert (key["kid"], key["alg"], "d" in key) == (*KEYS.attestation_keys, "ES256", False)


async def test_health(connect: Connect) -> None:
    answer = await (await connect()).get("/healthz")
    assert (*kind(answer), await answer.text()) == (200, "text/plain; charset=utf-8", "no-store", "ok\n")


async def test_a_store_that_cannot_answers_503_with_its_reason(connect: Connect) -> None:
    client = await connect(broken=StoreError("STORAGE_FULL", "the disk is full: /secret/place"))
    for path in ("/healthz", f"/log/{tile_path(0, 0)}"):
        answer = await client.get(path)
        assert (*kind(answer), await answer.text()) == (503, "text/plain; charset=utf-8", "no-store", "STORAGE_FULL\n")


async def test_only_reads(connect: Connect) -> None:
    client = await connect()
    assert (await client.head("/log/checkpoint")).status == 200
    answer = await client.post("/log/checkpoint", data=b"x")
    assert answer.status == 405
    assert answer.headers["Cache-Control"] == "no-store"


async def test_browsers_do_not_guess_types(connect: Connect) -> None:
    client = await connect()
    for path in ("/log/checkpoint", "/none"):
        assert (await client.get(path)).headers["X-Content-Type-Options"] == "nosniff"
