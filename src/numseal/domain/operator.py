"""The questions that are put to an operator and the shapes of its answers and events, apart from lookups' evidence."""

from dataclasses import dataclass
from enum import StrEnum

from numseal.domain.evidence import (
    NO_STATEMENT,
    SIGNAL_NAMES,
    DeliveryState,
    DeviceRef,
    Method,
    SimChangeKind,
    SimRef,
    Statement,
    SubscriberRef,
)

CLOCK_SKEW = 300
"""Seconds by which an operator's clock may differ from ours."""


def since_binding(verified_time: int, now: int) -> int:
    """Return since when a change of owner counts against a binding, Unix seconds.

    A number that was given out minutes before it was bound may, by its operator's clock, have been so minutes after.
    """
    return max(verified_time, min(verified_time + CLOCK_SKEW, now))


class Phase(StrEnum):
    """When in a verification a lookup is made."""

    BEFORE = "BEFORE"
    AFTER = "AFTER"
    RECHECK = "RECHECK"


@dataclass(frozen=True, slots=True)
class LookupRequest:
    """Ask for signals of a number; never tells the operator which account asks.

    `max_age` is in seconds (None: the operator's own). `since_time` is what `recycled` answers for (Unix seconds).
    """

    request_id: str
    phone_number: str
    phase: Phase
    agreement_id: str
    purpose: str
    signals: tuple[str, ...] = SIGNAL_NAMES
    max_age: int | None = None
    since_time: int | None = None
    consent_reference: str = ""


@dataclass(frozen=True, slots=True)
class CodeOrder:
    """Order one code to be sent.

    Exactly one of `text` (the whole message, the code made by Numseal) and `template` (the operator makes the code
    and puts it in place of every `{{code}}`, at least one) is set; an operator that has only texts of its own sends one
    of those. `length` counts digits. `previous_challenge` is that of a resend.
    """

    request_id: str
    phone_number: str
    method: Method
    sender_id: str
    locale: str
    expire_time: int
    agreement_id: str
    text: str = ""
    template: str = ""
    length: int = 6
    previous_challenge: bytes = b""


class SendOutcome(StrEnum):
    """What became of an order."""

    ACCEPTED = "ACCEPTED"
    NOT_OURS = "NOT_OURS"
    BARRED = "BARRED"
    LINE_TYPE = "LINE_TYPE"
    CONTENT = "CONTENT"
    THROTTLED = "THROTTLED"


@dataclass(frozen=True, slots=True)
class CodeSent:
    """The operator's answer to an order.

    `challenge` is opaque, at most 1 KiB. `prior_codes_valid` is False where a new code kills the older ones.
    `retry_delay` is in seconds and set for THROTTLED.
    """

    outcome: SendOutcome
    challenge: bytes = b""
    delivery_id: str = ""
    expire_time: int | None = None
    prior_codes_valid: bool = True
    retry_delay: int | None = None


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """Ask the operator to compare a code that it made."""

    request_id: str
    phone_number: str
    challenge: bytes
    code: str


class CodeOutcome(StrEnum):
    """What an operator says of a code it made."""

    MATCH = "MATCH"
    MISMATCH = "MISMATCH"
    EXPIRED = "EXPIRED"
    EXHAUSTED = "EXHAUSTED"
    USED = "USED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class CodeChecked:
    """The operator's answer to a check; `attempts_remaining` is None where it does not tell."""

    outcome: CodeOutcome
    attempts_remaining: int | None = None


@dataclass(frozen=True, slots=True)
class NetworkOrder:
    """Ask for a page that recognises the SIM over mobile data.

    `redirect_uri` is where the page returns the client to, `state` (16 to 128 characters) comes back with it unchanged.
    """

    request_id: str
    phone_number: str
    redirect_uri: str
    state: str
    expire_time: int
    agreement_id: str
    purpose: str
    consent_reference: str = ""


@dataclass(frozen=True, slots=True)
class NetworkStarted:
    """The page: an https address of at most 2,048 bytes, and the operator's own state of at most 1 KiB."""

    auth_url: str
    expire_time: int
    challenge: bytes = b""


@dataclass(frozen=True, slots=True)
class NetworkOffer:
    """Offer what the page returned to the client."""

    request_id: str
    phone_number: str
    challenge: bytes
    authorization_code: str
    state: str


