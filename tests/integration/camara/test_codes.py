"""Codes that the operator makes, sent and checked by the CAMARA adapter: the scenarios of one-time-password-sms."""

import pytest

from fakes.camara_operators import NOBODY, NUMBER, OTHER, Operators
from fakes.camara_stub import CamaraStub, Fault
from fakes.clock import FakeClock
from fakes.orders import code_order
from numseal.domain.operator import (
    CodeCheck,
    CodeOutcome,
    SendOutcome,
)
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.ask_operator import AskOperator


async def test_a_code_from_order_to_match(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    sent = await operator.send_code(code_order(NUMBER, template="{{code}} is your code\n@x.example #{{code}}"))
    assert (sent.outcome, sent.prior_codes_valid) == (SendOutcome.ACCEPTED, False)
    assert len(sent.challenge) <= 1_024
    (text,) = stub.subscribers[NUMBER].inbox
    code = text[:6]
    assert text == f"{code} is your code\n@x.example #{code}"
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    checks = [("1", wrong, CodeOutcome.MISMATCH), ("2", code, CodeOutcome.MATCH), ("2", code, CodeOutcome.MATCH)]
    # CAMARA says of a used code that it is too old.
    for request_id, typed, outcome in [*checks, ("3", code, CodeOutcome.EXPIRED)]:
        checked = await operator.check_code(CodeCheck(request_id, NUMBER, sent.challenge, typed))
        assert checked.outcome is outcome
    assert stub.calls["/one-time-password-sms/v1/validate-code"] == 3


async def test_codes_by_the_facade(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    ask = AskOperator({"mts": operators()}, clock)
    sent, reason = await ask.send_code("mts", code_order(NUMBER, template="{{code}}"), 5.0)
    assert sent is not None, reason
    check = CodeCheck("1", NUMBER, sent.challenge, stub.subscribers[NUMBER].inbox[-1])
    assert await ask.check_code("mts", check, 3.0) == (CodeOutcome.MATCH, "")


async def test_attempts_and_time_run_out(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    operator = operators()
    sent = await operator.send_code(code_order(NUMBER, template="{{code}}"))
    code = stub.subscribers[NUMBER].inbox[-1]
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    outcomes = [
        (await operator.check_code(CodeCheck(str(number), NUMBER, sent.challenge, typed))).outcome.value
        for number, typed in enumerate([wrong, wrong, wrong, code])
    ]
    assert outcomes == ["MISMATCH", "MISMATCH", "EXHAUSTED", "EXHAUSTED"]
    again = await operator.send_code(code_order(NUMBER, "c2", template="{{code}}"))
    clock.advance(600)
    check = CodeCheck("late", NUMBER, again.challenge, stub.subscribers[NUMBER].inbox[-1])
    assert (await operator.check_code(check)).outcome is CodeOutcome.EXPIRED


async def test_a_later_order_replaces_the_code(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    first = await operator.send_code(code_order(NUMBER, "c1", template="{{code}}"))
    await operator.send_code(code_order(NUMBER, "c2", template="{{code}}"))
    check = CodeCheck("1", NUMBER, first.challenge, stub.subscribers[NUMBER].inbox[0])
    assert (await operator.check_code(check)).outcome is CodeOutcome.EXPIRED


async def test_the_same_order_sends_once_and_an_id_is_for_one(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    first = await operator.send_code(code_order(NUMBER))
    assert await operator.send_code(code_order(NUMBER)) == first
    with pytest.raises(OperatorError, match="another request"):
        await operator.send_code(code_order(OTHER))
    assert len(stub.subscribers[NUMBER].inbox) == 1


async def test_a_challenge_is_good_for_its_number_and_key(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    sent = await operator.send_code(code_order(NUMBER, template="{{code}}"))
    code = stub.subscribers[NUMBER].inbox[-1]
    for number, challenge in ((OTHER, sent.challenge), (NUMBER, b"made up"), (NUMBER, b"")):
        checked = await operator.check_code(CodeCheck("1", number, challenge, code))
        assert checked.outcome is CodeOutcome.UNKNOWN
    for typed in ("", "1" * 11, "１２３４５６", "12\n456"):
        assert (
            await operator.check_code(CodeCheck("1", NUMBER, sent.challenge, typed))
        ).outcome is CodeOutcome.MISMATCH
    assert "/one-time-password-sms/v1/validate-code" not in stub.calls
    # Another process takes the challenge too.
    checked = await operators().check_code(CodeCheck("1", NUMBER, sent.challenge, code))
    assert checked.outcome is CodeOutcome.MATCH


@pytest.mark.parametrize(("sms", "outcome"), [("blocked", SendOutcome.BARRED), ("not_allowed", SendOutcome.LINE_TYPE)])
async def test_some_numbers_take_no_code(
    stub: CamaraStub, operators: Operators, sms: str, outcome: SendOutcome
) -> None:
    stub.subscribers[NUMBER].sms = sms
    assert (await operators().send_code(code_order(NUMBER))).outcome is outcome
    assert (await operators().send_code(code_order(NOBODY))).outcome is SendOutcome.NOT_OURS


async def test_too_many_codes_are_throttled(stub: CamaraStub, operators: Operators) -> None:
    stub.max_codes = 1
    operator = operators()
    await operator.send_code(code_order(NUMBER, "c1"))
    answer = await operator.send_code(code_order(NUMBER, "c2"))
    assert (answer.outcome, answer.retry_delay) == (SendOutcome.THROTTLED, 60)
    stub.faults["/one-time-password-sms/v1/send-code"] = Fault(429, "TOO_MANY_REQUESTS", headers={"Retry-After": "7"})
    answer = await operator.send_code(code_order(NUMBER, "c3"))
    assert (answer.outcome, answer.retry_delay) == (SendOutcome.THROTTLED, 7)


@pytest.mark.parametrize("template", ["no place for it", "{{code}}" + "x" * 153])
async def test_what_cannot_be_a_message_is_content(stub: CamaraStub, operators: Operators, template: str) -> None:
    assert (await operators().send_code(code_order(NUMBER, template=template))).outcome is SendOutcome.CONTENT
    assert not stub.calls


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        (Fault(500, "INTERNAL"), True),
        (Fault(403, "PERMISSION_DENIED"), False),
        (Fault(hang=True), True),
        (Fault(drop=True), True),
        (Fault(body=b"{}"), True),
        (Fault(endless=True), True),
        (Fault(307, headers={"Location": "/"}), False),
    ],
)
async def test_a_lost_answer_may_have_sent(stub: CamaraStub, operators: Operators, fault: Fault, sent: bool) -> None:
    stub.faults["/one-time-password-sms/v1/send-code"] = fault
    with pytest.raises(OperatorError) as caught:
        await operators(send_timeout=0.5 if fault.hang else 4.5).send_code(code_order(NUMBER))
    assert caught.value.sent is sent


async def test_a_check_that_fails_says_nothing_of_the_code(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    sent = await operator.send_code(code_order(NUMBER, template="{{code}}"))
    check = CodeCheck("1", NUMBER, sent.challenge, stub.subscribers[NUMBER].inbox[-1])
    stub.faults["/one-time-password-sms/v1/validate-code"] = Fault(503, "UNAVAILABLE", times=1)
    with pytest.raises(OperatorError) as caught:
        await operator.check_code(check)
    assert caught.value.reason == "UNAVAILABLE"
    assert (await operator.check_code(check)).outcome is CodeOutcome.MATCH
