"""The contract's calls, and what is sent to an HLR for them."""

import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.ctrl_server import IMSI, NUMBER, FakeHlr, frame, printed
from fakes.orders import code_order, lookup_request, network_order, text_order, watch_order
from numseal.adapters.operators.osmo_hlr.backend import OsmoHlrOperator
from numseal.adapters.operators.osmo_hlr.settings import Settings
from numseal.domain.evidence import LookupOutcome, SignalState
from numseal.domain.operator import CodeCheck, NetworkOffer
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.operator_answers import read_capabilities, read_lookup

Make = Callable[..., OsmoHlrOperator]
DAY = 86_400

NO_NUMBERS = [
    "",
    "+",
    "79161234567",
    "++79161234567",
    "+0916123456",
    "+791612",
    "+1234567890123456",
    "+7916 1234567",
    "+79161234567.info-all",
    "+79161234567.info-aud",
    "+79161234567\nGET 1 x",
    "+79161234567\n",
    "+７９１６１２３４５６７",
]


async def test_an_own_number_has_a_subscriber(make: Make, clock: FakeClock) -> None:
    operator = make(node_networks={"7916": "250-01"})
    answer = await operator.look_up(lookup_request(NUMBER))
    assert read_lookup(answer, clock.now()) is answer
    assert (answer.outcome, answer.operator_id, answer.time) == (LookupOutcome.SUBSCRIBER, "mts", clock.now())
    assert answer.subscriber is not None
    told = set((await operator.capabilities()).signals)
    for name, signal in answer.subscriber.signals():
        assert (signal.meta.state is SignalState.NOT_SUPPORTED) == (name not in told)
    assert IMSI not in repr(answer)


async def test_references_of_lookups_are_those_of_their_requests(make: Make) -> None:
    operator = make()
    first, second, again = [(await operator.look_up(lookup_request(NUMBER, name))).lookup_reference for name in "121"]
    assert first == again
    assert 1 <= len(first) <= 256
    assert first != second


async def test_a_repeated_request_is_answered_with_what_is_true_by_then(
    make: Make, hlr: FakeHlr, clock: FakeClock
) -> None:
    operator = make()
    first = await operator.look_up(lookup_request(NUMBER))
    hlr.says = lambda text: frame(f"ERROR {text.split()[1]} No such subscriber.")
    clock.advance(60)
    second = await operator.look_up(lookup_request(NUMBER))
    assert (first.outcome, second.outcome) == (LookupOutcome.SUBSCRIBER, LookupOutcome.NOT_SERVED)
    assert second.time == first.time + 60


@pytest.mark.parametrize(
    ("prefixes", "outcome"),
    [
        ((), LookupOutcome.NOT_SERVED),
        (("+7917", "+79161"), LookupOutcome.NOT_SERVED),
        (("+7917", "+79160"), LookupOutcome.NOT_ASSIGNED),
    ],
)
async def test_a_number_that_is_not_there_is_unassigned_in_own_ranges_only(
    make: Make, prefixes: tuple[str, ...], outcome: LookupOutcome
) -> None:
    answer = await make(own_prefixes=prefixes).look_up(lookup_request("+79160001234"))
    assert (answer.outcome, answer.subscriber) == (outcome, None)


@pytest.mark.parametrize("number", NO_NUMBERS)
async def test_what_is_no_number_is_refused_and_not_asked_about(make: Make, hlr: FakeHlr, number: str) -> None:
    operator = make()
    with pytest.raises(OperatorError, match="phone_number") as caught:
        await operator.look_up(lookup_request(number))
    assert caught.value.reason == "REQUEST_REFUSED"
    await operator.look_up(lookup_request(NUMBER))
    assert hlr.asked == ["GET 1 subscriber.by-msisdn-79161234567.info"]


async def test_nothing_but_records_without_keys_is_ever_asked_for(make: Make, hlr: FakeHlr) -> None:
    operator = make()
    numbers = [NUMBER, "+79160001234", "+1234567", "+123456789012345", *NO_NUMBERS]
    for call in (*(operator.look_up(lookup_request(number)) for number in numbers), *_unsupported(operator)):
        try:
            await call
        except OperatorError:
            continue
    await operator.capabilities()
    assert len(hlr.asked) == 4
    assert all(re.fullmatch(r"GET [0-9]+ subscriber\.by-msisdn-[0-9]{7,15}\.info", text) for text in hlr.asked)


async def test_capabilities_are_told_without_the_hlr(make: Make, hlr: FakeHlr, clock: FakeClock) -> None:
    operator = make(handsets_only=True)
    told = read_capabilities(await operator.capabilities(), "mts")
    assert (told.contract_version, told.operator_id, told.plmns) == ("1.0", operator.operator_id, ("250-01",))
    assert (told.methods, told.events, told.event_retention, told.max_watches) == ((), (), 0, 0)
    assert told.idempotent
    assert told.server_time == clock.now()
    assert "line_type" in told.signals
    assert hlr.accepted == 0


def _unsupported(operator: OsmoHlrOperator) -> list[Any]:
    return [
        operator.send_code(text_order(NUMBER)),
        operator.send_code(code_order(NUMBER)),
        operator.check_code(CodeCheck("c", NUMBER, b"", "123456")),
        operator.start_network_check(network_order(NUMBER)),
        operator.finish_network_check(NetworkOffer("n", NUMBER, b"", "code", "state-of-16-chars")),
        operator.watch_subscriber(watch_order(NUMBER)),
        operator.unwatch_subscriber("w", "watch"),
        anext(operator.stream_events("")),
    ]


async def test_what_an_hlr_cannot_do_is_refused_and_nothing_is_sent(make: Make) -> None:
    reasons = []
    for call in _unsupported(make()):
        with pytest.raises(OperatorError) as caught:
            await call
        assert not caught.value.sent
        reasons.append(caught.value.reason)
    assert reasons == ["METHOD_NOT_SUPPORTED"] * 5 + ["EVENTS_NOT_SUPPORTED"] * 3


@pytest.mark.parametrize("size", [0, 15])
def test_a_short_key_is_refused(clock: FakeClock, size: int) -> None:
    with pytest.raises(ValueError, match="reference_key"):
        OsmoHlrOperator(Settings("127.0.0.1"), "mts", (), clock, secrets.token_bytes(size))


async def test_an_answer_with_another_number_is_no_answer(make: Make, hlr: FakeHlr) -> None:
    other = printed("79161234568")
    hlr.says = lambda text: frame(f"GET_REPLY {text.split()[1]} {text.split()[2]} {other}")
    with pytest.raises(OperatorError, match="another number") as caught:
        await make().look_up(lookup_request(NUMBER))
    assert caught.value.reason == "BROKEN_CONTRACT"
