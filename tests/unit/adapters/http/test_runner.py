"""What the HTTP server says of itself, and what callers that speak no HTTP leave in the log."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from numseal.adapters.http.runner import make_http_runner

GRPC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""How a gRPC client begins (RFC 9113 section 3.4)."""


async def fine(_: web.Request) -> web.Response:
    return web.Response(text="fine")


async def broken(_: web.Request) -> web.Response:
    raise RuntimeError("broken")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = web.Application()
    app.add_routes([web.get("/", fine), web.get("/broken", broken)])
    runner = make_http_runner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def ask(port: int, request: bytes) -> bytes:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize("request_", [GRPC, b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET / HTTP/1.1\r\n:\r\n\r\n"])
async def test_what_is_not_http_leaves_one_quiet_line(
    port: int, caplog: pytest.LogCaptureFixture, request_: bytes
) -> None:
    caplog.set_level(logging.DEBUG, "numseal")
    answer = await ask(port, request_)
    assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert b"\r\nServer: numseal\r\n" in answer
    (record,) = [record for record in caplog.records if record.name.startswith(("numseal", "aiohttp"))]
    assert (record.levelno, record.exc_info) == (logging.DEBUG, None)
    assert record.getMessage().startswith("a request that is not HTTP/1.1 was refused: Bad")


async def test_no_version_is_told(port: int) -> None:
    for path in ("/", "/missing"):
        assert b"\r\nServer: numseal\r\n" in await ask(port, get(path))


async def test_a_failure_of_ones_own_is_logged_whole(port: int, caplog: pytest.LogCaptureFixture) -> None:
    assert b" 500 " in await ask(port, get("/broken"))
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RuntimeError)
