"""One SMPP session: bound as a transceiver over one connection, until it ends.

It numbers requests, keeps the window, waits for responses, answers what the SMSC asks and enquires whether it lives.
What a response or a message means is for others; a session that has ended is never used again.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import cast

from numseal.adapters.operators.smpp.commands import RESPONSE, Command, Status
from numseal.adapters.operators.smpp.pdu import (
    Address,
    MalformedPduError,
    Message,
    Pdu,
    Splitter,
    bind_body,
    encode,
    read_data,
    read_id,
    read_message,
)
from numseal.adapters.operators.smpp.settings import Settings, SmscSettings
from numseal.adapters.operators.smpp.statuses import Submitted, named

UNBIND_TIMEOUT = 1.0
"""Seconds that an SMSC has to answer an unbind before the connection is closed all the same."""

CLOSE_TIMEOUT = 1.0
"""Seconds that a connection has to close in order before it is cut."""

_MAX_SEQUENCE = 0x7FFF_FFFF

_log = logging.getLogger(__name__)


class BindError(Exception):
    """The SMSC did not bind us: unreachable, silent, or it refused; `refused` where it did so by its own word."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        """Take what happened."""
        super().__init__(message)
        self.refused = refused


class ResponseTimeoutError(Exception):
    """A request was written and not answered in time."""


class SessionEndedError(Exception):
    """The session ended; `written` tells whether the request was written before."""

    def __init__(self, message: str, *, written: bool) -> None:
        """Take why."""
        super().__init__(message)
        self.written = written


class Session(asyncio.Protocol):
    """A connection to an SMSC. Owns its window, the requests that wait for a response, and its timers."""

    def __init__(self, name: str, settings: Settings, on_message: Callable[[Message], None]) -> None:
        """Take the SMSC's name for the log, and who takes what it delivers."""
        self._name = name
        self._settings = settings
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._splitter = Splitter()
        self._transport: asyncio.Transport | None = None
        self._sequence = 0
        self._waiting: dict[int, tuple[int, asyncio.Future[Pdu], asyncio.TimerHandle]] = {}
        self._window = asyncio.Semaphore(settings.window)
        self._out: list[bytes] = []
        self._flushing = False
        self._heard = self._loop.time()
        self._cut: asyncio.TimerHandle | None = None
        self._enquiry: asyncio.TimerHandle | None = None
        self._enquiring: asyncio.Task[None] | None = None
        self._why = ""
        self.ended: asyncio.Future[str] = self._loop.create_future()
        """Done once the connection is closed; why."""

    # What its owner asks of it.

    @classmethod
    async def open(
        cls,
        smsc: SmscSettings,
        settings: Settings,
        tls: ssl.SSLContext | None,
        on_message: Callable[[Message], None],
    ) -> "Session":
        """Connect and bind within `connect_timeout`; raise `BindError`."""
        session = cls(smsc.name, settings, on_message)
        try:
            async with asyncio.timeout(settings.connect_timeout):
                await session._loop.create_connection(
                    lambda: session,
                    smsc.host,
                    smsc.port,
                    ssl=tls,
                    server_hostname=(smsc.server_name or smsc.host) if tls else None,
                )
                await session._bind(smsc)
        except (TimeoutError, ResponseTimeoutError) as error:
            await session._shut("it did not bind us in time")
            raise BindError(f"no bind within {settings.connect_timeout} s") from error
        except (OSError, ssl.SSLError) as error:
            raise BindError(f"no connection: {error}") from error
        except SessionEndedError as error:
            raise BindError(f"the connection closed before the bind was answered: {error}") from error
        except BaseException:
            await session._shut("the bind was given up")
            raise
        return session

    async def submit(self, body: bytes, timeout: float) -> Submitted:  # noqa: ASYNC109
        """Send a submit_sm once the window has room; return the response.

        Raises `TimeoutError` where nothing was written within `timeout` seconds, `ResponseTimeoutError` where it was
        and nothing was answered within the response timeout, and `SessionEndedError`.
        """
        if self._window.locked():
            async with asyncio.timeout(timeout):
                await self._window.acquire()
        else:
            await self._window.acquire()
        try:
            response = await self._request(Command.SUBMIT_SM, body)
            return Submitted(response.status, "" if response.status else read_id(response.body))
        except MalformedPduError as error:
            self._refuse(error, 0)
            raise SessionEndedError("the SMSC sent a response that cannot be read", written=True) from error
        finally:
            self._window.release()

    @property
    def closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport is None or self._transport.is_closing()

    async def close(self) -> None:
        """Unbind, and close the connection whether that is answered or not."""
        with suppress(TimeoutError, ResponseTimeoutError, SessionEndedError):
            async with asyncio.timeout(UNBIND_TIMEOUT):
                await self._request(Command.UNBIND)
        await self._shut("it was closed")

    def end(self, why: str) -> None:
        """Close the connection now; what waits for a response has none."""
        self._why = self._why or why
        if self._transport is not None and self._cut is None:
            self._flush()
            self._transport.close()
            self._cut = self._loop.call_later(CLOSE_TIMEOUT, self._transport.abort)

    # What asyncio tells it.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take whole PDUs; one that is malformed ends the session."""
        self._heard = self._loop.time()
        sequence = 0
        try:
            for pdu in self._splitter.feed(data):
                sequence = pdu.sequence
                self._take(pdu)
                if self.closing:
                    break
        except MalformedPduError as error:
            self._refuse(error, sequence)
        self._flush()

    def pause_writing(self) -> None:
        """Read nothing while the SMSC does not: every message it sends is answered."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """End: whoever waits for a response will have none."""
        self._why = self._why or (f"the connection broke: {error}" if error else "the SMSC closed the connection")
        for pending in (self._cut, self._enquiry):
            if pending is not None:
                pending.cancel()
        waiting, self._waiting = self._waiting, {}
        for _, response, timer in waiting.values():
            timer.cancel()
            if not response.done():
                response.set_exception(SessionEndedError(self._why, written=True))
        if not self.ended.done():
            self.ended.set_result(self._why)

    # How it is done.

    async def _bind(self, smsc: SmscSettings) -> None:
        address = Address(smsc.bind_ton, smsc.bind_npi, smsc.address_range)
        body = bind_body(smsc.system_id, smsc.password, smsc.system_type, address)
        response = await self._request(Command.BIND_TRANSCEIVER, body)
        if response.status:
            await self._shut("it refused the bind")
            raise BindError(f"the SMSC refused the bind: {named(response.status)}", refused=True)
        self._enquire_later()

    async def _shut(self, why: str) -> None:
        """Close the connection, if there is one, and return once it is."""
        self.end(why)
        if self._transport is not None:
            await asyncio.shield(self.ended)

    async def _request(self, command: Command, body: bytes = b"") -> Pdu:
        """Send a request and return its response; raise `ResponseTimeoutError` or `SessionEndedError`."""
        if self.closing:
            raise SessionEndedError(self._why or "the connection is closed", written=False)
        self._sequence = self._sequence % _MAX_SEQUENCE + 1
        sequence = self._sequence
        response: asyncio.Future[Pdu] = self._loop.create_future()
        timer = self._loop.call_later(self._settings.response_timeout, self._expire, sequence)
        self._waiting[sequence] = (command | RESPONSE, response, timer)
        self._send(command, sequence, body)
        try:
            return await response
        finally:
            timer.cancel()
            self._waiting.pop(sequence, None)

    def _expire(self, sequence: int) -> None:
        _, response, _ = self._waiting.pop(sequence)
        if not response.done():
            response.set_exception(ResponseTimeoutError(f"no response within {self._settings.response_timeout} s"))

    def _take(self, pdu: Pdu) -> None:
        """Do what a PDU asks for; raise `MalformedPduError`."""
        if pdu.command & RESPONSE:
            self._take_response(pdu)
        elif pdu.command == Command.DELIVER_SM:
            message = read_message(pdu.body)
            # Also what nobody here waits for: an SMSC repeats a message for ever that is not taken.
            self._send(Command.DELIVER_SM_RESP, pdu.sequence, b"\0")
            self._on_message(message)
        elif pdu.command == Command.DATA_SM:
            message = read_data(pdu.body)
            self._send(Command.DATA_SM_RESP, pdu.sequence, b"\0")
            self._on_message(message)
        elif pdu.command == Command.ENQUIRE_LINK:
            self._send(Command.ENQUIRE_LINK_RESP, pdu.sequence)
        elif pdu.command == Command.UNBIND:
            self._send(Command.UNBIND_RESP, pdu.sequence)
            self.end("the SMSC unbound us")
        elif pdu.command != Command.ALERT_NOTIFICATION:
            self._send(Command.GENERIC_NACK, pdu.sequence, status=Status.RINVCMDID)

    def _take_response(self, pdu: Pdu) -> None:
        waiting = self._waiting.get(pdu.sequence)
        if waiting is None:
            # Answered twice, or too late.
            if pdu.command == Command.GENERIC_NACK and pdu.sequence == 0:
                self.end(f"the SMSC could not read a PDU: {named(pdu.status)}")
            return
        expected, response, _ = waiting
        if pdu.command not in {expected, Command.GENERIC_NACK}:
            raise MalformedPduError(
                f"response {pdu.command:#010x}, expected {expected:#010x} of this sequence", Status.RINVCMDID
            )
        if pdu.command == Command.GENERIC_NACK and not pdu.status:
            pdu = replace(pdu, status=Status.RUNKNOWNERR)
        if not response.done():
            response.set_result(pdu)

    def _refuse(self, error: MalformedPduError, sequence: int) -> None:
        """Tell the SMSC that it sent no PDU (§4.3), and end: where the next one begins is not known any more."""
        _log.error("SMSC %s sent what is no PDU: %s; the session is closed", self._name, error)
        self._send(Command.GENERIC_NACK, sequence, status=error.status)
        self.end(f"the SMSC sent what is no PDU: {error}")

    def _send(self, command: int, sequence: int, body: bytes = b"", status: int = Status.ROK) -> None:
        """Write a PDU, together with all others of this turn of the loop."""
        self._out.append(encode(command, sequence, body, status))
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        out, self._out = self._out, []
        if out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(out))

    def _enquire_later(self) -> None:
        interval = self._settings.enquire_interval
        silent = self._loop.time() - self._heard
        if silent < interval:
            self._enquiry = self._loop.call_later(interval - silent, self._enquire_later)
        elif not self.closing:
            self._enquiring = self._loop.create_task(self._enquire())

    async def _enquire(self) -> None:
        """Ask whether the link lives; end the session where nothing answers."""
        try:
            await self._request(Command.ENQUIRE_LINK)
        except ResponseTimeoutError:
            self.end("the SMSC answers no enquire_link")
        except SessionEndedError:
            return
        else:
            self._enquire_later()
