"""A backend on the wire: what its refusals are told as, with what details, and that nothing else gets out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status.rpc_status import from_call

from fakes import channels
from fakes.clock import FakeClock
from fakes.evidence import NOW
from fakes.operator import FakeOperator
from fakes.orders import code_order, lookup_request, network_order, text_order, watch_order
from fakes.remote_world import remote, serving
from numseal.adapters.operators.remote import to_wire
from numseal.adapters.operators.remote.served import DOMAIN, SERVICE, ServedOperator
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.network import SimulatedNetwork
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.api.operator.v1.operator_pb2_grpc import OperatorBackendStub
from numseal.domain.evidence import Lookup, LookupOutcome, Method
from numseal.domain.operator import CodeSent, SendOutcome
from numseal.ports.operator_backend import CursorTooOldError, OperatorError

NUMBER = "+79161234567"
CODE = grpc.StatusCode


@asynccontextmanager
async def calling(fake: FakeOperator) -> AsyncIterator[Any]:
    async with serving(ServedOperator(fake)) as address, channels.plain(address) as channel:
        yield OperatorBackendStub(channel)


async def ended(call: Any) -> tuple[grpc.StatusCode, str, error_details_pb2.ErrorInfo, list[str]]:
    """Return a failed call's status, text, its one ErrorInfo, and the fields that it says are malformed."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    status: Any = from_call(caught.value)  # type: ignore[arg-type]
    info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    fields: list[str] = []
    for detail in status.details:
        if detail.Unpack(request):
            fields += [violation.field for violation in request.field_violations]
        else:
            assert detail.Unpack(info)
    assert info.domain == DOMAIN
    return caught.value.code(), caught.value.details() or "", info, fields


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OperatorError("METHOD_NOT_SUPPORTED", "no"), CODE.UNIMPLEMENTED),
        (OperatorError("EVENTS_NOT_SUPPORTED", "no"), CODE.UNIMPLEMENTED),
        (OperatorError("NOT_OURS", "no"), CODE.INVALID_ARGUMENT),
        (OperatorError("REQUEST_ID_REUSED", "no"), CODE.INVALID_ARGUMENT),
        (OperatorError("RATE_EXCEEDED", "no"), CODE.RESOURCE_EXHAUSTED),
        (OperatorError("DOWN", "no"), CODE.UNAVAILABLE),
    ],
)
async def test_a_refusal_is_told_with_its_reason(error: OperatorError, code: grpc.StatusCode) -> None:
    async with calling(FakeOperator("mts", sent=error)) as stub:
        found, _, info, fields = await ended(stub.SendCode(to_wire.send_request(text_order(NUMBER), "")))
    assert (found, info.reason, fields) == (code, error.reason, [])


async def test_a_malformed_request_names_its_field_and_does_not_reach_the_backend() -> None:
    fake = FakeOperator("mts")
    async with calling(fake) as stub:
        for call in (
            stub.GetCapabilities(pb.GetCapabilitiesRequest()),
            stub.LookUpSubscriber(pb.LookUpSubscriberRequest()),
            stub.SendCode(pb.SendCodeRequest()),
            stub.CheckCode(pb.CheckCodeRequest()),
            stub.StartNetworkCheck(pb.StartNetworkCheckRequest()),
            stub.FinishNetworkCheck(pb.FinishNetworkCheckRequest()),
            stub.WatchSubscriber(pb.WatchSubscriberRequest()),
            stub.UnwatchSubscriber(pb.UnwatchSubscriberRequest()),
            stub.StreamEvents(pb.StreamEventsRequest(cursor="c" * 257)).read(),
        ):
            code, text, info, fields = await ended(call)
            assert (code, info.reason, fields) == (
                CODE.INVALID_ARGUMENT,
                "REQUEST_MALFORMED",
                [text.partition(":")[0]],
            )
    assert [*fake.lookups, *fake.orders, *fake.checks, *fake.watch_orders, *fake.cursors] == []


