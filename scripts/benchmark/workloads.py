"""What the client asks: scripts for checks of numbers, whole flows, batches, and the echoes they are compared with."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmark.echo import SERVICE
from benchmark.http2 import Call, Method, call, method
from benchmark.load import Script, WrongAnswerError
from benchmark.subjects import Subject, code_of
from numseal.api.verification.v1 import assurance_pb2, binding_pb2, verification_pb2

_VERIFICATION = "/numseal.api.verification.v1.VerificationService"
_BINDING = "/numseal.api.verification.v1.BindingService"
_GENUINE = binding_pb2.CheckNumberResponse(result=binding_pb2.NUMBER_CHECK_RESULT_GENUINE).SerializeToString()
_PRIMES = (7_919, 104_729)

SERVING = b"\x08\x01"
"""grpc.health.v1.HealthCheckResponse {status: SERVING}."""


@dataclass(frozen=True, slots=True)
class Methods:
    """The RPCs of one caller."""

    check: Method
    batch: Method
    start: Method
    finish: Method
    health: Method


def methods(token: str) -> Methods:
    """Encode the RPCs with a relying party's token."""
    metadata = {"authorization": f"Bearer {token}"}
    return Methods(
        check=method("CheckNumber", f"{_BINDING}/CheckNumber", metadata),
        batch=method("BatchCheckNumbers", f"{_BINDING}/BatchCheckNumbers", metadata),
        start=method("StartVerification", f"{_VERIFICATION}/StartVerification", metadata),
        finish=method("CheckCode", f"{_VERIFICATION}/CheckCode", metadata),
        health=method("Health", "/grpc.health.v1.Health/Check", {}),
    )


def echo_methods(token: str) -> Methods:
    """Encode RPCs of the same names and metadata at the echo server."""
    metadata = {"authorization": f"Bearer {token}"}
    names = ("CheckNumber", "BatchCheckNumbers", "StartVerification", "CheckCode", "Health")
    return Methods(*(method(name, f"/{SERVICE}/{name}", metadata) for name in names))


def check_request(subject: Subject) -> binding_pb2.CheckNumberRequest:
    """Ask whether a number that an account shows is its own."""
    return binding_pb2.CheckNumberRequest(account_id=subject.account_id, phone_number=subject.phone_number)


def start_request(subject: Subject, count: int) -> verification_pb2.StartVerificationRequest:
    """Ask for a verification, with what a messenger knows at sign-up."""
    return verification_pb2.StartVerificationRequest(
        account_id=subject.account_id,
        phone_number=subject.phone_number,
        purpose=verification_pb2.PURPOSE_SIGN_UP,
        method=assurance_pb2.METHOD_SMS,
        client=verification_pb2.ClientFacts(
            # Each from a /24 of its own: many numbers from one are not what most sign-ups look like.
            ip_address=f"10.{count >> 8 & 255}.{count & 255}.{count >> 16 & 255}",
            user_agent="Messenger/1.0 (bench)",
        ),
        locale="en",
        request_id=f"bench-{subject.account_id}",
    )


def cycling(calls: Sequence[Call], number: int, right: Callable[[bytes], bool]) -> Script:
    """Make calls for ever, all equally often and far from each other; scripts of other numbers begin elsewhere."""
    count = len(calls)
    stride = next(prime for prime in _PRIMES if count % prime)
    index = number * 613 % count
    while True:
        message = yield calls[index]
        if not right(message):
            raise WrongAnswerError(f"the answer {message[:40]!r}... is not the right one")
        index = (index + stride) % count


def genuine(message: bytes) -> bool:
    """Tell whether a check's answer says GENUINE."""
    return message.startswith(_GENUINE)


def anything(_message: bytes) -> bool:
    """Take any answer."""
    return True


def batches(rpc: Method, subjects: Sequence[Subject], size: int) -> list[Call]:
    """Put checks together, as many a batch; the last one that would be smaller is left out."""
    requests = [check_request(subject) for subject in subjects]
    starts = range(0, len(requests) - size + 1, size)
    return [
        call(rpc, binding_pb2.BatchCheckNumbersRequest(requests=requests[at : at + size]).SerializeToString())
        for at in starts
    ]


def all_genuine(message: bytes) -> bool:
    """Tell whether a batch's first and last answers say GENUINE."""
    results = binding_pb2.BatchCheckNumbersResponse.FromString(message).results
    wanted = binding_pb2.NUMBER_CHECK_RESULT_GENUINE
    return results[0].response.result == wanted == results[-1].response.result


def flows(rpcs: Methods, key: bytes, source: Iterator[tuple[int, Subject]], seen: "Flows") -> Script:
    """Verify one subject after the other: start, then check the right code."""
    for count, subject in source:
        request = start_request(subject, count).SerializeToString()
        started = yield call(rpcs.start, request)
        opened = verification_pb2.StartVerificationResponse.FromString(started).verification
        if opened.state != verification_pb2.VERIFICATION_STATE_CODE_SENT:
            raise WrongAnswerError(_state(subject, opened))
        guess = verification_pb2.CheckCodeRequest(
            verification_id=opened.verification_id, code=code_of(key, opened.verification_id)
        ).SerializeToString()
        finished = yield call(rpcs.finish, guess)
        closed = verification_pb2.CheckCodeResponse.FromString(finished).verification
        if closed.state != verification_pb2.VERIFICATION_STATE_VERIFIED or not closed.bundle.bundle_json:
            raise WrongAnswerError(_state(subject, closed))
        seen.bound.append(subject)
        seen.sizes = FlowSizes(len(request), len(started), len(guess), len(finished))


def _state(subject: Subject, verification: verification_pb2.Verification) -> str:
    state = verification_pb2.VerificationState.Name(verification.state)
    return f"{subject.phone_number} is {state} {verification.failure_reason}"


@dataclass(frozen=True, slots=True)
class FlowSizes:
    """Bytes of a flow's messages."""

    start_request: int
    start_response: int
    check_request: int
    check_response: int


@dataclass(slots=True)
class Flows:
    """What flows have left behind: the subjects bound, and the sizes of the last one's messages."""

    bound: list[Subject]
    sizes: FlowSizes


def echo_flows(rpcs: Methods, sizes: FlowSizes) -> Script:
    """Make calls of a flow's sizes in turn, for ever."""
    start, finish = call(rpcs.start, bytes(sizes.start_request)), call(rpcs.finish, bytes(sizes.check_request))
    while True:
        yield start
        yield finish
