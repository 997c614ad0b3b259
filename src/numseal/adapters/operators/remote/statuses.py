"""gRPC statuses as the port's errors: what the client reads from a call that failed. Pure.

`sent` is False only where the operator says that it did not take the call, or the call never left.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from numseal.ports.operator_backend import OperatorError

DETAILS = "grpc-status-details-bin"

NOT_OURS = "NOT_OURS"
"""The reason, told in an ErrorInfo, of a number that is not the operator's where the answer has no field for that."""

_Code = grpc.StatusCode
_REASON = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the contract: its name for people, and the reason where an operator does not have it."""

    name: str
    unsupported: str


CAPABILITIES = Call("GetCapabilities", "CAPABILITIES_NOT_SUPPORTED")
LOOK_UP = Call("LookUpSubscriber", "LOOKUP_NOT_SUPPORTED")
SEND = Call("SendCode", "METHOD_NOT_SUPPORTED")
CHECK = Call("CheckCode", "METHOD_NOT_SUPPORTED")
START = Call("StartNetworkCheck", "METHOD_NOT_SUPPORTED")
FINISH = Call("FinishNetworkCheck", "METHOD_NOT_SUPPORTED")
WATCH = Call("WatchSubscriber", "EVENTS_NOT_SUPPORTED")
UNWATCH = Call("UnwatchSubscriber", "EVENTS_NOT_SUPPORTED")
STREAM = Call("StreamEvents", "EVENTS_NOT_SUPPORTED")

_REASONS: Mapping[grpc.StatusCode, tuple[str, bool]] = {
    _Code.INVALID_ARGUMENT: ("REQUEST_REFUSED", False),
    _Code.UNAUTHENTICATED: ("CREDENTIALS_REFUSED", False),
    _Code.PERMISSION_DENIED: ("CREDENTIALS_REFUSED", False),
    _Code.RESOURCE_EXHAUSTED: ("RATE_EXCEEDED", False),
    _Code.UNAVAILABLE: ("UNAVAILABLE", True),
    _Code.DEADLINE_EXCEEDED: ("TIMEOUT", True),
}


def failure(call: Call, error: grpc.aio.AioRpcError) -> OperatorError:
    """Return what a failed call comes to; its text and details are the operator's and are not believed."""
    code = error.code()
    told = _told_reason(error)
    if code is _Code.UNIMPLEMENTED:
        return OperatorError(call.unsupported, f"{call.name}: the operator does not have this call")
    if code is _Code.RESOURCE_EXHAUSTED and "larger than max" in (error.details() or ""):
        # Our own refusal of what the operator answered, not its refusal to do anything.
        return OperatorError("ANSWER_TOO_LARGE", f"{call.name}: the answer is larger than any can be", sent=True)
    reason, sent = _REASONS.get(code, ("OPERATOR_ERROR", True))
    if code is _Code.INVALID_ARGUMENT and told == NOT_OURS:
        reason = NOT_OURS
    return OperatorError(reason, f"{call.name}: {code.name}{f', {told}' if told else ''}", sent=sent)


def _told_reason(error: grpc.aio.AioRpcError) -> str:
    """Return the reason that the operator gives in an ErrorInfo, empty where it gives none that could be one."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS and isinstance(value, bytes):
            try:
                details = status_pb2.Status.FromString(value).details
                for detail in details:
                    info = error_details_pb2.ErrorInfo()
                    if detail.Unpack(info) and _REASON.fullmatch(info.reason):
                        return str(info.reason)
            except DecodeError:
                return ""
    return ""
