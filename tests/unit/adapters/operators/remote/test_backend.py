"""The client of the operator contract, against servers on loopback: what each call and each failure comes to."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from fakes.clock import FakeClock
from fakes.evidence import NOW, answer
from fakes.operator import HANG, FakeOperator, everything, reached
from fakes.orders import code_order, lookup_request, network_order, text_order, watch_order
from fakes.remote_world import Lie, Raw, Tampered, client, plain, remote, serving, streaming
from numseal.adapters.operators.remote.backend import MAX_MESSAGE, RemoteOperator
from numseal.adapters.operators.remote.events_to_wire import event_message
from numseal.adapters.operators.remote.fields import BrokenContractError
from numseal.adapters.operators.remote.statuses import DETAILS
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.domain.evidence import Method
from numseal.domain.operator import (
    CodeCheck,
    CodeChecked,
    CodeOrder,
    CodeOutcome,
    EventKind,
    NetworkOffer,
    OperatorEvent,
)
from numseal.ports.operator_backend import CursorTooOldError, OperatorBackend, OperatorError

NUMBER = "+79161234567"
CODE = grpc.StatusCode
CHECK = CodeCheck("k1", NUMBER, b"challenge", "123456")
OFFER = NetworkOffer("f1", NUMBER, b"challenge", "code", "state-of-16-chars")
BEAT = OperatorEvent(EventKind.HEARTBEAT, "1", NOW)

Asks = Callable[[OperatorBackend], Awaitable[object]]
CALLS: dict[str, tuple[Asks, str]] = {
    "GetCapabilities": (lambda operator: operator.capabilities(), "CAPABILITIES_NOT_SUPPORTED"),
    "LookUpSubscriber": (lambda operator: operator.look_up(lookup_request(NUMBER)), "LOOKUP_NOT_SUPPORTED"),
    "SendCode": (lambda operator: operator.send_code(text_order(NUMBER)), "METHOD_NOT_SUPPORTED"),
    "CheckCode": (lambda operator: operator.check_code(CHECK), "METHOD_NOT_SUPPORTED"),
    "StartNetworkCheck": (lambda operator: operator.start_network_check(network_order(NUMBER)), "METHOD_NOT_SUPPORTED"),
    "FinishNetworkCheck": (lambda operator: operator.finish_network_check(OFFER), "METHOD_NOT_SUPPORTED"),
    "WatchSubscriber": (lambda operator: operator.watch_subscriber(watch_order(NUMBER)), "EVENTS_NOT_SUPPORTED"),
    "UnwatchSubscriber": (lambda operator: operator.unwatch_subscriber("u1", "w1"), "EVENTS_NOT_SUPPORTED"),
}


def aborting(code: grpc.StatusCode, *then: grpc.StatusCode, details: str = "") -> Lie:
    """Refuse with these codes, one after the other, and be honest after that."""
    codes = [code, *then]

    async def lie(_request: Any, context: Any, honest: Any) -> Any:
        if codes:
            await context.abort(codes.pop(0), details)
        return await honest()

    return lie


def _detailed(reason: str) -> bytes:
    packed, further = any_pb2.Any(), any_pb2.Any()
    packed.Pack(error_details_pb2.ErrorInfo(reason=reason))
    further.Pack(error_details_pb2.RetryInfo())
    raw: bytes = status_pb2.Status(details=[further, packed]).SerializeToString()
    return raw


@asynccontextmanager
async def told(
    lies: dict[str, Lie] | None = None, fake: FakeOperator | None = None
) -> AsyncIterator[tuple[RemoteOperator, Tampered]]:
    servicer = Tampered(fake or FakeOperator("mts"), lies)
    async with serving(servicer) as address, client(plain(address), FakeClock(NOW)) as operator:
        yield operator, servicer


async def refused(operator: OperatorBackend, name: str = "SendCode") -> OperatorError:
    with pytest.raises(OperatorError) as caught:
        await CALLS[name][0](operator)
    return caught.value


@pytest.mark.parametrize(
    ("code", "reason", "sent"),
    [
        (CODE.INVALID_ARGUMENT, "REQUEST_REFUSED", False),
        (CODE.RESOURCE_EXHAUSTED, "RATE_EXCEEDED", False),
        (CODE.UNAVAILABLE, "UNAVAILABLE", True),
        (CODE.UNIMPLEMENTED, "METHOD_NOT_SUPPORTED", False),
        (CODE.DEADLINE_EXCEEDED, "TIMEOUT", True),
        (CODE.UNAUTHENTICATED, "CREDENTIALS_REFUSED", False),
        (CODE.PERMISSION_DENIED, "CREDENTIALS_REFUSED", False),
        (CODE.INTERNAL, "OPERATOR_ERROR", True),
        (CODE.CANCELLED, "OPERATOR_ERROR", True),
        (CODE.NOT_FOUND, "OPERATOR_ERROR", True),
        (CODE.OUT_OF_RANGE, "OPERATOR_ERROR", True),
    ],
)
async def test_each_status_has_its_reason_and_says_whether_a_code_may_be_under_way(
    code: grpc.StatusCode, reason: str, sent: bool
) -> None:
    async with told({"SendCode": aborting(code, code, details=f"secret of {NUMBER}")}) as (operator, _):
        error = await refused(operator)
    assert (error.reason, error.sent) == (reason, sent)
    assert NUMBER not in str(error)


@pytest.mark.parametrize(("name", "reason"), [(name, reason) for name, (_, reason) in CALLS.items()])
async def test_a_call_that_the_operator_does_not_have(name: str, reason: str) -> None:
    async with told({name: aborting(CODE.UNIMPLEMENTED)}) as (operator, _):
        assert (await refused(operator, name)).reason == reason


async def test_a_server_without_the_contract() -> None:
    async with serving(Tampered(FakeOperator("mts"))) as address:
        other = plain(address)
        async with client(other, FakeClock(NOW)) as operator:
            await operator.capabilities()
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with client(plain(f"127.0.0.1:{port}"), FakeClock(NOW)) as operator:
        assert (await refused(operator, "LookUpSubscriber")).reason == "LOOKUP_NOT_SUPPORTED"
    await server.stop(None)


@pytest.mark.parametrize("name", list(CALLS))
async def test_after_unavailable_an_operator_that_remembers_is_asked_once_more(name: str) -> None:
    async with told({name: aborting(CODE.UNAVAILABLE)}) as (operator, servicer):
        if name != "GetCapabilities":
            await operator.capabilities()
        await CALLS[name][0](operator)
    assert [called for called, _ in servicer.asked].count(name) == 2


@pytest.mark.parametrize("name", [name for name in CALLS if name not in {"GetCapabilities", "UnwatchSubscriber"}])
@pytest.mark.parametrize("known", [True, False])
async def test_an_operator_that_may_not_remember_is_not_asked_again(name: str, known: bool) -> None:
    fake = FakeOperator("mts", able=replace(everything("mts"), idempotent=False))
    async with told({name: aborting(CODE.UNAVAILABLE)}, fake) as (operator, servicer):
        if known:
            await operator.capabilities()
        assert (await refused(operator, name)).reason == "UNAVAILABLE"
    assert [called for called, _ in servicer.asked].count(name) == 1


async def test_there_is_no_third_try() -> None:
    async with told({"SendCode": aborting(*[CODE.UNAVAILABLE] * 3)}) as (operator, servicer):
        await operator.capabilities()
        assert (await refused(operator)).sent
    assert [called for called, _ in servicer.asked].count("SendCode") == 2


async def test_a_second_try_that_is_refused_does_not_unsend_the_first() -> None:
    async with told({"SendCode": aborting(CODE.UNAVAILABLE, CODE.INVALID_ARGUMENT)}) as (operator, _):
        await operator.capabilities()
        error = await refused(operator)
    assert (error.reason, error.sent) == ("REQUEST_REFUSED", True)


async def test_the_second_try_is_within_the_deadline() -> None:
    left: list[float] = []

    async def lie(_request: Any, context: Any, _honest: Any) -> Any:
        left.append(context.time_remaining())
        await context.abort(CODE.UNAVAILABLE, "")

    servicer = Tampered(FakeOperator("mts"), {"LookUpSubscriber": lie})
    async with serving(servicer) as address:
        async with client(plain(address, look_up_timeout=0.5), FakeClock(NOW)) as operator:
            await operator.capabilities()
            await refused(operator, "LookUpSubscriber")
        assert len(left) == 2
        assert left[1] < left[0] - 0.03 < 0.5
        async with client(plain(address, look_up_timeout=0.04), FakeClock(NOW)) as operator:
            await operator.capabilities()
            await refused(operator, "LookUpSubscriber")
        assert len(left) == 3


async def test_a_slow_operator_is_given_up_at_the_deadline() -> None:
    fake = FakeOperator("mts", found=[HANG], sent=HANG)
    async with serving(Tampered(fake)) as address:
        settings = plain(address, look_up_timeout=0.05, send_timeout=0.05)
        async with client(settings, FakeClock(NOW)) as operator:
            async with asyncio.timeout(2):
                assert (await refused(operator, "LookUpSubscriber")).reason == "TIMEOUT"
                error = await refused(operator)
    assert (error.reason, error.sent) == ("TIMEOUT", True)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def silent() -> Iterator[str]:
    """Accept connections and say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


