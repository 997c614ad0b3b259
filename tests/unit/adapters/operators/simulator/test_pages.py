"""Network checks: which SIM opened a page, and how often its code is good."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.orders import EXPIRE_TIME, network_order
from numseal.adapters.operators.simulator import pages as module
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.adapters.operators.simulator.pages import LIFE
from numseal.domain.errors import Refusal
from numseal.domain.evidence import Method, Reachability, ServiceState
from numseal.domain.operator import NetworkChecked, NetworkOffer, NetworkOutcome, NetworkStarted
from numseal.domain.simulation import (
    At,
    Change,
    OpenedPage,
    OperatorBehavior,
    PortNumber,
    Recycle,
    SetReachability,
    SetServices,
    SwapSim,
    Terminate,
)
from numseal.ports.operator_backend import OperatorError

NUMBER, OTHER, ELSEWHERE = "+79161234567", "+79161234568", "+79261234567"
STATE = network_order(NUMBER).state
Operators = Callable[[str], SimulatedOperator]


@dataclass
class Checks:
    """An operator's network checks of one number."""

    mts: SimulatedOperator
    network: SimulatedNetwork
    count: int = 0

    async def page(self, request_id: str = "n1") -> NetworkStarted:
        return await self.mts.start_network_check(network_order(NUMBER, request_id))

    async def finish(self, page: NetworkStarted, opened: OpenedPage, **changed: Any) -> NetworkChecked:
        self.count += 1
        offer = NetworkOffer(f"f{self.count}", NUMBER, page.challenge, opened.authorization_code, opened.state)
        return await self.mts.finish_network_check(replace(offer, **changed))


@pytest.fixture
def checks(operator: Operators, network: SimulatedNetwork) -> Checks:
    return Checks(operator("mts"), network)


async def test_the_numbers_sim_matches_once(checks: Checks, clock: FakeClock) -> None:
    page = await checks.page()
    assert page.auth_url.startswith("https://network.mts.example/authorize?")
    assert (page.expire_time, len(page.auth_url) < 2_048, len(page.challenge)) == (clock.now() + LIFE, True, 16)
    opened = checks.network.open_page(NUMBER, page.auth_url)
    assert (opened.state, opened.error) == (STATE, "")
    seen = clock.now()
    clock.advance(7)
    assert await checks.finish(page, opened) == NetworkChecked(NetworkOutcome.MATCH, seen)
    assert await checks.finish(page, opened) == NetworkChecked(NetworkOutcome.USED)
    assert checks.network.open_page(NUMBER, page.auth_url).error == "invalid_request"


async def test_another_sim_of_the_operator_does_not_match(checks: Checks, clock: FakeClock) -> None:
    page = await checks.page()
    opened = checks.network.open_page(OTHER, page.auth_url)
    assert await checks.finish(page, opened) == NetworkChecked(NetworkOutcome.MISMATCH, clock.now())
    assert (await checks.finish(page, opened)).outcome is NetworkOutcome.USED


async def test_a_proof_uses_up_its_page(checks: Checks) -> None:
    page = await checks.page()
    first, second = (checks.network.open_page(NUMBER, page.auth_url) for _ in range(2))
    assert first.authorization_code != second.authorization_code
    assert (await checks.finish(page, second)).outcome is NetworkOutcome.MATCH
    assert (await checks.finish(page, first)).outcome is NetworkOutcome.USED


@pytest.mark.parametrize("change", [SwapSim(), Recycle()])
async def test_a_sim_that_has_the_number_no_more_does_not_match(checks: Checks, change: Change) -> None:
    page = await checks.page()
    opened = checks.network.open_page(NUMBER, page.auth_url)
    checks.network.change(NUMBER, At(None, change, report_delay=3_600))
    assert (await checks.finish(page, opened)).outcome is NetworkOutcome.MISMATCH