class NetworkOutcome(StrEnum):
    """What the network found about the SIM that opened a page."""

    MATCH = "MATCH"
    MISMATCH = "MISMATCH"
    EXPIRED = "EXPIRED"
    USED = "USED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class NetworkChecked:
    """The operator's answer to an offer; `observe_time` is when the network saw the SIM, for MATCH and MISMATCH.

    `statement` and `statement_hash` are as in `Lookup`.
    """

    outcome: NetworkOutcome
    observe_time: int | None = None
    statement_hash: str = ""
    statement: Statement = NO_STATEMENT


class EventKind(StrEnum):
    """What an operator tells about a watched number; DELIVERY of every code, watched or not."""

    SIM_CHANGE = "SIM_CHANGE"
    DEVICE_CHANGE = "DEVICE_CHANGE"
    PORT_OUT = "PORT_OUT"
    TERMINATED = "TERMINATED"
    REASSIGNED = "REASSIGNED"
    BARRED = "BARRED"
    DELIVERY = "DELIVERY"
    HEARTBEAT = "HEARTBEAT"


WATCHED_KINDS: tuple[EventKind, ...] = tuple(EventKind)[:6]
"""The kinds that a watch can be for."""

TELLING = frozenset({EventKind.SIM_CHANGE, EventKind.PORT_OUT, EventKind.TERMINATED, EventKind.REASSIGNED})
"""The kinds without which events do not take the place of asking: an operator that lacks one is polled."""


class BarredReason(StrEnum):
    """Why a subscriber was barred."""

    FRAUD = "FRAUD"
    PAYMENT = "PAYMENT"
    LOST = "LOST"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class OperatorEvent:
    """One event of an operator's stream; sent at least once, ordered within a watch. Times in Unix seconds.

    `event_id` is the same when it is sent again, empty for HEARTBEAT; `cursor` (1 to 256 characters) is where the
    stream goes on after it. `watch_id` is empty for DELIVERY and HEARTBEAT. The other fields are set by kind:
    `sim_change` and `sim_ref` and `fraud_suspected` for SIM_CHANGE, `device_ref` for DEVICE_CHANGE, `to_operator` and
    `to_plmn` for PORT_OUT, `subscriber_ref` for REASSIGNED, `barred` for BARRED, `delivery_id`, `delivery` and `error`
    for DELIVERY.
    """

    kind: EventKind
    cursor: str
    observe_time: int
    event_id: str = ""
    watch_id: str = ""
    occur_time: int = 0
    sim_change: SimChangeKind | None = None
    sim_ref: SimRef | None = None
    fraud_suspected: bool = False
    device_ref: DeviceRef | None = None
    to_operator: str = ""
    to_plmn: str = ""
    subscriber_ref: SubscriberRef | None = None
    barred: BarredReason | None = None
    delivery_id: str = ""
    delivery: DeliveryState | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class WatchOrder:
    """Ask for events about a number; `expire_time` None does not end the watch by itself."""

    request_id: str
    phone_number: str
    agreement_id: str
    kinds: tuple[EventKind, ...] = WATCHED_KINDS
    expire_time: int | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch: its name, 1 to 128 characters, the same for a number watched already; and when it ends, if it does."""

    watch_id: str
    expire_time: int | None = None


class Operation(StrEnum):
    """A call that has a price; NETWORK_CHECK is the opening of a page and the answer as one."""

    LOOK_UP_SUBSCRIBER = "LOOK_UP_SUBSCRIBER"
    SEND_CODE = "SEND_CODE"
    CHECK_CODE = "CHECK_CODE"
    NETWORK_CHECK = "NETWORK_CHECK"
    WATCH_SUBSCRIBER = "WATCH_SUBSCRIBER"


@dataclass(frozen=True, slots=True)
class Price:
    """What one call costs, in millionths of the unit of `currency` (ISO 4217).

    `signal` is set where lookups are charged by signal, `method` where sending is charged by method.
    """

    operation: Operation
    price_micros: int
    currency: str
    signal: str = ""
    method: Method | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an operator can do.

    `prior_codes_valid` and `idempotent` describe its `send_code`. `events` are the kinds that it sends, empty where it
    has no stream; `event_retention` is in seconds. `signs_statements` tells whether lookups carry a signed statement.
    `prices` are those it announces, at most 256.
    """

    contract_version: str
    operator_id: str
    plmns: tuple[str, ...]
    signals: tuple[str, ...]
    methods: tuple[Method, ...]
    idempotent: bool
    prior_codes_valid: bool
    server_time: int
    events: tuple[EventKind, ...] = ()
    event_retention: int = 0
    max_watches: int = 0
    signs_statements: bool = False
    prices: tuple[Price, ...] = ()
