"""Questions across the wire: what Numseal asks arrives as it was asked, and what the contract forbids is refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from fakes.orders import code_order, lookup_request, network_order, text_order, watch_order
from numseal.adapters.operators.remote import questions_from_wire as questions
from numseal.adapters.operators.remote import to_wire
from numseal.adapters.operators.remote.fields import BrokenContractError
from numseal.api.operator.v1 import event_pb2, subscriber_pb2
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.domain.evidence import Method
from numseal.domain.operator import CodeCheck, EventKind, LookupRequest, NetworkOffer, Phase
from numseal.domain.verification import Purpose

NUMBER = "+79161234567"
CHECK = CodeCheck("k1", NUMBER, b"challenge", "123456")
OFFER = NetworkOffer("f1", NUMBER, b"", "authorization-code", "state-of-16-chars")


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("purpose", Purpose)
def test_a_question_about_a_number_arrives(phase: Phase, purpose: Purpose) -> None:
    asked = replace(lookup_request(NUMBER), phase=phase, purpose=purpose.value, max_age=60, consent_reference="c/1")
    assert questions.lookup_question(to_wire.lookup_request(asked)) == asked


def test_without_a_time_recycled_is_not_asked() -> None:
    asked = lookup_request(NUMBER, since_time=None)
    arrived = questions.lookup_question(to_wire.lookup_request(asked))
    assert arrived == replace(asked, signals=tuple(name for name in asked.signals if name != "recycled"))


def test_a_text_arrives() -> None:
    for order in (text_order(NUMBER), text_order(NUMBER, text="", method=Method.VOICE)):
        assert questions.order_question(to_wire.send_request(order, "")) == (order, "")


def test_an_order_of_the_operators_own_code_arrives() -> None:
    order = code_order(NUMBER, length=8, previous_challenge=b"before")
    assert questions.order_question(to_wire.send_request(order, "otp-1")) == (order, "otp-1")
    bare = pb.OperatorCode()
    request = to_wire.send_request(order, "")
    request.operator_code.CopyFrom(bare)
    assert questions.order_question(request).order == replace(order, template="{{code}}", length=6)


def test_the_others_arrive() -> None:
    page, watch = network_order(NUMBER), watch_order(NUMBER, kinds=(EventKind.BARRED,), expire_time=1_760_000_000)
    assert questions.check_question(to_wire.check_request(CHECK)) == CHECK
    assert questions.network_question(to_wire.start_request(page)) == page
    assert questions.offer_question(to_wire.finish_request(OFFER)) == OFFER
    assert questions.watch_question(to_wire.watch_request(watch)) == watch
    assert questions.watch_question(to_wire.watch_request(watch_order(NUMBER))) == watch_order(NUMBER)
    assert questions.unwatch_question(pb.UnwatchSubscriberRequest(request_id="u1", watch_id="w1")) == ("u1", "w1")
    assert questions.cursor_question(pb.StreamEventsRequest()) == ""


def test_what_a_later_contract_may_ask_is_passed_over() -> None:
    request = to_wire.lookup_request(lookup_request(NUMBER, signals=("line_type",)))
    request.signals.append(99)  # type: ignore[arg-type]
    assert questions.lookup_question(request).signals == ("line_type",)
    watch = to_wire.watch_request(watch_order(NUMBER, kinds=(EventKind.BARRED,)))
    watch.kinds.append(99)  # type: ignore[arg-type]
    assert questions.watch_question(watch).kinds == (EventKind.BARRED,)


@pytest.mark.parametrize(
    ("written", "question"),
    [
        (to_wire.lookup_request, replace(lookup_request(NUMBER), purpose="MARKETING")),
        (to_wire.lookup_request, replace(lookup_request(NUMBER), consent_reference="\ud800")),
        (to_wire.check_request, replace(CHECK, challenge=cast("Any", "text"))),
        (to_wire.watch_request, watch_order(NUMBER, kinds=(EventKind.HEARTBEAT,))),
    ],
)
def test_what_the_contract_has_no_words_for_is_not_asked(written: Callable[[Any], object], question: Any) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        written(question)


Change = Callable[[Any], object]


def refused(field: str, read: Callable[[Any], object], request: Any, change: Change) -> None:
    read(request)
    change(request)
    with pytest.raises(BrokenContractError) as caught:
        read(request)
    assert str(caught.value).startswith(f"{field}: ")
    assert NUMBER not in str(caught.value)


EVERYWHERE: list[tuple[str, Change]] = [
    ("request_id", lambda m: m.ClearField("request_id")),
    ("request_id", lambda m: setattr(m, "request_id", "r" * 129)),
    ("request_id", lambda m: setattr(m, "request_id", "a\tb")),
]
NUMBERED: list[tuple[str, Change]] = [
    *EVERYWHERE,
    *[
        ("phone_number", lambda m, text=text: setattr(m, "phone_number", text))
        for text in ("", "79161234567", "+0791612345", "+7916123456789012", "+7 916", "+７９１６１２３４５６７")
    ],
]
AGREED: list[tuple[str, Change]] = [
    ("agreement_id", lambda m: m.ClearField("agreement_id")),
    ("agreement_id", lambda m: setattr(m, "agreement_id", "a" * 65)),
]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        *NUMBERED,
        *AGREED,
        ("signals", lambda m: m.ClearField("signals")),
        ("signals", lambda m: m.signals.append(subscriber_pb2.SIGNAL_KIND_LINE_TYPE)),
        ("signals", lambda m: m.signals.append(0)),
        ("since_time", lambda m: m.ClearField("since_time")),
        ("since_time", lambda m: m.since_time.FromSeconds(-1)),
        ("max_age", lambda m: m.max_age.FromSeconds(-1)),
        ("phase", lambda m: m.ClearField("phase")),
        ("phase", lambda m: setattr(m, "phase", 9)),
        ("purpose", lambda m: m.ClearField("purpose")),
        ("consent_reference", lambda m: setattr(m, "consent_reference", "я" * 128)),
    ],
)
def test_a_malformed_question_about_a_number(field: str, change: Change) -> None:
    refused(field, questions.lookup_question, to_wire.lookup_request(lookup_request(NUMBER)), change)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        *NUMBERED,
        *AGREED,
        ("method", lambda m: m.ClearField("method")),
        ("method", lambda m: setattr(m, "method", pb.METHOD_NETWORK)),
        ("text", lambda m: m.ClearField("content")),
        ("text", lambda m: m.operator_code.SetInParent()),
        ("operator_code", lambda m: setattr(m, "method", pb.METHOD_OPERATOR_CODE)),
        ("sender_id", lambda m: setattr(m, "sender_id", "s" * 65)),
        ("locale", lambda m: m.ClearField("locale")),
        ("expire_time", lambda m: m.ClearField("expire_time")),
        ("expire_time", lambda m: setattr(m.expire_time, "nanos", 10**9)),
        ("previous_challenge", lambda m: setattr(m, "previous_challenge", bytes(1_025))),
    ],
)
def test_a_malformed_order(field: str, change: Change) -> None:
    refused(field, questions.order_question, to_wire.send_request(text_order(NUMBER), ""), change)


@pytest.mark.parametrize("length", [-1, 3, 11])
def test_a_code_has_4_to_10_digits(length: int) -> None:
    request = to_wire.send_request(code_order(NUMBER), "")
    refused(
        "operator_code.length",
        questions.order_question,
        request,
        lambda m: setattr(m.operator_code, "length", length),
    )


@pytest.mark.parametrize(
    ("field", "change"),
    [
        *NUMBERED,
        ("challenge", lambda m: m.ClearField("challenge")),
        ("challenge", lambda m: setattr(m, "challenge", bytes(1_025))),
        *[
            ("code", lambda m, code=code: setattr(m, "code", code))
            for code in ("", "123", "1" * 11, "１２３４", "12 34")
        ],
    ],
)
def test_a_malformed_check(field: str, change: Change) -> None:
    refused(field, questions.check_question, to_wire.check_request(CHECK), change)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        *NUMBERED,
        *AGREED,
        ("redirect_uri", lambda m: setattr(m, "redirect_uri", "http://messenger.example/back")),
        ("redirect_uri", lambda m: setattr(m, "redirect_uri", "https://m.example/" + "a" * 2_048)),
        ("state", lambda m: setattr(m, "state", "s" * 15)),
        ("state", lambda m: setattr(m, "state", "s" * 129)),
        ("expire_time", lambda m: m.ClearField("expire_time")),
        ("purpose", lambda m: setattr(m, "purpose", 77)),
        ("consent_reference", lambda m: setattr(m, "consent_reference", "c" * 256)),
    ],
)
def test_a_malformed_order_of_a_page(field: str, change: Change) -> None:
    refused(field, questions.network_question, to_wire.start_request(network_order(NUMBER)), change)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        *NUMBERED,
        ("challenge", lambda m: setattr(m, "challenge", bytes(1_025))),
        ("authorization_code", lambda m: m.ClearField("authorization_code")),
        ("authorization_code", lambda m: setattr(m, "authorization_code", "a" * 2_049)),
        ("state", lambda m: m.ClearField("state")),
    ],
)
def test_a_malformed_offer(field: str, change: Change) -> None:
    refused(field, questions.offer_question, to_wire.finish_request(OFFER), change)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        *NUMBERED,
        *AGREED,
        ("kinds", lambda m: m.ClearField("kinds")),
        ("kinds", lambda m: m.kinds.append(event_pb2.EVENT_KIND_DELIVERY)),
        ("kinds", lambda m: m.kinds.append(0)),
        ("expire_time", lambda m: m.expire_time.FromSeconds(-5)),
    ],
)
def test_a_malformed_order_of_a_watch(field: str, change: Change) -> None:
    refused(field, questions.watch_question, to_wire.watch_request(watch_order(NUMBER)), change)


def test_a_malformed_end_and_a_malformed_cursor() -> None:
    for field, change in (*EVERYWHERE, ("watch_id", lambda m: m.ClearField("watch_id"))):
        request = pb.UnwatchSubscriberRequest(request_id="u1", watch_id="w1")
        refused(field, questions.unwatch_question, request, change)
    refused("cursor", questions.cursor_question, pb.StreamEventsRequest(), lambda m: setattr(m, "cursor", "c" * 257))


def test_a_lookup_names_no_account() -> None:
    fields = {field.name for field in pb.LookUpSubscriberRequest.DESCRIPTOR.fields}
    assert fields == {name for name in LookupRequest.__slots__}  # noqa: C416 - as the question has them
