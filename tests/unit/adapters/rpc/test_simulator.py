from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.timestamp_pb2 import Timestamp

from fakes.clock import FakeClock
from fakes.rpc import bearer, failure, gate_of, serving
from numseal.adapters.clock import SimulatedClock
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.rpc.handlers import add_handlers
from numseal.adapters.rpc.simulator import MAX_AUTH_URL, MAX_MESSAGE_ID, MAX_WAIT, SimulatorService
from numseal.adapters.rpc.simulator_changes import MAX_CHANGES, MAX_COPIES, changes_of
from numseal.adapters.rpc.simulator_messages import subscriber_message
from numseal.adapters.rpc.simulator_values import (
    CONTRACT_TYPES,
    LINE_TYPES,
    REACHABILITIES,
    SERVICE_STATES,
    SIGNALS,
)
from numseal.api.operator.v1 import subscriber_pb2 as op
from numseal.api.simulator.v1 import simulator_pb2 as pb
from numseal.api.simulator.v1.simulator_pb2_grpc import SimulatorServiceStub
from numseal.domain.evidence import (
    SIGNAL_NAMES,
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
from numseal.domain.operator import (
    WATCHED_KINDS,
    EventKind,
    NetworkOffer,
    NetworkOrder,
    NetworkOutcome,
    WatchOrder,
)
from numseal.domain.simulation import (
    Activate,
    At,
    Change,
    ChangeDevice,
    DeliveryBehavior,
    EmittedEvent,
    Message,
    MessageKind,
    OpenedPage,
    OperatorBehavior,
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
    SimulatedOperatorInfo,
    SimulatedSubscriber,
    SwapSim,
    Terminate,
)

if TYPE_CHECKING:  # the stubs' name for what SimulatorServiceStub makes of an aio channel
    from numseal.api.simulator.v1.simulator_pb2_grpc import SimulatorServiceAsyncStub

TOKEN = "token"
NUMBER = "+79161234567"
NOBODYS = "+79990000000000"


@dataclass
class ListeningNetwork:
    """A network that notes what it was asked to emit and how long to wait, and waits for nobody."""

    inner: SimulatedNetwork
    waits: list[float] = field(default_factory=list)
    emitted: list[EmittedEvent] = field(default_factory=list)

    def operators(self) -> tuple[SimulatedOperatorInfo, ...]:
        return self.inner.operators()

    def subscriber(self, msisdn: str) -> SimulatedSubscriber:
        return self.inner.subscriber(msisdn)

    def change(self, msisdn: str, *changes: Change | At) -> SimulatedSubscriber:
        return self.inner.change(msisdn, *changes)

    def set_behavior(self, operator_id: str, behavior: OperatorBehavior) -> SimulatedOperatorInfo:
        return self.inner.set_behavior(operator_id, behavior)

    def emit(self, msisdn: str, event: EmittedEvent) -> str:
        self.emitted.append(event)
        return self.inner.emit(msisdn, event)

    def open_page(self, msisdn: str, auth_url: str) -> OpenedPage:
        return self.inner.open_page(msisdn, auth_url)

    def advance_clock(self, seconds: int) -> int:
        return self.inner.advance_clock(seconds)

    async def inbox(self, msisdn: str, after: str = "", wait: float = 0.0) -> tuple[Message, ...]:
        self.waits.append(wait)
        return await self.inner.inbox(msisdn, after)


class World:
    """A simulated network behind a server, and a relying party's calls."""

    def __init__(self, channel: grpc.aio.Channel, network: ListeningNetwork) -> None:
        self.network = network
        self.stub: SimulatorServiceAsyncStub = SimulatorServiceStub(channel)
        self.metadata = bearer(TOKEN)

    async def update(self, *changes: pb.SubscriberChange, number: str = NUMBER) -> pb.SimulatedSubscriber:
        request = pb.UpdateSubscriberRequest(phone_number=number, changes=changes)
        return (await self.stub.UpdateSubscriber(request, metadata=self.metadata)).subscriber

    async def subscriber(self) -> pb.SimulatedSubscriber:
        request = pb.GetSubscriberRequest(phone_number=NUMBER)
        return (await self.stub.GetSubscriber(request, metadata=self.metadata)).subscriber

    async def inbox(self, **asked: Any) -> list[pb.Message]:
        request = pb.GetInboxRequest(phone_number=NUMBER, **asked)
        return list((await self.stub.GetInbox(request, metadata=self.metadata)).messages)


@asynccontextmanager
async def made(clock: FakeClock | SimulatedClock) -> AsyncIterator[World]:
    advance = clock.advance if isinstance(clock, SimulatedClock) else None
    network = ListeningNetwork(SimulatedNetwork(1, clock, advance=advance))
    service = SimulatorService(gate_of(TOKEN), network)
    described = pb.DESCRIPTOR.services_by_name["SimulatorService"]
    async with serving(lambda server: add_handlers(server, described, service)) as channel:
        yield World(channel, network)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with made(FakeClock()) as it:
        yield it


async def test_only_relying_parties_play(world: World) -> None:
    for call in (
        world.stub.ListOperators(pb.ListOperatorsRequest()),
        world.stub.GetInbox(pb.GetInboxRequest(phone_number=NUMBER)),
        world.stub.GetSubscriber(pb.GetSubscriberRequest(phone_number=NUMBER)),
        world.stub.UpdateSubscriber(pb.UpdateSubscriberRequest(phone_number=NUMBER)),
        world.stub.UpdateOperator(pb.UpdateOperatorRequest(operator_id="mts")),
        world.stub.EmitEvent(pb.EmitEventRequest(phone_number=NUMBER)),
        world.stub.OpenAuthUrl(pb.OpenAuthUrlRequest(phone_number=NUMBER)),
        world.stub.AdvanceClock(pb.AdvanceClockRequest()),
    ):
        assert (await failure(call)).code is grpc.StatusCode.UNAUTHENTICATED


async def test_operators_are_listed_with_their_ranges(world: World) -> None:
    answer = await world.stub.ListOperators(pb.ListOperatorsRequest(), metadata=world.metadata)
    operators = {item.operator_id: item for item in answer.operators}
    assert list(operators) == sorted(operators)
    mts = operators["mts"]
    assert (mts.display_name, list(mts.plmns), mts.example_phone_number) == ("MTS", ["250-01"], NUMBER)
    assert any(item.first_phone_number <= NUMBER <= item.last_phone_number for item in mts.ranges)
    for item in mts.ranges:
        assert len(item.first_phone_number) == len(item.last_phone_number) == len(NUMBER)
    assert not operators["rostelecom-fixed"].plmns


async def test_a_message_id_is_no_longer_than_any_given_out(world: World) -> None:
    assert await world.inbox(after_message_id="f" * MAX_MESSAGE_ID) == []
    request = pb.GetInboxRequest(phone_number=NUMBER, after_message_id="f" * (MAX_MESSAGE_ID + 1))
    found = await failure(world.stub.GetInbox(request, metadata=world.metadata))
    assert (found.code, found.reason, found.field) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "AFTER_MESSAGE_ID_TOO_LONG",
        "after_message_id",
    )


