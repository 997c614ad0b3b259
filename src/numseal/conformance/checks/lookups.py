"""Checks of LookUpSubscriber as a whole: outcomes, echo, idempotency, and how long an answer takes."""

import asyncio

from numseal.api.operator.v1 import operator_pb2, subscriber_pb2
from numseal.conformance.check import check
from numseal.conformance.checks.capabilities import CURRENCY, PLMN
from numseal.conformance.clause import operator
from numseal.conformance.kit import NOWHERE, Kit, Refused
from numseal.conformance.results import Broken, expect, expect_all
from numseal.conformance.words import word

MAX_REFERENCE = 128
MAX_NAME = 64


async def _outcome(kit: Kit, number: str, wanted: str) -> operator_pb2.LookUpSubscriberResponse:
    """Look a number up and return the answer; raise `Broken` unless its outcome is the wanted one."""
    kit.need_signals()
    answer = await kit.look_up(number)
    found = answer.WhichOneof("outcome")
    expect(found == wanted, f"the outcome of {number} is {found or 'absent'}, {wanted} is expected")
    return answer


@check(
    "lookup.own",
    "An own number has a subscriber",
    operator("LookUpSubscriberResponse.subscriber", "A subscriber."),
)
async def own(kit: Kit) -> str:
    """Look every own number up."""
    kit.need_signals()
    kit.own()
    for number in kit.profile.own:
        await _outcome(kit, number, "subscriber")
    return f"{len(kit.profile.own)} numbers"


@check(
    "lookup.ported",
    "A number that left names the operator it went to",
    operator("Ported.plmn", "one of the two is required."),
)
async def ported(kit: Kit) -> str:
    """Look the ported number up."""
    told = (await _outcome(kit, kit.number("ported"), "ported")).ported
    expect(told.operator_id or told.plmn, "ported names neither operator_id nor plmn")
    expect(not told.plmn or PLMN.fullmatch(told.plmn), f"ported.plmn is {told.plmn!r}, as '250-01' is expected")
    expect(len(told.operator_id) <= MAX_NAME, f"ported.operator_id has {len(told.operator_id)} characters")
    wanted = kit.profile.ported_to
    expect(
        not wanted or wanted in (told.operator_id, told.plmn),
        f"ported names {told.operator_id!r} and {told.plmn!r}, the profile says {wanted!r}",
    )
    return told.operator_id or told.plmn


@check(
    "lookup.not_assigned",
    "A number of the operator's range that is nobody's is told so",
    operator("NotAssigned", "The number is in the operator's range and has no subscriber."),
)
async def not_assigned(kit: Kit) -> str:
    """Look the unassigned number up."""
    await _outcome(kit, kit.number("unassigned"), "not_assigned")
    return ""


@check(
    "lookup.foreign",
    "Another operator's number is not served",
    operator("NotServed", "The operator does not answer for the number, and does not know who does."),
)
async def foreign(kit: Kit) -> str:
    """Look the foreign number up; an operator that does know who owns it may say so."""
    kit.need_signals()
    number = kit.number("foreign")
    found = (await kit.look_up(number)).WhichOneof("outcome")
    expect(found in ("not_served", "ported"), f"the outcome of {number} is {found}, not_served is expected")
    return ""


@check(
    "lookup.nowhere",
    "A number that no country has is not served, and is no error",
    operator("OperatorBackend", "An answer that the contract has a field for is never a gRPC error"),
)
async def nowhere(kit: Kit) -> str:
    """Look up a number of a country code that nobody has."""
    await _outcome(kit, NOWHERE, "not_served")
    return NOWHERE


@check(
    "lookup.absent",
    "A subscriber whose handset is switched off is a subscriber",
    operator("LookUpSubscriberResponse.outcome", "What was found."),
)
async def absent(kit: Kit) -> str:
    """Look the absent number up; where reachability is told, it must not be told as reachable."""
    answer = await _outcome(kit, kit.number("absent"), "subscriber")
    told = answer.subscriber.reachability
    if told.meta.state != subscriber_pb2.SIGNAL_STATE_OK:
        return "reachability is not told"
    expect(
        told.value != subscriber_pb2.REACHABILITY_REACHABLE,
        "reachability of a handset that is switched off is REACHABLE",
    )
    return word(subscriber_pb2.Reachability, told.value)


@check(
    "lookup.echo",
    "The answer repeats the request's id and number",
    operator("LookUpSubscriberResponse.phone_number", "The request's phone_number."),
)
async def echo(kit: Kit) -> str:
    """Look several numbers up at once; each answer must be its own."""
    kit.need_signals()
    requests = [kit.lookup(number) for number in (*kit.profile.own[:3], NOWHERE) for _ in range(2)]
    answers = await asyncio.gather(*(kit.call("LookUpSubscriber", request) for request in requests))
    problems = []
    for request, answer in zip(requests, answers, strict=True):
        if answer.request_id != request.request_id:
            problems.append(f"request_id was {request.request_id!r}, the answer's is {answer.request_id!r}")
        if answer.phone_number != request.phone_number:
            problems.append(f"phone_number was {request.phone_number}, the answer's is {answer.phone_number!r}")
    expect_all(problems)
    return ""


