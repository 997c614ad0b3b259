"""The simulated network's subscribers, messages and changes as plain values.

Only what crosses between the simulator and those who look into it lives here; nothing of a verification may
use it. Times are Unix seconds, delays are seconds.
"""

from dataclasses import dataclass
from enum import StrEnum

from numseal.domain.evidence import (
    ContractType,
    ForwardingKind,
    LineType,
    Port,
    Reachability,
    ServiceState,
    SignalState,
    SimChange,
    SimChangeKind,
)
from numseal.domain.number_plan import OperatorInfo, Range
from numseal.domain.operator import EventKind


class SubscriptionState(StrEnum):
    """Whether a number has a subscriber; PORTED_OUT is to an operator that is not simulated."""

    ACTIVE = "ACTIVE"
    NOT_ASSIGNED = "NOT_ASSIGNED"
    TERMINATED = "TERMINATED"
    PORTED_OUT = "PORTED_OUT"


class DeliveryBehavior(StrEnum):
    """What becomes of messages, and of the operator's word on it.

    DELIVER and FAIL send a receipt that says so; with NO_RECEIPT they arrive and with VANISH they do not, and no
    receipt comes. REFUSE: the operator does not take them (BARRED).
    """

    DELIVER = "DELIVER"
    FAIL = "FAIL"
    VANISH = "VANISH"
    NO_RECEIPT = "NO_RECEIPT"
    REFUSE = "REFUSE"


class MessageKind(StrEnum):
    """How a message reached the handset; VOICE holds the spoken text."""

    SMS = "SMS"
    VOICE = "VOICE"


@dataclass(frozen=True, slots=True)
class Message:
    """A message on a handset; `message_id` grows with time, unique in one network."""

    message_id: str
    time: int
    kind: MessageKind
    sender_id: str
    text: str


@dataclass(frozen=True, slots=True)
class SetDelivery:
    """What becomes of messages to the number, and how long they take on the way (0 to 3,600)."""

    behavior: DeliveryBehavior = DeliveryBehavior.DELIVER
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class ScriptLookup:
    """How lookups of the number are answered: after `delay` (0 to 60), and not at all where `fail`."""

    delay: float = 0.0
    fail: bool = False


@dataclass(frozen=True, slots=True)
class ScriptSend:
    """How orders of codes are answered: with an error where `fail`, sent but unanswered where `lost`."""

    fail: bool = False
    lost: bool = False


@dataclass(frozen=True, slots=True)
class OverrideSignal:
    """Answer one signal with another state; OK ends the override. `code` is of `code_space`."""

    signal: str
    state: SignalState
    code_space: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class SwapSim:
    """The SIM is changed."""

    kind: SimChangeKind = SimChangeKind.REPLACED


@dataclass(frozen=True, slots=True)
class ChangeDevice:
    """The SIM moves to another device that has held `sims_on_device` (1 to 1,000); no `tac`: one is drawn."""

    tac: str = ""
    sims_on_device: int = 1


@dataclass(frozen=True, slots=True)
class PortNumber:
    """The number moves to another operator; `plmn` ("262-01") is needed where that one is not simulated."""

    operator_id: str
    plmn: str = ""


@dataclass(frozen=True, slots=True)
class SetForwarding:
    """One call forwarding service is switched."""

    kind: ForwardingKind
    active: bool = True


@dataclass(frozen=True, slots=True)
class Roam:
    """Another node serves the handset, in the network `plmn`; the home network's code brings it home."""

    plmn: str


@dataclass(frozen=True, slots=True)
class SetServices:
    """Services are switched; None leaves one as it is."""

    sms: ServiceState | None = None
    voice: ServiceState | None = None
    data: ServiceState | None = None


@dataclass(frozen=True, slots=True)
class Recycle:
    """The number is given to another subscriber, with another SIM and device."""


@dataclass(frozen=True, slots=True)
class Terminate:
    """The subscriber's contract ends."""


@dataclass(frozen=True, slots=True)
class Activate:
    """A number in nobody's hands is given to a subscriber."""


