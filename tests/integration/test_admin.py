"""AdminService over a real server: who may call, what is refused, how changes meet, and the trail of it all."""

import json
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from fakes import channels
from fakes.administration import WHY, Admin, administrators, agreement_of, put_in_force, suspend
from fakes.clock import FakeClock
from fakes.messenger import Refused, answers, refused
from fakes.world import NOW, OTHER_TOKEN, World
from numseal.api.admin.v1 import admin_pb2, resource_pb2
from numseal.api.operator.v1 import operator_pb2, subscriber_pb2
from numseal.apps.config import Config, ConfigError
from numseal.apps.development import Development
from numseal.apps.server import serving
from numseal.domain.audit_trail import AuditEvent, first_break
from numseal.domain.limits import DAY

MTS = "+79161234567"
OPERATORS = ["beeline", "kcell", "megafon", "mts", "rostelecom-fixed", "t2", "telekom-de"]
OPERATOR, RELYING_PARTY = resource_pb2.AGREEMENT_SIDE_OPERATOR, resource_pb2.AGREEMENT_SIDE_RELYING_PARTY


@pytest.fixture
def admins(world: World) -> tuple[Admin, Admin]:
    return administrators(world.messenger.channel, world.setup.config.file.parent)


@pytest.fixture
def ada(admins: tuple[Admin, Admin]) -> Admin:
    return admins[0]


async def failure(call: Awaitable[Any]) -> Refused:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return refused(caught.value)


def ids(answer: admin_pb2.ListAgreementsResponse) -> list[str]:
    return [item.agreement_id for item in answer.agreements]


SERVED: dict[str, dict[str, Any]] = {
    "GetOperator": {"operator_id": "mts"},
    "ListOperators": {},
    "CreateAgreement": {"agreement": agreement_of("new")},
    "GetAgreement": {"agreement_id": "demo-mts"},
    "ListAgreements": {},
    "UpdateAgreement": {"agreement": agreement_of("demo-mts")},
    "AcceptAgreement": {"agreement_id": "demo-mts", "side": OPERATOR, "reference": "l", "etag": "v1"},
    "ProposeSuspension": {"agreement_id": "demo-mts", **WHY},
    "ConfirmSuspension": {"agreement_id": "demo-mts", "suspension_id": "0" * 32},
    "ResumeAgreement": {"agreement_id": "demo-mts", **WHY},
    "EndAgreement": {"agreement_id": "demo-mts", **WHY},
    "ListAuditEvents": {},
}


# Who may call


@pytest.mark.parametrize("rpc", SERVED)
async def test_only_administrators_may_call(world: World, ada: Admin, rpc: str) -> None:
    trail = await ada.trail()
    for token, expected in (
        (world.setup.token, Refused("PERMISSION_DENIED", "NOT_AN_ADMINISTRATOR")),
        (OTHER_TOKEN, Refused("PERMISSION_DENIED", "NOT_AN_ADMINISTRATOR")),
        ("nobody's", Refused("UNAUTHENTICATED", "TOKEN_UNKNOWN")),
    ):
        assert await failure(replace(ada, token=token).call(rpc, **SERVED[rpc])) == expected
    assert await ada.trail() == trail


async def test_an_administrator_is_no_relying_party(world: World, ada: Admin) -> None:
    messenger = replace(world.messenger, metadata=(("authorization", f"Bearer {ada.token}"),))
    with answers("PERMISSION_DENIED", "NOT_A_RELYING_PARTY"):
        await messenger.start(MTS)
    with answers("PERMISSION_DENIED", "NOT_A_RELYING_PARTY"):
        await messenger.shown(MTS)


# Agreements from their proposal to their end


