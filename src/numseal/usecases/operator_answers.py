"""Strict readers of operators' answers: exact types all the way down, sizes, ranges and times.

Only what can be said of an answer by itself lives here; what it means is for rules and use cases. Pure. The checks of
evidence are built once, at import, from the annotations of the evidence itself, so that no field escapes them. Watches
and events are read in `operator_events`.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter
from typing import Any, get_args, get_type_hints
from urllib.parse import urlsplit

from numseal.domain.evidence import (
    MAX_STATEMENT,
    SIGNAL_NAMES,
    Lookup,
    LookupOutcome,
    Meta,
    Method,
    Signal,
    SignalState,
    Subscriber,
)
from numseal.domain.operator import (
    CLOCK_SKEW,
    Capabilities,
    CodeChecked,
    CodeOutcome,
    CodeSent,
    EventKind,
    NetworkChecked,
    NetworkOutcome,
    NetworkStarted,
    Operation,
    Price,
    SendOutcome,
)
from numseal.usecases.answer_checks import (
    MAX_CHALLENGE,
    MAX_NAME,
    MAX_REFERENCE,
    OPERATOR_ID,
    PLMN,
    ImpossibleAnswer,
    count,
    evidence,
    exactly,
    many,
    matching,
    moment,
    one_of,
    opaque,
    optional,
    record,
    text,
)

MAX_CODE_LIFE = 86_400
"""Seconds beyond which an expiry that an operator names is not believed, nor an observation that it calls new."""

MAX_PLMNS = 64

MAX_PRICES = 256

_REASON = re.compile(r"(?=.{1,64}\Z)[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_HASH = re.compile(r"([0-9a-f]{64})?")
_HTTPS = re.compile(r"https://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,2040}")
"""The characters of RFC 3986 §2 and no other: browsers read a backslash as a slash."""


def read_lookup(answer: object, now: int) -> Lookup:
    """Return the answer at our own time `now`, since the operator's clock may differ; raise `ImpossibleAnswer`.

    A signal with a time beyond `now` + CLOCK_SKEW is nonsense: it is left in state ERROR, without its value.
    """
    if type(answer) is not Lookup:
        raise ImpossibleAnswer("a Lookup is expected")
    _OUTCOME(answer.outcome)
    _WHO(answer.operator_id)
    _TIME(answer.time)
    _REFERENCE(answer.lookup_reference)
    _read_statement(answer.statement, answer.statement_hash)
    if answer.outcome is LookupOutcome.UNANSWERED or answer.failure != "":
        raise ImpossibleAnswer("outcome: UNANSWERED and its failure are not an operator's to say")
    if answer.outcome is LookupOutcome.PORTED:
        _PORTED_PLMN(answer.ported_plmn)
        # Either will do (operator.proto, Ported): a network's code names the operator where no other one has it.
        if answer.ported_to != "" or answer.ported_plmn == "":
            _PORTED_TO(answer.ported_to)
    elif answer.ported_to != "" or answer.ported_plmn != "":
        raise ImpossibleAnswer("ported_to: a number that is not PORTED went nowhere")
    found = answer.subscriber
    if (answer.outcome is LookupOutcome.SUBSCRIBER) != (found is not None):
        raise ImpossibleAnswer("subscriber: is expected with the outcome SUBSCRIBER and no other")
    believed = None if found is None else _read_subscriber(found, now + CLOCK_SKEW)
    if answer.time == now and believed is found:
        return answer
    return replace(answer, time=now, subscriber=believed)


def read_sent(answer: object, now: int) -> CodeSent:
    """Return the answer, its `expire_time` None unless within a day of `now`; raise `ImpossibleAnswer`."""
    if type(answer) is not CodeSent:
        raise ImpossibleAnswer("a CodeSent is expected")
    _SEND_OUTCOME(answer.outcome)
    _CHALLENGE(answer.challenge)
    _DELIVERY(answer.delivery_id)
    _PRIOR(answer.prior_codes_valid)
    _DELAY(answer.retry_delay)
    end = answer.expire_time
    if end is None or (type(end) is int and now <= end <= now + MAX_CODE_LIFE):
        return answer
    return replace(answer, expire_time=None)


def read_checked(answer: object) -> CodeOutcome:
    """Return what the operator says of its code; raise `ImpossibleAnswer`."""
    if type(answer) is not CodeChecked:
        raise ImpossibleAnswer("a CodeChecked is expected")
    _CODE_OUTCOME(answer.outcome)
    _ATTEMPTS(answer.attempts_remaining)
    return answer.outcome


def read_started(answer: object, now: int) -> NetworkStarted:
    """Return the page, its `expire_time` at most a day from `now`; raise `ImpossibleAnswer`, also where it is past."""
    if type(answer) is not NetworkStarted:
        raise ImpossibleAnswer("a NetworkStarted is expected")
    _read_address(answer.auth_url)
    _CHALLENGE(answer.challenge)
    if _END(answer.expire_time) <= now:
        raise ImpossibleAnswer("expire_time: a time to come is expected")
    latest = now + MAX_CODE_LIFE
    return answer if answer.expire_time <= latest else replace(answer, expire_time=latest)


def read_network_checked(answer: object, now: int) -> NetworkChecked:
    """Return what the network found; raise `ImpossibleAnswer`.

    MATCH and MISMATCH need an `observe_time` from a day ago to `now` + CLOCK_SKEW; other outcomes have none.
    """
    if type(answer) is not NetworkChecked:
        raise ImpossibleAnswer("a NetworkChecked is expected")
    _NETWORK_OUTCOME(answer.outcome)
    _read_statement(answer.statement, answer.statement_hash)
    if answer.outcome not in {NetworkOutcome.MATCH, NetworkOutcome.MISMATCH}:
        return answer if answer.observe_time is None else replace(answer, observe_time=None)
    if not now - MAX_CODE_LIFE <= _SEEN(answer.observe_time) <= now + CLOCK_SKEW:
        raise ImpossibleAnswer("observe_time: the time of a check just made is expected")
    return answer


def read_capabilities(answer: object, operator_id: str) -> Capabilities:
    """Return what the operator can do; raise `ImpossibleAnswer`, also where it says to be another operator."""
    if type(answer) is not Capabilities:
        raise ImpossibleAnswer("Capabilities are expected")
    for name, check in _CAPABILITIES:
        check(getattr(answer, name))
    if answer.operator_id != operator_id:
        # It has an id's form by now, and both side by side show a misspelling.
        raise ImpossibleAnswer(f"operator_id: found {answer.operator_id!r}, expected {operator_id!r}, which was asked")
    return answer


def read_nothing(answer: object) -> None:
    """Take None, for a question that has no answer; raise `ImpossibleAnswer`."""
    if answer is not None:
        raise ImpossibleAnswer("nothing is expected")


def read_reason(reason: object, ours: Iterable[str] = ()) -> str:
    """Return an error's reason, OPERATOR_ERROR in place of one that is not UPPER_SNAKE or only `ours` to give."""
    fit = type(reason) is str and _REASON.fullmatch(reason) is not None and reason not in ours
    return str(reason) if fit else "OPERATOR_ERROR"