@check(
    "lookup.reference",
    "Every answer has a name",
    operator("LookUpSubscriberResponse.lookup_reference", "The operator's name for this answer, 1 to 128 characters."),
)
async def reference(kit: Kit) -> str:
    """Look up a subscriber and nobody, and look at lookup_reference."""
    kit.need_signals()
    numbers = [*kit.profile.own[:1], NOWHERE]
    answers = [await kit.look_up(number) for number in numbers]
    expect_all(
        [
            f"lookup_reference has {len(answer.lookup_reference)} characters, 1 to {MAX_REFERENCE} are expected"
            for answer in answers
            if not 1 <= len(answer.lookup_reference) <= MAX_REFERENCE
        ]
    )
    return ""


@check(
    "lookup.billed",
    "What was charged is a lookup, at a price of at least 0",
    operator("BilledItem.price_micros", "Price in millionths of the currency's unit, at least 0."),
)
async def billed(kit: Kit) -> str:
    """Look at the bill of a lookup."""
    kit.need_signals()
    answer = await kit.look_up(kit.profile.own[0] if kit.profile.own else NOWHERE)
    problems = []
    for item in answer.billed:
        if item.operation != operator_pb2.OPERATION_LOOK_UP_SUBSCRIBER:
            problems.append(f"billed names the call {item.operation}, LOOK_UP_SUBSCRIBER is expected")
        if item.price_micros < 0:
            problems.append(f"billed has the price {item.price_micros}, at least 0 is expected")
        if not CURRENCY.fullmatch(item.currency_code):
            problems.append(f"billed is in {item.currency_code!r}, as 'RUB' is expected")
    expect_all(problems)
    return f"{len(answer.billed)} items"


@check(
    "lookup.idempotent",
    "The same request_id has the same answer",
    operator("OperatorBackend", "The same request_id within the idempotency window answers the same"),
)
async def idempotent(kit: Kit) -> str:
    """Put the same request twice."""
    kit.need_signals()
    kit.need_idempotency()
    request = kit.lookup(kit.profile.own[0] if kit.profile.own else NOWHERE)
    first = await kit.call("LookUpSubscriber", request)
    again = await kit.call("LookUpSubscriber", request)
    changed = [
        field.name for field in first.DESCRIPTOR.fields if getattr(first, field.name) != getattr(again, field.name)
    ]
    if changed:
        raise Broken(f"the second answer to one request_id differs in {', '.join(changed)}")
    return ""


async def _in_time(kit: Kit, phase: int, limit: float) -> str:
    kit.need_signals()
    slowest = 0.0
    for number in [*kit.profile.own, NOWHERE]:
        begun = kit.clock.monotonic()
        try:
            await kit.look_up(number, phase=phase)
        except Refused as error:
            if error.code.name == "DEADLINE_EXCEEDED":
                raise Broken(f"{number}: no answer within {kit.pace.answer:g} s, {limit:g} s are expected") from None
            raise
        slowest = max(slowest, kit.clock.monotonic() - begun)
    expect(slowest <= limit, f"the slowest of the answers took {slowest:.2f} s, at most {limit:g} s are expected")
    return f"{slowest * 1_000:.0f} ms at most"


@check(
    "deadline.before",
    "A lookup before a code is answered within 1.5 seconds",
    operator("LookupPhase.LOOKUP_PHASE_BEFORE", "answered within 1.5 seconds or not used."),
)
async def before(kit: Kit) -> str:
    """Time lookups of the phase BEFORE."""
    return await _in_time(kit, operator_pb2.LOOKUP_PHASE_BEFORE, kit.pace.before)


@check(
    "deadline.after",
    "A lookup after the right code is answered within 3 seconds",
    operator("LookupPhase.LOOKUP_PHASE_AFTER", "answered within 3 seconds or not used."),
)
async def after(kit: Kit) -> str:
    """Time lookups of the phase AFTER."""
    return await _in_time(kit, operator_pb2.LOOKUP_PHASE_AFTER, kit.pace.after)


@check(
    "deadline.given_up",
    "A call that its caller gave up does not stand in the way of the next",
    operator("OperatorBackend", "UNAVAILABLE for a failure that may pass"),
)
async def given_up(kit: Kit) -> str:
    """Make calls with hardly any time, then one with enough."""
    kit.need_signals()
    for limit in (0.001, 0.002, 0.005):
        try:
            await kit.call("LookUpSubscriber", kit.lookup(NOWHERE), timeout=limit)
        except Refused as error:
            expect(
                error.code.name in ("DEADLINE_EXCEEDED", "CANCELLED", "UNAVAILABLE"),
                f"a call with a deadline of {limit * 1_000:g} ms ended with {error.code.name}: {error.details[:100]}",
            )
    await kit.look_up(NOWHERE)
    return ""


CHECKS = (
    own,
    ported,
    not_assigned,
    foreign,
    nowhere,
    absent,
    echo,
    reference,
    billed,
    idempotent,
    before,
    after,
    given_up,
)
