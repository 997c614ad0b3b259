"""Checks of the signals in an answer: which are told, their state, source and times, and that values are whole."""

from typing import Any

from numseal.api.operator.v1 import operator_pb2, subscriber_pb2
from numseal.conformance.check import check
from numseal.conformance.checks.capabilities import MAX_SOURCE, PLMN
from numseal.conformance.clause import operator, subscriber
from numseal.conformance.kit import Kit, seconds
from numseal.conformance.results import DoesNotApply, expect, expect_all
from numseal.conformance.signals import (
    KINDS,
    MAY_HAVE_NONE,
    NOT_SUPPORTED,
    OK,
    STALE,
    has_value,
    is_told,
    present,
    times,
)
from numseal.conformance.words import word
from numseal.domain.operator import CLOCK_SKEW

MAX_AGE = 1
GRACE = 2
"""Seconds that an observation may be older than asked: it was young when the answer was made."""

MAX_CODE, MAX_CODE_SPACE = 128, 32


async def _subscriber(kit: Kit, signals: list[Any] | None = None, **fields: Any) -> subscriber_pb2.Subscriber:
    kit.need_signals()
    answer = await kit.look_up(kit.own(), signals, **fields)
    found = answer.WhichOneof("outcome")
    expect(found == "subscriber", f"the outcome of {kit.own()} is {found}, subscriber is expected")
    return answer.subscriber


@check(
    "signals.announced",
    "Every signal on offer is told when it is asked for",
    operator("GetCapabilitiesResponse.signals", "Signals on offer."),
)
async def announced(kit: Kit) -> str:
    """Ask for all signals on offer."""
    told = dict(present(await _subscriber(kit)))
    problems = []
    for offer in kit.told.signals:
        name = KINDS.get(offer.signal, "")
        if name and (name not in told or told[name].meta.state == NOT_SUPPORTED):
            problems.append(f"{name} is announced, asked for and not told")
    expect_all(problems)
    return f"{len(told)} signals"


@check(
    "signals.not_announced",
    "A signal that is not on offer is absent, or NOT_SUPPORTED",
    subscriber("SignalState.SIGNAL_STATE_NOT_SUPPORTED", "The operator does not give this signal."),
)
async def not_announced(kit: Kit) -> str:
    """Ask for all signals that the contract knows."""
    offered = {offer.signal for offer in kit.told.signals}
    others = {name for kind, name in KINDS.items() if kind not in offered}
    if not others:
        raise DoesNotApply("GetCapabilities announces every signal")
    told = await _subscriber(kit, list(KINDS))
    expect_all(
        [f"{name} is not announced and told" for name, signal in present(told) if name in others and is_told(signal)]
    )
    return f"{len(others)} signals"


@check(
    "signals.not_asked",
    "Only signals that were asked for are told",
    subscriber("Subscriber", "Only signals that were asked for are filled"),
)
async def not_asked(kit: Kit) -> str:
    """Ask for one signal at a time, the first three on offer."""
    kit.need_signals()
    problems = []
    for offer in kit.told.signals[:3]:
        told = await _subscriber(kit, [offer.signal])
        problems += [
            f"{name} was told, only {KINDS.get(offer.signal)} was asked for"
            for name, signal in present(told)
            if name != KINDS.get(offer.signal) and is_told(signal)
        ]
    expect_all(problems)
    return ""


@check(
    "signals.state",
    "Every signal states whether it may be relied on",
    subscriber("SignalMeta.state", "Whether the value may be relied on."),
)
async def state(kit: Kit) -> str:
    """Look at the states."""
    counts: dict[str, int] = {}
    problems = []
    for name, signal in present(await _subscriber(kit)):
        value = signal.meta.state
        if value not in subscriber_pb2.SignalState.values() or value == 0:
            problems.append(f"{name}.meta.state is {value}, which says nothing")
        else:
            said = word(subscriber_pb2.SignalState, value)
            counts[said] = counts.get(said, 0) + 1
    expect_all(problems)
    return ", ".join(f"{count} {said}" for said, count in counts.items())