async def test_an_agreement_is_made_accepted_and_read(world: World, ada: Admin) -> None:
    wish = agreement_of(
        "new",
        methods=[operator_pb2.METHOD_SMS, operator_pb2.METHOD_NETWORK],
        signals=[subscriber_pb2.SIGNAL_KIND_PORT],
        end_time=Timestamp(seconds=NOW + DAY),
        quota=resource_pb2.Quota(
            daily_verifications=5, calls_per_second=2, daily_cost_cap_micros=7, currency_code="RUB"
        ),
        offer=resource_pb2.Offer(uri="https://o.example/offer", sha256="0" * 64, approval_reference="order 1"),
        consent_purpose="number check",
        notification_reference="n-1",
    )
    made: resource_pb2.Agreement = (await ada.call("CreateAgreement", agreement=wish)).agreement
    for name in ("agreement_id", "relying_party_id", "operator_id", "methods", "signals", "start_time", "end_time"):
        assert getattr(made, name) == getattr(wish, name)
    for name in ("quota", "offer", "consent_purpose", "notification_reference"):
        assert getattr(made, name) == getattr(wish, name)
    assert (made.state, made.create_time.seconds) == (resource_pb2.AGREEMENT_STATE_PROPOSED, NOW)
    assert await ada.agreement("new") == made
    accept = {"agreement_id": "new", "side": OPERATOR, "reference": "letter 1"}
    once = (await ada.call("AcceptAgreement", etag=made.etag, **accept)).agreement
    assert await failure(ada.call("AcceptAgreement", etag=made.etag, **accept)) == Refused(
        "ABORTED", "ETAG_MISMATCH", "etag"
    )
    assert await failure(ada.call("AcceptAgreement", etag=once.etag, **accept)) == Refused(
        "FAILED_PRECONDITION", "SIDE_ACCEPTED_ALREADY"
    )
    accept["side"] = RELYING_PARTY
    both = (await ada.call("AcceptAgreement", etag=once.etag, **accept)).agreement
    assert both.state == resource_pb2.AGREEMENT_STATE_ACTIVE
    assert [(item.side, item.administrator_id, item.reference) for item in both.acceptances] == [
        (OPERATOR, "admin-a", "letter 1"),
        (RELYING_PARTY, "admin-a", "letter 1"),
    ]


async def test_changed_terms_of_a_proposal_must_be_accepted_anew(ada: Admin) -> None:
    made: resource_pb2.Agreement = (await ada.call("CreateAgreement", agreement=agreement_of("new"))).agreement
    accept = {"agreement_id": "new", "side": OPERATOR, "reference": "letter 1"}
    once = (await ada.call("AcceptAgreement", etag=made.etag, **accept)).agreement
    once.consent_purpose = "number check"
    changed = (await ada.call("UpdateAgreement", agreement=once)).agreement
    assert (changed.state, list(changed.acceptances)) == (resource_pb2.AGREEMENT_STATE_PROPOSED, [])
    assert changed.consent_purpose == "number check"
    assert await failure(ada.call("UpdateAgreement", agreement=once)) == Refused(
        "ABORTED", "ETAG_MISMATCH", "agreement.etag"
    )
    # Nothing changed, nothing recorded.
    trail = await ada.trail()
    assert (await ada.call("UpdateAgreement", agreement=changed)).agreement == changed
    assert await ada.trail() == trail
    changed.operator_id = "megafon"
    assert await failure(ada.call("UpdateAgreement", agreement=changed)) == Refused(
        "INVALID_ARGUMENT", "SIDES_CHANGED", "agreement"
    )