async def test_messages_are_read_as_they_came(world: World) -> None:
    inner = world.network.inner
    subscriber = inner.subscriber(NUMBER)
    inner.deliver(subscriber, MessageKind.SMS, "Messenger", "Ваш код 123456")
    inner.deliver(subscriber, MessageKind.VOICE, "Messenger", "one two three")
    sms, voice = await world.inbox()
    assert (sms.kind, sms.sender_id, sms.text) == (pb.MESSAGE_KIND_SMS, "Messenger", "Ваш код 123456")
    assert sms.receive_time.seconds == inner.clock.now()
    assert voice.kind == pb.MESSAGE_KIND_VOICE
    assert [item.message_id for item in await world.inbox(after_message_id=sms.message_id)] == [voice.message_id]


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (None, 0.0),
        (Duration(seconds=2, nanos=500_000_000), 2.5),
        (Duration(seconds=30), MAX_WAIT),
        (Duration(seconds=31), MAX_WAIT),
        (Duration(seconds=2**62), MAX_WAIT),
    ],
)
async def test_a_wait_ends_after_thirty_seconds(world: World, asked: Duration | None, waited: float) -> None:
    await world.inbox(wait=asked)
    assert world.network.waits == [waited]


@pytest.mark.parametrize("wait", [Duration(seconds=-1), Duration(nanos=-1), Duration(nanos=1_000_000_000)])
async def test_a_wait_that_is_no_time_is_refused(world: World, wait: Duration) -> None:
    found = await failure(world.inbox(wait=wait))
    assert (found.code.name, found.reason, found.field) == ("INVALID_ARGUMENT", "DURATION_NEGATIVE", "wait")
    assert world.network.waits == []


