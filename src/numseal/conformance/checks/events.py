"""Checks of StreamEvents: signs of life, events of a watch, going on after a cursor, deliveries, old cursors."""

import asyncio
from itertools import pairwise

from google.rpc import error_details_pb2, status_pb2

from numseal.api.operator.v1 import event_pb2
from numseal.conformance.check import Lane, check
from numseal.conformance.checks.watches import watched
from numseal.conformance.clause import event, operator
from numseal.conformance.codes import expect_accepted
from numseal.conformance.kit import Kit, Refused
from numseal.conformance.results import CannotCheck, DoesNotApply, expect, expect_all
from numseal.conformance.tap import Tap, is_sim_change, tapped
from numseal.conformance.words import word
from numseal.domain.operator import CLOCK_SKEW

GRACE = 1.0
"""Seconds that a heartbeat may be late on its way."""

SILENCE = 0.05
"""Share of the longest silence after which a heartbeat comes by itself, and not on account of an event."""

MAX_CURSOR, MAX_EVENT_ID = 256, 64
MADE_UP = "numseal-conformance-no-such-cursor"
_STATUS = "grpc-status-details-bin"
_FINAL = (
    event_pb2.DELIVERY_STATUS_DELIVERED,
    event_pb2.DELIVERY_STATUS_FAILED,
    event_pb2.DELIVERY_STATUS_UNKNOWN,
)


def _need(kit: Kit, kind: int) -> None:
    if kind not in [offer.kind for offer in kit.told.events]:
        raise DoesNotApply(f"GetCapabilities announces no event {word(event_pb2.EventKind, kind)}")


async def _change(kit: Kit, tap: Tap, watch_id: str, *seen: event_pb2.Event) -> event_pb2.Event:
    """Change the watched SIM and return the event of it, none of those seen; raise `Broken` where none comes."""
    before = {one.event_id for one in (*tap.events, *seen)}
    wanted = is_sim_change(watch_id)
    await kit.change_sim()
    came = await tap.first(lambda one: wanted(one) and one.event_id not in before, kit.pace.event)
    expect(came, f"the SIM was changed, and no SIM_CHANGE of the watch came within {kit.pace.event:g} s")
    assert came is not None  # noqa: S101 - for the type checker
    return came


def _form(kit: Kit, came: event_pb2.Event) -> list[str]:
    """Return what is wrong with an event's id, cursor and times."""
    problems = []
    if not 1 <= len(came.event_id) <= MAX_EVENT_ID:
        problems.append(f"event_id has {len(came.event_id)} characters, 1 to {MAX_EVENT_ID} are expected")
    if not 1 <= len(came.cursor) <= MAX_CURSOR:
        problems.append(f"cursor has {len(came.cursor)} characters, 1 to {MAX_CURSOR} are expected")
    for field in ("occur_time", "observe_time"):
        if not came.HasField(field):
            problems.append(f"{field} is absent")
        elif getattr(came, field).seconds > kit.now() + CLOCK_SKEW:
            problems.append(f"{field} is {getattr(came, field).seconds - kit.now()} s ahead of the operator's clock")
    return problems


def _beats(tap: Tap) -> list[float]:
    """Return when heartbeats came."""
    beats = zip(tap.events, tap.times, strict=True)
    return [came for one, came in beats if one.WhichOneof("kind") == "heartbeat"]


@check(
    "events.heartbeat",
    "A stream shows at least every 20 seconds that it is alive",
    event("HeartbeatEvent", "sent at least every 20 seconds."),
)
async def heartbeat(kit: Kit) -> str:
    """Listen until a heartbeat comes by itself, out of silence: one may follow every event too."""
    limit = kit.pace.heartbeat + GRACE
    async with tapped(kit, wait=False) as tap:
        while not tap.ended:
            times = [tap.begun, *_beats(tap)]
            if any(_out_of_silence(tap, beat, kit.pace.heartbeat * SILENCE) for beat in times[1:]):
                break
            left = times[-1] + limit - kit.clock.monotonic()
            count = len(times)
            if left <= 0 or await tap.first(lambda _one, count=count: len(_beats(tap)) >= count, left) is None:  # type: ignore[misc]
                break
        times = [tap.begun, *_beats(tap)]
        now = kit.clock.monotonic()
        expect(not tap.ended, f"the stream ended after {now - tap.begun:.1f} s")
    longest = max(later - sooner for sooner, later in pairwise([*times, now]))
    expect(
        len(times) > 1 and longest <= limit,
        f"there was no heartbeat for {longest:.1f} s, {kit.pace.heartbeat:g} s at most are expected",
    )
    return f"{longest:.1f} s apart at most"


