"""Codes that the operator makes and compares: what a guess costs, whatever the operator says or does not say."""

import asyncio

import pytest

from fakes.desk import Desk, Ground, code_of, wrong
from fakes.operator import HANG, reached
from numseal.domain.errors import Kind, Refusal
from numseal.domain.evidence import Method
from numseal.domain.limits import GUESS_LADDER, MAX_GUESSES, Limits
from numseal.domain.operator import CodeChecked, CodeOutcome, CodeSent, SendOutcome
from numseal.domain.verification import State, Verification
from numseal.ports.operator_backend import OperatorError
from numseal.usecases import check_code as module
from numseal.usecases.check_code import CodeResult

CODE = "123456"


async def opened_at_the_operator(desk: Desk) -> Verification:
    return await desk.start(method=Method.OPERATOR_CODE)


async def test_the_operators_word_is_taken(desk: Desk, ground: Ground) -> None:
    opened = await opened_at_the_operator(desk)
    result, verified, bundle = await desk.check(opened, CODE)
    assert (result, verified.state) == (CodeResult.MATCH, State.VERIFIED)
    assert bundle is not None
    assert (ground.mts.checks[0].challenge, ground.mts.checks[0].code) == (b"challenge", CODE)
    assert (verified.guesses, await desk.guesses_counted()) == (0, 0)


@pytest.mark.parametrize(
    "outcome", [CodeOutcome.MISMATCH, CodeOutcome.USED, CodeOutcome.UNKNOWN, CodeOutcome.EXHAUSTED]
)
async def test_any_no_is_a_wrong_guess(desk: Desk, ground: Ground, outcome: CodeOutcome) -> None:
    ground.mts.checked = CodeChecked(outcome)
    opened = await opened_at_the_operator(desk)
    result, after, bundle = await desk.check(opened, CODE)
    assert (result, after.state, after.guesses, bundle) == (CodeResult.MISMATCH, State.CODE_SENT, 1, None)
    assert await desk.guesses_counted() == 1


async def test_a_code_that_expired_at_the_operator_is_asked_about_once(desk: Desk, ground: Ground) -> None:
    ground.mts.checked = CodeChecked(CodeOutcome.EXPIRED)
    opened = await opened_at_the_operator(desk)
    result, after, _ = await desk.check(opened, CODE)
    assert (result, after.guesses) == (CodeResult.EXPIRED, 1)
    for number in range(1, 4):
        assert (await desk.check(opened, wrong(CODE, number)))[0] is CodeResult.EXPIRED
    assert len(ground.mts.checks) == 1
    assert await desk.guesses_counted() == 1


@pytest.mark.parametrize("outcome", [CodeOutcome.EXHAUSTED, CodeOutcome.USED, CodeOutcome.UNKNOWN])
async def test_a_code_that_is_dead_at_the_operator_is_not_asked_about_again(
    desk: Desk, ground: Ground, outcome: CodeOutcome
) -> None:
    ground.mts.checked = CodeChecked(outcome)
    opened = await opened_at_the_operator(desk)
    assert (await desk.check(opened, CODE))[0] is CodeResult.MISMATCH
    assert (await desk.check(opened, CODE))[0] is CodeResult.EXPIRED
    assert len(ground.mts.checks) == 1


