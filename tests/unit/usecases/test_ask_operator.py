"""Whatever a backend does or says, the use case gets an answer that the contract allows, or a reason.

The hostile backends here are plugins gone wrong: they run in our process and answer with anything.
"""

import asyncio
import hashlib
import logging
from dataclasses import replace
from typing import Any, cast

import pytest

from fakes.clock import FakeClock
from fakes.evidence import NOW, answer, known, subscriber
from fakes.operator import HANG, FakeOperator
from fakes.orders import code_order, lookup_request, text_order
from fakes.plugin import SECONDS, Plugin, Text, asking, saying
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.domain.evidence import (
    MAX_STATEMENT,
    Basis,
    DeviceRef,
    Forwarding,
    ForwardingKind,
    LineType,
    Lookup,
    LookupOutcome,
    Meta,
    Port,
    Serving,
    ServingDomain,
    Signal,
    SignalState,
    SimChange,
    SimChangeKind,
    SimRef,
    Statement,
    SubscriberRef,
)
from numseal.domain.operator import CodeCheck, CodeChecked, CodeOutcome, CodeSent, SendOutcome
from numseal.ports.operator_backend import OperatorError

NUMBER = "+79161234567"
CHECK = CodeCheck("k1", NUMBER, b"challenge", "123456")
PORTED = Lookup(LookupOutcome.PORTED, "mts", NOW, ported_to="megafon", ported_plmn="250-02")
ACCEPTED = CodeSent(SendOutcome.ACCEPTED, b"c" * 1024, "d" * 256, NOW + 600, prior_codes_valid=False)
NODE = Serving("250-01", "e" * 32, ServingDomain.CS, Basis.DIRECT, NOW, "1")
FORWARDING = Forwarding(ForwardingKind.BUSY, active=False)


SIGNED = "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl"


def signed(statement: str) -> Lookup:
    digest = hashlib.sha256(statement.encode()).hexdigest()
    return replace(answer(), statement=Statement(statement), statement_hash=digest)


async def looked_up(said: Any) -> Lookup:
    return await saying(said).look_up("mts", lookup_request(NUMBER), SECONDS)


async def sent(said: Any) -> tuple[CodeSent | None, str | None]:
    return await saying(said).send_code("mts", text_order(NUMBER), SECONDS)


async def checked(said: Any) -> tuple[CodeOutcome | None, str]:
    return await saying(said).check_code("mts", CHECK, SECONDS)


def unanswered(reason: str) -> Lookup:
    return Lookup(LookupOutcome.UNANSWERED, "mts", NOW, failure=reason)


def forged(genuine: Any, **wrong: Any) -> Any:
    """Return a copy with fields that the annotations do not allow."""
    return replace(genuine, **wrong)


def with_signal(name: str, signal: Any) -> Lookup:
    """Return an ordinary answer with one signal changed."""
    signals: dict[str, Any] = {name: signal}
    return answer(**signals)


# Answers that the contract allows


async def test_a_simulated_answer_is_taken_as_it_is() -> None:
    clock = FakeClock(NOW)
    operator = SimulatedOperator(SimulatedNetwork(1, clock), "mts")
    request = lookup_request(NUMBER)
    assert await asking(operator, clock).look_up("mts", request, SECONDS) is await operator.look_up(request)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(answer(), id="a subscriber"),
        pytest.param(PORTED, id="ported"),
        pytest.param(replace(PORTED, ported_plmn=""), id="ported to a network without a code"),
        pytest.param(replace(PORTED, ported_to=""), id="ported to a network of nobody known"),
        pytest.param(answer(LookupOutcome.NOT_ASSIGNED), id="not assigned"),
        pytest.param(signed(SIGNED), id="signed"),
        pytest.param(replace(answer(), lookup_reference="r" * 256), id="a long reference"),
        pytest.param(answer(operator="megafon"), id="another operator's, for the rules to judge"),
        pytest.param(answer(serving=known((NODE,) * 16), last_seen=known(NOW + 300)), id="as much as may be"),
        pytest.param(answer(sims_on_device=known(2**63 - 1), serving=known(())), id="many and none"),
    ],
)
async def test_an_allowed_lookup_is_taken(said: Lookup) -> None:
    assert await looked_up(said) is said