@pytest.mark.parametrize(
    "number", ["", "79161234567", "+7 916 1234567", "+٧٩١٦١٢٣٤٥٦٧", "+0123456789", "+" + "7" * 5_000]
)
async def test_a_number_not_in_e164_is_refused(world: World, number: str) -> None:
    metadata = world.metadata
    for call in (
        world.stub.GetInbox(pb.GetInboxRequest(phone_number=number), metadata=metadata),
        world.stub.GetSubscriber(pb.GetSubscriberRequest(phone_number=number), metadata=metadata),
        world.update(pb.SubscriberChange(recycle=pb.Recycle()), number=number),
    ):
        found = await failure(call)
        assert (found.reason, found.field) == ("PHONE_NUMBER_MALFORMED", "phone_number")


async def test_a_number_nobody_simulates_is_not_found(world: World) -> None:
    request = pb.GetSubscriberRequest(phone_number=NOBODYS)
    found = await failure(world.stub.GetSubscriber(request, metadata=world.metadata))
    assert (found.code.name, found.reason) == ("NOT_FOUND", "PHONE_NUMBER_NOT_SIMULATED")


KINDS: list[tuple[pb.SubscriberChange, Change]] = [
    (pb.SubscriberChange(swap_sim=pb.SwapSim(kind=op.SIM_CHANGE_KIND_ESIM)), SwapSim(SimChangeKind.ESIM)),
    (pb.SubscriberChange(change_device=pb.ChangeDevice()), ChangeDevice("", 1)),
    (
        pb.SubscriberChange(change_device=pb.ChangeDevice(tac="35332811", sims_on_device=9)),
        ChangeDevice("35332811", 9),
    ),
    (pb.SubscriberChange(port=pb.PortNumber(operator_id="megafon")), PortNumber("megafon", "")),
    (pb.SubscriberChange(port=pb.PortNumber(operator_id="other", plmn="208-01")), PortNumber("other", "208-01")),
    (
        pb.SubscriberChange(set_forwarding=pb.SetForwarding(kind=op.FORWARDING_KIND_BUSY, active=True)),
        SetForwarding(ForwardingKind.BUSY, active=True),
    ),
    (
        pb.SubscriberChange(set_forwarding=pb.SetForwarding(kind=op.FORWARDING_KIND_NO_REPLY)),
        SetForwarding(ForwardingKind.NO_REPLY, active=False),
    ),
    (pb.SubscriberChange(roam=pb.Roam(plmn="262-01")), Roam("262-01")),
    (
        pb.SubscriberChange(
            set_services=pb.SetServices(sms_service=op.SERVICE_STATE_OFF, data_service=op.SERVICE_STATE_ON)
        ),
        SetServices(sms=ServiceState.OFF, voice=None, data=ServiceState.ON),
    ),
    (
        pb.SubscriberChange(set_services=pb.SetServices(voice_service=op.SERVICE_STATE_BARRED)),
        SetServices(voice=ServiceState.BARRED),
    ),
    (pb.SubscriberChange(recycle=pb.Recycle()), Recycle()),
    (pb.SubscriberChange(terminate=pb.Terminate()), Terminate()),
    (pb.SubscriberChange(activate=pb.Activate()), Activate()),
    (pb.SubscriberChange(line_type=op.LINE_TYPE_VOIP), SetLineType(LineType.VOIP)),
    (pb.SubscriberChange(contract_type=op.CONTRACT_TYPE_CORPORATE), SetContractType(ContractType.CORPORATE)),
    (pb.SubscriberChange(identity_on_file=False), SetIdentityOnFile(identity_on_file=False)),
    (pb.SubscriberChange(reachability=op.REACHABILITY_NOT_REACHABLE), SetReachability(Reachability.NOT_REACHABLE)),
    (pb.SubscriberChange(reachability=op.REACHABILITY_SMS_ONLY), SetReachability(Reachability.SMS_ONLY)),
    (pb.SubscriberChange(reachability=op.REACHABILITY_DATA_ONLY), SetReachability(Reachability.DATA_ONLY)),
    (pb.SubscriberChange(home_routed=True), SetHomeRouted(home_routed=True)),
    (
        pb.SubscriberChange(
            delivery=pb.Delivery(behavior=pb.DELIVERY_BEHAVIOR_REFUSE, delay=Duration(nanos=250_000_000))
        ),
        SetDelivery(DeliveryBehavior.REFUSE, 0.25),
    ),
    *[
        (
            pb.SubscriberChange(delivery=pb.Delivery(behavior=pb.DeliveryBehavior.Value(f"DELIVERY_BEHAVIOR_{name}"))),
            SetDelivery(DeliveryBehavior(name)),
        )
        for name in ("DELIVER", "FAIL", "VANISH", "NO_RECEIPT")
    ],
    (
        pb.SubscriberChange(
            override=pb.SignalOverride(
                signal=op.SIGNAL_KIND_PORT, state=op.SIGNAL_STATE_ERROR, code_space="map", code="27"
            )
        ),
        OverrideSignal("port", SignalState.ERROR, "map", "27"),
    ),
    (
        pb.SubscriberChange(override=pb.SignalOverride(signal=op.SIGNAL_KIND_SERVING, state=op.SIGNAL_STATE_OK)),
        OverrideSignal("serving", SignalState.OK),
    ),
    (pb.SubscriberChange(lookup=pb.Lookup(delay=Duration(seconds=3), fail=True)), ScriptLookup(3.0, fail=True)),
]


