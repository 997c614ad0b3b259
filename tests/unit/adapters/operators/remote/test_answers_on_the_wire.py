"""Capabilities, codes, pages and watches across the wire: as they are told, strictly, and later words left out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fakes.operator import everything
from fakes.orders import code_order, text_order
from numseal.adapters.operators.remote import from_wire, to_wire
from numseal.adapters.operators.remote.fields import BrokenContractError
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.api.operator.v1.subscriber_pb2 import SIGNAL_KIND_LINE_TYPE
from numseal.domain.evidence import SIGNAL_NAMES, Method
from numseal.domain.operator import (
    Capabilities,
    CodeChecked,
    CodeOutcome,
    CodeSent,
    EventKind,
    NetworkChecked,
    NetworkOffer,
    NetworkOutcome,
    NetworkStarted,
    Operation,
    Price,
    SendOutcome,
    Watch,
)
from numseal.ports.operator_backend import OperatorError

NUMBER = "+79161234567"
PRICES = (
    Price(Operation.LOOK_UP_SUBSCRIBER, 5_000, "RUB", signal="sim_change"),
    Price(Operation.SEND_CODE, 0, "EUR", method=Method.VOICE),
    Price(Operation.NETWORK_CHECK, 1, "RUB"),
)
ALL = replace(
    everything("mts"), contract_version="1.0", server_time=1_750_000_000, max_watches=7, prices=PRICES, idempotent=True
)

OFFER = NetworkOffer("f1", "+79161234567", b"challenge", "code", "state-of-16-chars")


def told(capabilities: Capabilities = ALL, *, signs: bool = False) -> pb.GetCapabilitiesResponse:
    return to_wire.capabilities_message(capabilities, {"line_type": "hlr"}, signs=signs)


def test_capabilities_arrive() -> None:
    assert from_wire.capabilities_of(told()) == ALL
    assert from_wire.capabilities_of(told(signs=True)) == replace(ALL, signs_statements=True)
    little = Capabilities("1.0", "fixed", (), (), (Method.VOICE,), False, False, 1)
    assert from_wire.capabilities_of(told(little)) == little


def test_every_signal_has_a_source() -> None:
    sources = {item.signal: item.source for item in told().signals}
    assert len(sources) == len(SIGNAL_NAMES)
    assert sources[SIGNAL_KIND_LINE_TYPE] == "hlr"
    assert all(sources.values())


@pytest.mark.parametrize(("seconds", "idempotent"), [(0, False), (86_399, False), (86_400, True), (10**6, True)])
def test_less_than_a_day_is_no_idempotency(seconds: int, idempotent: bool) -> None:
    message = told()
    message.idempotency_window.FromSeconds(seconds)
    assert from_wire.capabilities_of(message).idempotent is idempotent


def test_what_a_later_contract_may_offer_is_left_out() -> None:
    message = told()
    message.signals.add(signal=99, source="x")
    message.methods.add(method=99)
    message.events.add(kind=99)
    message.prices.add(operation=99, currency_code="RUB")
    message.prices.add(operation=1, signal=99, currency_code="RUB")
    message.prices.add(operation=2, method=99, currency_code="RUB")
    message.signals.append(message.signals[0])
    assert from_wire.capabilities_of(message) == ALL


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("contract_version", lambda m: setattr(m, "contract_version", "2.0")),
        ("contract_version", lambda m: m.ClearField("contract_version")),
        ("operator_id", lambda m: m.ClearField("operator_id")),
        ("operator_id", lambda m: setattr(m, "operator_id", "o" * 65)),
        ("plmns", lambda m: m.plmns.append("25001")),
        ("server_time", lambda m: m.ClearField("server_time")),
        ("idempotency_window", lambda m: m.idempotency_window.FromSeconds(-1)),
        ("event_retention", lambda m: setattr(m.event_retention, "seconds", 10**12)),
        ("max_watches", lambda m: setattr(m, "max_watches", -1)),
        ("prices", lambda m: m.prices.extend(m.prices[:1] * 256)),
        ("prices.price_micros", lambda m: setattr(m.prices[0], "price_micros", -1)),
    ],
)
def test_impossible_capabilities(field: str, change: Callable[[Any], object]) -> None:
    message = told()
    change(message)
    with pytest.raises(BrokenContractError, match=f"^{field}: "):
        from_wire.capabilities_of(message)


SENT = CodeSent(SendOutcome.ACCEPTED, b"challenge", "d1", 1_750_000_600, prior_codes_valid=False)


def test_what_became_of_an_order_arrives() -> None:
    order = code_order(NUMBER)
    for sent in (SENT, *[CodeSent(outcome, retry_delay=3) for outcome in SendOutcome if outcome != "ACCEPTED"]):
        assert from_wire.sent_of(to_wire.sent_message(sent, 6), order) == sent
    bare = CodeSent(SendOutcome.ACCEPTED)
    assert from_wire.sent_of(to_wire.sent_message(bare, 0), text_order(NUMBER)) == bare


def test_a_begun_second_of_waiting_counts() -> None:
    message = to_wire.sent_message(CodeSent(SendOutcome.THROTTLED), 0)
    message.retry_delay.FromMilliseconds(1_200)
    assert from_wire.sent_of(message, text_order(NUMBER)).retry_delay == 2


@pytest.mark.parametrize("number", [0, 9])
def test_an_outcome_that_is_not_stated_is_a_failure_after_which_a_code_may_be_under_way(number: int) -> None:
    message = to_wire.sent_message(SENT, 6)
    message.outcome = number  # type: ignore[assignment]
    with pytest.raises(OperatorError) as caught:
        from_wire.sent_of(message, code_order(NUMBER))
    assert (caught.value.reason, caught.value.sent) == ("OUTCOME_NOT_STATED", True)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("challenge", lambda m: m.ClearField("challenge")),
        ("challenge", lambda m: setattr(m, "challenge", bytes(1_025))),
        ("length", lambda m: setattr(m, "length", 5)),
        ("delivery_id", lambda m: setattr(m, "delivery_id", "d" * 129)),
        ("expire_time", lambda m: m.expire_time.FromSeconds(-1)),
        ("retry_delay", lambda m: m.retry_delay.FromSeconds(-1)),
    ],
)
def test_an_impossible_end_of_an_order(field: str, change: Callable[[Any], object]) -> None:
    message = to_wire.sent_message(SENT, 6)
    change(message)
    with pytest.raises(BrokenContractError, match=f"^{field}: "):
        from_wire.sent_of(message, code_order(NUMBER))


def test_a_length_that_is_not_told_is_the_one_ordered() -> None:
    assert from_wire.sent_of(to_wire.sent_message(SENT, 0), code_order(NUMBER)) == SENT


def test_what_a_code_was_found_to_be_arrives() -> None:
    for outcome in CodeOutcome:
        remaining = 3 if outcome is CodeOutcome.MISMATCH else None
        checked = CodeChecked(outcome, remaining)
        assert from_wire.checked_of(to_wire.checked_message(checked)) == checked
    assert from_wire.checked_of(pb.CheckCodeResponse()) == CodeChecked(CodeOutcome.UNKNOWN)
    with pytest.raises(BrokenContractError, match="attempts_remaining"):
        from_wire.checked_of(pb.CheckCodeResponse(outcome=pb.CHECK_OUTCOME_MISMATCH, attempts_remaining=-1))


def test_what_the_network_found_arrives() -> None:
    for outcome in NetworkOutcome:
        checked = NetworkChecked(outcome, 1_750_000_000 if outcome is NetworkOutcome.MATCH else None)
        assert from_wire.finished_of(to_wire.finished_message(checked, OFFER), OFFER) == checked
    silent = pb.FinishNetworkCheckResponse(request_id=OFFER.request_id, phone_number=OFFER.phone_number)
    assert from_wire.finished_of(silent, OFFER).outcome is NetworkOutcome.UNKNOWN


@pytest.mark.parametrize("field", ["request_id", "phone_number"])
def test_what_the_network_found_of_another_request_is_refused(field: str) -> None:
    answer = to_wire.finished_message(NetworkChecked(NetworkOutcome.MATCH, 1_750_000_000), OFFER)
    setattr(answer, field, "other")
    with pytest.raises(BrokenContractError, match=field):
        from_wire.finished_of(answer, OFFER)


def test_pages_and_watches_arrive() -> None:
    page = NetworkStarted("https://network.example/authorize", 1_750_000_000, b"c")
    assert from_wire.started_of(to_wire.started_message(page)) == page
    for watch in (Watch("w1"), Watch("w1", 1_750_000_000)):
        assert from_wire.watch_of(to_wire.watch_message(watch)) == watch


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("auth_url", lambda m: m.ClearField("auth_url")),
        ("auth_url", lambda m: setattr(m, "auth_url", "https://" + "a" * 2_048)),
        ("challenge", lambda m: setattr(m, "challenge", bytes(1_025))),
        ("expire_time", lambda m: m.ClearField("expire_time")),
    ],
)
def test_an_impossible_page(field: str, change: Callable[[Any], object]) -> None:
    message = to_wire.started_message(NetworkStarted("https://network.example/authorize", 1_750_000_000, b"c"))
    change(message)
    with pytest.raises(BrokenContractError, match=f"^{field}: "):
        from_wire.started_of(message)


def test_an_impossible_watch() -> None:
    for name in ("", "w" * 129, "w\n"):
        with pytest.raises(BrokenContractError, match=r"^watch_id: "):
            from_wire.watch_of(pb.WatchSubscriberResponse(watch_id=name))


def test_heartbeats_are_no_event_on_offer() -> None:
    beating = replace(ALL, events=(EventKind.HEARTBEAT, EventKind.BARRED))
    assert from_wire.capabilities_of(told(beating)).events == (EventKind.BARRED,)
