"""What happens to simulated subscribers, as changes of the simulator's contract. Builds messages and knows no story."""

from typing import Any

from numseal.api.operator.v1 import subscriber_pb2 as sub
from numseal.api.simulator.v1 import simulator_pb2 as pb

SIGNALS = tuple(kind for kind in sub.SignalKind.values() if kind)
"""All signals of the operator's contract."""

Change = pb.SubscriberChange


def change(occur_time: int = 0, report_delay: int = 0, **arm: Any) -> Change:
    """Return a change that happened at `occur_time` (0: now) and is shown `report_delay` seconds later."""
    made = Change(**arm)
    if occur_time:
        made.occur_time.seconds = occur_time
    if report_delay:
        made.report_delay.seconds = report_delay
    return made


def swapped(kind: int, occur_time: int = 0, report_delay: int = 0) -> Change:
    """Put another SIM in; `kind` is a SimChangeKind."""
    return change(occur_time, report_delay, swap_sim=pb.SwapSim(kind=kind))  # type: ignore[arg-type]


def ported(operator_id: str, occur_time: int = 0, report_delay: int = 0) -> Change:
    """Move the number to another simulated operator."""
    return change(occur_time, report_delay, port=pb.PortNumber(operator_id=operator_id))


def device(sims: int = 1) -> Change:
    """Put the SIM into another device that has held so many SIMs."""
    return Change(change_device=pb.ChangeDevice(sims_on_device=sims))


def recycled(occur_time: int = 0) -> Change:
    """Give the number to somebody else."""
    return change(occur_time, recycle=pb.Recycle())


def forwarded(kind: int) -> Change:
    """Turn a call forwarding on; `kind` is a ForwardingKind."""
    return Change(set_forwarding=pb.SetForwarding(kind=kind, active=True))  # type: ignore[arg-type]


def roamed(plmn: str, occur_time: int = 0) -> Change:
    """Register the handset in a network; the home network gives it another node there."""
    return change(occur_time, roam=pb.Roam(plmn=plmn))


def services(state: int) -> Change:
    """Switch all services; `state` is a ServiceState."""
    return Change(set_services=pb.SetServices(sms_service=state, voice_service=state, data_service=state))  # type: ignore[arg-type]


def sms_service(state: int) -> Change:
    """Switch SMS alone."""
    return Change(set_services=pb.SetServices(sms_service=state))  # type: ignore[arg-type]


def reachability(value: int) -> Change:
    """Let the handset be reached or not; `value` is a Reachability."""
    return Change(reachability=value)  # type: ignore[arg-type]


def line_type(value: int) -> Change:
    """Serve the number on another kind of line."""
    return Change(line_type=value)  # type: ignore[arg-type]


def home_routed() -> Change:
    """Put an SMS router before the HLR."""
    return Change(home_routed=True)


def delivery(behavior: int) -> Change:
    """Settle what becomes of messages; `behavior` is a DeliveryBehavior."""
    return Change(delivery=pb.Delivery(behavior=behavior))  # type: ignore[arg-type]


def missing(signal: int, *, error: bool) -> Change:
    """Leave a signal without a value."""
    state = sub.SIGNAL_STATE_ERROR if error else sub.SIGNAL_STATE_UNKNOWN
    return Change(override=pb.SignalOverride(signal=signal, state=state))  # type: ignore[arg-type]


def silent_lookups() -> Change:
    """Let the operator fail to answer lookups."""
    return Change(lookup=pb.Lookup(fail=True))