def _read_statement(statement: object, digest: object) -> None:
    """Refuse what is no compact JWS (RFC 7515 §7.1) of at most 64 KiB, or is kept under another hash than its own."""
    if type(statement) is str and len(statement) > MAX_STATEMENT:
        raise ImpossibleAnswer(f"statement: at most {MAX_STATEMENT} characters are expected")
    _STATEMENT(statement)
    _STATEMENT_HASH(digest)
    if digest != (hashlib.sha256(str(statement).encode()).hexdigest() if statement else ""):
        raise ImpossibleAnswer("statement_hash: the SHA-256 of the statement is expected, nothing without one")


def _read_address(address: object) -> None:
    """Refuse what a client would not open as a page of a host, or that hides its host behind a user's name."""
    host: str | None = None
    if type(address) is str and _HTTPS.fullmatch(address):
        try:
            parts = urlsplit(address)
            host = parts.hostname if "@" not in parts.netloc and parts.port != 0 else None
        except ValueError:
            host = None
    if not host:
        raise ImpossibleAnswer("auth_url: an https address of at most 2048 characters is expected")


def _price(value: Any) -> int:
    if type(value) is not Price:
        raise ImpossibleAnswer("prices: a Price is expected")
    for name, check in _PRICE:
        check(getattr(value, name))
    return 0


