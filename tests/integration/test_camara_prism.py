"""The CAMARA adapter against Prism, which serves the APIs' own documents and finds what a request breaks of them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import jwt
import pytest

from fakes.camara_stub import CamaraStub
from fakes.clock import FakeClock
from fakes.orders import code_order, lookup_request, network_order, watch_order
from fakes.prism import Gateway, Prism, documented_errors
from numseal.adapters.operators.camara.backend import CamaraOperator
from numseal.adapters.operators.camara.errors import MEANINGS
from numseal.adapters.operators.camara.lookup import SIGNALS
from numseal.domain.evidence import (
    ForwardingKind,
    Lookup,
    LookupOutcome,
    Reachability,
    ServiceState,
    SignalState,
)
from numseal.domain.operator import CodeCheck, CodeOutcome, NetworkOffer, NetworkOutcome, SendOutcome
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.ask_operator import AskOperator

NUMBER = "+123456789"
"""The one that the documents' examples are about."""

BEFORE_EXAMPLES = 1_717_000_000
"""A time at which the subscription of the examples has not expired yet."""


@pytest.fixture(scope="session")
def prism() -> Iterator[Prism]:
    started = Prism.start()
    yield started
    started.stop()


@pytest.fixture
async def gateway(prism: Prism) -> AsyncIterator[Gateway]:
    async with Gateway(prism) as made:
        yield made
        assert made.violations == []


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def operator(gateway: Gateway, clock: FakeClock) -> AsyncIterator[CamaraOperator]:
    made = CamaraOperator(
        gateway.settings(),
        operator_id="mts",
        plmns=("250-01",),
        clock=clock,
        private_key=CamaraStub(clock).private_key,
        key=bytes(32),
    )
    yield made
    await made.close()


def preferring(status: int, name: str) -> str:
    return f'code={status}, example="{name}"'


async def look_up(operator: CamaraOperator, api: str, request_id: str = "l1") -> Lookup:
    return await operator.look_up(lookup_request(NUMBER, request_id, SIGNALS[api]))


async def test_a_whole_lookup(gateway: Gateway, operator: CamaraOperator, clock: FakeClock) -> None:
    gateway.prefer["sim_swap"] = preferring(200, "RETRIEVE_DATE")
    gateway.prefer["device_roaming_status"] = preferring(200, "Not Roaming")
    gateway.prefer["device_reachability_status"] = preferring(200, "Reachable Using Data and SMS")
    answer = await AskOperator({"mts": operator}, clock).look_up("mts", lookup_request(NUMBER), 10.0)
    assert (answer.outcome, answer.failure) == (LookupOutcome.SUBSCRIBER, "")
    found = answer.subscriber
    assert found is not None
    told = {name for names in SIGNALS.values() for name in names}
    states = {name: getattr(found, name).meta.state for name in told}
    # What Prism makes of a truth without an example is true, of the later day too.
    assert states == dict.fromkeys(told, SignalState.OK)
    assert found.recycled.known is True
    assert found.contract_type.known is not None
    assert found.sms_service.known is ServiceState.ON
    assert found.reachability.known is Reachability.REACHABLE
    assert found.forwarding.known is not None
    active = {item.kind for item in found.forwarding.known if item.active}
    assert active == {ForwardingKind.UNCONDITIONAL, ForwardingKind.BUSY, ForwardingKind.NO_REPLY}
    assert {status for *_, status in gateway.requests} == {200}
    assert {correlator for *_, correlator, _ in gateway.requests} == {"l1"}


