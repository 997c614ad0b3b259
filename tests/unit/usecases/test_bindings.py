"""Use cases over bindings and verifications that exist: what they refuse, and what they leave as it is."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fakes.desk import Desk, Ground, code_of
from numseal.attestation import jwk, jws
from numseal.domain.errors import Kind, Refusal
from numseal.domain.evidence import Method
from numseal.domain.report import Outcome
from numseal.domain.verification import Client, Purpose, State, Verification
from numseal.usecases.read_bindings import ReadBindings
from numseal.usecases.report_outcome import ReportOutcome
from numseal.usecases.resend_code import ResendCode
from numseal.usecases.revoke_binding import RevokeBinding


async def sign_up(desk: Desk, ground: Ground, **wish: Any) -> Verification:
    opened = await desk.start(**wish)
    verified = (await desk.check(opened, code_of(ground.mts.orders[-1].text)))[1]
    assert verified.state is State.VERIFIED
    return verified


async def refusal(call: Callable[[], Coroutine[Any, Any, object]]) -> tuple[Kind, str]:
    with pytest.raises(Refusal) as refused:
        await call()
    return refused.value.reasoning.kind, refused.value.reason


async def test_only_a_live_binding_is_revoked_and_once(desk: Desk, ground: Ground) -> None:
    revoke = RevokeBinding(store=ground.store)
    first = await sign_up(desk, ground)
    second = await sign_up(desk, ground, purpose=Purpose.REVERIFY)
    superseded = await refusal(lambda: revoke("messenger", first.binding_id, "FRAUD"))
    assert superseded == (Kind.FAILED_PRECONDITION, "BINDING_SUPERSEDED")
    revoked = await revoke("messenger", second.binding_id, "FRAUD")
    ground.clock.advance(60)
    assert await revoke("messenger", second.binding_id, "OTHER") == revoked
    assert (revoked.end_reason, revoked.end_time) == ("FRAUD", ground.clock.now() - 60)


async def test_a_report_said_twice_is_kept_once(desk: Desk, ground: Ground) -> None:
    report = ReportOutcome(store=ground.store, clock=ground.clock)
    verified = await sign_up(desk, ground)
    for ids in ({"verification_id": verified.verification_id}, {"binding_id": verified.binding_id}):
        for _ in range(2):
            await report("messenger", **ids, outcome=Outcome.FRAUD, occur_time=None, request_id="r1")
    read, _ = await desk.get(verified)
    binding = await ground.store.binding(verified.binding_id)
    assert binding is not None
    assert len(read.reports) == len(binding.reports) == 1
    assert read.state is State.VERIFIED
    future = ground.clock.now() + 61
    assert await refusal(
        lambda: report(
            "messenger", binding_id=verified.binding_id, outcome=Outcome.SPAM, occur_time=future, request_id=""
        )
    ) == (Kind.INVALID_ARGUMENT, "OCCUR_TIME_IN_FUTURE")


async def test_pages_have_a_size_and_filters_may_empty_them(desk: Desk, ground: Ground) -> None:
    read = ReadBindings(store=ground.store, issue=desk.assess.issue)
    verified = await sign_up(desk, ground)
    options: dict[str, Any] = {"account_id": "", "phone_number": "", "states": (), "page_size": 0, "page_token": ""}
    found, token = await read.page("messenger", **options)
    assert ([binding.binding_id for binding in found], token) == ([verified.binding_id], "")
    found, token = await read.page("messenger", **{**options, "page_size": 1, "phone_number": "+79160000000"})
    assert (found, token) == ([], verified.binding_id)
    negative = await refusal(lambda: read.page("messenger", **{**options, "page_size": -1}))
    assert negative == (Kind.INVALID_ARGUMENT, "PAGE_SIZE_NEGATIVE")


async def test_a_further_code_cannot_come_through_the_network(desk: Desk, ground: Ground) -> None:
    opened = await desk.start()
    resend = ResendCode(store=ground.store, send_code=desk._get._send_code, flights=desk.flights)
    ground.clock.advance(60)
    refused = await refusal(lambda: resend("messenger", opened.verification_id, Method.NETWORK, ""))
    assert refused == (Kind.INVALID_ARGUMENT, "METHOD_NOT_SERVED")
    spoken = await resend("messenger", opened.verification_id, Method.VOICE, "")
    assert [code.method for code in spoken.codes] == [Method.SMS, Method.VOICE]


async def test_a_proof_by_another_key_is_refused_and_costs_nothing(desk: Desk, ground: Ground) -> None:
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    client = Client(device_public_key_jwk=json.dumps(jwk.public_jwk(key.public_key())))
    opened = await desk.start(client=client)
    message = f"numseal/v1\nkey-proof\n{opened.verification_id}\n".encode()
    code = code_of(ground.mts.orders[0].text)
    for proof, signed in ((other, message), (key, message + b" ")):
        refused = await refusal(
            lambda proof=proof, signed=signed: desk._check(  # type: ignore[misc]
                "messenger", opened.verification_id, code, jws.sign_es256(signed, proof)
            )
        )
        assert refused == (Kind.INVALID_ARGUMENT, "KEY_PROOF_INVALID")
    keyless = await desk.start(account="bob")
    refused = await refusal(lambda: desk._check("messenger", keyless.verification_id, code, b"proof"))
    assert refused == (Kind.INVALID_ARGUMENT, "DEVICE_KEY_MISSING")
    assert (await desk.get(opened))[0].guesses == 0


async def test_what_was_never_attested_has_no_bundle(desk: Desk) -> None:
    with pytest.raises(LookupError, match="is not in the store"):
        await desk.assess.issue.bundle("0" * 32)
