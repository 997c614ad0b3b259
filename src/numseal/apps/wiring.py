"""Put the parts together: names concrete adapters, as only `operator_adapters` does besides."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from numseal.adapters.clock import SimulatedClock, SystemClock
from numseal.adapters.entropy import SystemEntropy
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.operators.simulator.operators import OPERATORS
from numseal.adapters.rpc.gate import Gate
from numseal.adapters.rpc.services import Served
from numseal.adapters.signers.pem import Ed25519Signer, Es256Signer, read_ed25519, read_es256
from numseal.adapters.signers.secret_file import read_secret
from numseal.adapters.store.sealing import StoreKeys
from numseal.adapters.store.sqlite import open_sqlite_store
from numseal.apps.config import Config, ConfigError
from numseal.apps.config_files import read_porting
from numseal.apps.use_cases import (
    Common,
    admin_use_cases,
    binding_use_cases,
    monitor,
    transparency_use_cases,
    verification_use_cases,
)
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.agreement import Agreements
from numseal.domain.errors import Refusal
from numseal.domain.number_plan import OperatorInfo
from numseal.domain.policy import Policies, Policy
from numseal.domain.routing import Routing
from numseal.domain.rules import SHAPES
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorBackend
from numseal.ports.store import Store, StoreError
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.declare_agreements import DeclareAgreements
from numseal.usecases.deliveries import Deliveries
from numseal.usecases.flights import Flights
from numseal.usecases.issue import Issue, Issuer
from numseal.usecases.keep_policies import KeepPolicies
from numseal.usecases.look_up import LookUp
from numseal.usecases.monitor import Monitor
from numseal.usecases.operator_access import OperatorAccess
from numseal.usecases.stream_health import StreamHealth

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keys:
    """The opened keys, and their public halves as published."""

    attestation: Es256Signer
    log: Ed25519Signer
    master: bytes
    public: PublicKeys


@dataclass(frozen=True, slots=True)
class Parts:
    """A server's parts: what is served, and what must be brought to an end with it."""

    served: Served
    store: Store
    flights: Flights
    monitor: Monitor
    policies: Policies
    routing: Routing
    keep_policies: KeepPolicies
    backends: tuple[OperatorBackend, ...]

    async def close(self) -> None:
        """Close the operators' backends and the store; calls under way have ended."""
        await _close(self.backends)
        await self.store.close()


def open_keys(config: Config) -> Keys:
    """Open the key files; raises KeyFileError, which names the file and what was expected."""
    attestation = read_es256(config.keys.attestation)
    log = read_ed25519(config.keys.log, config.issuer.log_origin)
    public = PublicKeys.of(
        config.issuer.name,
        [attestation.public_key],
        config.issuer.log_origin,
        log.vkey,
        config.issuer.vct,
    )
    return Keys(attestation, log, read_secret(config.keys.master), public)


