"""Translate the simulated network's operators, subscribers and messages to messages of the contract."""

from google.protobuf.duration_pb2 import Duration

from numseal.adapters.rpc.assurance_messages import timestamp
from numseal.adapters.rpc.simulator_values import (
    BEHAVIORS,
    CONTRACT_TYPES,
    FORWARDING_KINDS,
    LINE_TYPES,
    MESSAGE_KINDS,
    REACHABILITIES,
    SERVICE_STATES,
    SIGNAL_STATES,
    SIGNALS,
    SIM_CHANGE_KINDS,
    SUBSCRIPTION_STATES,
)
from numseal.api.operator.v1 import subscriber_pb2
from numseal.api.simulator.v1 import simulator_pb2 as pb
from numseal.domain import evidence
from numseal.domain.number_plan import Range
from numseal.domain.simulation import Message, OverrideSignal, SimulatedOperatorInfo, SimulatedSubscriber

_NANOS = 1_000_000_000


def operator_message(operator: SimulatedOperatorInfo) -> pb.SimulatedOperator:
    """Return an operator as a message."""
    behavior = operator.behavior
    return pb.SimulatedOperator(
        operator_id=operator.info.operator_id,
        display_name=operator.info.name,
        plmns=[str(plmn) for plmn in operator.info.plmns],
        ranges=[_range_message(item) for item in operator.ranges],
        example_phone_number=operator.example,
        behavior=pb.OperatorBehavior(
            delay=_duration(behavior.delay), fail=behavior.fail, hold_events=behavior.hold_events
        ),
    )


def _range_message(item: Range) -> pb.NumberRange:
    whole = item.length + len("+")
    return pb.NumberRange(
        first_phone_number=item.prefix.ljust(whole, "0"), last_phone_number=item.prefix.ljust(whole, "9")
    )


def message_message(message: Message) -> pb.Message:
    """Return a message of an inbox as a message."""
    return pb.Message(
        message_id=message.message_id,
        kind=MESSAGE_KINDS[message.kind],
        sender_id=message.sender_id,
        text=message.text,
        receive_time=timestamp(message.time),
    )


def subscriber_message(subscriber: SimulatedSubscriber) -> pb.SimulatedSubscriber:
    """Return a subscriber as a message, with all that the simulator knows and the contract has a field for."""
    return pb.SimulatedSubscriber(
        phone_number=subscriber.msisdn,
        state=SUBSCRIPTION_STATES[subscriber.state],
        operator_id=subscriber.operator_id,
        plmn=subscriber.plmn,
        line_type=LINE_TYPES[subscriber.line_type],
        contract_type=CONTRACT_TYPES[subscriber.contract_type],
        identity_on_file=subscriber.identity_on_file,
        owner_generation=subscriber.owner_generation,
        sim_generation=subscriber.sim_generation,
        device_generation=subscriber.device_generation,
        tac=subscriber.tac,
        activate_time=timestamp(subscriber.activate_time),
        sim_change=_sim_change_message(subscriber.sim_change),
        port=_port_message(subscriber.port),
        forwarding=sorted(FORWARDING_KINDS[kind] for kind in subscriber.forwarding),
        sms_service=SERVICE_STATES[subscriber.sms_service],
        voice_service=SERVICE_STATES[subscriber.voice_service],
        data_service=SERVICE_STATES[subscriber.data_service],
        reachability=REACHABILITIES[subscriber.reachability],
        serving_plmn=subscriber.serving_plmn,
        home_routed=subscriber.home_routed,
        sims_on_device=subscriber.sims_on_device,
        delivery=pb.Delivery(
            behavior=BEHAVIORS[subscriber.delivery.behavior], delay=_duration(subscriber.delivery.delay)
        ),
        overrides=[_override_message(item) for item in subscriber.overrides],
        lookup=pb.Lookup(delay=_duration(subscriber.lookup.delay), fail=subscriber.lookup.fail),
    )


def _sim_change_message(change: evidence.SimChange | None) -> subscriber_pb2.SimChange | None:
    if change is None:
        return None
    return subscriber_pb2.SimChange(change_time=timestamp(change.time), kind=SIM_CHANGE_KINDS[change.kind])


def _port_message(port: evidence.Port | None) -> subscriber_pb2.Port | None:
    if port is None:
        return None
    return subscriber_pb2.Port(port_time=timestamp(port.time), from_operator_id=port.from_operator)


def _override_message(item: OverrideSignal) -> pb.SignalOverride:
    return pb.SignalOverride(
        signal=SIGNALS[item.signal],
        state=SIGNAL_STATES[item.state],
        code_space=item.code_space,
        code=item.code,
    )


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * _NANOS))
    return duration
