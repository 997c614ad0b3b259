"""Assessing what a crash, a signer's failure or a change of policy came between."""

import asyncio
from dataclasses import replace

import pytest

from fakes.desk import Desk, Ground, code_of
from fakes.evidence import answer, packaged_policy
from fakes.operator import HANG, reached
from numseal.domain.errors import Refusal
from numseal.domain.evidence import LookupOutcome, Method
from numseal.domain.policy import Policies, Policy
from numseal.domain.verdict import Level
from numseal.domain.verification import Purpose, State
from numseal.ports.operator_backend import OperatorError
from numseal.ports.signer import SignerError
from numseal.usecases import look_up
from numseal.usecases.check_code import CodeResult
from numseal.verify import ExitCode, verify_bundle


async def test_a_signer_that_fails_after_the_commit_loses_nothing(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    code = code_of(ground.mts.orders[0].text)
    ground.signer.failures = 1
    with pytest.raises(SignerError):
        await desk.check(opened, code)
    stored = await ground.store.verification(opened.verification_id)
    assert stored is not None
    assert stored.state is State.VERIFIED
    assert ground.store.published().size == 1
    result, verified, bundle = await desk.check(opened, code)
    assert (result, verified.state) == (CodeResult.MATCH, State.VERIFIED)
    assert bundle is not None
    report = verify_bundle(bundle.to_json(), ground.keys, ground.clock.now())
    assert report.exit_code is ExitCode.VALID
    assert ground.store.published().size == 1
    read = (await desk.get(opened))[1]
    assert read is not None
    assert read.sd_jwt == bundle.sd_jwt


async def test_what_a_crash_left_assessing_is_assessed_by_whoever_reads_it(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    code = code_of(ground.mts.orders[0].text)
    _, taken = await desk.take(opened, code)
    assert taken.state is State.ASSESSING
    again = Desk(ground)
    (first, bundle), (second, other) = await asyncio.gather(again.get(opened), again.get(opened))
    assert (first.state, second.state) == (State.VERIFIED, State.VERIFIED)
    assert bundle is not None
    assert bundle == other
    assert ground.store.published().size == 1
    assert (await again.check(opened, code))[0] is CodeResult.MATCH


async def test_a_crash_in_the_second_lookup(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    ground.mts.found = [HANG]
    checking = asyncio.create_task(desk.check(opened, code_of(ground.mts.orders[0].text)))
    await reached(ground.mts.lookups, 2)
    await desk.crash()
    with pytest.raises(asyncio.CancelledError):
        await checking
    ground.mts.found = [answer()]
    verified, bundle = await Desk(ground).get(opened)
    assert verified.state is State.VERIFIED
    assert bundle is not None
    _, first, second = (request.request_id for request in ground.mts.lookups)
    assert first == second


async def test_an_assessment_that_never_came_to_its_end_expires(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    await desk.take(opened, code_of(ground.mts.orders[0].text))
    ground.clock.advance(1_800)
    expired, bundle = await Desk(ground).get(opened)
    assert (expired.state, bundle) == (State.EXPIRED, None)


async def test_time_that_runs_out_during_the_second_lookup(
    desk: Desk, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await desk.start()
    _, taken = await desk.take(opened, code_of(ground.mts.orders[0].text))

    monkeypatch.setattr(look_up, "AFTER_TIMEOUT", 0.1)
    ground.mts.found = [HANG]
    assessing = asyncio.create_task(desk.assess(taken))
    await reached(ground.mts.lookups, 2)
    ground.clock.advance(1_800)
    expired, bundle = await assessing
    assert (expired.state, bundle) == (State.EXPIRED, None)
    assert ground.store.published().size == 0


async def test_two_processes_assess_once(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    _, taken = await desk.take(opened, code_of(ground.mts.orders[0].text))
    other = Desk(ground)
    (first, bundle), (second, same) = await asyncio.gather(desk.assess(taken), other.assess(taken))
    assert bundle is not None
    assert same is not None
    assert (first.binding_id, bundle.sd_jwt) == (second.binding_id, same.sd_jwt)
    assert ground.store.published().size == 1


def stricter(old: Policy) -> Policy:
    """Make a policy under which a code alone reaches nothing."""
    methods = frozenset({Method.NETWORK})
    return replace(
        old, digest="f" * 64, levels={**old.levels, Level.LOW: replace(old.levels[Level.LOW], methods=methods)}
    )


async def test_the_policy_of_the_start_judges_where_it_is_kept(desk: Desk, ground: Ground) -> None:
    old = packaged_policy()
    opened = await desk.start()
    kept = Desk(ground, policies=Policies(stricter(old), kept=(old,)))
    _, verified, _ = await kept.check(opened, code_of(ground.mts.orders[0].text))
    assert verified.verdict is not None
    assert (verified.verdict.policy_hash, verified.verdict.level) == (old.digest, Level.LOW)


async def test_where_it_is_not_kept_the_verdict_names_the_policy_that_judged(desk: Desk, ground: Ground) -> None:
    strict = stricter(packaged_policy())
    opened = await desk.start()
    _, checked, _ = await Desk(ground, policies=Policies(strict)).check(opened, code_of(ground.mts.orders[0].text))
    assert checked.verdict is not None
    assert (checked.verdict.policy_hash, checked.verdict.level) == (strict.digest, Level.NONE)


async def test_a_number_that_is_gone_after_the_code_is_rejected(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    ground.mts.found = [answer(LookupOutcome.NOT_ASSIGNED)]
    _, rejected, bundle = await desk.check(opened, code_of(ground.mts.orders[0].text))
    assert (rejected.state, bundle) == (State.REJECTED, None)
    assert ground.store.published().size == 0


async def test_an_operator_that_never_answered_leaves_low(desk: Desk, ground: Ground) -> None:
    ground.mts.found = [OperatorError("HLR_DOWN", "no route")]
    opened = await desk.start()
    _, verified, _ = await desk.check(opened, code_of(ground.mts.orders[0].text))
    assert verified.verdict is not None
    assert verified.verdict.level is Level.LOW
    binding = await ground.store.binding(verified.binding_id)
    assert binding is not None
    assert (binding.facts.sim_ref, binding.observed_time) == (None, verified.shown[-1].shown_time)


async def test_only_ones_own_binding_is_replaced(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    _, verified, _ = await desk.check(opened, code_of(ground.mts.orders[0].text))
    change = {"purpose": Purpose.CHANGE_NUMBER, "replaces_binding": verified.binding_id}
    with pytest.raises(Refusal) as refused:
        await desk.start("+79261234567", "mallory", **change)
    assert refused.value.reason == "BINDING_OF_ANOTHER_ACCOUNT"
    with pytest.raises(Refusal) as refused:
        await desk.start("+79261234567", "alice", **{**change, "replaces_binding": "0" * 32})
    assert refused.value.reason == "BINDING_NOT_FOUND"
    assert ground.megafon.orders == []
    assert await desk.sends_counted("+79261234567") == 0
    ground.megafon.found = [answer(operator="megafon")]
    moved = await desk.start("+79261234567", "alice", **change)
    _, after, _ = await desk.check(moved, code_of(ground.megafon.orders[0].text))
    assert after.supersedes == (verified.binding_id,)
