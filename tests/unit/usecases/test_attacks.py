"""Attacks on what continues, waits, watches and counts: each as somebody would try it, and what must come of it."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from fakes.desk import AGREEMENTS, NUMBER, PARTY, Desk, Ground, code_of
from fakes.evidence import DAY, NOW, SIM, answer, known, unknown
from fakes.following import Following, event
from fakes.operator import HANG, reached
from fakes.store_rows import binding
from numseal.domain.binding import Binding, BindingState, Monitoring
from numseal.domain.errors import Refusal
from numseal.domain.evidence import (
    Answer,
    DeviceRef,
    Meta,
    Method,
    ServiceState,
    Signal,
    SignalState,
    SimChange,
    SimChangeKind,
    SubscriberRef,
)
from numseal.domain.limits import HOUR
from numseal.domain.operator import (
    CodeCheck,
    CodeChecked,
    CodeOutcome,
    CodeSent,
    EventKind,
    NetworkChecked,
    NetworkOutcome,
    SendOutcome,
)
from numseal.domain.verdict import Level
from numseal.domain.verification import Client, Purpose, State, Verification
from numseal.ports.operator_backend import OperatorError
from numseal.usecases import take_events
from numseal.usecases.check_code import CodeResult
from numseal.usecases.check_network_proof import NetworkResult
from numseal.usecases.continue_verification import Way

BANK = answer(sims_on_device=known(9))
"""A handset full of SIMs, which only the network's word answers."""

SWAPPED: dict[str, Any] = {
    "device_ref": known(DeviceRef("9" * 32, "1", "35123456")),
    "sim_ref": known(replace(SIM, ref="6" * 32)),
    "sim_change": known(SimChange(NOW + 60, SimChangeKind.REPLACED)),
}


def newest_code(ground: Ground) -> str:
    return code_of(ground.mts.orders[-1].text)


async def claimed(desk: Desk, account: str, number: str = NUMBER, **wish: Any) -> Verification:
    """Have an account show a right code for a number."""
    opened = await desk.start(number, account, **wish)
    return (await desk.check(opened, newest_code(desk.ground)))[1]


async def bound(ground: Ground, binding_id: str) -> Binding:
    found = await ground.store.binding(binding_id)
    assert found is not None
    return found


def lock(ground: Ground) -> Way:
    return Way(Answer.REGISTRATION_LOCK, pass_time=ground.clock.now(), reference="pin")


# Codes and proofs that count twice.


async def test_a_code_from_before_a_step_up_does_not_count_again_by_way_of_a_network_page(
    desk: Desk, ground: Ground
) -> None:
    ground.mts.found = [BANK]
    opened = await desk.start()
    first = newest_code(ground)
    _, stepped, _ = await desk.check(opened, first)
    assert stepped.state is State.STEP_UP_REQUIRED
    pending = await desk.proceed(stepped, Way(Answer.NETWORK, Method.NETWORK))
    assert pending.state is State.NETWORK_PENDING
    ground.clock.advance(60)
    sent = await desk.resend(pending)
    assert sent.state is State.CODE_SENT
    result, after = await desk.take(sent, first)
    assert (result, len(after.shown)) == (CodeResult.MISMATCH, 1)


async def test_a_code_that_was_ordered_before_a_step_up_and_taken_after_it_changes_no_state(
    desk: Desk, ground: Ground
) -> None:
    ground.mts.found = [BANK]
    opened = await desk.start()
    first = newest_code(ground)
    ground.clock.advance(60)
    gate = asyncio.Event()
    send = ground.mts.send_code

    async def slowly(order: Any) -> CodeSent:
        ground.mts.orders.append(order)
        await gate.wait()
        return CodeSent(SendOutcome.ACCEPTED, b"challenge", "d2")

    ground.mts.send_code = slowly  # type: ignore[method-assign]
    resent = asyncio.create_task(desk.resend(opened))
    await reached(ground.mts.orders, 2)
    ground.mts.send_code = send  # type: ignore[method-assign]
    _, stepped, _ = await desk.check(opened, first)
    assert stepped.state is State.STEP_UP_REQUIRED
    gate.set()
    await asyncio.wait((resent,))
    present, _ = await desk.get(opened)
    assert (present.state, present.options) == (State.STEP_UP_REQUIRED, stepped.options)


