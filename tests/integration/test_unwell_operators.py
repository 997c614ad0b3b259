"""Operators that are slow, fail or fall silent, over real gRPC; and a thousand copies of one event."""

import asyncio
import time
from typing import Any

from google.protobuf.duration_pb2 import Duration

from fakes.messenger import Messenger, answers, codes, result, state
from fakes.world import World
from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.verification.v1 import assurance_pb2, binding_pb2, verification_pb2

MTS, MTS_2, MEGAFON = "+79161234567", "+79161234568", "+79261234567"
LATELY: dict[str, Any] = {"max_age": Duration(seconds=60)}


async def behave(messenger: Messenger, operator_id: str, delay: int = 0, **behavior: bool) -> None:
    """Make an operator work so; without more it is well."""
    made = simulator_pb2.OperatorBehavior(delay=Duration(seconds=delay), **behavior)
    request = simulator_pb2.UpdateOperatorRequest(operator_id=operator_id, behavior=made)
    await messenger.simulator.UpdateOperator(request, metadata=messenger.metadata)


async def shows(messenger: Messenger, wanted: str, findings: set[str], number: str = MTS) -> None:
    """Show the number until the answer is as wanted."""
    async with asyncio.timeout(5):
        while True:
            answer = await messenger.shown(number, **LATELY)
            if (result(answer), codes(answer)) == (wanted, findings):
                return
            await asyncio.sleep(0.01)


async def watched(messenger: Messenger, number: str) -> str:
    binding_id = (await messenger.sign_up(number)).binding_id
    request = binding_pb2.GetBindingRequest(binding_id=binding_id)
    async with asyncio.timeout(5):
        while True:
            found = (await messenger.binding.GetBinding(request, metadata=messenger.metadata)).binding
            if found.monitoring_state == binding_pb2.MONITORING_STATE_WATCHED:
                return binding_id
            await asyncio.sleep(0.01)


async def test_an_operator_that_fails_after_the_code_leaves_a_low_level_and_a_record(world: World) -> None:
    messenger = world.messenger
    network: dict[str, Any] = {"method": assurance_pb2.METHOD_NETWORK}
    well = await messenger.prove(await messenger.start(MTS_2, "bob", **network), MTS_2)
    assert well.assurance_level > assurance_pb2.ASSURANCE_LEVEL_LOW
    opened = await messenger.start(MTS)
    code = await messenger.code(MTS)
    await behave(messenger, "mts", fail=True)
    ended = (await messenger.check(opened.verification_id, code)).verification
    assert state(ended) == "VERIFIED"
    assert ended.assurance_level == assurance_pb2.ASSURANCE_LEVEL_LOW
    assert "LOOKUP_UNANSWERED" in codes(ended)


async def test_a_slow_operator_slows_no_other(world: World) -> None:
    messenger = world.messenger
    await behave(messenger, "mts", delay=60)
    slow = asyncio.create_task(messenger.start(MTS))
    try:
        for count in range(3):
            ended = await messenger.sign_up(f"+7926123456{count + 7}", f"account-{count}")
            assert state(ended) == "VERIFIED"
        # It was still asked about when three others had signed up.
        assert not slow.done()
        await behave(messenger, "mts")
    finally:
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)


async def test_silence_stops_freshness_and_its_end_brings_it_back(world: World) -> None:
    messenger = world.messenger
    await watched(messenger, MTS)
    await watched(messenger, MEGAFON)
    await behave(messenger, "mts", hold_events=True)
    await shows(messenger, "GENUINE", set())
    for _ in range(5):
        world.clock.advance(15)
        await shows(messenger, "GENUINE", set(), MEGAFON)
    await shows(messenger, "STALE", {"MONITORING_INTERRUPTED", "OBSERVATION_TOO_OLD"})
    # What happened in the silence is told at its end, and then the number is as fresh as before.
    emit = simulator_pb2.EmitEventRequest(phone_number=MTS, kind=simulator_pb2.SIMULATED_EVENT_KIND_DEVICE_CHANGE)
    assert (await messenger.simulator.EmitEvent(emit, metadata=messenger.metadata)).event_id
    await behave(messenger, "mts")
    world.clock.advance(15)
    await shows(messenger, "GENUINE", set())


async def test_a_stream_that_fails_is_opened_again_and_tells_what_was_missed(world: World) -> None:
    messenger = world.messenger
    await watched(messenger, MTS)
    await behave(messenger, "mts", fail=True)
    await messenger.change(MTS, simulator_pb2.SubscriberChange(terminate=simulator_pb2.Terminate()))
    world.clock.advance(75)
    await shows(messenger, "STALE", {"MONITORING_INTERRUPTED", "OBSERVATION_TOO_OLD"})
    await behave(messenger, "mts")
    async with asyncio.timeout(5):
        while result(await messenger.shown(MTS)) != "REVOKED":
            world.clock.advance(15)
            await asyncio.sleep(0.01)


