"""Responses other than lookups and events into answers. Pure.

What is impossible raises `BrokenContractError`. What is missing and can be done without is read as not told, so that a
code is not lost for want of a name; a number that a later contract may know is read as the enumeration's comment says.
"""

from numseal.adapters.operators.remote.enums import (
    CHECKS,
    EVENTS,
    METHODS,
    NETWORK_CHECKS,
    OPERATIONS,
    SENDS,
    SIGNALS,
)
from numseal.adapters.operators.remote.evidence_from_wire import moment_or_none
from numseal.adapters.operators.remote.fields import MAX_NAME, BrokenContractError, opaque, plmn, span, text
from numseal.adapters.operators.remote.to_wire import CONTRACT_VERSION, IDEMPOTENCY_WINDOW
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.domain.evidence import Method
from numseal.domain.operator import (
    Capabilities,
    CodeChecked,
    CodeOrder,
    CodeOutcome,
    CodeSent,
    NetworkChecked,
    NetworkOffer,
    NetworkOutcome,
    NetworkStarted,
    Price,
    SendOutcome,
    Watch,
)
from numseal.ports.operator_backend import OperatorError

MAX_CHALLENGE = 1_024
MAX_DELIVERY_ID = 128
MAX_WATCH_ID = 128
MAX_AUTH_URL = 2_048
MAX_PRICES = 256


def capabilities_of(answer: pb.GetCapabilitiesResponse) -> Capabilities:
    """Read what an operator can do; raise `BrokenContractError`, also for a version that was not offered.

    What a later contract may know (a signal, a method, a kind of event, the price of another call) is left out. Rates
    are for whoever runs the operator to keep.
    """
    if answer.contract_version != CONTRACT_VERSION:
        raise BrokenContractError(f"contract_version: {CONTRACT_VERSION} is expected")
    server_time = moment_or_none(answer, "server_time")
    if server_time is None:
        raise BrokenContractError("server_time: the operator's clock is expected")
    if len(answer.prices) > MAX_PRICES:
        raise BrokenContractError(f"prices: at most {MAX_PRICES} are expected")
    if answer.max_watches < 0:
        raise BrokenContractError("max_watches: 0 or more is expected")
    signals = (SIGNALS.from_wire.get(item.signal) for item in answer.signals)
    methods = (METHODS.from_wire.get(item.method) for item in answer.methods)
    events = (EVENTS.from_wire.get(item.kind) for item in answer.events)
    prices = (_price(item) for item in answer.prices)
    return Capabilities(
        contract_version=answer.contract_version,
        operator_id=text("operator_id", answer.operator_id, 1, MAX_NAME),
        plmns=tuple(plmn("plmns", network) for network in answer.plmns),
        signals=tuple(dict.fromkeys(name for name in signals if name is not None)),
        methods=tuple(dict.fromkeys(method for method in methods if method is not None)),
        idempotent=span("idempotency_window", answer.idempotency_window) >= IDEMPOTENCY_WINDOW,
        prior_codes_valid=answer.prior_codes_valid,
        server_time=server_time,
        events=tuple(dict.fromkeys(kind for kind in events if kind is not None)),
        event_retention=span("event_retention", answer.event_retention),
        max_watches=answer.max_watches,
        signs_statements=answer.signs_statements,
        prices=tuple(price for price in prices if price is not None),
    )


def senders_of(answer: pb.GetCapabilitiesResponse) -> dict[Method, frozenset[str]]:
    """Read which senders an operator takes, by method; a method without any sets its own."""
    return {
        METHODS.from_wire[item.method]: frozenset(item.sender_ids)
        for item in answer.methods
        if item.method in METHODS.from_wire
    }


def _price(message: pb.Price) -> Price | None:
    operation = OPERATIONS.from_wire.get(message.operation)
    signal, method = SIGNALS.from_wire.get(message.signal, ""), METHODS.from_wire.get(message.method)
    if operation is None or (message.signal and not signal) or (message.method and method is None):
        return None
    if message.price_micros < 0:
        raise BrokenContractError("prices.price_micros: 0 or more is expected")
    return Price(operation, message.price_micros, message.currency_code, signal, method)


def sent_of(answer: pb.SendCodeResponse, order: CodeOrder) -> CodeSent:
    """Read what became of an order.

    Raises `BrokenContractError`, also where a code of the operator's own has no challenge or another length than was
    ordered; `OperatorError` for an outcome that is not stated, after which a code may be under way.
    """
    outcome = SENDS.from_wire.get(answer.outcome)
    if outcome is None:
        raise OperatorError("OUTCOME_NOT_STATED", "the operator did not say what became of the code", sent=True)
    challenge = opaque("challenge", answer.challenge, MAX_CHALLENGE)
    if outcome is SendOutcome.ACCEPTED and order.template:
        if not challenge:
            raise BrokenContractError("challenge: is expected of a code that the operator makes")
        if answer.length not in {0, order.length}:
            raise BrokenContractError("length: that of the order is expected")
    return CodeSent(
        outcome=outcome,
        challenge=challenge,
        delivery_id=text("delivery_id", answer.delivery_id, 0, MAX_DELIVERY_ID),
        expire_time=moment_or_none(answer, "expire_time"),
        prior_codes_valid=answer.prior_codes_valid,
        retry_delay=span("retry_delay", answer.retry_delay) if answer.HasField("retry_delay") else None,
    )


def checked_of(answer: pb.CheckCodeResponse) -> CodeChecked:
    """Read what a code was found to be, UNKNOWN where that is not stated; raise `BrokenContractError`."""
    outcome = CHECKS.from_wire.get(answer.outcome, CodeOutcome.UNKNOWN)
    if answer.attempts_remaining < 0:
        raise BrokenContractError("attempts_remaining: 0 or more is expected")
    return CodeChecked(outcome, answer.attempts_remaining if outcome is CodeOutcome.MISMATCH else None)


def started_of(answer: pb.StartNetworkCheckResponse) -> NetworkStarted:
    """Read a page; raise `BrokenContractError`."""
    expire_time = moment_or_none(answer, "expire_time")
    if expire_time is None:
        raise BrokenContractError("expire_time: is expected of a page")
    return NetworkStarted(
        text("auth_url", answer.auth_url, 1, MAX_AUTH_URL),
        expire_time,
        opaque("challenge", answer.challenge, MAX_CHALLENGE),
    )


def finished_of(answer: pb.FinishNetworkCheckResponse, offer: NetworkOffer) -> NetworkChecked:
    """Read what the network found, apart from its statement; UNKNOWN where that is not stated.

    Raises `BrokenContractError` for an answer to another request.
    """
    if answer.request_id != offer.request_id:
        raise BrokenContractError("request_id: that of the request is expected")
    if answer.phone_number != offer.phone_number:
        raise BrokenContractError("phone_number: that of the request is expected")
    outcome = NETWORK_CHECKS.from_wire.get(answer.outcome, NetworkOutcome.UNKNOWN)
    return NetworkChecked(outcome, moment_or_none(answer, "observe_time"))


def watch_of(answer: pb.WatchSubscriberResponse) -> Watch:
    """Read a watch; raise `BrokenContractError`."""
    return Watch(text("watch_id", answer.watch_id, 1, MAX_WATCH_ID), moment_or_none(answer, "expire_time"))
