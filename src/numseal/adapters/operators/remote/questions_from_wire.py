"""Requests into questions, for those who serve a backend: each refused that the contract does not allow. Pure."""

import re
from typing import Any, NamedTuple

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from numseal.adapters.operators.remote.enums import EVENTS, METHODS, PHASES, PURPOSES, SIGNALS
from numseal.adapters.operators.remote.fields import BrokenContractError, moment, opaque, span, text
from numseal.api.operator.v1 import operator_pb2 as pb
from numseal.domain.evidence import Method
from numseal.domain.operator import (
    CodeCheck,
    CodeOrder,
    EventKind,
    LookupRequest,
    NetworkOffer,
    NetworkOrder,
    WatchOrder,
)
from numseal.domain.otp import PLACEHOLDER

MAX_REQUEST_ID = 128
MAX_AGREEMENT_ID = 64
MAX_CONSENT = 255
MAX_CHALLENGE = 1_024
MAX_CURSOR = 256
MAX_LOCALE = 64
MAX_SENDER_ID = 64
MAX_URI = 2_048
MAX_AUTHORIZATION_CODE = 2_048
MAX_WATCH_ID = 128
MIN_STATE, MAX_STATE = 16, 128
MIN_DIGITS, MAX_DIGITS, DIGITS = 4, 10, 6

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_CODE = re.compile(rf"[0-9]{{{MIN_DIGITS},{MAX_DIGITS}}}")


class Ordered(NamedTuple):
    """An order, and the name of the operator's own text that it asks for, empty for none."""

    order: CodeOrder
    template: str


def lookup_question(request: pb.LookUpSubscriberRequest) -> LookupRequest:
    """Read a question about a number; raise `BrokenContractError`. Signals of a later contract are passed over."""
    if not request.signals or 0 in request.signals or len(set(request.signals)) != len(request.signals):
        raise BrokenContractError("signals: at least one is expected, each once")
    found = tuple(SIGNALS.from_wire[number] for number in request.signals if number in SIGNALS.from_wire)
    since_time = _time_or_none("since_time", request, request.since_time)
    if "recycled" in found and since_time is None:
        raise BrokenContractError("since_time: is expected with the signal RECYCLED")
    return LookupRequest(
        request_id=_request_id(request.request_id),
        phone_number=_number(request.phone_number),
        phase=_stated("phase", PHASES.from_wire, request.phase),
        agreement_id=_agreement(request.agreement_id),
        purpose=_stated("purpose", PURPOSES.from_wire, request.purpose).value,
        signals=found,
        max_age=_span_or_none("max_age", request, request.max_age),
        since_time=since_time,
        consent_reference=_consent(request.consent_reference),
    )


def order_question(request: pb.SendCodeRequest) -> Ordered:
    """Read an order; raise `BrokenContractError`. Without a text the operator's own is one that is the code alone."""
    method = _stated("method", METHODS.from_wire, request.method)
    content = request.WhichOneof("content")
    wanted = {Method.SMS: "text", Method.VOICE: "text", Method.OPERATOR_CODE: "operator_code"}.get(method)
    if wanted is None:
        raise BrokenContractError("method: SMS, VOICE or OPERATOR_CODE is expected")
    if content != wanted:
        raise BrokenContractError(f"{wanted}: is expected with this method")
    made = request.operator_code
    if made.length and not MIN_DIGITS <= made.length <= MAX_DIGITS:
        raise BrokenContractError(f"operator_code.length: {MIN_DIGITS} to {MAX_DIGITS} are expected")
    order = CodeOrder(
        request_id=_request_id(request.request_id),
        phone_number=_number(request.phone_number),
        method=method,
        sender_id=text("sender_id", request.sender_id, 0, MAX_SENDER_ID),
        locale=text("locale", request.locale, 1, MAX_LOCALE),
        expire_time=_time(request, request.expire_time),
        agreement_id=_agreement(request.agreement_id),
        text=request.text,
        template="" if content == "text" else made.text or PLACEHOLDER,
        length=made.length or DIGITS,
        previous_challenge=opaque("previous_challenge", request.previous_challenge, MAX_CHALLENGE),
    )
    return Ordered(order, made.template)


