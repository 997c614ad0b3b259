"""Lookups by the CAMARA adapter: a platform written from the scenarios, well and unwell."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from fakes.camara_operators import DAY, GIVEN, NOBODY, NUMBER, Operators, looked_up, until
from fakes.camara_stub import CamaraStub, Fault
from fakes.clock import FakeClock
from fakes.orders import code_order, lookup_request, network_order, watch_order
from numseal.domain.evidence import (
    SIGNAL_NAMES,
    ContractType,
    LookupOutcome,
    Method,
    Reachability,
    ServiceState,
    SignalState,
    SimChangeKind,
)
from numseal.domain.operator import (
    CodeCheck,
    EventKind,
)
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.ask_operator import AskOperator


async def test_a_whole_lookup(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    found = await looked_up(operators())
    assert found.sim_change.known is not None
    assert (found.sim_change.known.time, found.sim_change.known.kind) == (1_700_000_000, SimChangeKind.UNKNOWN)
    assert found.recycled.known is False
    assert found.forwarding.known is not None
    assert [item.active for item in found.forwarding.known] == [False] * 4
    assert found.contract_type.known is ContractType.POSTPAID
    began = found.activate_time
    assert (began.meta.state, began.value) == (SignalState.OK, None)
    assert began.meta.coverage_start_time == (clock.now() // DAY - 30) * DAY
    assert (found.sms_service.known, found.data_service.known) == (ServiceState.ON, ServiceState.ON)
    assert found.reachability.known is Reachability.REACHABLE
    assert found.serving.known is not None
    assert [(node.plmn, node.update_time) for node in found.serving.known] == [("250-01", 0)]
    assert found.sim_change.meta.source == "camara/sim-swap"
    missing = {name for name, signal in found.signals() if signal.meta.state is SignalState.NOT_SUPPORTED}
    assert missing == set(SIGNAL_NAMES) - GIVEN
    assert set(stub.correlators) == {"l1"}


async def test_a_whole_lookup_is_believed_by_the_facade(operators: Operators, clock: FakeClock) -> None:
    ask = AskOperator({"mts": operators()}, clock)
    answer = await ask.look_up("mts", lookup_request(NUMBER), 1.5)
    assert (answer.outcome, answer.failure) == (LookupOutcome.SUBSCRIBER, "")
    told = await ask.capabilities("mts")
    assert told is not None
    assert set(told.signals) == GIVEN
    assert (told.idempotent, told.prior_codes_valid) == (False, False)
    assert told.methods == (Method.OPERATOR_CODE, Method.NETWORK)
    assert told.events == (EventKind.SIM_CHANGE, EventKind.DEVICE_CHANGE)


async def test_apis_that_are_not_offered_are_not_supported(stub: CamaraStub, operators: Operators) -> None:
    operator = operators("sim_swap")
    told = await operator.capabilities()
    assert (told.signals, told.methods, told.events) == (("sim_change",), (), ())
    found = await looked_up(operator)
    assert [name for name, signal in found.signals() if signal.meta.state is not SignalState.NOT_SUPPORTED] == [
        "sim_change"
    ]
    assert set(stub.calls) == {"/token", "/sim-swap/v2/retrieve-date"}
    for attempt, reason in (
        (operator.send_code(code_order(NUMBER)), "METHOD_NOT_SUPPORTED"),
        (operator.check_code(CodeCheck("1", NUMBER, b"", "1")), "METHOD_NOT_SUPPORTED"),
        (operator.start_network_check(network_order(NUMBER)), "METHOD_NOT_SUPPORTED"),
        (operator.watch_subscriber(watch_order(NUMBER)), "EVENTS_NOT_SUPPORTED"),
        (operator.unwatch_subscriber("1", "w"), "EVENTS_NOT_SUPPORTED"),
        (anext(operator.stream_events("")), "EVENTS_NOT_SUPPORTED"),
        (operator.look_up(lookup_request(NUMBER, signals=("port",))), "LOOKUP_NOT_SUPPORTED"),
    ):
        with pytest.raises(OperatorError) as caught:
            await attempt
        assert (caught.value.reason, caught.value.sent) == (reason, False)


async def test_only_what_is_asked_for_is_asked(stub: CamaraStub, operators: Operators) -> None:
    found = await looked_up(operators(), signals=("sms_service", "contract_type"))
    assert (found.sms_service.known, found.voice_service.known) == (ServiceState.ON, None)
    asked = {path for path in stub.calls if path != "/token"}
    assert asked == {"/subscription-status/v0.1/retrive-subscription-status", "/kyc-tenure/v0.2/check-tenure"}


async def test_a_number_of_nobody_here_is_not_served(operators: Operators) -> None:
    answer = await operators().look_up(lookup_request(NOBODY))
    assert (answer.outcome, answer.subscriber) == (LookupOutcome.NOT_SERVED, None)


async def test_one_unknown_identifier_among_answers_is_a_signal_alone(stub: CamaraStub, operators: Operators) -> None:
    stub.faults["/sim-swap/v2/retrieve-date"] = Fault(404, "IDENTIFIER_NOT_FOUND")
    found = await looked_up(operators())
    meta = found.sim_change.meta
    assert (meta.state, meta.code_space, meta.code) == (SignalState.UNKNOWN, "camara", "IDENTIFIER_NOT_FOUND")
    assert found.recycled.known is False


async def test_a_service_that_does_not_apply_is_unknown(stub: CamaraStub, operators: Operators) -> None:
    stub.subscribers[NUMBER].applicable = False
    found = await looked_up(operators())
    assert {getattr(found, name).meta.state for name in GIVEN} == {SignalState.UNKNOWN}


async def test_changes_of_sim_within_what_is_kept(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    operator = operators("sim_swap")
    stub.subscribers[NUMBER].sim_change = None
    assert (await looked_up(operator)).sim_change.meta.state is SignalState.UNKNOWN
    stub.subscribers[NUMBER].monitored_days = 120
    found = (await looked_up(operator, request_id="l2")).sim_change
    assert (found.meta.state, found.value) == (SignalState.OK, None)
    assert found.meta.coverage_start_time == clock.now() - 120 * DAY
    await stub.swap(NUMBER)
    found = (await looked_up(operator, request_id="l3")).sim_change
    assert found.known is not None
    assert found.known.time == clock.now()


@pytest.mark.parametrize(
    ("days", "state", "value"),
    [
        (-30, SignalState.OK, False),
        (-3, SignalState.OK, False),
        (0, SignalState.UNKNOWN, None),
        (3, SignalState.OK, True),
        (30, SignalState.OK, True),
    ],
)
async def test_recycling_is_told_by_the_day(
    stub: CamaraStub, operators: Operators, clock: FakeClock, days: int, state: SignalState, value: bool | None
) -> None:
    """A contract that began so many days after the time asked about; on that very day nobody can say."""
    since = clock.now() - 60 * DAY
    stub.subscribers[NUMBER].contract_start = datetime.fromtimestamp(since, UTC).date() + timedelta(days=days)
    found = (await looked_up(operators("number_recycling"), since_time=since)).recycled
    assert (found.meta.state, found.known) == (state, value)


async def test_recycling_today_is_not_told(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    stub.subscribers[NUMBER].contract_start = datetime.fromtimestamp(clock.now(), UTC).date()
    found = (await looked_up(operators("number_recycling"), since_time=clock.now())).recycled
    assert found.meta.state is SignalState.UNKNOWN
    assert stub.calls["/number-recycling/v0.2/check"] == 1


async def test_recycling_since_no_time_is_not_asked(stub: CamaraStub, operators: Operators) -> None:
    found = await looked_up(operators("number_recycling", "sim_swap"), since_time=None)
    assert found.recycled.meta.state is SignalState.UNKNOWN
    assert "/number-recycling/v0.2/check" not in stub.calls
    with pytest.raises(OperatorError, match="gives a signal"):
        await operators("number_recycling").look_up(lookup_request(NUMBER, since_time=None))


async def test_forwarding_by_the_smaller_question(stub: CamaraStub, operators: Operators) -> None:
    """An operator without /call-forwardings tells of the unconditional kind: that one is off says too little."""
    stub.unconditional_only = True
    operator = operators("call_forwarding_signal")
    assert (await looked_up(operator)).forwarding.meta.state is SignalState.UNKNOWN
    stub.subscribers[NUMBER].forwarding = ("unconditional",)
    known = (await looked_up(operator, request_id="l2")).forwarding.known
    assert known is not None
    assert [(item.kind.value, item.active) for item in known] == [("UNCONDITIONAL", True)]


async def test_a_handset_abroad_has_a_country_and_no_network(stub: CamaraStub, operators: Operators) -> None:
    stub.subscribers[NUMBER].roaming_country = 262
    found = (await looked_up(operators("device_roaming_status"))).serving
    assert (found.meta.state, found.meta.code) == (SignalState.UNKNOWN, "ROAMING_262")


async def test_at_home_in_one_of_several_networks_is_not_known_where(operators: Operators) -> None:
    found = (await looked_up(operators("device_roaming_status", plmns=("250-01", "250-35")))).serving
    assert (found.meta.state, found.meta.code) == (SignalState.UNKNOWN, "NOT_ROAMING")


async def test_an_old_status_is_stale(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    stub.subscribers[NUMBER].status_time = clock.now() - 3_600
    found = (await looked_up(operators("device_reachability_status"), max_age=3_599)).reachability
    assert (found.meta.state, found.value) == (SignalState.STALE, Reachability.REACHABLE)
    assert found.meta.observe_time == clock.now() - 3_600


SLOW = {
    "slow": (Fault(hang=True), "TIMEOUT"),
    "dropped": (Fault(drop=True), "UNREACHABLE"),
    "malformed": (Fault(body=b'{"latestSimChange":'), "ANSWER_MALFORMED"),
    "empty": (Fault(body=b""), "ANSWER_MALFORMED"),
    "other shape": (Fault(body=b'{"latestSimChange": 5}'), "ANSWER_MALFORMED"),
    "an array": (Fault(body=b"[]"), "ANSWER_MALFORMED"),
    "nested": (Fault(body=b"[" * 60_000), "ANSWER_MALFORMED"),
    "compressed": (Fault(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"}), "ANSWER_MALFORMED"),
    "endless": (Fault(endless=True), "ANSWER_TOO_LARGE"),
    "redirect": (Fault(302, headers={"Location": "/number-recycling/v0.2/check"}), "REDIRECTED"),
    "created": (Fault(201), "ANSWER_MALFORMED"),
    "gateway": (Fault(502, body=b"<html>"), "HTTP_502"),
    "quota": (Fault(429, "QUOTA_EXCEEDED"), "QUOTA_EXCEEDED"),
}


@pytest.mark.parametrize(("fault", "code"), SLOW.values(), ids=list(SLOW))
async def test_a_failing_api_fails_its_own_signal_alone(
    stub: CamaraStub, operators: Operators, fault: Fault, code: str
) -> None:
    stub.faults["/sim-swap/v2/retrieve-date"] = fault
    begun = time.monotonic()
    found = await looked_up(operators(before_timeout=1.0))
    assert time.monotonic() - begun < 2.4
    meta = found.sim_change.meta
    assert (meta.state, meta.code_space, meta.code) == (SignalState.ERROR, "camara", code)
    others = {getattr(found, name).meta.state for name in GIVEN - {"sim_change"}}
    assert others == {SignalState.OK}


async def test_where_all_fail_there_is_no_answer(stub: CamaraStub, operators: Operators) -> None:
    stub.faults["/sim-swap/v2/retrieve-date"] = Fault(503, "UNAVAILABLE")
    with pytest.raises(OperatorError) as caught:
        await operators("sim_swap").look_up(lookup_request(NUMBER))
    assert caught.value.reason == "UNAVAILABLE"


async def test_a_platform_that_is_gone(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    await stub.close()
    with pytest.raises(OperatorError) as caught:
        await operator.look_up(lookup_request(NUMBER))
    assert caught.value.reason == "UNREACHABLE"
    with pytest.raises(OperatorError) as caught:
        await operator.send_code(code_order(NUMBER))
    assert not caught.value.sent


async def test_a_lookup_that_is_given_up_leaves_nothing_behind(stub: CamaraStub, operators: Operators) -> None:
    stub.faults["/sim-swap/v2/retrieve-date"] = Fault(hang=True)
    before = asyncio.all_tasks()
    asked = asyncio.create_task(operators("sim_swap", "kyc_tenure").look_up(lookup_request(NUMBER)))
    await until(lambda: stub.calls["/sim-swap/v2/retrieve-date"] == 1)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    left = {
        task for task in asyncio.all_tasks() - before if "CamaraStub" not in repr(task) and "aiohttp" not in repr(task)
    }
    assert left == set()
