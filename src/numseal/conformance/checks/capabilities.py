"""Checks of GetCapabilities: what an operator says of itself before anything is asked of it."""

import re

from numseal.api.operator.v1 import event_pb2, operator_pb2, subscriber_pb2
from numseal.conformance.check import check
from numseal.conformance.clause import operator
from numseal.conformance.kit import Kit
from numseal.conformance.results import Broken, DoesNotApply, expect, expect_all
from numseal.conformance.words import word
from numseal.domain.operator import CLOCK_SKEW, TELLING, EventKind

VERSION = "1.0"
OPERATOR_ID = re.compile(r"[a-z0-9-]{1,64}")
PLMN = re.compile(r"[0-9]{3}-[0-9]{2,3}")
CURRENCY = re.compile(r"[A-Z]{3}")
DAY = 86_400
MAX_SOURCE = 64


@check(
    "capabilities.version",
    "The contract's version is one that Numseal speaks",
    operator("GetCapabilitiesResponse.contract_version", 'Version of the contract that the operator speaks, "1.0".'),
)
async def version(kit: Kit) -> str:
    """Compare the version."""
    told = kit.told.contract_version
    expect(told == VERSION, f"contract_version is {told!r}, {VERSION!r} is expected")
    return ""


@check(
    "capabilities.operator",
    "The operator and its networks are named in their form",
    operator("GetCapabilitiesResponse.plmns", 'Its networks as "MCC-MNC", at least one'),
)
async def identity(kit: Kit) -> str:
    """Look at operator_id and plmns."""
    told = kit.told
    problems = []
    if not OPERATOR_ID.fullmatch(told.operator_id):
        problems.append(f"operator_id is {told.operator_id!r}, 1 to 64 of a-z, 0-9 and - are expected")
    if not told.plmns:
        problems.append("plmns is empty, at least one network is expected")
    problems += [
        f"plmns holds {plmn!r}, a network as '250-01' is expected" for plmn in told.plmns if not PLMN.fullmatch(plmn)
    ]
    if len(set(told.plmns)) != len(told.plmns):
        problems.append("plmns names a network twice")
    expect_all(problems)
    return f"{told.operator_id}, {', '.join(told.plmns)}"


@check(
    "capabilities.signals",
    "Every signal on offer is a known one, named once, with its source",
    operator("SignalCapability.source", "Source that SignalMeta will name, 1 to 64 characters."),
)
async def signals(kit: Kit) -> str:
    """Look at the signals on offer."""
    if not kit.told.signals:
        raise DoesNotApply("GetCapabilities announces no signals")
    problems = []
    kinds = [offer.signal for offer in kit.told.signals]
    for kind in sorted(set(kinds)):
        if kind not in subscriber_pb2.SignalKind.values() or kind == 0:
            problems.append(f"signals names the signal {kind}, which the contract does not know")
        elif kinds.count(kind) > 1:
            problems.append(f"signals names {word(subscriber_pb2.SignalKind, kind)} {kinds.count(kind)} times")
    for offer in kit.told.signals:
        if not 1 <= len(offer.source) <= MAX_SOURCE:
            problems.append(f"source of signal {offer.signal} has {len(offer.source)} characters, 1 to 64 are expected")
        if offer.HasField("retention") and offer.retention.seconds < 0:
            problems.append(f"retention of signal {offer.signal} is negative")
    expect_all(problems)
    return f"{len(kinds)} signals"


@check(
    "capabilities.methods",
    "Every method on offer is a known one, named once",
    operator("GetCapabilitiesResponse.methods", "Methods on offer."),
)
async def methods(kit: Kit) -> str:
    """Look at the methods on offer."""
    if not kit.told.methods:
        raise DoesNotApply("GetCapabilities announces no methods")
    offered = [offer.method for offer in kit.told.methods]
    problems = [
        f"methods names the method {method}, which the contract does not know"
        for method in offered
        if method not in operator_pb2.Method.values() or method == 0
    ]
    if len(set(offered)) != len(offered):
        problems.append("methods names a method twice")
    problems += [
        f"max_text_length of method {offer.method} is {offer.max_text_length}, at least 0 is expected"
        for offer in kit.told.methods
        if offer.max_text_length < 0
    ]
    expect_all(problems)
    return ", ".join(word(operator_pb2.Method, method) for method in offered)


@check(
    "capabilities.idempotency",
    "The time a request_id is remembered is 24 hours, or none",
    operator("GetCapabilitiesResponse.idempotency_window", "How long a request_id is remembered, 24 hours"),
)
async def idempotency(kit: Kit) -> str:
    """Look at the window."""
    window = kit.told.idempotency_window.seconds
    expect(window == 0 or window >= DAY, f"idempotency_window is {window} s, {DAY} s is expected, or none at all")
    return f"{window} s" if window else "none: Numseal never retries a SendCode that timed out"


