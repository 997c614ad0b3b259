"""A server whose disk is full refuses what it cannot store, goes on reading, and recovers by itself.

The full disk is a small file system of its own where the test may mount one (root on Linux); elsewhere a limit on the
size of the server's files stands in for it, which SQLite cannot tell from a failing disk.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import grpc
import pytest

from fakes.messenger import Messenger, Refused, refused, result, state
from fakes.server_process import ANYWHERE, ServerProcess, door, running
from fakes.server_process import refused as start_refused

DISK = "24m"
MTS = "+79161234567"
TRIES = 400


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system; skip, saying so, where that is not allowed."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place)]
    allowed = sys.platform == "linux" and os.geteuid() == 0
    if not allowed or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("NOT TESTED: a full disk answers STORAGE_FULL; only root may mount a small one here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(filler: Path) -> None:
    """Write a file until nothing more fits."""
    with filler.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue


async def refusal(messenger: Messenger) -> Refused:
    """Begin verifications until one cannot be stored."""
    for number in range(TRIES):
        try:
            await messenger.start(f"+7926{number:07d}", f"filling-{number}")
        except grpc.aio.AioRpcError as error:
            return refused(error)
    raise AssertionError("the disk never became full")


async def recovered(messenger: Messenger) -> None:
    """Sign up, as soon as it is possible again."""
    for _ in range(TRIES):
        try:
            verified = await messenger.sign_up("+79031234568", "late")
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.UNAVAILABLE  # noqa: PT017 - any number of these may come
            await asyncio.sleep(0.01)
        else:
            assert state(verified) == "VERIFIED"
            return
    raise AssertionError("the server does not recover")


async def scenario(
    directory: Path, server: ServerProcess, exhaust: Callable[[], object], relieve: Callable[[], object]
) -> Refused:
    """Fill the disk under a server, see that it reads on, make room, see that it stores again; return its refusal."""
    async with door(server, directory) as messenger, aiohttp.ClientSession(f"http://{server.http}") as web:
        verified = await messenger.sign_up(MTS)
        exhaust()
        answer = await refusal(messenger)
        size = await messenger.log_size()
        assert size == 1
        assert result(await messenger.shown(MTS)) == "GENUINE"
        assert (await messenger.get(verified.verification_id)).bundle.sd_jwt == verified.bundle.sd_jwt
        async with web.get("/healthz") as health:
            assert (health.status, (await health.text()).strip()) == (503, answer.reason)
        async with web.get("/log/checkpoint") as checkpoint:
            assert checkpoint.status == 200
        relieve()
        await recovered(messenger)
        assert await messenger.log_size() == size + 1
        async with web.get("/healthz") as health:
            assert health.status == 200
    assert "Traceback" not in server.errors.read_text()
    return answer


async def kept(directory: Path) -> None:
    """Start again, and see that both sign-ups are there."""
    async with running(directory) as server, door(server, directory) as messenger:
        assert await messenger.log_size() == 2
        assert result(await messenger.shown(MTS)) == "GENUINE"
        assert result(await messenger.shown("+79031234568", "late")) == "GENUINE"


async def test_a_full_disk(small_disk: Path) -> None:
    filler = small_disk / "filler"
    async with running(small_disk) as server:
        answer = await scenario(small_disk, server, lambda: fill(filler), filler.unlink)
        assert (answer.code, answer.reason, answer.retry_delay) == ("UNAVAILABLE", "STORAGE_FULL", 1)
        server.terminate()
        assert await server.ended() == 0
    fill(filler)
    done = start_refused("--directory", str(small_disk), *ANYWHERE)
    assert done.returncode == 1
    assert f"Error: {small_disk}/numseal.db" in done.stderr
    assert "full" in done.stderr
    assert "Traceback" not in done.stderr
    filler.unlink()
    await kept(small_disk)


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: limits of another process are set on Linux only")
async def test_files_that_may_not_grow(tmp_path: Path) -> None:
    import resource  # noqa: PLC0415 - it is not on every system

    directory = tmp_path / "data"
    async with running(directory) as server:
        limits = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        journal = directory / "numseal.db-wal"

        def exhaust() -> None:
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (journal.stat().st_size, limits[1]))

        answer = await scenario(
            directory,
            server,
            exhaust,
            lambda: resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits),
        )
        assert (answer.code, answer.reason) == ("UNAVAILABLE", "STORAGE_FAILED")
        server.terminate()
        assert await server.ended() == 0
    await kept(directory)