@pytest.mark.parametrize(
    ("api", "example", "signal", "state", "value"),
    [
        ("sim_swap", "RETRIEVE_MONITORED_PERIOD", "sim_change", SignalState.OK, None),
        ("sim_swap", "RETRIEVE_MONITORED_NULL", "sim_change", SignalState.UNKNOWN, None),
        (
            "device_reachability_status",
            "Reachable Using SMS With Device Disambguation",
            "reachability",
            SignalState.OK,
            Reachability.SMS_ONLY,
        ),
        (
            "device_reachability_status",
            "Reachable Using Data",
            "reachability",
            SignalState.OK,
            Reachability.DATA_ONLY,
        ),
        (
            "device_reachability_status",
            "Not Reachable Over The Mobile Network",
            "reachability",
            SignalState.OK,
            Reachability.NOT_REACHABLE,
        ),
        ("device_roaming_status", "No Country Name", "serving", SignalState.UNKNOWN, None),
        (
            "device_roaming_status",
            "Single Country Code With Device Disambiguation",
            "serving",
            SignalState.UNKNOWN,
            None,
        ),
    ],
)
async def test_examples_of_answers(
    gateway: Gateway, operator: CamaraOperator, api: str, example: str, signal: str, state: SignalState, value: object
) -> None:
    gateway.prefer[api] = preferring(200, example)
    answer = await look_up(operator, api)
    assert answer.subscriber is not None
    found = getattr(answer.subscriber, signal)
    assert (found.meta.state, found.value) == (state, value)


OF_THE_QUESTION = {400, 404, 409, 422}


@pytest.mark.parametrize("api", list(SIGNALS))
async def test_every_documented_error_of_a_signal(gateway: Gateway, operator: CamaraOperator, api: str) -> None:
    errors = [error for error in documented_errors(api) if error[1] != 501]
    assert len(errors) >= 7
    for name, status, code in errors:
        gateway.prefer[api] = preferring(status, name)
        state, about = MEANINGS[status, code].signal, f"{api} {name}"
        if state is SignalState.ERROR:
            # It was the only API asked.
            with pytest.raises(OperatorError) as caught:
                await look_up(operator, api, f"l-{code}")
            # What tells of the question is no failure of the operator's.
            assert caught.value.reason == ("REQUEST_REFUSED" if status in OF_THE_QUESTION else code), about
            continue
        answer = await look_up(operator, api, f"l-{code}")
        if code == "IDENTIFIER_NOT_FOUND":
            assert answer.outcome is LookupOutcome.NOT_SERVED, about
            continue
        assert answer.subscriber is not None
        for signal in SIGNALS[api]:
            meta = getattr(answer.subscriber, signal).meta
            assert (meta.state, meta.code) == (state, code), about
    assert sorted({status for *_, status in gateway.requests}) == sorted({status for _, status, _ in errors})


async def test_forwarding_where_not_all_is_implemented(gateway: Gateway, operator: CamaraOperator) -> None:
    gateway.prefer["call_forwarding_signal/call-forwardings"] = preferring(501, "GENERIC_501_NOT_IMPLEMENTED")
    answer = await look_up(operator, "call_forwarding_signal")
    assert answer.subscriber is not None
    assert [path for _, _, path, *_ in gateway.requests] == ["/call-forwardings", "/unconditional-call-forwardings"]
    assert answer.subscriber.forwarding.known is not None


async def test_a_code_is_sent_and_checked(gateway: Gateway, operator: CamaraOperator, clock: FakeClock) -> None:
    ask = AskOperator({"mts": operator}, clock)
    sent, reason = await ask.send_code("mts", code_order(NUMBER), 10.0)
    assert sent is not None, reason
    assert await ask.check_code("mts", CodeCheck("k1", NUMBER, sent.challenge, "123456"), 10.0) == (
        CodeOutcome.MATCH,
        "",
    )
    assert [(path, status) for _, _, path, _, status in gateway.requests] == [
        ("/send-code", 200),
        ("/validate-code", 204),
    ]


