"""Put the use cases together from what the wiring opened. No adapter is named here."""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from numseal.adapters.rpc.admin import AdminUseCases
from numseal.adapters.rpc.binding import BindingUseCases
from numseal.adapters.rpc.transparency import TransparencyUseCases
from numseal.adapters.rpc.verification import VerificationUseCases
from numseal.apps.config import Config
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.agreement import Agreements
from numseal.domain.number_plan import OperatorInfo
from numseal.domain.policy import Policies
from numseal.domain.relying_party import RelyingParty
from numseal.domain.routing import Routing
from numseal.ports.clock import Clock
from numseal.ports.entropy import Entropy
from numseal.ports.store import Store
from numseal.usecases.administer_agreements import AdministerAgreements
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.assess import Assess
from numseal.usecases.cancel_verification import CancelVerification
from numseal.usecases.check_code import CheckCode
from numseal.usecases.check_network_proof import CheckNetworkProof
from numseal.usecases.check_number import CheckNumber
from numseal.usecases.check_presentation import CheckPresentation
from numseal.usecases.continue_verification import ContinueVerification
from numseal.usecases.deliveries import Deliveries
from numseal.usecases.flights import Flights
from numseal.usecases.follow_agreements import FollowAgreements
from numseal.usecases.follow_bindings import FollowBindings
from numseal.usecases.get_verification import GetVerification
from numseal.usecases.issue import Issue
from numseal.usecases.list_operators import ListOperators
from numseal.usecases.look_again import LookAgain
from numseal.usecases.look_up import LookUp
from numseal.usecases.monitor import Monitor
from numseal.usecases.operator_access import OperatorAccess
from numseal.usecases.read_audit_trail import ReadAuditTrail
from numseal.usecases.read_bindings import ReadBindings
from numseal.usecases.read_log import ReadLog
from numseal.usecases.recheck_bindings import RecheckBindings
from numseal.usecases.refresh_binding import RefreshBinding
from numseal.usecases.report_outcome import ReportOutcome
from numseal.usecases.resend_code import ResendCode
from numseal.usecases.revoke_binding import RevokeBinding
from numseal.usecases.send_code import SendCode
from numseal.usecases.start_verification import StartVerification
from numseal.usecases.stream_health import StreamHealth
from numseal.usecases.take_events import TakeEvents
from numseal.usecases.verify_attestation import VerifyAttestation
from numseal.usecases.watch_bindings import WatchBindings
from numseal.usecases.watch_number import WatchNumber


@dataclass(frozen=True, slots=True)
class Common:
    """What the use cases are made of.

    `operators` are those connected, `names` those that more than an id is known of, `master` is the master key's 32
    bytes.
    """

    config: Config
    store: Store
    operators: tuple[str, ...]
    ask: AskOperator
    look_up: LookUp
    agreements: Agreements
    access: OperatorAccess
    names: Mapping[str, OperatorInfo]
    policies: Policies
    routing: Routing
    issue: Issue
    clock: Clock
    entropy: Entropy
    flights: Flights
    health: StreamHealth
    deliveries: Deliveries
    keys: PublicKeys
    master: bytes

    @property
    def parties(self) -> dict[str, RelyingParty]:
        """The relying parties by their ids."""
        return {known.party.relying_party: known.party for known in self.config.relying_parties}