def _out_of_silence(tap: Tap, beat: float, silence: float) -> bool:
    """Return whether nothing came in the time before a heartbeat; the first of a stream may come on account of that."""
    before = [came for came in tap.times if came < beat]
    return bool(before) and beat - before[-1] >= silence


@check(
    "events.heartbeat_form",
    "A heartbeat has a cursor and a time, and no id",
    event("Event.event_id", "Empty on a heartbeat only."),
)
async def heartbeat_form(kit: Kit) -> str:
    """Look at the first heartbeat."""
    async with tapped(kit, wait=False) as tap:
        beat = await tap.first(lambda one: one.WhichOneof("kind") == "heartbeat", kit.pace.heartbeat + GRACE)
    if beat is None:
        raise CannotCheck("no heartbeat came")
    problems = []
    if beat.event_id or beat.watch_id:
        problems.append("a heartbeat has an event_id or a watch_id, none is expected")
    if not 1 <= len(beat.cursor) <= MAX_CURSOR:
        problems.append(f"cursor has {len(beat.cursor)} characters, 1 to {MAX_CURSOR} are expected")
    if abs(beat.observe_time.seconds - kit.now()) > CLOCK_SKEW:
        problems.append(f"observe_time is {beat.observe_time.seconds - kit.now():+d} s off the operator's own clock")
    expect_all(problems)
    return ""


@check(
    "events.sim_change",
    "A SIM change comes as an event of the number's watch",
    event("Event.watch_id", "The watch; empty on deliveries and heartbeats."),
    Lane.WATCHES,
)
async def sim_change(kit: Kit) -> str:
    """Change the SIM of a watched number."""
    _need(kit, event_pb2.EVENT_KIND_SIM_CHANGE)
    number = kit.number("event_number")
    async with tapped(kit) as tap, watched(kit, number) as watch_id:
        begun = kit.clock.monotonic()
        await kit.change_sim()
        kind_only = await tap.first(
            lambda one: one.WhichOneof("kind") == "sim_change" and one.watch_id in (watch_id, ""), kit.pace.event
        )
        took = kit.clock.monotonic() - begun
    expect(kind_only, f"the SIM was changed, and no SIM_CHANGE of the watch came within {kit.pace.event:g} s")
    assert kind_only is not None  # noqa: S101 - for the type checker
    problems = _form(kit, kind_only)
    if kind_only.watch_id != watch_id:
        problems.append(f"watch_id is {kind_only.watch_id!r}, {watch_id!r} is expected")
    if kind_only.sim_change.kind == 0:
        problems.append("sim_change.kind is not stated")
    expect_all(problems)
    return f"after {took:.1f} s"


@check(
    "events.resume",
    "A stream that was cut off goes on where it was, and nothing is lost",
    event("Event.cursor", "Where StreamEvents goes on after this event"),
    Lane.WATCHES,
)
async def resume(kit: Kit) -> str:
    """Have a SIM change while a stream is away, as another stream sees."""
    _need(kit, event_pb2.EVENT_KIND_SIM_CHANGE)
    number = kit.number("event_number")
    async with watched(kit, number) as watch_id:
        async with tapped(kit) as tap:
            first = await _change(kit, tap, watch_id)
        async with tapped(kit) as observer:
            missed = await _change(kit, observer, watch_id, first)
        async with tapped(kit, first.cursor, wait=False) as tap:
            again = await tap.first(lambda one: one.event_id == missed.event_id, kit.pace.quiet)
            others = tap.about(watch_id)
    expect(
        again or not others,
        "the event that a stream missed has another event_id when it goes on after its cursor: "
        f"{missed.event_id!r} is expected",
    )
    expect(again, f"the event that a stream missed did not come within {kit.pace.quiet:g} s after its cursor was given")
    return ""


@check(
    "events.order",
    "Events of a watch come in order, and in the same order again",
    event("Event", "ordered within a watch."),
    Lane.WATCHES,
)
async def order(kit: Kit) -> str:
    """Change a SIM three times, and read the last two again."""
    _need(kit, event_pb2.EVENT_KIND_SIM_CHANGE)
    number = kit.number("event_number")
    async with watched(kit, number) as watch_id:
        async with tapped(kit) as tap:
            live = [await _change(kit, tap, watch_id) for _ in range(3)]
        async with tapped(kit, live[0].cursor, wait=False) as replay:
            await replay.first(lambda _one: len(_known(replay, live[1:])) == len(live) - 1, kit.pace.quiet)
            again = _known(replay, live[1:])
    times = [one.occur_time.seconds for one in live]
    expect(times == sorted(times), "occur_time goes back from one event of a watch to the next")
    wanted = [one.event_id for one in live[1:]]
    # What is missing is the concern of events.resume.
    expect(again == [one for one in wanted if one in again], "read again after a cursor, events come in another order")
    return ""