async def test_where_nobody_listens_no_code_was_sent() -> None:
    async with client(plain(f"127.0.0.1:{_free_port()}"), FakeClock(NOW)) as operator, asyncio.timeout(2):
        error = await refused(operator)
        assert (error.reason, error.sent) == ("UNAVAILABLE", False)
        for name in CALLS:
            assert (await refused(operator, name)).reason == "UNAVAILABLE"


async def test_one_that_accepts_and_stays_silent_was_sent_no_code() -> None:
    with silent() as address:
        async with client(plain(address, connect_timeout=0.1), FakeClock(NOW)) as operator, asyncio.timeout(2):
            error = await refused(operator)
    assert (error.reason, error.sent) == ("UNAVAILABLE", False)


async def test_an_operator_that_comes_back_is_found() -> None:
    port = _free_port()
    async with client(plain(f"127.0.0.1:{port}"), FakeClock(NOW)) as operator:
        assert not (await refused(operator)).sent
        async with serving(Tampered(FakeOperator("mts")), port=port), asyncio.timeout(10):
            outcomes = [await outcome(operator)]
            while outcomes[-1] != "sent":
                await asyncio.sleep(0.02)
                outcomes.append(await outcome(operator))
    assert set(outcomes) <= {"sent", "not sent"}


async def outcome(operator: OperatorBackend) -> str:
    try:
        await operator.send_code(text_order(NUMBER))
    except OperatorError as error:
        return "perhaps" if error.sent else "not sent"
    return "sent"


