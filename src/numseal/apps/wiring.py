"""Put the parts together: the only file that names concrete adapters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from numseal.adapters.clock import SystemClock
from numseal.adapters.entropy import SystemEntropy
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.operators.simulator.operators import OPERATORS
from numseal.adapters.rpc.binding import BindingUseCases
from numseal.adapters.rpc.gate import Gate
from numseal.adapters.rpc.services import Served
from numseal.adapters.rpc.transparency import TransparencyUseCases
from numseal.adapters.rpc.verification import VerificationUseCases
from numseal.adapters.signers.pem import Ed25519Signer, Es256Signer, read_ed25519, read_es256
from numseal.adapters.signers.secret_file import read_secret
from numseal.adapters.store.sealing import StoreKeys
from numseal.adapters.store.sqlite import open_sqlite_store
from numseal.apps.config import Config
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.agreement import Agreements
from numseal.domain.policy import Policies
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorBackend
from numseal.ports.store import Store, StoreError
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.assess import Assess
from numseal.usecases.cancel_verification import CancelVerification
from numseal.usecases.check_code import CheckCode
from numseal.usecases.check_number import CheckNumber
from numseal.usecases.flights import Flights
from numseal.usecases.get_verification import GetVerification
from numseal.usecases.issue import Issue, Issuer
from numseal.usecases.look_up import LookUp
from numseal.usecases.read_bindings import ReadBindings
from numseal.usecases.read_log import ReadLog
from numseal.usecases.report_outcome import ReportOutcome
from numseal.usecases.resend_code import ResendCode
from numseal.usecases.revoke_binding import RevokeBinding
from numseal.usecases.send_code import SendCode
from numseal.usecases.start_verification import StartVerification
from numseal.usecases.verify_attestation import VerifyAttestation


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
    """Open keys and store and put the use cases together; the caller closes the store.

    The machine's clock is taken where none is given. `on_stop` is called where the store can accept nothing more.
    """
    clock, entropy = clock or SystemClock(), SystemEntropy()
    keys = open_keys(config)
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
    network = SimulatedNetwork(config.simulator.seed, clock, config.plan) if config.simulator.enabled else None
    backends: dict[str, OperatorBackend] = {}
    if network is not None:
        backends = {name: SimulatedOperator(network, name) for name in sorted(config.plan.operators())}
    flights = Flights()
    issuer = Issuer(config.issuer.name, config.issuer.vct, config.issuer.log_origin, keys.public.to_object())
    issue = Issue(issuer=issuer, signer=keys.attestation, store=store)
    served = Served(
        gate=_gate(config),
        verification=_verification(config, store, backends, issue, clock, entropy, flights, keys),
        binding=BindingUseCases(
            check=CheckNumber(store=store, plan=config.plan, clock=clock),
            read=ReadBindings(store=store, issue=issue),
            revoke=RevokeBinding(store=store),
        ),
        transparency=TransparencyUseCases(
            read=ReadLog(store=store), verify=VerifyAttestation(keys=keys.public, clock=clock)
        ),
        public_keys=keys.public,
        operators={profile.info.operator_id: profile.info for profile in OPERATORS} if network else {},
        network=network,
        clock=clock,
    )
    return Parts(served, store, flights)


def _gate(config: Config) -> Gate:
    parties = config.relying_parties
    return Gate(
        {digest: known.party for known in parties for digest in known.token_sha256},
        {digest: known.party for known in parties for digest in known.certificate_sha256},
    )


def _verification(
    config: Config,
    store: Store,
    backends: Mapping[str, OperatorBackend],
    issue: Issue,
    clock: Clock,
    entropy: SystemEntropy,
    flights: Flights,
    keys: Keys,
) -> VerificationUseCases:
    policies = Policies(config.policy)
    agreements = Agreements(config.agreements)
    code_key = HKDF(SHA256(), 32, salt=None, info=b"numseal/v1 one-time codes").derive(keys.master)
    ask = AskOperator(backends, clock)
    look_up = LookUp(ask)
    send_code = SendCode(
        store=store,
        ask=ask,
        look_up=look_up,
        agreements=agreements,
        parties={known.party.relying_party: known.party for known in config.relying_parties},
        limits=config.limits,
        policies=policies,
        clock=clock,
        code_key=code_key,
    )
    assess = Assess(
        store=store, look_up=look_up, policies=policies, issue=issue, clock=clock, entropy=entropy, flights=flights
    )
    return VerificationUseCases(
        start=StartVerification(
            store=store,
            send_code=send_code,
            plan=config.plan,
            agreements=agreements,
            limits=config.limits,
            policies=policies,
            clock=clock,
            entropy=entropy,
            flights=flights,
        ),
        resend=ResendCode(store=store, send_code=send_code, flights=flights),
        check_code=CheckCode(store=store, ask=ask, limits=config.limits, code_key=code_key, flights=flights),
        assess=assess,
        get=GetVerification(store=store, assess=assess, send_code=send_code, clock=clock, flights=flights),
        cancel=CancelVerification(store=store),
        report=ReportOutcome(store=store, clock=clock),
    )
