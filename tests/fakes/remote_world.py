"""An operator at the other end of a wire: a server on loopback, and the client that Numseal has of it.

async with remote(SimulatedOperator(network, "mts"), clock) as operator:   # a backend behind a real server
    await operator.capabilities()
async with serving(Tampered(backend, {"SendCode": lie})) as address:       # one whose answers go through a test's hands
    operator = RemoteOperator("mts", plain(address), clock)

async def lie(request, context, honest):                                   # `honest` gives the backend's own answer
    answer = await honest()
    ...
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import grpc

from fakes.certificates import Identity
from numseal.adapters.operators.remote.backend import RemoteOperator
from numseal.adapters.operators.remote.served import ServedOperator
from numseal.adapters.operators.remote.settings import Settings
from numseal.adapters.operators.remote.statement import Signer
from numseal.api.operator.v1.operator_pb2_grpc import OperatorBackendServicer, add_OperatorBackendServicer_to_server
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorBackend

_OPTIONS = (("grpc.so_reuseport", 0), ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000))


Lie = Callable[[Any, Any, Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""Takes a request, its context, and what gives the honest answer; returns the one that is sent."""


class Tampered(ServedOperator):
    """Serves a backend, some of its calls through a test's hands, and keeps what was asked."""

    def __init__(
        self, backend: OperatorBackend, lies: Mapping[str, Lie] | None = None, signer: Signer | None = None
    ) -> None:
        super().__init__(backend, signer=signer)
        self._lies = lies or {}
        self.asked: list[tuple[str, Any]] = []

    async def _told(self, name: str, request: Any, context: Any) -> Any:
        self.asked.append((name, request))

        async def honest() -> Any:
            return await getattr(ServedOperator, name)(self, request, context)

        lie = self._lies.get(name)
        return await honest() if lie is None else await lie(request, context, honest)

    async def GetCapabilities(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._told("GetCapabilities", request, context)

    async def LookUpSubscriber(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._told("LookUpSubscriber", request, context)

    async def SendCode(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._told("SendCode", request, context)

    async def CheckCode(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._told("CheckCode", request, context)

    async def StartNetworkCheck(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._told("StartNetworkCheck", request, context)

    async def FinishNetworkCheck(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._told("FinishNetworkCheck", request, context)

    async def WatchSubscriber(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._told("WatchSubscriber", request, context)

    async def UnwatchSubscriber(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._told("UnwatchSubscriber", request, context)


class Raw(grpc.GenericRpcHandler):
    """Answers every call with the bytes that a test gives, messages or not; a stream with all of them."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = answers

    def service(self, handler_call_details: Any) -> Any:
        async def one(_request: bytes, _context: Any) -> bytes:
            return self._answers[0]

        async def many(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
            for answer in self._answers:
                yield answer

        if handler_call_details.method.endswith("/StreamEvents"):
            return grpc.unary_stream_rpc_method_handler(many)
        return grpc.unary_unary_rpc_method_handler(one)


@asynccontextmanager
async def serving(
    servicer: OperatorBackendServicer | Raw, tls: Identity | None = None, client_ca: bytes | None = None, port: int = 0
) -> AsyncIterator[str]:
    """Serve on loopback, by TLS with an identity and for clients of an authority alone where one is given."""
    server = grpc.aio.server(options=_OPTIONS)
    if isinstance(servicer, Raw):
        server.add_generic_rpc_handlers((servicer,))
    else:
        add_OperatorBackendServicer_to_server(servicer, server)
    if tls is None:
        port = server.add_insecure_port(f"127.0.0.1:{port}")
    else:
        credentials = grpc.ssl_server_credentials(
            [(tls.key, tls.certificate)], root_certificates=client_ca, require_client_auth=client_ca is not None
        )
        port = server.add_secure_port(f"127.0.0.1:{port}", credentials)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def plain(address: str, **further: Any) -> Settings:
    """Reach an operator in clear."""
    return Settings(address, tls=False, **further)


@asynccontextmanager
async def client(settings: Settings, clock: Clock, operator_id: str = "mts") -> AsyncIterator[RemoteOperator]:
    """Give a client, closed at the end."""
    operator = RemoteOperator(operator_id, settings, clock)
    try:
        yield operator
    finally:
        await operator.close()


@asynccontextmanager
async def remote(
    backend: OperatorBackend,
    clock: Clock,
    *,
    signer: Signer | None = None,
    sources: Mapping[str, str] | None = None,
    **further: Any,
) -> AsyncIterator[RemoteOperator]:
    """Put a backend on the wire, and give the client of it."""
    served = ServedOperator(backend, signer=signer, sources=sources or {})
    async with (
        serving(served) as address,
        client(plain(address, **further), clock, backend.operator_id) as operator,
    ):
        yield operator


@asynccontextmanager
async def streaming(operator: OperatorBackend, cursor: str = "") -> AsyncIterator[AsyncIterator[Any]]:
    """Give an operator's stream of events, closed at the end."""
    stream: Any = operator.stream_events(cursor)
    async with aclosing(stream):
        yield stream
