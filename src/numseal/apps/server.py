"""Run a server: gRPC and public HTTP on one event loop, until told to stop, losing no call under way."""

import asyncio
import gc
import logging
import signal
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvloop
from aiohttp import web

from numseal.adapters.http.app import make_http_app
from numseal.adapters.http.runner import make_http_runner
from numseal.adapters.rpc.server import RpcServer
from numseal.adapters.rpc.server import Tls as RpcTls
from numseal.adapters.rpc.services import services
from numseal.apps.config import Address, Config, ConfigError, Tls, load_config
from numseal.apps.config_files import read_porting
from numseal.apps.wiring import Parts, assemble, policies_by_party
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

    Raises ConfigError, KeyFileError, StoreError and OSError for what keeps the server from starting, and the
    StoreError after which nothing more can be stored.
    """
    uvloop.run(_run(config, announce))


async def _run(config: Config, announce: Callable[[Addresses], None]) -> None:
    loop, stop, reload = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    broken: list[StoreError] = []

    def give_up(error: StoreError) -> None:
        broken.append(error)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # From the first: a SIGHUP that nobody handles ends the process.
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    async with (
        assembled(config, on_stop=give_up) as parts,
        listening(config, parts) as addresses,
        _reloading(config, parts, reload),
    ):
        _spare_the_collector()
        announce(addresses)
        await stop.wait()
        _log.info("draining")
    if broken:
        raise broken[0]


def _spare_the_collector() -> None:
    """Take what was made on the way up out of the garbage collector's rounds, and let it make fewer of them.

    Calls leave no cycles behind that matter; measured with scripts/bench: 5 to 10 % less CPU a call.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _ignore(_error: StoreError) -> None:
    """Leave it to the calls that fail from then on."""


@asynccontextmanager
async def _reloading(config: Config, parts: Parts, told: asyncio.Event) -> AsyncIterator[None]:
    """Read the files again whenever the event is set, once more where it is set meanwhile, while the block runs."""

    async def reload() -> None:
        while True:
            await told.wait()
            told.clear()
            await reload_files(config, parts)

    task = asyncio.create_task(reload())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def reload_files(config: Config, parts: Parts) -> None:
    """Read policies, number plan and ported numbers again and put them in force.

    Verifications under way end under the policy that they began with, at the operator that they were routed to. One
    file that cannot be used keeps all of them as they were: the reason is logged.
    """
    try:
        # Beside the calls: a large file takes seconds.
        reread = await asyncio.to_thread(load_config, config.file)
        porting = await asyncio.to_thread(read_porting, reread.porting_file, reread.operator_ids)
        by_party = policies_by_party(reread)
        await parts.keep_policies.replace(parts.policies, reread.policy, by_party)
    except (ConfigError, StoreError) as error:
        _log.error("nothing was read again: %s", error)
        return
    except Exception:  # noqa: BLE001 - the server goes on, and takes the next file
        _log.exception("nothing was read again")
        return
    parts.routing.replace(reread.plan, porting)
    _log.info("policy in force: %s", reread.policy.digest)
    for relying_party, policy in by_party.items():
        _log.info("policy in force for %s: %s", relying_party, policy.digest)
    _log.info("number plan in force: %d ranges, %d rows of ported numbers", len(reread.plan.ranges()), len(porting))


@asynccontextmanager
async def serving(
    config: Config, clock: Clock | None = None, on_stop: Callable[[StoreError], None] = _ignore
) -> AsyncIterator[Addresses]:
    """Serve while the block runs; at its end calls under way are finished and the store is closed."""
    async with assembled(config, clock, on_stop) as parts, listening(config, parts) as addresses:
        yield addresses


@asynccontextmanager
async def assembled(
    config: Config, clock: Clock | None = None, on_stop: Callable[[StoreError], None] = _ignore
) -> AsyncIterator[Parts]:
    """Give a server's parts; its store is closed at the end."""
    _check_tls(config)
    parts = await assemble(config, clock, on_stop)
    try:
        yield parts
    finally:
        await parts.close()


@asynccontextmanager
async def listening(config: Config, parts: Parts) -> AsyncIterator[Addresses]:
    """Take calls while the block runs; those under way at its end are finished."""
    rpc = RpcServer(services(parts.served), address=str(config.listen.grpc), tls=_read_tls(config.listen.tls))
    http = make_http_runner(make_http_app(parts.store, parts.served.public_keys))
    await http.setup()
    try:
        await _listen(http, config.listen.http, _tls_context(config))
        await rpc.start()
        parts.monitor.start()
        try:
            yield Addresses(f"{config.listen.grpc.host}:{rpc.port}", _bound(http))
        finally:
            try:
                # Streams never end by themselves: they would hold the others' calls up for all of the grace.
                parts.served.binding.watch.close()
                await rpc.stop(GRACE, parts.flights.land)
            finally:
                await parts.monitor.stop()
    finally:
        await http.cleanup()


def _read_tls(tls: Tls | None) -> RpcTls | None:
    if tls is None:
        return None
    return RpcTls(
        tls.certificate.read_bytes(), tls.key.read_bytes(), tls.client_ca.read_bytes() if tls.client_ca else None
    )


def _check_tls(config: Config) -> None:
    """Refuse TLS files that cannot be used before anything else is opened."""
    _read_tls(config.listen.tls)
    _tls_context(config)


def _tls_context(config: Config) -> ssl.SSLContext | None:
    """Read the TLS files; raises ConfigError for those that gRPC would refuse without saying why."""
    tls = config.listen.tls
    if tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # The empty passphrase keeps OpenSSL from asking for one at the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password="")
    except ssl.SSLError:
        raise ConfigError(
            f"{config.file}: listen.tls_certificate, listen.tls_key: found {tls.certificate} and {tls.key}, "
            "expected a certificate chain and its private key without passphrase, both as PEM"
        ) from None
    if tls.client_ca is not None:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_verify_locations(tls.client_ca)
        except ssl.SSLError:
            raise ConfigError(
                f"{config.file}: listen.client_ca: found {tls.client_ca}, expected certificates as PEM"
            ) from None
    return context


async def _listen(http: web.AppRunner, address: Address, context: ssl.SSLContext | None) -> None:
    try:
        await web.TCPSite(http, address.host, address.port, ssl_context=context).start()
    except OSError as error:
        raise OSError(f"{address}: cannot listen there; is the port in use?") from error


def _bound(http: web.AppRunner) -> str:
    host, port = http.addresses[0][:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