async def test_no_administrator_alone_takes_an_agreement_out_of_force_by_changing_it(
    world: World, admins: tuple[Admin, Admin]
) -> None:
    ada, bob = admins
    await ada.call("EndAgreement", agreement_id="demo-mts", **WHY)
    active = await put_in_force(ada, agreement_of("new"))
    active.notification_reference = "n-1"
    noted = (await ada.call("UpdateAgreement", agreement=active)).agreement
    assert (noted.state, noted.notification_reference) == (resource_pb2.AGREEMENT_STATE_ACTIVE, "n-1")
    trail, size = await ada.trail(), await world.messenger.log_size()
    wish = resource_pb2.Agreement()
    wish.CopyFrom(noted)
    wish.consent_purpose = "number check"
    in_force = Refused("FAILED_PRECONDITION", "AGREEMENT_IN_FORCE")
    assert await failure(ada.call("UpdateAgreement", agreement=wish)) == in_force
    wish.etag = ""
    assert await failure(ada.call("UpdateAgreement", agreement=wish)) == Refused(
        "INVALID_ARGUMENT", "ETAG_REQUIRED", "agreement.etag"
    )
    assert await ada.agreement("new") == noted
    assert (await ada.trail(), await world.messenger.log_size()) == (trail, size)
    assert (await world.messenger.start(MTS)).operator.operator_id == "mts"
    suspended = (await suspend(ada, bob, "new")).agreement
    wish.etag = suspended.etag
    assert await failure(ada.call("UpdateAgreement", agreement=wish)) == in_force
    # What is right: another agreement with the changed terms, and an end to this one.
    await put_in_force(ada, agreement_of("newer", consent_purpose="number check"))
    await ada.call("EndAgreement", agreement_id="new", **WHY)
    with answers("INVALID_ARGUMENT", "CONSENT_REQUIRED", "consent_reference"):
        await world.messenger.start("+79161234568")
    opened = await world.messenger.start("+79161234568", consent_reference="c-1")
    assert opened.operator.operator_id == "mts"


async def test_an_update_names_the_version_that_was_read(ada: Admin) -> None:
    for message in (
        agreement_of("demo-mts"),
        (await ada.call("CreateAgreement", agreement=agreement_of("new"))).agreement,
    ):
        message.etag = ""
        assert await failure(ada.call("UpdateAgreement", agreement=message)) == Refused(
            "INVALID_ARGUMENT", "ETAG_REQUIRED", "agreement.etag"
        )
    accept = SERVED["AcceptAgreement"] | {"agreement_id": "new", "etag": ""}
    assert await failure(ada.call("AcceptAgreement", **accept)) == Refused("INVALID_ARGUMENT", "ETAG_REQUIRED", "etag")


async def test_what_the_file_declares_is_changed_there(ada: Admin) -> None:
    declared = await ada.agreement("demo-mts")
    assert [item.administrator_id for item in declared.acceptances] == ["configuration"] * 2
    declared.consent_purpose = "number check"
    assert await failure(ada.call("UpdateAgreement", agreement=declared)) == Refused(
        "FAILED_PRECONDITION", "AGREEMENT_DECLARED"
    )


async def test_a_wish_is_granted_once_however_often_it_is_made(world: World, ada: Admin) -> None:
    wish = {"agreement": agreement_of("new"), "request_id": "r-1"}
    made = await ada.call("CreateAgreement", **wish)
    assert await ada.call("CreateAgreement", **wish) == made
    other = {"agreement": agreement_of("new", consent_purpose="x"), "request_id": "r-1"}
    assert await failure(ada.call("CreateAgreement", **other)) == Refused(
        "ALREADY_EXISTS", "REQUEST_ID_REUSED", "request_id"
    )
    assert await failure(ada.call("CreateAgreement", agreement=agreement_of("new"))) == Refused(
        "ALREADY_EXISTS", "AGREEMENT_EXISTS", "agreement.agreement_id"
    )
    assert (await failure(ada.call("CreateAgreement", agreement=agreement_of("b"), request_id="a b"))).reason == (
        "REQUEST_ID_MALFORMED"
    )
    assert [event.action for event in await ada.trail(resource="agreements/new")] == ["CreateAgreement"]
    world.clock.advance(DAY + 1)
    assert (await failure(ada.call("CreateAgreement", **wish))).reason == "AGREEMENT_EXISTS"


# Suspension takes two