async def test_a_call_under_way_is_ended_by_close_with_a_reason() -> None:
    fake = FakeOperator("mts", found=[HANG], beat=None)
    async with remote(fake, FakeClock(NOW)) as operator:
        call = asyncio.create_task(refused(operator, "LookUpSubscriber"))
        stream: Any = operator.stream_events("")
        waiting = asyncio.create_task(anext(stream))
        await reached(fake.lookups)
        await reached(fake.cursors)
        await operator.close()
        assert (await call).reason == "UNAVAILABLE"
        with pytest.raises(OperatorError) as caught:
            await waiting
        assert caught.value.reason == "UNAVAILABLE"
        await operator.close()


async def test_after_close_nothing_is_asked() -> None:
    operator = RemoteOperator("mts", plain("127.0.0.1:1"), FakeClock(NOW))
    await operator.close()
    for name in CALLS:
        error = await refused(operator, name)
        assert (error.reason, error.sent) == ("UNAVAILABLE", False)
    async with streaming(operator) as stream:
        with pytest.raises(OperatorError):
            await anext(stream)


async def test_a_caller_that_gives_up_ends_the_call_at_the_operator() -> None:
    ended = asyncio.Event()

    async def lie(_request: Any, _context: Any, _honest: Any) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    begun = asyncio.Event()
    async with told({"SendCode": lie}) as (operator, _):
        call = asyncio.create_task(operator.send_code(text_order(NUMBER)))
        await begun.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(5):
            await ended.wait()


async def test_waiting_for_a_connection_can_be_given_up() -> None:
    with silent() as address:
        async with client(plain(address, connect_timeout=60.0), FakeClock(NOW)) as operator:
            for _ in range(20):
                call = asyncio.create_task(operator.send_code(text_order(NUMBER)))
                await asyncio.sleep(0)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call


@pytest.mark.parametrize("name", list(CALLS))
async def test_bytes_that_are_no_message_break_the_contract(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Raw(b"\xff\xff\xff")) as address, client(plain(address), FakeClock(NOW)) as operator:
        with caplog.at_level(logging.CRITICAL), pytest.raises(BrokenContractError, match=name):
            await CALLS[name][0](operator)


