"""Checks of network checks, as far as they go without a handset: the page, and proofs that nobody has."""

from typing import Any
from urllib.parse import urlsplit

from numseal.api.operator.v1 import operator_pb2
from numseal.conformance.check import check
from numseal.conformance.clause import operator
from numseal.conformance.kit import Kit
from numseal.conformance.results import expect, expect_all
from numseal.conformance.words import word

MAX_URL, MAX_CHALLENGE = 2_048, 1_024


def _start(kit: Kit, **fields: Any) -> operator_pb2.StartNetworkCheckRequest:
    kit.need_method(operator_pb2.METHOD_NETWORK)
    whole: dict[str, Any] = {
        "request_id": kit.new_id(),
        "phone_number": kit.own(),
        "redirect_uri": kit.profile.redirect_uri,
        "state": f"state-{kit.mark()}",
        "expire_time": kit.time(300),
        "agreement_id": kit.profile.agreement_id,
        "purpose": operator_pb2.PURPOSE_SIGN_UP,
    }
    return operator_pb2.StartNetworkCheckRequest(**(whole | fields))


async def _finish(kit: Kit, **fields: Any) -> str:
    kit.need_method(operator_pb2.METHOD_NETWORK)
    whole: dict[str, Any] = {
        "request_id": kit.new_id(),
        "phone_number": kit.own(),
        "authorization_code": f"code-{kit.mark()}",
        "state": f"state-{kit.mark()}",
    }
    request = operator_pb2.FinishNetworkCheckRequest(**(whole | fields))
    answer = await kit.call("FinishNetworkCheck", request)
    expect(
        (answer.request_id, answer.phone_number) == (request.request_id, request.phone_number),
        "the answer of FinishNetworkCheck does not repeat the request's request_id and phone_number",
    )
    return word(operator_pb2.NetworkOutcome, answer.outcome)


@check(
    "network.page",
    "A page is an https address for a time, with a challenge that fits",
    operator(
        "StartNetworkCheckResponse.auth_url",
        "HTTPS address for the client to open over mobile data, at most 2048 bytes.",
    ),
)
async def page(kit: Kit) -> str:
    """Begin a check."""
    request = _start(kit)
    answer = await kit.call("StartNetworkCheck", request)
    problems = []
    address = urlsplit(answer.auth_url)
    if address.scheme != "https" or not address.hostname or len(answer.auth_url.encode()) > MAX_URL:
        problems.append(
            f"auth_url is {answer.auth_url[:60]!r}, an https address of at most {MAX_URL} bytes is expected"
        )
    if len(answer.challenge) > MAX_CHALLENGE:
        problems.append(f"challenge has {len(answer.challenge)} bytes, at most {MAX_CHALLENGE} are expected")
    left = answer.expire_time.seconds - kit.now()
    if not 0 < left <= request.expire_time.seconds - kit.now():
        problems.append(f"expire_time is {left} s from now, 1 to 300 are expected: 300 s were ordered")
    expect_all(problems)
    return f"{address.hostname}, {left} s"


@check(
    "network.idempotent",
    "The same request has the same page",
    operator("OperatorBackend", "The same request_id within the idempotency window answers the same"),
)
async def idempotent(kit: Kit) -> str:
    """Put one request twice."""
    kit.need_idempotency()
    request = _start(kit)
    first, again = [await kit.call("StartNetworkCheck", request) for _ in range(2)]
    expect(first == again, "the second answer to one request_id is another page")
    return ""


@check(
    "network.unknown",
    "A proof that nobody gave is unknown",
    operator("NetworkOutcome.NETWORK_OUTCOME_UNKNOWN", "The network cannot tell, or does not know the challenge."),
)
async def unknown(kit: Kit) -> str:
    """Offer a challenge and a proof that are made up, and a proof made up to a challenge that was given."""
    found = await _finish(kit, challenge=kit.mark().encode())
    expect(found == "UNKNOWN", f"a challenge that nobody gave is {found}, UNKNOWN is expected")
    request = _start(kit)
    answer = await kit.call("StartNetworkCheck", request)
    found = await _finish(kit, challenge=answer.challenge, state=request.state)
    expect(found != "MATCH", "an authorization_code made up is MATCH, UNKNOWN is expected")
    return ""


CHECKS = (page, idempotent, unknown)
