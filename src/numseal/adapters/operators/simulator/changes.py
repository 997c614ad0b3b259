"""What each change does to a subscriber. Pure: subscriber, change, time in; subscriber or `Refusal` out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

from numseal.adapters.operators.simulator.operators import OperatorProfile
from numseal.domain.errors import Refusal, invalid, precondition
from numseal.domain.evidence import (
    SIGNAL_NAMES,
    LineType,
    Port,
    Reachability,
    ServiceState,
    SignalState,
    SimChange,
    SimChangeKind,
)
from numseal.domain.plmn import Plmn
from numseal.domain.simulation import (
    Activate,
    Change,
    ChangeDevice,
    OperatorBehavior,
    OverrideSignal,
    PortNumber,
    Recycle,
    Roam,
    ScriptLookup,
    ScriptSend,
    SetContractType,
    SetDelivery,
    SetForwarding,
    SetHomeRouted,
    SetIdentityOnFile,
    SetLineType,
    SetReachability,
    SetServices,
    SimulatedSubscriber,
    SubscriptionState,
    SwapSim,
    Terminate,
)

MAX_DELIVERY_DELAY = 3_600
MAX_LOOKUP_DELAY = 60
MAX_ANSWER_DELAY = 3_600
MAX_SIMS = 1_000
TAC_DIGITS = 8

_ACTIVE = SubscriptionState.ACTIVE


@dataclass(frozen=True, slots=True)
class Changer:
    """Applies changes; `draw_device` gives the TAC of a number's later device."""

    profiles: Mapping[str, OperatorProfile]
    draw_device: Callable[[str, int], str]

    def apply(self, old: SimulatedSubscriber, change: Change, time: int) -> SimulatedSubscriber:
        """Return the subscriber after the change that happened at `time`."""
        match change:
            case ScriptLookup() | ScriptSend() | SetDelivery() | OverrideSignal():
                return _script(old, change)
            case Activate() | Recycle():
                return self._give(old, change, time)
            case PortNumber():
                return self._port(old, change, time)
            case _:
                if old.state is not _ACTIVE:
                    raise _state_refusal(old, "has no subscriber who could change")
                return self._change_active(old, change, time)

    def _change_active(self, old: SimulatedSubscriber, change: Change, time: int) -> SimulatedSubscriber:
        match change:
            case SwapSim(kind):
                return replace(old, sim_generation=old.sim_generation + 1, sim_change=SimChange(time, kind))
            case ChangeDevice():
                return self._device(old, change)
            case Roam(plmn):
                return replace(old, serving_plmn=_plmn(plmn), serving_node=old.serving_node + 1, located_time=time)
            case Terminate():
                return replace(old, state=SubscriptionState.TERMINATED)
            case _:
                return _set(old, change)

    def _device(self, old: SimulatedSubscriber, change: ChangeDevice) -> SimulatedSubscriber:
        if change.tac and not (len(change.tac) == TAC_DIGITS and change.tac.isascii() and change.tac.isdigit()):
            raise _refused(f"a TAC has {TAC_DIGITS} digits, found {change.tac[:20]!r}")
        if not 1 <= change.sims_on_device <= MAX_SIMS:
            raise _refused(f"a device has held 1 to {MAX_SIMS} SIMs, found {change.sims_on_device}")
        generation = old.device_generation + 1
        return replace(
            old,
            device_generation=generation,
            tac=change.tac or self.draw_device(old.msisdn, generation),
            sims_on_device=change.sims_on_device,
        )

    def _give(self, old: SimulatedSubscriber, change: Activate | Recycle, time: int) -> SimulatedSubscriber:
        """Give the number to a subscriber of its present operator: all that was personal begins anew."""
        if old.state is SubscriptionState.PORTED_OUT:
            raise _state_refusal(old, "is another network's to give away")
        if isinstance(change, Activate) and old.state is _ACTIVE:
            raise _state_refusal(old, "has a subscriber: recycle it to give it to another")
        mobile = old.line_type is LineType.MOBILE
        service = ServiceState.ON if mobile else ServiceState.OFF
        generation = old.owner_generation + (old.state is not SubscriptionState.NOT_ASSIGNED)
        return SimulatedSubscriber(
            msisdn=old.msisdn,
            state=_ACTIVE,
            operator_id=old.operator_id,
            plmn=old.plmn,
            line_type=old.line_type,
            contract_type=old.contract_type,
            identity_on_file=True,
            activate_time=time,
            tac=self.draw_device(old.msisdn, generation * MAX_SIMS),
            serving_plmn=old.plmn,
            sim_change=SimChange(time, SimChangeKind.NEW) if mobile else None,
            owner_generation=generation,
            sms_service=service,
            data_service=service,
            delivery=old.delivery,
            overrides=old.overrides,
            lookup=old.lookup,
            sending=old.sending,
        )

    def _port(self, old: SimulatedSubscriber, change: PortNumber, time: int) -> SimulatedSubscriber:
        if old.state not in {_ACTIVE, SubscriptionState.PORTED_OUT}:
            raise _state_refusal(old, "has no subscriber who could move it")
        if change.operator_id == old.operator_id:
            raise precondition(
                "SUBSCRIBER_STATE",
                f"The number is {change.operator_id}'s already: port it to another operator.",
            )
        target = self.profiles.get(change.operator_id)
        if target is None:
            if not change.operator_id or not change.plmn:
                raise _refused("porting to an operator that is not simulated needs its id and PLMN")
            return replace(
                old,
                state=SubscriptionState.PORTED_OUT,
                operator_id=change.operator_id,
                plmn=_plmn(change.plmn),
            )
        plmn = str(target.info.plmns[0]) if target.info.plmns else ""
        return replace(
            old,
            state=_ACTIVE,
            operator_id=change.operator_id,
            plmn=plmn,
            serving_plmn=plmn,
            serving_node=old.serving_node + 1,
            located_time=time,
            sim_generation=old.sim_generation + 1,
            sim_change=SimChange(time, SimChangeKind.PORT_IN),
            port=Port(time, old.operator_id),
        )


