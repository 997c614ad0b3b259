"""Evidence: what was observed about a number, by whom and when. Facts only, no judgement.

Every signal carries its own state, because "the operator did not say" and "the operator says no" are different
facts. `known` gives a value only where the state is OK, so that unknown is never read as safe.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Generic, NewType, TypeVar

from numseal.domain.level import Level

T = TypeVar("T")

Statement = NewType("Statement", str)
"""What an operator signed of its answer: a compact JWS (RFC 7515 §7.1) of at most 64 KiB, empty for none."""

MAX_STATEMENT = 64 * 1024

NO_STATEMENT = Statement("")


class SignalState(StrEnum):
    """Whether a signal's value can be used."""

    OK = "OK"
    UNKNOWN = "UNKNOWN"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    NO_COVERAGE = "NO_COVERAGE"
    STALE = "STALE"
    ERROR = "ERROR"


class LineType(StrEnum):
    """What a number is served on, as its operator names it.

    SPECIAL is premium rate, shared cost or freephone; MACHINE a SIM for machines.
    """

    MOBILE = "MOBILE"
    FIXED = "FIXED"
    VOIP = "VOIP"
    SPECIAL = "SPECIAL"
    MACHINE = "MACHINE"


class ContractType(StrEnum):
    """How the subscriber pays."""

    PREPAID = "PREPAID"
    POSTPAID = "POSTPAID"
    CORPORATE = "CORPORATE"


class Basis(StrEnum):
    """Where a reference came from: the HLR itself, or a home-routing node that answers for it (TS 23.840)."""

    DIRECT = "DIRECT"
    HOME_ROUTED = "HOME_ROUTED"


class SimChangeKind(StrEnum):
    """What an operator counts as a change of SIM."""

    NEW = "NEW"
    REPLACED = "REPLACED"
    ESIM = "ESIM"
    MULTISIM = "MULTISIM"
    PORT_IN = "PORT_IN"
    UNKNOWN = "UNKNOWN"


class ForwardingKind(StrEnum):
    """Call forwarding services (TS 22.082)."""

    UNCONDITIONAL = "UNCONDITIONAL"
    BUSY = "BUSY"
    NO_REPLY = "NO_REPLY"
    NOT_REACHABLE = "NOT_REACHABLE"


class ServiceState(StrEnum):
    """Whether a service is on: OFF by provisioning or the subscriber, BARRED by the operator."""

    ON = "ON"
    OFF = "OFF"
    BARRED = "BARRED"


class Reachability(StrEnum):
    """Whether the handset can be reached now; REACHABLE is by SMS and data."""

    REACHABLE = "REACHABLE"
    SMS_ONLY = "SMS_ONLY"
    DATA_ONLY = "DATA_ONLY"
    NOT_REACHABLE = "NOT_REACHABLE"


class ServingDomain(StrEnum):
    """The core network domain of a serving node."""

    CS = "CS"
    PS = "PS"
    IMS = "IMS"


@dataclass(frozen=True, slots=True)
class Meta:
    """How a signal came to be: state, times (Unix seconds), source, and the source's own code in its code space.

    `code` is text, since each space has its own ("27" of MAP); empty for none.
    """

    state: SignalState = SignalState.UNKNOWN
    observe_time: int | None = None
    coverage_start_time: int | None = None
    source: str = ""
    code_space: str = ""
    code: str = ""


UNKNOWN_META = Meta()


@dataclass(frozen=True, slots=True)
class Signal(Generic[T]):
    """One observed property with its meta; `value` may be present and yet not usable."""

    meta: Meta = UNKNOWN_META
    value: T | None = None

    @property
    def known(self) -> T | None:
        """The value where the state is OK, else None."""
        return self.value if self.meta.state is SignalState.OK else None


@dataclass(frozen=True, slots=True)
class SubscriberRef:
    """A keyed hash that changes with the owner of the number; comparable within one `key_epoch` only."""

    ref: str
    key_epoch: str


@dataclass(frozen=True, slots=True)
class SimRef:
    """A keyed hash of the IMSI, made at the operator's edge; comparable within a `key_epoch` and DIRECT basis only."""

    ref: str
    key_epoch: str
    basis: Basis


@dataclass(frozen=True, slots=True)
class DeviceRef:
    """A keyed hash of the IMEI, and its TAC (first eight digits, the model)."""

    ref: str
    key_epoch: str
    tac: str


@dataclass(frozen=True, slots=True)
class SimChange:
    """The last change of SIM."""

    time: int
    kind: SimChangeKind


@dataclass(frozen=True, slots=True)
class Port:
    """The last port-in of the number and the operator it came from."""

    time: int
    from_operator: str


@dataclass(frozen=True, slots=True)
class Forwarding:
    """One forwarding service of the line."""

    kind: ForwardingKind
    active: bool