@pytest.mark.parametrize(("message", "change"), KINDS, ids=lambda item: type(item).__name__)
def test_every_kind_of_change_is_read(message: pb.SubscriberChange, change: Change) -> None:
    assert changes_of(pb.UpdateSubscriberRequest(changes=[message])) == [change]
    message = pb.SubscriberChange.FromString(message.SerializeToString())
    message.report_delay.FromMilliseconds(89_500)
    assert changes_of(pb.UpdateSubscriberRequest(changes=[message])) == [At(None, change, 90)]
    message.occur_time.seconds = 1_700_000_000
    assert changes_of(pb.UpdateSubscriberRequest(changes=[message])) == [At(1_700_000_000, change, 90)]


def test_no_kind_of_change_was_forgotten() -> None:
    arms = {item.name for item in pb.SubscriberChange.DESCRIPTOR.oneofs_by_name["change"].fields}
    assert {message.WhichOneof("change") for message, _ in KINDS} == arms


SWAP = pb.SubscriberChange(swap_sim=pb.SwapSim(kind=op.SIM_CHANGE_KIND_REPLACED))
OVERRIDE: dict[str, Any] = {"signal": op.SIGNAL_KIND_PORT, "state": op.SIGNAL_STATE_ERROR}


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({}, "change", "CHANGE_REQUIRED"),
        ({"swap_sim": {}}, "swap_sim.kind", "VALUE_UNKNOWN"),
        ({"swap_sim": {"kind": 99}}, "swap_sim.kind", "VALUE_UNKNOWN"),
        ({"port": {}}, "port.operator_id", "OPERATOR_ID_LENGTH"),
        ({"port": {"operator_id": "x" * 65}}, "port.operator_id", "OPERATOR_ID_LENGTH"),
        ({"set_forwarding": {"kind": 5}}, "set_forwarding.kind", "VALUE_UNKNOWN"),
        ({"set_services": {"voice_service": 9}}, "set_services.voice_service", "VALUE_UNKNOWN"),
        ({"line_type": 0}, "line_type", "VALUE_UNKNOWN"),
        ({"line_type": -1}, "line_type", "VALUE_UNKNOWN"),
        ({"contract_type": 4}, "contract_type", "VALUE_UNKNOWN"),
        ({"reachability": 0}, "reachability", "VALUE_UNKNOWN"),
        ({"delivery": {}}, "delivery.behavior", "VALUE_UNKNOWN"),
        (
            {"delivery": {"behavior": pb.DELIVERY_BEHAVIOR_FAIL, "delay": {"seconds": -1}}},
            "delivery.delay",
            "DURATION_NEGATIVE",
        ),
        ({"override": OVERRIDE | {"signal": 0}}, "override.signal", "VALUE_UNKNOWN"),
        ({"override": OVERRIDE | {"state": 0}}, "override.state", "VALUE_UNKNOWN"),
        ({"override": OVERRIDE | {"code_space": "m" * 33}}, "override.code_space", "CODE_SPACE_MALFORMED"),
        ({"override": OVERRIDE | {"code_space": "m\n"}}, "override.code_space", "CODE_SPACE_MALFORMED"),
        ({"override": OVERRIDE | {"code": "27\n"}}, "override.code", "CODE_MALFORMED"),
        ({"override": OVERRIDE | {"code": "1" * 129}}, "override.code", "CODE_MALFORMED"),
        ({"lookup": {"delay": {"nanos": -5}}}, "lookup.delay", "DURATION_NEGATIVE"),
        ({"recycle": {}, "occur_time": {"seconds": -1}}, "occur_time", "OCCUR_TIME_TOO_EARLY"),
        ({"recycle": {}, "report_delay": {"seconds": -1}}, "report_delay", "DURATION_NEGATIVE"),
    ],
)
async def test_a_change_that_cannot_be_read_changes_nothing(
    world: World, change: dict[str, Any], field: str, reason: str
) -> None:
    before = await world.subscriber()
    found = await failure(world.update(SWAP, pb.SubscriberChange(**change)))
    assert (found.code.name, found.reason, found.field) == ("INVALID_ARGUMENT", reason, f"changes[1].{field}")
    assert await world.subscriber() == before


