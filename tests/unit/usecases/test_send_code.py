"""Sending codes through an operator that fails, is silent, or breaks its contract; and what that costs."""

import asyncio
from dataclasses import replace

import pytest

from fakes.desk import AGREEMENTS, NUMBER, PARTY, Desk, Ground, code_of, with_kcell
from fakes.evidence import NOW, answer
from fakes.operator import HANG, everything, reached
from numseal.domain.errors import Kind, Refusal
from numseal.domain.evidence import DeliveryState, Lookup, LookupOutcome, Method
from numseal.domain.limits import Limits
from numseal.domain.operator import CodeSent, SendOutcome
from numseal.domain.verification import State
from numseal.ports.operator_backend import OperatorError
from numseal.usecases import send_code as module
from numseal.usecases.check_code import CodeResult
from numseal.usecases.conclude import evidence_of

NOT_SENT = OperatorError("SMSC_DOWN", "no route")
PERHAPS_SENT = OperatorError("CONNECTION_LOST", "no answer", sent=True)
TOO_LARGE = CodeSent(SendOutcome.ACCEPTED, b"c" * 1_025)


def ported(operator: str, to: str) -> Lookup:
    return Lookup(LookupOutcome.PORTED, operator, NOW, ported_to=to)


async def test_a_code_that_was_sent_is_counted(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    assert opened.state is State.CODE_SENT
    assert opened.codes[0].delivery_state is DeliveryState.ACCEPTED
    assert await desk.sends_counted() == 1
    assert ground.mts.orders[0].agreement_id == "with-mts"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (NOT_SENT, "SMSC_DOWN"),
        (CodeSent(SendOutcome.NOT_OURS), "NUMBER_NOT_SERVED"),
        (CodeSent(SendOutcome.BARRED), "NUMBER_BARRED"),
        (CodeSent(SendOutcome.LINE_TYPE), "LINE_TYPE_NOT_SERVED"),
        (CodeSent(SendOutcome.CONTENT), "TEXT_REFUSED"),
        (CodeSent(SendOutcome.THROTTLED), "OPERATOR_THROTTLED"),
    ],
)
async def test_a_code_that_was_certainly_not_sent_is_given_back(
    desk: Desk, ground: Ground, sent: CodeSent | Exception, reason: str
) -> None:
    ground.mts.sent = sent
    opened = await desk.start()
    assert (opened.state, opened.failure) == (State.FAILED, reason)
    assert await desk.sends_counted() == 0


