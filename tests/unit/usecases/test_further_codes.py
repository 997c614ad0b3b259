"""Further codes: under the agreement as it is now, on forwarded lines, across a crash, and after the right code."""

import asyncio
from dataclasses import replace

import pytest

from fakes.desk import AGREEMENTS, NUMBER, Desk, Ground, code_of, wrong
from fakes.evidence import NOW, answer, known
from fakes.operator import HANG, everything, reached
from numseal.domain.binding import LIFETIME, BindingState
from numseal.domain.errors import Refusal
from numseal.domain.evidence import Forwarding, ForwardingKind, Method
from numseal.domain.operator import CodeChecked, CodeOutcome, CodeSent, SendOutcome
from numseal.domain.verification import State
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.check_code import CodeResult

FORWARDED = known((Forwarding(ForwardingKind.UNCONDITIONAL, active=True),))


async def test_a_further_code_that_a_crash_cut_off_is_sent_again_alike(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    ground.clock.advance(60)
    ground.mts.sent = HANG
    resending = asyncio.create_task(desk.resend(opened, "again"))
    await reached(ground.mts.orders, 2)
    await desk.crash()
    with pytest.raises(asyncio.CancelledError):
        await resending
    ground.mts.sent = CodeSent(SendOutcome.ACCEPTED)
    again = Desk(ground)
    resent = await again.resend(opened, "again")
    assert len(resent.codes) == 2
    _, before, after = ground.mts.orders
    assert (before.request_id, before.text) == (after.request_id, after.text)
    assert await again.sends_counted() == 2
    assert (await again.check(opened, code_of(before.text)))[0] is CodeResult.MATCH
    assert len(ground.mts.orders) == 3


async def test_a_further_code_needs_an_agreement_that_is_in_force_now(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    ground.clock.advance(60)
    others = tuple(item for item in AGREEMENTS if item.operator_id != "mts")
    with pytest.raises(Refusal) as refused:
        await Desk(ground, agreements=others).resend(opened)
    assert refused.value.reason == "NO_AGREEMENT"
    assert len(ground.mts.orders) == 1


async def test_a_spoken_further_code_is_preceded_by_another_look(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    ground.clock.advance(60)
    ground.mts.found = [answer(forwarding=FORWARDED), answer()]
    for delay in (0, 120):
        ground.clock.advance(delay)
        await desk._resend("messenger", opened.verification_id, Method.VOICE, "")
    assert len(ground.mts.lookups) == 3
    # The code that was spoken while the line forwarded is still good.
    _, checked, bundle = await desk.check(opened, code_of(ground.mts.orders[1].text))
    assert (checked.state, bundle) == (State.STEP_UP_REQUIRED, None)
    assert checked.verdict is not None
    found = next(item for item in checked.verdict.findings if item.code == "VOICE_CODE_FORWARDED")
    assert found.evidence[0] == "before_resend.forwarding"


async def test_a_further_code_that_settles_late_does_not_undo_the_right_one(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    first = code_of(ground.mts.orders[0].text)
    ground.clock.advance(60)
    ground.mts.sent = HANG
    resending = asyncio.create_task(desk.resend(opened))
    await reached(ground.mts.orders, 2)
    assert (await desk.check(opened, first))[1].state is State.VERIFIED
    await desk.crash()
    with pytest.raises(asyncio.CancelledError):
        await resending
    assert (await desk.get(opened))[0].state is State.VERIFIED


async def test_a_code_compared_after_the_cancellation_is_no_match(desk: Desk, ground: Ground) -> None:
    opened = await desk.start(method=Method.OPERATOR_CODE)
    asked, gate = asyncio.Event(), asyncio.Event()

    async def late(_check: object) -> CodeChecked:
        asked.set()
        await gate.wait()
        return CodeChecked(CodeOutcome.MATCH)

    ground.mts.check_code = late  # type: ignore[method-assign, assignment]
    checking = asyncio.create_task(desk.take(opened, "123456"))
    await asked.wait()
    await desk.cancel(opened)
    gate.set()
    with pytest.raises(Refusal) as refused:
        await checking
    assert refused.value.reason == "VERIFICATION_CANCELED"


async def test_a_binding_past_its_time_contests_nothing(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    _, first, _ = await desk.check(opened, code_of(ground.mts.orders[-1].text))
    ground.clock.advance(LIFETIME)
    second = await desk.start(account="the next owner")
    _, verified, bundle = await desk.check(second, code_of(ground.mts.orders[-1].text))
    assert (verified.state, verified.supersedes) == (State.VERIFIED, (first.binding_id,))
    assert bundle is not None
    ended = await ground.store.binding(first.binding_id)
    assert ended is not None
    assert ended.state is BindingState.SUPERSEDED


async def test_a_clock_that_was_set_back_does_not_end_what_begins(desk: Desk, ground: Ground) -> None:
    await desk.start()
    ground.clock.step(NOW - 7_200)
    opened = await desk.start(account="bob")
    assert opened.state is State.CODE_SENT
    code = code_of(ground.mts.orders[-1].text)
    assert (await desk.check(opened, wrong(code)))[0] is CodeResult.MISMATCH
    assert (await desk.check(opened, code))[1].state is State.VERIFIED
    assert opened.opening.phone_number == NUMBER


async def test_a_further_code_that_is_not_sent_after_a_dead_one_ends_nothing(desk: Desk, ground: Ground) -> None:
    opened = await desk.start(method=Method.OPERATOR_CODE)
    ground.mts.checked = CodeChecked(CodeOutcome.EXHAUSTED)
    await desk.check(opened, "123456")
    ground.clock.advance(60)
    ground.mts.sent = OperatorError("SMSC_DOWN", "no route")
    with pytest.raises(Refusal) as refused:
        await desk.resend(opened)
    assert refused.value.reason == "SMSC_DOWN"
    assert (await desk.get(opened))[0].state is State.CODE_SENT
    ground.mts.sent = CodeSent(SendOutcome.ACCEPTED, b"another")
    ground.clock.advance(120)
    assert len((await desk.resend(opened)).codes) == 1


async def test_a_further_code_goes_by_a_method_that_the_operator_offers(desk: Desk, ground: Ground) -> None:
    ground.mts.able = replace(everything("mts"), methods=(Method.SMS, Method.NETWORK))
    await desk.ask.capabilities("mts")
    opened = await desk.start()
    assert opened.methods == (Method.SMS, Method.NETWORK)
    ground.clock.advance(60)
    with pytest.raises(Refusal) as refused:
        await desk.resend(opened, method=Method.VOICE)
    assert refused.value.reason == "METHOD_NOT_SERVED"
    assert "VOICE; it offers SMS" in str(refused.value)
    assert (len(ground.mts.orders), await desk.sends_counted()) == (1, 1)
    assert len((await desk.resend(opened, method=Method.SMS)).codes) == 2


async def test_what_the_operator_offers_is_not_guessed_at(desk: Desk, ground: Ground) -> None:
    ground.mts.able = OperatorError("UNWELL", "no answer")
    opened = await desk.start()
    assert opened.methods == tuple(Method)


async def test_a_method_outside_the_agreement_is_not_on_offer(ground: Ground) -> None:
    desk = Desk(ground, agreements=(replace(AGREEMENTS[0], methods=(Method.SMS,)),))
    assert (await desk.start()).methods == (Method.SMS,)
