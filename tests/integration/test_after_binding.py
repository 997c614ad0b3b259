"""What becomes of a binding after it was made, over real gRPC: from the operator's event to the messenger's answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from fakes import channels
from fakes.clock import FakeClock
from fakes.messenger import Messenger, answers, codes, refused, result
from fakes.world import NOW, World
from numseal.api.operator.v1 import subscriber_pb2
from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.verification.v1 import assurance_pb2, binding_pb2, verification_pb2
from numseal.apps.development import Development
from numseal.apps.server import serving

MTS, KCELL = "+79161234567", "+77011234568"
HOUR, DAY = 3_600, 86_400

SWAP = simulator_pb2.SubscriberChange(swap_sim=simulator_pb2.SwapSim(kind=subscriber_pb2.SIM_CHANGE_KIND_REPLACED))
TERMINATE = simulator_pb2.SubscriberChange(terminate=simulator_pb2.Terminate())
RECYCLE = simulator_pb2.SubscriberChange(recycle=simulator_pb2.Recycle())
TO_MEGAFON = simulator_pb2.SubscriberChange(port=simulator_pb2.PortNumber(operator_id="megafon"))


async def bound(messenger: Messenger, number: str = MTS, account: str = "alice") -> str:
    """Sign up and return the binding."""
    return (await messenger.sign_up(number, account)).binding_id


async def read(messenger: Messenger, binding_id: str) -> binding_pb2.Binding:
    request = binding_pb2.GetBindingRequest(binding_id=binding_id)
    return (await messenger.binding.GetBinding(request, metadata=messenger.metadata)).binding


def monitoring(binding: binding_pb2.Binding) -> str:
    return binding_pb2.MonitoringState.Name(binding.monitoring_state).removeprefix("MONITORING_STATE_")


async def became(
    messenger: Messenger, binding_id: str, wanted: Callable[[binding_pb2.Binding], bool], within: float = 5
) -> binding_pb2.Binding:
    """Ask until the binding is as wanted."""
    async with asyncio.timeout(within):
        while not wanted(found := await read(messenger, binding_id)):  # noqa: ASYNC110 - asked as a messenger asks
            await asyncio.sleep(0.01)
    return found


async def answered(messenger: Messenger, wanted: str, within: float = 5, **asked: Any) -> None:
    """Show the number until the answer is as wanted."""
    async with asyncio.timeout(within):
        while result(await messenger.shown(MTS, **asked)) != wanted:  # noqa: ASYNC110 - asked as a messenger asks
            await asyncio.sleep(0.005)


async def watched(messenger: Messenger, number: str = MTS, account: str = "alice") -> str:
    """Sign up and wait until the number is watched."""
    binding_id = await bound(messenger, number, account)
    await became(messenger, binding_id, lambda found: monitoring(found) == "WATCHED")
    return binding_id


@asynccontextmanager
async def stream(messenger: Messenger, cursor: str = "c1-0") -> AsyncIterator[Any]:
    call = messenger.binding.WatchBindings(binding_pb2.WatchBindingsRequest(cursor=cursor), metadata=messenger.metadata)
    try:
        async with asyncio.timeout(10):
            yield call
    finally:
        call.cancel()


async def changes(call: Any, count: int) -> list[binding_pb2.WatchBindingsResponse]:
    found: list[binding_pb2.WatchBindingsResponse] = []
    while len(found) < count:
        step = await anext(aiter(call))
        if step.HasField("change"):
            found.append(step)
    return found


def kinds(steps: list[binding_pb2.WatchBindingsResponse]) -> list[str]:
    names = (binding_pb2.BindingChangeKind.Name(step.change.kind) for step in steps)
    return [name.removeprefix("BINDING_CHANGE_KIND_") for name in names]


async def test_a_new_sim_lowers_the_level_within_a_second_and_goes_stale_after_a_week(world: World) -> None:
    binding_id = await watched(world.messenger)
    world.clock.advance(HOUR)
    await world.messenger.change(MTS, SWAP)
    found = await became(world.messenger, binding_id, lambda item: item.HasField("reverify_by"), within=1)
    assert found.reverify_by.seconds == NOW + HOUR + 7 * DAY
    assert [finding.code for finding in found.findings] == ["SIM_CHANGED_SINCE_BINDING"]
    assert result(await world.messenger.shown(MTS)) == "GENUINE"
    world.clock.advance(7 * DAY)
    answer = await world.messenger.shown(MTS)
    assert result(answer) == "STALE"
    assert "REVERIFICATION_OVERDUE" in codes(answer)


@pytest.mark.parametrize(("change", "reason"), [(TERMINATE, "TERMINATED"), (RECYCLE, "REASSIGNED")])
async def test_a_number_that_is_given_up_is_revoked_within_a_second(
    world: World, change: simulator_pb2.SubscriberChange, reason: str
) -> None:
    binding_id = await watched(world.messenger)
    world.clock.advance(HOUR)
    await world.messenger.change(MTS, change)
    await answered(world.messenger, "REVOKED", within=1)
    found = await read(world.messenger, binding_id)
    assert binding_pb2.RevocationReason.Name(found.revocation_reason) == f"REVOCATION_REASON_{reason}"


async def test_suspected_fraud_suspends(world: World) -> None:
    binding_id = await watched(world.messenger)
    world.clock.advance(HOUR)
    request = simulator_pb2.EmitEventRequest(
        phone_number=MTS,
        kind=simulator_pb2.SIMULATED_EVENT_KIND_SIM_CHANGE,
        copies=5,
        fraud_suspected=True,
    )
    await world.messenger.simulator.EmitEvent(request, metadata=world.messenger.metadata)
    await became(world.messenger, binding_id, lambda item: item.state == binding_pb2.BINDING_STATE_SUSPENDED, within=1)
    assert result(await world.messenger.shown(MTS)) == "SUSPENDED"
    async with stream(world.messenger) as call:
        steps = await changes(call, 4)
    assert kinds(steps) == ["CREATED", "MONITORING_CHANGED", "SUSPENDED", "LEVEL_CHANGED"]
    assert {finding.code for finding in steps[2].change.findings} == {"FRAUD_SUSPECTED", "SIM_CHANGED_SINCE_BINDING"}


async def test_an_event_from_before_the_binding_ends_nothing(world: World) -> None:
    binding_id = await watched(world.messenger)
    request = simulator_pb2.EmitEventRequest(
        phone_number=MTS, kind=simulator_pb2.SIMULATED_EVENT_KIND_TERMINATED, copies=3
    )
    request.occur_time.FromSeconds(NOW - DAY)
    await world.messenger.simulator.EmitEvent(request, metadata=world.messenger.metadata)
    world.clock.advance(HOUR)
    await world.messenger.change(MTS, SWAP)
    found = await became(world.messenger, binding_id, lambda item: item.HasField("reverify_by"))
    assert found.state == binding_pb2.BINDING_STATE_ACTIVE


async def test_a_number_that_moves_is_followed_to_its_new_operator(world: World) -> None:
    binding_id = await watched(world.messenger)
    world.clock.advance(HOUR)
    await world.messenger.change(MTS, TO_MEGAFON)
    found = await became(
        world.messenger,
        binding_id,
        lambda item: item.operator.operator_id == "megafon" and monitoring(item) == "WATCHED",
    )
    assert "PORTED_SINCE_BINDING" in {finding.code for finding in found.findings}
    world.clock.advance(HOUR)
    await world.messenger.change(MTS, TERMINATE)
    await became(world.messenger, binding_id, lambda item: item.state == binding_pb2.BINDING_STATE_REVOKED)


async def test_an_operator_without_events_is_asked_once_a_day(world: World) -> None:
    binding_id = await bound(world.messenger, KCELL)
    await became(world.messenger, binding_id, lambda item: monitoring(item) == "POLLED")
    world.clock.advance(HOUR)
    await world.messenger.change(KCELL, RECYCLE)
    assert result(await world.messenger.shown(KCELL)) == "GENUINE"
    world.clock.advance(DAY)
    await became(world.messenger, binding_id, lambda item: item.state == binding_pb2.BINDING_STATE_REVOKED)
    assert result(await world.messenger.shown(KCELL)) == "REVOKED"


async def test_a_binding_expires_by_itself(world: World) -> None:
    binding_id = await watched(world.messenger)
    world.clock.advance(31 * DAY)
    async with stream(world.messenger) as call:
        while kinds(await changes(call, 1)) != ["EXPIRED"]:
            pass
    assert (await read(world.messenger, binding_id)).state == binding_pb2.BINDING_STATE_EXPIRED


async def test_a_watched_number_stays_observed_and_says_so_when_it_is_not(world: World) -> None:
    await watched(world.messenger)
    lately: dict[str, Any] = {"max_age": Duration(seconds=60)}
    world.clock.advance(HOUR)
    await answered(world.messenger, "GENUINE", **lately)
    hold = simulator_pb2.UpdateOperatorRequest(
        operator_id="mts", behavior=simulator_pb2.OperatorBehavior(hold_events=True)
    )
    await world.messenger.simulator.UpdateOperator(hold, metadata=world.messenger.metadata)
    world.clock.advance(61)
    answer = await world.messenger.shown(MTS, **lately)
    assert result(answer) == "STALE"
    assert codes(answer) == {"MONITORING_INTERRUPTED", "OBSERVATION_TOO_OLD"}


async def test_refresh_asks_the_operator_now(world: World) -> None:
    binding_id = await bound(world.messenger, KCELL)
    world.clock.advance(HOUR)
    await world.messenger.change(KCELL, SWAP)
    request = binding_pb2.RefreshBindingRequest(binding_id=binding_id, request_id="r1")
    answer = await world.messenger.binding.RefreshBinding(request, metadata=world.messenger.metadata)
    assert {finding.code for finding in answer.findings} == {"SIM_CHANGED_SINCE_BINDING"}
    assert answer.binding.observed_time.seconds == NOW + HOUR
    again = await world.messenger.binding.RefreshBinding(request, metadata=world.messenger.metadata)
    assert again == answer
    with answers("NOT_FOUND", "BINDING_NOT_FOUND"):
        await world.other.binding.RefreshBinding(request, metadata=world.other.metadata)


async def test_a_stream_tells_a_relying_party_its_own_changes_only(world: World) -> None:
    await watched(world.messenger)
    await bound(world.other, "+79161234568", "bob")
    async with stream(world.other) as call:
        (step,) = await changes(call, 1)
    assert step.change.binding.account_id == "bob"


async def test_a_restart_loses_no_change_and_no_watch(setup: Development) -> None:
    clock = FakeClock(NOW)
    token = (("authorization", f"Bearer {setup.token}"),)
    async with serving(setup.config, clock) as addresses, channels.plain(addresses.grpc) as channel:
        messenger = Messenger(channel, token)
        binding_id = await watched(messenger)
        async with stream(messenger) as call:
            cursor = (await changes(call, 1))[0].cursor
    clock.advance(HOUR)
    async with serving(setup.config, clock) as addresses, channels.plain(addresses.grpc) as channel:
        messenger = Messenger(channel, token)
        # The simulated network began anew as well: the number is looked up, and watched again.
        await became(messenger, binding_id, lambda item: item.observed_time.seconds >= NOW + HOUR)
        await became(messenger, binding_id, lambda item: monitoring(item) == "WATCHED")
        clock.advance(HOUR)
        await messenger.change(MTS, TERMINATE)
        await became(messenger, binding_id, lambda item: item.state == binding_pb2.BINDING_STATE_REVOKED)
        async with stream(messenger, cursor) as call:
            assert kinds(await changes(call, 2)) == ["MONITORING_CHANGED", "REVOKED"]


async def test_a_server_that_stops_does_not_wait_for_streams(setup: Development) -> None:
    token = (("authorization", f"Bearer {setup.token}"),)
    async with asyncio.timeout(8):
        async with serving(setup.config, FakeClock(NOW)) as addresses:
            channel = channels.plain(addresses.grpc)
            messenger = Messenger(channel, token)
            call = messenger.binding.WatchBindings(
                binding_pb2.WatchBindingsRequest(cursor="c1-0"), metadata=messenger.metadata
            )
            await messenger.start(MTS)
            await bound(messenger, "+79161234568")
            await changes(call, 1)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await changes(call, 9)
    assert (refused(caught.value).code, refused(caught.value).reason) == ("UNAVAILABLE", "SERVER_STOPPING")
    await channel.close()


async def test_a_level_asked_for_by_default_is_low(world: World) -> None:
    verified = await world.messenger.sign_up(MTS)
    assert verified.assurance_level == assurance_pb2.ASSURANCE_LEVEL_LOW
    assert verified.state == verification_pb2.VERIFICATION_STATE_VERIFIED
    assert result(await world.messenger.shown(MTS)) == "GENUINE"
    asked: dict[str, Any] = {"min_level": assurance_pb2.ASSURANCE_LEVEL_SUBSTANTIAL}
    assert result(await world.messenger.shown(MTS, **asked)) == "UNVERIFIED"
