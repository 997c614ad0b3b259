"""The operator contract, answered by an operator across the wire.

One channel an operator, made at the first call. What an operator may be asked twice: what changes nothing, and, where
it remembers request ids, everything else, once more after UNAVAILABLE and within the call's deadline.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from numseal.adapters.operators.remote import statuses
from numseal.adapters.operators.remote.events_from_wire import event_of
from numseal.adapters.operators.remote.evidence_from_wire import read_lookup_answer
from numseal.adapters.operators.remote.fields import BrokenContractError
from numseal.adapters.operators.remote.from_wire import (
    capabilities_of,
    checked_of,
    finished_of,
    senders_of,
    sent_of,
    started_of,
    watch_of,
)
from numseal.adapters.operators.remote.reachability import Reachability
from numseal.adapters.operators.remote.settings import Settings
from numseal.adapters.operators.remote.statement import check_statement
from numseal.adapters.operators.remote.statuses import Call, failure
from numseal.adapters.operators.remote.to_wire import (
    CONTRACT_VERSION,
    check_request,
    finish_request,
    lookup_request,
    send_request,
    start_request,
    watch_request,
)
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.api.operator.v1.operator_pb2_grpc import OperatorBackendStub
from numseal.domain.evidence import Lookup, Method, Statement
from numseal.domain.operator import (
    Capabilities,
    CodeCheck,
    CodeChecked,
    CodeOrder,
    CodeOutcome,
    CodeSent,
    LookupRequest,
    NetworkChecked,
    NetworkOffer,
    NetworkOrder,
    NetworkStarted,
    OperatorEvent,
    Watch,
    WatchOrder,
)
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import CursorTooOldError, OperatorError

if TYPE_CHECKING:
    from numseal.api.operator.v1.operator_pb2_grpc import OperatorBackendAsyncStub

MAX_MESSAGE = 512 * 1024
"""Bytes of the largest answer; grpc gives up a larger one before it is read."""

PAUSE = 0.05
"""Seconds before a call is tried again."""

_OPTIONS = (
    # Connections, and their waits after a failure, are otherwise shared by address within the process.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 0),
    # An operator that comes back is found again within seconds, not the two minutes that are gRPC's default.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.min_reconnect_backoff_ms", 5_000),
)
_GONE = frozenset({grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN})
_CODE = re.compile(r"[0-9]{4,10}")

A = TypeVar("A")
C = TypeVar("C", pb.LookUpSubscriberResponse, pb.FinishNetworkCheckResponse)

_log = logging.getLogger(__name__)


class RemoteOperator:
    """One operator behind `numseal.api.operator.v1`; implements `ports.operator_backend`.

    Owns its channel, and what the operator last said that it can do.
    """

    def __init__(self, operator_id: str, settings: Settings, clock: Clock, plmns: tuple[str, ...] = ()) -> None:
        """Take the operator's id in the number plan, how it is reached, and the clock; connects at the first call.

        `plmns` are its networks as configured, "MCC-MNC": where it announces others, that is logged.
        """
        self._operator_id = operator_id
        self._settings = settings
        self._clock = clock
        self._metadata = (("authorization", f"Bearer {settings.token}"),) if settings.token else ()
        self._channel: grpc.aio.Channel | None = None
        self._calls: OperatorBackendAsyncStub | None = None
        self._closed = False
        self._plmns = frozenset(plmns)
        self._odd_plmns: frozenset[str] = frozenset()
        self._reachability = Reachability(operator_id, settings.address)
        self._told: Capabilities | None = None
        self._senders: Mapping[Method, frozenset[str]] = {}
        self._skipped = 0

    @property
    def operator_id(self) -> str:
        """The operator's id in the number plan."""
        return self._operator_id

    async def close(self) -> None:
        """End the connection and every call under way; a call made after it is refused as UNAVAILABLE."""
        self._closed = True
        if self._channel is not None:
            await self._channel.close()

    async def capabilities(self) -> Capabilities:
        """Tell what this operator can do."""
        request = pb.GetCapabilitiesRequest(contract_versions=[CONTRACT_VERSION])
        limit = self._settings.capabilities_timeout
        answer = await self._ask(statuses.CAPABILITIES, self._stub.GetCapabilities, request, limit, again=True)
        told = capabilities_of(answer)
        self._told, self._senders = told, senders_of(answer)
        self._compare_networks(frozenset(told.plmns))
        return told

    async def look_up(self, request: LookupRequest) -> Lookup:
        """Return what is known of the number now."""
        message = _written(lookup_request, request)
        limit = self._settings.look_up_timeout
        answer = await self._ask(statuses.LOOK_UP, self._stub.LookUpSubscriber, message, limit, again=self._remembers)
        if not answer.statement and self._settings.statement_keys and await self._signs():
            raise BrokenContractError("statement: is expected of an operator that says that it signs")
        statement, digest = self._statement(answer)
        found = read_lookup_answer(answer, request, self._operator_id, self._clock.now(), exact=bool(statement))
        return replace(found, statement=statement, statement_hash=digest) if statement else found

    async def send_code(self, order: CodeOrder) -> CodeSent:
        """Send a code to the handset; without a connection it certainly is not sent."""
        message = _written(send_request, order, self._settings.template)
        await self._connected()
        message.sender_id = await self._sender(order)
        limit = self._settings.send_timeout
        answer = await self._ask(statuses.SEND, self._stub.SendCode, message, limit, again=self._remembers)
        return sent_of(answer, order)

    async def check_code(self, check: CodeCheck) -> CodeChecked:
        """Compare a code that the operator made; what is no 4 to 10 digits is none, and costs no attempt."""
        if not _CODE.fullmatch(check.code):
            return CodeChecked(CodeOutcome.MISMATCH)
        limit = self._settings.check_timeout
        message = _written(check_request, check)
        return checked_of(await self._ask(statuses.CHECK, self._stub.CheckCode, message, limit, again=self._remembers))

    async def start_network_check(self, order: NetworkOrder) -> NetworkStarted:
        """Open a page that recognises the SIM over mobile data."""
        message = _written(start_request, order)
        limit = self._settings.network_timeout
        return started_of(
            await self._ask(statuses.START, self._stub.StartNetworkCheck, message, limit, again=self._remembers)
        )

    async def finish_network_check(self, offer: NetworkOffer) -> NetworkChecked:
        """Say whether the SIM that opened the page has the number."""
        message = _written(finish_request, offer)
        limit = self._settings.network_timeout
        answer = await self._ask(statuses.FINISH, self._stub.FinishNetworkCheck, message, limit, again=self._remembers)
        statement, digest = self._statement(answer)
        return replace(finished_of(answer, offer), statement=statement, statement_hash=digest)

    async def watch_subscriber(self, order: WatchOrder) -> Watch:
        """Begin to send events about a number."""
        message = _written(watch_request, order)
        limit = self._settings.watch_timeout
        return watch_of(
            await self._ask(statuses.WATCH, self._stub.WatchSubscriber, message, limit, again=self._remembers)
        )

    async def unwatch_subscriber(self, request_id: str, watch_id: str) -> None:
        """End a watch; one that has ended, or never was, is no error."""
        message = pb.UnwatchSubscriberRequest(request_id=request_id, watch_id=watch_id)
        limit = self._settings.watch_timeout
        await self._ask(statuses.UNWATCH, self._stub.UnwatchSubscriber, message, limit, again=True)

    async def stream_events(self, cursor: str) -> AsyncGenerator[OperatorEvent, None]:
        """Stream the events of all watches and deliveries after a cursor; one that cannot be is logged and left out."""
        call = self._stub.StreamEvents(pb.StreamEventsRequest(cursor=cursor), metadata=self._metadata)
        try:
            while (answer := await self._read(call)) is not grpc.aio.EOF:
                event = self._event(answer)
                if event is not None:
                    yield event
        finally:
            call.cancel()

    async def _read(self, call: Any) -> Any:
        try:
            answer = await call.read()
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.OUT_OF_RANGE:
                raise CursorTooOldError from None
            if not self._closed:
                self._reachability.failed(error, self._channel)
            raise failure(statuses.STREAM, error) from None
        except asyncio.CancelledError:
            self._end_of(statuses.STREAM)
            raise
        if answer is not grpc.aio.EOF:
            self._reachability.reached()
        return answer

    def _event(self, answer: pb.StreamEventsResponse | None) -> OperatorEvent | None:
        try:
            # grpc hands over None for what is no message.
            if answer is None:
                raise BrokenContractError("StreamEventsResponse: is expected")  # noqa: TRY301 - one way to skip
            return event_of(answer.event)
        except BrokenContractError as error:
            self._skipped += 1
            # Of many in a row the 1st, 2nd, 4th, 8th are told.
            if self._skipped & (self._skipped - 1) == 0:
                _log.error("operator %s: an event is skipped, %d so far: %s", self._operator_id, self._skipped, error)
            return None

    @property
    def _remembers(self) -> bool:
        """Whether the operator has said that a request_id that it knows changes nothing more."""
        return self._told is not None and self._told.idempotent

    async def _signs(self) -> bool:
        return (self._told or await self.capabilities()).signs_statements

    async def _sender(self, order: CodeOrder) -> str:
        """Return the sender of an order where the operator announces it for the method, else empty: its own."""
        if order.sender_id and self._told is None:
            # A code is worth more than its sender: where nothing is announced in time, the operator's own is shown.
            with suppress(OperatorError, BrokenContractError):
                await self.capabilities()
        return order.sender_id if order.sender_id in self._senders.get(order.method, ()) else ""

    def _compare_networks(self, announced: frozenset[str]) -> None:
        """Log networks that are not those of the configuration, once until they change."""
        odd = announced if self._plmns and announced != self._plmns else frozenset[str]()
        if odd and odd != self._odd_plmns:
            _log.warning(
                "operator %s: announces the networks %s, the configuration has %s (operators[].plmns)",
                self._operator_id,
                ", ".join(sorted(announced)),
                ", ".join(sorted(self._plmns)),
            )
        self._odd_plmns = odd

    def _statement(self, answer: C) -> tuple[Statement, str]:
        """Return an answer's statement and its hash once it is checked; empty where nobody can check it."""
        if not answer.statement or not self._settings.statement_keys:
            return Statement(""), ""
        digest = check_statement(answer, self._settings.statement_keys)
        return Statement(answer.statement), digest

    @property
    def _stub(self) -> "OperatorBackendAsyncStub":
        if self._closed:
            raise OperatorError("UNAVAILABLE", f"the connection to the operator {self._operator_id} was closed")
        if self._calls is None:
            self._channel = self._open()
            self._calls = OperatorBackendStub(self._channel)
        return self._calls

    def _open(self) -> grpc.aio.Channel:
        settings = self._settings
        if not settings.tls:
            return grpc.aio.insecure_channel(settings.address, options=_OPTIONS)
        credentials = grpc.ssl_channel_credentials(
            settings.authorities or None, settings.key or None, settings.certificate or None
        )
        name = (("grpc.ssl_target_name_override", settings.server_name),) if settings.server_name else ()
        return grpc.aio.secure_channel(settings.address, credentials, options=(*_OPTIONS, *name))

    async def _connected(self) -> None:
        """Wait for a connection: what fails before there is one has certainly not been asked."""
        assert self._stub is not None  # noqa: S101 - opens the channel
        channel = self._channel
        assert channel is not None  # noqa: S101 - for the type checker
        state = channel.get_state(try_to_connect=True)
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                while state is not grpc.ChannelConnectivity.READY:
                    if state in _GONE:
                        self._reachability.without_connection()
                        raise OperatorError("UNAVAILABLE", f"there is no connection to operator {self._operator_id}")
                    await channel.wait_for_state_change(state)
                    state = channel.get_state(try_to_connect=True)
        except TimeoutError:
            self._reachability.without_connection()
            sentence = f"no connection to operator {self._operator_id} came about in time"
            raise OperatorError("UNAVAILABLE", sentence) from None

    async def _ask(self, call: Call, method: Any, request: Any, limit: float, *, again: bool) -> Any:
        """Return the answer; try again once where that does no harm. Raises `OperatorError`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + limit
        try:
            return await self._once(call, method, request, limit)
        except OperatorError as error:
            left = end - loop.time() - PAUSE
            if not again or error.reason != "UNAVAILABLE" or left <= 0 or self._closed:
                raise
        await asyncio.sleep(PAUSE)
        try:
            return await self._once(call, method, request, left)
        except OperatorError as error:
            # Whatever became of the second try, the first may have been taken.
            error.sent = True
            raise

    async def _once(self, call: Call, method: Any, request: Any, limit: float) -> Any:
        try:
            answer = await method(request, timeout=limit, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            if not self._closed:
                self._reachability.failed(error, self._channel)
            raise failure(call, error) from None
        except (asyncio.CancelledError, grpc.aio.UsageError):
            self._end_of(call)
            raise
        self._reachability.reached()
        if answer is None:
            # So grpc hands over bytes that are no message.
            raise BrokenContractError(f"{call.name}: an answer of the contract is expected")
        return answer

    def _end_of(self, call: Call) -> None:
        """Raise `OperatorError` where a call was ended by `close`, and not by its caller."""
        task = asyncio.current_task()
        if self._closed and not (task is not None and task.cancelling()):
            sentence = f"{call.name}: the connection to operator {self._operator_id} was closed"
            raise OperatorError("UNAVAILABLE", sentence, sent=True) from None


def _written(write: Any, *question: Any) -> Any:
    """Return a question as a request; raise `OperatorError` where the contract has no words for it."""
    try:
        return write(*question)
    except (ValueError, TypeError, KeyError):
        sentence = "the question cannot be put as the contract has it: a text, a time or a name is out of bounds"
        raise OperatorError("REQUEST_REFUSED", sentence) from None