async def test_a_thousand_copies_of_an_event_are_one_change(world: World) -> None:
    messenger = world.messenger
    binding_id = await watched(messenger, MTS)
    world.clock.advance(3_600)
    emit = simulator_pb2.EmitEventRequest(
        phone_number=MTS, kind=simulator_pb2.SIMULATED_EVENT_KIND_SIM_CHANGE, copies=1_000
    )
    await messenger.simulator.EmitEvent(emit, metadata=messenger.metadata)
    nobody = simulator_pb2.EmitEventRequest(
        phone_number=MTS_2, kind=simulator_pb2.SIMULATED_EVENT_KIND_TERMINATED, copies=1_000
    )
    assert not (await messenger.simulator.EmitEvent(nobody, metadata=messenger.metadata)).event_id
    await messenger.change(MTS, simulator_pb2.SubscriberChange(terminate=simulator_pb2.Terminate()))
    call = messenger.binding.WatchBindings(binding_pb2.WatchBindingsRequest(cursor="c1-0"), metadata=messenger.metadata)
    kinds: list[str] = []
    async with asyncio.timeout(10):
        async for step in call:
            if step.HasField("change"):
                assert step.change.binding.binding_id == binding_id
                kinds.append(binding_pb2.BindingChangeKind.Name(step.change.kind).removeprefix("BINDING_CHANGE_KIND_"))
                if kinds[-1] == "REVOKED":
                    break
    call.cancel()
    assert kinds == ["CREATED", "MONITORING_CHANGED", "LEVEL_CHANGED", "REVOKED"]


async def test_an_operator_that_fails_before_the_code_ends_no_verification_of_others(world: World) -> None:
    messenger = world.messenger
    await behave(messenger, "mts", fail=True)
    failed = await messenger.start(MTS)
    assert failed.state in {
        verification_pb2.VERIFICATION_STATE_FAILED,
        verification_pb2.VERIFICATION_STATE_PENDING,
        verification_pb2.VERIFICATION_STATE_CODE_SENT,
    }
    assert state(await messenger.sign_up(MEGAFON, "bob")) == "VERIFIED"
    await behave(messenger, "mts")
    assert state(await messenger.sign_up(MTS_2, "carol")) == "VERIFIED"


async def test_codes_that_could_not_be_sent_are_not_held_against_the_person(world: World) -> None:
    messenger = world.messenger
    opened = await messenger.start(MTS)
    request = verification_pb2.ResendCodeRequest(verification_id=opened.verification_id)
    await behave(messenger, "mts", fail=True)
    for _ in range(6):
        world.clock.advance(60)
        with answers("UNAVAILABLE", "UNAVAILABLE"):
            await messenger.verification.ResendCode(request, metadata=messenger.metadata)
    assert (await messenger.get(opened.verification_id)).sends_remaining == opened.sends_remaining == 4
    await behave(messenger, "mts")
    for delay in (60, 120, 300):
        world.clock.advance(delay)
        await messenger.verification.ResendCode(request, metadata=messenger.metadata)
    texts = await messenger.inbox(MTS)
    assert len(set(texts)) == 4
    assert (await messenger.get(opened.verification_id)).sends_remaining == 1


async def p99(messenger: Messenger, account: str) -> float:
    """Sign numbers of another operator up, one after the other; return how long the slowest but one took, seconds."""
    took = []
    for count in range(40):
        begun = time.monotonic()
        number = f"+79261{account[:1]}{count:05}"
        await messenger.sign_up(number, f"{account}-{count}")
        took.append(time.monotonic() - begun)
    return sorted(took)[-2]


async def test_a_frozen_operator_moves_nobody_elses_p99(world: World) -> None:
    messenger = world.messenger
    usual = await p99(messenger, "1-before")
    await behave(messenger, "mts", delay=600)
    frozen = [asyncio.create_task(messenger.start(f"+7916{count + 10}34567", f"frozen-{count}")) for count in range(60)]
    try:
        beside = await p99(messenger, "2-beside")
        # The sixty begin to be asked about at once, and one after the other gives up within its own deadline.
        ended = await asyncio.gather(*frozen)
    finally:
        for task in frozen:
            task.cancel()
        await asyncio.gather(*frozen, return_exceptions=True)
    assert beside < 4 * usual + 0.1
    assert {state(verification) for verification in ended} <= {"CODE_SENT", "FAILED"}
    begun = time.monotonic()
    late = await messenger.start("+79161299999", "late")
    # Enough have waited in vain: the operator is left alone, and nobody waits for it.
    assert time.monotonic() - begun < 1
    assert (state(late), late.failure_reason) == ("FAILED", "OPERATOR_UNWELL")