async def assemble(config: Config, clock: Clock | None, on_stop: Callable[[StoreError], None]) -> Parts:
    """Open keys, ported numbers and store and put the use cases together; the caller closes the store.

    The machine's clock is taken where none is given. `on_stop` is called where the store can accept nothing more.
    """
    clock, entropy = clock or SystemClock(), SystemEntropy()
    keys = open_keys(config)
    routing = Routing(config.plan, await asyncio.to_thread(read_porting, config.porting_file, config.operator_ids))
    network = _network(config, clock)
    backends = _backends(config, network, clock)
    store = await open_sqlite_store(
        config.store.path,
        keys=StoreKeys(keys.master),
        clock=clock,
        entropy=entropy,
        signer=keys.log,
        vkey=keys.log.vkey,
        cache_rows=config.store.cache_rows,
        on_stop=on_stop,
    )
    keep_policies = KeepPolicies(store=store, shapes=SHAPES)
    try:
        agreements = await _agreements(config, store)
        policies = await keep_policies(config.policy, policies_by_party(config))
    except BaseException:
        await store.close()
        raise
    issuer = Issuer(config.issuer.name, config.issuer.vct, config.issuer.log_origin, keys.public.to_object())
    names = _names(config, network)
    ask = AskOperator(
        backends,
        clock,
        max_in_flight={operator.info.operator_id: operator.max_in_flight for operator in config.operators},
    )
    common = Common(
        config=config,
        store=store,
        operators=tuple(backends),
        ask=ask,
        look_up=LookUp(ask, [names[name] for name in backends if name in names]),
        agreements=agreements,
        access=OperatorAccess(agreements=agreements, ask=ask, store=store, clock=clock),
        names=names,
        policies=policies,
        routing=routing,
        issue=Issue(issuer=issuer, signer=keys.attestation, store=store),
        clock=clock,
        entropy=entropy,
        flights=Flights(),
        health=StreamHealth(),
        deliveries=Deliveries(),
        keys=keys.public,
        master=keys.master,
    )
    served = Served(
        gate=_gate(config),
        verification=verification_use_cases(common),
        binding=binding_use_cases(common),
        transparency=transparency_use_cases(common),
        public_keys=keys.public,
        admin=admin_use_cases(common),
        operators=common.names,
        network=network,
        clock=clock,
    )
    return Parts(
        served, store, common.flights, monitor(common), policies, routing, keep_policies, tuple(backends.values())
    )


def policies_by_party(config: Config) -> dict[str, Policy]:
    """Return the policies of the relying parties that name one of their own."""
    parties = [known.party for known in config.relying_parties]
    return {party.relying_party: config.policies[party.policy] for party in parties if party.policy}


async def _agreements(config: Config, store: Store) -> Agreements:
    try:
        return await DeclareAgreements(store=store)(config.agreements)
    except Refusal as refusal:
        raise ConfigError(f"{config.file}: agreements: {refusal.message}") from None


def _names(config: Config, network: SimulatedNetwork | None) -> dict[str, OperatorInfo]:
    simulated = {profile.info.operator_id: profile.info for profile in OPERATORS} if network else {}
    return {**simulated, **{operator.info.operator_id: operator.info for operator in config.operators}}


def _network(config: Config, clock: Clock) -> SimulatedNetwork | None:
    if not config.simulator.enabled:
        return None
    # Only a clock that is simulated itself can be moved by those who play the network.
    advance = clock.advance if isinstance(clock, SimulatedClock) else None
    return SimulatedNetwork(config.simulator.seed, clock, config.plan, config.simulator.profiles, advance=advance)


def _backends(config: Config, network: SimulatedNetwork | None, clock: Clock) -> dict[str, OperatorBackend]:
    """Make the operators of the configuration, and where the simulator is enabled play the others of the plan."""
    backends = {operator.info.operator_id: operator.backend(clock) for operator in config.operators}
    for name in sorted(set(backends) - config.plan.operators()):
        _log.warning(
            "operator %s: is in [[operators]] and not in the number plan: only numbers ported to it reach it", name
        )
    if network is not None:
        for name in sorted(config.plan.operators() - set(backends)):
            backends[name] = SimulatedOperator(network, name)
    return backends


async def _close(backends: Iterable[OperatorBackend]) -> None:
    """Close the backends that have something to close, one's failure keeping none from it."""
    closing = [close() for backend in backends if (close := getattr(backend, "close", None)) is not None]
    for outcome in await asyncio.gather(*closing, return_exceptions=True):
        if isinstance(outcome, BaseException):
            _log.error("a backend could not be closed: %s", outcome)


def _gate(config: Config) -> Gate:
    parties = config.relying_parties
    return Gate(
        {digest: known.party for known in parties for digest in known.token_sha256},
        {digest: known.party for known in parties for digest in known.certificate_sha256},
        {digest: known.administrator for known in config.administrators for digest in known.token_sha256},
        {digest: known.administrator for known in config.administrators for digest in known.certificate_sha256},
    )
