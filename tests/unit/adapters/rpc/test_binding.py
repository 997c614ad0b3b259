"""BindingService on the wire: what became of bindings, checked, refreshed and streamed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from fakes.desk import Ground, open_ground
from fakes.evidence import DAY, NOW, answer, known, packaged_policy
from fakes.following import Following, until
from fakes.rpc import Failure, bearer, failure, serving, taken_apart
from fakes.store_rows import PARTY, binding, name_of, phone_of
from numseal.adapters.rpc.binding import BindingService, BindingUseCases
from numseal.adapters.rpc.binding_messages import binding_message, check_message, refresh_of, shown_of, states_of
from numseal.adapters.rpc.gate import Gate
from numseal.adapters.rpc.handlers import add_handlers
from numseal.api.verification.v1 import assurance_pb2
from numseal.api.verification.v1 import binding_pb2 as pb
from numseal.api.verification.v1.binding_pb2_grpc import BindingServiceStub
from numseal.domain.binding import Binding, BindingState, Check, CheckResult, Monitoring, Stream
from numseal.domain.errors import Refusal
from numseal.domain.evidence import LookupOutcome, SimChange, SimChangeKind
from numseal.domain.number_plan import NumberPlan, Range
from numseal.domain.policy import Policies
from numseal.domain.relying_party import App, RelyingParty
from numseal.domain.verdict import Finding, Level, Severity
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.check_number import CheckNumber
from numseal.usecases.read_bindings import ReadBindings
from numseal.usecases.revoke_binding import RevokeBinding

if TYPE_CHECKING:
    from numseal.api.verification.v1.binding_pb2_grpc import BindingServiceAsyncStub

TOKEN = "token"
METADATA = bearer(TOKEN)
ID = name_of(1, "b")
MADE: dict[str, Any] = {"purpose": "SIGN_UP", "recheck_time": NOW + DAY}
NOTED = Finding("DEVICE_CHANGED_SINCE_BINDING", Severity.NOTE, "x", ("event.device_change",))
DOUBTED = Finding("SIM_CHANGED_SINCE_BINDING", Severity.CAUTION, "y", ("recheck.sim_ref",), Level.LOW)


@dataclass(frozen=True, slots=True)
class Served:
    """A served BindingService over a store."""

    stub: "BindingServiceAsyncStub"
    following: Following
    ground: Ground
    presented: list[dict[str, Any]]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    ground = await open_ground(tmp_path / "numseal.db")
    following = Following(ground)
    presented: list[dict[str, Any]] = []

    async def judge(_relying_party: str, **asked: Any) -> Check:
        presented.append(asked)
        return Check(CheckResult.SPOOFED, Level.NONE, (NOTED, DOUBTED), None)

    use = BindingUseCases(
        check=CheckNumber(
            store=ground.store,
            plan=NumberPlan([Range("+7916", 11, "mts")]),
            policies=Policies(packaged_policy()),
            clock=ground.clock,
            health=following.health,
            presentations=cast("Any", judge),
        ),
        read=ReadBindings(store=ground.store, issue=cast("Any", None)),
        refresh=following.refresh,
        revoke=RevokeBinding(store=ground.store),
        watch=following.stream,
        health=following.health,
    )
    party = RelyingParty(PARTY, "Acme", (App("main", "Acme", {"en": "{{code}}"}, "en"),))
    service = BindingService(Gate({sha256(TOKEN.encode()).hexdigest(): party}, {}), use, {}, ground.clock)
    descriptor = pb.DESCRIPTOR.services_by_name["BindingService"]
    await following.bind(binding(1, **MADE))
    async with serving(lambda server: add_handlers(server, descriptor, service)) as channel:
        yield Served(cast("Any", BindingServiceStub(channel)), following, ground, presented)
    await ground.store.close()


def message(bound: Binding, now: int = NOW, **more: Any) -> pb.Binding:
    return binding_message(replace(bound, purpose="SIGN_UP"), {}, now, **more)


# Messages


def test_a_binding_tells_what_was_found_since_the_gravest_first() -> None:
    sent = message(binding(1, findings=(NOTED, DOUBTED), reverify_by=NOW + 9, update_time=NOW + 5))
    assert [finding.code for finding in sent.findings] == [DOUBTED.code, NOTED.code]
    assert [finding.evidence[0].phase for finding in sent.findings] == [
        assurance_pb2.EVIDENCE_PHASE_RECHECK,
        assurance_pb2.EVIDENCE_PHASE_EVENT,
    ]
    assert (sent.reverify_by.seconds, sent.update_time.seconds, sent.create_time.seconds) == (NOW + 9, NOW + 5, NOW)


LIVELY, SILENT = {"mts": Stream(0, NOW)}, {"mts": Stream(0, NOW - 61)}


@pytest.mark.parametrize(
    ("changes", "streams", "state"),
    [
        ({}, LIVELY, "UNMONITORED"),
        ({"monitoring": Monitoring.POLLED}, {}, "POLLED"),
        ({"monitoring": Monitoring.WATCHED}, LIVELY, "WATCHED"),
        ({"monitoring": Monitoring.WATCHED}, SILENT, "INTERRUPTED"),
        ({"monitoring": Monitoring.WATCHED}, {}, "INTERRUPTED"),
        ({"monitoring": Monitoring.WATCHED}, None, "WATCHED"),
        ({"monitoring": Monitoring.WATCHED, "state": BindingState.SUSPENDED}, LIVELY, "WATCHED"),
        ({"monitoring": Monitoring.WATCHED, "state": BindingState.REVOKED}, LIVELY, "UNMONITORED"),
    ],
)
def test_how_a_number_is_followed(changes: dict[str, Any], streams: Any, state: str) -> None:
    sent = message(binding(1, **changes), streams=streams)
    assert pb.MonitoringState.Name(sent.monitoring_state) == f"MONITORING_STATE_{state}"


def test_a_watched_number_is_observed_while_its_stream_lives() -> None:
    watched = binding(1, monitoring=Monitoring.WATCHED, observed_time=NOW - 500)
    assert message(watched, streams=LIVELY).observed_time.seconds == NOW
    for other in (replace(watched, monitoring=Monitoring.POLLED), replace(watched, state=BindingState.REVOKED)):
        assert message(other, streams=LIVELY).observed_time.seconds == NOW - 500


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({"state": BindingState.SUSPENDED, "end_reason": "SIM_CHANGED"}, "SUSPENDED", "SIM_CHANGED"),
        ({"state": BindingState.SUSPENDED, "end_reason": "BARRED"}, "SUSPENDED", "BARRED"),
        ({"state": BindingState.REVOKED, "end_reason": "REASSIGNED", "reverify_by": 9}, "REVOKED", "REASSIGNED"),
        ({"state": BindingState.EXPIRED, "end_reason": "EXPIRED"}, "EXPIRED", "UNSPECIFIED"),
        ({"expire_time": NOW}, "EXPIRED", "UNSPECIFIED"),
    ],
)
def test_where_a_binding_stands(changes: dict[str, Any], state: str, reason: str) -> None:
    sent = message(binding(1, **changes))
    assert pb.BindingState.Name(sent.state) == f"BINDING_STATE_{state}"
    assert pb.RevocationReason.Name(sent.revocation_reason) == f"REVOCATION_REASON_{reason}"
    assert not sent.HasField("reverify_by")


def test_findings_of_a_check_come_the_gravest_first() -> None:
    sent = check_message(Check(CheckResult.GENUINE, Level.LOW, (NOTED, DOUBTED), None), NOW)
    assert [finding.code for finding in sent.findings] == [DOUBTED.code, NOTED.code]


def test_low_is_the_least_level_unless_another_is_asked_for() -> None:
    request = pb.CheckNumberRequest(account_id="a", phone_number="+7")
    assert (shown_of(request).min_level, shown_of(request).max_age) == (Level.LOW, None)
    request.min_level = assurance_pb2.ASSURANCE_LEVEL_NONE
    assert shown_of(request).min_level is Level.NONE


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "SHOWN_REQUIRED"),
        ({"presentation": ""}, "PRESENTATION_REQUIRED"),
        ({"phone_number": "+7", "min_level": 99}, "LEVEL_UNKNOWN"),
    ],
)
def test_what_cannot_be_checked(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        shown_of(pb.CheckNumberRequest(account_id="a", **fields))
    assert caught.value.reason == reason


def test_a_refresh_without_an_age_has_none() -> None:
    assert refresh_of(pb.RefreshBindingRequest(binding_id=ID)).max_age is None
    assert refresh_of(pb.RefreshBindingRequest(binding_id=ID, max_age=Duration(seconds=0))).max_age == 0


def test_states_to_list() -> None:
    assert states_of([pb.BINDING_STATE_EXPIRED]) == {BindingState.EXPIRED}
    for wrong in ([99], [pb.BINDING_STATE_ACTIVE] * 17):
        with pytest.raises(Refusal):
            states_of(wrong)


# RPCs


async def test_refresh_answers_with_the_binding_and_what_was_found(served: Served) -> None:
    served.ground.clock.advance(100)
    served.ground.mts.found = [
        answer(sim_change=known(SimChange(NOW + 50, SimChangeKind.REPLACED)), sim_ref=known(None))
    ]
    sent = await served.stub.RefreshBinding(pb.RefreshBindingRequest(binding_id=ID), metadata=METADATA)
    assert [finding.code for finding in sent.findings] == ["SIM_CHANGED_SINCE_BINDING"]
    assert sent.binding.assurance_level == assurance_pb2.ASSURANCE_LEVEL_LOW
    assert sent.binding.observed_time.seconds == NOW + 100
    served.ground.mts.found = [OperatorError("DOWN", "no route")]
    found = await failure(served.stub.RefreshBinding(pb.RefreshBindingRequest(binding_id=ID), metadata=METADATA))
    assert (found.code, found.reason) == (grpc.StatusCode.UNAVAILABLE, "OPERATOR_UNANSWERED")
    assert found.retry is not None


async def test_a_presentation_is_passed_on(served: Served) -> None:
    request = pb.CheckNumberRequest(account_id="account-1", presentation="e.y.J~", nonce="n", audience="a")
    sent = await served.stub.CheckNumber(request, metadata=METADATA)
    assert sent.result == pb.NUMBER_CHECK_RESULT_SPOOFED
    assert (served.presented[0]["presentation"], served.presented[0]["nonce"]) == ("e.y.J~", "n")


async def test_a_batch_answers_each_and_spoils_none(served: Served) -> None:
    good = pb.CheckNumberRequest(account_id="account-1", phone_number=phone_of(1))
    items = [pb.CheckNumberRequest(account_id="a"), *[good] * 40, pb.CheckNumberRequest(phone_number=phone_of(1))]
    request = pb.BatchCheckNumbersRequest(requests=items)
    sent = await served.stub.BatchCheckNumbers(request, metadata=METADATA)
    assert [item.error.reason for item in sent.results] == ["SHOWN_REQUIRED", *[""] * 40, "ACCOUNT_ID_REQUIRED"]
    assert (sent.results[0].error.code, sent.results[0].error.field) == (3, "shown")
    assert {item.response.result for item in sent.results[1:-1]} == {pb.NUMBER_CHECK_RESULT_GENUINE}
    too_many = pb.BatchCheckNumbersRequest(requests=[good] * 1_001)
    found = await failure(served.stub.BatchCheckNumbers(too_many, metadata=METADATA))
    assert found.reason == "TOO_MANY_REQUESTS"


async def test_reading_listing_and_revoking(served: Served) -> None:
    read = await served.stub.GetBinding(pb.GetBindingRequest(binding_id=ID), metadata=METADATA)
    request = pb.ListBindingsRequest(account_id="account-1", phone_number=phone_of(1))
    listed = await served.stub.ListBindings(request, metadata=METADATA)
    assert [item.binding_id for item in listed.bindings] == [read.binding.binding_id] == [ID]
    revoking = pb.RevokeBindingRequest(binding_id=ID, reason=pb.REVOCATION_REASON_FRAUD)
    revoked = await served.stub.RevokeBinding(revoking, metadata=METADATA)
    assert revoked.binding.state == pb.BINDING_STATE_REVOKED
    bad = pb.RevokeBindingRequest(binding_id=ID, reason=pb.REVOCATION_REASON_TERMINATED)
    assert (await failure(served.stub.RevokeBinding(bad, metadata=METADATA))).reason == "REVOCATION_REASON_UNKNOWN"


# The stream


async def test_changes_are_streamed_with_what_was_found(served: Served) -> None:
    stream = served.stub.WatchBindings(pb.WatchBindingsRequest(cursor="c1-0"), metadata=METADATA)
    first = await anext(aiter(stream))
    assert first.change.kind == pb.BINDING_CHANGE_KIND_CREATED
    assert first.change.commit_time.seconds == NOW
    served.ground.mts.found = [answer(LookupOutcome.NOT_ASSIGNED)]
    await served.stub.RefreshBinding(pb.RefreshBindingRequest(binding_id=ID), metadata=METADATA)
    ended = await anext(aiter(stream))
    assert (ended.change.kind, ended.change.binding.state) == (
        pb.BINDING_CHANGE_KIND_REVOKED,
        pb.BINDING_STATE_REVOKED,
    )
    assert [finding.code for finding in ended.change.findings] == ["TERMINATED_SINCE_BINDING"]
    beat = await anext(aiter(stream))
    assert (beat.WhichOneof("step"), beat.heartbeat.send_time.seconds, beat.cursor) == ("heartbeat", NOW, ended.cursor)
    stream.cancel()
    await until(lambda: not served.following.stream._streams[PARTY])


async def failed(stream: Any) -> Failure:
    try:
        async for _ in stream:
            pass
    except grpc.aio.AioRpcError as error:
        return taken_apart(error)
    raise AssertionError("the stream ended well")


@pytest.mark.parametrize(
    ("cursor", "metadata", "code", "reason"),
    [
        ("c1-0", (), grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_MISSING"),
        ("c1-0", bearer("another"), grpc.StatusCode.UNAUTHENTICATED, "TOKEN_UNKNOWN"),
        ("nonsense", METADATA, grpc.StatusCode.INVALID_ARGUMENT, "CURSOR_MALFORMED"),
        ("c1-ff", METADATA, grpc.StatusCode.OUT_OF_RANGE, "CURSOR_AHEAD"),
    ],
)
async def test_streams_that_are_refused(
    served: Served, cursor: str, metadata: Any, code: grpc.StatusCode, reason: str
) -> None:
    found = await failed(served.stub.WatchBindings(pb.WatchBindingsRequest(cursor=cursor), metadata=metadata))
    assert (found.code, found.reason) == (code, reason)


async def test_a_server_that_stops_does_not_wait_for_streams(served: Served) -> None:
    stream = served.stub.WatchBindings(pb.WatchBindingsRequest(), metadata=METADATA)
    await anext(aiter(stream))
    served.following.stream.close()
    async with asyncio.timeout(5):
        found = await failed(stream)
    assert (found.code, found.reason) == (grpc.StatusCode.UNAVAILABLE, "SERVER_STOPPING")
    assert found.retry is not None
