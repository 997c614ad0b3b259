"""Checks that what the contract calls malformed is refused as such, and never brings a backend down.

A case whose outcome the contract leaves open may also be answered; what is never right is INTERNAL, UNKNOWN or another
status that says the backend itself failed.
"""

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from numseal.api.operator.v1 import event_pb2, operator_pb2, subscriber_pb2
from numseal.conformance.check import Check, check
from numseal.conformance.clause import Clause, operator
from numseal.conformance.kit import NOWHERE, Kit, Refused
from numseal.conformance.results import DoesNotApply, expect_all

Case = tuple[str, str, Message]
"""What is wrong, the call, and the request."""

MALFORMED = operator("OperatorBackend", "errors are INVALID_ARGUMENT for a malformed request")
_LINE_TYPE = subscriber_pb2.SIGNAL_KIND_LINE_TYPE
_SIM_CHANGE = event_pb2.EVENT_KIND_SIM_CHANGE


async def _all_refused(kit: Kit, cases: Iterable[Case], *, may_answer: bool = False) -> str:
    """Put every case; raise `Broken` with those that were not refused as malformed."""
    problems = []
    count = 0
    for what, method, request in cases:
        count += 1
        try:
            await kit.call(method, request)
        except Refused as error:
            if error.code.name != "INVALID_ARGUMENT":
                problems.append(f"{what}: {error}; INVALID_ARGUMENT is expected")
        else:
            if not may_answer:
                problems.append(f"{what}: {method} answered OK, INVALID_ARGUMENT is expected")
    if not count:
        raise DoesNotApply("GetCapabilities announces no call that this can be tried with")
    expect_all(problems)
    return f"{count} requests"


def _number(kit: Kit) -> str:
    return kit.profile.own[0] if kit.profile.own else NOWHERE


def _sends(kit: Kit, *wanted: Any) -> bool:
    return any(offer.method in (wanted or (operator_pb2.METHOD_SMS,)) for offer in kit.told.methods)


def _lookups(kit: Kit, *variants: tuple[str, dict[str, Any]]) -> list[Case]:
    if not kit.told.signals:
        return []
    return [
        (what, "LookUpSubscriber", kit.lookup(fields.pop("to", _number(kit)), **fields)) for what, fields in variants
    ]


def _orders(kit: Kit, *variants: tuple[str, dict[str, Any]]) -> list[Case]:
    if not _sends(kit):
        return []
    return [(what, "SendCode", kit.order(fields.pop("to", NOWHERE), **fields)) for what, fields in variants]


def _checks(kit: Kit, *variants: tuple[str, dict[str, Any]]) -> list[Case]:
    if not _sends(kit, operator_pb2.METHOD_OPERATOR_CODE):
        return []
    whole: dict[str, Any] = {"phone_number": _number(kit), "challenge": b"conformance", "code": "123456"}
    return [
        (what, "CheckCode", operator_pb2.CheckCodeRequest(**({"request_id": kit.new_id()} | whole | fields)))
        for what, fields in variants
    ]


def _watches(kit: Kit, *variants: tuple[str, dict[str, Any]]) -> list[Case]:
    if not kit.told.events:
        return []
    whole: dict[str, Any] = {
        "phone_number": _number(kit),
        "kinds": [_SIM_CHANGE],
        "agreement_id": kit.profile.agreement_id,
    }
    return [
        (
            what,
            "WatchSubscriber",
            operator_pb2.WatchSubscriberRequest(**({"request_id": kit.new_id()} | whole | fields)),
        )
        for what, fields in variants
    ]


def _everywhere(kit: Kit, field: str, values: dict[str, str]) -> list[Case]:
    """Put each value into the field of every call that has it."""
    variants = [(f"{field} {what}", {field: value}) for what, value in values.items()]
    return [
        case
        for make in (_lookups, _orders, _checks, _watches)
        for case in make(kit, *((what, dict(fields)) for what, fields in variants))
    ]


def _malformed(
    check_id: str, title: str, clause: Clause = MALFORMED, *, may_answer: bool = False
) -> Callable[[Callable[[Kit], list[Case]]], Check]:
    """Make a check of a function that gives the cases."""

    def make(cases: Callable[[Kit], list[Case]]) -> Check:
        async def run(kit: Kit) -> str:
            return await _all_refused(kit, cases(kit), may_answer=may_answer)

        return check(f"malformed.{check_id}", title, clause)(run)

    return make


@_malformed(
    "request_id",
    "A request_id that is empty, too long or not printable is refused",
    operator("LookUpSubscriberRequest.request_id", "Key of idempotency, at most 128 printable characters."),
)
def request_id(kit: Kit) -> list[Case]:
    """Give request ids."""
    return _everywhere(kit, "request_id", {"is empty": "", "has 129 characters": "x" * 129, "has a newline": "a\nb"})


@_malformed(
    "phone_number",
    "A number that is not E.164 is refused",
    operator("LookUpSubscriberRequest.phone_number", 'The number, E.164 with "+".'),
)
def phone_number(kit: Kit) -> list[Case]:
    """Give numbers."""
    return _everywhere(
        kit,
        "phone_number",
        {
            "is empty": "",
            "has no +": "79160000001",
            "has 16 digits": "+7916000000112345",
            "has letters": "+7916ABC0001",
            "begins with +0": "+07916000001",
            "has spaces": "+7 916 000 00 01",
        },
    )