def check_question(request: pb.CheckCodeRequest) -> CodeCheck:
    """Read an offered code; raise `BrokenContractError`."""
    if not request.challenge:
        raise BrokenContractError("challenge: that of SendCode's answer is expected")
    if not _CODE.fullmatch(request.code):
        raise BrokenContractError(f"code: {MIN_DIGITS} to {MAX_DIGITS} digits are expected")
    return CodeCheck(
        _request_id(request.request_id),
        _number(request.phone_number),
        opaque("challenge", request.challenge, MAX_CHALLENGE),
        request.code,
    )


def network_question(request: pb.StartNetworkCheckRequest) -> NetworkOrder:
    """Read the order of a page; raise `BrokenContractError`."""
    if not request.redirect_uri.startswith("https://"):
        raise BrokenContractError("redirect_uri: an https address is expected")
    return NetworkOrder(
        request_id=_request_id(request.request_id),
        phone_number=_number(request.phone_number),
        redirect_uri=text("redirect_uri", request.redirect_uri, 1, MAX_URI),
        state=text("state", request.state, MIN_STATE, MAX_STATE),
        expire_time=_time(request, request.expire_time),
        agreement_id=_agreement(request.agreement_id),
        purpose=_stated("purpose", PURPOSES.from_wire, request.purpose).value,
        consent_reference=_consent(request.consent_reference),
    )


def offer_question(request: pb.FinishNetworkCheckRequest) -> NetworkOffer:
    """Read what a page returned; raise `BrokenContractError`."""
    if not 0 < len(request.authorization_code.encode()) <= MAX_AUTHORIZATION_CODE:
        raise BrokenContractError(f"authorization_code: 1 to {MAX_AUTHORIZATION_CODE} bytes are expected")
    return NetworkOffer(
        _request_id(request.request_id),
        _number(request.phone_number),
        opaque("challenge", request.challenge, MAX_CHALLENGE),
        request.authorization_code,
        text("state", request.state, 1, MAX_STATE),
    )


def watch_question(request: pb.WatchSubscriberRequest) -> WatchOrder:
    """Read the order of a watch; raise `BrokenContractError`. Kinds of a later contract are passed over."""
    kinds = tuple(dict.fromkeys(EVENTS.from_wire[number] for number in request.kinds if number in EVENTS.from_wire))
    if not kinds or 0 in request.kinds or EventKind.DELIVERY in kinds:
        raise BrokenContractError("kinds: at least one is expected, DELIVERY not among them")
    return WatchOrder(
        _request_id(request.request_id),
        _number(request.phone_number),
        _agreement(request.agreement_id),
        kinds,
        _time_or_none("expire_time", request, request.expire_time),
    )


def unwatch_question(request: pb.UnwatchSubscriberRequest) -> tuple[str, str]:
    """Read the request and the watch that is to end; raise `BrokenContractError`."""
    return _request_id(request.request_id), text("watch_id", request.watch_id, 1, MAX_WATCH_ID)


def cursor_question(request: pb.StreamEventsRequest) -> str:
    """Read the cursor to go on from; raise `BrokenContractError`."""
    return text("cursor", request.cursor, 0, MAX_CURSOR)


def _request_id(value: str) -> str:
    return text("request_id", value, 1, MAX_REQUEST_ID)


def _agreement(value: str) -> str:
    return text("agreement_id", value, 1, MAX_AGREEMENT_ID)


def _number(value: str) -> str:
    if not _E164.fullmatch(value):
        raise BrokenContractError('phone_number: E.164 with "+" is expected')
    return value


def _consent(value: str) -> str:
    if len(value.encode()) > MAX_CONSENT:
        raise BrokenContractError(f"consent_reference: at most {MAX_CONSENT} bytes are expected")
    return value


def _stated(path: str, table: dict[int, Any], number: int) -> Any:
    if number not in table:
        raise BrokenContractError(f"{path}: one of the contract's is expected")
    return table[number]


def _time(request: Any, value: Timestamp) -> int:
    found = _time_or_none("expire_time", request, value)
    if found is None:
        raise BrokenContractError("expire_time: is expected")
    return found


def _time_or_none(path: str, request: Any, value: Timestamp) -> int | None:
    return moment(path, value) if request.HasField(path) else None


def _span_or_none(path: str, request: Any, value: Duration) -> int | None:
    return span(path, value) if request.HasField(path) else None
