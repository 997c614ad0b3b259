"""Operators that answer nonsense, slowly or not at all, and clocks that differ: while verifying and after."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.desk import NUMBER, Desk, Ground, code_of, open_ground
from fakes.evidence import DAY, NOW, answer, known
from fakes.following import Following, event, heartbeat, until
from fakes.operator import HANG, FakeOperator, reached
from fakes.store_rows import binding, phone_of
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.domain.agreement import Agreement
from numseal.domain.binding import LIVE, Binding, BindingState, Monitoring
from numseal.domain.evidence import DeviceRef, Lookup, LookupOutcome, Method, SimChange, SimChangeKind, SubscriberRef
from numseal.domain.operator import EventKind
from numseal.domain.simulation import Recycle, SwapSim
from numseal.domain.verdict import Level
from numseal.domain.verification import State, Verification
from numseal.ports.operator_backend import OperatorError
from numseal.usecases import look_up, watch_number
from numseal.usecases.look_again import Ask

MEGABYTE = "x" * 2**20
SKEW = 240
"""Seconds: minutes that an operator's clock may well differ by."""

K = EventKind


def said(what: Any) -> Any:
    """Pass off what a plugin may well return though its contract does not allow it."""
    return what


NOT_ANSWERS = [
    pytest.param(HANG, "TIMEOUT", id="silence"),
    pytest.param(OperatorError("HLR_DOWN", "no route"), "HLR_DOWN", id="an error"),
    pytest.param(OperatorError(MEGABYTE, MEGABYTE), "OPERATOR_ERROR", id="an error of 1 MB"),
    pytest.param(RuntimeError(MEGABYTE), "BROKEN_CONTRACT", id="an exception"),
    pytest.param(SystemExit(3), "BROKEN_CONTRACT", id="an exit"),
    pytest.param(said({"outcome": "SUBSCRIBER"}), "BROKEN_CONTRACT", id="another type"),
    pytest.param(answer(line_type=known(said("SATELLITE"))), "BROKEN_CONTRACT", id="an unknown enum"),
    pytest.param(replace(answer(), outcome=said("PERHAPS")), "BROKEN_CONTRACT", id="an unknown outcome"),
    pytest.param(answer(subscriber_ref=known(SubscriberRef(MEGABYTE, "1"))), "BROKEN_CONTRACT", id="a string of 1 MB"),
    pytest.param(answer(sims_on_device=known(2**80)), "BROKEN_CONTRACT", id="a number of 80 bits"),
    pytest.param(answer(activate_time=known(-1)), "BROKEN_CONTRACT", id="a time before all times"),
    pytest.param(replace(answer(), subscriber=None), "BROKEN_CONTRACT", id="nobody there"),
]


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    opened = await open_ground(tmp_path / "numseal.db")
    yield opened
    await opened.store.close()


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have silence end soon."""
    monkeypatch.setattr(look_up, "BEFORE_TIMEOUT", 0.05)
    monkeypatch.setattr(look_up, "AFTER_TIMEOUT", 0.05)


def newest_code(operator: FakeOperator) -> str:
    return code_of(operator.orders[-1].text)


async def by_network(desk: Desk, **wish: Any) -> Verification:
    opened = await desk.start(method=Method.NETWORK, **wish)
    return (await desk.prove(opened))[1]


def codes(verification: Verification) -> set[str]:
    assert verification.verdict is not None
    return {finding.code for finding in verification.verdict.findings}


@pytest.mark.usefixtures("brief")
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize(("bad", "failure"), NOT_ANSWERS)
async def test_what_is_no_answer_lowers_the_level_and_is_recorded(
    ground: Ground, bad: Any, failure: str, phase: str, caplog: pytest.LogCaptureFixture
) -> None:
    ground.mts.found = [answer()]
    well = await by_network(Desk(ground), account="ordinary", number="+79160000001")
    assert well.verdict is not None
    assert well.verdict.level is Level.HIGH
    ground.mts.found = [bad, answer()] if phase == "before" else [answer(), bad]
    ended = await by_network(Desk(ground))
    lookup = getattr(ended, phase)
    assert lookup == Lookup(LookupOutcome.UNANSWERED, "mts", NOW, failure=failure)
    assert ended.state is State.VERIFIED
    assert ended.verdict is not None
    assert ended.verdict.level is Level.LOW
    assert "LOOKUP_UNANSWERED" in codes(ended)
    assert "Traceback" not in caplog.text
    assert len(caplog.text) < 10_000


@pytest.mark.parametrize("phase", ["before", "after"])
async def test_a_date_in_the_future_is_a_signal_that_failed(ground: Ground, phase: str) -> None:
    ahead = answer(sim_change=known(SimChange(NOW + DAY, SimChangeKind.NEW)), activate_time=known(NOW + DAY))
    ground.mts.found = [ahead, answer()] if phase == "before" else [answer(), ahead]
    ended = await by_network(Desk(ground))
    assert ended.state is State.VERIFIED
    assert ended.verdict is not None
    assert ended.verdict.level < Level.HIGH
    assert "SIGNAL_FAILED" in codes(ended)


async def test_a_silent_operator_slows_no_other(ground: Ground) -> None:
    ground.mts.found = [HANG]
    ground.megafon.found = [answer(operator="megafon")]
    desk = Desk(ground)
    slow = [asyncio.create_task(desk.start(f"+7916123456{digit}", f"account-{digit}")) for digit in range(10)]
    await reached(ground.mts.lookups, len(slow))
    opened = await desk.start("+79261234567", "bob")
    _, ended, bundle = await desk.check(opened, newest_code(ground.megafon))
    assert ended.state is State.VERIFIED
    assert bundle is not None
    assert not any(task.done() for task in slow)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    await desk.crash()


@pytest.mark.usefixtures("brief")
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("bad", "failure"), NOT_ANSWERS)
async def test_no_answer_to_a_recheck_changes_nothing_but_is_noted(ground: Ground, bad: Any, failure: str) -> None:
    following = Following(ground)
    await following.bind(binding(1), binding(2, operator_id="megafon", phone_number="+79260000002"))
    ground.mts.found, ground.megafon.found = [bad], [answer(operator="megafon")]
    await following.rechecked()
    found, other = await following.bound(1), await following.bound(2)
    assert (found.state, found.level, found.observed_time) == (BindingState.ACTIVE, Level.SUBSTANTIAL, NOW)
    assert [item.code for item in found.findings] == ["RECHECK_UNANSWERED"], failure
    assert found.recheck_time == NOW + 60
    assert other.findings == ()
    # It is asked again, and then nothing is left of it.
    ground.mts.found = [answer()]
    ground.clock.advance(60)
    await following.rechecked()
    assert ((await following.bound(1)).findings, (await following.bound(1)).observed_time) == ((), NOW + 60)


@pytest.mark.usefixtures("brief")
async def test_an_operator_that_is_silent_in_everything_holds_up_no_other_and_recovers(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_number, "TIMEOUT", 0.05)
    ground.mts.watch, ground.mts.found, ground.mts.beat = HANG, [HANG], None
    ground.megafon.found, ground.megafon.beat = [answer(operator="megafon")], heartbeat(NOW)
    following = Following(ground)
    theirs = binding(2, operator_id="megafon", phone_number="+79260000002")
    async with following.running():
        await following.bind(binding(1), theirs)
        watched = await following.became(2, lambda bound: bound.monitoring is Monitoring.WATCHED)
        ground.megafon.tell(event(K.TERMINATED, watched))
        await following.became(2, lambda bound: bound.state is BindingState.REVOKED)
        polled = await following.became(1, lambda bound: bound.monitoring is Monitoring.POLLED)
        assert polled.state is BindingState.ACTIVE
        ground.mts.watch, ground.mts.found, ground.mts.beat = None, [answer()], heartbeat(NOW + 600)
        ground.clock.advance(watch_number.RETRY)
        watched = await following.became(1, lambda bound: bound.monitoring is Monitoring.WATCHED)
        assert watched.watch_id == f"watch-{phone_of(1)}"


@pytest.mark.filterwarnings("default")
async def test_nonsense_among_events_is_left_out_and_the_rest_is_taken(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    ground.mts.beat = heartbeat(NOW)
    following = Following(ground)
    async with following.running():
        await following.bind(binding(1), binding(2))
        first = await following.became(1, lambda bound: bound.monitoring is Monitoring.WATCHED)
        second = await following.became(2, lambda bound: bound.monitoring is Monitoring.WATCHED)
        ended = event(K.TERMINATED, first)
        nonsense = [
            replace(ended, occur_time=NOW + DAY),
            replace(ended, occur_time=0),
            replace(ended, kind=said("VANISHED")),
            replace(ended, event_id=MEGABYTE),
            replace(ended, watch_id=MEGABYTE),
            replace(ended, watch_id=said(None)),
            event(K.SIM_CHANGE, first, sim_change=said("STOLEN")),
            event(K.PORT_OUT, first, to_operator="\x00"),
        ]
        ground.mts.tell(*nonsense * 20, event(K.TERMINATED, second))
        await following.became(2, lambda bound: bound.state is BindingState.REVOKED)
        assert (await following.bound(1)).state is BindingState.ACTIVE
    assert "Traceback" not in caplog.text
    assert len(caplog.text) < 20_000


async def test_events_of_nobody_doubled_and_in_any_order_end_where_ordered_ones_do(ground: Ground) -> None:
    ground.mts.beat = heartbeat(NOW)
    following = Following(ground)
    async with following.running():
        await following.bind(*(binding(number) for number in (1, 2)))
        bound = [await following.became(each, lambda it: it.monitoring is Monitoring.WATCHED) for each in (1, 2)]
        ground.clock.advance(DAY)
        ordered, mixed = (
            [
                event(K.DEVICE_CHANGE, each, 1, occur_time=NOW + 10),
                event(K.SIM_CHANGE, each, 2, occur_time=NOW + 20),
                event(K.SIM_CHANGE, each, 3, occur_time=NOW + 30, fraud_suspected=True),
                event(K.BARRED, each, 4, occur_time=NOW + 40),
            ]
            for each in bound
        )
        strangers = [event(K.TERMINATED, bound[0], watch_id=f"nobody-{count}") for count in range(200)]
        ground.mts.tell(*ordered, *[mixed[index] for index in (3, 1, 0, 1, 2, 3, 2, 0)] * 25, *strangers)
        await following.cursor("mts", "404")
        await until(lambda: following.take.dropped == len(strangers))
    one, two = await following.bound(1), await following.bound(2)
    assert one.state is two.state is BindingState.SUSPENDED
    assert (one.end_reason, one.reverify_by, one.sim_changed_time, one.level) == (
        two.end_reason,
        two.reverify_by,
        two.sim_changed_time,
        two.level,
    )
    assert {finding.code for finding in one.findings} == {finding.code for finding in two.findings}


@pytest.mark.parametrize("skew", [-SKEW, 0, SKEW])
@pytest.mark.parametrize("known_then", [True, False])
@pytest.mark.parametrize("same_device", [True, False])
async def test_a_clock_that_differs_by_minutes_turns_nobody_away(
    ground: Ground, skew: int, known_then: bool, same_device: bool
) -> None:
    """Somebody registers with a SIM two minutes old, and again a day later; in between the number is looked up."""
    came = known(SimChange(NOW - 120 + skew, SimChangeKind.NEW))
    ground.mts.found = [answer(sim_change=came if known_then else known(None))]
    desk = Desk(ground)
    opened = await desk.start()
    _, first, _ = await desk.check(opened, newest_code(ground.mts))
    assert first.state is State.VERIFIED
    following = Following(ground)
    ground.clock.advance(DAY)
    device = DeviceRef("d" * 32 if same_device else "e" * 32, "1", "35123456")
    ground.mts.found = [answer(sim_change=came, device_ref=known(device))]
    await following.rechecked()
    assert (await alices(ground)).state in LIVE
    again = await desk.start()
    _, second, _ = await desk.check(again, newest_code(ground.mts))
    assert second.state is State.VERIFIED, codes(second)


async def alices(ground: Ground) -> Binding:
    (bound,) = await ground.store.list_bindings("messenger", "alice", 10, "")
    return bound


@dataclass
class OtherClock:
    """Implements `ports.clock`: another clock that goes `skew` seconds ahead."""

    ours: FakeClock
    skew: int

    def now(self) -> int:
        return self.ours.now() + self.skew

    def monotonic(self) -> float:
        return self.ours.monotonic()

    async def sleep_until(self, time: int) -> None:
        await self.ours.sleep_until(time - self.skew)


@pytest.mark.parametrize("skew", [-SKEW, 0, SKEW])
@pytest.mark.parametrize("change", [Recycle(), SwapSim()], ids=["recycled", "swapped"])
async def test_whoever_just_got_a_number_keeps_it_whatever_the_operator_s_clock_says(
    ground: Ground, skew: int, change: Recycle | SwapSim
) -> None:
    """A number changes hands or SIM, two minutes later it is bound, and then it is watched and looked up."""
    network = SimulatedNetwork(1, OtherClock(ground.clock, skew))
    network.change(NUMBER, change)
    ground.clock.advance(120)
    ground = replace(ground, mts=said(SimulatedOperator(network, "mts")))
    desk = Desk(ground)
    opened = await desk.start()
    _, ended, _ = await desk.check(opened, code_of((await network.inbox(NUMBER))[-1].text))
    assert ended.state is State.VERIFIED, codes(ended)
    agreed = (Agreement("with-mts", "messenger", "mts", 0, 2**40),)
    following = Following(ground, agreements=agreed)
    following.follow._relying_parties = ("messenger",)
    async with following.running():
        await until_watched(following, ground)
        ground.clock.advance(DAY)
    bound = await alices(ground)
    await following.look_again(bound, Ask("r1", agreed[0]))
    bound = await alices(ground)
    assert (bound.state, bound.reverify_by) == (BindingState.ACTIVE, None), bound.findings


async def until_watched(following: Following, ground: Ground) -> None:
    async with asyncio.timeout(10):
        while (await alices(ground)).monitoring is not Monitoring.WATCHED:  # noqa: ASYNC110 - of another relying party
            await asyncio.sleep(0.001)
