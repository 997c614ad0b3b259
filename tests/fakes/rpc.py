"""A gRPC server in the test's own loop, its caller, and what an error carried.

async with serving(add) as channel:                 # add(server) registers services
    stub = TransparencyServiceStub(channel)
    error = await failure(stub.GetInclusionProof(request))
    assert (error.code, error.reason, error.field) == (...)
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status.rpc_status import from_call

from fakes import channels
from numseal.adapters.rpc.gate import Gate
from numseal.domain.relying_party import App, RelyingParty

PARTY = RelyingParty("messenger-1", "Messenger", (App("main", "Messenger", {"en": "{{code}}"}, "en"),))


@dataclass(frozen=True, slots=True)
class Failure:
    """An error's code and sentence, and its `google.rpc` details; None for a detail that is not there."""

    code: grpc.StatusCode
    message: str
    info: error_details_pb2.ErrorInfo
    bad_request: error_details_pb2.BadRequest | None
    retry: error_details_pb2.RetryInfo | None
    quota: error_details_pb2.QuotaFailure | None

    @property
    def reason(self) -> str:
        return str(self.info.reason)

    @property
    def field(self) -> str | None:
        return str(self.bad_request.field_violations[0].field) if self.bad_request else None


@asynccontextmanager
async def serving(add: Callable[[grpc.aio.Server], None]) -> AsyncIterator[grpc.aio.Channel]:
    """Serve on a free port of loopback."""
    server = grpc.aio.server()
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with channels.plain(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(None)


def raw(channel: grpc.aio.Channel, path: str) -> Callable[..., Awaitable[bytes]]:
    """Return the RPC at a path, of bytes as they are on the wire."""
    call: Callable[..., Awaitable[bytes]] = channel.unary_unary(path)
    return call


async def failure(call: Awaitable[Any]) -> Failure:
    """Await a call that must fail, and take its error apart: each detail at most once, one ErrorInfo."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return taken_apart(error)
    raise AssertionError("the call did not fail")


def taken_apart(error: grpc.aio.AioRpcError) -> Failure:
    status = from_call(error)  # type: ignore[arg-type]  # the stubs know the blocking call only
    assert status is not None, error
    assert (status.code, status.message) == (error.code().value[0], error.details())
    found: dict[str, Any] = {}
    for kind in ("ErrorInfo", "BadRequest", "RetryInfo", "QuotaFailure"):
        detail = getattr(error_details_pb2, kind)()
        matching = [item for item in status.details if item.Is(detail.DESCRIPTOR)]
        assert len(matching) <= 1
        if matching:
            matching[0].Unpack(detail)
            found[kind] = detail
    assert len(found) == len(status.details)
    info = found["ErrorInfo"]
    assert info.domain == "numseal"
    return Failure(
        error.code(),
        error.details() or "",
        info,
        found.get("BadRequest"),
        found.get("RetryInfo"),
        found.get("QuotaFailure"),
    )


def gate_of(token: str) -> Gate:
    """Return a gate that lets PARTY through with a token."""
    return Gate({sha256(token.encode()).hexdigest(): PARTY}, {})


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)
