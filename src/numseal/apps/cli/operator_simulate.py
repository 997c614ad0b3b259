"""`numseal operator simulate`: one simulated operator over the operator contract, to try a client or the kit on.

Options, files and the server's life live here; what the operator answers is the simulator's, how it is put on the wire
`adapters.operators.remote`'s.
"""

import asyncio
import signal
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import uvloop

from numseal.adapters.clock import SystemClock
from numseal.adapters.operators.remote.served import SERVICE, ServedOperator
from numseal.adapters.operators.remote.statement import Signer
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.operators.simulator.operators import OPERATORS
from numseal.adapters.rpc.gate import Gate
from numseal.adapters.rpc.handlers import add_handlers
from numseal.adapters.rpc.server import RpcServer, Service, Tls
from numseal.adapters.rpc.simulator import SimulatorService
from numseal.api.simulator.v1 import simulator_pb2
from numseal.apps.addresses import Address

GRACE = 5.0
"""Seconds that calls under way are given when the server is told to stop."""

_FILE = click.Path(path_type=Path)
_MAX_FILE = 256 * 1024
_FROM_CRM = frozenset(
    {"subscriber_ref", "contract_type", "identity_on_file", "activate_time", "sim_change", "port", "recycled"}
)
"""Signals that the simulator's answers name "crm" for a source; for all others it is "hlr"."""

_WARNING = "For development: whoever reaches this address reads the handsets' messages and changes subscribers."


class UnusableOptionError(click.ClickException):
    """End with exit code 2 and one sentence on stderr."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class _Order:
    """What to serve, and how."""

    listen: Address
    operator_id: str
    seed: int
    tls: Tls | None
    signer: Signer | None


@click.command(name="simulate")
@click.option(
    "--listen",
    default="127.0.0.1:50061",
    show_default=True,
    metavar="HOST:PORT",
    help="Serve here; in clear on loopback only.",
)
@click.option(
    "--operator",
    "operator_id",
    type=click.Choice([profile.info.operator_id for profile in OPERATORS]),
    default="mts",
    show_default=True,
    help="Which of the simulated operators.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True, help="Same seed, same people.")
@click.option("--tls-certificate", type=_FILE, metavar="FILE", help="Serve TLS with this certificate chain (PEM).")
@click.option("--tls-key", type=_FILE, metavar="FILE", help="The certificate's private key (PEM).")
@click.option("--client-ca", type=_FILE, metavar="FILE", help="Ask clients for certificates of this authority (PEM).")
@click.option(
    "--statement-key",
    type=_FILE,
    metavar="FILE",
    help="Sign answers with this private key, P-256 or Ed25519 (PEM); its public JWK set is printed.",
)
def simulate(
    *,
    listen: str,
    operator_id: str,
    seed: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
    statement_key: Path | None,
) -> None:
    """Serve one simulated operator over the operator contract until SIGTERM or SIGINT.

    On loopback SimulatorService is served beside it, for anyone: it reads the handsets' messages and changes
    subscribers. Exit code 0: stopped as told. 1: the server cannot start. 2: usage or a file.
    """
    address = Address.parse(listen)
    if address is None:
        raise UnusableOptionError(f"--listen: found {listen}, expected host:port")
    tls = _tls(tls_certificate, tls_key, client_ca)
    if tls is None and not address.loopback:
        sentence = "is not on loopback; --tls-certificate and --tls-key are expected"
        raise UnusableOptionError(f"--listen: {listen} {sentence}")
    signer = None if statement_key is None else _signer(statement_key)
    try:
        uvloop.run(_serve(_Order(address, operator_id, seed, tls, signer)))
    except OSError as error:
        raise click.ClickException(str(error)) from None


async def _serve(order: _Order) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    network = SimulatedNetwork(order.seed, SystemClock())
    backend = SimulatedOperator(network, order.operator_id)
    told = await backend.capabilities()
    sources = {name: "crm" if name in _FROM_CRM else "hlr" for name in told.signals}
    services = [Service(SERVICE, ServedOperator(backend, signer=order.signer, sources=sources).add_to)]
    if order.listen.loopback:
        services.append(_simulator_service(network))
        click.secho(_WARNING, err=True, fg="red", bold=True)
    server = RpcServer(services, address=str(order.listen), tls=order.tls)
    await server.start()
    if order.signer is not None:
        click.echo(f"signing statements under the JWK set {order.signer.keys_json()}")
    click.echo(f"serving operator {order.operator_id} on {Address(order.listen.host, server.port)}")
    await stop.wait()
    await server.stop(GRACE, _nothing)


async def _nothing() -> None:
    """Have nothing more to finish: what the network does ends with it."""


class _OpenGate(Gate):
    """Lets everybody in: who reaches the server plays the people."""

    def party(self, context: Any) -> Any:
        """Return nobody; SimulatorService does not ask who calls."""
        return None


def _simulator_service(network: SimulatedNetwork) -> Service:
    service = simulator_pb2.DESCRIPTOR.services_by_name["SimulatorService"]
    servicer = SimulatorService(_OpenGate({}, {}), network)
    return Service(service.full_name, lambda server: add_handlers(server, service, servicer))


def _tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> Tls | None:
    """Read the TLS files, refused before gRPC would refuse them without saying why."""
    if (certificate is None) != (key is None):
        raise UnusableOptionError("--tls-certificate, --tls-key: both are expected, or none")
    if certificate is None or key is None:
        if client_ca is not None:
            raise UnusableOptionError("--client-ca: --tls-certificate and --tls-key are expected with it")
        return None
    tls = Tls(_read(certificate), _read(key), None if client_ca is None else _read(client_ca))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # The empty passphrase keeps OpenSSL from asking for one at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError:
        sentence = "a certificate chain and its private key without passphrase are expected, both as PEM"
        raise UnusableOptionError(f"--tls-certificate, --tls-key: {sentence}") from None
    try:
        if client_ca is not None:
            context.load_verify_locations(client_ca)
    except ssl.SSLError:
        raise UnusableOptionError("--client-ca: certificates as PEM are expected") from None
    return tls


def _signer(path: Path) -> Signer:
    try:
        return Signer.from_pem(_read(path))
    except ValueError as error:
        raise UnusableOptionError(f"--statement-key: {click.format_filename(path)}: {error}") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_FILE)
    except OSError as error:
        raise UnusableOptionError(f"the file {click.format_filename(path)} cannot be read: {error.strerror}") from None