@pytest.mark.parametrize("count", [0, MAX_CHANGES + 1, 1_000])
async def test_the_count_of_changes_is_bounded(world: World, count: int) -> None:
    found = await failure(world.update(*[SWAP] * count))
    assert (found.code.name, found.reason, found.field) == ("INVALID_ARGUMENT", "CHANGES_COUNT", "changes")


async def test_sixteen_changes_happen_together(world: World) -> None:
    before = await world.subscriber()
    after = await world.update(*[SWAP] * MAX_CHANGES)
    assert after.sim_generation == before.sim_generation + MAX_CHANGES
    assert await world.subscriber() == after


async def test_the_networks_own_refusals_are_passed_on(world: World) -> None:
    found = await failure(world.update(SWAP, pb.SubscriberChange(roam=pb.Roam(plmn="25001"))))
    assert (found.reason, found.field) == ("SUBSCRIBER_CHANGE_INVALID", "changes")
    future = pb.SubscriberChange(recycle=pb.Recycle(), occur_time=Timestamp(seconds=2**40))
    assert (await failure(world.update(future))).reason == "OCCUR_TIME_IN_FUTURE"
    found = await failure(world.update(pb.SubscriberChange(activate=pb.Activate())))
    assert (found.code.name, found.reason) == ("FAILED_PRECONDITION", "SUBSCRIBER_STATE")