SEND_ERRORS: list[tuple[int, str, SendOutcome | str]] = [
    (400, "GENERIC_400_INVALID_ARGUMENT", SendOutcome.CONTENT),
    (401, "GENERIC_401_UNAUTHENTICATED", "UNAUTHENTICATED"),
    (403, "GENERIC_403_PERMISSION_DENIED", "PERMISSION_DENIED"),
    (403, "OTP_VALIDATION_403_MAX_OTP_CODES_EXCEEDED", SendOutcome.THROTTLED),
    (403, "OTP_VALIDATION_403_PHONE_NUMBER_NOT_ALLOWED", SendOutcome.LINE_TYPE),
    (403, "OTP_VALIDATION_403_PHONE_NUMBER_BLOCKED", SendOutcome.BARRED),
    (404, "GENERIC_404_NOT_FOUND", SendOutcome.NOT_OURS),
    (429, "GENERIC_429_QUOTA_EXCEEDED", SendOutcome.THROTTLED),
    (429, "GENERIC_429_TOO_MANY_REQUESTS", SendOutcome.THROTTLED),
]
CHECK_ERRORS: list[tuple[int, str, CodeOutcome | str]] = [
    (400, "GENERIC_400_INVALID_ARGUMENT", "REQUEST_REFUSED"),
    (400, "GENERIC_400_OUT_OF_RANGE", "REQUEST_REFUSED"),
    (400, "OTP_VALIDATION_400_VERIFICATION_FAILED", CodeOutcome.EXHAUSTED),
    (400, "OTP_VALIDATION_400_VERIFICATION_EXPIRED", CodeOutcome.EXPIRED),
    (400, "OTP_VALIDATION_400_INVALID_OTP", CodeOutcome.MISMATCH),
    (401, "GENERIC_401_UNAUTHENTICATED", "UNAUTHENTICATED"),
    (403, "GENERIC_403_PERMISSION_DENIED", "PERMISSION_DENIED"),
    (404, "GENERIC_404_NOT_FOUND", CodeOutcome.UNKNOWN),
    (429, "GENERIC_429_QUOTA_EXCEEDED", "QUOTA_EXCEEDED"),
    (429, "GENERIC_429_TOO_MANY_REQUESTS", "TOO_MANY_REQUESTS"),
]


async def outcome_of(asked: Any) -> object:
    """Return the outcome of a question, or the reason of its error."""
    try:
        return (await asked).outcome
    except OperatorError as error:
        return "SENT_PERHAPS" if error.sent else error.reason


async def test_every_documented_error_of_codes(gateway: Gateway, operator: CamaraOperator) -> None:
    challenge = (await operator.send_code(code_order(NUMBER))).challenge
    for number, (status, name, expected) in enumerate(SEND_ERRORS):
        gateway.prefer["one_time_password_sms"] = preferring(status, name)
        assert await outcome_of(operator.send_code(code_order(NUMBER, f"s{number}"))) == expected, name
    for number, (status, name, checked) in enumerate(CHECK_ERRORS):
        gateway.prefer["one_time_password_sms"] = preferring(status, name)
        check = CodeCheck(f"k{number}", NUMBER, challenge, "123456")
        assert await outcome_of(operator.check_code(check)) == checked, name
    asked = {name for _, name, _ in (*SEND_ERRORS, *CHECK_ERRORS)}
    assert asked == {name for name, *_ in documented_errors("one_time_password_sms")}


async def finish(operator: CamaraOperator, gateway: Gateway, clock: FakeClock, request_id: str) -> object:
    page = await operator.start_network_check(network_order(NUMBER, request_id))
    asked = dict(pair.split("=", 1) for pair in page.auth_url.partition("?")[2].split("&"))
    now = clock.now()
    claims = {"iss": "x", "aud": "numseal-test", "nonce": asked["nonce"], "iat": now, "exp": now + 300}
    gateway.token_answer = {"id_token": jwt.encode(claims, bytes(32), "HS256")}
    offer = NetworkOffer(f"f-{request_id}", NUMBER, page.challenge, f"code-{request_id}", asked["state"])
    return await outcome_of(operator.finish_network_check(offer))


async def test_number_verification(gateway: Gateway, operator: CamaraOperator, clock: FakeClock) -> None:
    assert await finish(operator, gateway, clock, "n0") is NetworkOutcome.MATCH
    errors: list[tuple[int, str, object]] = [
        (401, "GENERIC_401_UNAUTHENTICATED", "UNAUTHENTICATED"),
        (403, "GENERIC_403_PERMISSION_DENIED", "PERMISSION_DENIED"),
        (403, "GENERIC_403_USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK", NetworkOutcome.UNKNOWN),
    ]
    for status, name, expected in errors:
        gateway.prefer["number_verification"] = preferring(status, name)
        assert await finish(operator, gateway, clock, name) == expected
    gateway.prefer["number_verification"] = "code=400"
    assert await finish(operator, gateway, clock, "n400") == "REQUEST_REFUSED"