@dataclass(frozen=True, slots=True)
class Serving:
    """A node that serves the handset; `plmn` as "250-01", `node_ref` a keyed hash under `key_epoch`, empty for none.

    `update_time` is when the handset was registered there, 0 where the source does not tell: then nothing is fresh.
    """

    plmn: str
    node_ref: str
    domain: ServingDomain
    basis: Basis
    update_time: int
    key_epoch: str


@dataclass(frozen=True, slots=True)
class Subscriber:
    """All signals of the operator's contract, each with its own state.

    `recycled` answers for the `since_time` of the request. `sims_on_device` counts SIMs seen in the same handset.
    OK without a value means for `sim_change` and `port`: none since `coverage_start_time`; for `activate_time`: not
    after it. `forwarding` and `serving` hold at most one of each kind and domain; OK and empty means none active, and
    registered nowhere.
    """

    subscriber_ref: Signal[SubscriberRef] = field(default_factory=Signal)
    sim_ref: Signal[SimRef] = field(default_factory=Signal)
    device_ref: Signal[DeviceRef] = field(default_factory=Signal)
    line_type: Signal[LineType] = field(default_factory=Signal)
    contract_type: Signal[ContractType] = field(default_factory=Signal)
    identity_on_file: Signal[bool] = field(default_factory=Signal)
    activate_time: Signal[int] = field(default_factory=Signal)
    sim_change: Signal[SimChange] = field(default_factory=Signal)
    port: Signal[Port] = field(default_factory=Signal)
    recycled: Signal[bool] = field(default_factory=Signal)
    forwarding: Signal[tuple[Forwarding, ...]] = field(default_factory=Signal)
    sms_service: Signal[ServiceState] = field(default_factory=Signal)
    voice_service: Signal[ServiceState] = field(default_factory=Signal)
    data_service: Signal[ServiceState] = field(default_factory=Signal)
    reachability: Signal[Reachability] = field(default_factory=Signal)
    last_seen: Signal[int] = field(default_factory=Signal)
    serving: Signal[tuple[Serving, ...]] = field(default_factory=Signal)
    sims_on_device: Signal[int] = field(default_factory=Signal)

    def signals(self) -> Iterator[tuple[str, Signal[object]]]:
        """Yield every signal by its name in the contract."""
        for name in SIGNAL_NAMES:
            yield name, getattr(self, name)


SIGNAL_NAMES: tuple[str, ...] = tuple(item.name for item in fields(Subscriber))
"""The names of all signals, in the order of the contract."""


class LookupOutcome(StrEnum):
    """What a lookup came to. UNANSWERED is ours: the operator failed or was too slow."""

    SUBSCRIBER = "SUBSCRIBER"
    PORTED = "PORTED"
    NOT_ASSIGNED = "NOT_ASSIGNED"
    NOT_SERVED = "NOT_SERVED"
    UNANSWERED = "UNANSWERED"


@dataclass(frozen=True, slots=True)
class Lookup:
    """One answer of one operator about one number.

    `operator_id` is who answered. One of `ported_to` and `ported_plmn`, or both, are set for PORTED; `subscriber` for
    SUBSCRIBER; `failure` for UNANSWERED. `statement` is what the operator signed of this answer, if it signs, and
    `statement_hash` the hex SHA-256 of it.
    """

    outcome: LookupOutcome
    operator_id: str
    time: int
    lookup_reference: str = ""
    subscriber: Subscriber | None = None
    ported_to: str = ""
    ported_plmn: str = ""
    failure: str = ""
    statement_hash: str = ""
    statement: Statement = NO_STATEMENT


class Method(StrEnum):
    """How control of the number is shown. OPERATOR_CODE is a code the operator makes and checks."""

    SMS = "SMS"
    VOICE = "VOICE"
    OPERATOR_CODE = "OPERATOR_CODE"
    NETWORK = "NETWORK"


class DeliveryState(StrEnum):
    """What is known of a code's delivery. UNKNOWN: nobody can say, the operator's answer was lost."""

    ACCEPTED = "ACCEPTED"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Possession:
    """How and when control of the number was shown in this verification; times in Unix seconds.

    `delivery` is what the operator had said of the code by then; None for NETWORK, where nothing is delivered.
    `statement` is what the operator signed of a network's answer, if it signs, and `statement_hash` the hex SHA-256.
    """

    method: Method
    sent_time: int
    shown_time: int
    delivery: DeliveryState | None = None
    statement_hash: str = ""
    statement: Statement = NO_STATEMENT


class NetworkKind(StrEnum):
    """What kind of access a client's address belongs to; HOSTING is a data centre, a proxy or an anonymiser."""

    MOBILE = "MOBILE"
    FIXED = "FIXED"
    HOSTING = "HOSTING"


@dataclass(frozen=True, slots=True)
class ClientNetwork:
    """Where a client's address lies, as the file of client networks has it; the address itself is no evidence.

    `country` is ISO 3166-1 alpha-2, `operator_id` the mobile operator that hands the address out, empty for none.
    """

    country: str
    kind: NetworkKind
    operator_id: str = ""