@check(
    "capabilities.clock",
    "The operator's clock is right to 300 seconds",
    operator("GetCapabilitiesResponse.server_time", "The operator's clock."),
)
async def clock(kit: Kit) -> str:
    """Compare the clocks as they are now."""
    answer = await kit.call("GetCapabilities", operator_pb2.GetCapabilitiesRequest(contract_versions=[VERSION]))
    expect(answer.HasField("server_time"), "server_time is absent")
    ahead = answer.server_time.seconds - kit.clock.now()
    expect(
        abs(ahead) <= CLOCK_SKEW,
        f"server_time is {abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} the kit's clock, "
        f"at most {CLOCK_SKEW} s is expected: synchronise both (NTP)",
    )
    return f"{ahead:+d} s"


@check(
    "capabilities.events",
    "Every event on offer is a known one, named once, and events are kept for a while",
    operator("GetCapabilitiesResponse.event_retention", "How long events are kept for StreamEvents."),
)
async def events(kit: Kit) -> str:
    """Look at the events on offer."""
    kinds = [offer.kind for offer in kit.told.events]
    if not kinds:
        raise DoesNotApply("GetCapabilities announces no events")
    problems = [
        f"events names the kind {kind}, which the contract does not know"
        for kind in kinds
        if kind not in event_pb2.EventKind.values() or kind == 0
    ]
    if len(set(kinds)) != len(kinds):
        problems.append("events names a kind twice")
    if kit.told.event_retention.seconds <= 0:
        problems.append("event_retention is absent: a stream that was cut off could not go on")
    if kit.told.max_watches < 0:
        problems.append(f"max_watches is {kit.told.max_watches}, at least 0 is expected")
    expect_all(problems)
    seen = f"{len(kinds)} kinds, kept {kit.told.event_retention.seconds} s"
    offered = {word(event_pb2.EventKind, kind) for kind in kinds}
    missing = [kind.value for kind in EventKind if kind in TELLING and kind.value not in offered]
    return f"{seen}; those of numbers will not be used: {', '.join(missing)} missing" if missing else seen


@check(
    "capabilities.rates",
    "Every rate is of a known call, at least 1 a second, each call once",
    operator("Rate.per_second", "Calls a second, at least 1."),
)
async def rates(kit: Kit) -> str:
    """Look at the rates."""
    if not kit.told.rates:
        raise DoesNotApply("GetCapabilities announces no rates")
    problems = []
    for rate in kit.told.rates:
        if rate.operation not in operator_pb2.Operation.values() or rate.operation == 0:
            problems.append(f"rates names the call {rate.operation}, which the contract does not know")
        if rate.per_second < 1 or rate.burst < 0:
            problems.append(f"rate of call {rate.operation}: {rate.per_second} a second, burst {rate.burst}")
    operations = [rate.operation for rate in kit.told.rates]
    if len(set(operations)) != len(operations):
        problems.append("rates names a call twice")
    expect_all(problems)
    return f"{len(operations)} rates"


@check(
    "capabilities.prices",
    "Every price is of a known call, at least 0, in an ISO 4217 currency",
    operator("Price.price_micros", "Price of one in millionths of the currency's unit, at least 0."),
)
async def prices(kit: Kit) -> str:
    """Look at the prices."""
    if not kit.told.prices:
        raise DoesNotApply("GetCapabilities announces no prices")
    problems = []
    for price in kit.told.prices:
        if price.operation not in operator_pb2.Operation.values() or price.operation == 0:
            problems.append(f"prices names the call {price.operation}, which the contract does not know")
        if price.price_micros < 0:
            problems.append(f"the price of call {price.operation} is {price.price_micros}, at least 0 is expected")
        if not CURRENCY.fullmatch(price.currency_code):
            problems.append(f"the price of call {price.operation} is in {price.currency_code!r}, as 'RUB' is expected")
    expect_all(problems)
    return f"{len(kit.told.prices)} prices"


@check(
    "capabilities.stable",
    "Capabilities are the same when they are asked for again",
    operator("OperatorBackend.GetCapabilities", "Numseal asks every five minutes."),
)
async def stable(kit: Kit) -> str:
    """Ask twice more, for this version and for none that is known too."""
    first = operator_pb2.GetCapabilitiesResponse()
    first.CopyFrom(kit.told)
    first.ClearField("server_time")
    for versions in ([VERSION], [VERSION, "99.0"]):
        again = await kit.call("GetCapabilities", operator_pb2.GetCapabilitiesRequest(contract_versions=versions))
        again.ClearField("server_time")
        changed = [
            field.name for field in first.DESCRIPTOR.fields if getattr(first, field.name) != getattr(again, field.name)
        ]
        if changed:
            raise Broken(f"asked again at once, {', '.join(changed)} changed")
    return ""


CHECKS = (version, identity, signals, methods, idempotency, clock, events, rates, prices, stable)