async def test_who_proposed_a_suspension_cannot_confirm_it(world: World, admins: tuple[Admin, Admin]) -> None:
    ada, bob = admins
    proposed = await ada.call("ProposeSuspension", agreement_id="demo-mts", **WHY)
    assert proposed.agreement.state == resource_pb2.AGREEMENT_STATE_ACTIVE
    assert (await world.messenger.start(MTS)).operator.operator_id == "mts"
    assert proposed.suspension.proposed_by == "admin-a"
    wish = {"agreement_id": "demo-mts", "suspension_id": proposed.suspension.suspension_id}
    size = await world.messenger.log_size()
    assert await failure(ada.call("ConfirmSuspension", **wish)) == Refused("PERMISSION_DENIED", "SAME_ADMINISTRATOR")
    assert await failure(bob.call("ConfirmSuspension", agreement_id="demo-mts", suspension_id="0" * 32)) == Refused(
        "NOT_FOUND", "SUSPENSION_NOT_FOUND"
    )
    assert await world.messenger.log_size() == size
    confirmed = await bob.call("ConfirmSuspension", **wish)
    (suspension,) = confirmed.agreement.suspensions
    assert (suspension.confirmed_by, suspension.effect_time.seconds, suspension.leaf_index) == ("admin-b", NOW, size)
    # A lost answer is given again, with nothing logged a second time.
    again = await bob.call("ConfirmSuspension", **wish)
    assert (again.agreement, again.proof) == (confirmed.agreement, confirmed.proof)
    assert await world.messenger.log_size() == size + 1
    assert (await failure(ada.call("ConfirmSuspension", **wish))).reason == "AGREEMENT_SUSPENDED"
    await ada.call("ResumeAgreement", agreement_id="demo-mts", **WHY)
    for who in (ada, bob):
        assert (await failure(who.call("ConfirmSuspension", **wish))).reason == "SUSPENSION_CONFIRMED_ALREADY"
    assert (await ada.agreement("demo-mts")).state == resource_pb2.AGREEMENT_STATE_ACTIVE


async def test_what_is_not_suspended_is_not_resumed_and_what_ended_stays_so(admins: tuple[Admin, Admin]) -> None:
    ada, bob = admins
    assert (await failure(ada.call("ResumeAgreement", agreement_id="demo-mts", **WHY))).reason == "AGREEMENT_ACTIVE"
    await suspend(ada, bob, "demo-mts")
    assert (await failure(ada.call("ProposeSuspension", agreement_id="demo-mts", **WHY))).reason == (
        "AGREEMENT_SUSPENDED"
    )
    await ada.call("EndAgreement", agreement_id="demo-mts", **WHY)
    ended = await ada.agreement("demo-mts")
    assert (await failure(ada.call("UpdateAgreement", agreement=ended))).code == "FAILED_PRECONDITION"
    for rpc in ("ResumeAgreement", "EndAgreement", "ProposeSuspension"):
        found = await failure(ada.call(rpc, agreement_id="demo-mts", **WHY))
        assert (found.code, found.reason) == ("FAILED_PRECONDITION", "AGREEMENT_ENDED")


# What cannot be


