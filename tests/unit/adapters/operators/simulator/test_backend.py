"""What is the simulator's own, beyond the contract: scripts, limits, texts and memory."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from fakes.clock import FakeClock
from fakes.orders import code_order, lookup_request, text_order
from numseal.adapters.operators.simulator import backend as module
from numseal.adapters.operators.simulator import codes
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.memory import Answers
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.domain import otp
from numseal.domain.evidence import LineType, LookupOutcome, Method, ServiceState
from numseal.domain.operator import CodeCheck, CodeOrder, CodeOutcome, SendOutcome
from numseal.domain.relying_party import App
from numseal.domain.simulation import (
    DeliveryBehavior,
    MessageKind,
    PortNumber,
    ScriptLookup,
    ScriptSend,
    SetDelivery,
    SetLineType,
    SetServices,
    Terminate,
)
from numseal.ports.operator_backend import OperatorError

NUMBER = "+79161234567"
Operators = Callable[[str], SimulatedOperator]


@pytest.fixture
def mts(operator: Operators) -> SimulatedOperator:
    return operator("mts")


async def test_a_lookup_can_be_slow_and_fail(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    network.change(NUMBER, ScriptLookup(delay=0.03))
    task = asyncio.create_task(mts.look_up(lookup_request(NUMBER)))
    await asyncio.sleep(0)
    network.change(NUMBER, Terminate(), ScriptLookup())
    assert (await task).outcome is LookupOutcome.NOT_ASSIGNED
    network.change(NUMBER, ScriptLookup(fail=True))
    with pytest.raises(OperatorError) as caught:
        await mts.look_up(lookup_request(NUMBER, "l2"))
    assert (caught.value.reason, caught.value.sent) == ("UNAVAILABLE", False)


async def test_an_order_can_fail_unsent(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    network.change(NUMBER, ScriptSend(fail=True))
    with pytest.raises(OperatorError) as caught:
        await mts.send_code(text_order(NUMBER))
    assert not caught.value.sent
    assert await network.inbox(NUMBER) == ()


async def test_an_answer_can_be_lost_after_sending(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    network.change(NUMBER, ScriptSend(lost=True))
    with pytest.raises(OperatorError) as caught:
        await mts.send_code(text_order(NUMBER))
    assert caught.value.sent
    assert (await mts.send_code(text_order(NUMBER))).outcome is SendOutcome.ACCEPTED
    assert len(await network.inbox(NUMBER)) == 1


async def test_no_code_is_sent_for_network_proof(mts: SimulatedOperator) -> None:
    with pytest.raises(OperatorError, match="NETWORK"):
        await mts.send_code(text_order(NUMBER, method=Method.NETWORK))


async def test_services_and_lines_decide_what_is_taken(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    async def outcome(request_id: str, method: Method) -> SendOutcome:
        return (await mts.send_code(text_order(NUMBER, request_id, method=method))).outcome

    network.change(NUMBER, SetServices(sms=ServiceState.OFF))
    assert await outcome("1", Method.SMS) is SendOutcome.BARRED
    assert await outcome("2", Method.VOICE) is SendOutcome.ACCEPTED
    network.change(NUMBER, SetServices(sms=ServiceState.ON, voice=ServiceState.BARRED))
    assert await outcome("3", Method.SMS) is SendOutcome.ACCEPTED
    assert await outcome("4", Method.VOICE) is SendOutcome.BARRED
    network.change(NUMBER, SetServices(voice=ServiceState.ON), SetLineType(LineType.VOIP))
    assert await outcome("5", Method.SMS) is SendOutcome.LINE_TYPE
    assert await outcome("6", Method.VOICE) is SendOutcome.ACCEPTED
    network.change(NUMBER, SetLineType(LineType.MACHINE))
    assert await outcome("7", Method.SMS) is SendOutcome.LINE_TYPE
    network.change(NUMBER, SetLineType(LineType.SPECIAL))
    assert await outcome("8", Method.VOICE) is SendOutcome.LINE_TYPE
    network.change(NUMBER, SetLineType(LineType.MOBILE), SetDelivery(DeliveryBehavior.REFUSE))
    assert await outcome("9", Method.SMS) is SendOutcome.BARRED
    network.change(NUMBER, SetDelivery(), SetServices(sms=ServiceState.BARRED))
    assert await outcome("10", Method.SMS) is SendOutcome.BARRED


async def test_a_landline_takes_a_call_only(operator: Operators, network: SimulatedNetwork) -> None:
    fixed = operator("rostelecom-fixed")
    assert (await fixed.capabilities()).methods == (Method.VOICE,)
    assert (await fixed.send_code(text_order("+74951234567"))).outcome is SendOutcome.LINE_TYPE
    spoken = text_order("+74951234567", "2", method=Method.VOICE)
    assert (await fixed.send_code(spoken)).outcome is SendOutcome.ACCEPTED
    (message,) = await network.inbox("+74951234567")
    assert message.kind is MessageKind.VOICE


@pytest.mark.parametrize(
    "order",
    [
        text_order(NUMBER, text=""),
        text_order(NUMBER, text=" \n"),
        text_order(NUMBER, text="x" * 161),
        text_order(NUMBER, text="Ж" * 71),
        text_order(NUMBER, text="x" * 501, method=Method.VOICE),
        code_order(NUMBER, template="no place for it"),
        code_order(NUMBER, template="{code}"),
        code_order(NUMBER, template="{{code}}" + "x" * 155),
        code_order(NUMBER, template="{{code}}" + "x" * 143 + " #{{code}}", length=8),
        code_order(NUMBER, length=3),
        code_order(NUMBER, length=11),
        replace(code_order(NUMBER), text="both"),
    ],
)
async def test_what_no_operator_carries_is_content(
    mts: SimulatedOperator, network: SimulatedNetwork, order: CodeOrder
) -> None:
    assert (await mts.send_code(order)).outcome is SendOutcome.CONTENT
    assert await network.inbox(NUMBER) == ()


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("x" * 160, True),
        ("€" * 80, True),
        ("€" * 81, False),
        ("Ж" * 70, True),
        ("😀" * 35, True),
        ("😀" * 36, False),
        ("`" * 71, False),
    ],
)
async def test_a_text_travels_as_one_sms_or_not_at_all(mts: SimulatedOperator, text: str, *, fits: bool) -> None:
    outcome = (await mts.send_code(text_order(NUMBER, text=text))).outcome
    assert outcome is (SendOutcome.ACCEPTED if fits else SendOutcome.CONTENT)


@pytest.mark.parametrize(
    "template", ["{{code}}" + "x" * 154, "{{code}}" + "x" * 142 + "\n#{{code}} ", "{{code}}" + "Ж" * 64]
)
async def test_a_template_is_measured_with_the_code_in_place(
    mts: SimulatedOperator, network: SimulatedNetwork, template: str
) -> None:
    assert (await mts.send_code(code_order(NUMBER, template=template))).outcome is SendOutcome.ACCEPTED
    (message,) = await network.inbox(NUMBER)
    assert message.text == otp.message(template, message.text[:6])


APP = App("a", "Numseal", {"en": "{{code}} is your code."}, "en", origin="example.org", android_hash="FA+9qCX9VSu")


async def test_autofill_lines_of_an_app_arrive_with_the_code(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    _, template = APP.text("en")
    ours = text_order(NUMBER, text=otp.message(template, "012345"))
    assert (await mts.send_code(ours)).outcome is SendOutcome.ACCEPTED
    theirs = await mts.send_code(code_order(NUMBER, template=template))
    assert theirs.outcome is SendOutcome.ACCEPTED
    first, second = [message.text for message in await network.inbox(NUMBER)]
    assert first == "012345 is your code.\nFA+9qCX9VSu\n@example.org #012345"
    code = second[:6]
    assert second == f"{code} is your code.\nFA+9qCX9VSu\n@example.org #{code}"
    check = CodeCheck("k1", NUMBER, theirs.challenge, code)
    assert (await mts.check_code(check)).outcome is CodeOutcome.MATCH


async def test_orders_for_one_number_are_throttled(mts: SimulatedOperator, clock: FakeClock) -> None:
    for number in range(module.SENDS_A_MINUTE):
        assert (await mts.send_code(text_order(NUMBER, str(number)))).outcome is SendOutcome.ACCEPTED
    clock.advance(20)
    refused = await mts.send_code(text_order(NUMBER, "over"))
    assert (refused.outcome, refused.retry_delay) == (SendOutcome.THROTTLED, 40)
    assert (await mts.send_code(text_order("+79161234568"))).outcome is SendOutcome.ACCEPTED
    clock.advance(40)
    assert (await mts.send_code(text_order(NUMBER, "later"))).outcome is SendOutcome.ACCEPTED


async def test_the_throttle_remembers_so_many_numbers(mts: SimulatedOperator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_SENDS", 2)
    for number in range(5):
        await mts.send_code(text_order(f"+7916123456{number}", str(number)))
    assert len(mts._rate._minutes) == 2


@pytest.mark.parametrize("operator_id", ["beeline", "megafon"])
async def test_some_operators_let_a_new_code_kill_the_old(
    operator: Operators, network: SimulatedNetwork, operator_id: str
) -> None:
    number = {"beeline": "+79031234568", "megafon": "+79261234567"}[operator_id]
    backend = operator(operator_id)
    first = await backend.send_code(code_order(number, "1", template="{{code}}"))
    second = await backend.send_code(code_order(number, "2", template="{{code}}"))
    assert first.prior_codes_valid is second.prior_codes_valid is False
    old, new = [message.text for message in await network.inbox(number)]
    assert (await backend.check_code(CodeCheck("3", number, first.challenge, old))).outcome is CodeOutcome.EXPIRED
    assert (await backend.check_code(CodeCheck("4", number, second.challenge, new))).outcome is CodeOutcome.MATCH
    assert (await backend.send_code(text_order(number, "5"))).prior_codes_valid


async def test_others_let_both_live(mts: SimulatedOperator, network: SimulatedNetwork) -> None:
    first = await mts.send_code(code_order(NUMBER, "1", template="{{code}}"))
    await mts.send_code(code_order(NUMBER, "2", template="{{code}}", previous_challenge=first.challenge))
    old = (await network.inbox(NUMBER))[0].text
    assert (await mts.check_code(CodeCheck("3", NUMBER, first.challenge, old))).outcome is CodeOutcome.MATCH


async def test_codes_are_the_same_for_the_same_seed_and_request(clock: FakeClock) -> None:
    texts = []
    for seed in (1, 1, 2):
        network = SimulatedNetwork(seed, clock)
        await SimulatedOperator(network, "mts").send_code(code_order(NUMBER, length=10, template="{{code}}"))
        texts.append((await network.inbox(NUMBER))[0].text)
    assert texts[0] == texts[1] != texts[2]
    assert all(len(text) == 10 and text.isdigit() for text in texts)


async def test_the_code_book_forgets_the_oldest(
    mts: SimulatedOperator, network: SimulatedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "KEPT_CODES", 1)
    first = await mts.send_code(code_order(NUMBER, "1", template="{{code}}"))
    await mts.send_code(code_order(NUMBER, "2"))
    await mts.send_code(code_order("+79161234568", "3"))
    assert mts._codes._latest.keys() == {"+79161234568"}
    code = (await network.inbox(NUMBER))[0].text
    assert (await mts.check_code(CodeCheck("4", NUMBER, first.challenge, code))).outcome is CodeOutcome.UNKNOWN


async def test_a_ported_number_is_asked_at_both(operator: Operators, network: SimulatedNetwork) -> None:
    network.change(NUMBER, PortNumber("yota", "250-11"))
    answer = await operator("mts").look_up(lookup_request(NUMBER))
    assert (answer.outcome, answer.ported_to, answer.ported_plmn) == (LookupOutcome.PORTED, "yota", "250-11")


def test_an_operator_must_be_of_the_network(network: SimulatedNetwork) -> None:
    with pytest.raises(KeyError):
        SimulatedOperator(network, "yota")


def test_answers_are_forgotten_by_age_and_number() -> None:
    answers: Answers[CodeCheck, int] = Answers(2)
    for number in range(3):
        answers.keep(CodeCheck(str(number), NUMBER, b"", ""), number, now=number)
    assert answers.recall(CodeCheck("0", NUMBER, b"", ""), now=3) is None
    assert answers.recall(CodeCheck("2", NUMBER, b"", ""), now=3) == 2
    assert answers.recall(CodeCheck("2", NUMBER, b"", ""), now=86_402) is None
    answers.keep(CodeCheck("9", NUMBER, b"", ""), 9, now=86_402)
    assert len(answers._answers) == 1
