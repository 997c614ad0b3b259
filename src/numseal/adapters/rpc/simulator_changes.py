"""Read what a player of the simulated network asks for: numbers, durations, and changes of a subscriber."""

import math
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from numseal.adapters.rpc.simulator_values import (
    BEHAVIOR_OF,
    CONTRACT_TYPE_OF,
    EVENT_KIND_OF,
    FORWARDING_KIND_OF,
    LINE_TYPE_OF,
    REACHABILITY_OF,
    SERVICE_STATE_OF,
    SIGNAL_OF,
    SIGNAL_STATE_OF,
    SIM_CHANGE_KIND_OF,
)
from numseal.api.operator.v1 import subscriber_pb2
from numseal.api.simulator.v1 import simulator_pb2 as pb
from numseal.domain.errors import invalid
from numseal.domain.evidence import ServiceState
from numseal.domain.operator import EventKind
from numseal.domain.simulation import (
    Activate,
    At,
    Change,
    ChangeDevice,
    EmittedEvent,
    OverrideSignal,
    PortNumber,
    Recycle,
    Roam,
    ScriptLookup,
    SetContractType,
    SetDelivery,
    SetForwarding,
    SetHomeRouted,
    SetIdentityOnFile,
    SetLineType,
    SetReachability,
    SetServices,
    SwapSim,
    Terminate,
)

T = TypeVar("T")

MAX_CHANGES = 16
MAX_OPERATOR_ID = 64
MAX_CODE_SPACE, MAX_CODE = 32, 128
MAX_COPIES = 1_000

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_NANOS = 1_000_000_000
_SAY_FRAUD = (EventKind.SIM_CHANGE, EventKind.BARRED)


def number_of(text: str) -> str:
    """Read a phone number; raises Refusal for anything but E.164 with "+"."""
    if not _E164.fullmatch(text):
        raise invalid(
            "phone_number", "PHONE_NUMBER_MALFORMED", "phone_number: E.164 with + is expected, such as +79161234567"
        )
    return text


def seconds_of(duration: Duration, field: str) -> float:
    """Read a duration; raises Refusal for a negative one or one that is none."""
    if duration.seconds < 0 or not 0 <= duration.nanos < _NANOS:
        raise invalid(field, "DURATION_NEGATIVE", f"{field}: a duration of 0 or more is expected")
    return duration.seconds + duration.nanos / _NANOS


def changes_of(request: pb.UpdateSubscriberRequest) -> list[Change | At]:
    """Read 1 to 16 changes; raises Refusal naming the field of the first that cannot be read."""
    if not 0 < len(request.changes) <= MAX_CHANGES:
        message = f"changes: {len(request.changes)}; 1 to {MAX_CHANGES} are expected"
        raise invalid("changes", "CHANGES_COUNT", message)
    return [_change_of(item, f"changes[{number}]") for number, item in enumerate(request.changes)]


def _change_of(item: pb.SubscriberChange, at: str) -> Change | At:
    arm = item.WhichOneof("change")
    if arm is None:
        names = ", ".join(_READERS)
        raise invalid(f"{at}.change", "CHANGE_REQUIRED", f"{at}.change: one of {names} is expected")
    delay = math.ceil(seconds_of(item.report_delay, f"{at}.report_delay"))
    change = _READERS[arm](item, f"{at}.{arm}")
    if not item.HasField("occur_time"):
        return At(None, change, delay) if delay else change
    return At(_occurred(item.occur_time, f"{at}.occur_time"), change, delay)


def event_of(request: pb.EmitEventRequest) -> EmittedEvent:
    """Read an event that is to be sent; raises Refusal for an unknown kind, a time before 1970 or too many copies.

    An event of another kind than SIM_CHANGE and BARRED has no place for a suspicion of fraud: it is refused with one.
    """
    kind = _value(EVENT_KIND_OF, request.kind, "kind")
    if request.fraud_suspected and kind not in _SAY_FRAUD:
        message = f"fraud_suspected: an event of kind {kind} cannot say so, only {' or '.join(_SAY_FRAUD)}"
        raise invalid("fraud_suspected", "FRAUD_NOT_SAID", message)
    copies = request.copies or 1
    if not 1 <= copies <= MAX_COPIES:
        raise invalid("copies", "COPIES_OUT_OF_RANGE", f"copies: 1 to {MAX_COPIES} are expected")
    return EmittedEvent(
        kind=kind,
        occur_time=_occurred(request.occur_time, "occur_time") if request.HasField("occur_time") else None,
        copies=copies,
        fraud_suspected=request.fraud_suspected,
    )