async def test_a_changed_subscriber_is_shown_as_changed(world: World) -> None:
    now = world.network.inner.clock.now()
    changes = [
        pb.SubscriberChange(port=pb.PortNumber(operator_id="megafon"), occur_time=Timestamp(seconds=now - 60)),
        pb.SubscriberChange(set_forwarding=pb.SetForwarding(kind=op.FORWARDING_KIND_UNCONDITIONAL, active=True)),
        pb.SubscriberChange(set_services=pb.SetServices(voice_service=op.SERVICE_STATE_OFF)),
        pb.SubscriberChange(override=pb.SignalOverride(code="27", code_space="map", **OVERRIDE)),
        pb.SubscriberChange(
            delivery=pb.Delivery(behavior=pb.DELIVERY_BEHAVIOR_FAIL, delay=Duration(seconds=1, nanos=500_000_000))
        ),
        pb.SubscriberChange(lookup=pb.Lookup(delay=Duration(seconds=2), fail=True)),
    ]
    seen = await world.update(*changes)
    assert (seen.operator_id, seen.plmn, seen.state) == ("megafon", "250-02", pb.SUBSCRIPTION_STATE_ACTIVE)
    assert (seen.port.port_time.seconds, seen.port.from_operator_id) == (now - 60, "mts")
    assert (seen.sim_change.change_time.seconds, seen.sim_change.kind) == (now - 60, op.SIM_CHANGE_KIND_PORT_IN)
    assert list(seen.forwarding) == [op.FORWARDING_KIND_UNCONDITIONAL]
    assert (seen.sms_service, seen.voice_service) == (op.SERVICE_STATE_ON, op.SERVICE_STATE_OFF)
    (override,) = seen.overrides
    assert override == pb.SignalOverride(code="27", code_space="map", **OVERRIDE)
    assert seen.delivery == changes[4].delivery
    assert seen.lookup == changes[5].lookup


@pytest.mark.parametrize("line_type", list(LineType))
@pytest.mark.parametrize("reachability", list(Reachability))
def test_every_state_the_simulation_can_be_in_has_a_message(line_type: LineType, reachability: Reachability) -> None:
    drawn = SimulatedNetwork(1, FakeClock()).subscriber(NUMBER)
    message = subscriber_message(replace(drawn, line_type=line_type, reachability=reachability))
    assert (message.line_type, message.reachability) == (LINE_TYPES[line_type], REACHABILITIES[reachability])


def test_a_subscriber_without_history_or_with_odd_codes_is_shown_so() -> None:
    drawn = SimulatedNetwork(1, FakeClock()).subscriber(NUMBER)
    bare = replace(drawn, sim_change=None, port=None, overrides=(OverrideSignal("port", SignalState.STALE),))
    message = subscriber_message(bare)
    assert not message.HasField("sim_change")
    assert not message.HasField("port")
    assert message.overrides[0].code == ""
    dated = replace(bare, sim_change=SimChange(5, SimChangeKind.NEW), port=Port(6, "mts"))
    assert subscriber_message(dated).sim_change.change_time.seconds == 5


@pytest.mark.parametrize(
    ("values", "enumeration"),
    [
        (LINE_TYPES, op.LineType),
        (CONTRACT_TYPES, op.ContractType),
        (SERVICE_STATES, op.ServiceState),
        (REACHABILITIES, op.Reachability),
    ],
    ids=["line type", "contract type", "service state", "reachability"],
)
def test_domain_and_contract_have_the_same_values(values: Mapping[Enum, int], enumeration: EnumTypeWrapper) -> None:
    names = {value: name for name, value in enumeration.items() if value}
    assert sorted(values.values()) == sorted(names)
    assert all(names[value].endswith(f"_{item.name}") for item, value in values.items())


def test_every_signal_has_its_number() -> None:
    assert set(SIGNALS) == set(SIGNAL_NAMES)
    assert set(SIGNALS.values()) == {value for _, value in op.SignalKind.items() if value}


@pytest.mark.parametrize("delay", [0.1, 1.9999999999, 0.0])
def test_a_delay_is_a_duration_that_can_be_sent(delay: float) -> None:
    drawn = SimulatedNetwork(1, FakeClock()).subscriber(NUMBER)
    message = subscriber_message(replace(drawn, delivery=SetDelivery(DeliveryBehavior.DELIVER, delay)))
    assert message.delivery.delay.ToTimedelta().total_seconds() == pytest.approx(delay, abs=1e-6)