@dataclass(frozen=True, slots=True)
class SetLineType:
    """The number is served on another kind of line."""

    line_type: LineType


@dataclass(frozen=True, slots=True)
class SetContractType:
    """The subscriber pays in another way."""

    contract_type: ContractType


@dataclass(frozen=True, slots=True)
class SetIdentityOnFile:
    """The operator has checked who the subscriber is, or has not."""

    identity_on_file: bool


@dataclass(frozen=True, slots=True)
class SetReachability:
    """The handset can be reached, in one way only, or not."""

    reachability: Reachability


@dataclass(frozen=True, slots=True)
class SetHomeRouted:
    """An SMS router stands in front of the HLR, or does not."""

    home_routed: bool


Change = (
    SwapSim
    | ChangeDevice
    | PortNumber
    | SetForwarding
    | Roam
    | SetServices
    | Recycle
    | Terminate
    | Activate
    | SetLineType
    | SetContractType
    | SetIdentityOnFile
    | SetReachability
    | SetHomeRouted
    | SetDelivery
    | OverrideSignal
    | ScriptLookup
    | ScriptSend
)
"""Anything that can happen to a subscriber."""


@dataclass(frozen=True, slots=True)
class At:
    """A change that happened at `time`, never in the future; None is now.

    The operator's records (dates, contract) and events show it `report_delay` seconds after it happened; handsets and
    the network itself, with SIM, services and who serves the number, are changed at once.
    """

    time: int | None
    change: Change
    report_delay: int = 0


@dataclass(frozen=True, slots=True)
class SimulatedSubscriber:
    """A number as the simulator knows it; more than any operator tells.

    There is no IMSI, IMEI or name: generations count owners of the number, SIMs of the owner and devices of
    the owner, and the operators hash those. `located_time` is None where the handset just updates
    periodically.
    """

    msisdn: str
    state: SubscriptionState
    operator_id: str
    plmn: str
    line_type: LineType
    contract_type: ContractType
    identity_on_file: bool
    activate_time: int
    tac: str
    serving_plmn: str
    sim_change: SimChange | None = None
    port: Port | None = None
    owner_generation: int = 1
    sim_generation: int = 1
    device_generation: int = 1
    forwarding: frozenset[ForwardingKind] = frozenset()
    sms_service: ServiceState = ServiceState.ON
    voice_service: ServiceState = ServiceState.ON
    data_service: ServiceState = ServiceState.ON
    reachability: Reachability = Reachability.REACHABLE
    serving_node: int = 0
    located_time: int | None = None
    home_routed: bool = False
    sims_on_device: int = 1
    delivery: SetDelivery = SetDelivery()
    overrides: tuple[OverrideSignal, ...] = ()
    lookup: ScriptLookup = ScriptLookup()
    sending: ScriptSend = ScriptSend()


@dataclass(frozen=True, slots=True)
class OperatorBehavior:
    """How well an operator works: every answer takes `delay` (0 to 3,600), and is a failure where `fail`.

    `hold_events` keeps events and heartbeats back until it ends.
    """

    delay: float = 0.0
    fail: bool = False
    hold_events: bool = False


@dataclass(frozen=True, slots=True)
class EmittedEvent:
    """An event of a watched number that stands for no change; `kind` is one of `WATCHED_KINDS`.

    `occur_time` may be any time, None is now. `copies` (1 to 1,000) are sent under one id. `fraud_suspected` is for
    SIM_CHANGE, and makes FRAUD the reason of BARRED.
    """

    kind: EventKind
    occur_time: int | None = None
    copies: int = 1
    fraud_suspected: bool = False


@dataclass(frozen=True, slots=True)
class OpenedPage:
    """What a network check's page returned to its client: a code, or an error of OAuth 2 (RFC 6749 §4.1.2.1)."""

    state: str
    authorization_code: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class SimulatedOperatorInfo:
    """A simulated operator, its ranges, and the number of an ordinary subscriber to begin with."""

    info: OperatorInfo
    ranges: tuple[Range, ...]
    example: str
    behavior: OperatorBehavior = OperatorBehavior()