def _occurred(time: Timestamp, field: str) -> int:
    if time.seconds < 0:
        raise invalid(field, "OCCUR_TIME_TOO_EARLY", f"{field}: a time since 1970 is expected")
    return time.seconds


def _swap_sim(item: pb.SubscriberChange, at: str) -> Change:
    return SwapSim(_value(SIM_CHANGE_KIND_OF, item.swap_sim.kind, f"{at}.kind"))


def _change_device(item: pb.SubscriberChange, _at: str) -> Change:
    return ChangeDevice(item.change_device.tac, item.change_device.sims_on_device or 1)


def _port(item: pb.SubscriberChange, at: str) -> Change:
    if not 0 < len(item.port.operator_id) <= MAX_OPERATOR_ID:
        message = f"{at}.operator_id: 1 to {MAX_OPERATOR_ID} characters are expected"
        raise invalid(f"{at}.operator_id", "OPERATOR_ID_LENGTH", message)
    return PortNumber(item.port.operator_id, item.port.plmn)


def _set_forwarding(item: pb.SubscriberChange, at: str) -> Change:
    kind = _value(FORWARDING_KIND_OF, item.set_forwarding.kind, f"{at}.kind")
    return SetForwarding(kind, item.set_forwarding.active)


def _set_services(item: pb.SubscriberChange, at: str) -> Change:
    services = item.set_services
    return SetServices(
        sms=_service(services.sms_service, f"{at}.sms_service"),
        voice=_service(services.voice_service, f"{at}.voice_service"),
        data=_service(services.data_service, f"{at}.data_service"),
    )


def _service(value: int, field: str) -> ServiceState | None:
    if value == subscriber_pb2.SERVICE_STATE_UNSPECIFIED:
        return None
    return _value(SERVICE_STATE_OF, value, field)


def _delivery(item: pb.SubscriberChange, at: str) -> Change:
    behavior = _value(BEHAVIOR_OF, item.delivery.behavior, f"{at}.behavior")
    return SetDelivery(behavior, seconds_of(item.delivery.delay, f"{at}.delay"))


def _override(item: pb.SubscriberChange, at: str) -> Change:
    override = item.override
    signal = _value(SIGNAL_OF, override.signal, f"{at}.signal")
    state = _value(SIGNAL_STATE_OF, override.state, f"{at}.state")
    if len(override.code_space) > MAX_CODE_SPACE or not override.code_space.isprintable():
        message = f"{at}.code_space: at most {MAX_CODE_SPACE} printable characters are expected"
        raise invalid(f"{at}.code_space", "CODE_SPACE_MALFORMED", message)
    if len(override.code) > MAX_CODE or not override.code.isprintable():
        message = f"{at}.code: at most {MAX_CODE} printable characters are expected, such as 27 of MAP"
        raise invalid(f"{at}.code", "CODE_MALFORMED", message)
    return OverrideSignal(signal, state, override.code_space, override.code)


def _lookup(item: pb.SubscriberChange, at: str) -> Change:
    return ScriptLookup(seconds_of(item.lookup.delay, f"{at}.delay"), item.lookup.fail)


_READERS: Mapping[str, Callable[[pb.SubscriberChange, str], Change]] = {
    "swap_sim": _swap_sim,
    "change_device": _change_device,
    "port": _port,
    "set_forwarding": _set_forwarding,
    "roam": lambda item, _at: Roam(item.roam.plmn),
    "set_services": _set_services,
    "recycle": lambda _item, _at: Recycle(),
    "terminate": lambda _item, _at: Terminate(),
    "activate": lambda _item, _at: Activate(),
    "line_type": lambda item, at: SetLineType(_value(LINE_TYPE_OF, item.line_type, at)),
    "contract_type": lambda item, at: SetContractType(_value(CONTRACT_TYPE_OF, item.contract_type, at)),
    "identity_on_file": lambda item, _at: SetIdentityOnFile(item.identity_on_file),
    "reachability": lambda item, at: SetReachability(_value(REACHABILITY_OF, item.reachability, at)),
    "home_routed": lambda item, _at: SetHomeRouted(item.home_routed),
    "delivery": _delivery,
    "override": _override,
    "lookup": _lookup,
}


def _value(known: Mapping[int, T], value: int, field: str) -> T:
    """Return what an enumeration's value stands for; raises Refusal for an unknown or missing one."""
    if value not in known:
        names = ", ".join(str(item) for item in known.values())
        raise invalid(field, "VALUE_UNKNOWN", f"{field}: one of {names} is expected")
    return known[value]