def _set(old: SimulatedSubscriber, change: Change) -> SimulatedSubscriber:
    """Apply the changes that set one property."""
    match change:
        case SetForwarding(kind, active):
            return replace(old, forwarding=old.forwarding | {kind} if active else old.forwarding - {kind})
        case SetServices(sms, voice, data):
            return replace(
                old,
                sms_service=old.sms_service if sms is None else sms,
                voice_service=old.voice_service if voice is None else voice,
                data_service=old.data_service if data is None else data,
            )
        case SetLineType() | SetContractType() | SetIdentityOnFile() | SetReachability() | SetHomeRouted():
            (field,) = fields(change)  # each has one, named as the subscriber's
            return replace(old, **{field.name: getattr(change, field.name)})
        case _:
            raise _refused(f"{type(change).__name__} is not a change of a subscriber")


def check_behavior(behavior: OperatorBehavior) -> None:
    """Raise `Refusal` where no operator can work so."""
    if not 0 <= behavior.delay <= MAX_ANSWER_DELAY:
        raise invalid(
            "behavior.delay",
            "BEHAVIOR_DELAY_OUT_OF_RANGE",
            f"behavior.delay: 0 to {MAX_ANSWER_DELAY} seconds are expected, found {behavior.delay}",
        )


def takes_sms(subscriber: SimulatedSubscriber) -> bool:
    """Tell whether an SMS gets through to the handset now."""
    return subscriber.reachability in {Reachability.REACHABLE, Reachability.SMS_ONLY}


def takes_calls(subscriber: SimulatedSubscriber) -> bool:
    """Tell whether a call gets through to the handset now: not where SMS or data alone do."""
    return subscriber.reachability is Reachability.REACHABLE


def _script(
    old: SimulatedSubscriber, change: ScriptLookup | ScriptSend | SetDelivery | OverrideSignal
) -> SimulatedSubscriber:
    """Apply what concerns the operator's answers, whatever state the number is in."""
    match change:
        case ScriptLookup():
            _within("lookup delay", change.delay, MAX_LOOKUP_DELAY)
            return replace(old, lookup=change)
        case ScriptSend():
            return replace(old, sending=change)
        case SetDelivery():
            _within("delivery delay", change.delay, MAX_DELIVERY_DELAY)
            return replace(old, delivery=change)
        case _:
            return _override(old, change)


def _override(old: SimulatedSubscriber, change: OverrideSignal) -> SimulatedSubscriber:
    if change.signal not in SIGNAL_NAMES:
        raise _refused(f"{change.signal[:40]!r} is not a signal: expected one of {', '.join(SIGNAL_NAMES)}")
    others = tuple(item for item in old.overrides if item.signal != change.signal)
    return replace(old, overrides=others if change.state is SignalState.OK else (*others, change))


def _plmn(text: str) -> str:
    try:
        return str(Plmn.parse(text))
    except ValueError as error:
        raise _refused(str(error)) from None


def _within(what: str, seconds: float, most: int) -> None:
    if not 0 <= seconds <= most:
        raise _refused(f"a {what} is 0 to {most} seconds, found {seconds}")


def _refused(why: str) -> Refusal:
    return invalid("changes", "SUBSCRIBER_CHANGE_INVALID", f"The subscriber cannot be changed so: {why}.")


def _state_refusal(old: SimulatedSubscriber, why: str) -> Refusal:
    return precondition("SUBSCRIBER_STATE", f"The number is {old.state} and {why}.", state=old.state)