@pytest.mark.parametrize("name", list(CALLS))
async def test_an_answer_too_large_is_given_up_and_a_code_may_be_under_way(name: str) -> None:
    async with serving(Raw(bytes(MAX_MESSAGE + 1))) as address, client(plain(address), FakeClock(NOW)) as operator:
        error = await refused(operator, name)
    assert (error.reason, error.sent) == ("ANSWER_TOO_LARGE", True)


async def test_credentials_go_along() -> None:
    seen: list[Any] = []

    async def lie(_request: Any, context: Any, honest: Any) -> Any:
        seen.append(dict(context.invocation_metadata()).get("authorization"))
        return await honest()

    async with serving(Tampered(FakeOperator("mts"), {"GetCapabilities": lie})) as address:
        for token in ("", "a-token"):
            async with client(plain(address, token=token), FakeClock(NOW)) as operator:
                await operator.capabilities()
    assert seen == [None, "Bearer a-token"]


def announcing(*sender_ids: str) -> Lie:
    """Announce senders for SMS, and others for VOICE."""

    async def lie(_request: Any, _context: Any, honest: Any) -> Any:
        answer = pb.GetCapabilitiesResponse.FromString((await honest()).SerializeToString())
        for offer in answer.methods:
            if offer.method == pb.METHOD_SMS:
                offer.sender_ids.extend(sender_ids)
        return answer

    return lie


async def senders(announced: Lie, *orders: CodeOrder) -> tuple[list[str], int]:
    """Return the senders that an operator is told, and how often it is asked what it can do."""
    servicer = Tampered(FakeOperator("mts"), {"GetCapabilities": announced})
    async with serving(servicer) as address, client(plain(address), FakeClock(NOW)) as operator:
        for order in orders:
            await operator.send_code(order)
    asked = [request for name, request in servicer.asked if name == "SendCode"]
    return [request.sender_id for request in asked], len(servicer.asked) - len(asked)


async def test_a_sender_goes_along_where_it_is_announced_for_the_method() -> None:
    sms, voice = text_order(NUMBER, "s1"), text_order(NUMBER, "s2", method=Method.VOICE)
    assert await senders(announcing("Other", "Numseal"), sms, voice, code_order(NUMBER)) == (["Numseal", "", ""], 1)
    assert await senders(announcing("Other"), sms) == ([""], 1)
    assert await senders(announcing(), sms, replace(sms, request_id="s3")) == (["", ""], 1)


async def test_an_order_without_a_sender_asks_for_nothing_more() -> None:
    assert await senders(announcing("Numseal"), replace(text_order(NUMBER), sender_id="")) == ([""], 0)


async def test_a_code_is_sent_under_the_operators_own_sender_where_nothing_is_announced_in_time() -> None:
    assert (await senders(aborting(*[CODE.INTERNAL] * 2), text_order(NUMBER)))[0] == [""]


async def test_networks_other_than_configured_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    announced = everything("mts").plmns
    async with serving(Tampered(FakeOperator("mts"))) as address:
        for configured in (("999-99", *announced), announced, ()):
            operator = RemoteOperator("mts", plain(address), FakeClock(NOW), configured)
            await operator.capabilities()
            await operator.capabilities()
            await operator.close()
    (line,) = caplog.messages
    assert line.startswith("operator mts: announces the networks")
    assert "999-99" in line


async def test_the_operators_own_text_is_named_where_it_is_set() -> None:
    servicer = Tampered(FakeOperator("mts"))
    async with serving(servicer) as address, client(plain(address, template="otp-1"), FakeClock(NOW)) as operator:
        await operator.send_code(code_order(NUMBER, length=4))
        await operator.send_code(text_order(NUMBER))
    made, text = (request for name, request in servicer.asked if name == "SendCode")
    assert made.operator_code == pb.OperatorCode(template="otp-1", length=4, text="Code: {{code}}")
    assert text.WhichOneof("content") == "text"


@pytest.mark.parametrize("code", ["", "123", "1" * 11, "１２３４", "12345a", "\ud800"])
async def test_what_is_no_code_is_not_offered(code: str) -> None:
    async with told() as (operator, servicer):
        assert await operator.check_code(replace(CHECK, code=code)) == CodeChecked(CodeOutcome.MISMATCH)
    assert servicer.asked == []


async def test_a_question_that_cannot_be_put_is_refused_before_it_is() -> None:
    async with told() as (operator, servicer):
        with pytest.raises(OperatorError) as caught:
            await operator.send_code(text_order(NUMBER, text="\ud800"))
        with pytest.raises(OperatorError):
            await operator.look_up(replace(lookup_request(NUMBER), purpose="MARKETING"))
    assert (caught.value.reason, caught.value.sent) == ("REQUEST_REFUSED", False)
    assert servicer.asked == []


