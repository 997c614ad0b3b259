"""The adapter against a real OsmoHLR: what happens to subscribers is seen, and what happens to the HLR is survived."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from fakes.gsup import CS, PS, visited
from fakes.orders import lookup_request
from fakes.osmo_hlr_process import OsmoHlr, needed, running
from numseal.adapters.operators.osmo_hlr.backend import OsmoHlrOperator
from numseal.adapters.operators.osmo_hlr.settings import Settings
from numseal.domain.evidence import (
    Lookup,
    LookupOutcome,
    ServiceState,
    Serving,
    ServingDomain,
    SignalState,
    Subscriber,
)
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.operator_answers import read_lookup

NUMBER, DIGITS = "+79161234567", "79161234567"
IMSI, OTHER_IMSI = "250010000000001", "250010000000002"
HOME_NODE, FOREIGN_NODE, UNKNOWN_NODE = "79168960001", "4915110000001", "33612345678"
PATIENT, TIMEOUT = 20.0, 1.0
SOON = 20.0


@dataclass
class World:
    """An HLR with one subscriber, and the adapter that asks it."""

    hlr: OsmoHlr
    operator: OsmoHlrOperator
    clock: FakeClock

    async def look_up(self, number: str = NUMBER) -> Lookup:
        """Ask, and read the answer as strictly as the facade does."""
        return read_lookup(await self.operator.look_up(lookup_request(number)), self.clock.now())

    async def subscriber(self) -> Subscriber:
        found = (await self.look_up()).subscriber
        assert found is not None
        return found

    async def serving(self) -> tuple[Serving, ...]:
        known = (await self.subscriber()).serving.known
        assert known is not None
        return known

    async def recovers(self) -> Lookup:
        """Ask until there is an answer."""
        deadline = time.monotonic() + SOON
        while True:
            try:
                return await self.look_up()
            except OperatorError:
                assert time.monotonic() < deadline, "the adapter did not recover"
                await asyncio.sleep(0.01)


@asynccontextmanager
async def served(directory: Path, seconds: float) -> AsyncIterator[World]:
    """Give a world whose adapter waits so long for an answer."""
    async with running(directory) as hlr:
        hlr.create(IMSI, DIGITS)
        settings = Settings(
            hlr.host,
            connect_timeout=seconds,
            answer_timeout=seconds,
            most_backoff=0.1,
            node_networks={"7916896": "250-01", "491511": "262-01"},
            own_prefixes=("+7916",),
        )
        clock = FakeClock()
        operator = OsmoHlrOperator(settings, "mts", ("250-01",), clock, secrets.token_bytes(32))
        try:
            yield World(hlr, operator, clock)
        finally:
            await operator.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with served(tmp_path, PATIENT) as made:
        yield made


@pytest.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[World]:
    async with served(tmp_path, TIMEOUT) as made:
        yield made


async def test_a_subscriber_who_never_registered_is_one_who_is_served_nowhere(world: World) -> None:
    answer = await world.look_up()
    assert (answer.outcome, answer.operator_id) == (LookupOutcome.SUBSCRIBER, "mts")
    found = answer.subscriber
    assert found is not None
    assert (found.serving.meta.state, found.serving.value) == (SignalState.OK, ())
    assert found.sim_ref.known is not None
    services = (found.voice_service, found.sms_service, found.data_service)
    assert [service.known for service in services] == [ServiceState.ON] * 3
    told = set((await world.operator.capabilities()).signals)
    for name, signal in found.signals():
        assert (signal.meta.state is SignalState.NOT_SUPPORTED) == (name not in told)


async def test_a_number_that_the_hlr_does_not_have_is_not_assigned_in_its_own_ranges_only(world: World) -> None:
    assert (await world.look_up("+79160001234")).outcome is LookupOutcome.NOT_ASSIGNED
    assert (await world.look_up("+491711234567")).outcome is LookupOutcome.NOT_SERVED


async def test_a_subscriber_is_served_where_he_registered_in_each_domain(world: World) -> None:
    async with visited(world.hlr.host, HOME_NODE) as node:
        await node.register(IMSI, CS)
        (cs,) = await world.serving()
        assert (cs.plmn, cs.domain) == ("250-01", ServingDomain.CS)
        await node.register(IMSI, PS)
    assert [(at.plmn, at.domain) for at in await world.serving()] == [
        ("250-01", ServingDomain.CS),
        ("250-01", ServingDomain.PS),
    ]


async def test_a_subscriber_who_moves_abroad_is_served_there(world: World) -> None:
    async with visited(world.hlr.host, HOME_NODE) as home, visited(world.hlr.host, FOREIGN_NODE) as abroad:
        await home.register(IMSI, CS)
        (before,) = await world.serving()
        await abroad.register(IMSI, CS)
        (after,) = await world.serving()
    assert (before.plmn, after.plmn) == ("250-01", "262-01")
    assert before.node_ref != after.node_ref
    assert FOREIGN_NODE not in after.node_ref


async def test_a_node_of_an_unknown_network_makes_his_whereabouts_unknown(world: World) -> None:
    async with visited(world.hlr.host, UNKNOWN_NODE) as node:
        await node.register(IMSI, CS)
    meta = (await world.subscriber()).serving.meta
    assert (meta.state, meta.code_space, meta.code) == (SignalState.UNKNOWN, "osmo-hlr", "NODE_NOT_PLACED")


async def test_a_purge_hides_no_later_registration_abroad(world: World) -> None:
    async with visited(world.hlr.host, HOME_NODE) as home, visited(world.hlr.host, FOREIGN_NODE) as abroad:
        await home.register(IMSI, CS)
        await home.purge(IMSI, CS)
        purged = (await world.subscriber()).serving
        assert (purged.meta.state, purged.meta.code) == (SignalState.OK, "PURGED")
        assert [node.plmn for node in purged.known or ()] == ["250-01"]
        await abroad.register(IMSI, CS)
        later = (await world.subscriber()).serving
    assert later.meta.code == "PURGED"
    assert [node.plmn for node in later.known or ()] == ["262-01"]


async def test_services_follow_what_is_provisioned(world: World) -> None:
    world.hlr.provision(IMSI, cs=True, ps=False)
    found = await world.subscriber()
    assert (found.voice_service.known, found.sms_service.known) == (ServiceState.ON, ServiceState.ON)
    assert found.data_service.known is ServiceState.OFF
    world.hlr.provision(IMSI, cs=False, ps=True)
    found = await world.subscriber()
    assert (found.voice_service.known, found.data_service.known) == (ServiceState.OFF, ServiceState.ON)
    assert (found.sms_service.meta.state, found.sms_service.meta.code) == (SignalState.UNKNOWN, "PS_ONLY")
    world.hlr.provision(IMSI, cs=False, ps=False)
    assert (await world.subscriber()).sms_service.known is ServiceState.OFF


async def test_another_sim_has_another_reference_and_the_same_one_the_same(world: World) -> None:
    world.hlr.create(OTHER_IMSI, "79161234568")
    first = (await world.subscriber()).sim_ref.known
    assert (await world.subscriber()).sim_ref.known == first
    world.hlr.move_number(DIGITS, OTHER_IMSI)
    second = (await world.subscriber()).sim_ref.known
    assert first is not None
    assert second is not None
    assert first.key_epoch == second.key_epoch
    assert first.ref != second.ref


async def test_a_deleted_subscriber_is_gone(world: World) -> None:
    assert (await world.look_up()).outcome is LookupOutcome.SUBSCRIBER
    world.hlr.delete(IMSI)
    assert (await world.look_up()).outcome is LookupOutcome.NOT_ASSIGNED


async def test_neither_identity_nor_keys_of_a_sim_are_in_the_answer(world: World) -> None:
    ki = secrets.token_hex(16)
    world.hlr.give_keys(IMSI, ki)
    told = repr(await world.look_up())
    assert IMSI not in told
    assert ki not in told.lower()


async def test_a_frozen_hlr_keeps_nobody_beyond_the_deadline_and_is_asked_again_when_it_goes_on(
    impatient: World,
) -> None:
    await impatient.look_up()
    impatient.hlr.freeze()
    try:
        began = time.monotonic()
        results = await asyncio.gather(*(impatient.look_up() for _ in range(20)), return_exceptions=True)
        took = time.monotonic() - began
    finally:
        impatient.hlr.thaw()
    assert {result.reason for result in results if isinstance(result, OperatorError)} <= {"TIMEOUT", "UNAVAILABLE"}
    assert all(isinstance(result, OperatorError) for result in results)
    assert took < TIMEOUT * 3
    assert (await impatient.recovers()).outcome is LookupOutcome.SUBSCRIBER


async def test_an_hlr_that_is_frozen_for_long_is_recovered_too(impatient: World) -> None:
    await impatient.look_up()
    impatient.hlr.freeze()
    try:
        deadline = time.monotonic() + 3 * TIMEOUT
        while time.monotonic() < deadline:
            with pytest.raises(OperatorError):
                await impatient.look_up()
    finally:
        impatient.hlr.thaw()
    assert (await impatient.recovers()).outcome is LookupOutcome.SUBSCRIBER


async def test_a_killed_hlr_is_unavailable_until_it_is_back(impatient: World) -> None:
    await impatient.look_up()
    impatient.hlr.kill()
    with pytest.raises(OperatorError) as caught:
        await impatient.look_up()
    assert caught.value.reason in {"UNAVAILABLE", "TIMEOUT"}
    assert not caught.value.sent
    await impatient.hlr.start()
    assert (await impatient.recovers()).outcome is LookupOutcome.SUBSCRIBER


async def test_a_restart_between_lookups_is_not_noticed(world: World) -> None:
    await world.look_up()
    world.hlr.kill()
    await world.hlr.start()
    assert (await world.look_up()).outcome is LookupOutcome.SUBSCRIBER


async def test_a_thousand_lookups_at_once_each_get_their_own_answer(world: World) -> None:
    numbers = [f"+79161234{number:03d}" for number in range(100, 140)]
    for at, number in enumerate(numbers):
        world.hlr.create(f"25001000000{at + 100:04d}", number[1:])
    alone = {number: (await world.look_up(number)).subscriber for number in numbers}
    assert len({found.sim_ref.known for found in alone.values() if found is not None}) == len(numbers)
    asked = numbers * 25
    together = await asyncio.gather(*(world.look_up(number) for number in asked))
    assert [answer.subscriber for answer in together] == [alone[number] for number in asked]


@pytest.mark.parametrize(("ci", "kind"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_hlr_is_told_loudly(monkeypatch: pytest.MonkeyPatch, ci: str, kind: type[BaseException]) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", ci)
    with pytest.raises(kind, match="OsmoHLR IS MISSING"):
        needed()
