"""Ask an operator: the one place where a backend's answer is distrusted, and where its failures become plain values.

A backend is a plugin and runs in a task of its own. Whatever it does there (never return, swallow its cancellation,
raise anything, cancel itself) the use case gets an answer that was read strictly, or a reason.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from traceback import walk_tb
from typing import Any, TypeVar

from numseal.domain.evidence import Lookup, LookupOutcome
from numseal.domain.operator import CodeCheck, CodeOrder, CodeOutcome, CodeSent, LookupRequest, SendOutcome
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorBackend, OperatorError
from numseal.usecases.operator_answers import ImpossibleAnswer, read_checked, read_lookup, read_reason, read_sent

NOT_CONNECTED = "OPERATOR_NOT_CONNECTED"
TIMEOUT = "TIMEOUT"
BROKEN_CONTRACT = "BROKEN_CONTRACT"

_NOT_TAKEN = {
    SendOutcome.NOT_OURS: "NUMBER_NOT_SERVED",
    SendOutcome.BARRED: "NUMBER_BARRED",
    SendOutcome.LINE_TYPE: "LINE_TYPE_NOT_SERVED",
    SendOutcome.CONTENT: "TEXT_REFUSED",
    SendOutcome.THROTTLED: "OPERATOR_THROTTLED",
}

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Failed:
    """No answer: why, whether a code may be under way all the same, and for the log how the contract was broken."""

    reason: str
    sent: bool = True
    breach: str = ""


class AskOperator:
    """Puts questions to operators by their ids. Owns the calls that it gave up and that have not ended yet."""

    def __init__(self, operators: Mapping[str, OperatorBackend], clock: Clock) -> None:
        """Take the operators by their ids."""
        self._operators = operators
        self._clock = clock
        self._abandoned: set[asyncio.Task[Any]] = set()

    async def look_up(self, operator_id: str, request: LookupRequest, timeout: float) -> Lookup:  # noqa: ASYNC109
        """Return the answer at our own time, UNANSWERED where none came in `timeout` seconds or it cannot be."""
        found = await self._ask(
            operator_id,
            "look_up",
            lambda backend: backend.look_up(request),
            lambda answer: read_lookup(answer, self._clock.now()),
            timeout,
        )
        if isinstance(found, _Failed):
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
            lambda backend: backend.send_code(order),
            lambda answer: read_sent(answer, self._clock.now()),
            timeout,
        )
        if isinstance(sent, _Failed):
            return None, None if sent.sent else sent.reason
        reason = _NOT_TAKEN.get(sent.outcome)
        return (sent, None) if reason is None else (None, reason)

    async def check_code(
        self,
        operator_id: str,
        check: CodeCheck,
        timeout: float,  # noqa: ASYNC109
    ) -> tuple[CodeOutcome | None, str]:
        """Return what the operator says of its code, or None and a reason.

        The code may have been compared all the same, unless the reason is OPERATOR_NOT_CONNECTED.
        """
        outcome = await self._ask(
            operator_id, "check_code", lambda backend: backend.check_code(check), read_checked, timeout
        )
        return (None, outcome.reason) if isinstance(outcome, _Failed) else (outcome, "")

    async def _ask(
        self,
        operator_id: str,
        name: str,
        call: Callable[[OperatorBackend], Awaitable[object]],
        read: Callable[[object], T],
        limit: float,
    ) -> T | _Failed:
        """Return the answer as read, or why there is none; raises nothing but our own caller's cancellation."""
        backend = self._operators.get(operator_id)
        if backend is None:
            return _Failed(NOT_CONNECTED, sent=False)
        task = asyncio.create_task(_answer(backend, call, read))
        try:
            await asyncio.wait((task,), timeout=limit)
        finally:
            if not task.done():
                # The loop holds its tasks weakly; what this one still comes to is nobody's concern.
                self._abandoned.add(task)
                task.add_done_callback(self._abandoned.discard)
                task.cancel()
        if not task.done():
            return _Failed(TIMEOUT)
        # A backend that cancels the task it runs in and returns leaves it canceled.
        answer = _Failed(BROKEN_CONTRACT, breach="it canceled itself") if task.cancelled() else task.result()
        if isinstance(answer, _Failed) and answer.breach:
            _log.error("operator %s broke its contract in %s: %s", operator_id, name, answer.breach)
        return answer


async def _answer(
    backend: OperatorBackend, call: Callable[[OperatorBackend], Awaitable[object]], read: Callable[[object], T]
) -> T | _Failed:
    try:
        try:
            return read(await call(backend))
        except OperatorError as error:
            return _Failed(read_reason(error.reason, ours={NOT_CONNECTED}), sent=error.sent is not False)
    except ImpossibleAnswer as error:
        return _Failed(BROKEN_CONTRACT, breach=str(error))
    except BaseException as error:  # noqa: BLE001 - a plugin's SystemExit would end the server, its cancellation the RPC
        return _Failed(BROKEN_CONTRACT, breach=_raised(error))


def _raised(error: BaseException) -> str:
    """Tell an exception by its type and place; its message may hold what was asked or answered."""
    place = ""
    for frame, line in walk_tb(error.__traceback__):
        place = f"{PurePath(frame.f_code.co_filename).name}:{line}"
    return f"{type(error).__name__} at {place}"
