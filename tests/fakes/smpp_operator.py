"""An operator reached by SMPP, in a test: quick to give up, orders with all that is ordinary, its events gathered.

async with connected(center.settings(), window=1) as desk:
    sent = await desk.send("r1")
    assert await desk.told(sent) == [(DeliveryState.DELIVERED, "")]
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from fakes.clock import FakeClock
from fakes.orders import EXPIRE_TIME, text_order
from numseal.adapters.operators.smpp.backend import SmppOperator
from numseal.adapters.operators.smpp.settings import Settings, SmscSettings
from numseal.domain.evidence import DeliveryState
from numseal.domain.operator import CodeOrder, CodeSent, EventKind, OperatorEvent

NUMBER = "+79161234567"
SECONDS = 10.0
QUICK = {
    "connect_timeout": 2.0,
    "response_timeout": 1.0,
    "send_timeout": 2.0,
    "reconnect_min": 0.02,
    "reconnect_max": 0.05,
    "throttle_min": 0.1,
    "throttle_max": 0.4,
}


@dataclass
class Desk:
    """The operator, its clock, and what it told so far."""

    operator: SmppOperator
    clock: FakeClock
    events: list[OperatorEvent] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, request_id: str = "s1", **changes: Any) -> CodeSent:
        """Order a text."""
        return await self.operator.send_code(self.order(request_id, **changes))

    def order(self, request_id: str = "s1", **changes: Any) -> CodeOrder:
        """Return an ordinary order."""
        later = self.clock.now() + 600
        return replace(text_order(NUMBER, request_id), **({"expire_time": max(later, EXPIRE_TIME)} | changes))

    async def told(self, sent: CodeSent, count: int = 1) -> list[tuple[DeliveryState | None, str]]:
        """Wait for so many events of a delivery; return all there are by then."""
        async with asyncio.timeout(SECONDS):
            while len(found := [event for event in self.events if event.delivery_id == sent.delivery_id]) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return [(event.delivery, event.error) for event in found]

    async def gather(self) -> None:
        """Take events until cancelled."""
        stream: Any = self.operator.stream_events("")
        async with aclosing(stream):
            async for event in stream:
                if event.kind is EventKind.DELIVERY:
                    self.events.append(event)
                    self.arrived.set()

    async def bound(self, name: str = "") -> None:
        """Wait until an SMSC, or any, is bound."""
        async with asyncio.timeout(SECONDS):
            while not any(link.bound for link in self.operator.links() if name in {"", link.name}):  # noqa: ASYNC110
                await asyncio.sleep(0.002)

    async def gone(self, name: str) -> None:
        """Wait until an SMSC is bound no more."""
        async with asyncio.timeout(SECONDS):
            while any(link.bound for link in self.operator.links() if link.name == name):  # noqa: ASYNC110
                await asyncio.sleep(0.002)


@asynccontextmanager
async def connected(*smscs: SmscSettings, **changes: Any) -> AsyncIterator[Desk]:
    """Give an operator with these SMSCs; closed, with nothing left behind, at the end of the block."""
    clock = FakeClock()
    settings = Settings(smscs, **({**QUICK, **changes}))
    desk = Desk(SmppOperator(settings, "mts", ("250-01",), clock), clock)
    events = asyncio.create_task(desk.gather())
    await asyncio.sleep(0)
    try:
        yield desk
    finally:
        events.cancel()
        await asyncio.wait({events})
        await desk.operator.close()
        left = [task for task in asyncio.all_tasks() if "smpp" in str(task.get_coro())]
        assert not left, left