def _read_subscriber(found: Subscriber, latest: int) -> Subscriber:
    if type(found) is not Subscriber:
        raise ImpossibleAnswer("subscriber: a Subscriber is expected")
    metas: dict[int, int] = {}
    nonsense: dict[str, Any] = {}
    for name, check, signal in zip(SIGNAL_NAMES, _VALUES, _SIGNALS(found), strict=True):
        if type(signal) is not Signal:
            raise ImpossibleAnswer(f"{name}: a Signal is expected")
        meta, value = signal.meta, signal.value
        # Signals of one source share their meta: it is looked at once. The answer keeps it alive, so its id is its own.
        newest = metas.get(id(meta))
        if newest is None:
            newest = metas[id(meta)] = _META(meta)
        if (value is not None and check(value) > latest) or newest > latest:
            nonsense[name] = Signal(Meta(SignalState.ERROR, source=meta.source))
    return replace(found, **nonsense) if nonsense else found


_OUTCOME = exactly("outcome", LookupOutcome)
_WHO = text("operator_id", 1, MAX_NAME)
_TIME = moment("time")
_REFERENCE = text("lookup_reference", 0, MAX_REFERENCE)
_STATEMENT = matching("statement", re.compile(r"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2})?"))
_STATEMENT_HASH = matching("statement_hash", _HASH)
_PORTED_TO = matching("ported_to", OPERATOR_ID)
_PORTED_PLMN = matching("ported_plmn", PLMN)
_META = record("meta", Meta)
_SIGNALS = attrgetter(*SIGNAL_NAMES)
_HINTS = get_type_hints(Subscriber)
_VALUES = tuple(evidence(name, get_args(_HINTS[name])[0]) for name in SIGNAL_NAMES)
_SEND_OUTCOME = exactly("outcome", SendOutcome)
_CHALLENGE = opaque("challenge", MAX_CHALLENGE)
_DELIVERY = text("delivery_id", 0, MAX_REFERENCE)
_PRIOR = exactly("prior_codes_valid", bool)
_DELAY = optional(count("retry_delay"))
_CODE_OUTCOME = exactly("outcome", CodeOutcome)
_ATTEMPTS = optional(count("attempts_remaining"))
_END = moment("expire_time")
_NETWORK_OUTCOME = exactly("outcome", NetworkOutcome)
_SEEN = moment("observe_time")
_PRICE = (
    ("operation", exactly("prices.operation", Operation)),
    ("price_micros", count("prices.price_micros")),
    ("currency", matching("prices.currency", re.compile(r"[A-Z]{3}"))),
    ("signal", one_of("prices.signal", frozenset(SIGNAL_NAMES) | {""})),
    ("method", optional(exactly("prices.method", Method))),
)
_CAPABILITIES = (
    ("contract_version", text("contract_version", 1, MAX_NAME)),
    ("operator_id", matching("operator_id", OPERATOR_ID)),
    ("plmns", many("plmns", matching("plmns", re.compile(r"[0-9]{3}-[0-9]{2,3}")), MAX_PLMNS)),
    ("signals", many("signals", one_of("signals", frozenset(SIGNAL_NAMES)), len(SIGNAL_NAMES))),
    ("methods", many("methods", exactly("methods", Method), len(Method))),
    ("idempotent", exactly("idempotent", bool)),
    ("prior_codes_valid", _PRIOR),
    ("server_time", moment("server_time")),
    ("events", many("events", exactly("events", EventKind), len(EventKind))),
    ("event_retention", count("event_retention")),
    ("max_watches", count("max_watches")),
    ("signs_statements", exactly("signs_statements", bool)),
    ("prices", many("prices", _price, MAX_PRICES)),
)
