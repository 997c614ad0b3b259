"""A backend put on the wire: any `OperatorBackend` as a servicer of `numseal.api.operator.v1`.

What lives here is the frame of a call: the request read strictly, the backend asked, its refusals told as the
contract's statuses. What an operator answers is the backend's own.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, NoReturn, TypeVar, cast

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from numseal.adapters.operators.remote.events_to_wire import event_message
from numseal.adapters.operators.remote.evidence_to_wire import lookup_message
from numseal.adapters.operators.remote.fields import BrokenContractError
from numseal.adapters.operators.remote.questions_from_wire import (
    check_question,
    cursor_question,
    lookup_question,
    network_question,
    offer_question,
    order_question,
    unwatch_question,
    watch_question,
)
from numseal.adapters.operators.remote.statement import Signer
from numseal.adapters.operators.remote.statuses import DETAILS, NOT_OURS
from numseal.adapters.operators.remote.to_wire import (
    capabilities_message,
    checked_message,
    finished_message,
    sent_message,
    started_message,
    watch_message,
)
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.api.operator.v1.operator_pb2_grpc import OperatorBackendServicer, add_OperatorBackendServicer_to_server
from numseal.domain.operator import CodeSent, SendOutcome
from numseal.ports.operator_backend import CursorTooOldError, OperatorBackend, OperatorError

SERVICE = pb.DESCRIPTOR.services_by_name["OperatorBackend"].full_name

DOMAIN = "numseal"
"""Domain of the reasons in ErrorInfo (AIP-193)."""

_NONE: Mapping[str, str] = {}
_Context = grpc.aio.ServicerContext[Any, Any]
_OF_THE_QUESTION = frozenset({NOT_OURS, "REQUEST_REFUSED", "REQUEST_ID_REUSED", "KINDS_MALFORMED"})
_OF_THE_RATE = frozenset({"RATE_EXCEEDED", "TOO_MANY_WATCHES"})

A = TypeVar("A")

_log = logging.getLogger(__name__)


class ServedOperator(OperatorBackendServicer):
    """Serves one backend; owns nothing. Rates are the backend's to keep, credentials the server's to ask for."""

    def __init__(
        self, backend: OperatorBackend, *, signer: Signer | None = None, sources: Mapping[str, str] = _NONE
    ) -> None:
        """Take the backend, who signs its answers if anybody does, and the source that it names for each signal."""
        self._backend = backend
        self._signer = signer
        self._sources = sources

    def add_to(self, server: grpc.aio.Server) -> None:
        """Add the service to a server."""
        add_OperatorBackendServicer_to_server(self, server)

    async def GetCapabilities(  # noqa: N802
        self, request: pb.GetCapabilitiesRequest, context: Any
    ) -> pb.GetCapabilitiesResponse:
        """Tell what the backend can do."""

        async def ask() -> pb.GetCapabilitiesResponse:
            if not request.contract_versions:
                raise BrokenContractError("contract_versions: at least one is expected")
            told = await self._backend.capabilities()
            return capabilities_message(told, self._sources, signs=self._signer is not None)

        return await _framed(context, ask)

    async def LookUpSubscriber(  # noqa: N802
        self, request: pb.LookUpSubscriberRequest, context: Any
    ) -> pb.LookUpSubscriberResponse:
        """Look a number up."""

        async def ask() -> pb.LookUpSubscriberResponse:
            question = lookup_question(request)
            answer = lookup_message(await self._backend.look_up(question), question)
            if self._signer is not None:
                self._signer.sign(answer)
            return answer

        return await _framed(context, ask)

    async def SendCode(self, request: pb.SendCodeRequest, context: Any) -> pb.SendCodeResponse:  # noqa: N802
        """Send a code; a template by name is none of those announced, since none is."""

        async def ask() -> pb.SendCodeResponse:
            order, template = order_question(request)
            if template and not request.operator_code.text:
                return sent_message(CodeSent(SendOutcome.CONTENT), 0)
            return sent_message(await self._backend.send_code(order), order.length if order.template else 0)

        return await _framed(context, ask)

    async def CheckCode(self, request: pb.CheckCodeRequest, context: Any) -> pb.CheckCodeResponse:  # noqa: N802
        """Check a code."""

        async def ask() -> pb.CheckCodeResponse:
            return checked_message(await self._backend.check_code(check_question(request)))

        return await _framed(context, ask)

    async def StartNetworkCheck(  # noqa: N802
        self, request: pb.StartNetworkCheckRequest, context: Any
    ) -> pb.StartNetworkCheckResponse:
        """Open a page."""

        async def ask() -> pb.StartNetworkCheckResponse:
            return started_message(await self._backend.start_network_check(network_question(request)))

        return await _framed(context, ask)

    async def FinishNetworkCheck(  # noqa: N802
        self, request: pb.FinishNetworkCheckRequest, context: Any
    ) -> pb.FinishNetworkCheckResponse:
        """Say what the network found."""

        async def ask() -> pb.FinishNetworkCheckResponse:
            offer = offer_question(request)
            answer = finished_message(await self._backend.finish_network_check(offer), offer)
            if self._signer is not None:
                self._signer.sign(answer)
            return answer

        return await _framed(context, ask)

    async def WatchSubscriber(  # noqa: N802
        self, request: pb.WatchSubscriberRequest, context: Any
    ) -> pb.WatchSubscriberResponse:
        """Begin a watch."""

        async def ask() -> pb.WatchSubscriberResponse:
            return watch_message(await self._backend.watch_subscriber(watch_question(request)))

        return await _framed(context, ask)

    async def UnwatchSubscriber(  # noqa: N802
        self, request: pb.UnwatchSubscriberRequest, context: Any
    ) -> pb.UnwatchSubscriberResponse:
        """End a watch."""

        async def ask() -> pb.UnwatchSubscriberResponse:
            await self._backend.unwatch_subscriber(*unwatch_question(request))
            return pb.UnwatchSubscriberResponse()

        return await _framed(context, ask)

    async def StreamEvents(  # noqa: N802
        self, request: pb.StreamEventsRequest, context: Any
    ) -> AsyncIterator[pb.StreamEventsResponse]:
        """Stream events until the caller leaves."""
        try:
            # The port's iterators are generators, to be closed when the caller leaves.
            async with aclosing(cast("Any", self._backend.stream_events(cursor_question(request)))) as events:
                async for event in events:
                    yield pb.StreamEventsResponse(event=event_message(event))
        except Exception as error:  # noqa: BLE001 - every way out of a call is a status
            await _abort(context, error)


async def _framed(context: _Context, ask: Callable[[], Awaitable[A]]) -> A:
    try:
        return await ask()
    except Exception as error:  # noqa: BLE001 - every way out of a call is a status
        await _abort(context, error)


async def _abort(context: _Context, error: Exception) -> NoReturn:
    """End a call with the status that an error stands for in the contract."""
    code, reason, sentence = _reading(error)
    info = error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN)
    details: list[Any] = [info]
    if isinstance(error, CursorTooOldError):
        info.metadata["oldest_cursor"] = error.oldest
    if isinstance(error, BrokenContractError):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=sentence.partition(":")[0], description=sentence, reason=reason
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    status = status_pb2.Status(code=code.value[0], message=sentence, details=[_packed(detail) for detail in details])
    await context.abort(code, sentence, trailing_metadata=((DETAILS, status.SerializeToString()),))
    raise AssertionError("abort() has returned")


def _reading(error: Exception) -> tuple[grpc.StatusCode, str, str]:
    if isinstance(error, BrokenContractError):
        return grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_MALFORMED", str(error)
    if isinstance(error, OperatorError):
        return _status(error), error.reason, str(error)
    _log.error("the backend broke its contract", exc_info=error)
    return grpc.StatusCode.INTERNAL, "INTERNAL", "a fault of the operator's own; its log holds it"


def _status(error: OperatorError) -> grpc.StatusCode:
    if isinstance(error, CursorTooOldError):
        return grpc.StatusCode.OUT_OF_RANGE
    if error.reason.endswith("_NOT_SUPPORTED"):
        return grpc.StatusCode.UNIMPLEMENTED
    if error.reason in _OF_THE_QUESTION:
        return grpc.StatusCode.INVALID_ARGUMENT
    return grpc.StatusCode.RESOURCE_EXHAUSTED if error.reason in _OF_THE_RATE else grpc.StatusCode.UNAVAILABLE


def _packed(detail: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
