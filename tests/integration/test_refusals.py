"""Every malformed, unknown, replayed or out-of-order request gets its own code and reason, and changes nothing."""

import asyncio

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from fakes.messenger import Messenger, answers, result, state
from fakes.world import NOW, World
from numseal.adapters.rpc.server import MAX_MESSAGE
from numseal.api.admin.v1 import admin_pb2, admin_pb2_grpc
from numseal.api.transparency.v1 import transparency_pb2
from numseal.api.verification.v1 import assurance_pb2, binding_pb2, verification_pb2

MTS, MEGAFON = "+79161234567", "+79261234567"
UNKNOWN_ID = "0" * 32

START = [
    ({"phone_number": ""}, "PHONE_NUMBER_REQUIRED", "phone_number"),
    ({"phone_number": "hello"}, "PHONE_NUMBER_NOT_A_NUMBER", "phone_number"),
    ({"phone_number": "+7916" + "1" * 80}, "PHONE_NUMBER_TOO_LONG", "phone_number"),
    ({"phone_number": "+7916123"}, "PHONE_NUMBER_IMPOSSIBLE", "phone_number"),
    ({"phone_number": "+999123456789"}, "COUNTRY_CODE_UNKNOWN", "phone_number"),
    ({"phone_number": "89161234567"}, "REGION_CODE_REQUIRED", "region_code"),
    ({"phone_number": "89161234567", "region_code": "XX"}, "REGION_CODE_UNKNOWN", "region_code"),
    ({"account": ""}, "ACCOUNT_ID_REQUIRED", "account_id"),
    ({"account": "a" * 10_000}, "ACCOUNT_ID_TOO_LONG", "account_id"),
    ({"account": "a\x00b"}, "ACCOUNT_ID_MALFORMED", "account_id"),
    ({"purpose": verification_pb2.PURPOSE_UNSPECIFIED}, "PURPOSE_UNKNOWN", "purpose"),
    ({"purpose": 99}, "PURPOSE_UNKNOWN", "purpose"),
    ({"method": 99}, "METHOD_UNKNOWN", "method"),
    ({"required_level": 99}, "LEVEL_UNKNOWN", "required_level"),
    ({"app_id": "nobody's"}, "APP_UNKNOWN", "app_id"),
    ({"locale": "not a locale"}, "LOCALE_MALFORMED", "locale"),
    ({"request_id": "a b"}, "REQUEST_ID_MALFORMED", "request_id"),
    ({"consent_reference": "c" * 256}, "CONSENT_REFERENCE_TOO_LONG", "consent_reference"),
    ({"replaces_binding": "x"}, "BINDING_ID_MALFORMED", "replaces_binding"),
    ({"purpose": verification_pb2.PURPOSE_CHANGE_NUMBER}, "REPLACES_BINDING_REQUIRED", "replaces_binding"),
    (
        {"client": verification_pb2.ClientFacts(ip_address="1.2.3")},
        "IP_ADDRESS_MALFORMED",
        "client.ip_address",
    ),
    (
        {"client": verification_pb2.ClientFacts(ip_address="fe80::1%" + "z" * 100_000)},
        "IP_ADDRESS_MALFORMED",
        "client.ip_address",
    ),
    ({"client": verification_pb2.ClientFacts(ip_address="fe80::1%eth0")}, "IP_ADDRESS_MALFORMED", "client.ip_address"),
    ({"client": verification_pb2.ClientFacts(user_agent="u" * 513)}, "USER_AGENT_TOO_LONG", "client.user_agent"),
    (
        {"client": verification_pb2.ClientFacts(device_public_key_jwk='{"kty":"oct"}')},
        "DEVICE_KEY_MALFORMED",
        "client.device_public_key_jwk",
    ),
]


