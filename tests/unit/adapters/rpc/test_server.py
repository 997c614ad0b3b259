"""What the server bounds before any service is asked; headers that gRPC's own client would not send are sent raw."""

import asyncio
import logging
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from fakes import channels
from fakes.rpc import gate_of, raw
from numseal.adapters.rpc.gate import Gate, for_relying_party
from numseal.adapters.rpc.server import MAX_CALLS, MAX_MESSAGE, MAX_STREAMS, RpcServer, Service
from numseal.domain.relying_party import RelyingParty

CALL = "/test.Service/Call"
GATED = "/test.Service/Gated"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""RFC 9113 §3.4, with an empty SETTINGS frame."""


class Waiting:
    """Notes how many calls are under way, and keeps them so until told otherwise."""

    def __init__(self) -> None:
        self.gate: Gate = gate_of("token")
        self.release = asyncio.Event()
        self.under_way = 0
        self.changed = asyncio.Condition()

    async def call(self, request: bytes, _context: Any) -> bytes:
        async with self.changed:
            self.under_way += 1
            self.changed.notify_all()
        await self.release.wait()
        self.under_way -= 1
        return request

    @for_relying_party(BytesValue)
    async def gated(self, request: BytesValue, _party: RelyingParty) -> bytes:
        return request.value

    async def until(self, count: int) -> None:
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: self.under_way == count), 10)

    def add(self, server: grpc.aio.Server) -> None:
        handlers: dict[str, Any] = {
            "Call": grpc.unary_unary_rpc_method_handler(self.call),
            "Gated": grpc.unary_unary_rpc_method_handler(self.gated),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Service", handlers),))


@asynccontextmanager
async def serving(waiting: Waiting) -> AsyncIterator[RpcServer]:
    server = RpcServer([Service("test.Service", waiting.add)], address="127.0.0.1:0", tls=None)
    await server.start()

    async def drained() -> None:
        waiting.release.set()

    try:
        yield server
    finally:
        await server.stop(0, drained)


def channel_to(server: RpcServer) -> grpc.aio.Channel:
    return channels.plain(f"127.0.0.1:{server.port}")


async def test_a_message_is_no_larger_than_half_a_mebibyte() -> None:
    assert MAX_MESSAGE == 512 * 1024
    waiting = Waiting()
    waiting.release.set()
    async with serving(waiting) as server, channel_to(server) as channel:
        assert len(await raw(channel, CALL)(bytes(MAX_MESSAGE))) == MAX_MESSAGE
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await raw(channel, CALL)(bytes(MAX_MESSAGE + 1))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_calls_too_many_are_refused_and_later_ones_are_served() -> None:
    waiting = Waiting()
    async with serving(waiting) as server, channel_to(server) as channel:
        calls = [asyncio.ensure_future(raw(channel, CALL)(b"x")) for _ in range(MAX_CALLS)]
        await waiting.until(MAX_CALLS)
        for _ in range(100):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await raw(channel, CALL)(b"y")
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        waiting.release.set()
        assert await asyncio.gather(*calls) == [b"x"] * MAX_CALLS
        for _ in range(4):
            assert await raw(channel, CALL)(b"z") == b"z"


async def test_a_connection_is_told_how_many_calls_it_may_make() -> None:
    async with serving(Waiting()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(PREFACE)
        async with asyncio.timeout(10):
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
        writer.close()
        await writer.wait_closed()
    settings = dict(struct.iter_unpack(">HI", payload))
    # RFC 9113 §6.5: a SETTINGS frame, and in it SETTINGS_MAX_CONCURRENT_STREAMS.
    assert (head[3], settings[3]) == (4, MAX_STREAMS)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """RFC 9113 §4.1."""
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def _header(name: bytes, value: bytes) -> bytes:
    """RFC 7541 §6.2.2: a literal without indexing, under a new name."""
    return b"\x00" + bytes((len(name),)) + name + bytes((len(value),)) + value


async def _call_raw(port: int, path: str, authorization: bytes) -> bytes:
    """Call with an empty message; return what comes back until the stream's end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    headers = {
        b":method": b"POST",
        b":scheme": b"http",
        b":path": path.encode(),
        b":authority": b"localhost",
        b"te": b"trailers",
        b"content-type": b"application/grpc",
        b"authorization": authorization,
    }
    block = b"".join(_header(name, value) for name, value in headers.items())
    writer.write(PREFACE + _frame(1, 4, 1, block) + _frame(0, 1, 1, bytes(5)))
    got = b""
    async with asyncio.timeout(10):
        while True:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
            got += payload
            if head[3] == 1 and head[4] & 1:
                break
    writer.close()
    await writer.wait_closed()
    return got


@pytest.mark.parametrize("value", [b"Bearer secret\xff\xfe", "Bearer secretжж".encode()])
async def test_a_token_that_is_not_ascii_is_refused_and_stays_out_of_the_log(
    value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(Waiting()) as server:
        got = await _call_raw(server.port, GATED, value)
    # grpc-status as a header of the trailers: 16 is UNAUTHENTICATED.
    assert b"grpc-status\x0216" in got
    assert b"Bearer <token>" in got
    assert not [record for record in caplog.records if record.exc_info or "secret" in record.getMessage()]