@pytest.mark.parametrize("time", [0, NOW - 1, NOW + 9_999, 2**40])
async def test_the_time_of_a_lookup_is_ours(time: int) -> None:
    assert await looked_up(replace(answer(), time=time)) == answer()


async def test_an_allowed_send_and_check_are_taken() -> None:
    assert await sent(ACCEPTED) == (ACCEPTED, None)
    assert await checked(CodeChecked(CodeOutcome.USED, 0)) == (CodeOutcome.USED, "")
    assert await checked(CodeChecked(CodeOutcome.MATCH)) == (CodeOutcome.MATCH, "")


# Lookups that it does not


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(None, id="nothing"),
        pytest.param({"outcome": "SUBSCRIBER"}, id="a dict"),
        pytest.param(object.__new__(Lookup), id="a lookup without fields"),
        pytest.param(forged(answer(), outcome="SUBSCRIBER"), id="an outcome as text"),
        pytest.param(answer(LookupOutcome.UNANSWERED), id="no answer as an answer"),
        pytest.param(replace(answer(), failure="TIMEOUT"), id="a failure"),
        pytest.param(replace(answer(), operator_id=""), id="nobody answered"),
        pytest.param(replace(answer(), operator_id="m" * 65), id="a long operator id"),
        pytest.param(replace(answer(), operator_id="mts\n"), id="a line break"),
        pytest.param(forged(answer(), operator_id=Text("mts")), id="a subclass of text"),
        pytest.param(forged(answer(), time=True), id="a time of True"),
        pytest.param(replace(answer(), time=-1), id="a time below 0"),
        pytest.param(replace(answer(), lookup_reference="r" * 257), id="a long reference"),
        pytest.param(replace(answer(), lookup_reference="\ud800"), id="no Unicode text"),
        pytest.param(replace(signed(SIGNED), statement_hash="0F" * 32), id="another hash than the statement's"),
        pytest.param(replace(answer(), statement_hash="0f" * 32), id="the hash of no statement"),
        pytest.param(replace(signed(SIGNED), statement_hash=""), id="a statement without its hash"),
        pytest.param(signed("e30.e30"), id="no compact JWS"),
        pytest.param(signed("e30.e30." + "A" * MAX_STATEMENT), id="a long statement"),
        pytest.param(replace(answer(), subscriber=None), id="a subscriber of whom nothing is said"),
        pytest.param(forged(answer(), subscriber={}), id="a subscriber as a dict"),
        pytest.param(replace(PORTED, subscriber=subscriber()), id="ported, and a subscriber"),
        pytest.param(replace(PORTED, ported_to="", ported_plmn=""), id="ported to nobody"),
        pytest.param(replace(PORTED, ported_to="Mega Fon"), id="ported to no id"),
        pytest.param(replace(PORTED, ported_to="m" * 65), id="ported to a long id"),
        pytest.param(replace(PORTED, ported_plmn="25002"), id="ported to no PLMN"),
        pytest.param(replace(answer(), ported_to="megafon"), id="not ported, and ported to"),
        pytest.param(replace(answer(), ported_plmn="250-02"), id="not ported, and a PLMN"),
        pytest.param(forged(answer(LookupOutcome.NOT_SERVED), ported_to=None), id="ported to None"),
    ],
)
async def test_a_lookup_that_cannot_be_is_none(said: Any) -> None:
    assert await looked_up(said) == unanswered("BROKEN_CONTRACT")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("line_type", "MOBILE"),
        ("line_type", SimChangeKind.NEW),
        ("identity_on_file", 1),
        ("sims_on_device", True),
        ("sims_on_device", -1),
        ("sims_on_device", 2**63),
        ("activate_time", True),
        ("activate_time", 2**40 + 1),
        ("last_seen", -1),
        ("last_seen", float(NOW)),
        ("subscriber_ref", SimRef("a" * 32, "1", Basis.DIRECT)),
        ("subscriber_ref", SubscriberRef("", "1")),
        ("subscriber_ref", SubscriberRef("a" * 257, "1")),
        ("subscriber_ref", SubscriberRef("a" * 32, "")),
        ("subscriber_ref", SubscriberRef("a" * 32, "k" * 65)),
        ("sim_ref", forged(SimRef("5" * 32, "1", Basis.DIRECT), basis="DIRECT")),
        ("sim_ref", forged(SimRef("5" * 32, "1", Basis.DIRECT), ref=b"5" * 32)),
        ("device_ref", DeviceRef("d" * 32, "1", "3" * 17)),
        ("sim_change", forged(SimChange(NOW, SimChangeKind.NEW), time=None)),
        ("port", Port(NOW, "m" * 65)),
        ("forwarding", [FORWARDING]),
        ("forwarding", (FORWARDING,) * 17),
        ("forwarding", (FORWARDING, None)),
        ("forwarding", (forged(FORWARDING, active=0),)),
        ("serving", NODE),
        ("serving", (replace(NODE, plmn="250"),)),
        ("serving", (replace(NODE, node_ref="e" * 257),)),
        ("serving", (replace(NODE, update_time=-1),)),
    ],
)
async def test_a_value_that_cannot_be_spoils_the_lookup(name: str, value: Any) -> None:
    assert await looked_up(with_signal(name, known(value))) == unanswered("BROKEN_CONTRACT")