@pytest.mark.parametrize(("wish", "reason", "field"), START, ids=[reason for _, reason, _ in START])
async def test_a_malformed_start_names_the_field(
    world: World, wish: dict[str, object], reason: str, field: str
) -> None:
    fields = {"phone_number": MTS, "account": "alice", **wish}
    number, account = str(fields.pop("phone_number")), str(fields.pop("account"))
    with answers("INVALID_ARGUMENT", reason, field):
        await world.messenger.start(number, account, **fields)
    assert await world.messenger.inbox(MTS) == []


async def test_national_format_with_its_region_is_understood(world: World) -> None:
    opened = await world.messenger.start("8 (916) 123-45-67", region_code="RU")
    assert opened.masked_phone_number == "+7916*****67"
    assert opened.region_code == "RU"


async def test_a_number_of_no_connected_operator(world: World) -> None:
    with answers("FAILED_PRECONDITION", "NUMBER_NOT_SERVED"):
        await world.messenger.start("+442079460000")


async def test_an_operator_without_agreement(world: World) -> None:
    with answers("PERMISSION_DENIED", "NO_AGREEMENT"):
        await world.other.start("+77011234568")


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ((), "CREDENTIALS_MISSING"),
        ((("authorization", "Basic abc"),), "CREDENTIALS_MALFORMED"),
        ((("authorization", "Bearer guessed"),), "TOKEN_UNKNOWN"),
        ((("authorization", "Bearer " + "x" * 600),), "CREDENTIALS_MALFORMED"),
    ],
)
async def test_without_credentials_nothing_is_answered(
    world: World, metadata: tuple[tuple[str, str], ...], reason: str
) -> None:
    stranger = Messenger(world.messenger.channel, metadata)
    with answers("UNAUTHENTICATED", reason):
        await stranger.start(MTS)
    with answers("UNAUTHENTICATED", reason):
        await stranger.shown(MTS)


async def test_ids_that_are_malformed_unknown_or_anothers(world: World) -> None:
    verified = await world.messenger.sign_up(MTS)
    with answers("INVALID_ARGUMENT", "VERIFICATION_ID_MALFORMED", "verification_id"):
        await world.messenger.get("nonsense")
    with answers("NOT_FOUND", "VERIFICATION_NOT_FOUND"):
        await world.messenger.get(UNKNOWN_ID)
    with answers("NOT_FOUND", "VERIFICATION_NOT_FOUND"):
        await world.other.get(verified.verification_id)
    with answers("NOT_FOUND", "VERIFICATION_NOT_FOUND"):
        await world.other.check(verified.verification_id, "123456")
    with answers("NOT_FOUND", "BINDING_NOT_FOUND"):
        await world.other.binding.GetBinding(
            binding_pb2.GetBindingRequest(binding_id=verified.binding_id), metadata=world.other.metadata
        )
    with answers("NOT_FOUND", "BINDING_NOT_FOUND"):
        await world.other.binding.RevokeBinding(
            binding_pb2.RevokeBindingRequest(
                binding_id=verified.binding_id, reason=binding_pb2.REVOCATION_REASON_FRAUD
            ),
            metadata=world.other.metadata,
        )
    listed = await world.other.binding.ListBindings(binding_pb2.ListBindingsRequest(), metadata=world.other.metadata)
    assert not listed.bindings
    assert result(await world.other.shown(MTS)) == "UNVERIFIED"
    assert result(await world.messenger.shown(MTS)) == "GENUINE"


@pytest.mark.parametrize("code", ["", "12", "abcdef", "12345678901", "１２３４５６", "1" * 10_000])
async def test_what_is_no_code_costs_no_attempt(world: World, code: str) -> None:
    opened = await world.messenger.start(MTS)
    with answers("INVALID_ARGUMENT", "CODE_MALFORMED", "code"):
        await world.messenger.check(opened.verification_id, code)
    assert (await world.messenger.get(opened.verification_id)).attempts_remaining == 5