async def test_an_operators_word_on_a_code_from_before_a_step_up_comes_too_late(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [BANK]
    opened = await desk.start(method=Method.OPERATOR_CODE)
    ground.clock.advance(60)
    both = await desk._resend("messenger", opened.verification_id, Method.SMS, "")
    gate = asyncio.Event()

    async def slowly(check: CodeCheck) -> CodeChecked:
        ground.mts.checks.append(check)
        await gate.wait()
        return CodeChecked(CodeOutcome.MATCH)

    ground.mts.check_code = slowly  # type: ignore[method-assign]
    late = asyncio.create_task(desk.take(both, "9999"))
    await reached(ground.mts.checks)
    _, stepped, _ = await desk.check(both, newest_code(ground))
    pending = await desk.proceed(stepped, Way(Answer.NETWORK, Method.NETWORK))
    ground.clock.advance(120)
    await desk.resend(pending)
    gate.set()
    await asyncio.wait((late,))
    present = (await desk.get(opened))[0]
    assert [shown.method for shown in present.shown] == [Method.SMS]


async def test_a_sim_that_was_seen_before_the_page_was_opened_proves_nothing(desk: Desk, ground: Ground) -> None:
    ground.clock.advance(20 * HOUR)
    ground.mts.finished = NetworkChecked(NetworkOutcome.MATCH, NOW + 60)
    opened = await desk.start(method=Method.NETWORK)
    result, after = await desk.prove(opened)
    assert (result, after.state) == (NetworkResult.EXPIRED, State.NETWORK_PENDING)


# Contests.


async def test_a_way_out_of_one_contest_is_none_out_of_the_next(desk: Desk, ground: Ground) -> None:
    """The lock was passed for alice's binding; carol's, who bound the number meanwhile, was never unlocked."""
    await claimed(desk, "alice")
    mallory = await claimed(desk, "mallory")
    # The process dies before the lock that was passed is assessed, and carol takes the number by one of her own.
    await desk._continue("messenger", mallory.verification_id, lock(ground), "")
    ground.clock.advance(120)
    carol = await desk.proceed(await claimed(desk, "carol"), lock(ground))
    assert carol.state is State.VERIFIED
    again, _ = await desk.get(mallory)
    assert (again.state, again.contested_binding) == (State.CONTESTED, carol.binding_id)
    # Mallory's SIM is gone: waiting does not hold, and the old lock must not stand in for it.
    ground.mts.found = [answer(**{**SWAPPED, "sim_change": known(SimChange(NOW + HOUR, SimChangeKind.REPLACED))})]
    ground.clock.advance(168 * HOUR)
    with pytest.raises(Refusal):
        await desk.proceed(again, Way(Answer.WAIT))
    assert (await bound(ground, carol.binding_id)).state is not BindingState.SUPERSEDED


@pytest.mark.parametrize(
    "bobs",
    [{"recycled": known(True), "subscriber_ref": unknown()}, {"subscriber_ref": known(SubscriberRef("b" * 32, "1"))}],
)
async def test_a_number_recycled_before_it_was_bound_evicts_nobody(
    desk: Desk, ground: Ground, bobs: dict[str, Any]
) -> None:
    """The verification was opened before the binding it meets: the operator answers for a time long before that."""
    alice = await claimed(desk, "alice")
    ground.mts.found = [BANK]
    mallory = await claimed(desk, "alice", purpose=Purpose.REVERIFY)
    assert mallory.state is State.STEP_UP_REQUIRED
    mallory = await desk.proceed(mallory, Way(Answer.NETWORK, Method.NETWORK))
    # The number goes to bob, who binds it as its rightful new owner.
    ground.clock.advance(100)
    ground.mts.found = [answer(**bobs)]
    bob = await claimed(desk, "bob")
    assert (bob.state, bob.supersedes) == (State.VERIFIED, (alice.binding_id,))
    # Since alice's binding it was recycled, since bob's it was not: alice's old verification must not pass for new.
    ground.clock.advance(60)
    _, after = await desk.prove(mallory)
    assert after.state is not State.VERIFIED
    assert (await bound(ground, bob.binding_id)).state is BindingState.ACTIVE


async def test_giving_one_contest_up_does_not_hide_another(desk: Desk, ground: Ground) -> None:
    alice = await claimed(desk, "alice")
    waiting = await claimed(desk, "mallory")
    decoy = await claimed(desk, "mallory's other account")
    await desk.cancel(decoy)
    assert (await desk.get(waiting))[0].state is State.CONTESTED
    assert (await bound(ground, alice.binding_id)).contested_time is not None


# Waiting.


async def test_no_change_since_a_time_after_the_code_is_no_answer_about_the_time_between(
    desk: Desk, ground: Ground
) -> None:
    """The operator keeps swaps for three days: what it does not remember did not fail to happen."""
    await claimed(desk, "alice")
    mallory = await claimed(desk, "mallory")
    ground.clock.advance(168 * HOUR)
    since = ground.clock.now() - 3 * DAY
    forgotten: Signal[SimChange] = Signal(
        Meta(SignalState.OK, ground.clock.now(), coverage_start_time=since, source="CRM"), None
    )
    ground.mts.found = [answer(sim_change=forgotten, sim_ref=unknown())]
    with pytest.raises(Refusal):
        await desk.proceed(mallory, Way(Answer.WAIT))


async def test_a_wait_that_fails_does_not_renew_the_contest_for_ever(desk: Desk, ground: Ground) -> None:
    """One relayed code, long ago, must not keep a binding contested for as long as somebody likes."""
    alice = await claimed(desk, "alice")
    mallory = await claimed(desk, "mallory")
    first = mallory.expire_time
    ground.mts.found = [answer(sim_change=unknown())]
    for _ in range(3):
        ground.clock.advance(168 * HOUR)
        try:
            mallory = await desk.proceed(mallory, Way(Answer.WAIT))
        except Refusal:
            break
    assert mallory.state is not State.VERIFIED
    assert mallory.expire_time <= first + DAY
    contested = (await bound(ground, alice.binding_id)).contested_time
    assert contested is None or contested <= NOW + DAY


async def test_a_step_up_does_not_live_for_ever_by_waiting(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [answer(), answer(sim_ref=SWAPPED["sim_ref"], sim_change=unknown())]
    stepped = await claimed(desk, "mallory")
    assert Answer.WAIT in {option.answer for option in stepped.options}
    for _ in range(6):
        ground.clock.advance(72 * HOUR)
        try:
            stepped = await desk.proceed(stepped, Way(Answer.WAIT))
        except Refusal:
            break
    assert stepped.state is State.STEP_UP_REQUIRED
    assert stepped.expire_time - stepped.create_time <= 8 * DAY


async def test_an_operator_that_is_away_when_the_waiting_ends_costs_nobody_another_week(
    desk: Desk, ground: Ground
) -> None:
    await claimed(desk, "alice")
    moved = await claimed(desk, "bob")
    ground.clock.advance(168 * HOUR)
    ground.mts.found = [OperatorError("HLR_DOWN", "no route")]
    try:
        moved = await desk.proceed(moved, Way(Answer.WAIT))
    except Refusal:
        moved, _ = await desk.get(moved)
    ground.mts.found = [answer()]
    ground.clock.advance(HOUR)
    assert (await desk.proceed(moved, Way(Answer.WAIT))).state is State.VERIFIED


async def test_possession_of_last_week_vouches_for_no_high_level(desk: Desk, ground: Ground) -> None:
    """Whoever rented the SIM for an hour showed it through the network, and gave it back long ago."""
    await claimed(desk, "alice")
    opened = await desk.start(account="mallory", method=Method.NETWORK)
    _, contested = await desk.prove(opened)
    assert contested.state is State.CONTESTED
    ground.clock.advance(168 * HOUR)
    fresh = ground.clock.now()

    def now(signal: Signal[Any]) -> Signal[Any]:
        return replace(signal, meta=replace(signal.meta, observe_time=fresh))

    found = answer().subscriber
    assert found is not None
    signals: dict[str, Any] = {name: now(getattr(found, name)) for name in found.__slots__}
    ground.mts.found = [answer(**signals)]
    waited = await desk.proceed(contested, Way(Answer.WAIT))
    assert waited.verdict is not None
    assert waited.verdict.level <= Level.LOW


# The same request again, and ways that meet.


async def test_the_same_request_for_a_network_page_gets_the_same_answer(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [BANK]
    stepped = await claimed(desk, "alice")
    way = Way(Answer.NETWORK, Method.NETWORK)
    pending = await desk.proceed(stepped, way, "once")
    again = await desk.proceed(stepped, way, "once")
    assert again.page == pending.page
    assert len(ground.mts.network_orders) == 1


async def test_a_further_code_that_a_crash_cut_off_is_sent_by_the_same_request(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [answer(reachability=unknown(), last_seen=unknown(), sms_service=known(ServiceState.OFF))]
    stepped = await claimed(desk, "alice")
    assert Answer.METHOD in {option.answer for option in stepped.options}
    ground.clock.advance(60)
    ground.mts.sent = HANG
    way = Way(Answer.METHOD, Method.OPERATOR_CODE)
    cut = asyncio.create_task(desk.proceed(stepped, way, "once"))
    await reached(ground.mts.orders, 2)
    await desk.crash()
    cut.cancel()
    await asyncio.wait((cut,))
    ground.mts.sent = CodeSent(SendOutcome.ACCEPTED, b"challenge", "d2")
    sent = await Desk(ground).proceed(stepped, way, "once")
    assert (sent.state, len(sent.codes)) == (State.CODE_SENT, 1)
    assert {order.request_id for order in ground.mts.orders[1:]} == {ground.mts.orders[1].request_id}


async def test_a_way_that_does_not_hold_does_not_join_one_that_does(desk: Desk, ground: Ground) -> None:
    await claimed(desk, "alice")
    contested = await claimed(desk, "bob")
    ground.mts.found = [HANG]
    now = ground.clock.now()
    good = asyncio.create_task(
        desk._continue(
            "messenger", contested.verification_id, Way(Answer.REGISTRATION_LOCK, pass_time=now, reference="r"), ""
        )
    )
    bad = asyncio.create_task(
        desk._continue(
            "messenger", contested.verification_id, Way(Answer.REGISTRATION_LOCK, pass_time=1, reference="r"), ""
        )
    )
    await asyncio.wait((good, bad))
    assert good.exception() is None
    assert isinstance(bad.exception(), Refusal)


# Budgets.


async def test_asking_whether_there_is_another_subscriber_has_an_end(desk: Desk, ground: Ground) -> None:
    await claimed(desk, "alice")
    contested = await claimed(desk, "mallory")
    asked = len(ground.mts.lookups)
    for _ in range(50):
        ground.clock.advance(1)
        with pytest.raises(Refusal):
            await desk.proceed(contested, Way(Answer.NEW_SUBSCRIBER))
    # The same question within 24 hours is answered once and billed once (operator's contract).
    assert len({request.request_id for request in ground.mts.lookups[asked:]}) <= 2


async def test_network_pages_for_a_number_have_an_end(desk: Desk, ground: Ground) -> None:
    """Each of them asks the number's operator and costs its relying party money."""
    opened = [desk.start(account=f"a{number}", method=Method.NETWORK) for number in range(60)]
    assert any(isinstance(outcome, Refusal) for outcome in await asyncio.gather(*opened, return_exceptions=True))


# Counting across relying parties.


@pytest.fixture
def evil(ground: Ground) -> Desk:
    """Return the use cases as another relying party has them."""
    party = replace(PARTY, relying_party="evil")
    return Desk(ground, party=party, agreements=(replace(AGREEMENTS[0], relying_party="evil"),))


async def shown_to(evil: Desk, number: str, account: str, **wish: Any) -> None:
    """Have an account of the other relying party show a right code."""
    opened = await evil.start(number, account, **wish)
    taken = (await evil._check("evil", opened.verification_id, newest_code(evil.ground), b""))[1]
    await evil.assess(taken)


async def test_one_relying_party_cannot_make_anothers_networks_look_suspect(desk: Desk, evil: Desk) -> None:
    """What client address a verification came from is the relying party's word, and nobody can check it."""
    lie = Client(ip_address="198.18.7.7")
    evil.ground.mts.found = [answer(device_ref=unknown())]
    for number in range(25):
        await shown_to(evil, f"+7916500{number:04d}", f"evil-{number}", client=lie)
    assert (await claimed(desk, "alice", client=lie)).state is State.VERIFIED


async def test_one_relying_party_cannot_make_its_users_numbers_look_suspect_to_another(desk: Desk, evil: Desk) -> None:
    """It names as many accounts as it likes; and where the count is shared, it learns how many others have."""
    for number in range(8):
        await shown_to(evil, NUMBER, f"evil-{number}")
        evil.ground.clock.advance(60)
    assert (await claimed(desk, "alice")).state is State.VERIFIED


# After the binding.


async def test_a_binding_suspended_for_fraud_is_not_made_good_by_a_code_of_the_next_day(
    desk: Desk, ground: Ground
) -> None:
    """The swapper waits out the day after which a changed SIM holds nobody up, and claims the same account."""
    alice = await claimed(desk, "alice")
    found = await bound(ground, alice.binding_id)
    following = Following(ground, agreements=AGREEMENTS)
    watched, _ = await following.watch(found, schedule=True)
    ground.clock.advance(120)
    await following.take._commit("mts", (event(EventKind.SIM_CHANGE, watched, fraud_suspected=True),))
    assert (await bound(ground, alice.binding_id)).state is BindingState.SUSPENDED
    ground.clock.advance(DAY + HOUR)
    ground.mts.found = [answer(**SWAPPED)]
    claim = await claimed(desk, "alice", purpose=Purpose.RE_REGISTER)
    assert claim.state is not State.VERIFIED


async def test_events_of_one_operator_do_not_push_out_those_of_another(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(take_events, "KEPT_STRAYS", 8)
    following = Following(ground)
    held = binding(1, operator_id="mts", watch_id="w1", monitoring=Monitoring.WATCHED)
    early = event(EventKind.TERMINATED, held)
    await following.take._keep("mts", (early,))
    flood = [replace(early, event_id=f"f{number}", watch_id=f"flood-{number}") for number in range(20)]
    await following.take._keep("megafon", flood)
    await following.bind(held)
    ground.clock.advance(60)
    await following.take.claim("mts", "w1")
    assert (await following.bound()).state is BindingState.REVOKED


async def test_what_happened_while_nobody_could_watch_is_looked_up(ground: Ground) -> None:
    """The server was away between the binding and its watch: a SIM swapped in that hour is not left for a week."""
    following = Following(ground)
    await following.bind(binding(1, recheck_time=NOW + DAY, agreement_id="old"))
    ground.clock.advance(HOUR)
    await following.follow.once()
    assert (await following.bound()).recheck_time <= ground.clock.now() + HOUR
