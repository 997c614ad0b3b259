"""Network proof: the page, what comes back of it, and falling back to a code."""

from dataclasses import replace

import pytest

from fakes.desk import PARTY, REDIRECT, Desk, Ground, code_of
from numseal.domain.errors import Refusal
from numseal.domain.evidence import Method
from numseal.domain.operator import NetworkChecked, NetworkOutcome
from numseal.domain.verdict import Level
from numseal.domain.verification import State
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.check_network_proof import NetworkResult


async def test_a_sim_that_the_network_recognises_reaches_the_highest_level(desk: Desk, ground: Ground) -> None:
    opened = await desk.start(method=Method.NETWORK)
    assert opened.state is State.NETWORK_PENDING
    assert opened.page is not None
    (order,) = ground.mts.network_orders
    assert (order.redirect_uri, order.state) == (REDIRECT, opened.page.state)
    assert ground.mts.orders == []
    assert await desk.sends_counted() == 0
    result, verified = await desk.prove(opened)
    assert (result, verified.state) == (NetworkResult.MATCH, State.VERIFIED)
    assert verified.verdict is not None
    assert verified.verdict.level is Level.HIGH


async def test_the_same_proof_again_gives_the_same_answer_and_another_none(desk: Desk, ground: Ground) -> None:
    opened = await desk.start(method=Method.NETWORK)
    _, verified = await desk.prove(opened)
    again, same = await desk.prove(opened)
    assert (again, same.binding_id) == (NetworkResult.MATCH, verified.binding_id)
    assert len(ground.mts.network_offers) == 1
    with pytest.raises(Refusal) as refused:
        await desk.prove(opened, "another")
    assert refused.value.reason == "VERIFICATION_VERIFIED"


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (NetworkOutcome.MISMATCH, NetworkResult.MISMATCH),
        (NetworkOutcome.EXPIRED, NetworkResult.EXPIRED),
        (NetworkOutcome.USED, NetworkResult.EXPIRED),
        (NetworkOutcome.UNKNOWN, NetworkResult.UNKNOWN),
    ],
)
async def test_what_is_no_match_costs_an_attempt_and_a_code_still_helps(
    desk: Desk, ground: Ground, outcome: NetworkOutcome, result: NetworkResult
) -> None:
    opened = await desk.start(method=Method.NETWORK)
    ground.mts.finished = NetworkChecked(outcome, ground.clock.now())
    found, pending = await desk.prove(opened)
    assert (found, pending.state, pending.attempts_remaining) == (result, State.NETWORK_PENDING, 4)
    sent = await desk.resend(opened)
    assert (sent.state, sent.codes[-1].method) == (State.CODE_SENT, Method.SMS)
    _, verified, _ = await desk.check(sent, code_of(ground.mts.orders[-1].text))
    assert verified.state is State.VERIFIED
    assert verified.verdict is not None
    assert verified.verdict.level is Level.LOW
    mismatch = "NETWORK_MISMATCH" in {finding.code for finding in verified.verdict.findings}
    assert mismatch is (outcome is NetworkOutcome.MISMATCH)


async def test_attempts_end(desk: Desk, ground: Ground) -> None:
    opened = await desk.start(method=Method.NETWORK)
    ground.mts.finished = NetworkChecked(NetworkOutcome.MISMATCH, ground.clock.now())
    for number in range(5):
        await desk.prove(opened, f"proof-{number}")
    _, failed = await desk.prove(opened, "one too many")
    assert (failed.state, failed.failure) == (State.FAILED, "ATTEMPTS_EXHAUSTED")
    assert len(ground.mts.network_offers) == 5


async def test_a_proof_of_another_page_is_refused_uncounted(desk: Desk, ground: Ground) -> None:
    opened = await desk.start(method=Method.NETWORK)
    for state in ("0" * 32, "", "\N{SNOWMAN}", "x" * 1_000):
        with pytest.raises(Refusal) as refused:
            await desk.prove(opened, state=state)
        assert refused.value.reason == "STATE_MISMATCH"
    for proof in ("", "x" * 2_049):
        with pytest.raises(Refusal) as refused:
            await desk.prove(opened, proof)
        assert refused.value.reason == "AUTHORIZATION_CODE_MALFORMED"
    assert (await desk.get(opened))[0].attempts_remaining == 5
    assert ground.mts.network_offers == []


async def test_a_page_past_its_time_is_expired(desk: Desk, ground: Ground) -> None:
    opened = await desk.start(method=Method.NETWORK)
    assert opened.page is not None
    ground.clock.advance(opened.page.expire_time - ground.clock.now())
    assert (await desk.prove(opened))[0] is NetworkResult.EXPIRED
    assert ground.mts.network_offers == []


async def test_an_operator_that_does_not_answer_leaves_the_proof_to_be_offered_again(
    desk: Desk, ground: Ground
) -> None:
    opened = await desk.start(method=Method.NETWORK)
    good, ground.mts.finished = ground.mts.finished, OperatorError("AWAY", "no route")
    with pytest.raises(Refusal) as refused:
        await desk.prove(opened)
    assert refused.value.reason == "AWAY"
    ground.mts.finished = good
    assert (await desk.prove(opened))[1].state is State.VERIFIED


async def test_an_operator_that_opens_no_page_fails_the_verification(desk: Desk, ground: Ground) -> None:
    ground.mts.started = OperatorError("METHOD_NOT_SUPPORTED", "no pages here")
    opened = await desk.start(method=Method.NETWORK)
    assert (opened.state, opened.failure) == (State.FAILED, "METHOD_NOT_SUPPORTED")


async def test_an_app_without_a_redirect_address_is_offered_no_page(ground: Ground) -> None:
    plain = replace(PARTY, apps=(replace(PARTY.apps[0], network_redirect_uri=""),))
    with pytest.raises(Refusal) as refused:
        await Desk(ground, party=plain).start(method=Method.NETWORK)
    assert (refused.value.reason, refused.value.reasoning.field) == ("METHOD_NOT_SERVED", "method")


async def test_a_verification_by_code_takes_no_network_proof(desk: Desk) -> None:
    opened = await desk.start()
    with pytest.raises(Refusal) as refused:
        await desk.prove(opened)
    assert refused.value.reason == "VERIFICATION_CODE_SENT"