@dataclass(frozen=True, slots=True)
class Velocity:
    """How many different things were seen together within each window of `velocity`, this verification included.

    None: not counted (not known, or exempt as a mobile carrier's shared address is). Counts run across relying
    parties where `velocity` says so; they are counts and nothing else, so that no account of another is revealed.
    """

    accounts_of_number: int | None = None
    relying_parties_of_number: int | None = None
    numbers_of_account: int | None = None
    numbers_of_device_key: int | None = None
    numbers_of_client_network: int | None = None
    numbers_of_device: int | None = None
    fresh_numbers_of_range: int | None = None
    reports_of_number: int | None = None
    reports_of_device_key: int | None = None


NOT_COUNTED = Velocity()


class Answer(StrEnum):
    """What can answer a severe finding, or end a contest.

    NETWORK: possession shown through the network in this verification. METHOD: a right code by another method than
    the one in doubt. WAIT: the policy's waiting time. SAME_KEY: the account proved the key of the earlier binding.
    OLD_ACCOUNT_KEY: the key of the account that holds the number signed. REGISTRATION_LOCK: the relying party asserts
    that its own lock was passed. NEW_SUBSCRIBER: the operator confirms another subscriber since the earlier binding.
    """

    NETWORK = "NETWORK"
    METHOD = "METHOD"
    WAIT = "WAIT"
    SAME_KEY = "SAME_KEY"
    OLD_ACCOUNT_KEY = "OLD_ACCOUNT_KEY"
    REGISTRATION_LOCK = "REGISTRATION_LOCK"
    NEW_SUBSCRIBER = "NEW_SUBSCRIBER"


@dataclass(frozen=True, slots=True)
class Grant:
    """An answer that was given and checked: WAIT, OLD_ACCOUNT_KEY, REGISTRATION_LOCK or NEW_SUBSCRIBER.

    The others follow from the evidence itself. `reference` is the relying party's, for REGISTRATION_LOCK.
    """

    answer: Answer
    time: int
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was known of the number's SIM and owner when a binding was made; later evidence is held against it.

    None stands for not known then.
    """

    operator_id: str
    observed_time: int
    subscriber_ref: SubscriberRef | None = None
    sim_ref: SimRef | None = None
    port_time: int | None = None
    device_ref: DeviceRef | None = None
    sim_change_time: int | None = None


@dataclass(frozen=True, slots=True)
class PreviousBinding:
    """The number's earlier live binding at this relying party, if there was one.

    `same_key` tells that the account has proved, in this verification, the very key that binding is bound to.
    `sim_changed_time` is when, as an event or a later lookup told, the SIM became another one since.
    `fraud_suspected` tells that the operator suspected fraud since, or barred the handset as lost.
    """

    binding_id: str
    same_account: bool
    verified_time: int
    facts: Facts
    level: Level = Level.NONE
    same_key: bool = False
    has_key: bool = False
    sim_changed_time: int | None = None
    fraud_suspected: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a verdict rests on; the verdict can be recomputed from this and the policy alone.

    `before_resend` are the lookups made before spoken codes that were sent as further ones, the oldest first.
    `routed_operator` is the operator that the number plan and porting name for the number, `porting` the answer of
    another one that said so, where the number was asked about there first. `country` is that
    of the number, ISO 3166-1 alpha-2 or "001". `possession` is the last one shown, `earlier` those before it.
    `network_mismatches` counts pages that another SIM opened. `required_level` is what the relying party asks for.
    """

    phone_number: str
    routed_operator: str
    time: int
    before: Lookup
    after: Lookup | None = None
    possession: Possession | None = None
    previous: PreviousBinding | None = None
    before_resend: tuple[Lookup, ...] = ()
    earlier: tuple[Possession, ...] = ()
    client: ClientNetwork | None = None
    velocity: Velocity = NOT_COUNTED
    grants: tuple[Grant, ...] = ()
    network_mismatches: int = 0
    country: str = ""
    home_plmns: tuple[str, ...] = ()
    required_level: Level = Level.NONE
    porting: Lookup | None = None

    def possessions(self) -> tuple[Possession, ...]:
        """Return every possession that was shown, the newest first."""
        return (() if self.possession is None else (self.possession,)) + self.earlier[::-1]


def facts_of(lookup: Lookup) -> Facts:
    """Keep what later evidence will be compared with: direct references only."""
    found = lookup.subscriber or Subscriber()
    sim = found.sim_ref.known
    port, change = found.port.known, found.sim_change.known
    return Facts(
        operator_id=lookup.operator_id,
        observed_time=lookup.time,
        subscriber_ref=found.subscriber_ref.known,
        sim_ref=sim if sim is not None and sim.basis is Basis.DIRECT else None,
        port_time=port.time if port is not None else None,
        device_ref=found.device_ref.known,
        sim_change_time=change.time if change is not None else None,
    )