async def test_codes_for_a_verification_that_has_ended(world: World) -> None:
    opened = await world.messenger.start(MTS)
    code = await world.messenger.code(MTS)
    other = "000000" if code != "000000" else "111111"
    await world.messenger.check(opened.verification_id, code)
    with answers("FAILED_PRECONDITION", "VERIFICATION_VERIFIED"):
        await world.messenger.check(opened.verification_id, other)
    canceled = await world.messenger.start(MEGAFON)
    request = verification_pb2.CancelVerificationRequest(verification_id=canceled.verification_id)
    for _ in range(2):
        answer = await world.messenger.verification.CancelVerification(request, metadata=world.messenger.metadata)
        assert state(answer.verification) == "CANCELED"
    with answers("FAILED_PRECONDITION", "VERIFICATION_CANCELED"):
        await world.messenger.check(canceled.verification_id, await world.messenger.code(MEGAFON))
    with answers("FAILED_PRECONDITION", "VERIFICATION_VERIFIED"):
        await world.messenger.verification.CancelVerification(
            verification_pb2.CancelVerificationRequest(verification_id=opened.verification_id),
            metadata=world.messenger.metadata,
        )


async def test_an_expired_code_and_an_expired_verification(world: World) -> None:
    opened = await world.messenger.start(MTS)
    code = await world.messenger.code(MTS)
    world.clock.advance(601)
    late = await world.messenger.check(opened.verification_id, code)
    assert late.code_result == verification_pb2.CODE_RESULT_EXPIRED
    assert late.verification.attempts_remaining == 5
    world.clock.advance(1_200)
    assert state(await world.messenger.get(opened.verification_id)) == "EXPIRED"
    with answers("FAILED_PRECONDITION", "VERIFICATION_EXPIRED"):
        await world.messenger.check(opened.verification_id, code)


async def test_a_late_first_code_works_after_a_second_was_sent(world: World) -> None:
    opened = await world.messenger.start(MTS)
    first = await world.messenger.code(MTS)
    world.clock.advance(60)
    request = verification_pb2.ResendCodeRequest(verification_id=opened.verification_id, request_id="again")
    for _ in range(2):
        await world.messenger.verification.ResendCode(request, metadata=world.messenger.metadata)
    texts = await world.messenger.inbox(MTS)
    assert len(texts) == 2
    assert texts[0] != texts[1]
    assert state((await world.messenger.check(opened.verification_id, first)).verification) == "VERIFIED"


async def test_the_ladder_of_codes(world: World) -> None:
    opened = await world.messenger.start(MTS)
    request = verification_pb2.ResendCodeRequest(verification_id=opened.verification_id)

    async def resend() -> None:
        await world.messenger.verification.ResendCode(request, metadata=world.messenger.metadata)

    for delay in (60, 120, 300, 600):
        world.clock.advance(delay - 1)
        with answers("RESOURCE_EXHAUSTED", "RESEND_TOO_EARLY"):
            await resend()
        world.clock.advance(1)
        await resend()
    world.clock.advance(600)
    with answers("RESOURCE_EXHAUSTED", "SENDS_EXHAUSTED"):
        await resend()
    assert len(await world.messenger.inbox(MTS)) == 5


async def test_the_ladder_of_guesses_ends_the_verification(world: World) -> None:
    opened = await world.messenger.start(MTS)
    code = await world.messenger.code(MTS)
    wrong = [f"{digit}00000" for digit in range(10) if f"{digit}00000" != code]
    for number, delay in enumerate((0, 30, 60, 120)):
        answer = await world.messenger.check(opened.verification_id, wrong[number])
        assert answer.code_result == verification_pb2.CODE_RESULT_MISMATCH
        if delay:
            early = await world.messenger.check(opened.verification_id, code)
            assert early.code_result == verification_pb2.CODE_RESULT_TOO_EARLY
            assert early.verification.next_check_time.seconds == world.clock.now() + delay
            world.clock.advance(delay)
    last = await world.messenger.check(opened.verification_id, wrong[4])
    assert state(last.verification) == "FAILED"
    assert last.verification.failure_reason == "ATTEMPTS_EXHAUSTED"
    after = await world.messenger.check(opened.verification_id, code)
    assert after.code_result == verification_pb2.CODE_RESULT_EXHAUSTED
    assert result(await world.messenger.shown(MTS)) == "UNVERIFIED"