@pytest.mark.parametrize(
    ("visitor", "change"),
    [
        (NUMBER, SetServices(data=ServiceState.OFF)),
        (NUMBER, SetReachability(Reachability.SMS_ONLY)),
        (NUMBER, SetReachability(Reachability.NOT_REACHABLE)),
        (NUMBER, Terminate()),
        (NUMBER, PortNumber("megafon")),
        (ELSEWHERE, None),
    ],
)
async def test_a_sim_that_the_network_does_not_see_is_refused(
    checks: Checks, visitor: str, change: Change | None
) -> None:
    page = await checks.page()
    if change is not None:
        checks.network.change(visitor, change)
    assert checks.network.open_page(visitor, page.auth_url) == OpenedPage(STATE, error="access_denied")


async def test_data_alone_is_enough(checks: Checks) -> None:
    checks.network.change(NUMBER, SetReachability(Reachability.DATA_ONLY))
    assert checks.network.open_page(NUMBER, (await checks.page()).auth_url).error == ""


async def test_page_and_code_expire(checks: Checks, clock: FakeClock) -> None:
    page = await checks.page()
    clock.advance(LIFE - 1)
    opened = checks.network.open_page(NUMBER, page.auth_url)
    clock.advance(1)
    assert checks.network.open_page(NUMBER, page.auth_url).error == "invalid_request"
    assert await checks.finish(page, opened) == NetworkChecked(NetworkOutcome.EXPIRED)


async def test_a_page_lives_no_longer_than_ordered(checks: Checks, clock: FakeClock) -> None:
    short = await checks.mts.start_network_check(network_order(NUMBER, expire_time=clock.now() + 9))
    assert short.expire_time == clock.now() + 9
    assert (await checks.page("n2")).expire_time < EXPIRE_TIME


@pytest.mark.parametrize(
    "changed",
    [
        {"authorization_code": ""},
        {"authorization_code": "1" * 32},
        {"phone_number": OTHER},
        {"state": "another-of-16-chars"},
        {"state": "\ud800"},
        {"challenge": b""},
    ],
)
async def test_what_does_not_belong_together_is_unknown_and_uses_nothing_up(
    checks: Checks, changed: dict[str, Any]
) -> None:
    page = await checks.page()
    opened = checks.network.open_page(NUMBER, page.auth_url)
    assert await checks.finish(page, opened, **changed) == NetworkChecked(NetworkOutcome.UNKNOWN)
    assert (await checks.finish(page, opened)).outcome is NetworkOutcome.MATCH


async def test_some_operators_recognize_no_sim(operator: Operators) -> None:
    for name, number in (("t2", "+79041234570"), ("rostelecom-fixed", "+74951234567")):
        assert Method.NETWORK not in (await operator(name).capabilities()).methods
        with pytest.raises(OperatorError, match="no network checks"):
            await operator(name).start_network_check(network_order(number))


@pytest.mark.parametrize("number", [ELSEWHERE, "+79160001234", "+10000000000"])
async def test_only_own_subscribers_are_recognized(checks: Checks, number: str) -> None:
    with pytest.raises(OperatorError, match="no such subscriber"):
        await checks.mts.start_network_check(network_order(number))


async def test_a_failing_operator_shows_no_page(checks: Checks) -> None:
    page = await checks.page()
    checks.network.set_behavior("mts", OperatorBehavior(fail=True))
    assert checks.network.open_page(NUMBER, page.auth_url).error == "temporarily_unavailable"


async def test_pages_and_codes_are_bounded(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_PAGES", 2)
    pages = [await checks.page(f"n{number}") for number in range(3)]
    with pytest.raises(Refusal, match="No simulated operator has a page"):
        checks.network.open_page(NUMBER, pages[0].auth_url)
    opened = [checks.network.open_page(NUMBER, pages[2].auth_url) for _ in range(3)]
    assert (await checks.finish(pages[2], opened[0])).outcome is NetworkOutcome.UNKNOWN
    assert (await checks.finish(pages[2], opened[2])).outcome is NetworkOutcome.MATCH