async def update_operator(world: World, operator_id: str, **behavior: Any) -> pb.SimulatedOperator:
    request = pb.UpdateOperatorRequest(operator_id=operator_id, behavior=pb.OperatorBehavior(**behavior))
    return (await world.stub.UpdateOperator(request, metadata=world.metadata)).operator


async def test_an_operator_is_made_ill_and_well_again(world: World) -> None:
    ill = await update_operator(world, "mts", delay={"seconds": 1, "nanos": 500_000_000}, fail=True, hold_events=True)
    assert ill.operator_id == "mts"
    assert (ill.behavior.delay.ToMilliseconds(), ill.behavior.fail, ill.behavior.hold_events) == (1_500, True, True)
    listed = await world.stub.ListOperators(pb.ListOperatorsRequest(), metadata=world.metadata)
    assert {item.operator_id for item in listed.operators if item.behavior.fail} == {"mts"}
    well = await update_operator(world, "mts")
    assert (well.behavior.delay.ToMilliseconds(), well.behavior.fail, well.behavior.hold_events) == (0, False, False)


@pytest.mark.parametrize(
    ("operator_id", "behavior", "code", "reason", "field"),
    [
        ("", {}, "INVALID_ARGUMENT", "OPERATOR_ID_LENGTH", "operator_id"),
        ("m" * 65, {}, "INVALID_ARGUMENT", "OPERATOR_ID_LENGTH", "operator_id"),
        ("yota", {}, "NOT_FOUND", "OPERATOR_NOT_SIMULATED", None),
        ("mts", {"delay": {"nanos": -1}}, "INVALID_ARGUMENT", "DURATION_NEGATIVE", "behavior.delay"),
        ("mts", {"delay": {"seconds": 3_601}}, "INVALID_ARGUMENT", "BEHAVIOR_DELAY_OUT_OF_RANGE", "behavior.delay"),
    ],
)
async def test_a_condition_no_operator_can_be_in_is_refused(
    world: World, operator_id: str, behavior: dict[str, Any], code: str, reason: str, field: str | None
) -> None:
    found = await failure(update_operator(world, operator_id, fail=True, **behavior))
    assert (found.code.name, found.reason, found.field) == (code, reason, field)
    assert not any(item.behavior.fail for item in world.network.inner.operators())


async def emit(world: World, kind: int, **asked: Any) -> str:
    request = pb.EmitEventRequest(phone_number=NUMBER, kind=pb.SimulatedEventKind.ValueType(kind), **asked)
    return (await world.stub.EmitEvent(request, metadata=world.metadata)).event_id


@pytest.mark.parametrize("kind", WATCHED_KINDS)
async def test_every_kind_of_event_can_be_sent(world: World, kind: EventKind) -> None:
    value = pb.SimulatedEventKind.Value(f"SIMULATED_EVENT_KIND_{kind.name}")
    assert await emit(world, value) == ""
    await SimulatedOperator(world.network.inner, "mts").watch_subscriber(WatchOrder("w1", NUMBER, "a1"))
    assert await emit(world, value) != ""
    assert world.network.emitted == [EmittedEvent(kind)] * 2


async def test_an_event_is_sent_as_asked(world: World) -> None:
    asked = {"occur_time": Timestamp(seconds=2**33), "copies": MAX_COPIES, "fraud_suspected": True}
    await emit(world, pb.SIMULATED_EVENT_KIND_SIM_CHANGE, **asked)
    assert world.network.emitted == [EmittedEvent(EventKind.SIM_CHANGE, 2**33, MAX_COPIES, fraud_suspected=True)]


