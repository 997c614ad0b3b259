"""Strict readers of watches and of the events that come for them: exact types, sizes, and the fields of each kind.

Only what can be said of one event by itself lives here; what follows from it is for use cases. Pure.
"""

from collections.abc import Mapping
from typing import Any

from numseal.domain.evidence import DeliveryState, DeviceRef, SimChangeKind, SimRef, SubscriberRef
from numseal.domain.operator import CLOCK_SKEW, BarredReason, EventKind, OperatorEvent, Watch
from numseal.usecases.answer_checks import (
    MAX_REFERENCE,
    OPERATOR_ID,
    PLMN,
    Check,
    ImpossibleAnswer,
    exactly,
    matching,
    moment,
    optional,
    record,
    text,
)

MAX_EVENT_ID = 64
MAX_WATCH_ID = 128
MAX_CURSOR = 256
MAX_ERROR = 128


def read_watch(answer: object, now: int) -> Watch:
    """Return the watch; raise `ImpossibleAnswer`, also for one that has ended by `now`."""
    if type(answer) is not Watch:
        raise ImpossibleAnswer("a Watch is expected")
    _WATCH_ID(answer.watch_id)
    if answer.expire_time is not None and _END(answer.expire_time) <= now:
        raise ImpossibleAnswer("expire_time: a time to come is expected")
    return answer


def read_event(answer: object, now: int) -> OperatorEvent:
    """Return the event with the fields of its kind and no others; raise `ImpossibleAnswer`.

    An `observe_time` beyond `now` + CLOCK_SKEW is read as `now`, since it was observed. An `occur_time` to come is left
    for `domain.monitoring` to judge.
    """
    if type(answer) is not OperatorEvent:
        raise ImpossibleAnswer("an OperatorEvent is expected")
    kind = answer.kind
    _KIND(kind)
    _CURSOR(answer.cursor)
    observe_time = _OBSERVED(answer.observe_time)
    if observe_time > now + CLOCK_SKEW:
        observe_time = now
    if kind is EventKind.HEARTBEAT:
        return OperatorEvent(kind, answer.cursor, observe_time)
    _EVENT_ID(answer.event_id)
    if _OCCURRED(answer.occur_time) == 0:
        raise ImpossibleAnswer("occur_time: when it happened is expected")
    watch_id = ""
    if kind is not EventKind.DELIVERY:
        watch_id = answer.watch_id
        _WATCH_ID(watch_id)
    of_kind: dict[str, Any] = {}
    for name, check in _FIELDS[kind].items():
        value = of_kind[name] = getattr(answer, name)
        check(value)
    return OperatorEvent(
        kind,
        answer.cursor,
        observe_time,
        event_id=answer.event_id,
        watch_id=watch_id,
        occur_time=answer.occur_time,
        **of_kind,
    )


def _operator_or_none(value: object) -> int:
    return 0 if value == "" else _TO(value)


_WATCH_ID = text("watch_id", 1, MAX_WATCH_ID)
_END = moment("expire_time")
_KIND = exactly("kind", EventKind)
_CURSOR = text("cursor", 1, MAX_CURSOR)
_EVENT_ID = text("event_id", 1, MAX_EVENT_ID)
_OBSERVED = moment("observe_time")
_OCCURRED = moment("occur_time")
_TO = matching("to_operator", OPERATOR_ID)
_FIELDS: Mapping[EventKind, Mapping[str, Check]] = {
    EventKind.SIM_CHANGE: {
        "sim_change": exactly("sim_change", SimChangeKind),
        "sim_ref": optional(record("sim_ref", SimRef)),
        "fraud_suspected": exactly("fraud_suspected", bool),
    },
    EventKind.DEVICE_CHANGE: {"device_ref": optional(record("device_ref", DeviceRef))},
    EventKind.PORT_OUT: {"to_operator": _operator_or_none, "to_plmn": matching("to_plmn", PLMN)},
    EventKind.TERMINATED: {},
    EventKind.REASSIGNED: {"subscriber_ref": optional(record("subscriber_ref", SubscriberRef))},
    EventKind.BARRED: {"barred": exactly("barred", BarredReason)},
    EventKind.DELIVERY: {
        "delivery_id": text("delivery_id", 1, MAX_REFERENCE),
        "delivery": exactly("delivery", DeliveryState),
        "error": text("error", 0, MAX_ERROR),
    },
}
"""The fields of each kind, and how each is checked; HEARTBEAT has none."""