@pytest.mark.parametrize("rpc", ["GetAgreement", "AcceptAgreement", "ProposeSuspension", "ConfirmSuspension"])
async def test_an_agreement_that_there_is_not(ada: Admin, rpc: str) -> None:
    wish = SERVED[rpc] | {"agreement_id": "no-such"}
    assert await failure(ada.call(rpc, **wish)) == Refused("NOT_FOUND", "AGREEMENT_NOT_FOUND")


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("agreement.agreement_id", {"agreement_id": "NEW"}),
        ("agreement.relying_party_id", {"relying_party_id": "no-such"}),
        ("agreement.operator_id", {"operator_id": "no-such"}),
        ("agreement.methods", {"methods": []}),
        ("agreement.methods", {"methods": [9]}),
        ("agreement.signals", {"signals": []}),
        ("agreement.signals", {"signals": [0]}),
        ("agreement.start_time", {"start_time": Timestamp(seconds=-1)}),
        ("agreement.end_time", {"end_time": Timestamp(seconds=1)}),
        ("agreement.end_time", {"end_time": Timestamp(seconds=NOW)}),
        ("agreement.end_time", {"end_time": Timestamp(seconds=2**62)}),
        ("agreement.quota.currency_code", {"quota": resource_pb2.Quota(daily_cost_cap_micros=1)}),
        ("agreement.quota.calls_per_second", {"quota": resource_pb2.Quota(calls_per_second=-1)}),
        ("agreement.offer.uri", {"offer": resource_pb2.Offer(sha256="0" * 64)}),
        ("agreement.consent_purpose", {"consent_purpose": "x" * 256}),
    ],
)
async def test_terms_that_cannot_be_are_refused_by_their_field(ada: Admin, field: str, changes: dict[str, Any]) -> None:
    found = await failure(ada.call("CreateAgreement", agreement=agreement_of("new", **changes)))
    assert (found.code, found.field) == ("INVALID_ARGUMENT", field)
    assert (await failure(ada.call("GetAgreement", agreement_id="new"))).code == "NOT_FOUND"


async def test_an_agreement_without_a_beginning_is_refused(ada: Admin) -> None:
    message = agreement_of("new")
    message.ClearField("start_time")
    assert await failure(ada.call("CreateAgreement", agreement=message)) == Refused(
        "INVALID_ARGUMENT", "START_TIME_REQUIRED", "agreement.start_time"
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reason": ""}, "REASON_MALFORMED"),
        ({"reason": "x" * 1_025}, "REASON_MALFORMED"),
        ({"reason": "spam by +79161234567"}, "REASON_NAMES_NUMBER"),
        ({"reason": "subscriber 8 (916) 123-45-67"}, "REASON_NAMES_NUMBER"),
        ({"reference": "79161234567"}, "REFERENCE_NAMES_NUMBER"),
        ({"reference": ""}, "REFERENCE_MALFORMED"),
        ({"reference": "x" * 256}, "REFERENCE_MALFORMED"),
    ],
)
@pytest.mark.parametrize("rpc", ["ProposeSuspension", "ResumeAgreement", "EndAgreement"])
async def test_a_decision_says_why_and_names_no_person(
    ada: Admin, rpc: str, changes: dict[str, str], reason: str
) -> None:
    found = await failure(ada.call(rpc, agreement_id="demo-mts", **(WHY | changes)))
    assert (found.code, found.reason, found.field) == ("INVALID_ARGUMENT", reason, next(iter(changes)))


async def test_no_phone_number_gets_into_an_agreement_or_the_trail(ada: Admin) -> None:
    made: resource_pb2.Agreement = (await ada.call("CreateAgreement", agreement=agreement_of("new"))).agreement
    accept = {"agreement_id": "new", "side": OPERATOR, "reference": "79161234567", "etag": made.etag}
    assert await failure(ada.call("AcceptAgreement", **accept)) == Refused(
        "INVALID_ARGUMENT", "REFERENCE_NAMES_NUMBER", "reference"
    )
    for name in ("consent_purpose", "notification_reference"):
        wish = agreement_of("new", etag=made.etag, **{name: "8 (916) 123-45-67"})
        named = Refused("INVALID_ARGUMENT", f"{name.upper()}_NAMES_NUMBER", f"agreement.{name}")
        assert await failure(ada.call("UpdateAgreement", agreement=wish)) == named
        wish.agreement_id = "other"
        assert await failure(ada.call("CreateAgreement", agreement=wish)) == named
    assert [event.action for event in await ada.trail(resource="agreements/new")] == ["CreateAgreement"]


