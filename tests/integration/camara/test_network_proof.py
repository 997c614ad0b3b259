"""Pages that recognise the SIM, by the CAMARA adapter: the scenarios of number-verification."""

from dataclasses import replace

import pytest

from fakes.camara_operators import NUMBER, OTHER, Operators
from fakes.camara_stub import CamaraStub, Fault
from fakes.clock import FakeClock
from fakes.orders import network_order
from numseal.domain.operator import (
    NetworkOffer,
    NetworkOutcome,
)
from numseal.ports.operator_backend import OperatorError


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.parametrize("pkce", [True, False])
async def test_a_page_shows_the_sim(
    stub: CamaraStub, operators: Operators, clock: FakeClock, hashed: bool, pkce: bool
) -> None:
    operator = operators(hash_number=hashed, pkce=pkce)
    for request_id, visitor, outcome in (("n1", NUMBER, NetworkOutcome.MATCH), ("n2", OTHER, NetworkOutcome.MISMATCH)):
        page = await operator.start_network_check(network_order(NUMBER, request_id))
        assert page == await operator.start_network_check(network_order(NUMBER, request_id))
        assert ("code_challenge" in page.auth_url) is pkce
        code, state = stub.visit(page.auth_url, visitor)
        offer = NetworkOffer(f"f{request_id}", NUMBER, page.challenge, code, state)
        checked = await operator.finish_network_check(offer)
        assert (checked.outcome, checked.observe_time) == (outcome, clock.now())
        assert await operator.finish_network_check(offer) == checked
        again = await operator.finish_network_check(replace(offer, request_id="another"))
        assert again.outcome is NetworkOutcome.USED
    assert [NUMBER in str(body) for path, body in stub.bodies if path.endswith("/verify")] == [not hashed] * 2


async def test_a_page_of_another_process_is_finished_here(stub: CamaraStub, operators: Operators) -> None:
    page = await operators().start_network_check(network_order(NUMBER))
    code, state = stub.visit(page.auth_url, NUMBER)
    checked = await operators().finish_network_check(NetworkOffer("f", NUMBER, page.challenge, code, state))
    assert checked.outcome is NetworkOutcome.MATCH


async def test_offers_that_are_not_of_the_page(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    operator = operators()
    page = await operator.start_network_check(network_order(NUMBER))
    code, state = stub.visit(page.auth_url, NUMBER)
    good = NetworkOffer("f", NUMBER, page.challenge, code, state)
    for number, offer in enumerate(
        (
            replace(good, phone_number=OTHER),
            replace(good, state="another-state-of-16"),
            replace(good, challenge=b""),
            replace(good, authorization_code="made up"),
        )
    ):
        checked = await operator.finish_network_check(replace(offer, request_id=str(number)))
        assert checked.outcome is NetworkOutcome.UNKNOWN
    clock.advance(page.expire_time - clock.now())
    assert (await operator.finish_network_check(good)).outcome is NetworkOutcome.EXPIRED


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"aud": ["another"]},
        {"iss": "https://another.example"},
        {"exp": 1},
        {"exp": "soon"},
        {"auth_time": "now"},
        {"auth_time": 4_000_000_000},
    ],
)
async def test_an_id_token_of_something_else_is_no_proof(
    stub: CamaraStub, operators: Operators, claims: dict[str, object]
) -> None:
    operator = operators()
    stub.id_claims = claims
    page = await operator.start_network_check(network_order(NUMBER))
    code, state = stub.visit(page.auth_url, NUMBER)
    with pytest.raises(OperatorError) as caught:
        await operator.finish_network_check(NetworkOffer("f", NUMBER, page.challenge, code, state))
    assert caught.value.reason == "ANSWER_MALFORMED"
    assert "/number-verification/v2/verify" not in stub.calls


async def test_when_the_sim_was_recognised_is_told(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    operator = operators()
    stub.id_claims = {"auth_time": clock.now() - 5_000, "aud": ["numseal-test"]}
    page = await operator.start_network_check(network_order(NUMBER))
    code, state = stub.visit(page.auth_url, NUMBER)
    checked = await operator.finish_network_check(NetworkOffer("f", NUMBER, page.challenge, code, state))
    assert checked.observe_time == clock.now() - 5_000


async def test_a_network_that_did_not_authenticate_cannot_tell(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    stub.authenticated_by_network = False
    page = await operator.start_network_check(network_order(NUMBER))
    code, state = stub.visit(page.auth_url, NUMBER)
    checked = await operator.finish_network_check(NetworkOffer("f", NUMBER, page.challenge, code, state))
    assert checked.outcome is NetworkOutcome.UNKNOWN


@pytest.mark.parametrize(
    ("path", "fault", "reason"),
    [
        ("/token", Fault(hang=True), "TIMEOUT"),
        ("/token", Fault(body=b'{"access_token": "t", "token_type": "bearer"}'), "ANSWER_MALFORMED"),
        ("/number-verification/v2/verify", Fault(hang=True), "TIMEOUT"),
        ("/number-verification/v2/verify", Fault(body=b'{"devicePhoneNumberVerified": 1}'), "ANSWER_MALFORMED"),
        ("/number-verification/v2/verify", Fault(403, "PERMISSION_DENIED"), "PERMISSION_DENIED"),
    ],
)
async def test_a_check_of_the_sim_that_fails(
    stub: CamaraStub, operators: Operators, path: str, fault: Fault, reason: str
) -> None:
    limit = 0.5 if fault.hang else 2.5
    operator = operators(timeout=limit, before_timeout=limit)
    stub.faults[path] = fault
    page = await operator.start_network_check(network_order(NUMBER))
    code, state = stub.visit(page.auth_url, NUMBER)
    with pytest.raises(OperatorError) as caught:
        await operator.finish_network_check(NetworkOffer("f", NUMBER, page.challenge, code, state))
    assert caught.value.reason == reason


async def test_an_address_that_is_too_long_is_no_page(operators: Operators) -> None:
    order = replace(network_order(NUMBER), redirect_uri="https://messenger.example/" + "x" * 1_000)
    with pytest.raises(OperatorError) as caught:
        await operators().start_network_check(order)
    assert caught.value.reason == "REDIRECT_URI_TOO_LONG"
