"""One CTRL connection with many questions under way, matched to their answers by id.

Only what one connection does lives here; when to make another is for the pool. Whatever ends it ends every question on
it. Nothing that is received is logged or told.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, cast

from numseal.adapters.operators.osmo_hlr.ctrl import (
    MAX_ID,
    CtrlError,
    Found,
    FrameReader,
    question,
    read_answer,
    variable,
)
from numseal.adapters.operators.osmo_hlr.record import Record, read_record
from numseal.ports.operator_backend import OperatorError


class ConnectionEndedError(Exception):
    """The connection ended before the answer came; the message says how. The question may be put on another."""


class _Asked(NamedTuple):
    digits: str
    variable: str
    time: float
    answer: "asyncio.Future[Record | None]"


class Connection(asyncio.Protocol):
    """Owns a socket, the questions under way on it, and a timer for the oldest of them.

    A question whose asker has left stays under way until its answer comes. Questions are so few and small, by the
    pool's bound, that none waits for the socket to take it.
    """

    def __init__(self, patience: float, progressed: Callable[["Connection"], None]) -> None:
        """Take how long an HLR may leave a question unanswered, seconds, and what to call after answers and the end."""
        self._patience = patience
        self._progressed = progressed
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader()
        self._asked: dict[int, _Asked] = {}
        self._last_id = 0
        self._to_send: list[bytes] = []
        self._transport: asyncio.WriteTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._end = ""
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self.answered = False

    @property
    def under_way(self) -> int:
        """How many questions have no answer yet."""
        return len(self._asked)

    @property
    def open(self) -> bool:
        """Whether questions can be put."""
        return self._transport is not None

    async def ask(self, digits: str) -> Record | None:
        """Return the record of a number (digits without +), None where the HLR has none.

        Raises `OperatorError` for what the HLR said and `ConnectionEndedError` where it says nothing more.
        """
        if self._transport is None:
            raise ConnectionEndedError(self._end)
        name = variable(digits)
        self._last_id = self._last_id % MAX_ID + 1
        answer: asyncio.Future[Record | None] = self._loop.create_future()
        now = self._loop.time()
        self._asked[self._last_id] = _Asked(digits, name, now, answer)
        if not self._to_send:
            self._loop.call_soon(self._send)
        self._to_send.append(question(self._last_id, name))
        if self._timer is None:
            self._timer = self._loop.call_at(now + self._patience, self._look_at_oldest)
        return await answer

    def end(self, how: str) -> None:
        """Close at once, without waiting for what is under way; a second time does nothing."""
        self._finish(how, ConnectionEndedError)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin (asyncio)."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's transports are no subclass of it

    def data_received(self, data: bytes) -> None:
        """Give answers to whoever asked (asyncio); anything amiss ends the connection, since it is out of step."""
        try:
            for text in self._reader.feed(data):
                self._take(text)
        except CtrlError as error:
            self._finish(f"the HLR sent {error}", lambda how: OperatorError("BROKEN_CONTRACT", how))
        else:
            self._progressed(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End (asyncio)."""
        self.end("the HLR closed the connection" if exc is None else f"the connection broke: {type(exc).__name__}")
        self.ended.set_result(self._end)

    def _send(self) -> None:
        """Write what was asked in this turn of the loop at once: a call of the system costs more than a lookup."""
        if self._transport is not None:
            self._transport.write(b"".join(self._to_send))
        self._to_send.clear()

    def _take(self, text: bytes) -> None:
        said = read_answer(text)
        if said is None:
            return
        asked = self._asked.get(said.request_id)
        if asked is None:
            raise CtrlError("an answer to no question under way")
        record: Record | None = None
        error: OperatorError | None = None
        if isinstance(said, Found):
            if said.variable != asked.variable:
                raise CtrlError("an answer about another number than was asked for")
            record = read_record(said.value, asked.digits)
        elif not said.no_subscriber:
            error = OperatorError("HLR_ERROR", "the HLR answered the lookup with an error of its own")
        del self._asked[said.request_id]
        self.answered = True
        if asked.answer.done():
            return
        if error is None:
            asked.answer.set_result(record)
        else:
            asked.answer.set_exception(error)

    def _finish(self, how: str, error: Callable[[str], Exception]) -> None:
        if self._transport is None:
            return
        self._transport.abort()
        self._transport = None
        self._end = how
        if self._timer is not None:
            self._timer.cancel()
        for asked in self._asked.values():
            if not asked.answer.done():
                asked.answer.set_exception(error(how))
        self._asked.clear()
        self._progressed(self)

    def _look_at_oldest(self) -> None:
        """End a connection that leaves a question unanswered: a frozen HLR keeps its sockets."""
        self._timer = None
        oldest = next(iter(self._asked.values()), None)
        if oldest is None:
            return
        limit = oldest.time + self._patience
        if limit > self._loop.time():
            self._timer = self._loop.call_at(limit, self._look_at_oldest)
        else:
            self.end("the HLR left a question unanswered")
