"""Ways on from STEP_UP_REQUIRED and out of CONTESTED: what each needs, grants, and leaves as it was."""

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fakes.desk import NUMBER, PARTY, Desk, Ground, code_of
from fakes.evidence import NOW, OWNER, SIM, answer, known
from numseal.attestation import jwk, jws
from numseal.domain.binding import BindingState
from numseal.domain.errors import Refusal
from numseal.domain.evidence import Answer, DeviceRef, LookupOutcome, Method, SimChange, SimChangeKind, SubscriberRef
from numseal.domain.limits import DAY, HOUR
from numseal.domain.verdict import Level
from numseal.domain.verification import Client, Purpose, State, Verification
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.continue_verification import Way

SWAPPED: dict[str, Any] = {
    "device_ref": known(DeviceRef("9" * 32, "1", "35123456")),
    "sim_ref": known(replace(SIM, ref="6" * 32)),
    "sim_change": known(SimChange(NOW + 60, SimChangeKind.REPLACED)),
}


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def client(key: ec.EllipticCurvePrivateKey) -> Client:
    return Client(device_public_key_jwk=json.dumps(jwk.public_jwk(key.public_key())))


def signed(key: ec.EllipticCurvePrivateKey, kind: str, verification: Verification) -> bytes:
    return jws.sign_es256(f"numseal/v1\n{kind}\n{verification.verification_id}\n".encode(), key)


async def bound(desk: Desk, key: ec.EllipticCurvePrivateKey, account: str = "alice") -> Verification:
    """Bind the number to an account with its key."""
    opened = await desk.start(account=account, client=client(key))
    code = code_of(desk.ground.mts.orders[-1].text)
    return (await desk.check(opened, code, signed(key, "key-proof", opened)))[1]


async def claimed(desk: Desk, account: str = "bob", **wish: Any) -> Verification:
    """Have another account show a right code for the number."""
    opened = await desk.start(account=account, **wish)
    return (await desk.check(opened, code_of(desk.ground.mts.orders[-1].text)))[1]


async def holder_of(ground: Ground, verified: Verification) -> BindingState:
    found = await ground.store.binding(verified.binding_id)
    assert found is not None
    return found.state


async def test_a_contest_lists_its_four_ways_and_flags_the_old_binding(
    desk: Desk, ground: Ground, key: ec.EllipticCurvePrivateKey
) -> None:
    old = await bound(desk, key)
    contested = await claimed(desk)
    assert contested.state is State.CONTESTED
    now = ground.clock.now()
    assert {option.answer: option.available_time - now for option in contested.options} == {
        Answer.OLD_ACCOUNT_KEY: 0,
        Answer.REGISTRATION_LOCK: 0,
        Answer.NEW_SUBSCRIBER: 0,
        Answer.WAIT: 168 * HOUR,
    }
    assert contested.expire_time == now + 168 * HOUR + DAY
    found = await ground.store.binding(old.binding_id)
    assert found is not None
    assert (found.state, found.contests) == (BindingState.ACTIVE, (contested.verification_id,))


async def test_the_old_accounts_key_gives_the_number_up(
    desk: Desk, ground: Ground, key: ec.EllipticCurvePrivateKey
) -> None:
    old = await bound(desk, key)
    contested = await claimed(desk)
    with pytest.raises(Refusal) as refused:
        await desk.proceed(contested, Way(Answer.OLD_ACCOUNT_KEY, signature=signed(key, "key-proof", contested)))
    assert refused.value.reason == "RELEASE_INVALID"
    released = Way(Answer.OLD_ACCOUNT_KEY, signature=signed(key, "release", contested))
    verified = await desk.proceed(contested, released)
    assert (verified.state, verified.supersedes) == (State.VERIFIED, (old.binding_id,))
    assert await holder_of(ground, old) is BindingState.SUPERSEDED


async def test_an_account_without_a_key_has_none_to_sign_with(desk: Desk) -> None:
    await claimed(desk, "alice")
    contested = await claimed(desk)
    with pytest.raises(Refusal) as refused:
        await desk.proceed(contested, Way(Answer.OLD_ACCOUNT_KEY, signature=b"s" * 64))
    assert refused.value.reason == "WAY_NOT_OFFERED"


