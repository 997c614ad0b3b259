"""An operator whose answers a test writes, one kind of call at a time.

operator = FakeOperator("mts")                     # everything ordinary: a subscriber, ACCEPTED, MATCH
operator.sent = OperatorError("DOWN", "no route")  # raised
operator.checked = HANG                            # never answered
operator.found = [ported, answer()]                # one after the other, the last for ever
operator.tell(event(EventKind.TERMINATED, watch))  # kept, and told to every stream
operator.tell(OperatorError("DOWN", "no route"))   # ends every stream once it gets there, and is no more
operator.forget(before=3)                          # cursors from before the third event are too old
"""

import asyncio
from collections.abc import AsyncIterator, Sized
from dataclasses import dataclass, field, replace
from typing import TypeVar

from fakes.evidence import answer
from numseal.domain.evidence import SIGNAL_NAMES, Lookup, Method
from numseal.domain.operator import (
    WATCHED_KINDS,
    Capabilities,
    CodeCheck,
    CodeChecked,
    CodeOrder,
    CodeOutcome,
    CodeSent,
    EventKind,
    LookupRequest,
    NetworkChecked,
    NetworkOffer,
    NetworkOrder,
    NetworkOutcome,
    NetworkStarted,
    OperatorEvent,
    SendOutcome,
    Watch,
    WatchOrder,
)
from numseal.ports.operator_backend import CursorTooOldError

T = TypeVar("T")


class Hang(Exception):  # noqa: N818 - it stands for silence, it is never raised
    """In place of an answer: none comes."""


HANG = Hang()


@dataclass
class FakeOperator:
    """Implements `ports.operator_backend`; keeps what it was asked."""

    operator_id: str
    found: "list[Lookup | Exception]" = field(default_factory=lambda: [answer()])
    sent: CodeSent | Exception = field(default_factory=lambda: CodeSent(SendOutcome.ACCEPTED, b"challenge", "d1"))
    checked: CodeChecked | Exception = field(default_factory=lambda: CodeChecked(CodeOutcome.MATCH))
    lookups: list[LookupRequest] = field(default_factory=list)
    orders: list[CodeOrder] = field(default_factory=list)
    checks: list[CodeCheck] = field(default_factory=list)
    able: Capabilities | Exception | None = None  # None: everything
    capability_calls: list[None] = field(default_factory=list)
    started: NetworkStarted | Exception = field(
        default_factory=lambda: NetworkStarted("https://network.example/authorize?request=1", 2**33, b"challenge")
    )
    finished: NetworkChecked | Exception = field(
        default_factory=lambda: NetworkChecked(NetworkOutcome.MATCH, 1_750_000_000)
    )
    network_orders: list[NetworkOrder] = field(default_factory=list)
    network_offers: list[NetworkOffer] = field(default_factory=list)
    watch: Watch | Exception | None = None  # None: "watch-" and the number
    unwatched: Exception | None = None
    watch_orders: list[WatchOrder] = field(default_factory=list)
    unwatch_orders: list[tuple[str, str]] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)
    events: "list[OperatorEvent | Exception]" = field(default_factory=list)
    oldest: int = 0
    beat: OperatorEvent | None = field(
        default_factory=lambda: OperatorEvent(EventKind.HEARTBEAT, "", observe_time=1_750_000_000)
    )
    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def capabilities(self) -> Capabilities:
        self.capability_calls.append(None)
        return await _given(self.able or everything(self.operator_id))

    async def look_up(self, request: LookupRequest) -> Lookup:
        self.lookups.append(request)
        return await _given(self.found.pop(0) if len(self.found) > 1 else self.found[0])

    async def send_code(self, order: CodeOrder) -> CodeSent:
        self.orders.append(order)
        return await _given(self.sent)

    async def check_code(self, check: CodeCheck) -> CodeChecked:
        self.checks.append(check)
        return await _given(self.checked)

    async def start_network_check(self, order: NetworkOrder) -> NetworkStarted:
        self.network_orders.append(order)
        return await _given(self.started)

    async def finish_network_check(self, offer: NetworkOffer) -> NetworkChecked:
        self.network_offers.append(offer)
        return await _given(self.finished)

    async def watch_subscriber(self, order: WatchOrder) -> Watch:
        self.watch_orders.append(order)
        return await _given(self.watch or Watch(f"watch-{order.phone_number}", order.expire_time))

    async def unwatch_subscriber(self, request_id: str, watch_id: str) -> None:
        self.unwatch_orders.append((request_id, watch_id))
        await _given(self.unwatched)

    async def stream_events(self, cursor: str) -> AsyncIterator[OperatorEvent]:
        """Tell what was told after the event that `cursor` counts up to, `beat` first, then wait for more."""
        self.cursors.append(cursor)
        seen = int(cursor) if cursor else len(self.events)
        if not self.oldest <= seen <= len(self.events):
            raise CursorTooOldError
        if self.beat is not None:
            yield replace(self.beat, cursor=str(seen))
        while True:
            told = self.told
            while seen < len(self.events):
                event = self.events[seen]
                if isinstance(event, Exception):
                    del self.events[seen]
                    await _given(event)
                else:
                    seen += 1
                    yield replace(event, cursor=str(seen))
            await told.wait()

    def tell(self, *events: OperatorEvent | Exception) -> None:
        """Keep events, and have every stream tell them, each under the cursor that counts up to it."""
        self.events.extend(events)
        told, self.told = self.told, asyncio.Event()
        told.set()

    def forget(self, before: int) -> None:
        """Keep events from the `before`-th on only."""
        self.oldest = before - 1


def everything(operator_id: str) -> Capabilities:
    """Return the capabilities of an operator that can do all there is."""
    return Capabilities(
        contract_version="1",
        operator_id=operator_id,
        plmns=("250-01",),
        signals=SIGNAL_NAMES,
        methods=tuple(Method),
        idempotent=True,
        prior_codes_valid=True,
        server_time=0,
        events=(*WATCHED_KINDS, EventKind.DELIVERY),
        event_retention=86_400,
    )


async def reached(calls: Sized, count: int = 1) -> None:
    """Wait until so many calls of a kind came."""
    async with asyncio.timeout(5):
        while len(calls) < count:  # noqa: ASYNC110 - the fake has no event for every kind of call
            await asyncio.sleep(0)


async def _given(scripted: T | Exception) -> T:
    if isinstance(scripted, Hang):
        await asyncio.Event().wait()
    if isinstance(scripted, Exception):
        raise scripted
    return scripted
