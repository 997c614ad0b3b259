"""Questions into requests, and answers other than lookups and events into responses. Pure.

A question that the contract's words cannot hold raises `ValueError`: a purpose that it does not name, text that is no
Unicode.
"""

from collections.abc import Mapping

from numseal.adapters.operators.remote.enums import (
    CHECKS,
    EVENTS,
    METHODS,
    NETWORK_CHECKS,
    OPERATIONS,
    PHASES,
    PURPOSES,
    SENDS,
    SIGNALS,
)
from numseal.adapters.operators.remote.evidence_to_wire import SOURCE
from numseal.adapters.operators.remote.fields import duration, timestamp
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.domain.operator import (
    Capabilities,
    CodeCheck,
    CodeChecked,
    CodeOrder,
    CodeOutcome,
    CodeSent,
    LookupRequest,
    NetworkChecked,
    NetworkOffer,
    NetworkOrder,
    NetworkStarted,
    Price,
    SendOutcome,
    Watch,
    WatchOrder,
)
from numseal.domain.verification import Purpose

CONTRACT_VERSION = "1.0"

IDEMPOTENCY_WINDOW = 86_400
"""Seconds that a request_id is remembered by those who remember it."""


def lookup_request(request: LookupRequest) -> pb.LookUpSubscriberRequest:
    """Ask for signals; `recycled` only with the time that the contract requires for it."""
    return pb.LookUpSubscriberRequest(
        request_id=request.request_id,
        phone_number=request.phone_number,
        signals=[
            SIGNALS.to_wire[name] for name in request.signals if name != "recycled" or request.since_time is not None
        ],
        phase=PHASES.to_wire[request.phase],
        max_age=duration(request.max_age),
        since_time=timestamp(request.since_time),
        agreement_id=request.agreement_id,
        purpose=PURPOSES.to_wire[Purpose(request.purpose)],
        consent_reference=request.consent_reference,
    )


def send_request(order: CodeOrder, template: str) -> pb.SendCodeRequest:
    """Order a code; `template` is the name of the operator's own text, empty where it takes Numseal's."""
    request = pb.SendCodeRequest(
        request_id=order.request_id,
        phone_number=order.phone_number,
        method=METHODS.to_wire[order.method],
        sender_id=order.sender_id,
        locale=order.locale,
        expire_time=timestamp(order.expire_time),
        previous_challenge=order.previous_challenge,
        agreement_id=order.agreement_id,
    )
    if order.template:
        request.operator_code.CopyFrom(pb.OperatorCode(template=template, length=order.length, text=order.template))
    else:
        request.text = order.text
    return request


def check_request(check: CodeCheck) -> pb.CheckCodeRequest:
    """Offer a code."""
    return pb.CheckCodeRequest(
        request_id=check.request_id, phone_number=check.phone_number, challenge=check.challenge, code=check.code
    )


def start_request(order: NetworkOrder) -> pb.StartNetworkCheckRequest:
    """Ask for a page."""
    return pb.StartNetworkCheckRequest(
        request_id=order.request_id,
        phone_number=order.phone_number,
        redirect_uri=order.redirect_uri,
        state=order.state,
        expire_time=timestamp(order.expire_time),
        agreement_id=order.agreement_id,
        purpose=PURPOSES.to_wire[Purpose(order.purpose)],
        consent_reference=order.consent_reference,
    )


def finish_request(offer: NetworkOffer) -> pb.FinishNetworkCheckRequest:
    """Offer what a page returned."""
    return pb.FinishNetworkCheckRequest(
        request_id=offer.request_id,
        phone_number=offer.phone_number,
        challenge=offer.challenge,
        authorization_code=offer.authorization_code,
        state=offer.state,
    )


def watch_request(order: WatchOrder) -> pb.WatchSubscriberRequest:
    """Ask for events."""
    return pb.WatchSubscriberRequest(
        request_id=order.request_id,
        phone_number=order.phone_number,
        kinds=[EVENTS.to_wire[kind] for kind in order.kinds],
        expire_time=timestamp(order.expire_time),
        agreement_id=order.agreement_id,
    )


def capabilities_message(told: Capabilities, sources: Mapping[str, str], *, signs: bool) -> pb.GetCapabilitiesResponse:
    """Write what an operator can do; `sources` by signal, as its answers name them."""
    return pb.GetCapabilitiesResponse(
        contract_version=CONTRACT_VERSION,
        operator_id=told.operator_id,
        plmns=told.plmns,
        signals=[
            pb.SignalCapability(signal=SIGNALS.to_wire[name], source=sources.get(name, SOURCE)) for name in told.signals
        ],
        methods=[pb.MethodCapability(method=METHODS.to_wire[method]) for method in told.methods],
        idempotency_window=duration(IDEMPOTENCY_WINDOW if told.idempotent else None),
        prior_codes_valid=told.prior_codes_valid,
        events=[pb.EventCapability(kind=EVENTS.to_wire[kind]) for kind in told.events if kind in EVENTS.to_wire],
        event_retention=duration(told.event_retention or None),
        max_watches=told.max_watches,
        prices=[_price(price) for price in told.prices],
        signs_statements=signs,
        server_time=timestamp(told.server_time),
    )


def _price(price: Price) -> pb.Price:
    message = pb.Price(
        operation=OPERATIONS.to_wire[price.operation],
        price_micros=price.price_micros,
        currency_code=price.currency,
    )
    if price.signal:
        message.signal = SIGNALS.to_wire[price.signal]
    if price.method is not None:
        message.method = METHODS.to_wire[price.method]
    return message


def sent_message(sent: CodeSent, length: int) -> pb.SendCodeResponse:
    """Write what became of an order; `length` is that of a code which the operator made, 0 for another's."""
    accepted = sent.outcome is SendOutcome.ACCEPTED
    return pb.SendCodeResponse(
        outcome=SENDS.to_wire[sent.outcome],
        challenge=sent.challenge,
        delivery_id=sent.delivery_id,
        expire_time=timestamp(sent.expire_time),
        prior_codes_valid=sent.prior_codes_valid,
        retry_delay=duration(sent.retry_delay),
        length=length if accepted else 0,
    )


def checked_message(checked: CodeChecked) -> pb.CheckCodeResponse:
    """Write what a code was found to be."""
    told = checked.attempts_remaining if checked.outcome is CodeOutcome.MISMATCH else None
    return pb.CheckCodeResponse(outcome=CHECKS.to_wire[checked.outcome], attempts_remaining=told or 0)


def started_message(started: NetworkStarted) -> pb.StartNetworkCheckResponse:
    """Write a page."""
    return pb.StartNetworkCheckResponse(
        auth_url=started.auth_url, challenge=started.challenge, expire_time=timestamp(started.expire_time)
    )


def finished_message(checked: NetworkChecked, offer: NetworkOffer) -> pb.FinishNetworkCheckResponse:
    """Write what the network found of what was offered, apart from its statement."""
    return pb.FinishNetworkCheckResponse(
        request_id=offer.request_id,
        phone_number=offer.phone_number,
        outcome=NETWORK_CHECKS.to_wire[checked.outcome],
        observe_time=timestamp(checked.observe_time),
    )


def watch_message(watch: Watch) -> pb.WatchSubscriberResponse:
    """Write a watch."""
    return pb.WatchSubscriberResponse(watch_id=watch.watch_id, expire_time=timestamp(watch.expire_time))
