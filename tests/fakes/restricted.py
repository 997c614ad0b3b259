"""A backend cut down to some of what another one can do, as an adapter to one thing is.

Restricted(operator, methods=(Method.SMS,), events=(EventKind.DELIVERY,))     # codes and what becomes of them
Restricted(operator, signals=("sim_change",))                                 # lookups of one signal
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from numseal.domain.evidence import SIGNAL_NAMES, Lookup, Meta, Method, Signal, SignalState
from numseal.domain.operator import (
    WATCHED_KINDS,
    Capabilities,
    CodeCheck,
    CodeChecked,
    CodeOrder,
    CodeSent,
    EventKind,
    LookupRequest,
    NetworkChecked,
    NetworkOffer,
    NetworkOrder,
    NetworkStarted,
    OperatorEvent,
    Watch,
    WatchOrder,
)
from numseal.ports.operator_backend import OperatorBackend, OperatorError


@dataclass
class Restricted:
    """Implements `ports.operator_backend`; keeps the signals it was asked for, lookup by lookup."""

    backend: OperatorBackend
    signals: tuple[str, ...] = ()
    methods: tuple[Method, ...] = ()
    events: tuple[EventKind, ...] = ()
    asked: list[tuple[str, ...]] = field(default_factory=list)
    closed: bool = False

    @property
    def operator_id(self) -> str:
        return self.backend.operator_id

    async def capabilities(self) -> Capabilities:
        told = await self.backend.capabilities()
        return replace(
            told,
            signals=tuple(name for name in told.signals if name in self.signals),
            methods=tuple(method for method in told.methods if method in self.methods),
            events=tuple(kind for kind in told.events if kind in self.events),
        )

    async def look_up(self, request: LookupRequest) -> Lookup:
        self.asked.append(request.signals)
        if not self.signals:
            raise OperatorError("LOOKUP_NOT_SUPPORTED", "this backend knows nothing of numbers")
        answer = await self.backend.look_up(request)
        if answer.subscriber is None:
            return answer
        absent: Any = Signal(Meta(SignalState.NOT_SUPPORTED))
        hidden = dict.fromkeys((name for name in SIGNAL_NAMES if name not in self.signals), absent)
        return replace(answer, subscriber=replace(answer.subscriber, **hidden))

    async def send_code(self, order: CodeOrder) -> CodeSent:
        self._need(order.method)
        return await self.backend.send_code(order)

    async def check_code(self, check: CodeCheck) -> CodeChecked:
        self._need(Method.OPERATOR_CODE)
        return await self.backend.check_code(check)

    async def start_network_check(self, order: NetworkOrder) -> NetworkStarted:
        self._need(Method.NETWORK)
        return await self.backend.start_network_check(order)

    async def finish_network_check(self, offer: NetworkOffer) -> NetworkChecked:
        self._need(Method.NETWORK)
        return await self.backend.finish_network_check(offer)

    async def watch_subscriber(self, order: WatchOrder) -> Watch:
        if not set(order.kinds) <= set(self.events) & set(WATCHED_KINDS):
            raise OperatorError("EVENTS_NOT_SUPPORTED", "this backend sends no such events")
        return await self.backend.watch_subscriber(order)

    async def unwatch_subscriber(self, request_id: str, watch_id: str) -> None:
        if not self.events:
            raise OperatorError("EVENTS_NOT_SUPPORTED", "this backend sends no events")
        await self.backend.unwatch_subscriber(request_id, watch_id)

    async def stream_events(self, cursor: str) -> AsyncIterator[OperatorEvent]:
        if not self.events:
            raise OperatorError("EVENTS_NOT_SUPPORTED", "this backend sends no events")
        stream: Any = self.backend.stream_events(cursor)
        async with aclosing(stream) as events:
            async for event in events:
                if event.kind in {*self.events, EventKind.HEARTBEAT}:
                    yield event

    async def close(self) -> None:
        self.closed = True

    def _need(self, method: Method) -> None:
        if method not in self.methods:
            raise OperatorError("METHOD_NOT_SUPPORTED", f"this backend has no {method}")
