from collections.abc import Callable
from typing import Any

import grpc
import pytest

from fakes.rpc import Failure, failure, raw, serving
from numseal.adapters.rpc.errors import abort
from numseal.domain.errors import (
    Kind,
    Reasoning,
    Refusal,
    denied,
    exhausted,
    invalid,
    not_found,
    precondition,
    unavailable,
)
from numseal.ports.signer import SignerError
from numseal.ports.store import StoreError


def failing(error: Exception) -> Callable[[grpc.aio.Server], None]:
    async def rpc(_request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        await abort(context, error)

    def add(server: grpc.aio.Server) -> None:
        handler: Any = grpc.unary_unary_rpc_method_handler(rpc)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Service", {"Call": handler}),))

    return add


async def failure_of(error: Exception) -> Failure:
    async with serving(failing(error)) as channel:
        return await failure(raw(channel, "/test.Service/Call")(b""))


@pytest.mark.parametrize("kind", list(Kind))
async def test_every_kind_of_refusal_has_the_code_of_its_name(kind: Kind) -> None:
    found = await failure_of(Refusal(Reasoning(kind, "SOME_REASON"), "a sentence"))
    assert (found.code.name, found.reason, found.message) == (kind.value, "SOME_REASON", "a sentence")
    assert (found.bad_request, found.retry, found.quota) == (None, None, None)


async def test_a_refused_field_is_named_in_a_bad_request() -> None:
    found = await failure_of(invalid("phone_number", "PHONE_NUMBER_REQUIRED", "Номер нужен"))
    assert found.code is grpc.StatusCode.INVALID_ARGUMENT
    assert found.bad_request is not None
    (violation,) = found.bad_request.field_violations
    assert (violation.field, violation.description, violation.reason) == (
        "phone_number",
        "Номер нужен",
        "PHONE_NUMBER_REQUIRED",
    )
    assert found.message == "Номер нужен"


async def test_an_exhausted_budget_is_told_with_quota_and_delay() -> None:
    found = await failure_of(exhausted("TOO_MANY_GUESSES", "no more today", quota="guesses", retry_delay=60))
    assert found.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert found.retry is not None
    assert found.retry.retry_delay.seconds == 60
    assert found.quota is not None
    (violation,) = found.quota.violations
    assert (violation.subject, violation.description) == ("guesses", "no more today")


async def test_metadata_is_passed_on() -> None:
    found = await failure_of(precondition("WRONG_STATE", "not now", state="VERIFIED"))
    assert (found.code, dict(found.info.metadata)) == (grpc.StatusCode.FAILED_PRECONDITION, {"state": "VERIFIED"})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (not_found("X_NOT_FOUND", "none"), grpc.StatusCode.NOT_FOUND),
        (denied("NOT_YOURS", "no"), grpc.StatusCode.PERMISSION_DENIED),
        (unavailable("OPERATOR_SILENT", "later", retry_delay=5), grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_the_short_ways_to_refuse(error: Refusal, code: grpc.StatusCode) -> None:
    found = await failure_of(error)
    assert (found.code, found.reason) == (code, error.reason)


@pytest.mark.parametrize(("unknown", "applied"), [(False, "no"), (True, "unknown")])
async def test_a_store_that_cannot_says_whether_the_command_was_applied(unknown: bool, applied: str) -> None:
    found = await failure_of(StoreError("DISK_FULL", "the disk is full", unknown=unknown))
    assert (found.code, found.reason) == (grpc.StatusCode.UNAVAILABLE, "DISK_FULL")
    assert found.retry is not None
    assert found.retry.retry_delay.seconds == 1
    assert dict(found.info.metadata) == {"applied": applied}


async def test_a_signer_that_cannot_keeps_its_secrets() -> None:
    found = await failure_of(SignerError("slot 3: PIN 1234 refused"))
    assert (found.code, found.reason) == (grpc.StatusCode.UNAVAILABLE, "SIGNER_UNAVAILABLE")
    assert found.retry is not None
    assert found.retry.retry_delay.seconds == 1
    assert "1234" not in found.message


async def test_a_fault_is_logged_under_its_incident_and_told_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = await failure_of(ValueError("secret of the inside"))
    assert (found.code, found.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in found.message
    incident = found.info.metadata["incident"]
    assert incident in found.message
    (record,) = [item for item in caplog.records if item.name == "numseal.adapters.rpc.errors"]
    assert incident in record.getMessage()
    assert record.exc_info is not None
    assert "secret of the inside" in str(record.exc_info[1])