async def test_a_number_stands_ten_wrong_guesses_a_day_and_each_party_has_its_share(world: World) -> None:
    for attempt in range(2):
        opened = await world.messenger.start(MTS, f"account-{attempt}")
        code = await world.messenger.code(MTS)
        wrong = [f"{digit}00000" for digit in range(10) if f"{digit}00000" != code]
        for number, delay in enumerate((0, 30, 60, 120, 0)):
            answer = await world.messenger.check(opened.verification_id, wrong[number])
            assert answer.code_result == verification_pb2.CODE_RESULT_MISMATCH
            world.clock.advance(delay)
    opened = await world.messenger.start(MTS, "account-2")
    with answers("RESOURCE_EXHAUSTED", "NUMBER_GUESSES_EXHAUSTED"):
        await world.messenger.check(opened.verification_id, await world.messenger.code(MTS))
    # The other party's users are not locked out by it.
    verified = await world.other.sign_up(MTS, "carol")
    assert state(verified) == "VERIFIED"


async def test_guesses_in_parallel_are_all_counted(world: World) -> None:
    opened = await world.messenger.start(MTS)
    code = await world.messenger.code(MTS)
    wrong = [f"{number:06d}" for number in range(60) if f"{number:06d}" != code]
    answered = await asyncio.gather(*(world.messenger.check(opened.verification_id, item) for item in wrong))
    compared = [item for item in answered if item.code_result == verification_pb2.CODE_RESULT_MISMATCH]
    assert len(compared) == 2
    assert (await world.messenger.get(opened.verification_id)).attempts_remaining == 3


async def test_a_request_id_stands_for_one_body(world: World) -> None:
    first = await world.messenger.start(MTS, request_id="r-1")
    again = await world.messenger.start(MTS, request_id="r-1")
    assert first == again
    assert len(await world.messenger.inbox(MTS)) == 1
    with answers("ALREADY_EXISTS", "REQUEST_ID_REUSED", "request_id"):
        await world.messenger.start(MEGAFON, request_id="r-1")
    assert await world.messenger.inbox(MEGAFON) == []
    other = await world.other.start(MEGAFON, request_id="r-1")
    assert other.verification_id != first.verification_id
    at_once = await asyncio.gather(*(world.messenger.start(MEGAFON, request_id="r-2") for _ in range(8)))
    assert len({item.verification_id for item in at_once}) == 1


async def test_a_client_that_hangs_up_and_asks_again(world: World) -> None:
    request = verification_pb2.StartVerificationRequest(
        account_id="alice", phone_number=MTS, purpose=verification_pb2.PURPOSE_SIGN_UP, request_id="once"
    )
    call = world.messenger.verification.StartVerification(request, metadata=world.messenger.metadata)
    await asyncio.sleep(0)
    call.cancel()
    opened = await world.messenger.start(MTS, request_id="once")
    assert state(opened) == "CODE_SENT"
    assert len(await world.messenger.inbox(MTS)) == 1
    code = await world.messenger.code(MTS)
    hung_up = world.messenger.verification.CheckCode(
        verification_pb2.CheckCodeRequest(verification_id=opened.verification_id, code=code),
        metadata=world.messenger.metadata,
    )
    await asyncio.sleep(0)
    hung_up.cancel()
    checked = await world.messenger.check(opened.verification_id, code)
    assert state(checked.verification) == "VERIFIED"
    assert await world.messenger.log_size() == 1


