"""Strict readers of operators' answers: exact types all the way down, sizes, ranges and times.

Only what can be said of an answer by itself lives here; what it means is for rules and use cases. Pure. The checks of
evidence are built once, at import, from the annotations of the evidence itself, so that no field escapes them.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import is_dataclass, replace
from operator import attrgetter
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from numseal.domain.evidence import (
    SIGNAL_NAMES,
    Lookup,
    LookupOutcome,
    Meta,
    Signal,
    SignalState,
    Subscriber,
)
from numseal.domain.operator import CodeChecked, CodeOutcome, CodeSent, SendOutcome

MAX_CHALLENGE = 1_024
MAX_ITEMS = 16
MAX_NAME = 64
MAX_REFERENCE = 256
MAX_TIME = 2**40
MAX_INT = 2**63 - 1
CLOCK_SKEW = 300
"""Seconds by which an operator's clock may be ahead of ours."""

MAX_CODE_LIFE = 86_400
"""Seconds beyond which an expiry that an operator names is not believed."""

_REASON = re.compile(r"(?=.{1,64}\Z)[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_OPERATOR_ID = re.compile(r"[a-z0-9-]{1,64}")
_PLMN = re.compile(r"([0-9]{3}-[0-9]{2,3})?")
_HASH = re.compile(r"([0-9a-f]{64})?")

_TEXTS: dict[str, tuple[int, int] | re.Pattern[str]] = {
    "Meta.source": (0, MAX_NAME),
    "Meta.code_space": (0, MAX_NAME),
    "Meta.code": (0, 128),
    "SubscriberRef.ref": (1, MAX_REFERENCE),
    "SubscriberRef.key_epoch": (1, MAX_NAME),
    "SimRef.ref": (1, MAX_REFERENCE),
    "SimRef.key_epoch": (1, MAX_NAME),
    "DeviceRef.ref": (1, MAX_REFERENCE),
    "DeviceRef.key_epoch": (1, MAX_NAME),
    "DeviceRef.tac": (0, 16),
    "Port.from_operator": (0, MAX_NAME),
    "Serving.plmn": _PLMN,
    "Serving.node_ref": (0, MAX_REFERENCE),
    "Serving.key_epoch": (0, MAX_NAME),
}
"""Fewest and most characters of every text in evidence, or its pattern; an empty reference would equal any other."""

Check = Callable[[Any], int]
"""Raises `ImpossibleAnswer` for what cannot be; returns the latest time found inside, 0 for none."""


class ImpossibleAnswer(Exception):  # noqa: N818 - what it names is the answer
    """An answer that the contract does not allow; the message names the field and never tells what it holds."""


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
    _STATEMENT(answer.statement_hash)
    if answer.outcome is LookupOutcome.UNANSWERED or answer.failure != "":
        raise ImpossibleAnswer("outcome: UNANSWERED and its failure are not an operator's to say")
    if answer.outcome is LookupOutcome.PORTED:
        _PORTED_TO(answer.ported_to)
        _PORTED_PLMN(answer.ported_plmn)
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
    if type(answer.challenge) is not bytes or len(answer.challenge) > MAX_CHALLENGE:
        raise ImpossibleAnswer(f"challenge: at most {MAX_CHALLENGE} bytes are expected")
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


def read_reason(reason: object, ours: Iterable[str] = ()) -> str:
    """Return an error's reason, OPERATOR_ERROR in place of one that is not UPPER_SNAKE or only `ours` to give."""
    fit = type(reason) is str and _REASON.fullmatch(reason) is not None and reason not in ours
    return str(reason) if fit else "OPERATOR_ERROR"


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


def _check(path: str, kind: Any) -> Check:
    """Build the check of a field from its annotation; a kind that has none here fails at import."""
    inner = get_args(kind)
    if get_origin(kind) is tuple:
        return _many(path, _check(path, inner[0]))
    if get_origin(kind) is UnionType and inner[1:] == (type(None),):
        return _optional(_check(path, inner[0]))
    if is_dataclass(kind) and isinstance(kind, type):
        return _record(path, kind)
    if kind is str:
        size = _TEXTS[path]
        return _pattern(path, size) if isinstance(size, re.Pattern) else _text(path, *size)
    if kind is int:
        return _time(path) if path.endswith(("time", "last_seen")) else _count(path)
    return _exactly(path, kind)


def _record(path: str, kind: type) -> Check:
    checks = tuple((name, _check(f"{kind.__name__}.{name}", hint)) for name, hint in get_type_hints(kind).items())

    def check(value: Any) -> int:
        if type(value) is not kind:
            raise ImpossibleAnswer(f"{path}: a {kind.__name__} is expected")
        latest = 0
        for name, one in checks:
            time = one(getattr(value, name))
            if time > latest:  # noqa: PLR1730 - half the cost of max()
                latest = time
        return latest

    return check


def _many(path: str, one: Check) -> Check:
    def check(value: Any) -> int:
        if type(value) is not tuple or len(value) > MAX_ITEMS:
            raise ImpossibleAnswer(f"{path}: a tuple of at most {MAX_ITEMS} is expected")
        return max(map(one, value), default=0)

    return check


def _optional(one: Check) -> Check:
    return lambda value: 0 if value is None else one(value)


def _text(path: str, least: int, most: int) -> Check:
    def check(value: Any) -> int:
        if type(value) is not str or not least <= len(value) <= most or not value.isprintable():
            raise ImpossibleAnswer(f"{path}: {least} to {most} printable characters are expected")
        return 0

    return check


def _pattern(path: str, form: re.Pattern[str]) -> Check:
    def check(value: Any) -> int:
        if type(value) is not str or not form.fullmatch(value):
            raise ImpossibleAnswer(f"{path}: text like {form.pattern} is expected")
        return 0

    return check


def _time(path: str) -> Check:
    def check(value: Any) -> int:
        if type(value) is not int or not 0 <= value <= MAX_TIME:
            raise ImpossibleAnswer(f"{path}: Unix seconds are expected")
        return value

    return check


def _count(path: str) -> Check:
    def check(value: Any) -> int:
        if type(value) is not int or not 0 <= value <= MAX_INT:
            raise ImpossibleAnswer(f"{path}: a count of at most 63 bits is expected")
        return 0

    return check


def _exactly(path: str, kind: type) -> Check:
    def check(value: Any) -> int:
        if type(value) is not kind:
            raise ImpossibleAnswer(f"{path}: a {kind.__name__} is expected")
        return 0

    return check


_OUTCOME = _exactly("outcome", LookupOutcome)
_WHO = _text("operator_id", 1, MAX_NAME)
_TIME = _time("time")
_REFERENCE = _text("lookup_reference", 0, MAX_REFERENCE)
_STATEMENT = _pattern("statement_hash", _HASH)
_PORTED_TO = _pattern("ported_to", _OPERATOR_ID)
_PORTED_PLMN = _pattern("ported_plmn", _PLMN)
_META = _record("meta", Meta)
_SIGNALS = attrgetter(*SIGNAL_NAMES)
_HINTS = get_type_hints(Subscriber)
_VALUES = tuple(_check(name, get_args(_HINTS[name])[0]) for name in SIGNAL_NAMES)
_SEND_OUTCOME = _exactly("outcome", SendOutcome)
_DELIVERY = _text("delivery_id", 0, MAX_REFERENCE)
_PRIOR = _exactly("prior_codes_valid", bool)
_DELAY = _optional(_count("retry_delay"))
_CODE_OUTCOME = _exactly("outcome", CodeOutcome)
_ATTEMPTS = _optional(_count("attempts_remaining"))