@pytest.mark.parametrize(
    "signal",
    [
        pytest.param(None, id="no signal"),
        pytest.param(LineType.MOBILE, id="a value without a signal"),
        pytest.param(forged(Signal(), meta=None), id="no meta"),
        pytest.param(Signal(forged(Meta(), state="OK")), id="a state as text"),
        pytest.param(Signal(Meta(observe_time=-1)), id="observed before 1970"),
        pytest.param(Signal(forged(Meta(), coverage_start_time=False)), id="covered since False"),
        pytest.param(Signal(Meta(source="s" * 65)), id="a long source"),
        pytest.param(Signal(Meta(code_space="s" * 65)), id="a long code space"),
        pytest.param(Signal(Meta(code="1" * 129)), id="a long code"),
        pytest.param(Signal(forged(Meta(), code=27)), id="a code as a number"),
        pytest.param(forged(Signal(Meta(SignalState.STALE)), value="MOBILE"), id="a wrong value, not to be used"),
    ],
)
async def test_a_signal_that_cannot_be_spoils_the_lookup(signal: Any) -> None:
    assert await looked_up(answer(line_type=signal)) == unanswered("BROKEN_CONTRACT")


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("line_type", Signal(Meta(SignalState.OK, NOW + 301, source="HLR"), LineType.MOBILE)),
        ("line_type", Signal(Meta(SignalState.OK, NOW, NOW + 301, source="HLR"), LineType.MOBILE)),
        ("activate_time", known(NOW + 301)),
        ("last_seen", known(2**40)),
        ("sim_change", known(SimChange(NOW + 301, SimChangeKind.NEW))),
        ("port", known(Port(NOW + 301, "megafon"))),
        ("serving", known((replace(NODE, update_time=NOW + 301), NODE))),
    ],
)
async def test_a_signal_from_the_future_is_an_error_and_the_rest_stays(name: str, signal: Signal[Any]) -> None:
    nonsense: Signal[Any] = Signal(Meta(SignalState.ERROR, source="HLR"))
    assert await looked_up(with_signal(name, signal)) == with_signal(name, nonsense)


async def test_a_signal_is_judged_by_our_clock_when_the_answer_is_there() -> None:
    clock = FakeClock(NOW)

    async def later() -> Lookup:
        clock.advance(10)
        return answer(last_seen=known(NOW + 310))

    found = await asking(Plugin(later), clock).look_up("mts", lookup_request(NUMBER), SECONDS)
    assert found == replace(answer(last_seen=known(NOW + 310)), time=NOW + 10)


# Sending


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (SendOutcome.NOT_OURS, "NUMBER_NOT_SERVED"),
        (SendOutcome.BARRED, "NUMBER_BARRED"),
        (SendOutcome.LINE_TYPE, "LINE_TYPE_NOT_SERVED"),
        (SendOutcome.CONTENT, "TEXT_REFUSED"),
        (SendOutcome.THROTTLED, "OPERATOR_THROTTLED"),
    ],
)
async def test_an_order_that_is_not_taken_has_a_reason(outcome: SendOutcome, reason: str) -> None:
    assert await sent(CodeSent(outcome, retry_delay=60)) == (None, reason)