@pytest.mark.parametrize(
    ("checked", "reason"),
    [
        (OperatorError("OTP_DOWN", "no route"), "OTP_DOWN"),
        (HANG, "TIMEOUT"),
        (RuntimeError("a bug"), "BROKEN_CONTRACT"),
        (CodeChecked("PERHAPS"), "BROKEN_CONTRACT"),  # type: ignore[arg-type]
    ],
)
async def test_no_answer_stays_counted_and_the_same_question_may_be_asked_again(
    desk: Desk, ground: Ground, checked: CodeChecked | Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECK_TIMEOUT", 0.02)
    ground.mts.checked = checked
    opened = await opened_at_the_operator(desk)
    with pytest.raises(Refusal) as refused:
        await desk.check(opened, CODE)
    assert (refused.value.reasoning.kind, refused.value.reason) == (Kind.UNAVAILABLE, reason)
    # The operator may have compared it.
    assert await desk.guesses_counted() == 1
    ground.mts.checked = CodeChecked(CodeOutcome.MATCH)
    assert (await desk.check(opened, CODE))[0] is CodeResult.MATCH
    # Idempotent at the operator: an answer that was lost is given again.
    assert ground.mts.checks[0].request_id == ground.mts.checks[1].request_id


async def test_an_operator_that_was_disconnected_since(desk: Desk, ground: Ground) -> None:
    opened = await opened_at_the_operator(desk)
    with pytest.raises(Refusal) as refused:
        await Desk(ground, connected=()).check(opened, CODE)
    assert refused.value.reason == "OPERATOR_NOT_CONNECTED"
    assert await desk.guesses_counted() == 0


async def test_five_wrong_guesses_end_it(desk: Desk, ground: Ground) -> None:
    ground.mts.checked = CodeChecked(CodeOutcome.MISMATCH)
    opened = await opened_at_the_operator(desk)
    for number, delay in enumerate(GUESS_LADDER):
        ground.clock.advance(delay)
        _, after, _ = await desk.check(opened, wrong(CODE, number))
    assert (after.state, after.failure) == (State.FAILED, "ATTEMPTS_EXHAUSTED")
    ground.mts.checked = CodeChecked(CodeOutcome.MATCH)
    assert (await desk.check(opened, CODE))[0] is CodeResult.EXHAUSTED


async def test_no_guess_runs_beside_the_last_one(desk: Desk, ground: Ground) -> None:
    ground.mts.checked = CodeChecked(CodeOutcome.MISMATCH)
    opened = await opened_at_the_operator(desk)
    for number, delay in enumerate(GUESS_LADDER[1:], 1):
        await desk.check(opened, wrong(CODE, number))
        ground.clock.advance(delay)
    ground.mts.checked = HANG
    last = asyncio.create_task(desk.take(opened, wrong(CODE, MAX_GUESSES)))
    await reached(ground.mts.checks, MAX_GUESSES)
    ground.mts.checked = CodeChecked(CodeOutcome.MATCH)
    result, after, _ = await desk.check(opened, CODE)
    assert (result, after.state) == (CodeResult.EXHAUSTED, State.CODE_SENT)
    assert len(ground.mts.checks) == MAX_GUESSES
    await desk.crash()
    with pytest.raises(asyncio.CancelledError):
        await last


async def test_an_answer_that_comes_after_the_end_changes_nothing(desk: Desk, ground: Ground) -> None:
    opened = await opened_at_the_operator(desk)
    checked, ground.mts.checked = ground.mts.checked, HANG
    slow = asyncio.create_task(desk.take(opened, CODE))
    await reached(ground.mts.checks)
    ground.mts.checked = checked
    assert (await desk.check(opened, wrong(CODE)))[0] is CodeResult.MATCH
    await desk.crash()
    with pytest.raises(asyncio.CancelledError):
        await slow
    with pytest.raises(Refusal, match="VERIFIED"):
        await desk.check(opened, CODE)


async def test_a_late_word_of_the_operator_finds_the_verification_canceled(
    desk: Desk, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECK_TIMEOUT", 0.1)
    opened = await opened_at_the_operator(desk)
    ground.mts.checked = HANG
    slow = asyncio.create_task(desk.take(opened, CODE))
    await reached(ground.mts.checks)
    await desk.cancel(opened)
    with pytest.raises(Refusal, match="did not answer"):
        await slow
    assert (await desk.get(opened))[0].state is State.CANCELED


async def test_texted_and_operator_codes_side_by_side(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    ground.clock.advance(60)
    ground.mts.sent = CodeSent(SendOutcome.ACCEPTED, b"theirs")
    await desk._resend("messenger", opened.verification_id, Method.OPERATOR_CODE, "")
    ground.mts.checked = CodeChecked(CodeOutcome.MISMATCH)
    texted = code_of(ground.mts.orders[0].text)
    assert (await desk.check(opened, wrong(texted)))[0] is CodeResult.MISMATCH
    assert ground.mts.checks[0].challenge == b"theirs"
    assert (await desk.check(opened, texted))[0] is CodeResult.MATCH
    assert len(ground.mts.checks) == 1


async def test_a_number_whose_guesses_are_used_up_takes_no_more(ground: Ground) -> None:
    limits = Limits(wrong_guesses_per_number_day=2)
    desk = Desk(ground, limits=limits)
    opened = await desk.start()
    code = code_of(ground.mts.orders[0].text)
    for number in (1, 2):
        assert (await desk.check(opened, wrong(code, number)))[0] is CodeResult.MISMATCH
    ground.clock.advance(30)
    with pytest.raises(Refusal) as refused:
        await desk.check(opened, code)
    assert refused.value.reason == "NUMBER_GUESSES_EXHAUSTED"
    assert (await desk.get(opened))[0].guesses == 2


async def test_after_the_right_code_others_may_not_be_tried_for_ever(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    code = code_of(ground.mts.orders[0].text)
    await desk.check(opened, code)
    for number in range(1, MAX_GUESSES + 1):
        with pytest.raises(Refusal, match="VERIFIED"):
            await desk.check(opened, wrong(code, number))
    with pytest.raises(Refusal, match="VERIFIED"):
        await desk.check(opened, code)
    assert (await desk.get(opened))[1] is not None