@pytest.mark.parametrize("sent", [PERHAPS_SENT, HANG, TOO_LARGE, RuntimeError("a bug")], ids=lambda s: type(s).__name__)
async def test_a_code_that_may_be_under_way_stays_counted_and_works(
    desk: Desk, ground: Ground, sent: CodeSent | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEND_TIMEOUT", 0.02)
    ground.mts.sent = sent
    opened = await desk.start()
    assert opened.state is State.CODE_SENT
    assert opened.codes[0].delivery_state is DeliveryState.UNKNOWN
    assert opened.codes[0].challenge == b""
    assert await desk.sends_counted() == 1
    result, verified, _ = await desk.check(opened, code_of(ground.mts.orders[0].text))
    assert (result, verified.state) == (CodeResult.MATCH, State.VERIFIED)


async def test_another_code_that_is_not_sent_leaves_the_first_one_and_may_be_asked_for_again(
    desk: Desk, ground: Ground
) -> None:
    opened = await desk.start()
    ground.clock.advance(60)
    ground.mts.sent = NOT_SENT
    with pytest.raises(Refusal, match="earlier codes still work") as refused:
        await desk.resend(opened, "again")
    assert (refused.value.reasoning.kind, refused.value.reason) == (Kind.UNAVAILABLE, "SMSC_DOWN")
    assert await desk.sends_counted() == 1
    ground.mts.sent = CodeSent(SendOutcome.ACCEPTED, b"other")
    with pytest.raises(Refusal, match="the next code may be sent in 60 s"):
        await desk.resend(opened, "again")
    ground.clock.advance(60)
    resent = await desk.resend(opened, "again")
    assert len(resent.codes) == 2
    assert await desk.resend(opened, "again") == resent
    assert await desk.sends_counted() == 2
    assert len({order.request_id for order in ground.mts.orders}) == 3
    assert ground.mts.orders[-1].previous_challenge == b"challenge"


async def test_an_operator_that_kills_earlier_codes(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    ground.clock.advance(60)
    ground.mts.sent = CodeSent(SendOutcome.ACCEPTED, b"second", prior_codes_valid=False)
    resent = await desk.resend(opened)
    first, second = (code_of(order.text) for order in ground.mts.orders)
    assert len(resent.codes) == 1
    assert (await desk.check(opened, first))[0] is CodeResult.MISMATCH
    assert (await desk.check(opened, second))[0] is CodeResult.MATCH


async def test_the_operators_own_end_of_a_code_holds(desk: Desk, ground: Ground) -> None:
    ground.mts.sent = CodeSent(SendOutcome.ACCEPTED, expire_time=NOW + 90)
    opened = await desk.start()
    ground.clock.advance(90)
    assert (await desk.check(opened, code_of(ground.mts.orders[0].text)))[0] is CodeResult.EXPIRED


async def test_one_hop_to_the_operator_that_has_the_number_now(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [ported("mts", "megafon")]
    ground.megafon.found = [answer(operator="megafon")]
    opened = await desk.start()
    assert (opened.state, opened.opening.operator_id) == (State.CODE_SENT, "megafon")
    assert opened.opening.agreement_id == "with-megafon"
    assert ground.mts.orders == []
    assert ground.megafon.orders[0].agreement_id == "with-megafon"


async def test_two_operators_that_name_each_other_are_asked_once_each(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [ported("mts", "megafon")]
    ground.megafon.found = [ported("megafon", "mts")]
    opened = await desk.start()
    assert opened.state is State.REJECTED
    assert opened.verdict is not None
    (finding,) = [finding for finding in opened.verdict.findings if finding.code == "NUMBER_NOT_SERVED"]
    assert finding.sentence.startswith("Operator megafon says that the number was ported to mts, after mts had named")
    # Both answers are kept.
    assert opened.porting is not None
    assert opened.before is not None
    assert (opened.porting.ported_to, opened.before.ported_to) == ("megafon", "mts")
    assert (len(ground.mts.lookups), len(ground.megafon.lookups)) == (1, 1)
    assert await desk.sends_counted() == 0


async def test_an_operator_that_names_itself_is_asked_once(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [ported("mts", "mts")]
    opened = await desk.start()
    assert (opened.state, opened.porting) == (State.REJECTED, None)
    assert len(ground.mts.lookups) == 1
    assert ground.mts.orders == []


async def test_the_answer_that_led_to_the_operator_is_evidence(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [ported("mts", "megafon")]
    ground.megafon.found = [answer(operator="megafon")]
    opened = await desk.start()
    ended = (await desk.check(opened, code_of(ground.megafon.orders[0].text)))[1]
    assert ended.porting is not None
    assert (ended.porting.operator_id, ended.porting.ported_to) == ("mts", "megafon")
    assert evidence_of(ended, None, (), NOW).porting == ended.porting


async def test_a_network_leads_to_the_one_operator_that_has_it(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [replace(ported("mts", ""), ported_plmn="250-02")]
    # What operators say of themselves leads nowhere.
    ground.mts.able = replace(everything("mts"), plmns=("250-01", "250-02"))
    ground.megafon.found = [answer(operator="megafon")]
    opened = await desk.start()
    assert (opened.state, opened.opening.operator_id) == (State.CODE_SENT, "megafon")


async def test_a_network_of_no_known_operator_leads_to_none_and_nothing_is_sent(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [replace(ported("mts", ""), ported_plmn="250-11")]
    ground.megafon.able = replace(everything("megafon"), plmns=("250-02", "250-11"))
    opened = await desk.start()
    assert (opened.state, opened.opening.operator_id) == (State.REJECTED, "mts")
    assert opened.verdict is not None
    assert any("250-11, which is not known to be one operator's" in item.sentence for item in opened.verdict.findings)
    assert ground.mts.orders == ground.megafon.orders == []
    assert len(ground.megafon.lookups) == 0


async def test_a_virtual_operator_is_known_by_its_id_though_it_shares_a_network(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [replace(ported("mts", "megafon"), ported_plmn="250-01")]
    ground.megafon.found = [answer(operator="megafon")]
    opened = await desk.start()
    assert (opened.state, opened.opening.operator_id) == (State.CODE_SENT, "megafon")


async def test_an_operator_of_the_plan_that_is_not_connected(ground: Ground) -> None:
    opened = await Desk(ground, connected=("megafon",)).start()
    assert (opened.state, opened.failure) == (State.FAILED, "OPERATOR_NOT_CONNECTED")
    assert await Desk(ground).sends_counted() == 0


@pytest.mark.parametrize(("to", "reason"), [("nobody", "NO_AGREEMENT"), ("kcell", "OPERATOR_NOT_CONNECTED")])
async def test_ported_to_an_operator_that_cannot_be_asked(ground: Ground, to: str, reason: str) -> None:
    desk = Desk(ground, agreements=with_kcell())
    ground.mts.found = [ported("mts", to)]
    opened = await desk.start()
    assert (opened.state, opened.failure) == (State.FAILED, reason)
    assert await desk.sends_counted() == 0


async def test_a_porting_agreement_that_ends_in_time_is_over(ground: Ground) -> None:
    ended = (AGREEMENTS[0], replace(AGREEMENTS[1], valid_until=NOW))
    ground.mts.found = [ported("mts", "megafon")]
    opened = await Desk(ground, agreements=ended).start()
    assert opened.failure == "AGREEMENT_EXPIRED"


async def test_a_cancellation_while_the_operator_is_asked_stands(desk: Desk, ground: Ground) -> None:
    ground.mts.sent = HANG
    starting = asyncio.create_task(desk.start(request_id="r1"))
    await reached(ground.mts.orders)
    (verification_id,) = {order.request_id.removesuffix("-code-1") for order in ground.mts.orders}
    pending = await ground.store.verification(verification_id)
    assert pending is not None
    await desk.cancel(pending)
    await desk.crash()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert (await Desk(ground).start(request_id="r1")).state is State.CANCELED


async def test_an_end_that_came_while_the_operator_answered_stands(
    desk: Desk, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEND_TIMEOUT", 0.1)
    ground.mts.sent = HANG
    starting = asyncio.create_task(desk.start())
    await reached(ground.mts.orders)
    ground.clock.advance(1_800)
    assert (await starting).state is State.EXPIRED


async def test_what_a_crash_cut_off_is_sent_again_alike(desk: Desk, ground: Ground) -> None:
    ground.mts.sent = HANG
    starting = asyncio.create_task(desk.start(request_id="r1"))
    await reached(ground.mts.orders)
    await desk.crash()
    with pytest.raises(asyncio.CancelledError):
        await starting
    ground.mts.sent = CodeSent(SendOutcome.ACCEPTED)
    again = Desk(ground)
    opened = await again.start(request_id="r1")
    assert opened.state is State.CODE_SENT
    before, after = ground.mts.orders
    assert (before.request_id, before.text) == (after.request_id, after.text)
    assert await again.sends_counted() == 1
    assert (await again.get(opened))[0] == opened


async def test_a_pending_verification_is_taken_up_by_whoever_reads_it(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [HANG]
    starting = asyncio.create_task(desk.start())
    await reached(ground.mts.lookups)
    verification_id = ground.mts.lookups[0].request_id.split("-")[0]
    await desk.crash()
    with pytest.raises(asyncio.CancelledError):
        await starting
    ground.mts.found = [answer()]
    pending = await ground.store.verification(verification_id)
    assert pending is not None
    assert pending.state is State.PENDING
    opened, bundle = await Desk(ground).get(pending)
    assert (opened.state, bundle) == (State.CODE_SENT, None)
    assert len(ground.mts.orders) == 1


async def test_an_app_that_is_no_longer_registered(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    ground.clock.advance(60)
    other = replace(PARTY, apps=(replace(PARTY.apps[0], app_id="other"),))
    with pytest.raises(Refusal, match="no longer registered"):
        await Desk(ground, party=other).resend(opened)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(sends_per_number_day=1), "NUMBER_SENDS_EXHAUSTED"),
        (Limits(sends_per_range_day=1), "RANGE_SENDS_EXHAUSTED"),
    ],
)
async def test_a_used_up_budget_stops_a_further_code_and_a_further_start(
    ground: Ground, limits: Limits, reason: str
) -> None:
    desk = Desk(ground, limits=limits)
    opened = await desk.start()
    ground.clock.advance(60)
    for again in (desk.resend(opened), desk.start(account="bob")):
        with pytest.raises(Refusal) as refused:
            await again
        assert refused.value.reason == reason
    assert len(ground.mts.orders) == 1


async def test_the_operator_makes_its_own_code(desk: Desk, ground: Ground) -> None:
    opened = await desk.start(NUMBER, method=Method.OPERATOR_CODE)
    order = ground.mts.orders[0]
    assert (order.text, order.template) == ("", "{{code}} is your code")
    assert (opened.codes[0].digest, opened.codes[0].challenge) == ("", b"challenge")