async def test_a_bug_of_the_backend_is_told_and_its_words_are_not() -> None:
    for said in (ValueError(f"secret of {NUMBER}"), KeyError(NUMBER)):
        async with calling(FakeOperator("mts", sent=said)) as stub:
            code, text, info, _ = await ended(stub.SendCode(to_wire.send_request(text_order(NUMBER), "")))
        assert (code, info.reason) == (CODE.INTERNAL, "INTERNAL")
        assert NUMBER not in text


async def test_no_answer_is_told_as_a_fault() -> None:
    unanswered = Lookup(LookupOutcome.UNANSWERED, "mts", NOW, failure="TIMEOUT")
    async with calling(FakeOperator("mts", found=[unanswered])) as stub:
        code, _, _, _ = await ended(stub.LookUpSubscriber(to_wire.lookup_request(lookup_request(NUMBER))))
    assert code is CODE.INTERNAL


async def test_a_cursor_that_is_too_old_is_out_of_range() -> None:
    async with calling(FakeOperator("mts", oldest=5)) as stub:
        code, _, info, _ = await ended(stub.StreamEvents(pb.StreamEventsRequest(cursor="1")).read())
    assert (code, info.reason, dict(info.metadata)) == (
        CODE.OUT_OF_RANGE,
        CursorTooOldError().reason,
        {"oldest_cursor": ""},
    )


async def test_a_template_by_name_is_none_of_those_announced() -> None:
    fake = FakeOperator("mts")
    request = to_wire.send_request(code_order(NUMBER), "otp-1")
    request.operator_code.ClearField("text")
    async with calling(fake) as stub:
        assert (await stub.SendCode(request)).outcome == pb.SEND_OUTCOME_CONTENT
        request.operator_code.text = "Code {{code}}"
        assert (await stub.SendCode(request)).outcome == pb.SEND_OUTCOME_ACCEPTED
    assert [order.template for order in fake.orders] == ["Code {{code}}"]


async def test_a_code_of_the_operators_own_comes_with_its_length() -> None:
    fake = FakeOperator("mts")
    async with calling(fake) as stub:
        assert (await stub.SendCode(to_wire.send_request(code_order(NUMBER, length=8), ""))).length == 8
        assert (await stub.SendCode(to_wire.send_request(text_order(NUMBER), ""))).length == 0
        fake.sent = CodeSent(SendOutcome.BARRED)
        assert (await stub.SendCode(to_wire.send_request(code_order(NUMBER, length=8), ""))).length == 0


async def test_questions_reach_the_backend_as_they_were_asked() -> None:
    fake = FakeOperator("mts")
    page, watch = network_order(NUMBER), watch_order(NUMBER)
    voice = replace(text_order(NUMBER, method=Method.VOICE), sender_id="")
    async with remote(fake, FakeClock(NOW)) as operator:
        await operator.look_up(replace(lookup_request(NUMBER), max_age=5))
        await operator.send_code(voice)
        await operator.start_network_check(page)
        await operator.watch_subscriber(watch)
        await operator.unwatch_subscriber("u1", "w1")
    assert fake.lookups == [replace(lookup_request(NUMBER), max_age=5)]
    assert (fake.orders, fake.network_orders, fake.watch_orders) == ([voice], [page], [watch])
    assert fake.unwatch_orders == [("u1", "w1")]


@pytest.mark.parametrize("operator_id", ["mts", "kcell", "rostelecom-fixed", "t2"])
async def test_a_simulated_operator_tells_the_same_of_itself_from_afar(operator_id: str) -> None:
    clock = FakeClock()
    near = SimulatedOperator(SimulatedNetwork(1, clock), operator_id)
    async with remote(near, clock) as afar:
        assert await afar.capabilities() == await near.capabilities()


def test_the_service_has_the_contracts_name() -> None:
    assert SERVICE == "numseal.api.operator.v1.OperatorBackend"