@check(
    "signals.observe_time",
    "A value has the time its source observed it",
    subscriber("SignalMeta.observe_time", "When the source observed it; required in OK and STALE."),
)
async def observe_time(kit: Kit) -> str:
    """Look at observe_time."""
    expect_all(
        [
            f"{name}.meta.observe_time is absent, the state is {word(subscriber_pb2.SignalState, signal.meta.state)}"
            for name, signal in present(await _subscriber(kit))
            if signal.meta.state in (OK, STALE) and not signal.meta.HasField("observe_time")
        ]
    )
    return ""


@check(
    "signals.past",
    "No time in an answer is to come",
    subscriber("SignalMeta.observe_time", "When the source observed it"),
)
async def past(kit: Kit) -> str:
    """Look at every time that is of something that happened."""
    told = await _subscriber(kit)
    latest = kit.now() + CLOCK_SKEW
    expect_all(
        [
            f"{path} is {time.seconds - kit.now()} s ahead of the operator's own clock, "
            f"Numseal reads such a signal as ERROR"
            for name, signal in present(told)
            for path, time in times(name, signal)
            if time.seconds > latest
        ]
    )
    return ""


@check(
    "signals.source",
    "Every signal names its source, the announced one",
    subscriber("SignalMeta.source", "1 to 64 characters."),
)
async def source(kit: Kit) -> str:
    """Compare the sources with those that are announced."""
    announced_as = {KINDS.get(offer.signal): offer.source for offer in kit.told.signals}
    problems = []
    for name, signal in present(await _subscriber(kit)):
        said = signal.meta.source
        if signal.meta.state == NOT_SUPPORTED:
            continue
        if not 1 <= len(said) <= MAX_SOURCE:
            problems.append(f"{name}.meta.source has {len(said)} characters, 1 to {MAX_SOURCE} are expected")
        elif name in announced_as and said != announced_as[name]:
            problems.append(f"{name}.meta.source is {said!r}, GetCapabilities announces {announced_as[name]!r}")
    expect_all(problems)
    return ""


@check(
    "signals.code",
    "A source's own code comes with its code space",
    subscriber("SignalMeta.code_space", "A code without it means nothing."),
)
async def code(kit: Kit) -> str:
    """Look at codes of all numbers that are known."""
    kit.need_signals()
    kit.own()
    problems = []
    for number in filter(None, (*kit.profile.own, kit.profile.absent, kit.profile.barred)):
        for name, signal in present((await kit.look_up(number)).subscriber):
            meta = signal.meta
            if meta.code and not meta.code_space:
                problems.append(f"{name}.meta.code is {meta.code[:20]!r} without a code_space")
            if len(meta.code) > MAX_CODE or len(meta.code_space) > MAX_CODE_SPACE:
                problems.append(f"{name}.meta.code has {len(meta.code)}, code_space {len(meta.code_space)} characters")
    expect_all(problems)
    return ""


@check(
    "signals.values",
    "A signal whose state is OK has a whole value",
    subscriber("SignalState.SIGNAL_STATE_OK", "The value is present and current."),
)
async def values(kit: Kit) -> str:
    """Look at the values, their enums and what belongs to them."""
    problems = []
    for name, signal in present(await _subscriber(kit)):
        if signal.meta.state != OK:
            continue
        if not has_value(signal) and name not in MAY_HAVE_NONE:
            problems.append(f"{name} is OK and has no value")
        problems += [f"{name}.{problem}" for problem in _incomplete(signal)]
    expect_all(problems)
    return ""


def _incomplete(signal: Any) -> list[str]:
    """Return what is wrong in a signal's value: an enum that says nothing, a network in no form, a kind twice."""
    problems = []
    several = "values" in signal.DESCRIPTOR.fields_by_name
    enum = signal.DESCRIPTOR.fields_by_name["values" if several else "value"].enum_type
    for value in signal.values if several else [signal.value] if has_value(signal) else []:
        if enum is not None and (value == 0 or value not in enum.values_by_number):
            problems.append(f"value is {value}, which says nothing")
        for field in getattr(getattr(value, "DESCRIPTOR", None), "fields", ()):
            told = getattr(value, field.name)
            # A basis that is not stated is another check's concern.
            if field.enum_type is not None and told not in field.enum_type.values_by_number:
                problems.append(f"{field.name} is {told}, which the contract does not know")
            if field.name in ("kind", "domain") and told == 0:
                problems.append(f"{field.name} is not stated")
            if field.name == "plmn" and not PLMN.fullmatch(told):
                problems.append(f"plmn is {told!r}, a network as '250-01' is expected")
            if field.name in ("change_time", "port_time") and not value.HasField(field.name):
                problems.append(f"{field.name} is absent")
    if several:
        keys = [value.kind if hasattr(value, "kind") else value.domain for value in signal.values]
        if len(set(keys)) != len(keys):
            problems.append("values has one kind twice")
    return problems


