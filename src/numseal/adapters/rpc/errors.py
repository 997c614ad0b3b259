"""The one translation of refusals and faults to gRPC statuses with `google.rpc` details (AIP-193)."""

import logging
import uuid
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from numseal.domain.errors import Kind, Reasoning, Refusal
from numseal.ports.signer import SignerError
from numseal.ports.store import StoreError

if TYPE_CHECKING:
    from google.protobuf.message import Message

DOMAIN = "numseal"

_log = logging.getLogger(__name__)

_CODES = {
    Kind.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Kind.ALREADY_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    Kind.PERMISSION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
    Kind.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Kind.RESOURCE_EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Kind.FAILED_PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
    Kind.ABORTED: grpc.StatusCode.ABORTED,
    Kind.OUT_OF_RANGE: grpc.StatusCode.OUT_OF_RANGE,
    Kind.UNIMPLEMENTED: grpc.StatusCode.UNIMPLEMENTED,
    Kind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: Exception) -> NoReturn:
    """End the call with the status that the error stands for."""
    code, reasoning, message = _reading(error)
    status = status_pb2.Status(code=code.value[0], message=message, details=_details(reasoning, message))
    await context.abort(code, message, trailing_metadata=(("grpc-status-details-bin", status.SerializeToString()),))
    raise AssertionError("abort() has returned")


def _reading(error: Exception) -> tuple[grpc.StatusCode, Reasoning, str]:
    if isinstance(error, Refusal):
        return _CODES[error.reasoning.kind], error.reasoning, error.message
    if isinstance(error, StoreError):
        reasoning = Reasoning(
            Kind.UNAVAILABLE, error.reason, retry_delay=1, metadata={"applied": "unknown" if error.unknown else "no"}
        )
        return grpc.StatusCode.UNAVAILABLE, reasoning, str(error)
    if isinstance(error, SignerError):
        return (
            grpc.StatusCode.UNAVAILABLE,
            Reasoning(Kind.UNAVAILABLE, "SIGNER_UNAVAILABLE", retry_delay=1),
            "the attestation key cannot sign now; what was verified is kept, ask again",
        )
    incident = uuid.uuid4().hex[:12]
    _log.error("incident %s", incident, exc_info=error)
    return (
        grpc.StatusCode.INTERNAL,
        Reasoning(Kind.UNAVAILABLE, "INTERNAL", metadata={"incident": incident}),
        f"a fault of Numseal's own; its log holds it under incident {incident}",
    )


def _details(reasoning: Reasoning, message: str) -> list[any_pb2.Any]:
    parts: list[Message] = [
        error_details_pb2.ErrorInfo(reason=reasoning.reason, domain=DOMAIN, metadata=dict(reasoning.metadata))
    ]
    if reasoning.field is not None:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=reasoning.field, description=message, reason=reasoning.reason
        )
        parts.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if reasoning.retry_delay is not None:
        delay = duration_pb2.Duration(seconds=reasoning.retry_delay)
        parts.append(error_details_pb2.RetryInfo(retry_delay=delay))
    if reasoning.quota is not None:
        quota = error_details_pb2.QuotaFailure.Violation(subject=reasoning.quota, description=message)
        parts.append(error_details_pb2.QuotaFailure(violations=[quota]))
    packed = []
    for part in parts:
        detail = any_pb2.Any()
        detail.Pack(part)
        packed.append(detail)
    return packed