@_malformed(
    "signals",
    "Signals that are none, not stated, unknown or asked twice are refused",
    operator("LookUpSubscriberRequest.signals", "Signals wanted, at least one, each once."),
)
def signals(kit: Kit) -> list[Case]:
    """Give lists of signals; one that a later version may know is left to the operator."""
    return _lookups(
        kit,
        ("signals is empty", {"signals": []}),
        ("signals has one twice", {"signals": [_LINE_TYPE, _LINE_TYPE]}),
        ("signals has UNSPECIFIED", {"signals": [subscriber_pb2.SIGNAL_KIND_UNSPECIFIED]}),
    )


@_malformed(
    "enums",
    "Phase, purpose, method and kind that are not stated are refused",
    operator("LookupPhase.LOOKUP_PHASE_UNSPECIFIED", "Not stated; refused."),
)
def enums(kit: Kit) -> list[Case]:
    """Give enums that say nothing."""
    return (
        _lookups(kit, ("phase is not stated", {"phase": 0}), ("purpose is not stated", {"purpose": 0}))
        + _orders(kit, ("method is not stated", {"method": 0}))
        + _watches(
            kit,
            ("kinds is empty", {"kinds": []}),
            ("kinds has UNSPECIFIED", {"kinds": [0]}),
            ("kinds has DELIVERY", {"kinds": [event_pb2.EVENT_KIND_DELIVERY]}),
        )
    )


@_malformed(
    "required",
    "A request without a field that is required is refused",
    operator("LookUpSubscriberRequest.agreement_id", "Agreement under which it is asked, 1 to 64 characters."),
)
def required(kit: Kit) -> list[Case]:
    """Leave required fields out, or make them too long."""
    cases = _lookups(
        kit,
        ("agreement_id is empty", {"agreement_id": ""}),
        ("agreement_id has 65 characters", {"agreement_id": "a" * 65}),
        ("consent_reference has 256 bytes", {"consent_reference": "c" * 256}),
        ("max_age is negative", {"max_age": Duration(seconds=-5)}),
    )
    if any(offer.signal == subscriber_pb2.SIGNAL_KIND_RECYCLED for offer in kit.told.signals):
        kind = [subscriber_pb2.SIGNAL_KIND_RECYCLED]
        cases += _lookups(kit, ("recycled is asked without since_time", {"signals": kind, "since_time": None}))
    cases += _orders(
        kit,
        ("agreement_id is empty", {"agreement_id": ""}),
        ("there is nothing to send", {"text": None}),
        ("locale is empty", {"locale": ""}),
        ("expire_time is absent", {"expire_time": None}),
    )
    return cases + _watches(kit, ("agreement_id is empty", {"agreement_id": ""}))


@_malformed(
    "content",
    "A method and a content that do not go together are refused",
    operator("SendCodeRequest.method", "SMS or VOICE with a text, OPERATOR_CODE with an operator_code."),
)
def content(kit: Kit) -> list[Case]:
    """Give method and content that do not go together."""
    cases = _orders(kit, ("an operator_code is ordered as SMS", {"method": operator_pb2.METHOD_SMS, **_code(6)}))
    if _sends(kit, operator_pb2.METHOD_OPERATOR_CODE):
        method = operator_pb2.METHOD_OPERATOR_CODE
        cases += [
            ("a text is ordered as OPERATOR_CODE", "SendCode", kit.order(NOWHERE, text="x", method=method)),
            ("a code of 3 digits is ordered", "SendCode", kit.order(NOWHERE, **_code(3))),
            ("a code of 11 digits is ordered", "SendCode", kit.order(NOWHERE, **_code(11))),
        ]
    return cases


def _code(length: int) -> dict[str, Any]:
    return {"operator_code": operator_pb2.OperatorCode(text="Code {{code}}", length=length)}


@_malformed(
    "challenge",
    "A challenge or a code that nobody can have is answered, or refused as malformed",
    operator("CheckCodeRequest.code", "What the person entered, 4 to 10 digits."),
    may_answer=True,
)
def challenge(kit: Kit) -> list[Case]:
    """Give challenges and codes that nobody can have."""
    return _checks(
        kit,
        ("challenge is empty", {"challenge": b""}),
        ("challenge has 2 KiB", {"challenge": b"\xff" * 2_048}),
        ("code is empty", {"code": ""}),
        ("code has 1,000 digits", {"code": "1" * 1_000}),
        ("code is no ASCII", {"code": "１２３４５６"}),
    )


@_malformed(
    "strangers",
    "Watches and numbers that nobody has are answered, or refused as malformed",
    MALFORMED,
    may_answer=True,
)
def strangers(kit: Kit) -> list[Case]:
    """Give what is in its form and far from anything an operator expects."""
    cases = _lookups(
        kit,
        ("the signal 99 is asked for", {"signals": [99]}),
        ("max_age is 0", {"max_age": Duration()}),
        ("since_time is far ahead", {"since_time": kit.time(10**9)}),
    )
    if kit.told.events:
        requests = [("is empty", ""), ("has 1,000 characters", "w" * 1_000), ("is no word", "../\0'\"%s")]
        cases += [(f"watch_id {what}", "UnwatchSubscriber", _unwatch(kit, watch_id)) for what, watch_id in requests]
    return cases


def _unwatch(kit: Kit, watch_id: str) -> operator_pb2.UnwatchSubscriberRequest:
    return operator_pb2.UnwatchSubscriberRequest(request_id=kit.new_id(), watch_id=watch_id)


CHECKS = (request_id, phone_number, signals, enums, required, content, challenge, strangers)