@pytest.mark.parametrize(
    ("kind", "asked", "field", "reason"),
    [
        (0, {}, "kind", "VALUE_UNKNOWN"),
        (7, {}, "kind", "VALUE_UNKNOWN"),
        (1, {"copies": MAX_COPIES + 1}, "copies", "COPIES_OUT_OF_RANGE"),
        (1, {"copies": -1}, "copies", "COPIES_OUT_OF_RANGE"),
        (1, {"occur_time": Timestamp(seconds=-1)}, "occur_time", "OCCUR_TIME_TOO_EARLY"),
        (4, {"fraud_suspected": True}, "fraud_suspected", "FRAUD_NOT_SAID"),
    ],
)
async def test_an_event_that_cannot_be_read_is_not_sent(
    world: World, kind: int, asked: dict[str, Any], field: str, reason: str
) -> None:
    found = await failure(emit(world, kind, **asked))
    assert (found.code.name, found.reason, found.field) == ("INVALID_ARGUMENT", reason, field)
    assert world.network.emitted == []


async def open_auth_url(world: World, url: str, number: str = NUMBER) -> pb.OpenAuthUrlResponse:
    request = pb.OpenAuthUrlRequest(phone_number=number, auth_url=url)
    return await world.stub.OpenAuthUrl(request, metadata=world.metadata)


async def test_a_page_is_opened_from_a_handset(world: World) -> None:
    network = world.network.inner
    mts = SimulatedOperator(network, "mts")
    expire_time = network.clock.now() + 60
    order = NetworkOrder("n1", NUMBER, "https://messenger.example/back", "s" * 16, expire_time, "a1", "SIGN_UP")
    page = await mts.start_network_check(order)
    opened = await open_auth_url(world, page.auth_url)
    assert (opened.state, opened.error) == (order.state, "")
    offer = NetworkOffer("f1", NUMBER, page.challenge, opened.authorization_code, opened.state)
    assert (await mts.finish_network_check(offer)).outcome is NetworkOutcome.MATCH
    refused = await open_auth_url(world, page.auth_url, "+79261234567")
    assert (refused.authorization_code, refused.state, refused.error) == ("", order.state, "invalid_request")


@pytest.mark.parametrize(
    ("url", "code", "reason"),
    [
        ("", "INVALID_ARGUMENT", "AUTH_URL_LENGTH"),
        ("h" * (MAX_AUTH_URL + 1), "INVALID_ARGUMENT", "AUTH_URL_LENGTH"),
        ("https://network.mts.example/authorize", "NOT_FOUND", "AUTH_URL_UNKNOWN"),
    ],
)
async def test_an_address_that_is_no_page_is_refused(world: World, url: str, code: str, reason: str) -> None:
    found = await failure(open_auth_url(world, url))
    assert (found.code.name, found.reason) == (code, reason)


async def advance(world: World, **duration: int) -> int:
    request = pb.AdvanceClockRequest(duration=Duration(**duration))
    return (await world.stub.AdvanceClock(request, metadata=world.metadata)).now.seconds


async def test_a_simulated_clock_is_moved() -> None:
    async with made(SimulatedClock(1_750_000_000)) as world:
        assert await advance(world, seconds=90) == 1_750_000_090
        assert await advance(world) == 1_750_000_090
        assert await advance(world, seconds=366 * 86_400) == world.network.inner.clock.now()


@pytest.mark.parametrize(
    ("duration", "reason"),
    [
        ({"seconds": -1}, "DURATION_NEGATIVE"),
        ({"nanos": 500_000_000}, "DURATION_NOT_WHOLE"),
        ({"seconds": 366 * 86_400 + 1}, "DURATION_TOO_LONG"),
    ],
)
async def test_a_clock_is_not_moved_so(duration: dict[str, int], reason: str) -> None:
    async with made(SimulatedClock(1_750_000_000)) as world:
        found = await failure(advance(world, **duration))
        assert (found.code.name, found.reason, found.field) == ("INVALID_ARGUMENT", reason, "duration")
        assert world.network.inner.clock.now() == 1_750_000_000


async def test_nobody_moves_a_real_clock(world: World) -> None:
    found = await failure(advance(world, seconds=1))
    assert (found.code.name, found.reason) == ("FAILED_PRECONDITION", "REAL_CLOCK")