def test_every_outcome_is_tested() -> None:
    assert len(SendOutcome) == 1 + 5


@pytest.mark.parametrize("end", [NOW - 1, NOW + 86_401, True, "soon", 2**70])
async def test_an_expiry_that_is_nonsense_is_ignored(end: Any) -> None:
    assert await sent(forged(ACCEPTED, expire_time=end)) == (replace(ACCEPTED, expire_time=None), None)


@pytest.mark.parametrize("end", [NOW, NOW + 86_400, None])
async def test_an_expiry_within_a_day_is_kept(end: int | None) -> None:
    assert await sent(replace(ACCEPTED, expire_time=end)) == (replace(ACCEPTED, expire_time=end), None)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(None, id="nothing"),
        pytest.param(CodeChecked(CodeOutcome.MATCH), id="the answer to another question"),
        pytest.param(forged(ACCEPTED, outcome="BARRED"), id="an outcome as text"),
        pytest.param(replace(ACCEPTED, challenge=b"c" * 1025), id="a long challenge"),
        pytest.param(forged(ACCEPTED, challenge=bytearray(1)), id="a challenge that can change"),
        pytest.param(replace(ACCEPTED, delivery_id="d" * 257), id="a long delivery id"),
        pytest.param(forged(ACCEPTED, prior_codes_valid="no"), id="a truth that is text"),
        pytest.param(replace(ACCEPTED, retry_delay=-1), id="a delay below 0"),
        pytest.param(OperatorError("LOST", "no answer", sent=True), id="perhaps sent"),
        pytest.param(OperatorError("LOST", "no answer", sent=cast("bool", None)), id="sent is None"),
        pytest.param(OperatorError("LOST", "no answer", sent=cast("bool", 0)), id="sent is 0"),
        pytest.param(RuntimeError("a bug"), id="an exception of its own"),
    ],
)
async def test_nobody_can_say_whether_a_code_was_sent(said: Any) -> None:
    assert await sent(said) == (None, None)


async def test_certainly_not_sent() -> None:
    assert await sent(OperatorError("SMSC_DOWN", "no route")) == (None, "SMSC_DOWN")


# Checking


@pytest.mark.parametrize(
    "said",
    [
        None,
        CodeOutcome.MATCH,
        forged(CodeChecked(CodeOutcome.MATCH), outcome="MATCH"),
        forged(CodeChecked(CodeOutcome.MATCH), outcome=True),
        CodeChecked(CodeOutcome.MATCH, -1),
        forged(CodeChecked(CodeOutcome.MATCH), attempts_remaining=True),
    ],
)
async def test_a_check_that_cannot_be_is_no_match(said: Any) -> None:
    assert await checked(said) == (None, "BROKEN_CONTRACT")


# Failures


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("HLR_DOWN", "HLR_DOWN"),
        ("A" * 64, "A" * 64),
        ("E2E", "E2E"),
        ("A" * 65, "OPERATOR_ERROR"),
        ("", "OPERATOR_ERROR"),
        ("hlr down", "OPERATOR_ERROR"),
        ("HLR__DOWN", "OPERATOR_ERROR"),
        ("HLR_DOWN\n", "OPERATOR_ERROR"),
        (None, "OPERATOR_ERROR"),
        (Text("HLR_DOWN"), "OPERATOR_ERROR"),
        # It means that nothing was asked, and so is not an operator's to say.
        ("OPERATOR_NOT_CONNECTED", "OPERATOR_ERROR"),
    ],
)
async def test_a_reason_is_bounded(given: Any, told: str) -> None:
    error = OperatorError(given, "no route")
    assert await looked_up(error) == unanswered(told)
    assert await sent(error) == (None, told)
    assert await checked(error) == (None, told)


