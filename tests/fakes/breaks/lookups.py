"""What may be wrong with lookups, their signals and references."""

import asyncio
from hashlib import sha256
from typing import Any

import grpc

from fakes.breaks.numbers import ABSENT, BARRED, FOREIGN, HOUR, LANDLINE
from fakes.breaks.registry import after, before
from numseal.api.operator.v1 import operator_pb2 as o
from numseal.api.operator.v1 import subscriber_pb2 as s


@after("LookUpSubscriber", "lookup.echo")
def answers_for_another_number(_backend: Any, request: Any, answer: Any) -> None:
    answer.phone_number = request.phone_number[:-1] + "0"


@after("LookUpSubscriber", "lookup.echo")
def answers_another_request(_backend: Any, _request: Any, answer: Any) -> None:
    answer.request_id = "another"


@after("LookUpSubscriber", "lookup.reference")
def gives_answers_no_name(_backend: Any, _request: Any, answer: Any) -> None:
    answer.ClearField("lookup_reference")


@after("LookUpSubscriber", "lookup.ported")
def does_not_know_where_a_number_went(_backend: Any, _request: Any, answer: Any) -> None:
    if answer.HasField("ported"):
        answer.ported.Clear()
        answer.ported.SetInParent()


@after("LookUpSubscriber", "lookup.ported")
def sends_a_number_elsewhere(_backend: Any, _request: Any, answer: Any) -> None:
    if answer.HasField("ported"):
        answer.ported.operator_id = "somebody"
        answer.ported.ClearField("plmn")


@after("LookUpSubscriber", "lookup.not_assigned")
def has_nobody_in_its_range(_backend: Any, _request: Any, answer: Any) -> None:
    if answer.HasField("not_assigned"):
        answer.not_served.SetInParent()


@before("LookUpSubscriber", "lookup.foreign")
async def does_not_find_foreign_numbers(_backend: Any, request: Any, context: Any) -> None:
    if request.phone_number == FOREIGN:
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such subscriber")


@after("LookUpSubscriber", "lookup.billed")
def bills_a_lookup_as_a_code(_backend: Any, _request: Any, answer: Any) -> None:
    answer.billed.add(operation=o.OPERATION_SEND_CODE, price_micros=1, currency_code="RUB")


@after("LookUpSubscriber", "lookup.idempotent")
def names_each_answer_anew(backend: Any, _request: Any, answer: Any) -> None:
    backend.named = getattr(backend, "named", 0) + 1
    answer.lookup_reference = f"answer-{backend.named}"


@before("LookUpSubscriber", "deadline.before")
async def is_slow_before_a_code(_backend: Any, request: Any, _context: Any) -> None:
    if request.phase == o.LOOKUP_PHASE_BEFORE and request.phone_number.startswith("+999"):
        await asyncio.sleep(1.0)


@before("LookUpSubscriber", "deadline.after")
async def is_slow_after_a_code(_backend: Any, request: Any, _context: Any) -> None:
    if request.phase == o.LOOKUP_PHASE_AFTER and request.phone_number.startswith("+999"):
        await asyncio.sleep(1.5)


@after("LookUpSubscriber", "signals.not_asked")
def tells_what_was_not_asked(_backend: Any, _request: Any, answer: Any) -> None:
    if answer.HasField("subscriber") and not answer.subscriber.HasField("line_type"):
        answer.subscriber.line_type.meta.state = s.SIGNAL_STATE_OK
        answer.subscriber.line_type.value = s.LINE_TYPE_MOBILE


@after("LookUpSubscriber", "signals.not_announced")
def tells_what_is_not_announced(_backend: Any, request: Any, answer: Any) -> None:
    if s.SIGNAL_KIND_CONTRACT_TYPE in request.signals and answer.HasField("subscriber"):
        signal = answer.subscriber.contract_type
        signal.meta.state, signal.meta.source, signal.value = s.SIGNAL_STATE_OK, "crm", s.CONTRACT_TYPE_PREPAID
        signal.meta.observe_time.GetCurrentTime()


@after("LookUpSubscriber", "signals.announced")
def keeps_a_signal_to_itself(_backend: Any, _request: Any, answer: Any) -> None:
    answer.subscriber.ClearField("reachability") if answer.HasField("subscriber") else None


def _line_type(answer: Any) -> Any:
    """Return the signal that is broken where it is told, else one that nobody sees."""
    told = answer.HasField("subscriber") and answer.subscriber.HasField("line_type")
    return answer.subscriber.line_type if told else s.LineTypeSignal()


@after("LookUpSubscriber", "signals.state")
def states_nothing(_backend: Any, _request: Any, answer: Any) -> None:
    _line_type(answer).meta.state = s.SIGNAL_STATE_UNSPECIFIED


@after("LookUpSubscriber", "signals.observe_time")
def is_right_without_saying_when(_backend: Any, _request: Any, answer: Any) -> None:
    _line_type(answer).meta.ClearField("observe_time")


@after("LookUpSubscriber", "signals.past")
def sees_the_future(_backend: Any, _request: Any, answer: Any) -> None:
    _line_type(answer).meta.observe_time.seconds += 2 * HOUR


@after("LookUpSubscriber", "signals.source")
def names_another_source(_backend: Any, _request: Any, answer: Any) -> None:
    _line_type(answer).meta.source = "guess"


@after("LookUpSubscriber", "signals.code")
def gives_a_code_without_a_space(_backend: Any, _request: Any, answer: Any) -> None:
    _line_type(answer).meta.code = "27"