def _known(tap: Tap, wanted: list[event_pb2.Event]) -> list[str]:
    ids = {one.event_id for one in wanted}
    return [one.event_id for one in tap.events if one.event_id in ids]


@check(
    "events.begins_now",
    "A stream without a cursor begins now",
    operator("StreamEventsRequest.cursor", "by default the stream begins now."),
    Lane.WATCHES,
)
async def begins_now(kit: Kit) -> str:
    """Open a stream after an event."""
    _need(kit, event_pb2.EVENT_KIND_SIM_CHANGE)
    number = kit.number("event_number")
    async with watched(kit, number) as watch_id:
        async with tapped(kit) as tap:
            await _change(kit, tap, watch_id)
            seen = {one.event_id for one in tap.about(watch_id)}
        async with tapped(kit) as later:
            await asyncio.sleep(min(1.0, kit.pace.quiet))
            old = [one for one in later.about(watch_id) if one.event_id in seen]
    expect(not old, f"a stream without a cursor began with {len(old)} events of before")
    return ""


@check(
    "events.delivery",
    "What becomes of a code that was sent comes as an event",
    event("EventKind.EVENT_KIND_DELIVERY", "sent for every SendCode, watched number or not."),
)
async def delivery(kit: Kit) -> str:
    """Send a text and wait for its delivery."""
    _need(kit, event_pb2.EVENT_KIND_DELIVERY)
    async with tapped(kit) as tap, kit.borrowed() as number:
        answer = await kit.send(kit.order(number))
        expect_accepted(answer, number)
        if not answer.delivery_id:
            raise CannotCheck("SendCode's answer has no delivery_id")
        came = await tap.first(
            lambda one: one.delivery.delivery_id == answer.delivery_id and one.delivery.status in _FINAL,
            kit.pace.event,
        )
        of_it = [one for one in tap.events if one.delivery.delivery_id == answer.delivery_id]
    expect(
        came or of_it, f"no delivery event for the delivery_id of SendCode's answer came within {kit.pace.event:g} s"
    )
    problems = [problem for one in of_it for problem in _form(kit, one)]
    if any(one.watch_id for one in of_it):
        problems.append("a delivery has a watch_id, none is expected")
    if any(one.delivery.status == event_pb2.DELIVERY_STATUS_UNSPECIFIED for one in of_it):
        problems.append("delivery.status is not stated")
    expect_all(problems)
    if came is None:
        return f"ACCEPTED; nothing final within {kit.pace.event:g} s"
    return word(event_pb2.DeliveryStatus, came.delivery.status)


@check(
    "events.cursor_too_old",
    "A cursor after which events are kept no more is refused, and the oldest is named",
    operator("OperatorBackend.StreamEvents", "A cursor that is too old answers OUT_OF_RANGE with an ErrorInfo"),
)
async def cursor_too_old(kit: Kit) -> str:
    """Give the profile's old cursor, or one that is made up, and go on from the oldest."""
    cursor = kit.profile.old_cursor or MADE_UP
    refused = None
    async with tapped(kit, cursor, wait=False) as tap:
        try:
            await tap.first(lambda _one: True, kit.pace.quiet)
        except Refused as error:
            refused = error
    expect(refused, "a cursor that is too old, or was never given, began a stream; OUT_OF_RANGE is expected")
    assert refused is not None  # noqa: S101 - for the type checker
    if refused.code.name == "INVALID_ARGUMENT" and not kit.profile.old_cursor:
        raise CannotCheck("a cursor made up is INVALID_ARGUMENT, and the profile names no events.old_cursor")
    expect(refused.code.name == "OUT_OF_RANGE", f"{refused}; OUT_OF_RANGE is expected")
    oldest = _oldest_cursor(refused)
    expect(1 <= len(oldest) <= MAX_CURSOR, "OUT_OF_RANGE has no ErrorInfo with the metadata oldest_cursor")
    async with tapped(kit, oldest, wait=False) as tap:
        await tap.first(lambda _one: True, kit.pace.opening)
    return ""


def _oldest_cursor(refused: Refused) -> str:
    for key, value in refused.trailing or ():
        if key == _STATUS and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Is(info.DESCRIPTOR) and detail.Unpack(info):
                    return str(info.metadata.get("oldest_cursor", ""))
    return ""


CHECKS = (
    heartbeat,
    heartbeat_form,
    sim_change,
    resume,
    order,
    begins_now,
    delivery,
    cursor_too_old,
)
