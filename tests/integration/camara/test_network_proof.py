"""Pages that recognise the SIM, by the CAMARA adapter: the scenarios of number-verification."""

import json
import re
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import jwt
import pytest

from fakes.camara_operators import NUMBER, OTHER, Operators
from fakes.camara_stub import CamaraStub, Fault
from fakes.clock import FakeClock
from fakes.orders import network_order
from numseal.adapters.operators.camara.backend import CamaraOperator
from numseal.domain.operator import NetworkOffer, NetworkOutcome
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.operator_circuit import MIN_CALLS


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


async def finished(
    stub: CamaraStub, operator: CamaraOperator, request_id: str = "n1", **changed: str
) -> NetworkOutcome:
    """Open a page in whose address parameters were changed, and hand in what came of it."""
    page = await operator.start_network_check(network_order(NUMBER, request_id))
    address, _, query = page.auth_url.partition("?")
    code, state = stub.visit(f"{address}?{urlencode(dict(parse_qsl(query)) | changed)}", NUMBER)
    return (
        await operator.finish_network_check(NetworkOffer(f"f{request_id}", NUMBER, page.challenge, code, state))
    ).outcome


async def test_a_nonce_that_a_person_changed_is_no_proof_and_no_fault_of_the_operator(
    stub: CamaraStub, operators: Operators, clock: FakeClock
) -> None:
    operator = operators()
    assert await finished(stub, operator, nonce="mine") is NetworkOutcome.UNKNOWN
    stub.id_claims = {"nonce": None}
    assert await finished(stub, operator, "n2") is NetworkOutcome.UNKNOWN
    assert "/number-verification/v2/verify" not in stub.calls
    stub.id_claims = {}
    ask = AskOperator({"mts": operator}, clock)
    for number in range(MIN_CALLS):
        page = await operator.start_network_check(network_order(NUMBER, f"e{number}"))
        code, state = stub.visit(re.sub("nonce=[^&]+", "nonce=mine", page.auth_url), NUMBER)
        offer = NetworkOffer(f"fe{number}", NUMBER, page.challenge, code, state)
        checked, _ = await ask.finish_network_check("mts", offer, 3, agreement_id="a")
        assert checked is not None
        assert checked.outcome is NetworkOutcome.UNKNOWN
    page = await operator.start_network_check(network_order(NUMBER, "honest"))
    offer = NetworkOffer("honest", NUMBER, page.challenge, *stub.visit(page.auth_url, NUMBER))
    checked, reason = await ask.finish_network_check("mts", offer, 3, agreement_id="a")
    assert checked is not None, reason
    assert checked.outcome is NetworkOutcome.MATCH


async def test_a_scope_without_openid_gives_no_id_token_and_no_proof(stub: CamaraStub, operators: Operators) -> None:
    stub.faults["/token"] = Fault(body=b'{"access_token": "t", "token_type": "bearer"}')
    assert await finished(stub, operators()) is NetworkOutcome.UNKNOWN
    assert "/number-verification/v2/verify" not in stub.calls


@pytest.mark.parametrize("told", ["openid", "openid number-verification:verify", None])
async def test_a_scope_that_a_person_narrowed_is_no_proof(
    stub: CamaraStub, operators: Operators, clock: FakeClock, told: str | None
) -> None:
    operator = operators()
    page = await operator.start_network_check(network_order(NUMBER))
    code, state = stub.visit(page.auth_url, NUMBER)
    nonce = dict(parse_qsl(page.auth_url.partition("?")[2]))["nonce"]
    claims = {"iss": stub.url, "aud": "numseal-test", "nonce": nonce, "iat": clock.now(), "exp": clock.now() + 300}
    token = {"access_token": "t", "token_type": "bearer", "id_token": jwt.encode(claims, bytes(32), "HS256")}
    answer = token if told is None else token | {"scope": told}
    stub.faults["/token"] = Fault(body=json.dumps(answer).encode())
    stub.faults["/number-verification/v2/verify"] = Fault(403, "PERMISSION_DENIED")
    asked = operator.finish_network_check(NetworkOffer("f", NUMBER, page.challenge, code, state))
    if told == "openid":
        assert (await asked).outcome is NetworkOutcome.UNKNOWN
    else:
        with pytest.raises(OperatorError) as caught:
            await asked
        assert caught.value.reason == "PERMISSION_DENIED"


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_request"])
async def test_a_code_that_the_server_does_not_take_is_no_proof(
    stub: CamaraStub, operators: Operators, error: str
) -> None:
    stub.faults["/token"] = Fault(400, body=f'{{"error": "{error}"}}'.encode())
    assert await finished(stub, operators()) is NetworkOutcome.UNKNOWN


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
        ("/token", Fault(body=b'{"access_token": "t", "token_type": "bearer", "id_token": "t"}'), "ANSWER_MALFORMED"),
        ("/token", Fault(401, body=b'{"error": "invalid_client"}'), "TOKEN_REFUSED"),
        ("/token", Fault(400, body=b"oops"), "TOKEN_REFUSED"),
        ("/number-verification/v2/verify", Fault(hang=True), "TIMEOUT"),
        ("/number-verification/v2/verify", Fault(body=b'{"devicePhoneNumberVerified": 1}'), "ANSWER_MALFORMED"),
        ("/number-verification/v2/verify", Fault(403, "PERMISSION_DENIED"), "PERMISSION_DENIED"),
        ("/number-verification/v2/verify", Fault(400, "INVALID_ARGUMENT"), "REQUEST_REFUSED"),
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
