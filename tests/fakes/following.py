"""What follows bindings, over a real store with fake operators: the parts, and all of them running.

following = Following(ground)                     # PARTY's agreements with mts and megafon
await following.bind(binding(1))                  # a binding in the store, as a verification leaves it
async with following.running():
    watched = await following.became(1, lambda bound: bound.monitoring is Monitoring.WATCHED)
    ground.mts.tell(event(EventKind.TERMINATED, watched))
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fakes.desk import Ground
from fakes.evidence import packaged_policy
from fakes.store_rows import PARTY, Do, bind, binding, name_of
from numseal.adapters.operators.simulator.operators import OPERATORS
from numseal.domain.agreement import Agreement, Agreements
from numseal.domain.binding import Binding
from numseal.domain.evidence import DeliveryState, SimChangeKind
from numseal.domain.limits import Limits
from numseal.domain.operator import BarredReason, EventKind, OperatorEvent
from numseal.domain.policy import Policies
from numseal.ports.store import Needs
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.flights import Flights
from numseal.usecases.follow_agreements import FollowAgreements
from numseal.usecases.follow_bindings import FollowBindings
from numseal.usecases.look_again import LookAgain
from numseal.usecases.look_up import LookUp
from numseal.usecases.monitor import Monitor
from numseal.usecases.operator_access import OperatorAccess
from numseal.usecases.recheck_bindings import RecheckBindings
from numseal.usecases.refresh_binding import RefreshBinding
from numseal.usecases.stream_health import StreamHealth
from numseal.usecases.take_events import TakeEvents
from numseal.usecases.watch_bindings import WatchBindings
from numseal.usecases.watch_number import WatchNumber

AGREEMENTS = tuple(Agreement(f"with-{name}", PARTY, name, 0, 2**40) for name in ("mts", "megafon"))
TIMEOUT = 10


class Following:
    """One process's following of bindings."""

    def __init__(
        self,
        ground: Ground,
        *,
        agreements: tuple[Agreement, ...] = AGREEMENTS,
        connected: tuple[str, ...] = ("mts", "megafon"),
        watch: bool = True,
        rate: int = 20,
        store: Any = None,
    ) -> None:
        self.ground = ground
        self.store = store or ground.store
        self.health = StreamHealth()
        self.delivered: list[tuple[str, str, DeliveryState]] = []
        common: dict[str, Any] = {"store": self.store, "clock": ground.clock}
        policies = Policies(packaged_policy())
        self.setting = policies.current.monitoring
        ask = AskOperator({name: getattr(ground, name) for name in connected}, ground.clock)
        self.agreements = Agreements(agreements)
        self.access = access = OperatorAccess(agreements=self.agreements, ask=ask, **common)
        self.take = TakeEvents(
            ask=ask,
            policies=policies,
            health=self.health,
            deliveries=lambda *delivery: self.delivered.append(delivery),
            **common,
        )
        self.watch = WatchNumber(
            ask=ask,
            access=access,
            policies=policies,
            events=self.take,
            operators=connected,
            watch=watch,
            **common,
        )
        look_up = LookUp(ask, [profile.info for profile in OPERATORS])
        self.look_again = look_again = LookAgain(look_up=look_up, policies=policies, **common)
        self.recheck = RecheckBindings(
            watch=self.watch, look_again=look_again, access=access, per_operator_second=rate, **common
        )
        self.follow = FollowBindings(watch=self.watch, relying_parties=[PARTY], **common)
        self.refresh = RefreshBinding(
            look_again=look_again, access=access, limits=Limits(), health=self.health, flights=Flights(), **common
        )
        self.stream = WatchBindings(heartbeat=0.2, **common)
        self.follow_agreements = FollowAgreements(agreements=self.agreements, wake=self.recheck.wake, **common)
        self.monitor = Monitor(
            operators=connected,
            events=self.take,
            follow=self.follow,
            agreements=self.follow_agreements,
            recheck=self.recheck,
            pause=0.01,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run all of it."""
        self.monitor.start()
        try:
            yield
        finally:
            await self.monitor.stop()

    async def bind(self, *bindings: Binding) -> None:
        """Store bindings."""
        for made in bindings:
            await self.store.apply(bind(made))

    async def bound(self, number: int = 1) -> Binding:
        """Read the binding of a number."""
        found = await self.store.binding(name_of(number, "b"))
        assert isinstance(found, Binding)
        return found

    async def became(self, number: int, wanted: Callable[[Binding], bool]) -> Binding:
        """Wait until the binding of a number is as wanted, and return it."""
        async with asyncio.timeout(TIMEOUT):
            while True:
                newest = self.store.change_bounds()[1]
                found = await self.store.binding(name_of(number, "b"))
                if isinstance(found, Binding) and wanted(found):
                    return found
                await self.store.changed(newest)

    async def cursor(self, operator_id: str, wanted: str) -> None:
        """Wait until an operator's events up to a cursor are taken."""
        async with asyncio.timeout(TIMEOUT):
            while (await self.store.cursor(operator_id)).partition(" ")[2] != wanted:  # noqa: ASYNC110 - a store has no event for it
                await asyncio.sleep(0.001)

    async def due_at_once(self, number: int = 1) -> None:
        """Make a binding due."""
        name = name_of(number, "b")
        command = Do(
            Needs(bindings=(name,)),
            lambda rows: rows.put_binding(replace(rows.binding(name) or binding(number), recheck_time=rows.now)),
        )
        await self.store.apply(command)

    async def rechecked(self) -> int:
        """Attend to what is due, and wait for the end of it."""
        count = await self.recheck.begin()
        await self.recheck.finish()
        return count


async def until(wanted: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(TIMEOUT):
        while not wanted():  # noqa: ASYNC110 - whatever it is, it has no event
            await asyncio.sleep(0.001)


def event(kind: EventKind, bound: Binding, number: int = 1, **more: Any) -> OperatorEvent:
    """Make an event about a watched binding, a minute after it was made."""
    time = bound.verified_time + 60
    made = OperatorEvent(
        kind, "", observe_time=time, event_id=f"event-{number}", watch_id=bound.watch_id or "w1", occur_time=time
    )
    if kind is EventKind.SIM_CHANGE:
        made = replace(made, sim_change=SimChangeKind.REPLACED)
    if kind is EventKind.BARRED:
        made = replace(made, barred=BarredReason.FRAUD)
    return replace(made, **more)


def heartbeat(time: int) -> OperatorEvent:
    """Make a sign of life."""
    return OperatorEvent(EventKind.HEARTBEAT, "", observe_time=time)
