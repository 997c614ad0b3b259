"""The connections to one HLR: which one a question goes to, who waits, and when the next attempt to connect is made.

Nothing of the protocol lives here, nor of subscribers.
"""

import asyncio
import os
from collections import deque
from contextlib import suppress

from numseal.adapters.operators.osmo_hlr.connection import Connection, ConnectionEndedError
from numseal.adapters.operators.osmo_hlr.record import Record
from numseal.adapters.operators.osmo_hlr.settings import Settings
from numseal.ports.operator_backend import OperatorError

_ATTEMPTS = 2
_MOST_DOUBLINGS = 16


class Pool:
    """Owns the connections, a task for each that keeps it up, and the line of those who wait.

    Made at the first question, kept up until `close`. A question waits, in turn, while none is up or all are busy; it
    never outlives its deadline, and is refused at once where waiting is in vain. One whose connection ended under it is
    put once more, in what time it has left: asking changes nothing in the HLR.
    """

    def __init__(self, settings: Settings) -> None:
        """Begin without connections."""
        self._settings = settings
        self._where = f"the HLR at {settings.host}:{settings.port}"
        self._up: list[Connection] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._next_attempts = [0.0] * settings.connections
        self._line: deque[asyncio.Future[None]] = deque()
        self._called = 0
        self._fault = "there is no connection yet"
        self._closed = False

    async def ask(self, digits: str) -> Record | None:
        """Return the record of a number (digits without +), None where the HLR has none; raise `OperatorError`.

        UNAVAILABLE, TIMEOUT and OVERLOADED may pass; BROKEN_CONTRACT and HLR_ERROR tell what the HLR answered.
        """
        self._start()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.answer_timeout
        connection = None if self._line else self._free()
        if connection is None:
            return await self._ask_in_turn(digits, deadline, _ATTEMPTS)
        try:
            # Without a timer of its own: a connection ends by itself when its oldest question is due.
            return await connection.ask(digits)
        except ConnectionEndedError as ended:
            self._fault = str(ended)
        if loop.time() >= deadline:
            raise self._timeout()
        return await self._ask_in_turn(digits, deadline, _ATTEMPTS - 1)

    async def close(self) -> None:
        """End all connections; who waits gets an `OperatorError`, as does who asks after."""
        self._closed = True
        self._fault = "the adapter was closed"
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._call_all()

    async def _ask_in_turn(self, digits: str, deadline: float, attempts: int) -> Record | None:
        connection: Connection | None = None
        try:
            async with asyncio.timeout_at(deadline):
                for _ in range(attempts):
                    connection = None
                    connection = await self._turn(deadline)
                    try:
                        return await connection.ask(digits)
                    except ConnectionEndedError as ended:
                        self._fault = str(ended)
        except TimeoutError:
            if connection is not None or self._up:
                raise self._timeout() from None
        raise self._unavailable()

    def _start(self) -> None:
        if self._closed:
            raise self._unavailable()
        if not self._keepers:
            self._keepers = [asyncio.create_task(self._keep(number)) for number in range(len(self._next_attempts))]

    def _free(self) -> Connection | None:
        """Return the least busy connection, None where none is up or the bound is reached."""
        if not self._up or self._room() <= 0:
            return None
        least = self._up[0]
        for connection in self._up:
            if connection.under_way < least.under_way:
                least = connection
        return least

    def _room(self) -> int:
        """Return how many questions more may be under way, those included who were called and come next."""
        room = self._settings.in_flight - self._called
        for connection in self._up:
            room -= connection.under_way
        return room

    async def _turn(self, deadline: float) -> Connection:
        """Wait in line for a connection that can be asked; raise `OperatorError`."""
        while True:
            self._refuse_in_vain(deadline)
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._line.append(place)
            self._call_next()
            try:
                await place
            except asyncio.CancelledError:
                if place.cancelled():
                    with suppress(ValueError):
                        self._line.remove(place)
                else:
                    # Called and canceled at once: the turn is the next one's.
                    self._called -= 1
                    self._call_next()
                raise
            self._called -= 1
            connection = self._free()
            if connection is not None:
                return connection

    def _refuse_in_vain(self, deadline: float) -> None:
        """Raise `OperatorError` where no turn can come in time."""
        if self._closed or (not self._up and min(self._next_attempts) > deadline):
            raise self._unavailable()
        if len(self._line) >= self._settings.waiting:
            raise OperatorError("OVERLOADED", f"{len(self._line)} lookups wait for {self._where} already")

    def _call_next(self) -> None:
        """Call as many in line as there is room for."""
        while self._line and self._up and self._room() > 0:
            self._call()

    def _call_all(self) -> None:
        """Have all in line look again whether they wait in vain."""
        while self._line:
            self._call()

    def _call(self) -> None:
        place = self._line.popleft()
        if not place.cancelled():
            self._called += 1
            place.set_result(None)

    def _timeout(self) -> OperatorError:
        return OperatorError("TIMEOUT", f"{self._where} did not answer in time")

    def _unavailable(self) -> OperatorError:
        return OperatorError("UNAVAILABLE", f"{self._where} cannot be asked: {self._fault}")

    async def _keep(self, number: int) -> None:
        """Keep one connection up: connect, wait for its end, back off while that does not help."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            self._next_attempts[number] = 0.0
            try:
                answered = await self._connection()
            except (OSError, TimeoutError) as error:
                answered = False
                self._fault = f"connecting failed: {os.strerror(error.errno) if error.errno else 'it took too long'}"
            failures = 0 if answered else failures + 1
            if failures:
                doubled = self._settings.least_backoff * 2 ** min(failures - 1, _MOST_DOUBLINGS)
                pause = min(doubled, self._settings.most_backoff)
                self._next_attempts[number] = loop.time() + pause
                self._call_all()
                await asyncio.sleep(pause)

    async def _connection(self) -> bool:
        """Have one connection up until it ends; return whether anything was answered on it."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(settings.connect_timeout):
            _, connection = await loop.create_connection(
                lambda: Connection(settings.answer_timeout, self._progressed), settings.host, settings.port
            )
        try:
            if connection.open:
                self._up.append(connection)
                self._call_next()
            self._fault = await asyncio.shield(connection.ended)
        finally:
            connection.end(self._fault)
            await asyncio.shield(connection.ended)
        return connection.answered

    def _progressed(self, connection: Connection) -> None:
        if not connection.open and connection in self._up:
            self._up.remove(connection)
        self._call_next()
