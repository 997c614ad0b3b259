"""Checks of watches: one a number, the same while it lasts, ended without fuss."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from numseal.api.operator.v1 import event_pb2, operator_pb2
from numseal.conformance.check import Lane, check
from numseal.conformance.clause import operator
from numseal.conformance.kit import NOWHERE, Kit, Refused
from numseal.conformance.results import DoesNotApply, expect
from numseal.conformance.tap import is_sim_change, tapped

MAX_WATCH_ID = 128
_SIM_CHANGE = event_pb2.EVENT_KIND_SIM_CHANGE


def _kinds(kit: Kit) -> list[Any]:
    """Return the kinds that a watch can be for; raise `DoesNotApply` where none is on offer."""
    kinds = [offer.kind for offer in kit.told.events if offer.kind != event_pb2.EVENT_KIND_DELIVERY]
    if not kinds:
        raise DoesNotApply("GetCapabilities announces no events about a subscriber")
    return kinds


async def watch(kit: Kit, number: str, **fields: Any) -> operator_pb2.WatchSubscriberResponse:
    """Watch a number for all kinds on offer."""
    whole: dict[str, Any] = {
        "request_id": kit.new_id(),
        "phone_number": number,
        "kinds": _kinds(kit),
        "agreement_id": kit.profile.agreement_id,
    }
    request = operator_pb2.WatchSubscriberRequest(**(whole | fields))
    answer: operator_pb2.WatchSubscriberResponse = await kit.call("WatchSubscriber", request)
    return answer


async def unwatch(kit: Kit, watch_id: str) -> None:
    """End a watch."""
    await kit.call(
        "UnwatchSubscriber", operator_pb2.UnwatchSubscriberRequest(request_id=kit.new_id(), watch_id=watch_id)
    )


@asynccontextmanager
async def watched(kit: Kit, number: str, **fields: Any) -> AsyncIterator[str]:
    """Watch a number for a while; yields the watch's id."""
    watch_id = (await watch(kit, number, **fields)).watch_id
    try:
        yield watch_id
    finally:
        await unwatch(kit, watch_id)


def _number(kit: Kit) -> str:
    return kit.profile.event_number or kit.own()


@check(
    "watch.form",
    "A watch has a name, and ends when it was asked to or later",
    operator("WatchSubscriberResponse.watch_id", "Name of the watch, 1 to 128 characters"),
    Lane.WATCHES,
)
async def form(kit: Kit) -> str:
    """Watch a number for an hour."""
    _kinds(kit)
    answer = await watch(kit, _number(kit), expire_time=kit.time(3_600))
    await unwatch(kit, answer.watch_id)
    size = len(answer.watch_id)
    expect(1 <= size <= MAX_WATCH_ID, f"watch_id has {size} characters, 1 to {MAX_WATCH_ID} are expected")
    ends = answer.expire_time.seconds - kit.now() if answer.HasField("expire_time") else 1
    expect(ends > 0, f"expire_time of the watch was {-ends} s ago")
    return ""


@check(
    "watch.same",
    "A number that is watched already keeps its watch",
    operator("OperatorBackend.WatchSubscriber", "a number that is watched already answers with its watch."),
    Lane.WATCHES,
)
async def same(kit: Kit) -> str:
    """Watch a number twice, by two requests."""
    _kinds(kit)
    number = _number(kit)
    first, again = await watch(kit, number), await watch(kit, number)
    await unwatch(kit, first.watch_id)
    if again.watch_id != first.watch_id:
        await unwatch(kit, again.watch_id)
    expect(again.watch_id == first.watch_id, "a number that is watched already was given another watch_id")
    return ""


@check(
    "watch.idempotent",
    "The same request has the same watch",
    operator("OperatorBackend", "The same request_id within the idempotency window answers the same"),
    Lane.WATCHES,
)
async def idempotent(kit: Kit) -> str:
    """Put one request twice."""
    kit.need_idempotency()
    _kinds(kit)
    request_id = kit.new_id()
    first, again = [await watch(kit, _number(kit), request_id=request_id) for _ in range(2)]
    for watch_id in {first.watch_id, again.watch_id}:
        await unwatch(kit, watch_id)
    expect(first == again, "the second answer to one request_id is another watch")
    return ""


@check(
    "watch.unwatch",
    "A watch that has ended, or never was, ends without an error",
    operator("OperatorBackend.UnwatchSubscriber", "one that has ended, or never was, answers OK."),
    Lane.WATCHES,
)
async def ended(kit: Kit) -> str:
    """End a watch that never was, and one twice where a number can be watched."""
    _kinds(kit)
    await unwatch(kit, f"watch-{kit.mark()}")
    number = kit.profile.event_number or (kit.profile.own[0] if kit.profile.own else "")
    if not number:
        return "one that never was; the profile names no number to watch"
    watch_id = (await watch(kit, number)).watch_id
    await unwatch(kit, watch_id)
    await unwatch(kit, watch_id)
    return ""


@check(
    "watch.nowhere",
    "A number that is not the operator's is refused, and brings nothing down",
    operator("OperatorBackend", "UNAVAILABLE for a failure that may pass"),
    Lane.WATCHES,
)
async def nowhere(kit: Kit) -> str:
    """Watch a number that nobody has."""
    _kinds(kit)
    try:
        answer = await watch(kit, NOWHERE)
    except Refused as error:
        fit = ("INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION")
        expect(error.code.name in fit, f"{error}; INVALID_ARGUMENT is expected")
        return error.code.name
    await unwatch(kit, answer.watch_id)
    return "it is watched all the same"


@check(
    "watch.silent_after_end",
    "A watch that has ended brings no events",
    operator("OperatorBackend.UnwatchSubscriber", "Ends a watch"),
    Lane.WATCHES,
)
async def silent(kit: Kit) -> str:
    """End a watch, change the SIM, and listen."""
    kinds = _kinds(kit)
    number = kit.number("event_number")
    if _SIM_CHANGE not in kinds:
        raise DoesNotApply("GetCapabilities announces no event SIM_CHANGE")
    async with tapped(kit) as tap:
        watch_id = (await watch(kit, number)).watch_id
        await unwatch(kit, watch_id)
        await kit.change_sim()
        came = await tap.first(is_sim_change(watch_id), kit.pace.quiet)
    expect(came is None, "an event came for a watch that had ended")
    return f"nothing for {kit.pace.quiet:g} s"


@check(
    "watch.kinds",
    "A watch brings the kinds that were asked for and no others",
    operator("WatchSubscriberRequest.kinds", "Kinds wanted, at least one"),
    Lane.WATCHES,
)
async def kinds(kit: Kit) -> str:
    """Watch a number for anything but SIM changes, change the SIM, and listen."""
    others = [kind for kind in _kinds(kit) if kind != _SIM_CHANGE]
    if len(others) == len(_kinds(kit)) or not others:
        raise DoesNotApply("GetCapabilities announces no event SIM_CHANGE beside another")
    number = kit.number("event_number")
    async with tapped(kit) as tap, watched(kit, number, kinds=others) as watch_id:
        await kit.change_sim()
        came = await tap.first(is_sim_change(watch_id), kit.pace.quiet)
    expect(came is None, "SIM_CHANGE came for a watch that was not for it")
    return f"nothing for {kit.pace.quiet:g} s"


CHECKS = (form, same, idempotent, ended, nowhere, silent, kinds)
