"""An operator in three parts behind a whole server: codes from one, state from another, SIM swaps from a third."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from fakes import channels
from fakes.clock import FakeClock
from fakes.composed import three_parts
from fakes.messenger import Messenger, codes, state
from fakes.restricted import Restricted
from fakes.world import NOW
from numseal.adapters.operators.composed.backend import ComposedOperator
from numseal.adapters.operators.composed.parts import Part
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.api.operator.v1 import subscriber_pb2
from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.verification.v1 import assurance_pb2, binding_pb2
from numseal.apps import wiring
from numseal.apps.config import Config
from numseal.apps.development import Development
from numseal.apps.server import assembled, listening
from numseal.domain.evidence import Lookup, SignalState
from numseal.domain.operator import LookupRequest
from numseal.domain.verification import Verification
from numseal.ports.operator_backend import OperatorBackend, OperatorError
from numseal.ports.store import Store

MTS, MTS_2, MEGAFON = "+79161234567", "+79161234568", "+79261234567"


class Frozen(Restricted):
    """A part that stops answering lookups once it is told to."""

    frozen = False

    async def look_up(self, request: LookupRequest) -> Lookup:
        if self.frozen:
            await asyncio.Event().wait()
        return await super().look_up(request)


@dataclass
class Site:
    """A server whose operator mts is made of parts."""

    messenger: Messenger
    store: Store
    clock: FakeClock
    parts: dict[str, Restricted]

    async def kept(self, verification_id: str) -> Verification:
        found = await self.store.verification(verification_id)
        assert found is not None
        return found


@asynccontextmanager
async def serving(config: Config, setup: Development, patch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    clock, parts = FakeClock(NOW), dict[str, Restricted]()

    def made(network: SimulatedNetwork, operator_id: str) -> OperatorBackend:
        whole = SimulatedOperator(network, operator_id)
        if operator_id != "mts":
            return whole
        parts.update(three_parts(whole))
        camara = parts["camara"]
        parts["camara"] = Frozen(whole, camara.signals, camara.methods)
        return ComposedOperator("mts", ("250-01",), [Part(name, part) for name, part in parts.items()], clock)

    patch.setattr(wiring, "SimulatedOperator", made)
    async with (
        assembled(config, clock) as served,
        listening(config, served) as addresses,
        channels.plain(addresses.grpc) as channel,
    ):
        messenger = Messenger(channel, (("authorization", f"Bearer {setup.token}"),))
        yield Site(messenger, served.store, clock, parts)


@pytest.fixture
async def site(config: Config, setup: Development, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    async with serving(config, setup, monkeypatch) as made:
        yield made


async def test_a_sign_up_whose_evidence_names_the_source_of_every_signal(site: Site) -> None:
    verified = await site.messenger.sign_up(MTS)
    assert state(verified) == "VERIFIED"
    row = await site.kept(verified.verification_id)
    for lookup in (row.before, row.after):
        assert lookup is not None
        assert lookup.subscriber is not None
        sources = {name: signal.meta.source for name, signal in lookup.subscriber.signals() if signal.known is not None}
        assert (sources["line_type"], sources["sim_change"]) == ("hlr/hlr", "camara/crm")
        assert {source.partition("/")[0] for source in sources.values()} == {"hlr", "camara"}
        assert lookup.lookup_reference.startswith("hlr:")
    assert site.parts["smsc"].asked == []
    # The whole is as good as the operator that it was cut from.
    other = await site.messenger.sign_up(MEGAFON, "bob")
    assert (verified.assurance_level, codes(verified)) == (other.assurance_level, codes(other))


async def test_an_operators_own_code_and_a_page_come_back_to_their_parts(site: Site) -> None:
    own = await site.messenger.sign_up(MTS, method=assurance_pb2.METHOD_OPERATOR_CODE)
    assert state(own) == "VERIFIED"
    page = await site.messenger.start(MTS_2, "bob", method=assurance_pb2.METHOD_NETWORK)
    proved = await site.messenger.prove(page, MTS_2)
    assert state(proved) == "VERIFIED"
    assert proved.assurance_level > own.assurance_level


async def test_a_frozen_part_costs_its_own_signals_and_no_sign_up(site: Site) -> None:
    camara = site.parts["camara"]
    assert isinstance(camara, Frozen)
    camara.frozen = True
    verified = await site.messenger.sign_up(MTS)
    assert state(verified) == "VERIFIED"
    assert "SIGNAL_FAILED" in codes(verified)
    row = await site.kept(verified.verification_id)
    assert row.after is not None
    assert row.after.subscriber is not None
    assert row.after.subscriber.line_type.meta.state is SignalState.OK
    meta = row.after.subscriber.sim_change.meta
    assert (meta.state, meta.source, meta.code_space, meta.code) == (SignalState.ERROR, "camara", "numseal", "TIMEOUT")


async def became(messenger: Messenger, binding_id: str, wanted: Callable[[binding_pb2.Binding], bool]) -> None:
    """Ask until the binding is as wanted."""
    request = binding_pb2.GetBindingRequest(binding_id=binding_id)
    async with asyncio.timeout(5):
        while not wanted((await messenger.binding.GetBinding(request, metadata=messenger.metadata)).binding):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_what_happens_to_a_bound_number_is_told_through_the_part_that_watches(site: Site) -> None:
    messenger = site.messenger
    binding_id = (await messenger.sign_up(MTS)).binding_id
    await became(messenger, binding_id, lambda item: item.monitoring_state == binding_pb2.MONITORING_STATE_WATCHED)
    lookups = len(site.parts["hlr"].asked)
    site.clock.advance(3_600)
    swap = simulator_pb2.SwapSim(kind=subscriber_pb2.SIM_CHANGE_KIND_REPLACED)
    await messenger.change(MTS, simulator_pb2.SubscriberChange(swap_sim=swap))
    await became(messenger, binding_id, lambda item: item.HasField("reverify_by"))
    # The event said so, not a lookup.
    assert len(site.parts["hlr"].asked) == lookups


async def test_a_code_that_the_sending_part_refuses_fails_the_verification_with_its_reason(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(_self: Restricted, _order: object) -> None:
        raise OperatorError("SMSC_DOWN", "no route")

    monkeypatch.setattr(Restricted, "send_code", down)
    opened = await site.messenger.start(MTS)
    assert (state(opened), opened.failure_reason) == ("FAILED", "SMSC_DOWN")