async def test_a_number_that_is_not_the_operators() -> None:
    fake = FakeOperator("mts", started=OperatorError("NOT_OURS", "no such subscriber"))
    async with remote(fake, FakeClock(NOW)) as operator:
        assert (await refused(operator, "StartNetworkCheck")).reason == "NOT_OURS"


@pytest.mark.parametrize("details", [b"\xff\xff", status_pb2.Status().SerializeToString(), _detailed("not a reason")])
async def test_details_that_are_none_change_nothing(details: bytes) -> None:
    async def lie(_request: Any, context: Any, _honest: Any) -> Any:
        await context.abort(CODE.INVALID_ARGUMENT, "", trailing_metadata=((DETAILS, details), ("other", "text")))

    async with told({"SendCode": lie}) as (operator, _):
        error = await refused(operator)
    assert (error.reason, str(error)) == ("REQUEST_REFUSED", "SendCode: INVALID_ARGUMENT")


async def test_an_answer_about_another_number_breaks_the_contract() -> None:
    async def lie(_request: Any, _context: Any, honest: Any) -> Any:
        said = await honest()
        said.phone_number = "+79161234568"
        return said

    async with told({"LookUpSubscriber": lie}) as (operator, _):
        with pytest.raises(BrokenContractError, match="phone_number"):
            await operator.look_up(lookup_request(NUMBER))


async def test_ordinary_answers_arrive() -> None:
    fake = FakeOperator("mts", found=[replace(answer(), lookup_reference="l1")])
    async with remote(fake, FakeClock(NOW)) as operator:
        assert operator.operator_id == "mts"
        assert await operator.look_up(lookup_request(NUMBER)) == fake.found[0]
        assert await operator.send_code(code_order(NUMBER)) == fake.sent
        assert await operator.finish_network_check(OFFER) == fake.finished
        assert await operator.start_network_check(network_order(NUMBER)) == fake.started


def events(*messages: pb.StreamEventsResponse | bytes) -> list[bytes]:
    return [one if isinstance(one, bytes) else one.SerializeToString() for one in messages]


async def test_impossible_events_are_left_out_and_told_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    good = pb.StreamEventsResponse(event=event_message(BEAT))
    bad = pb.StreamEventsResponse()
    raw = events(*[bad] * 4, b"\xff\xff\xff", good)
    async with (
        serving(Raw(*raw)) as address,
        client(plain(address), FakeClock(NOW)) as operator,
        streaming(operator) as stream,
    ):
        found = [event async for event in stream]
    assert found == [BEAT]
    told_of = [record.getMessage() for record in caplog.records if "is skipped" in record.getMessage()]
    assert [text.split(", ")[1].split(" ")[0] for text in told_of] == ["1", "2", "4"]


async def test_a_cursor_that_is_too_old() -> None:
    fake = FakeOperator("mts", oldest=5)
    async with remote(fake, FakeClock(NOW)) as operator, streaming(operator, "2") as stream:
        with pytest.raises(CursorTooOldError):
            await anext(stream)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OperatorError("EVENTS_NOT_SUPPORTED", "none are sent"), "EVENTS_NOT_SUPPORTED"),
        (OperatorError("DOWN", "no route"), "UNAVAILABLE"),
        (ValueError("a bug"), "OPERATOR_ERROR"),
    ],
)
async def test_a_stream_that_breaks_off_says_why(error: Exception, reason: str) -> None:
    fake = FakeOperator("mts")
    async with remote(fake, FakeClock(NOW)) as operator, streaming(operator) as stream:
        assert (await anext(stream)).kind is EventKind.HEARTBEAT
        fake.tell(error)
        with pytest.raises(OperatorError) as caught:
            await anext(stream)
    assert caught.value.reason == reason


async def test_a_stream_that_is_closed_ends_at_the_operator() -> None:
    closed = asyncio.Event()

    class Streaming(FakeOperator):
        async def stream_events(self, cursor: str) -> AsyncIterator[OperatorEvent]:
            try:
                yield BEAT
                await asyncio.Event().wait()
            finally:
                closed.set()

    async with remote(Streaming("mts"), FakeClock(NOW)) as operator:
        async with streaming(operator) as stream:
            assert await anext(stream) == BEAT
        async with asyncio.timeout(5):
            await closed.wait()
