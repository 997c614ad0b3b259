"""Run a server: gRPC and public HTTP on one event loop, until told to stop, losing no call under way."""

import asyncio
import logging
import signal
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvloop
from aiohttp import web

from numseal.adapters.http.app import make_http_app
from numseal.adapters.rpc.server import RpcServer
from numseal.adapters.rpc.server import Tls as RpcTls
from numseal.adapters.rpc.services import services
from numseal.apps.config import Config, Tls
from numseal.apps.wiring import assemble
from numseal.ports.clock import Clock
from numseal.ports.store import StoreError

GRACE = 10.0
"""Seconds that calls under way are given when the server is told to stop."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the server listens, host:port each."""

    grpc: str
    http: str


def run(config: Config, announce: Callable[[Addresses], None]) -> None:
    """Serve until SIGTERM or SIGINT, then drain; `announce` is called once calls are taken.

    Raises KeyFileError, StoreError and OSError for what keeps the server from starting, and the StoreError after
    which nothing more can be stored.
    """
    uvloop.run(_run(config, announce))


async def _run(config: Config, announce: Callable[[Addresses], None]) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    broken: list[StoreError] = []

    def give_up(error: StoreError) -> None:
        broken.append(error)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serving(config, on_stop=give_up) as addresses:
        announce(addresses)
        await stop.wait()
        _log.info("draining")
    if broken:
        raise broken[0]


def _ignore(_error: StoreError) -> None:
    """Leave it to the calls that fail from then on."""


@asynccontextmanager
async def serving(
    config: Config, clock: Clock | None = None, on_stop: Callable[[StoreError], None] = _ignore
) -> AsyncIterator[Addresses]:
    """Serve while the block runs; at its end calls under way are finished and the store is closed."""
    parts = await assemble(config, clock, on_stop)
    try:
        tls = _read_tls(config.listen.tls)
        rpc = RpcServer(services(parts.served), address=str(config.listen.grpc), tls=tls)
        http = web.AppRunner(make_http_app(parts.store, parts.served.public_keys), access_log=None)
        await http.setup()
        try:
            context = _tls_context(config.listen.tls)
            site = web.TCPSite(http, config.listen.http.host, config.listen.http.port, ssl_context=context)
            await site.start()
            await rpc.start()
            try:
                yield Addresses(f"{config.listen.grpc.host}:{rpc.port}", _bound(http))
            finally:
                await rpc.stop(GRACE, parts.flights.land)
        finally:
            await http.cleanup()
    finally:
        await parts.store.close()


def _read_tls(tls: Tls | None) -> RpcTls | None:
    if tls is None:
        return None
    return RpcTls(
        tls.certificate.read_bytes(), tls.key.read_bytes(), tls.client_ca.read_bytes() if tls.client_ca else None
    )


def _tls_context(tls: Tls | None) -> ssl.SSLContext | None:
    if tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls.certificate, tls.key)
    return context


def _bound(http: web.AppRunner) -> str:
    host, port = http.addresses[0][:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
