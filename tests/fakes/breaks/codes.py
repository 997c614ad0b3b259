"""What may be wrong with sending, and with codes of the operator's own."""

from types import ModuleType
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from fakes.breaks.numbers import BARRED, FOREIGN, HOUR, LANDLINE
from fakes.breaks.registry import after, before, forget, module
from numseal.api.operator.v1 import operator_pb2 as o


@after("SendCode", "send.text")
def gives_deliveries_no_name(_backend: Any, _request: Any, answer: Any) -> None:
    answer.ClearField("delivery_id")


@before("SendCode", "send.text", "send.once")
async def sends_another_text(_backend: Any, request: Any, _context: Any) -> None:
    if request.text.startswith("Numseal"):
        request.text = "Buy one, get one free"


@after("SendCode", "code.resend", "send.prior_codes")
def says_that_older_codes_die(_backend: Any, _request: Any, answer: Any) -> None:
    answer.prior_codes_valid = False


@module("send.content")
def takes_texts_of_any_length(template: ModuleType) -> None:
    original = template.Backend.GetCapabilities

    async def announce(self: Any, request: Any, context: Any) -> Any:
        answer = await original(self, request, context)
        answer.methods[0].max_text_length = 480
        return answer

    template.__dict__["MAX_TEXT"] = 100_000
    template.Backend.GetCapabilities = announce


@after("GetCapabilities", "send.sender")
def announces_a_sender_that_it_refuses(_backend: Any, _request: Any, answer: Any) -> None:
    answer.methods[0].sender_ids.append("Example")


@after("GetCapabilities", "send.sender")
def announces_a_sender_of_its_codes_that_it_refuses(_backend: Any, _request: Any, answer: Any) -> None:
    answer.methods[1].sender_ids.append("Example")


@before("SendCode", "send.expired")
async def delivers_too_late(_backend: Any, request: Any, _context: Any) -> None:
    if request.HasField("expire_time"):
        now = Timestamp()
        now.GetCurrentTime()
        request.expire_time.seconds = max(request.expire_time.seconds, now.seconds + 2)


@after("SendCode", "send.not_ours")
def bars_foreign_numbers(_backend: Any, request: Any, answer: Any) -> None:
    if request.phone_number == FOREIGN:
        answer.outcome = o.SEND_OUTCOME_BARRED


@after("SendCode", "send.barred")
def takes_texts_for_barred_numbers(_backend: Any, request: Any, answer: Any) -> None:
    if request.phone_number == BARRED:
        answer.outcome, answer.delivery_id = o.SEND_OUTCOME_ACCEPTED, "delivery"


@after("SendCode", "send.landline")
def takes_texts_for_landlines(_backend: Any, request: Any, answer: Any) -> None:
    if request.phone_number == LANDLINE:
        answer.outcome, answer.delivery_id = o.SEND_OUTCOME_ACCEPTED, "delivery"


@before("SendCode", "send.idempotent", "send.once")
async def forgets_orders(backend: Any, request: Any, _context: Any) -> None:
    forget(backend, "SendCode", request)


@before("SendCode", "send.once")
async def sends_a_text_again(backend: Any, request: Any, _context: Any) -> None:
    if ("SendCode", request.request_id) in backend.answers and request.text:
        backend.handsets.deliver(request.phone_number, request.text)


@before("SendCode", "code.length")
async def makes_codes_of_six_digits(_backend: Any, request: Any, _context: Any) -> None:
    if request.HasField("operator_code") and request.operator_code.length == 8:
        request.operator_code.length = 6


@after("SendCode", "code.sent", "code.length")
def does_not_tell_the_length(_backend: Any, _request: Any, answer: Any) -> None:
    answer.ClearField("length")


@after("CheckCode", "code.match", "code.resend")
def finds_no_code_right(_backend: Any, _request: Any, answer: Any) -> None:
    if answer.outcome == o.CHECK_OUTCOME_MATCH:
        answer.outcome = o.CHECK_OUTCOME_MISMATCH


@after("CheckCode", "code.used")
def lets_a_code_be_used_twice(backend: Any, request: Any, _answer: Any) -> None:
    if request.challenge in backend.codes:
        backend.codes[request.challenge]["used"] = False


@after("CheckCode", "code.mismatch", "code.exhausted")
def does_not_count_attempts(backend: Any, request: Any, _answer: Any) -> None:
    if request.challenge in backend.codes:
        backend.codes[request.challenge]["attempts"] = 5


@after("CheckCode", "code.mismatch")
def does_not_tell_the_attempts(_backend: Any, _request: Any, answer: Any) -> None:
    answer.ClearField("attempts_remaining")


@after("CheckCode", "code.exhausted")
def takes_the_right_code_at_last(backend: Any, request: Any, answer: Any) -> None:
    code = backend.codes.get(request.challenge)
    if code and answer.outcome == o.CHECK_OUTCOME_EXHAUSTED and code["digits"] == request.code:
        answer.outcome = o.CHECK_OUTCOME_MATCH


@before("CheckCode", "code.expired")
async def takes_a_code_for_ever(backend: Any, request: Any, _context: Any) -> None:
    if request.challenge in backend.codes:
        backend.codes[request.challenge]["ends"] += HOUR


@after("SendCode", "code.sent")
def prolongs_a_code(_backend: Any, _request: Any, answer: Any) -> None:
    if answer.HasField("expire_time"):
        answer.expire_time.seconds += HOUR


@before("SendCode", "code.resend")
async def kills_the_older_code(backend: Any, request: Any, _context: Any) -> None:
    backend.codes.pop(request.previous_challenge, None)


@before("CheckCode", "code.other_number")
async def does_not_look_at_the_number(backend: Any, request: Any, _context: Any) -> None:
    if request.challenge in backend.codes:
        request.phone_number = backend.codes[request.challenge]["number"]


@before("CheckCode", "code.idempotent")
async def spends_attempts_on_the_same_check(backend: Any, request: Any, _context: Any) -> None:
    forget(backend, "CheckCode", request)


@before("CheckCode", "code.unknown", "malformed.challenge")
async def stumbles_over_unknown_challenges(backend: Any, request: Any, _context: Any) -> None:
    if request.request_id.startswith("kit-") and request.phone_number == "+79160000001":
        backend.codes[request.challenge]  # KeyError


@after("SendCode", "code.sent")
def makes_a_code_without_an_end(_backend: Any, _request: Any, answer: Any) -> None:
    answer.ClearField("expire_time")


@after("SendCode", "code.resend")
def sends_the_same_challenge(backend: Any, request: Any, answer: Any) -> None:
    if request.previous_challenge:
        backend.codes[request.previous_challenge] = backend.codes[answer.challenge]
        answer.challenge = request.previous_challenge


@after("CheckCode", "code.mismatch", "code.exhausted")
def tells_nothing_of_a_wrong_code(_backend: Any, _request: Any, answer: Any) -> None:
    if answer.outcome == o.CHECK_OUTCOME_MISMATCH:
        answer.outcome = 77