async def test_subscriptions(gateway: Gateway, operator: CamaraOperator, clock: FakeClock) -> None:
    clock.step(BEFORE_EXAMPLES)
    gateway.prefer["sim_swap_subscriptions/subscriptions"] = preferring(201, "SUBSCRIPTION_RESPONSE")
    watch = await operator.watch_subscriber(watch_order(NUMBER))
    assert watch.watch_id == "1119920371"
    assert watch.expire_time == 1_717_776_615
    for number, status in enumerate((204, 202)):
        gateway.prefer["DELETE sim_swap_subscriptions"] = f"code={status}"
        await operator.unwatch_subscriber(f"u{number}", watch.watch_id)
    gateway.prefer["sim_swap_subscriptions/subscriptions"] = "code=202"
    assert (await operator.watch_subscriber(watch_order(NUMBER, "w2"))).watch_id
    assert [(method, status) for _, method, _, _, status in gateway.requests] == [
        ("POST", 201),
        ("DELETE", 204),
        ("DELETE", 202),
        ("POST", 202),
    ]


async def test_every_documented_error_of_subscriptions(
    gateway: Gateway, operator: CamaraOperator, clock: FakeClock
) -> None:
    clock.step(BEFORE_EXAMPLES)
    for name, status, code in documented_errors("sim_swap_subscriptions"):
        if status in {404, 410} or name == "GENERIC_400_SUBSCRIPTION_ID_REQUIRED":
            continue
        gateway.prefer["sim_swap_subscriptions"] = preferring(status, name)
        with pytest.raises(OperatorError) as caught:
            await operator.watch_subscriber(watch_order(NUMBER, f"w-{name}"))
        # A number that is subscribed to already is looked for in the list, which has no such example.
        expected = "REQUEST_REFUSED" if status in {400, 409, 422} else code
        assert caught.value.reason == (expected if code != "ALREADY_EXISTS" else caught.value.reason), name
    for status, reason in ((400, "REQUEST_REFUSED"), (401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED")):
        gateway.prefer["sim_swap_subscriptions"] = f"code={status}"
        with pytest.raises(OperatorError) as caught:
            await operator.unwatch_subscriber(f"u-{status}", "1119920371")
        assert caught.value.reason == reason
    gateway.prefer["sim_swap_subscriptions"] = "code=404"
    await operator.unwatch_subscriber("u-404", "1119920371")


async def test_a_number_that_is_subscribed_to_already_is_found(
    gateway: Gateway, operator: CamaraOperator, clock: FakeClock
) -> None:
    clock.step(BEFORE_EXAMPLES)
    gateway.prefer["POST sim_swap_subscriptions"] = preferring(409, "GENERIC_409_ALREADY_EXISTS")
    gateway.prefer["sim_swap_subscriptions"] = preferring(200, "SUBSCRIPTIONS")
    watch = await operator.watch_subscriber(watch_order(NUMBER))
    assert (watch.watch_id, watch.expire_time) == ("1119920371", 1_717_776_615)


async def test_devices(gateway: Gateway, operator: CamaraOperator, clock: FakeClock) -> None:
    clock.step(BEFORE_EXAMPLES)
    gateway.prefer["sim_swap_subscriptions/subscriptions"] = preferring(201, "SUBSCRIPTION_RESPONSE")
    await operator.watch_subscriber(watch_order(NUMBER))
    errors = [
        error for error in documented_errors("device_swap") if error[2] not in {"OUT_OF_RANGE"} and error[1] != 429
    ]
    for name, status, _ in [("RETRIEVE_DATE", 200, ""), ("RETRIEVE_MONITORED_NULL", 200, ""), *errors]:
        gateway.prefer["device_swap"] = preferring(status, name)
        assert (await look_up(operator, "kyc_tenure", f"l-{name}")).subscriber is not None
    asked = [status for api, *_, status in gateway.requests if api == "device_swap"]
    assert sorted(set(asked)) == [200, 400, 401, 403, 404, 422]
