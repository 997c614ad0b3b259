"""The CAMARA adapter's access tokens: client credentials by private_key_jwt."""

import asyncio

import pytest

from fakes.camara_operators import NUMBER, Operators, looked_up, until
from fakes.camara_stub import CamaraStub, Fault
from fakes.clock import FakeClock
from fakes.orders import code_order, lookup_request
from numseal.ports.operator_backend import OperatorError


async def test_one_token_a_scope_serves_all(stub: CamaraStub, operators: Operators, clock: FakeClock) -> None:
    operator = operators("sim_swap")
    await asyncio.gather(*(looked_up(operator, request_id=f"l{number}") for number in range(20)))
    assert (stub.calls["/token"], stub.calls["/sim-swap/v2/retrieve-date"]) == (1, 20)
    clock.advance(269)
    await looked_up(operator, request_id="early")
    assert stub.calls["/token"] == 1
    clock.advance(1)
    await looked_up(operator, request_id="late")
    assert stub.calls["/token"] == 2


async def test_one_who_gives_up_takes_the_token_from_nobody(stub: CamaraStub, operators: Operators) -> None:
    operator = operators("sim_swap")
    held = stub.faults["/token"] = Fault(until=asyncio.Event())
    first = asyncio.create_task(looked_up(operator, request_id="first"))
    await until(lambda: stub.calls["/token"] == 1)
    second = asyncio.create_task(looked_up(operator, request_id="second"))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert held.until is not None
    held.until.set()
    assert (await second).sim_change.known is not None
    assert stub.calls["/token"] == 1


async def test_a_token_that_is_taken_no_more_is_fetched_anew_once(stub: CamaraStub, operators: Operators) -> None:
    operator = operators("sim_swap")
    await looked_up(operator)
    stub.revoke()
    assert (await looked_up(operator, request_id="l2")).sim_change.known is not None
    assert stub.calls["/token"] == 2
    stub.faults["/sim-swap/v2/retrieve-date"] = Fault(401, "UNAUTHENTICATED")
    with pytest.raises(OperatorError) as caught:
        await operator.look_up(lookup_request(NUMBER, "l3"))
    assert caught.value.reason == "UNAUTHENTICATED"
    assert stub.calls["/sim-swap/v2/retrieve-date"] == 5


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(401, body=b'{"error": "invalid_client"}'), "TOKEN_REFUSED"),
        (Fault(400, body=b'{"error": "invalid_request"}'), "TOKEN_REFUSED"),
        (Fault(400, body=b'{"error": "invalid_grant"}'), "TOKEN_REFUSED"),
        (Fault(400, body=b"oops"), "TOKEN_REFUSED"),
        (Fault(200, body=b"[]"), "ANSWER_MALFORMED"),
        (Fault(200, body=b'{"access_token": "a b", "token_type": "bearer"}'), "ANSWER_MALFORMED"),
        (Fault(200, body=b'{"access_token": "ab", "token_type": "mac"}'), "ANSWER_MALFORMED"),
        (Fault(hang=True), "TIMEOUT"),
    ],
)
async def test_without_a_token_nothing_is_sent(
    stub: CamaraStub, operators: Operators, fault: Fault, reason: str
) -> None:
    stub.faults["/token"] = fault
    limit = 0.3 if fault.hang else 2.5
    operator = operators(timeout=limit, before_timeout=limit)
    with pytest.raises(OperatorError) as caught:
        await operator.send_code(code_order(NUMBER))
    assert (caught.value.reason, caught.value.sent) == (reason, False)
    assert stub.subscribers[NUMBER].inbox == []


async def test_a_token_without_a_life_is_kept_a_minute(
    stub: CamaraStub, operators: Operators, clock: FakeClock
) -> None:
    operator = operators("sim_swap")
    stub.faults["/token"] = Fault(200, body=b'{"access_token": "ab", "token_type": "bearer", "expires_in": "x"}')
    for _ in range(2):
        with pytest.raises(OperatorError, match="401"):
            await operator.look_up(lookup_request(NUMBER))
    # The first one is refused by the API, and so is the one fetched in its place.
    assert stub.calls["/token"] == 3
    clock.advance(54)
    with pytest.raises(OperatorError, match="401"):
        await operator.look_up(lookup_request(NUMBER))
    assert stub.calls["/token"] == 5


async def test_after_close_nothing_is_asked(stub: CamaraStub, operators: Operators) -> None:
    operator = operators()
    stub.faults["/token"] = Fault(hang=True)
    asked = asyncio.create_task(operator.look_up(lookup_request(NUMBER)))
    await until(lambda: stub.calls["/token"] > 0)
    await operator.close()
    with pytest.raises((OperatorError, asyncio.CancelledError)):
        await asked
    stub.faults.clear()
    with pytest.raises(OperatorError) as caught:
        await operator.send_code(code_order(NUMBER))
    assert (caught.value.reason, caught.value.sent) == ("UNREACHABLE", False)
