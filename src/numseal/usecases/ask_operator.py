"""Ask an operator: the one place where a backend's answer is distrusted, and where its failures become plain values.

A backend is a plugin and runs in a task of its own. Whatever it does there (never return, swallow its cancellation,
raise anything, cancel itself) the use case gets an answer that was read strictly, or a reason.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import Any, TypeVar

from numseal.domain.evidence import Lookup, LookupOutcome
from numseal.domain.operator import (
    Capabilities,
    CodeCheck,
    CodeOrder,
    CodeOutcome,
    CodeSent,
    LookupRequest,
    NetworkChecked,
    NetworkOffer,
    NetworkOrder,
    NetworkStarted,
    OperatorEvent,
    SendOutcome,
    Watch,
    WatchOrder,
)
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorBackend, OperatorError
from numseal.usecases.operator_answers import (
    read_capabilities,
    read_checked,
    read_lookup,
    read_network_checked,
    read_nothing,
    read_sent,
    read_started,
)
from numseal.usecases.operator_capabilities import OperatorCapabilities
from numseal.usecases.operator_circuit import Circuits, CircuitState, Shares
from numseal.usecases.operator_events import read_watch
from numseal.usecases.operator_failures import (
    BROKEN_CONTRACT,
    CIRCUIT_OPEN,
    NOT_CONNECTED,
    OVERLOADED,
    TIMEOUT,
    Failed,
    failure_of,
)
from numseal.usecases.operator_stream import OperatorStream

__all__ = ["BROKEN_CONTRACT", "NOT_CONNECTED", "TIMEOUT", "AskOperator"]

CAPABILITIES_TIMEOUT = 1.5
"""Seconds an operator has to tell what it can do."""

MAX_IN_FLIGHT = 512
"""Calls that one operator may have under way at once, those that were given up and have not ended included."""

_NOT_TAKEN = {
    SendOutcome.NOT_OURS: "NUMBER_NOT_SERVED",
    SendOutcome.BARRED: "NUMBER_BARRED",
    SendOutcome.LINE_TYPE: "LINE_TYPE_NOT_SERVED",
    SendOutcome.CONTENT: "TEXT_REFUSED",
    SendOutcome.THROTTLED: "OPERATOR_THROTTLED",
}

T = TypeVar("T")

_log = logging.getLogger(__name__)


class AskOperator:
    """Puts questions to operators by their ids.

    Owns each operator's circuits and its calls under way: one that is frozen or failing is left alone after a while,
    and never holds more than its share, so that the others are not slowed. Each agreement has circuits of its own and
    at most half of the calls, so that no relying party can keep an operator from another.
    """

    def __init__(
        self,
        operators: Mapping[str, OperatorBackend],
        clock: Clock,
        *,
        max_in_flight: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Take the operators by their ids, and how many calls one may have under way where that is not 512."""
        self._operators = operators
        self._clock = clock
        self._shares = {known: Shares(max_in_flight.get(known, MAX_IN_FLIGHT)) for known in operators}
        self._circuits = Circuits(clock)
        self._capabilities = OperatorCapabilities(self._fetch_capabilities, clock)
        self._abandoned: set[asyncio.Task[Any]] = set()  # the loop holds them weakly

    @property
    def operators(self) -> tuple[str, ...]:
        """The ids of the operators that are connected."""
        return tuple(self._operators)

    async def capabilities(self, operator_id: str) -> Capabilities | None:
        """Return what an operator can do, None where that is not known; asked again every 5 minutes.

        An answer holds for 15 minutes while the operator fails to give another.
        """
        return await self._capabilities(operator_id) if operator_id in self._operators else None

    def known_capabilities(self, operator_id: str) -> Capabilities | None:
        """Return what an operator said last that it can do, None where that is not known; asks nobody."""
        return self._capabilities.known(operator_id)

    def circuits(self, operator_id: str) -> dict[str, CircuitState]:
        """Return the worst state, over all agreements, of each kind of call that an operator was asked by lately.

        Kinds of call have the names of the port's methods.
        """
        return self._circuits.worst(operator_id)

    async def look_up(self, operator_id: str, request: LookupRequest, timeout: float) -> Lookup:  # noqa: ASYNC109
        """Return the answer at our own time, UNANSWERED where none came in `timeout` seconds or it cannot be."""
        found = await self._ask(
            operator_id,
            "look_up",
            request.agreement_id,
            lambda backend: backend.look_up(request),
            lambda answer: read_lookup(answer, self._clock.now()),
            timeout,
        )
        if isinstance(found, Failed):
            return Lookup(LookupOutcome.UNANSWERED, operator_id, self._clock.now(), failure=found.reason)
        return found

    async def send_code(
        self,
        operator_id: str,
        order: CodeOrder,
        timeout: float,  # noqa: ASYNC109
    ) -> tuple[CodeSent | None, str | None]:
        """Return an ACCEPTED answer, or the reason why certainly no code was sent; neither where nobody can say."""
        sent = await self._ask(
            operator_id,
            "send_code",
            order.agreement_id,
            lambda backend: backend.send_code(order),
            lambda answer: read_sent(answer, self._clock.now()),
            timeout,
        )
        if isinstance(sent, Failed):
            return None, None if sent.sent else sent.reason
        reason = _NOT_TAKEN.get(sent.outcome)
        return (sent, None) if reason is None else (None, reason)

    async def check_code(
        self,
        operator_id: str,
        check: CodeCheck,
        timeout: float,  # noqa: ASYNC109
        *,
        agreement_id: str = "",
    ) -> tuple[CodeOutcome | None, str]:
        """Return what the operator says of its code, or None and a reason; the agreement is the order's.

        The code may have been compared all the same, unless the reason is OPERATOR_NOT_CONNECTED.
        """
        return _or_reason(
            await self._ask(
                operator_id,
                "check_code",
                agreement_id,
                lambda backend: backend.check_code(check),
                read_checked,
                timeout,
            )
        )

    async def start_network_check(
        self,
        operator_id: str,
        order: NetworkOrder,
        timeout: float,  # noqa: ASYNC109
    ) -> tuple[NetworkStarted | None, str]:
        """Return a page that is still good, for a day at most, or None and a reason."""
        return _or_reason(
            await self._ask(
                operator_id,
                "start_network_check",
                order.agreement_id,
                lambda backend: backend.start_network_check(order),
                lambda answer: read_started(answer, self._clock.now()),
                timeout,
            )
        )

    async def finish_network_check(
        self,
        operator_id: str,
        offer: NetworkOffer,
        timeout: float,  # noqa: ASYNC109
        *,
        agreement_id: str = "",
    ) -> tuple[NetworkChecked | None, str]:
        """Return what the network found, with its time for MATCH and MISMATCH, or None and a reason.

        The agreement is the one that the page was ordered under.
        The proof may be used up all the same, unless the reason is OPERATOR_NOT_CONNECTED.
        """
        return _or_reason(
            await self._ask(
                operator_id,
                "finish_network_check",
                agreement_id,
                lambda backend: backend.finish_network_check(offer),
                lambda answer: read_network_checked(answer, self._clock.now()),
                timeout,
            )
        )

    async def watch(
        self,
        operator_id: str,
        order: WatchOrder,
        timeout: float,  # noqa: ASYNC109
    ) -> tuple[Watch | None, str]:
        """Return the watch, or None and a reason; the number may be watched all the same."""
        return _or_reason(
            await self._ask(
                operator_id,
                "watch_subscriber",
                order.agreement_id,
                lambda backend: backend.watch_subscriber(order),
                lambda answer: read_watch(answer, self._clock.now()),
                timeout,
            )
        )

    async def unwatch(self, operator_id: str, request_id: str, watch_id: str, timeout: float) -> str:  # noqa: ASYNC109
        """End a watch; return a reason where it may go on, empty where it has ended."""
        ended = await self._ask(
            operator_id,
            "unwatch_subscriber",
            "",
            lambda backend: backend.unwatch_subscriber(request_id, watch_id),
            read_nothing,
            timeout,
        )
        return ended.reason if isinstance(ended, Failed) else ""

    async def events(self, operator_id: str, cursor: str) -> AsyncGenerator[OperatorEvent, None]:
        """Yield an operator's events from a cursor on, until its stream ends; impossible ones are logged and left out.

        Raises `CursorTooOldError` where the cursor is too old and `OperatorError` for whatever else the operator does.
        The consumer closes it (`contextlib.aclosing`); cancelling a pending `anext` ends it too. Events are read ahead,
        a bounded number of them.
        """
        backend = self._operators.get(operator_id)
        if backend is None:
            raise OperatorError(NOT_CONNECTED, f"the operator {operator_id} is not connected")
        stream = OperatorStream(operator_id, backend, self._clock, self._let_go)
        async with aclosing(stream.events(cursor)) as events:
            async for event in events:
                yield event

    async def _fetch_capabilities(self, operator_id: str) -> Capabilities | None:
        told = await self._ask(
            operator_id,
            "capabilities",
            "",
            lambda backend: backend.capabilities(),
            lambda answer: read_capabilities(answer, operator_id),
            CAPABILITIES_TIMEOUT,
        )
        return None if isinstance(told, Failed) else told

    async def _ask(
        self,
        operator_id: str,
        name: str,
        agreement_id: str,
        call: Callable[[OperatorBackend], Awaitable[object]],
        read: Callable[[object], T],
        limit: float,
    ) -> T | Failed:
        """Return the answer as read, or why there is none; raises nothing but our own caller's cancellation."""
        backend = self._operators.get(operator_id)
        if backend is None:
            return Failed(NOT_CONNECTED, sent=False)
        shares = self._shares[operator_id]
        if not shares.take(agreement_id):
            return Failed(OVERLOADED, sent=False)
        circuit = self._circuits.get(operator_id, name, agreement_id)
        admitted = circuit.admit()
        if admitted is None:
            shares.give_back(agreement_id)
            return Failed(CIRCUIT_OPEN, sent=False)
        task = asyncio.create_task(_answer(backend, call, read))
        task.add_done_callback(lambda _: shares.give_back(agreement_id))
        try:
            await asyncio.wait((task,), timeout=limit)
        except asyncio.CancelledError:
            circuit.dropped(admitted)
            raise
        finally:
            self._let_go(task)
        if not task.done():
            answer: T | Failed = Failed(TIMEOUT)
        else:
            # A backend that cancels the task it runs in and returns leaves it canceled.
            answer = Failed(BROKEN_CONTRACT, breach="it canceled itself") if task.cancelled() else task.result()
        failed = answer if isinstance(answer, Failed) else None
        if failed is not None and failed.breach:
            _log.error("operator %s broke its contract in %s: %s", operator_id, name, failed.breach)
        if circuit.done(admitted, failed=failed is not None and failed.unwell):
            _log_turn(operator_id, name, agreement_id, circuit.state, failed)
        return answer

    def _let_go(self, task: asyncio.Task[Any]) -> None:
        """Cancel a call that goes on; what it still comes to is nobody's concern, but the loop holds it weakly."""
        if not task.done():
            self._abandoned.add(task)
            task.add_done_callback(self._abandoned.discard)
            task.cancel()


async def _answer(
    backend: OperatorBackend, call: Callable[[OperatorBackend], Awaitable[object]], read: Callable[[object], T]
) -> T | Failed:
    try:
        return read(await call(backend))
    except BaseException as error:  # noqa: BLE001 - a plugin's SystemExit would end the server, its cancellation the RPC
        return failure_of(error)


def _log_turn(operator_id: str, name: str, agreement_id: str, state: CircuitState, failed: Failed | None) -> None:
    """Log a circuit that opened or closed."""
    under = f" under agreement {agreement_id}" if agreement_id else ""
    reason = "" if failed is None else f" after {failed.reason}"
    _log.warning("operator %s: %s%s is %s%s", operator_id, name, under, state.value, reason)


def _or_reason(answer: T | Failed) -> tuple[T | None, str]:
    return (None, answer.reason) if isinstance(answer, Failed) else (answer, "")