@after("LookUpSubscriber", "signals.values")
def is_right_about_nothing(_backend: Any, _request: Any, answer: Any) -> None:
    _line_type(answer).ClearField("value")


@after("LookUpSubscriber", "signals.values")
def has_a_value_of_its_own(_backend: Any, _request: Any, answer: Any) -> None:
    if answer.HasField("subscriber") and answer.subscriber.HasField("sms_service"):
        answer.subscriber.sms_service.value = 77  # type: ignore[assignment,unused-ignore]


@after("LookUpSubscriber", "signals.none")
def knows_of_no_change_since_nobody_knows_when(_backend: Any, _request: Any, answer: Any) -> None:
    if answer.HasField("subscriber") and answer.subscriber.HasField("sim_change"):
        answer.subscriber.sim_change.meta.ClearField("coverage_start_time")


@after("LookUpSubscriber", "signals.recycled")
def answers_for_another_time(_backend: Any, _request: Any, answer: Any) -> None:
    if answer.HasField("subscriber") and answer.subscriber.HasField("recycled"):
        answer.subscriber.recycled.since_time.seconds -= 1


@after("LookUpSubscriber", "signals.max_age")
def ignores_the_age(_backend: Any, _request: Any, answer: Any) -> None:
    for _, signal in answer.subscriber.ListFields():
        if signal.meta.state == s.SIGNAL_STATE_STALE:
            signal.meta.state = s.SIGNAL_STATE_OK


@after("LookUpSubscriber", "signals.barred")
def tells_nobody_who_is_barred(_backend: Any, request: Any, answer: Any) -> None:
    if request.phone_number == BARRED and answer.subscriber.HasField("sms_service"):
        answer.subscriber.sms_service.value = s.SERVICE_STATE_ON


@after("LookUpSubscriber", "signals.landline")
def takes_a_landline_for_a_mobile(_backend: Any, request: Any, answer: Any) -> None:
    if request.phone_number == LANDLINE and answer.subscriber.HasField("line_type"):
        answer.subscriber.line_type.value = s.LINE_TYPE_MOBILE


@after("LookUpSubscriber", "lookup.absent")
def reaches_handsets_that_are_off(_backend: Any, request: Any, answer: Any) -> None:
    if request.phone_number == ABSENT and answer.subscriber.HasField("reachability"):
        answer.subscriber.reachability.value = s.REACHABILITY_REACHABLE


def _sim_ref(answer: Any) -> Any:
    told = answer.HasField("subscriber") and answer.subscriber.HasField("sim_ref")
    return answer.subscriber.sim_ref.value if told else s.SimRef()


@after("LookUpSubscriber", "references.size")
def hashes_to_eight_bytes(_backend: Any, _request: Any, answer: Any) -> None:
    _sim_ref(answer).reference = _sim_ref(answer).reference[:8]


@after("LookUpSubscriber", "references.key_epoch")
def does_not_name_its_key(_backend: Any, _request: Any, answer: Any) -> None:
    _sim_ref(answer).ClearField("key_epoch")


@after("LookUpSubscriber", "references.stable")
def hashes_anew_each_time(_backend: Any, request: Any, answer: Any) -> None:
    _sim_ref(answer).reference = sha256(request.request_id.encode() + _sim_ref(answer).reference).digest()


@after("LookUpSubscriber", "references.basis")
def does_not_say_what_was_hashed(_backend: Any, _request: Any, answer: Any) -> None:
    _sim_ref(answer).ClearField("basis")


@after("LookUpSubscriber", "references.hidden")
def gives_away_the_imsi(_backend: Any, request: Any, answer: Any) -> None:
    _sim_ref(answer).reference = b"25001" + request.phone_number[1:].encode()


@after("LookUpSubscriber", "references.hidden")
def has_one_subscriber_for_all(_backend: Any, _request: Any, answer: Any) -> None:
    if answer.HasField("subscriber") and answer.subscriber.HasField("subscriber_ref"):
        answer.subscriber.subscriber_ref.value.reference = sha256(b"everybody").digest()


@after("LookUpSubscriber", "lookup.billed")
def pays_for_being_asked(_backend: Any, _request: Any, answer: Any) -> None:
    answer.billed.add(operation=o.OPERATION_LOOK_UP_SUBSCRIBER, price_micros=-1, currency_code="roubles")


@after("LookUpSubscriber", "signals.code")
def gives_a_code_without_end(_backend: Any, _request: Any, answer: Any) -> None:
    _line_type(answer).meta.code, _line_type(answer).meta.code_space = "7" * 129, "map"


@after("LookUpSubscriber", "signals.source")
def names_no_source(_backend: Any, _request: Any, answer: Any) -> None:
    _line_type(answer).meta.source = ""


@after("LookUpSubscriber", "signals.values")
def does_not_say_when_a_sim_changed(_backend: Any, _request: Any, answer: Any) -> None:
    if answer.HasField("subscriber") and answer.subscriber.HasField("sim_change"):
        answer.subscriber.sim_change.value.SetInParent()


@after("LookUpSubscriber", "references.basis")
def hashes_something_else_than_announced(_backend: Any, _request: Any, answer: Any) -> None:
    _sim_ref(answer).basis = s.REFERENCE_BASIS_HOME_ROUTED


@after("LookUpSubscriber", "references.stable")
def changes_its_key_each_time(_backend: Any, request: Any, answer: Any) -> None:
    _sim_ref(answer).key_epoch = request.request_id[-8:]
