"""A server process from its first line to its end: start, second start, draining, health, reflection, public HTTP."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from fakes import channels
from fakes.crowd import slow
from fakes.messenger import Messenger, refused, state
from fakes.server_process import door, quiet_ports, running
from numseal.api.verification.v1 import verification_pb2
from numseal.attestation.bundle import Bundle
from numseal.attestation.entry import attestation_entry
from numseal.attestation.public_keys import PublicKeys
from numseal.tlog import proof, tile, tlog_proof
from numseal.tlog.checkpoint import open_checkpoint
from numseal.tlog.hashing import leaf_hash

MTS = "+79161234567"
SERVICES = {
    "numseal.api.verification.v1.VerificationService",
    "numseal.api.verification.v1.BindingService",
    "numseal.api.transparency.v1.TransparencyService",
    "numseal.api.admin.v1.AdminService",
    "numseal.api.simulator.v1.SimulatorService",
}
SERVING = health_pb2.HealthCheckResponse.SERVING


def made(directory: Path) -> dict[str, tuple[bytes, int]]:
    """Return what was made on first use: content and time of each file but the database's."""
    files = [path for path in directory.rglob("*") if path.is_file() and not path.name.startswith("numseal.db")]
    return {str(path.relative_to(directory)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


async def test_it_says_where_it_serves_and_makes_its_keys_once(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    directory = tmp_path / "data"
    began = time.monotonic()
    async with running(directory) as server:
        assert server.grpc.startswith("127.0.0.1:")
        assert server.http.startswith("127.0.0.1:")
        assert server.output.read_text() == f"serving gRPC on {server.grpc} and HTTP on {server.http}\n"
        assert "DEVELOPMENT KEYS" in server.errors.read_text()
        record_property("first_start_seconds", time.monotonic() - began)
        async with door(server, directory) as messenger:
            verified = await messenger.sign_up(MTS)
        server.terminate()
        assert await server.ended() == 0
    before = made(directory)
    assert {"keys/attestation.pem", "keys/log.pem", "keys/master.key", "token", "numseal.toml"} <= set(before)
    began = time.monotonic()
    async with running(directory) as server:
        record_property("second_start_seconds", time.monotonic() - began)
        assert made(directory) == before
        async with door(server, directory) as messenger:
            found = await messenger.get(verified.verification_id)
            assert found.bundle.sd_jwt == verified.bundle.sd_jwt


async def test_ports_by_option(tmp_path: Path) -> None:
    grpc_address, http_address = (f"127.0.0.1:{port}" for port in quiet_ports(2))
    async with running(tmp_path / "data", "--grpc", grpc_address, "--http", http_address) as server:
        assert (server.grpc, server.http) == (grpc_address, http_address)


async def test_sigterm_finishes_calls_under_way_and_refuses_others(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    async with running(directory) as server, door(server, directory) as messenger:
        opened = await messenger.start(MTS)
        code = await messenger.code(MTS)
        await messenger.change(MTS, slow(2.5))
        slow_call = asyncio.create_task(messenger.check(opened.verification_id, code))
        await under_way(messenger, opened.verification_id)
        server.terminate()
        await refusing(messenger)
        assert not slow_call.done()
        finished = (await slow_call).verification
        assert state(finished) == "VERIFIED"
        assert await server.ended() == 0
        assert "Traceback" not in server.errors.read_text()
    # What it answered while it drained is kept like anything else.
    async with running(directory) as server, door(server, directory) as messenger:
        assert (await messenger.get(opened.verification_id)).bundle.sd_jwt == finished.bundle.sd_jwt


async def test_a_grpc_client_at_the_http_port_leaves_no_traceback(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    async with running(directory) as server, channels.plain(server.http) as channel:
        stranger = Messenger(channel, ())
        with pytest.raises(grpc.aio.AioRpcError):
            await stranger.shown(MTS)
        async with aiohttp.ClientSession() as client, client.get(f"http://{server.http}/healthz") as answer:
            assert (answer.status, answer.headers["Server"]) == (200, "numseal")
        server.terminate()
        assert await server.ended() == 0
        said = server.errors.read_text()
        assert "Traceback" not in said
        assert " ERROR " not in said


async def under_way(messenger: Messenger, verification_id: str) -> None:
    """Wait until the right code is accepted: until then another code is too early, and nothing is changed by asking."""
    request = verification_pb2.ResendCodeRequest(verification_id=verification_id)
    for _ in range(1_000):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await messenger.verification.ResendCode(request, metadata=messenger.metadata)
        if refused(caught.value).reason == "VERIFICATION_ASSESSING":
            return
        assert refused(caught.value).reason == "RESEND_TOO_EARLY"
    raise AssertionError("the slow call never arrived")


async def refusing(messenger: Messenger) -> None:
    """Wait until calls are refused."""
    for _ in range(1_000):
        try:
            await messenger.shown(MTS)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                return
            # A call that arrives in the very moment is dropped by grpc before any handler has seen it.
            if error.code() is not grpc.StatusCode.CANCELLED:
                raise
    raise AssertionError("calls are still taken")


async def test_health_and_reflection(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server, channels.plain(server.grpc) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        for name in ("", *SERVICES):
            answer = await check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == SERVING, name
        assert await listed_services(channel) >= SERVICES | {"grpc.health.v1.Health"}
        watch = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        watched = watch(health_pb2.HealthCheckRequest())
        assert await watched.read() == health_pb2.HealthCheckResponse(status=SERVING)
        server.terminate()
        not_serving = health_pb2.HealthCheckResponse.NOT_SERVING
        assert await watched.read() == health_pb2.HealthCheckResponse(status=not_serving)
        watched.cancel()
        assert await server.ended() == 0


async def listed_services(channel: grpc.aio.Channel) -> set[str]:
    ask = channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    async for answer in ask(iter([reflection_pb2.ServerReflectionRequest(list_services="")])):
        return {service.name for service in answer.list_services_response.service}
    raise AssertionError("reflection answered nothing")


async def test_the_log_over_http_leads_to_the_signed_root(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    # A hundred codes a day into a range of ten thousand numbers is the spend cap.
    numbers = [f"+7916{1_000_000 + 5_003 * number}" for number in range(tile.TILE_WIDTH + 4)]
    async with running(directory) as server:
        async with door(server, directory) as messenger:
            waiting = iter(numbers)
            bundles: list[bytes] = []

            async def worker() -> None:
                for number in waiting:
                    verified = await messenger.sign_up(number, number)
                    bundles.append(verified.bundle.bundle_json)

            await asyncio.gather(*(worker() for _ in range(8)))
        async with aiohttp.ClientSession(f"http://{server.http}") as web:
            keys = await read(web, "/.well-known/numseal-keys.json")
            assert keys == (directory / "public-keys.json").read_bytes()
            trusted = PublicKeys.from_json(keys)
            jwks = json.loads(await read(web, "/.well-known/jwks.json"))
            assert {key["kid"] for key in jwks["keys"]} == set(trusted.attestation_keys)
            note = (await read(web, "/log/checkpoint")).decode()
            head = open_checkpoint(note, trusted.log_vkey, trusted.log_origin)
            assert head.size == len(numbers)
            tiles = await read_tiles(web, head.size)
            assert proof.root_at(head.size, tile.node_from_tiles(lambda level, at: tiles[level, at])) == head.root
            entries = await read_entries(web, head.size)
        assert [leaf_hash(entry) for entry in entries] == leaves_of(tiles)
        for raw in bundles:
            bundle = Bundle.from_json(raw)
            index = tlog_proof.parse(bundle.proof).index
            assert entries[index] == attestation_entry(bundle.sd_jwt.split("~")[0].rpartition(".")[0].encode())


async def read(web: aiohttp.ClientSession, path: str) -> bytes:
    async with web.get(path) as answer:
        assert answer.status == 200, path
        return await answer.read()


async def read_tiles(web: aiohttp.ClientSession, size: int) -> dict[tuple[int, int], bytes]:
    """Read all tiles of a tree of up to 65,536 leaves."""
    paths = {(level, at): tile.tile_path(level, at) for level, at in tile.full_tiles(0, size)}
    for level in (0, 1):
        width = tile.partial_width(level, size)
        if width:
            at = size >> tile.TILE_HEIGHT * (level + 1)
            paths[level, at] = tile.tile_path(level, at, width)
    assert set(paths) == {(0, 0), (0, 1), (1, 0)}
    return {name: await read(web, f"/log/{path}") for name, path in paths.items()}


async def read_entries(web: aiohttp.ClientSession, size: int) -> list[bytes]:
    full, width = divmod(size, tile.TILE_WIDTH)
    paths = [tile.entries_path(at) for at in range(full)]
    if width:
        paths.append(tile.entries_path(full, width))
    return [entry for path in paths for entry in tile.decode_entries(await read(web, f"/log/{path}"))]


def leaves_of(tiles: dict[tuple[int, int], bytes]) -> list[bytes]:
    row = b"".join(tiles[level, at] for level, at in sorted(tiles) if level == 0)
    return [row[at : at + 32] for at in range(0, len(row), 32)]


async def test_http_serves_nothing_unpublished(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server, aiohttp.ClientSession(f"http://{server.http}") as web:
        assert await read(web, "/healthz") == b"ok\n"
        for path in ("/log/tile/0/000.p/1", "/log/tile/entries/000.p/1", "/log/tile/0/000", "/log/../keys/log.pem"):
            async with web.get(path) as answer:
                assert answer.status == 404, path