def verification_use_cases(common: Common) -> VerificationUseCases:
    """Make what VerificationService calls."""
    config, store, clock, ask, flights = common.config, common.store, common.clock, common.ask, common.flights
    access, parties, look_up, deliveries = common.access, common.parties, common.look_up, common.deliveries
    code_key = HKDF(SHA256(), 32, salt=None, info=b"numseal/v1 one-time codes").derive(common.master)
    send_code = SendCode(
        store=store,
        ask=ask,
        look_up=look_up,
        access=access,
        parties=parties,
        limits=config.limits,
        policies=common.policies,
        clock=clock,
        code_key=code_key,
    )
    assess = Assess(
        store=store,
        ask=ask,
        look_up=look_up,
        access=access,
        parties=parties,
        policies=common.policies,
        issue=common.issue,
        clock=clock,
        entropy=common.entropy,
        flights=flights,
    )
    return VerificationUseCases(
        start=StartVerification(
            store=store,
            send_code=send_code,
            plan=common.routing,
            access=access,
            client_networks=config.client_networks,
            limits=config.limits,
            policies=common.policies,
            clock=clock,
            entropy=common.entropy,
            flights=flights,
        ),
        resend=ResendCode(store=store, send_code=send_code, flights=flights),
        check_code=CheckCode(
            store=store,
            ask=ask,
            access=access,
            limits=config.limits,
            code_key=code_key,
            deliveries=deliveries,
            flights=flights,
        ),
        check_network_proof=CheckNetworkProof(
            store=store, ask=ask, access=access, code_key=code_key, clock=clock, flights=flights
        ),
        proceed=ContinueVerification(
            store=store, send_code=send_code, look_up=look_up, access=access, clock=clock, flights=flights
        ),
        deliveries=deliveries,
        assess=assess,
        get=GetVerification(store=store, assess=assess, send_code=send_code, clock=clock, flights=flights),
        cancel=CancelVerification(store=store),
        report=ReportOutcome(store=store, clock=clock),
    )


def binding_use_cases(common: Common) -> BindingUseCases:
    """Make what BindingService calls."""
    store, clock, health, policies = common.store, common.clock, common.health, common.policies
    return BindingUseCases(
        check=CheckNumber(
            store=store,
            plan=common.routing,
            policies=policies,
            clock=clock,
            health=health,
            presentations=CheckPresentation(keys=common.keys, store=store, clock=clock, streams=health.streams),
        ),
        read=ReadBindings(store=store, issue=common.issue),
        refresh=RefreshBinding(
            store=store,
            look_again=LookAgain(store=store, look_up=common.look_up, policies=policies, clock=clock),
            access=common.access,
            limits=common.config.limits,
            clock=clock,
            health=health,
            flights=common.flights,
        ),
        revoke=RevokeBinding(store=store),
        watch=WatchBindings(store=store, clock=clock),
        health=health,
    )


def transparency_use_cases(common: Common) -> TransparencyUseCases:
    """Make what TransparencyService calls."""
    return TransparencyUseCases(
        read=ReadLog(store=common.store), verify=VerifyAttestation(keys=common.keys, clock=common.clock)
    )


def admin_use_cases(common: Common) -> AdminUseCases:
    """Make what AdminService calls."""
    config = common.config
    known = config.plan.operators()
    return AdminUseCases(
        agreements=AdministerAgreements(
            store=common.store,
            agreements=common.agreements,
            read_log=ReadLog(store=common.store),
            relying_parties=tuple(common.parties),
            operators={*known, *common.operators},
            clock=common.clock,
            entropy=common.entropy,
        ),
        operators=ListOperators(ask=common.ask, known=known, connected=common.operators, names=common.names),
        trail=ReadAuditTrail(store=common.store),
        clock=common.clock,
    )


def monitor(common: Common) -> Monitor:
    """Make what follows bindings after they were made."""
    store, ask, clock, policies = common.store, common.ask, common.clock, common.policies
    settings = common.config.monitoring
    events = TakeEvents(
        store=store,
        ask=ask,
        policies=policies,
        clock=clock,
        health=common.health,
        deliveries=common.deliveries.tell,
    )
    watch = WatchNumber(
        store=store,
        ask=ask,
        access=common.access,
        policies=policies,
        clock=clock,
        events=events,
        operators=common.operators,
        watch=settings.watch,
    )
    recheck = RecheckBindings(
        store=store,
        watch=watch,
        look_again=LookAgain(store=store, look_up=common.look_up, policies=policies, clock=clock),
        access=common.access,
        clock=clock,
        per_operator_second=settings.rechecks_per_operator_second,
    )
    follow = FollowBindings(store=store, watch=watch, clock=clock, relying_parties=tuple(common.parties))
    agreements = FollowAgreements(store=store, agreements=common.agreements, clock=clock, wake=recheck.wake)
    return Monitor(operators=common.operators, events=events, follow=follow, agreements=agreements, recheck=recheck)