@check(
    "signals.none",
    "“None so far” says since when there are records",
    subscriber("SimChangeSignal", "State OK without a value: none since coverage_start_time."),
)
async def none(kit: Kit) -> str:
    """Look at sim_change and port without a value, of every own number."""
    kit.need_signals()
    kit.own()
    problems = []
    for number in kit.profile.own:
        told = (await kit.look_up(number)).subscriber
        for name, signal in present(told):
            empty = name in ("sim_change", "port") and signal.meta.state == OK and not has_value(signal)
            if empty and not signal.meta.HasField("coverage_start_time"):
                problems.append(f"{name} of {number} is OK without a value, and coverage_start_time is absent")
    expect_all(problems)
    return ""


@check(
    "signals.recycled",
    "“Recycled” answers for the time it was asked for",
    subscriber("RecycledSignal.since_time", "The since_time that it answers for; required with a value."),
)
async def recycled(kit: Kit) -> str:
    """Ask about two times."""
    kind = subscriber_pb2.SIGNAL_KIND_RECYCLED
    kit.need_signals(kind)
    for back in (3_600, 90 * 86_400):
        since = kit.time(-back)
        told = (await _subscriber(kit, [kind], since_time=since)).recycled
        if told.meta.state == OK and told.HasField("value"):
            expect(
                told.since_time.seconds == since.seconds,
                f"since_time was {since.seconds}, the answer's is {told.since_time.seconds}",
            )
    return ""


@check(
    "signals.max_age",
    "A value older than max_age is STALE",
    operator("LookUpSubscriberRequest.max_age", "Age above which a value's state is STALE"),
)
async def max_age(kit: Kit) -> str:
    """Ask for values of the last second."""
    told = await _subscriber(kit, max_age=seconds(MAX_AGE), phase=operator_pb2.LOOKUP_PHASE_AFTER)
    oldest = kit.now() - MAX_AGE - GRACE
    stale = [name for name, signal in present(told) if signal.meta.state == STALE]
    expect_all(
        [
            f"{name} was observed {kit.now() - signal.meta.observe_time.seconds} s ago and is OK with a max_age of 1 s"
            for name, signal in present(told)
            if signal.meta.state == OK and 0 < signal.meta.observe_time.seconds < oldest
        ]
    )
    return f"STALE: {', '.join(stale)}" if stale else "all are fresh"


@check(
    "signals.barred",
    "A barred SMS service is told as barred",
    subscriber("ServiceState.SERVICE_STATE_BARRED", "Barred by the operator."),
)
async def barred(kit: Kit) -> str:
    """Look the barred number's SMS service up."""
    kind = subscriber_pb2.SIGNAL_KIND_SMS_SERVICE
    kit.need_signals(kind)
    told = (await kit.look_up(kit.number("barred"), [kind])).subscriber.sms_service
    expect(
        told.meta.state != OK or told.value != subscriber_pb2.SERVICE_STATE_ON,
        "sms_service of the number whose SMS service is barred is ON",
    )
    return word(subscriber_pb2.ServiceState, told.value)


@check(
    "signals.landline",
    "A landline is not told as a mobile",
    subscriber("LineType.LINE_TYPE_FIXED", "A landline."),
)
async def landline(kit: Kit) -> str:
    """Look the landline's line type up."""
    kind = subscriber_pb2.SIGNAL_KIND_LINE_TYPE
    kit.need_signals(kind)
    told = (await kit.look_up(kit.number("landline"), [kind])).subscriber.line_type
    expect(
        told.meta.state != OK or told.value != subscriber_pb2.LINE_TYPE_MOBILE, "line_type of the landline is MOBILE"
    )
    return word(subscriber_pb2.LineType, told.value)


CHECKS = (
    announced,
    not_announced,
    not_asked,
    state,
    observe_time,
    past,
    source,
    code,
    values,
    none,
    recycled,
    max_age,
    barred,
    landline,
)
