"""Build the gRPC server: listeners, credentials, health, reflection, and an end that loses no call under way."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

MAX_MESSAGE = 512 * 1024
"""Bytes of the largest request taken; grpc answers RESOURCE_EXHAUSTED to a larger one."""

MAX_CALLS = 1_024
"""Calls under way at a time; grpc answers RESOURCE_EXHAUSTED to a further one."""

MAX_STREAMS = 2 * MAX_CALLS
"""Calls at a time on one connection, those being refused included.

At this bound grpc resets streams, and the caller sees UNAVAILABLE: measured, of 300 calls at a time on a connection
with 128, nearly half. So it lies above MAX_CALLS, which is answered in order.
"""


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM texts: the server's certificate chain and key, and the authorities of client certificates, if any."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None


@dataclass(frozen=True, slots=True)
class Service:
    """A service by its full name and the function that adds it to a server."""

    name: str
    add: Callable[[grpc.aio.Server], None]


class RpcServer:
    """A grpc.aio server with standard health and reflection."""

    def __init__(self, services: Sequence[Service], *, address: str, tls: Tls | None) -> None:
        """Bind `address` (host:port, port 0 for any); raises OSError where it cannot be had."""
        logging.getLogger("grpc._cython.cygrpc").addFilter(_keeps_headers_out)
        self._server = grpc.aio.server(
            maximum_concurrent_rpcs=MAX_CALLS,
            options=(
                ("grpc.max_concurrent_streams", MAX_STREAMS),
                ("grpc.max_receive_message_length", MAX_MESSAGE),
                # Two servers on one port would share the calls between two stores.
                ("grpc.so_reuseport", 0),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
            ),
        )
        self._health = health_aio.HealthServicer()
        names = [service.name for service in services]
        for service in services:
            service.add(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (*names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME), self._server
        )
        self._names = ("", *names)
        self.port = self._bind(address, tls)

    def _bind(self, address: str, tls: Tls | None) -> int:
        try:
            if tls is None:
                return self._server.add_insecure_port(address)
            credentials = grpc.ssl_server_credentials(
                [(tls.key, tls.certificate)],
                root_certificates=tls.client_ca,
                # grpc asks for a certificate only where it requires one.
                require_client_auth=tls.client_ca is not None,
            )
            return self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise OSError(f"{address}: cannot listen there; is the port in use?") from error

    async def start(self) -> None:
        """Serve."""
        await self._server.start()
        for name in self._names:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace: float, drained: Callable[[], Awaitable[None]]) -> None:
        """Say NOT_SERVING, take no more calls, give those under way `grace` seconds, then await `drained`."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace)
        await drained()


def _keeps_headers_out(record: logging.LogRecord) -> bool:
    """Drop grpc's tracebacks about headers that are not UTF-8: they carry the value, perhaps a secret."""
    return not str(record.msg).startswith("Invalid encoding on")