async def test_an_operator_that_is_not_connected() -> None:
    ask = asking()
    assert await ask.look_up("mts", lookup_request(NUMBER), SECONDS) == unanswered("OPERATOR_NOT_CONNECTED")
    assert await ask.send_code("mts", code_order(NUMBER), SECONDS) == (None, "OPERATOR_NOT_CONNECTED")
    assert await ask.check_code("mts", CHECK, SECONDS) == (None, "OPERATOR_NOT_CONNECTED")


async def test_silence() -> None:
    ask = asking(FakeOperator("mts", found=[HANG], sent=HANG, checked=HANG))
    assert await ask.look_up("mts", lookup_request(NUMBER), 0.01) == unanswered("TIMEOUT")
    assert await ask.send_code("mts", text_order(NUMBER), 0.01) == (None, None)
    assert await ask.check_code("mts", CHECK, 0.01) == (None, "TIMEOUT")


class SlyError(OperatorError):
    """An error that fails when it is looked at."""

    def __init__(self) -> None:
        Exception.__init__(self)

    def __getattr__(self, name: str) -> Any:
        raise SystemExit(name)


@pytest.mark.parametrize(
    "raised",
    [
        ValueError(NUMBER),
        asyncio.CancelledError(NUMBER),
        SystemExit(NUMBER),
        GeneratorExit(),
        TimeoutError(),
        SlyError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_is_raised_stays_outside(raised: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    assert await looked_up(raised) == unanswered("BROKEN_CONTRACT")
    assert len(caplog.records) == 1
    assert await sent(raised) == (None, None)
    assert await checked(raised) == (None, "BROKEN_CONTRACT")


async def test_a_backend_without_the_call_and_one_that_does_not_wait() -> None:
    class Hasty:
        def check_code(self, _check: CodeCheck) -> CodeChecked:
            return CodeChecked(CodeOutcome.MATCH)

    assert await asking(object()).check_code("mts", CHECK, SECONDS) == (None, "BROKEN_CONTRACT")
    assert await asking(Hasty()).check_code("mts", CHECK, SECONDS) == (None, "BROKEN_CONTRACT")


async def test_a_backend_that_cancels_its_own_task() -> None:
    async def cancel() -> Lookup:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return answer()

    assert await asking(Plugin(cancel)).look_up("mts", lookup_request(NUMBER), SECONDS) == unanswered("BROKEN_CONTRACT")


async def test_a_backend_that_swallows_its_cancellation_keeps_nobody(caplog: pytest.LogCaptureFixture) -> None:
    go_on, ended = asyncio.Event(), asyncio.Event()

    async def swallow() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await go_on.wait()
            ended.set()
            raise RuntimeError("too late to be heard") from None

    ask = asking(Plugin(swallow))
    async with asyncio.timeout(SECONDS):
        assert await ask.look_up("mts", lookup_request(NUMBER), 0.01) == unanswered("TIMEOUT")
        assert len(ask._abandoned) == 1
        go_on.set()
        await ended.wait()
        while ask._abandoned:  # noqa: ASYNC110 - what is kept of a call is let go by the loop itself
            await asyncio.sleep(0)
    assert not caplog.records


async def test_our_own_cancellation_is_ours_and_ends_the_call() -> None:
    begun, canceled = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            canceled.set()

    asked = asyncio.create_task(asking(Plugin(wait)).send_code("mts", text_order(NUMBER), SECONDS))
    await begun.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    async with asyncio.timeout(SECONDS):
        await canceled.wait()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (replace(PORTED, ported_to=NUMBER), "ported_to: text like [a-z0-9-]{1,64} is expected"),
        (answer(sim_ref=known(SimRef(NUMBER * 99, "1", Basis.DIRECT))), "SimRef.ref: 1 to 256 printable characters"),
        (answer(serving=known((NODE, cast("Serving", NUMBER)))), "serving: a Serving is expected"),
        (RuntimeError(f"no such number {NUMBER}"), "RuntimeError at plugin.py:"),
    ],
)
async def test_a_breach_is_logged_once_and_without_what_was_said(
    said: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "numseal")
    await looked_up(said)
    (record,) = caplog.records
    assert record.getMessage().startswith(f"operator mts broke its contract in look_up: {told}")
    assert NUMBER not in caplog.text
