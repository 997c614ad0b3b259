"""Agreements where they are held to: what stops, what is counted before it is asked, what is given back."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest

from fakes.desk import AGREEMENTS, Desk, Ground, code_of, wrong
from fakes.evidence import NOW, answer, known
from fakes.operator import HANG, everything, reached
from numseal.domain.agreement import Agreement, AgreementRecord, AgreementState, Quota
from numseal.domain.agreement_quota import COST, VERIFICATIONS, cost_charge
from numseal.domain.errors import Kind, Refusal
from numseal.domain.evidence import (
    SIGNAL_NAMES,
    Answer,
    Forwarding,
    ForwardingKind,
    Lookup,
    LookupOutcome,
    Method,
    SignalState,
)
from numseal.domain.limits import DAY, Budget
from numseal.domain.operator import CodeChecked, CodeOrder, CodeOutcome, CodeSent, Operation, Price, SendOutcome
from numseal.domain.verification import State, Verification
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.check_code import CodeResult
from numseal.usecases.continue_verification import Way
from numseal.usecases.operator_access import Permit

S = AgreementState
MTS, MEGAFON = AGREEMENTS
PRICES = (
    Price(Operation.LOOK_UP_SUBSCRIBER, 10, "RUB"),
    Price(Operation.SEND_CODE, 100, "RUB"),
    Price(Operation.SEND_CODE, 300, "RUB", method=Method.VOICE),
    Price(Operation.CHECK_CODE, 1, "RUB"),
    Price(Operation.NETWORK_CHECK, 50, "RUB"),
)
COST_OF_ONE = 120
"""A lookup, a code by SMS, and another lookup."""


def with_quota(*quota: Any, agreement: Agreement = MTS) -> Agreement:
    return replace(agreement, quota=Quota(*quota))


def capped(cap: int, agreement: Agreement = MTS) -> Agreement:
    return with_quota(0, 0, cap, "RUB", agreement=agreement)


def stop(desk: Desk, state: AgreementState = S.SUSPENDED, agreement: Agreement = MTS) -> None:
    """Have the agreement stand otherwise, as a commit does."""
    known = desk.agreements.get(agreement.agreement_id)
    assert known is not None
    desk.agreements.put(replace(known, state=state, version=known.version + 1))


def go_on(desk: Desk) -> None:
    stop(desk, S.ACTIVE)


async def refused(call: Awaitable[object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await call
    return caught.value


async def spent(desk: Desk, agreement: Agreement = MTS) -> tuple[int, int]:
    """Return the verifications and the cost counted today."""
    name = agreement.agreement_id
    verifications, cost = await desk.spent(Budget(VERIFICATIONS, name, 0, DAY), Budget(COST, f"{name}|RUB", 0, DAY))
    return verifications, cost


def asked(ground: Ground) -> int:
    mts = ground.mts
    return len(mts.lookups) + len(mts.orders) + len(mts.checks) + len(mts.network_orders) + len(mts.network_offers)


def price(ground: Ground, *prices: Price) -> None:
    ground.mts.able = replace(everything("mts"), prices=prices)


FORWARDED = known((Forwarding(ForwardingKind.UNCONDITIONAL, active=True),))

# In force, or not


@pytest.mark.parametrize(
    ("state", "reason"),
    [(S.SUSPENDED, "AGREEMENT_SUSPENDED"), (S.ENDED, "AGREEMENT_EXPIRED"), (S.PROPOSED, "NO_AGREEMENT")],
)
async def test_nothing_begins_under_one_that_is_not_in_force(
    desk: Desk, ground: Ground, state: AgreementState, reason: str
) -> None:
    stop(desk, state)
    found = await refused(desk.start())
    assert (found.reasoning.kind, found.reason) == (Kind.PERMISSION_DENIED, reason)
    assert asked(ground) == 0
    go_on(desk)
    assert (await desk.start()).state is State.CODE_SENT


async def test_an_agreement_covers_its_methods_and_no_other(ground: Ground) -> None:
    desk = Desk(ground, agreements=(replace(MTS, methods=(Method.SMS,)),))
    assert (await refused(desk.start(method=Method.NETWORK))).reason == "METHOD_NOT_COVERED"
    opened = await desk.start()
    ground.clock.advance(60)
    before = asked(ground)
    found = await refused(desk._resend("messenger", opened.verification_id, Method.VOICE, ""))
    assert found.reason == "METHOD_NOT_COVERED"
    assert asked(ground) == before
    assert len((await desk.resend(opened)).codes) == 2


async def stepped_up(desk: Desk) -> Verification:
    """Show a code that was spoken to a line that forwards its calls: another method is required."""
    desk.ground.mts.found = [answer(forwarding=FORWARDED)]
    opened = await desk.start(method=Method.VOICE)
    _, stepped, _ = await desk.check(opened, code_of(desk.ground.mts.orders[-1].text))
    assert stepped.state is State.STEP_UP_REQUIRED
    desk.ground.mts.found = [answer()]
    return stepped


async def test_a_step_up_lists_only_what_the_agreement_covers(ground: Ground) -> None:
    every = {option.method for option in (await stepped_up(Desk(ground))).options if option.method}
    assert every == {Method.SMS, Method.OPERATOR_CODE, Method.NETWORK}
    desk = Desk(ground, agreements=(replace(MTS, methods=(Method.VOICE, Method.OPERATOR_CODE)),))
    fewer = {option.method for option in (await stepped_up(desk)).options if option.method}
    assert fewer == {Method.OPERATOR_CODE}


async def test_no_way_on_asks_an_operator_under_a_suspended_agreement(desk: Desk, ground: Ground) -> None:
    stepped = await stepped_up(desk)
    ground.clock.advance(120)
    stop(desk)
    before = asked(ground)
    for way in (Way(Answer.METHOD, Method.SMS), Way(Answer.NETWORK, Method.NETWORK)):
        assert (await refused(desk.proceed(stepped, way))).reason == "AGREEMENT_SUSPENDED"
    assert asked(ground) == before
    go_on(desk)
    assert (await desk.proceed(stepped, Way(Answer.METHOD, Method.SMS))).state is State.CODE_SENT


async def test_where_consent_is_required_a_wish_names_it(ground: Ground) -> None:
    desk = Desk(ground, agreements=(replace(MTS, consent_purpose="number check"),))
    found = await refused(desk.start())
    assert (found.reason, found.reasoning.field) == ("CONSENT_REQUIRED", "consent_reference")
    assert asked(ground) == 0
    opened = await desk.start(consent_reference="c-1")
    await desk.check(opened, code_of(ground.mts.orders[-1].text))
    assert [request.consent_reference for request in ground.mts.lookups] == ["c-1", "c-1"]


# Signals


async def test_signals_that_are_not_covered_are_not_asked_for_and_not_known(ground: Ground) -> None:
    covered = ("sim_ref", "line_type")
    desk = Desk(ground, agreements=(replace(MTS, signals=covered),))
    opened = await desk.start()
    verified = (await desk.check(opened, code_of(ground.mts.orders[-1].text)))[1]
    assert [request.signals for request in ground.mts.lookups] == [covered, covered]
    for lookup in (verified.before, verified.after):
        assert lookup is not None
        assert lookup.subscriber is not None
        states = {name: signal.meta.state for name, signal in lookup.subscriber.signals()}
        # This operator told more than it was asked: nothing may rest on it.
        assert {name for name, state in states.items() if state is SignalState.OK} == set(covered)
        assert {state for name, state in states.items() if name not in covered} == {SignalState.NOT_SUPPORTED}
    everything_covered = await Desk(ground).start(account="bob")
    assert everything_covered.before is not None
    assert ground.mts.lookups[-1].signals == SIGNAL_NAMES


# Suspended in the middle


async def test_what_was_begun_is_neither_looked_up_nor_sent_under_a_suspended_agreement(
    desk: Desk, ground: Ground
) -> None:
    opened = await desk.start()
    ground.clock.advance(60)
    stop(desk)
    before = asked(ground)
    assert (await refused(desk.resend(opened))).reason == "AGREEMENT_SUSPENDED"
    # The right code is kept: it was sent while that was agreed.
    code = code_of(ground.mts.orders[-1].text)
    assert (await refused(desk.check(opened, code))).reason == "AGREEMENT_SUSPENDED"
    found, bundle = await desk.get(opened)
    assert (found.state, bundle) == (State.ASSESSING, None)
    assert asked(ground) == before
    go_on(desk)
    assert (await desk.get(opened))[0].state is State.VERIFIED


async def test_a_kept_code_is_worth_nothing_once_the_verification_is_over(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    stop(desk)
    await refused(desk.check(opened, code_of(ground.mts.orders[-1].text)))
    ground.clock.advance(1_800)
    go_on(desk)
    assert (await desk.get(opened))[0].state is State.EXPIRED


async def test_a_wrong_code_is_an_answer_in_any_case(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    stop(desk)
    result, found, _ = await desk.check(opened, wrong(code_of(ground.mts.orders[-1].text)))
    assert (result, found.attempts_remaining) == (CodeResult.MISMATCH, 4)


async def test_an_operator_compares_no_code_of_its_own_and_no_attempt_is_counted(desk: Desk, ground: Ground) -> None:
    opened = await desk.start(method=Method.OPERATOR_CODE)
    stop(desk)
    assert (await refused(desk.check(opened, "123456"))).reason == "AGREEMENT_SUSPENDED"
    assert ground.mts.checks == []
    assert (await desk.get(opened))[0].attempts_remaining == 5
    go_on(desk)
    assert (await desk.check(opened, "123456"))[1].state is State.VERIFIED


async def test_a_networks_page_is_not_asked_about(desk: Desk, ground: Ground) -> None:
    opened = await desk.start(method=Method.NETWORK)
    stop(desk)
    assert (await refused(desk.prove(opened))).reason == "AGREEMENT_SUSPENDED"
    assert ground.mts.network_offers == []
    assert (await desk.get(opened))[0].attempts_remaining == 5


async def test_what_was_cut_off_before_it_was_sent_fails(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [HANG]
    starting = asyncio.create_task(desk.start())
    await reached(ground.mts.lookups)
    await desk.crash()
    with pytest.raises(asyncio.CancelledError):
        await starting
    ground.mts.found = [answer()]
    again = Desk(ground)
    stop(again)
    before = asked(ground)
    found, _ = await again._get("messenger", ground.mts.lookups[0].request_id.partition("-")[0])
    assert (found.state, found.failure) == (State.FAILED, "AGREEMENT_SUSPENDED")
    assert asked(ground) == before
    assert await again.sends_counted() == 0


async def test_one_that_is_suspended_while_the_number_is_looked_up_has_no_code_sent(desk: Desk, ground: Ground) -> None:
    real = ground.mts.look_up

    async def suspended_meanwhile(request: Any) -> Lookup:
        stop(desk)
        return await real(request)

    ground.mts.look_up = suspended_meanwhile  # type: ignore[method-assign]
    failed = await desk.start()
    assert (failed.state, failed.failure) == (State.FAILED, "AGREEMENT_SUSPENDED")
    assert (ground.mts.orders, await desk.sends_counted()) == ([], 0)
    go_on(desk)
    failed = await desk.start(method=Method.NETWORK)
    assert (failed.state, failed.failure) == (State.FAILED, "AGREEMENT_SUSPENDED")
    assert ground.mts.network_orders == []


async def test_one_that_is_suspended_before_a_further_spoken_code_is_told_so(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    ground.clock.advance(60)
    real = ground.mts.look_up

    async def suspended_meanwhile(request: Any) -> Lookup:
        stop(desk)
        return await real(request)

    ground.mts.look_up = suspended_meanwhile  # type: ignore[method-assign]
    found = await refused(desk._resend("messenger", opened.verification_id, Method.VOICE, ""))
    assert (found.reasoning.kind, found.reason) == (Kind.PERMISSION_DENIED, "AGREEMENT_SUSPENDED")
    assert (len(ground.mts.orders), await desk.sends_counted()) == (1, 1)


# Verifications a day


async def test_a_days_verifications_are_counted_and_free_with_the_next_day(ground: Ground) -> None:
    desk = Desk(ground, agreements=(with_quota(2),))
    for account in ("alice", "bob"):
        await desk.start(account=account)
    before = asked(ground)
    found = await refused(desk.start(account="cyd"))
    reasoning = found.reasoning
    assert (reasoning.kind, reasoning.reason, reasoning.quota) == (
        Kind.RESOURCE_EXHAUSTED,
        "QUOTA_EXCEEDED",
        VERIFICATIONS,
    )
    assert reasoning.retry_delay == DAY - NOW % DAY
    assert asked(ground) == before
    assert await desk.sends_counted() == 2
    ground.clock.advance(reasoning.retry_delay - 1)
    assert (await refused(desk.start(account="cyd"))).reason == "QUOTA_EXCEEDED"
    ground.clock.advance(1)
    assert (await desk.start(account="cyd")).state is State.CODE_SENT


async def test_further_codes_and_checks_are_no_further_verifications(ground: Ground) -> None:
    desk = Desk(ground, agreements=(with_quota(1),))
    opened = await desk.start(request_id="r-1")
    assert (await desk.start(request_id="r-1")).verification_id == opened.verification_id
    ground.clock.advance(60)
    resent = await desk.resend(opened)
    assert (await desk.check(resent, code_of(ground.mts.orders[-1].text)))[1].state is State.VERIFIED
    assert await spent(desk) == (1, 0)


async def test_a_quota_is_the_agreements_whoever_restarts(ground: Ground) -> None:
    await Desk(ground, agreements=(with_quota(1),)).start()
    again = Desk(ground, agreements=(with_quota(1),))
    assert (await refused(again.start(account="bob"))).reason == "QUOTA_EXCEEDED"


# Calls a second


async def test_calls_a_second_are_bounded_and_what_was_begun_is_finished(ground: Ground) -> None:
    desk = Desk(ground, agreements=(with_quota(0, 3),))
    first = await desk.start()
    await desk.start(account="bob")
    found = await refused(desk.start(account="cyd"))
    assert (found.reason, found.reasoning.quota, found.reasoning.retry_delay) == (
        "QUOTA_EXCEEDED",
        "AGREEMENT_CALLS",
        1,
    )
    assert (await desk.check(first, code_of(ground.mts.orders[0].text)))[1].state is State.VERIFIED
    # Four calls and one more, of three a second: the bucket is two below nothing, and one is to be in it.
    ground.clock.advance(1)
    assert (await desk.start(account="cyd")).state is State.CODE_SENT
    assert (await refused(desk.start(account="dan"))).reason == "QUOTA_EXCEEDED"
    ground.clock.advance(60)
    assert (await desk.start(account="dan")).state is State.CODE_SENT


async def test_a_rate_of_one_lets_a_verification_begin_all_the_same(ground: Ground) -> None:
    desk = Desk(ground, agreements=(with_quota(0, 1),))
    assert (await desk.start()).state is State.CODE_SENT
    assert (await refused(desk.start(account="bob"))).reasoning.retry_delay == 2
    ground.clock.advance(2)
    assert (await desk.start(account="bob")).state is State.CODE_SENT


async def test_a_rate_that_is_lifted_holds_no_more(ground: Ground) -> None:
    desk = Desk(ground, agreements=(with_quota(0, 1),))
    await desk.start()
    desk.agreements.put(AgreementRecord(MTS, S.ACTIVE, version=2))
    for account in ("bob", "cyd"):
        assert (await desk.start(account=account)).state is State.CODE_SENT


# Cost


async def test_a_verification_s_whole_course_is_counted_before_it_begins(ground: Ground) -> None:
    price(ground, *PRICES)
    desk = Desk(ground, agreements=(capped(2 * COST_OF_ONE),))
    opened = await desk.start()
    assert await spent(desk) == (0, COST_OF_ONE)
    assert (await desk.check(opened, code_of(ground.mts.orders[-1].text)))[1].state is State.VERIFIED
    assert await spent(desk) == (0, COST_OF_ONE)
    await desk.start(account="bob")
    before = asked(ground)
    found = await refused(desk.start(account="cyd"))
    assert (found.reason, found.reasoning.quota) == ("QUOTA_EXCEEDED", COST)
    assert found.reasoning.retry_delay == DAY - NOW % DAY
    assert (asked(ground), await spent(desk)) == (before, (0, 2 * COST_OF_ONE))


@pytest.mark.parametrize(
    ("method", "cost"),
    [(Method.SMS, 120), (Method.VOICE, 320), (Method.OPERATOR_CODE, 121), (Method.NETWORK, 70)],
)
async def test_each_method_costs_what_its_operator_says(ground: Ground, method: Method, cost: int) -> None:
    price(ground, *PRICES)
    desk = Desk(ground, agreements=(capped(cost),))
    await desk.start(method=method)
    assert await spent(desk) == (0, cost)
    assert (await refused(Desk(ground, agreements=(capped(cost - 1),)).start(account="b"))).reason == "QUOTA_EXCEEDED"


@pytest.mark.parametrize(
    "prices",
    [
        (),
        PRICES[1:],
        (PRICES[0],),
        tuple(replace(item, currency="EUR") for item in PRICES),
    ],
)
async def test_a_cap_without_a_price_refuses(ground: Ground, prices: tuple[Price, ...]) -> None:
    price(ground, *prices)
    desk = Desk(ground, agreements=(capped(10**9),))
    found = await refused(desk.start())
    assert (found.reasoning.kind, found.reason) == (Kind.FAILED_PRECONDITION, "COST_UNKNOWN")
    assert asked(ground) == 0


async def test_a_cap_of_an_operator_that_tells_nothing_refuses_for_now(ground: Ground) -> None:
    ground.mts.able = OperatorError("DOWN", "no route")
    found = await refused(Desk(ground, agreements=(capped(10**9),)).start())
    assert (found.reasoning.kind, found.reason, found.reasoning.retry_delay) == (Kind.UNAVAILABLE, "COST_UNKNOWN", 10)
    assert asked(ground) == 0


@pytest.mark.parametrize(
    "sent", [CodeSent(SendOutcome.BARRED), OperatorError("DOWN", "no route")], ids=["refused", "down"]
)
async def test_what_certainly_was_not_sent_is_given_back(ground: Ground, sent: Any) -> None:
    price(ground, *PRICES)
    desk = Desk(ground, agreements=(capped(1_000),))
    ground.mts.sent = sent
    assert (await desk.start()).state is State.FAILED
    assert await spent(desk) == (0, COST_OF_ONE - 100)
    ground.mts.sent = CodeSent(SendOutcome.ACCEPTED)
    opened = await desk.start(account="bob")
    ground.clock.advance(60)
    ground.mts.sent = sent
    before = (await spent(desk))[1]
    await refused(desk.resend(opened))
    assert (await spent(desk))[1] == before
    ground.mts.sent = CodeSent(SendOutcome.ACCEPTED)
    ground.clock.advance(60)
    await desk.resend(opened)
    assert (await spent(desk))[1] == before + 100


async def test_what_may_have_been_sent_stays_counted(ground: Ground) -> None:
    price(ground, *PRICES)
    desk = Desk(ground, agreements=(capped(1_000),))
    ground.mts.sent = OperatorError("LOST", "no answer", sent=True)
    assert (await desk.start()).state is State.CODE_SENT
    assert await spent(desk) == (0, COST_OF_ONE)


async def test_a_number_that_nobody_has_costs_its_lookup_and_no_code(ground: Ground) -> None:
    price(ground, *PRICES)
    desk = Desk(ground, agreements=(capped(1_000),))
    ground.mts.found = [answer(LookupOutcome.NOT_ASSIGNED)]
    assert (await desk.start()).state is State.REJECTED
    assert await spent(desk) == (0, COST_OF_ONE - 100)


async def test_a_further_spoken_code_costs_its_lookup_too(ground: Ground) -> None:
    price(ground, *PRICES)
    desk = Desk(ground, agreements=(capped(10_000),))
    opened = await desk.start()
    ground.clock.advance(60)
    await desk._resend("messenger", opened.verification_id, Method.VOICE, "")
    assert await spent(desk) == (0, COST_OF_ONE + 310)
    ground.clock.advance(120)
    stop_at = Desk(ground, agreements=(capped(COST_OF_ONE + 310 + 99),))
    found = await refused(stop_at._resend("messenger", opened.verification_id, Method.SMS, ""))
    assert (found.reason, len(ground.mts.orders)) == ("QUOTA_EXCEEDED", 2)


async def test_a_step_up_costs_its_challenge_and_another_assessment(ground: Ground) -> None:
    price(ground, *PRICES)
    desk = Desk(ground, agreements=(capped(10_000),))
    stepped = await stepped_up(desk)
    ground.clock.advance(120)
    before = (await spent(desk))[1]
    assert (await desk.proceed(stepped, Way(Answer.NETWORK, Method.NETWORK))).state is State.NETWORK_PENDING
    assert (await spent(desk))[1] == before + 50 + 10


async def test_each_comparing_by_the_operator_after_the_first_is_counted_before_it_is_asked(ground: Ground) -> None:
    price(ground, *PRICES)
    desk = Desk(ground, agreements=(capped(122),))
    opened = await desk.start(method=Method.OPERATOR_CODE)
    ground.mts.checked = CodeChecked(CodeOutcome.MISMATCH)
    for code in ("111111", "222222"):
        assert (await desk.check(opened, code))[0] is CodeResult.MISMATCH
    assert await spent(desk) == (0, 122)
    ground.clock.advance(30)
    assert (await refused(desk.check(opened, "333333"))).reason == "QUOTA_EXCEEDED"
    assert len(ground.mts.checks) == 2
    assert (await desk.get(opened))[0].attempts_remaining == 3


# Ported numbers


async def test_a_ported_number_is_counted_at_both_operators(ground: Ground) -> None:
    price(ground, *PRICES)
    ground.megafon.able = replace(everything("megafon"), prices=PRICES)
    ground.mts.found, ground.megafon.found = [ported("megafon")], [answer(operator="megafon")]
    desk = Desk(ground, agreements=(with_quota(5, 0, 1_000, "RUB"), with_quota(5, 0, 1_000, "RUB", agreement=MEGAFON)))
    opened = await desk.start()
    assert (opened.opening.operator_id, opened.opening.agreement_id) == ("megafon", "with-megafon")
    assert await spent(desk) == (1, COST_OF_ONE)
    assert await spent(desk, MEGAFON) == (1, COST_OF_ONE)
    assert ground.megafon.lookups[0].agreement_id == "with-megafon"


def ported(to: str) -> Lookup:
    return replace(answer(LookupOutcome.PORTED), ported_to=to)


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"methods": (Method.VOICE,)}, "METHOD_NOT_COVERED"),
        ({"consent_purpose": "number check"}, "CONSENT_REQUIRED"),
        ({"valid_until": 1}, "AGREEMENT_EXPIRED"),
        ({"quota": Quota(0, 0, 1, "RUB")}, "COST_UNKNOWN"),
    ],
)
async def test_a_ported_number_s_operator_is_asked_under_its_own_agreement(
    ground: Ground, change: dict[str, Any], failure: str
) -> None:
    ground.mts.found = [ported("megafon")]
    failed = await Desk(ground, agreements=(MTS, replace(MEGAFON, **change))).start()
    assert (failed.state, failed.failure) == (State.FAILED, failure)
    assert ground.megafon.lookups == []
    assert ground.mts.orders == ground.megafon.orders == []


# Between two steps


async def test_what_was_counted_yesterday_makes_no_room_today(ground: Ground) -> None:
    price(ground, *PRICES)
    desk = Desk(ground, agreements=(capped(1_000),))
    ground.clock.advance(DAY - NOW % DAY - 1)

    async def barred_after_midnight(_order: CodeOrder) -> CodeSent:
        ground.clock.advance(1)
        await desk.access.count(cost_charge(capped(1_000), 500))
        return CodeSent(SendOutcome.BARRED)

    ground.mts.send_code = barred_after_midnight  # type: ignore[method-assign,assignment]
    assert (await desk.start()).state is State.FAILED
    assert await spent(desk) == (0, 500)


async def test_a_spoken_code_that_a_crash_cut_off_is_not_taken_up_under_a_suspended_agreement(
    desk: Desk, ground: Ground
) -> None:
    opened = await desk.start()
    ground.clock.advance(60)
    ground.mts.found = [HANG]
    resending = asyncio.create_task(desk._resend("messenger", opened.verification_id, Method.VOICE, "again"))
    await reached(ground.mts.lookups, 2)
    await desk.crash()
    with pytest.raises(asyncio.CancelledError):
        await resending
    ground.mts.found = [answer()]
    again = Desk(ground)
    stop(again)
    before = asked(ground)
    found = await refused(again._resend("messenger", opened.verification_id, Method.VOICE, "again"))
    assert (found.reason, asked(ground)) == ("AGREEMENT_SUSPENDED", before)
    assert (await again.sends_counted(), (await again.get(opened))[0].codes_counted) == (1, 1)


async def test_a_page_is_not_opened_under_one_that_is_suspended_while_it_is_counted(
    desk: Desk, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    stepped = await stepped_up(desk)
    real = desk.access.challenge

    async def suspended_meanwhile(*values: Any) -> Permit:
        permit = await real(*values)
        stop(desk)
        return permit

    monkeypatch.setattr(desk.access, "challenge", suspended_meanwhile)
    found = await refused(desk.proceed(stepped, Way(Answer.NETWORK, Method.NETWORK)))
    assert found.reason == "AGREEMENT_SUSPENDED"
    assert ground.mts.network_orders == []


# Whoever asks at once, or while it changes


@pytest.mark.parametrize("fails", [True, False])
async def test_one_request_is_one_order_whatever_ways_it_names_meanwhile(ground: Ground, *, fails: bool) -> None:
    price(ground, *PRICES)
    desk = Desk(ground, agreements=(capped(100_000),))
    for count in range(3):
        await desk.start(f"+7916{2_000_000 + count * 10_000}", account=f"other-{count}")
    found = await stepped_up(desk)
    ground.clock.advance(120)
    before, sends, orders = (await spent(desk))[1], await desk.sends_counted(), len(ground.mts.orders)
    let_go = asyncio.Event()

    async def send_code(order: CodeOrder) -> CodeSent:
        ground.mts.orders.append(order)
        await let_go.wait()
        if fails:
            raise OperatorError("UNAVAILABLE", "no SMSC", sent=False)
        return CodeSent(SendOutcome.ACCEPTED, b"c", "d")

    ground.mts.send_code = send_code  # type: ignore[method-assign]
    (method,) = {option.method for option in found.options if option.method is Method.SMS}
    first = asyncio.create_task(desk.proceed(found, Way(Answer.METHOD, method), "again"))
    await reached(ground.mts.orders, orders + 1)
    ways = [Way(Answer.OLD_ACCOUNT_KEY, signature=bytes([count]) * 64) for count in range(5)]
    others = [asyncio.create_task(desk.proceed(found, way, "again")) for way in ways]
    for _ in range(20):
        await asyncio.sleep(0)
    let_go.set()
    await asyncio.gather(first, *others, return_exceptions=True)
    assert len(ground.mts.orders) == orders + 1
    # The look of the assessment that follows stays counted.
    assert (await spent(desk))[1] == before + 10 + (0 if fails else 100)
    assert await desk.sends_counted() == sends + (0 if fails else 1)


async def test_what_an_order_came_to_is_given_back_once(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    ground.clock.advance(60)
    ground.mts.sent = OperatorError("SMSC_DOWN", "no SMSC", sent=False)
    with pytest.raises(Refusal, match="did not send another code"):
        await desk.resend(opened, "again")
    charged = replace((await desk.get(opened))[0], settled_sends=1, resend_requests=("again",))
    assert await desk.sends_counted() == 1
    # Taken up once more, as from a copy that was read before.
    with pytest.raises(Refusal, match="did not send another code"):
        await desk.send_code.resume(charged)
    assert await desk.sends_counted() == 1


async def test_a_code_of_the_operators_is_not_compared_under_one_that_is_suspended_meanwhile(
    desk: Desk, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await desk.start(method=Method.OPERATOR_CODE)
    apply = ground.store.apply

    async def suspended_with_the_guess(command: Any) -> Any:
        done = await apply(command)
        if type(command).__name__ == "_Guess":
            stop(desk)
        return done

    monkeypatch.setattr(ground.store, "apply", suspended_with_the_guess)
    assert (await refused(desk.take(opened, "123456"))).reason == "AGREEMENT_SUSPENDED"
    assert ground.mts.checks == []
    assert (await desk.get(opened))[0].guesses == 0


async def test_a_code_of_the_operators_is_compared_only_where_that_is_covered(desk: Desk, ground: Ground) -> None:
    opened = await desk.start(method=Method.OPERATOR_CODE)
    ground.clock.advance(60)
    await desk.resend(opened, "again", Method.SMS)
    known = desk.agreements.get(MTS.agreement_id)
    assert known is not None
    terms = replace(known.terms, methods=(Method.SMS,))
    desk.agreements.put(replace(known, terms=terms, version=known.version + 1))
    assert (await refused(desk.take(opened, "123456"))).reason == "METHOD_NOT_COVERED"
    assert ground.mts.checks == []


@pytest.mark.parametrize("method", [Method.OPERATOR_CODE, Method.NETWORK])
async def test_no_attempt_is_spent_on_an_operator_that_is_not_asked(
    desk: Desk, ground: Ground, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await desk.start(method=method)

    async def unwell(*_asked: object, **_more: object) -> Any:
        return None, "OPERATOR_UNWELL"

    monkeypatch.setattr(desk.ask, "check_code", unwell)
    monkeypatch.setattr(desk.ask, "finish_network_check", unwell)
    for _ in range(8):
        offered = desk.prove(opened) if method is Method.NETWORK else desk.take(opened, "123456")
        assert (await refused(offered)).reason == "OPERATOR_UNWELL"
    found = (await desk.get(opened))[0]
    assert (found.guesses, found.state) == (0, opened.state)
    assert await desk.guesses_counted() == 0
