"""What may be wrong with watches and events."""

from collections.abc import AsyncIterator
from typing import Any

import grpc

from fakes.breaks.numbers import HOUR
from fakes.breaks.registry import after, before, forget, stream
from numseal.api.operator.v1 import event_pb2 as e
from numseal.api.operator.v1 import operator_pb2 as o


@before("WatchSubscriber", "watch.same")
async def watches_anew(backend: Any, request: Any, _context: Any) -> None:
    if ("WatchSubscriber", request.request_id) not in backend.answers:
        backend.watches.pop(request.phone_number, None)


@before("WatchSubscriber", "watch.idempotent")
async def forgets_watches(backend: Any, request: Any, _context: Any) -> None:
    if ("WatchSubscriber", request.request_id) in backend.answers:
        backend.watches.pop(request.phone_number, None)
        forget(backend, "WatchSubscriber", request)


@after("WatchSubscriber", "watch.form")
def watches_for_no_time(_backend: Any, _request: Any, answer: Any) -> None:
    answer.expire_time.seconds = 1


@before("UnwatchSubscriber", "watch.unwatch", "malformed.strangers")
async def does_not_find_the_watch(backend: Any, request: Any, context: Any) -> None:
    if request.watch_id not in [watch[0] for watch in backend.watches.values()]:
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such watch")


@before("UnwatchSubscriber", "watch.silent_after_end", "watch.kinds")
async def goes_on_watching(_backend: Any, request: Any, _context: Any) -> None:
    request.watch_id = "another"


@before("WatchSubscriber", "watch.kinds")
async def tells_every_kind(_backend: Any, request: Any, _context: Any) -> None:
    if request.kinds and set(request.kinds) <= {2, 3, 4, 5, 6}:
        request.kinds.append(e.EVENT_KIND_SIM_CHANGE)


@before("WatchSubscriber", "watch.nowhere")
async def stumbles_over_strangers(_backend: Any, request: Any, context: Any) -> None:
    if request.phone_number.startswith("+999"):
        await context.abort(grpc.StatusCode.INTERNAL, "NullPointerException")


def _is_beat(answer: Any) -> bool:
    return bool(answer.event.HasField("heartbeat"))


@stream("events.heartbeat")
async def shows_no_sign_of_life(_backend: Any, _request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for answer in answers:
        if not _is_beat(answer):
            yield answer


@stream("events.heartbeat")
async def shows_one_sign_of_life(_backend: Any, _request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    beats = 0
    async for answer in answers:
        beats += _is_beat(answer)
        if not _is_beat(answer) or beats == 1:
            yield answer


@stream("events.heartbeat_form")
async def gives_heartbeats_an_id(_backend: Any, _request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for answer in answers:
        if _is_beat(answer):
            answer.event.event_id = "beat"
        yield answer


@stream("events.resume")
async def forgets_what_was_missed(backend: Any, request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    missed = backend.newest
    async for answer in answers:
        number = int(answer.event.cursor.rpartition("-")[2])
        if _is_beat(answer) or not request.cursor or number > missed:
            yield answer


@stream("events.resume")
async def names_missed_events_anew(backend: Any, request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    missed = backend.newest
    async for answer in answers:
        fresh = o.StreamEventsResponse.FromString(answer.SerializeToString())
        if not _is_beat(fresh) and request.cursor and int(fresh.event.cursor.rpartition("-")[2]) <= missed:
            fresh.event.event_id += "-again"
        yield fresh


@stream("events.order")
async def tells_the_newest_first(backend: Any, request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    missed = [o.StreamEventsResponse(event=event) for event in reversed(backend.events)] if request.cursor else []
    begun = int(request.cursor.rpartition("-")[2]) if missed and request.cursor.startswith(backend.epoch) else 0
    for answer in missed if begun else []:
        if int(answer.event.cursor.rpartition("-")[2]) > begun:
            yield answer
    newest = backend.newest
    async for answer in answers:
        if not begun or _is_beat(answer) or int(answer.event.cursor.rpartition("-")[2]) > newest:
            yield answer


@before("StreamEvents", "events.begins_now")
async def begins_at_the_beginning(backend: Any, request: Any, _context: Any) -> None:
    request.cursor = request.cursor or f"{backend.epoch}-0"


@stream("events.sim_change", "events.resume", "events.order", "events.begins_now")
async def does_not_name_the_watch(_backend: Any, _request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for answer in answers:
        fresh = o.StreamEventsResponse.FromString(answer.SerializeToString())
        fresh.event.ClearField("watch_id")
        yield fresh


@stream("events.sim_change", "events.delivery")
async def does_not_say_when(_backend: Any, _request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for answer in answers:
        fresh = o.StreamEventsResponse.FromString(answer.SerializeToString())
        fresh.event.ClearField("occur_time")
        yield fresh


@stream("events.delivery")
async def does_not_tell_of_deliveries(_backend: Any, _request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for answer in answers:
        if not answer.event.HasField("delivery"):
            yield answer


@before("StreamEvents", "events.cursor_too_old")
async def takes_any_cursor(backend: Any, request: Any, _context: Any) -> None:
    if not request.cursor.startswith(backend.epoch):
        request.cursor = ""


@before("StreamEvents", "events.cursor_too_old")
async def does_not_name_the_oldest_cursor(backend: Any, request: Any, context: Any) -> None:
    if request.cursor and not request.cursor.startswith(backend.epoch):
        await context.abort(grpc.StatusCode.OUT_OF_RANGE, "too old")


def _fresh(answer: Any) -> Any:
    return o.StreamEventsResponse.FromString(answer.SerializeToString())


@stream("events.heartbeat_form")
async def gives_heartbeats_nothing(_backend: Any, _request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for answer in answers:
        if _is_beat(answer):
            answer.event.ClearField("cursor")
            answer.event.ClearField("observe_time")
        yield answer


@stream("events.sim_change", "events.delivery")
async def names_events_at_length(_backend: Any, _request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for answer in answers:
        fresh = _fresh(answer)
        if not _is_beat(fresh):
            fresh.event.event_id *= 10
            fresh.event.observe_time.seconds += HOUR
        yield fresh


@stream("events.sim_change", "events.delivery")
async def does_not_say_what_happened(_backend: Any, _request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for answer in answers:
        fresh = _fresh(answer)
        if fresh.event.HasField("sim_change"):
            fresh.event.sim_change.ClearField("kind")
        if fresh.event.HasField("delivery"):
            fresh.event.delivery.ClearField("status")
            fresh.event.watch_id = "watch"
        yield fresh


@stream("events.order")
async def dates_events_backwards(_backend: Any, _request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for answer in answers:
        fresh = _fresh(answer)
        if not _is_beat(fresh):
            fresh.event.occur_time.seconds -= 60 * int(fresh.event.cursor.rpartition("-")[2])
        yield fresh


@stream(
    "events.heartbeat", "events.sim_change", "events.resume", "events.order", "events.begins_now", "events.delivery"
)
async def ends_the_stream(_backend: Any, _request: Any, answers: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for answer in answers:
        yield answer
        if _is_beat(answer):
            return


@before("StreamEvents", "events.cursor_too_old")
async def does_not_find_the_cursor(backend: Any, request: Any, context: Any) -> None:
    if request.cursor and not request.cursor.startswith(backend.epoch):
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such cursor")