async def test_a_deadline_that_is_too_short_is_kept_and_the_work_goes_on(world: World) -> None:
    from numseal.api.simulator.v1 import simulator_pb2  # noqa: PLC0415

    slow = simulator_pb2.Lookup()
    slow.delay.FromMilliseconds(500)
    await world.messenger.change(MTS, simulator_pb2.SubscriberChange(lookup=slow))
    request = verification_pb2.StartVerificationRequest(
        account_id="alice", phone_number=MTS, purpose=verification_pb2.PURPOSE_SIGN_UP, request_id="slow"
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.messenger.verification.StartVerification(request, metadata=world.messenger.metadata, timeout=0.1)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert state(await world.messenger.start(MTS, request_id="slow")) == "CODE_SENT"
    assert len(await world.messenger.inbox(MTS)) == 1


async def test_key_proofs_that_do_not_hold(world: World) -> None:
    opened = await world.messenger.start(MTS)
    code = await world.messenger.code(MTS)
    with answers("INVALID_ARGUMENT", "DEVICE_KEY_MISSING", "key_proof"):
        await world.messenger.check(opened.verification_id, code, b"x" * 64)
    assert (await world.messenger.get(opened.verification_id)).attempts_remaining == 5


async def test_revocation_is_final_and_told(world: World) -> None:
    verified = await world.messenger.sign_up(MTS)

    async def revoke(reason: int) -> binding_pb2.Binding:
        request = binding_pb2.RevokeBindingRequest(
            binding_id=verified.binding_id,
            reason=reason,  # type: ignore[arg-type]
        )
        answer = await world.messenger.binding.RevokeBinding(request, metadata=world.messenger.metadata)
        return answer.binding

    for reason in (binding_pb2.REVOCATION_REASON_UNSPECIFIED, binding_pb2.REVOCATION_REASON_ERASED, 99):
        with answers("INVALID_ARGUMENT", "REVOCATION_REASON_UNKNOWN", "reason"):
            await revoke(reason)
    assert (await revoke(binding_pb2.REVOCATION_REASON_FRAUD)).state == binding_pb2.BINDING_STATE_REVOKED
    again = await revoke(binding_pb2.REVOCATION_REASON_NUMBER_RELEASED)
    assert again.revocation_reason == binding_pb2.REVOCATION_REASON_FRAUD
    assert result(await world.messenger.shown(MTS)) == "REVOKED"
    # The number is free again.
    assert state(await world.messenger.sign_up(MTS, "bob")) == "VERIFIED"
    assert result(await world.messenger.shown(MTS, "bob")) == "GENUINE"


async def test_checks_of_numbers_that_cannot_be_judged(world: World) -> None:
    with answers("INVALID_ARGUMENT", "SHOWN_REQUIRED", "shown"):
        await world.messenger.binding.CheckNumber(
            binding_pb2.CheckNumberRequest(account_id="alice"), metadata=world.messenger.metadata
        )
    with answers("INVALID_ARGUMENT", "LEVEL_UNKNOWN", "min_level"):
        await world.messenger.shown(MTS, min_level=99)
    with answers("INVALID_ARGUMENT", "ACCOUNT_ID_REQUIRED", "account_id"):
        await world.messenger.shown(MTS, "")


async def test_a_batch_answers_item_by_item_and_is_bounded(world: World) -> None:
    await world.messenger.sign_up(MTS)
    items = [
        binding_pb2.CheckNumberRequest(account_id="alice", phone_number=MTS),
        binding_pb2.CheckNumberRequest(account_id="alice", phone_number="nonsense"),
        binding_pb2.CheckNumberRequest(account_id="alice"),
        binding_pb2.CheckNumberRequest(account_id="bob", phone_number=MTS),
    ]
    answer = await world.messenger.binding.BatchCheckNumbers(
        binding_pb2.BatchCheckNumbersRequest(requests=items), metadata=world.messenger.metadata
    )
    assert [item.WhichOneof("outcome") for item in answer.results] == ["response", "error", "error", "response"]
    assert result(answer.results[0].response) == "GENUINE"
    assert answer.results[1].error.reason == "PHONE_NUMBER_NOT_A_NUMBER"
    assert answer.results[1].error.code == 3
    assert (answer.results[2].error.code, answer.results[2].error.field) == (3, "shown")
    assert result(answer.results[3].response) == "SPOOFED"
    with answers("INVALID_ARGUMENT", "TOO_MANY_REQUESTS", "requests"):
        await world.messenger.binding.BatchCheckNumbers(
            binding_pb2.BatchCheckNumbersRequest(requests=items[:1] * 1_001), metadata=world.messenger.metadata
        )


@pytest.mark.parametrize(
    ("wish", "reason", "field"),
    [
        ({"states": [binding_pb2.BINDING_STATE_ACTIVE] * 17}, "STATES_COUNT", "states"),
        ({"account_id": "a" * 256}, "ACCOUNT_ID_TOO_LONG", "account_id"),
        ({"phone_number": "+7916" + "1" * 80}, "PHONE_NUMBER_TOO_LONG", "phone_number"),
        ({"region_code": "R" * 1_000, "phone_number": "1"}, "REGION_CODE_UNKNOWN", "region_code"),
        ({"page_token": "a" * 1_000}, "PAGE_TOKEN_MALFORMED", "page_token"),
    ],
)
async def test_a_listing_is_asked_for_within_bounds(
    world: World, wish: dict[str, object], reason: str, field: str
) -> None:
    request = binding_pb2.ListBindingsRequest(**wish)  # type: ignore[arg-type]
    with answers("INVALID_ARGUMENT", reason, field):
        await world.messenger.binding.ListBindings(request, metadata=world.messenger.metadata)


async def test_age_and_level_that_a_check_asks_for(world: World) -> None:
    from google.protobuf.duration_pb2 import Duration  # noqa: PLC0415

    await world.messenger.sign_up(MTS)
    world.clock.advance(101)
    assert result(await world.messenger.shown(MTS, max_age=Duration(seconds=100))) == "STALE"
    assert result(await world.messenger.shown(MTS, max_age=Duration(seconds=101))) == "GENUINE"
    level = assurance_pb2.ASSURANCE_LEVEL_HIGH
    assert result(await world.messenger.shown(MTS, min_level=level)) == "UNVERIFIED"
    world.clock.advance(30 * 86_400)
    assert result(await world.messenger.shown(MTS)) == "STALE"


async def test_reports_are_recorded_once(world: World) -> None:
    verified = await world.messenger.sign_up(MTS)

    async def report(**fields: object) -> verification_pb2.ReportOutcomeResponse:
        request = verification_pb2.ReportOutcomeRequest(**fields)  # type: ignore[arg-type]
        return await world.messenger.verification.ReportOutcome(request, metadata=world.messenger.metadata)

    fraud = verification_pb2.OUTCOME_FRAUD
    for subject in ({"verification_id": verified.verification_id}, {"binding_id": verified.binding_id}):
        assert (await report(outcome=fraud, request_id="r", **subject)).record_time.seconds == NOW
        with answers("INVALID_ARGUMENT", "OUTCOME_UNKNOWN", "outcome"):
            await report(**subject)
        with answers("INVALID_ARGUMENT", "OCCUR_TIME_IN_FUTURE", "occur_time"):
            await report(outcome=fraud, occur_time=Timestamp(seconds=NOW + 3_600), **subject)
    with answers("INVALID_ARGUMENT", "SUBJECT_REQUIRED", "subject"):
        await report(outcome=fraud)
    with answers("NOT_FOUND", "BINDING_NOT_FOUND"):
        await report(outcome=fraud, binding_id=UNKNOWN_ID)
    # A report is never a verdict by itself.
    assert result(await world.messenger.shown(MTS)) == "GENUINE"


async def test_what_is_not_served_says_so(world: World) -> None:
    metadata = world.messenger.metadata
    with answers("UNIMPLEMENTED", "NOT_SERVED"):
        await world.messenger.transparency.GetStatusList(transparency_pb2.GetStatusListRequest())
    admin = admin_pb2_grpc.AdminServiceStub(world.messenger.channel)
    with answers("UNIMPLEMENTED", "NOT_SERVED"):
        await admin.ListKeys(admin_pb2.ListKeysRequest(), metadata=metadata)


async def test_an_oversized_message_is_refused(world: World) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.messenger.start(MTS, "a" * MAX_MESSAGE)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