@pytest.mark.parametrize(("side", "reason"), [(0, "SIDE_UNKNOWN"), (3, "SIDE_UNKNOWN")])
async def test_an_acceptance_names_its_side(ada: Admin, side: int, reason: str) -> None:
    wish = SERVED["AcceptAgreement"] | {"side": side}
    assert await failure(ada.call("AcceptAgreement", **wish)) == Refused("INVALID_ARGUMENT", reason, "side")


# Lists


async def test_agreements_are_listed_by_pages_and_filters(admins: tuple[Admin, Admin]) -> None:
    ada, bob = admins
    first = await ada.call("ListAgreements", page_size=3, relying_party_id="demo-messenger")
    assert ids(first) == ["demo-beeline", "demo-kcell", "demo-megafon"]
    rest = await ada.call(
        "ListAgreements", page_size=4, relying_party_id="demo-messenger", page_token=first.next_page_token
    )
    assert ids(rest) == ["demo-mts", "demo-rostelecom-fixed", "demo-t2", "demo-telekom-de"]
    assert rest.next_page_token == ""
    assert ids(await ada.call("ListAgreements", operator_id="mts")) == ["demo-mts", "other-mts"]
    await suspend(ada, bob, "demo-mts")
    suspended = resource_pb2.AGREEMENT_STATE_SUSPENDED
    assert ids(await ada.call("ListAgreements", state=suspended)) == ["demo-mts"]
    assert await failure(ada.call("ListAgreements", page_token=first.next_page_token)) == Refused(
        "INVALID_ARGUMENT", "PAGE_TOKEN_MALFORMED", "page_token"
    )
    assert (await failure(ada.call("ListAgreements", state=9))).field == "state"


@pytest.mark.parametrize("rpc", ["ListAgreements", "ListOperators", "ListAuditEvents"])
async def test_sizes_and_tokens_of_pages_are_checked(ada: Admin, rpc: str) -> None:
    for size in (-1, 1_001):
        assert await failure(ada.call(rpc, page_size=size)) == Refused(
            "INVALID_ARGUMENT", "PAGE_SIZE_OUT_OF_RANGE", "page_size"
        )
    for token in ("x", "W10=", "e30=", "é", "A" * 2_000, "WyJhdWRpdCIsIiIsbnVsbCxudWxsLCJ4Il0="):
        assert (await failure(ada.call(rpc, page_token=token))).reason == "PAGE_TOKEN_MALFORMED"
    await ada.call(rpc, page_size=1_000)


async def test_operators_are_listed_with_what_they_can_do(world: World, ada: Admin) -> None:
    everyone = (await ada.call("ListOperators")).operators
    assert [item.operator_id for item in everyone] == OPERATORS
    first = await ada.call("ListOperators", page_size=3)
    rest = await ada.call("ListOperators", page_size=4, page_token=first.next_page_token)
    assert [item.operator_id for item in (*first.operators, *rest.operators)] == OPERATORS
    assert rest.next_page_token == ""
    mts: resource_pb2.Operator = (await ada.call("GetOperator", operator_id="mts")).operator
    assert (mts.display_name, mts.unavailable_reason) == ("MTS", "")
    assert mts.capabilities.operator_id == "mts"
    assert operator_pb2.METHOD_SMS in [item.method for item in mts.capabilities.methods]
    assert subscriber_pb2.SIGNAL_KIND_SIM_REF in [item.signal for item in mts.capabilities.signals]
    assert list(mts.plmns) == list(mts.capabilities.plmns)
    assert await failure(ada.call("GetOperator", operator_id="no-such")) == Refused("NOT_FOUND", "OPERATOR_NOT_FOUND")


# The trail


def event_of(item: resource_pb2.AuditEvent) -> AuditEvent:
    return AuditEvent(
        item.sequence,
        item.event_time.seconds,
        item.administrator_id,
        item.action,
        item.resource,
        item.detail_json,
        item.chain_hash,
    )