async def test_the_relying_partys_own_lock_ends_a_contest(desk: Desk, ground: Ground) -> None:
    old = await claimed(desk, "alice")
    contested = await claimed(desk)
    now = ground.clock.now()
    for wrong in (Way(Answer.REGISTRATION_LOCK, reference="r"), Way(Answer.REGISTRATION_LOCK, pass_time=now)):
        with pytest.raises(Refusal):
            await desk.proceed(contested, wrong)
    for moment in (contested.create_time - 3_600, now + 3_600):
        with pytest.raises(Refusal) as refused:
            await desk.proceed(contested, Way(Answer.REGISTRATION_LOCK, pass_time=moment, reference="pin"))
        assert refused.value.reason == "PASS_TIME_OUT_OF_RANGE"
    verified = await desk.proceed(contested, Way(Answer.REGISTRATION_LOCK, pass_time=now, reference="pin"))
    assert verified.state is State.VERIFIED
    assert verified.grants[0].reference == "pin"
    assert await holder_of(ground, old) is BindingState.SUPERSEDED


async def test_a_subscriber_whom_the_operator_does_not_confirm_is_none(desk: Desk, ground: Ground) -> None:
    await claimed(desk, "alice")
    contested = await claimed(desk)
    with pytest.raises(Refusal) as refused:
        await desk.proceed(contested, Way(Answer.NEW_SUBSCRIBER))
    assert refused.value.reason == "NEW_SUBSCRIBER_NOT_CONFIRMED"
    ground.mts.found = [OperatorError("HLR_DOWN", "no route")]
    with pytest.raises(Refusal) as refused:
        await desk.proceed(contested, Way(Answer.NEW_SUBSCRIBER))
    assert refused.value.reason == "HLR_DOWN"
    ground.mts.found = [answer(LookupOutcome.NOT_ASSIGNED)]
    with pytest.raises(Refusal):
        await desk.proceed(contested, Way(Answer.NEW_SUBSCRIBER))
    assert (await desk.get(contested))[0].state is State.CONTESTED


async def test_a_subscriber_whom_the_operator_confirms_needs_no_more(desk: Desk, ground: Ground) -> None:
    old = await claimed(desk, "alice")
    contested = await claimed(desk)
    ground.mts.found = [answer(subscriber_ref=known(SubscriberRef("b" * 32, OWNER.key_epoch)))]
    verified = await desk.proceed(contested, Way(Answer.NEW_SUBSCRIBER))
    assert verified.state is State.VERIFIED
    assert await holder_of(ground, old) is BindingState.SUPERSEDED


async def test_the_rightful_owner_of_a_recycled_number_is_not_contested_at_all(desk: Desk, ground: Ground) -> None:
    old = await claimed(desk, "alice")
    ground.mts.found = [answer(subscriber_ref=known(SubscriberRef("b" * 32, OWNER.key_epoch)))]
    verified = await claimed(desk)
    assert (verified.state, verified.supersedes) == (State.VERIFIED, (old.binding_id,))


async def test_waiting_is_over_when_its_time_has_come(desk: Desk, ground: Ground) -> None:
    old = await claimed(desk, "alice")
    contested = await claimed(desk)
    ground.clock.advance(168 * HOUR - 1)
    with pytest.raises(Refusal) as refused:
        await desk.proceed(contested, Way(Answer.WAIT))
    assert (refused.value.reason, refused.value.reasoning.retry_delay) == ("WAY_NOT_YET_OPEN", 1)
    ground.clock.advance(1)
    verified = await desk.proceed(contested, Way(Answer.WAIT), "once")
    assert verified.state is State.VERIFIED
    assert (await desk.proceed(contested, Way(Answer.WAIT), "once")).binding_id == verified.binding_id
    assert await holder_of(ground, old) is BindingState.SUPERSEDED


