"""What may be wrong with refusing: malformed input, and what is not announced."""

from hashlib import sha256
from typing import Any

import grpc

from fakes.breaks.registry import before
from numseal.api.operator.v1 import operator_pb2 as o


@before("LookUpSubscriber", "malformed.phone_number")
async def stumbles_over_letters(_backend: Any, request: Any, _context: Any) -> None:
    if not request.phone_number.startswith("+"):
        raise ValueError("invalid literal")


@before("SendCode", "malformed.request_id")
async def takes_any_request_id(_backend: Any, request: Any, _context: Any) -> None:
    request.request_id = sha256(request.request_id.encode()).hexdigest()


@before("LookUpSubscriber", "malformed.signals")
async def takes_a_signal_twice(_backend: Any, request: Any, _context: Any) -> None:
    kinds = sorted(set(request.signals))
    del request.signals[:]
    request.signals.extend(kinds)


@before("LookUpSubscriber", "malformed.enums")
async def takes_no_purpose_for_one(_backend: Any, request: Any, _context: Any) -> None:
    request.purpose = request.purpose or o.PURPOSE_SIGN_UP


@before("SendCode", "malformed.required")
async def needs_no_agreement(_backend: Any, request: Any, _context: Any) -> None:
    request.agreement_id = request.agreement_id or "none"


@before("SendCode", "malformed.content")
async def fits_the_method_to_the_content(_backend: Any, request: Any, _context: Any) -> None:
    if request.HasField("operator_code"):
        request.method = o.METHOD_OPERATOR_CODE


@before("CheckCode", "malformed.challenge")
async def stumbles_over_long_challenges(_backend: Any, request: Any, _context: Any) -> None:
    if len(request.challenge) > 1_024:
        raise OverflowError("challenge")


@before("SendCode", "unannounced.method")
async def speaks_though_it_does_not_say_so(_backend: Any, request: Any, _context: Any) -> None:
    if request.method == o.METHOD_VOICE:
        request.method = o.METHOD_SMS


@before("StartNetworkCheck", "unannounced.network")
async def fails_at_network_checks(_backend: Any, _request: Any, context: Any) -> None:
    await context.abort(grpc.StatusCode.INTERNAL, "not today")