async def test_the_trail_tells_who_did_what_and_is_chained(world: World, admins: tuple[Admin, Admin]) -> None:
    ada, bob = admins
    declared = len(await ada.trail())
    world.clock.advance(100)
    made = await put_in_force(ada, agreement_of("new"))
    await suspend(bob, ada, made.agreement_id)
    await failure(ada.call("EndAgreement", agreement_id="no-such", **WHY))
    await ada.agreement("new")
    events = [event_of(item) for item in await ada.trail(page_size=1_000)]
    assert first_break(events[::-1]) is None
    newest = events[: len(events) - declared][::-1]
    assert [(event.administrator_id, event.action) for event in newest] == [
        ("admin-a", "CreateAgreement"),
        ("admin-a", "AcceptAgreement"),
        ("admin-a", "AcceptAgreement"),
        ("admin-b", "ProposeSuspension"),
        ("admin-a", "ConfirmSuspension"),
    ]
    assert {(event.resource, event.time) for event in newest} == {("agreements/new", NOW + 100)}
    assert json.loads(newest[0].detail)["terms"]["relying_party"] == "demo-messenger"
    assert json.loads(newest[3].detail)["reason"] == WHY["reason"]
    for event in events:
        assert isinstance(json.loads(event.detail), dict)
        assert ada.token not in event.detail
    changed = [*events[::-1]]
    changed[3] = replace(changed[3], detail="{}")
    assert first_break(changed) == 4


async def test_the_trail_is_read_by_pages_resources_and_times(world: World, ada: Admin) -> None:
    whole = await ada.trail(page_size=1_000)
    assert [item.sequence for item in whole] == list(range(len(whole), 0, -1))
    assert {item.administrator_id for item in whole} == {"configuration"}
    found: list[resource_pb2.AuditEvent] = []
    token = ""
    while True:
        answer = await ada.call("ListAuditEvents", page_size=5, page_token=token)
        found += answer.audit_events
        token = answer.next_page_token
        if not token:
            break
    assert found == whole
    world.clock.advance(10)
    await ada.call("ProposeSuspension", agreement_id="demo-mts", **WHY)
    assert [item.action for item in await ada.trail(resource="agreements/demo-mts")] == [
        "ProposeSuspension",
        "DeclareAgreement",
    ]
    at = Timestamp(seconds=NOW + 10)
    assert [item.action for item in await ada.trail(start_time=at)] == ["ProposeSuspension"]
    assert await ada.trail(end_time=at) == whole
    assert await failure(ada.call("ListAuditEvents", start_time=at, end_time=Timestamp(seconds=NOW))) == Refused(
        "INVALID_ARGUMENT", "END_TIME_TOO_EARLY", "end_time"
    )
    found_page = await ada.call("ListAuditEvents", page_size=1)
    other = await failure(
        ada.call("ListAuditEvents", page_size=1, resource="agreements/x", page_token=found_page.next_page_token)
    )
    assert other.reason == "PAGE_TOKEN_MALFORMED"


# The file and the database


async def test_an_id_that_an_administrator_took_cannot_be_declared(
    setup: Development, config: Config, clock: FakeClock
) -> None:
    directory = setup.config.file.parent
    (mts,) = [terms for terms in config.agreements if terms.agreement_id == "demo-mts"]
    others = tuple(terms for terms in config.agreements if terms.agreement_id != "demo-mts")
    async with (
        serving(replace(config, agreements=others), clock) as addresses,
        channels.plain(addresses.grpc) as channel,
    ):
        ada, _ = administrators(channel, directory)
        await ada.call("CreateAgreement", agreement=agreement_of("demo-mts"))
    with pytest.raises(ConfigError, match="demo-mts is in the database as another one, made by an administrator"):
        async with serving(replace(config, agreements=(*others, mts)), clock):
            pass
    async with serving(replace(config, agreements=others), clock):
        pass