async def test_an_old_account_that_verifies_again_has_objected(desk: Desk, ground: Ground) -> None:
    await claimed(desk, "alice")
    contested = await claimed(desk)
    ground.clock.advance(DAY)
    renewed = await claimed(desk, "alice", purpose=Purpose.REVERIFY)
    assert renewed.state is State.VERIFIED
    ground.clock.advance(150 * HOUR)
    with pytest.raises(Refusal) as refused:
        await desk.proceed(contested, Way(Answer.WAIT))
    assert refused.value.reason == "CONTEST_ENDED"
    assert await holder_of(ground, renewed) is BindingState.ACTIVE


async def test_a_contest_that_is_given_up_leaves_no_flag(desk: Desk, ground: Ground) -> None:
    old = await claimed(desk, "alice")
    contested = await claimed(desk)
    assert (await desk.cancel(contested)).state is State.CANCELED
    found = await ground.store.binding(old.binding_id)
    assert found is not None
    assert (found.contested_time, found.contests) == (None, ())


async def test_a_claim_after_a_sim_swap_suspends_the_binding(desk: Desk, ground: Ground) -> None:
    old = await claimed(desk, "alice")
    ground.mts.found = [answer(**SWAPPED)]
    contested = await claimed(desk)
    assert contested.state is State.CONTESTED
    found = await ground.store.binding(old.binding_id)
    assert found is not None
    assert (found.state, found.end_reason) == (BindingState.SUSPENDED, "SIM_CHANGED")


async def test_the_same_key_keeps_a_person_who_changed_the_sim(
    desk: Desk, ground: Ground, key: ec.EllipticCurvePrivateKey
) -> None:
    await bound(desk, key)
    ground.mts.found = [answer(**SWAPPED)]
    verified = await bound(desk, key)
    assert verified.state is State.VERIFIED
    assert verified.verdict is not None
    assert verified.verdict.level is Level.LOW


async def test_another_key_after_a_sim_swap_needs_more_and_waiting_is_offered(
    desk: Desk, ground: Ground, key: ec.EllipticCurvePrivateKey
) -> None:
    old = await bound(desk, key)
    ground.clock.advance(120)
    ground.mts.found = [answer(**SWAPPED)]
    stepped = await claimed(desk, "alice", purpose=Purpose.RE_REGISTER)
    assert stepped.state is State.STEP_UP_REQUIRED
    assert [option.answer for option in stepped.options] == [Answer.WAIT]
    assert await holder_of(ground, old) is BindingState.SUSPENDED
    with pytest.raises(Refusal) as refused:
        await desk.proceed(stepped, Way(Answer.METHOD, Method.VOICE))
    assert refused.value.reason == "WAY_NOT_OFFERED"
    ground.clock.advance(72 * HOUR)
    verified = await desk.proceed(stepped, Way(Answer.WAIT))
    assert verified.state is State.VERIFIED
    assert await holder_of(ground, old) is BindingState.SUPERSEDED


async def test_a_verification_that_waits_for_nothing_cannot_be_continued(desk: Desk) -> None:
    opened = await desk.start()
    with pytest.raises(Refusal) as refused:
        await desk.proceed(opened, Way(Answer.WAIT))
    assert refused.value.reason == "VERIFICATION_CODE_SENT"


async def test_nobody_continues_anothers_verification(desk: Desk, ground: Ground) -> None:
    await claimed(desk, "alice")
    contested = await claimed(desk)
    stranger = Desk(ground, party=replace(PARTY, relying_party="stranger"))
    with pytest.raises(Refusal) as refused:
        await stranger._continue("stranger", contested.verification_id, Way(Answer.WAIT), "")
    assert refused.value.reason == "VERIFICATION_NOT_FOUND"


async def test_a_way_that_was_taken_is_finished_after_a_crash(desk: Desk, ground: Ground) -> None:
    await claimed(desk, "alice")
    contested = await claimed(desk)
    taken = await desk._continue(
        "messenger",
        contested.verification_id,
        Way(Answer.REGISTRATION_LOCK, pass_time=ground.clock.now(), reference="pin"),
        "",
    )
    assert taken.state is State.ASSESSING
    verified, bundle = await Desk(ground).get(contested)
    assert verified.state is State.VERIFIED
    assert bundle is not None
    assert verified.opening.phone_number == NUMBER
