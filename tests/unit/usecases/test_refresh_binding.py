"""RefreshBinding: asks now or says why not, and changes nothing where there is no answer."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from fakes.desk import Ground
from fakes.evidence import DAY, NOW, answer, known
from fakes.following import Following
from fakes.store_rows import PARTY, binding, name_of
from numseal.domain.binding import BindingState, Monitoring
from numseal.domain.errors import Kind, Refusal
from numseal.domain.evidence import LookupOutcome, SimChange, SimChangeKind
from numseal.domain.operator import Phase
from numseal.domain.verdict import Level
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.refresh_binding import Refresh

ID = name_of(1, "b")
SWAPPED = answer(sim_change=known(SimChange(NOW + 900, SimChangeKind.REPLACED)))


@pytest.fixture
async def following(ground: Ground) -> Following:
    made = Following(ground)
    await made.bind(binding(1, monitoring=Monitoring.POLLED, recheck_time=NOW + DAY, purpose="SIGN_UP"))
    ground.clock.advance(1_000)
    return made


async def refused(call: Callable[[], Coroutine[Any, Any, object]]) -> tuple[Kind, str]:
    with pytest.raises(Refusal) as caught:
        await call()
    return caught.value.reasoning.kind, caught.value.reason


async def test_it_asks_now_and_applies_the_answer(ground: Ground, following: Following) -> None:
    ground.mts.found = [SWAPPED]
    bound, findings = await following.refresh(PARTY, Refresh(ID, consent_reference="consent-2"))
    assert [finding.code for finding in findings] == ["SIM_CHANGED_SINCE_BINDING"]
    assert (bound.level, bound.sim_changed_time, bound.observed_time) == (Level.LOW, NOW + 900, NOW + 1_000)
    assert bound == await following.bound()
    (asked,) = ground.mts.lookups
    assert (asked.phase, asked.consent_reference, asked.agreement_id) == (Phase.RECHECK, "consent-2", "with-mts")


@pytest.mark.parametrize(("max_age", "asked"), [(1_000, 0), (999, 1), (0, 1)])
async def test_a_young_observation_is_good_enough(
    ground: Ground, following: Following, max_age: int, asked: int
) -> None:
    await following.refresh(PARTY, Refresh(ID, max_age))
    assert len(ground.mts.lookups) == asked


@pytest.mark.parametrize(("monitoring", "asked"), [(Monitoring.WATCHED, 0), (Monitoring.POLLED, 1)])
async def test_a_watched_number_is_observed_as_long_as_its_stream_lives(
    ground: Ground, following: Following, monitoring: Monitoring, asked: int
) -> None:
    await following.bind(replace(await following.bound(), monitoring=monitoring, watch_id="w1"))
    following.health.begin("mts", NOW)
    following.health.heard("mts", NOW + 990)
    await following.refresh(PARTY, Refresh(ID, 10))
    assert len(ground.mts.lookups) == asked


async def test_silence_is_unavailable_and_changes_nothing(ground: Ground, following: Following) -> None:
    before = await following.bound()
    ground.mts.found = [OperatorError("DOWN", "no route")]
    assert await refused(lambda: following.refresh(PARTY, Refresh(ID, request_id="r1"))) == (
        Kind.UNAVAILABLE,
        "OPERATOR_UNANSWERED",
    )
    assert await following.bound() == before
    ground.mts.found = [answer()]
    await following.refresh(PARTY, Refresh(ID, request_id="r1"))
    assert len(ground.mts.lookups) == 2


async def test_the_same_request_asks_once(ground: Ground, following: Following) -> None:
    ground.mts.found = [SWAPPED]
    first = await following.refresh(PARTY, Refresh(ID, request_id="r1"))
    ground.clock.advance(60)
    assert await following.refresh(PARTY, Refresh(ID, request_id="r1")) == first
    assert len(ground.mts.lookups) == 1
    assert await refused(lambda: following.refresh(PARTY, Refresh(ID, 5, request_id="r1"))) == (
        Kind.ALREADY_EXISTS,
        "REQUEST_ID_REUSED",
    )


async def test_those_who_ask_at_the_same_time_share_the_answer(ground: Ground, following: Following) -> None:
    answers = await asyncio.gather(*(following.refresh(PARTY, Refresh(ID)) for _ in range(5)))
    assert len(ground.mts.lookups) == 1
    assert all(one == answers[0] for one in answers)


async def test_what_it_refuses(ground: Ground, following: Following) -> None:
    wishes = {
        Refresh(ID, -1): (Kind.INVALID_ARGUMENT, "MAX_AGE_NEGATIVE"),
        Refresh(ID, consent_reference="x" * 256): (Kind.INVALID_ARGUMENT, "CONSENT_REFERENCE_TOO_LONG"),
        Refresh(ID, request_id="a b"): (Kind.INVALID_ARGUMENT, "REQUEST_ID_MALFORMED"),
        Refresh("x"): (Kind.INVALID_ARGUMENT, "BINDING_ID_MALFORMED"),
        Refresh(name_of(2, "b")): (Kind.NOT_FOUND, "BINDING_NOT_FOUND"),
    }
    for wish, reason in wishes.items():
        assert await refused(lambda wish=wish: following.refresh(PARTY, wish)) == reason  # type: ignore[misc]
    assert await refused(lambda: following.refresh("other", Refresh(ID))) == (Kind.NOT_FOUND, "BINDING_NOT_FOUND")
    bare = Following(ground, agreements=())
    assert (await refused(lambda: bare.refresh(PARTY, Refresh(ID))))[0] is Kind.PERMISSION_DENIED
    assert ground.mts.lookups == []


@pytest.mark.parametrize("state", [BindingState.REVOKED, BindingState.SUPERSEDED, BindingState.EXPIRED])
async def test_only_a_live_binding_is_refreshed(following: Following, state: BindingState) -> None:
    await following.bind(replace(await following.bound(), state=state))
    assert await refused(lambda: following.refresh(PARTY, Refresh(ID))) == (
        Kind.FAILED_PRECONDITION,
        f"BINDING_{state}",
    )


async def test_one_past_its_time_has_expired(following: Following) -> None:
    await following.bind(replace(await following.bound(), expire_time=NOW + 1_000))
    assert (await refused(lambda: following.refresh(PARTY, Refresh(ID))))[1] == "BINDING_EXPIRED"


async def test_it_may_find_that_the_binding_is_over(ground: Ground, following: Following) -> None:
    ground.mts.found = [answer(LookupOutcome.NOT_ASSIGNED)]
    bound, findings = await following.refresh(PARTY, Refresh(ID))
    assert bound.state is BindingState.REVOKED
    assert [finding.code for finding in findings] == ["TERMINATED_SINCE_BINDING"]


async def test_asking_over_and_over_has_an_end(ground: Ground, following: Following) -> None:
    for _ in range(60):
        await following.refresh(PARTY, Refresh(ID))
        ground.clock.advance(1)
    assert await refused(lambda: following.refresh(PARTY, Refresh(ID))) == (
        Kind.RESOURCE_EXHAUSTED,
        "BINDING_REFRESHES_EXHAUSTED",
    )
    assert len(ground.mts.lookups) == 60
