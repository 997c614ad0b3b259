"""Translate verifications between domain and messages."""

from collections.abc import Mapping

from numseal.adapters.rpc.assurance_messages import (
    LEVEL_OF,
    LEVELS,
    METHOD_OF,
    METHODS,
    VERDICTS,
    bundle_message,
    finding_message,
    operator_message,
    timestamp,
)
from numseal.api.verification.v1 import assurance_pb2, verification_pb2
from numseal.attestation.bundle import Bundle
from numseal.domain.errors import invalid
from numseal.domain.evidence import Answer, DeliveryState, Lookup, Method
from numseal.domain.limits import MAX_SENDS
from numseal.domain.msisdn import mask
from numseal.domain.number_plan import OperatorInfo
from numseal.domain.report import Outcome
from numseal.domain.verdict import Level
from numseal.domain.verification import Client, Code, Purpose, State, Verification
from numseal.usecases.check_code import CodeResult
from numseal.usecases.check_network_proof import NetworkResult
from numseal.usecases.continue_verification import Way
from numseal.usecases.start_verification import Wish

_STATES = {state: verification_pb2.VerificationState.Value(f"VERIFICATION_STATE_{state.name}") for state in State}
PURPOSES = {purpose: verification_pb2.Purpose.Value(f"PURPOSE_{purpose.name}") for purpose in Purpose}
_PURPOSE_OF: Mapping[int, Purpose] = {value: purpose for purpose, value in PURPOSES.items()}
_DELIVERY = {state: verification_pb2.DeliveryState.Value(f"DELIVERY_STATE_{state.name}") for state in DeliveryState}
CODE_RESULTS = {result: verification_pb2.CodeResult.Value(f"CODE_RESULT_{result.name}") for result in CodeResult}
_OUTCOME_OF: Mapping[int, Outcome] = {
    verification_pb2.Outcome.Value(f"OUTCOME_{outcome.name}"): outcome for outcome in Outcome
}
NETWORK_RESULTS = {
    result: verification_pb2.NetworkResult.Value(f"NETWORK_RESULT_{result.name}") for result in NetworkResult
}
_RESENDABLE = (Method.SMS, Method.VOICE, Method.OPERATOR_CODE)
_TAKES_CODES = frozenset({State.CODE_SENT, State.NETWORK_PENDING})


def wish_of(request: verification_pb2.StartVerificationRequest) -> Wish:
    """Read a request; raises Refusal for enumeration values that are unknown or missing."""
    purpose = _PURPOSE_OF.get(request.purpose)
    if purpose is None:
        raise invalid("purpose", "PURPOSE_UNKNOWN", f"purpose: one of {', '.join(Purpose)} is expected")
    client = request.client
    return Wish(
        account_id=request.account_id,
        phone_number=request.phone_number,
        region_code=request.region_code,
        purpose=purpose,
        replaces_binding=request.replaces_binding,
        required_level=_level(request.required_level),
        method=method_of(request.method) or Method.SMS,
        client=Client(client.ip_address, client.user_agent, client.device_public_key_jwk),
        locale=request.locale,
        app_id=request.app_id,
        consent_reference=request.consent_reference,
        request_id=request.request_id,
    )


def method_of(value: int) -> Method | None:
    """Return a method, None for unspecified; raises Refusal for an unknown one."""
    if value == assurance_pb2.METHOD_UNSPECIFIED:
        return None
    method = METHOD_OF.get(value)
    if method is None:
        raise invalid("method", "METHOD_UNKNOWN", f"method: one of {', '.join(Method)} is expected")
    return method


def outcome_of(value: int) -> Outcome:
    """Return an outcome; raises Refusal for an unknown one or none."""
    outcome = _OUTCOME_OF.get(value)
    if outcome is None:
        raise invalid("outcome", "OUTCOME_UNKNOWN", f"outcome: one of {', '.join(Outcome)} is expected")
    return outcome


def _level(value: int) -> Level:
    if value == assurance_pb2.ASSURANCE_LEVEL_UNSPECIFIED:
        return Level.LOW
    level = LEVEL_OF.get(value)
    if level is None or level is Level.NONE:
        raise invalid("required_level", "LEVEL_UNKNOWN", "required_level: one of LOW, SUBSTANTIAL, HIGH is expected")
    return level


def verification_message(
    verification: Verification, bundle: Bundle | None, operators: Mapping[str, OperatorInfo]
) -> verification_pb2.Verification:
    """Return a verification as a message; no code and no whole number is in it."""
    opening = verification.opening
    verdict = verification.verdict
    judged = verdict is not None and verification.state is not State.PENDING
    return verification_pb2.Verification(
        verification_id=verification.verification_id,
        state=_STATES[verification.state],
        account_id=opening.account_id,
        masked_phone_number=mask(opening.phone_number),
        region_code=opening.region_code,
        purpose=PURPOSES[opening.purpose],
        operator=operator_message(opening.operator_id, operators),
        code=_code(verification),
        network=_network(verification),
        methods=_methods(verification),
        create_time=timestamp(verification.create_time),
        update_time=timestamp(verification.update_time),
        expire_time=timestamp(verification.expire_time),
        attempts_remaining=verification.attempts_remaining,
        sends_remaining=MAX_SENDS - verification.codes_counted,
        next_check_time=timestamp(verification.next_check_time),
        step_up_options=_step_up_options(verification),
        contest=_contest(verification),
        findings=[finding_message(item, _lookups(verification)) for item in verdict.findings] if verdict else (),
        verdict=VERDICTS[verdict.decision] if verdict and judged else assurance_pb2.VERDICT_UNSPECIFIED,
        required_level=LEVELS[opening.required_level],
        assurance_level=LEVELS[verdict.level] if verdict and judged else assurance_pb2.ASSURANCE_LEVEL_UNSPECIFIED,
        failure_reason=verification.failure,
        binding_id=verification.binding_id,
        bundle=bundle_message(bundle) if bundle else None,
        supersedes=verification.supersedes,
        policy_hash=opening.policy_digest,
    )


def _lookups(verification: Verification) -> dict[str, Lookup]:
    """Return the lookups that findings rest on by their names in evidence paths, the newest of a name."""
    named = [("porting", verification.porting), ("before", verification.before), ("after", verification.after)]
    named += [("before_resend", lookup) for lookup in verification.before_resend]
    return {name: lookup for name, lookup in named if lookup is not None}


def _code(verification: Verification) -> verification_pb2.CodeChallenge | None:
    if verification.state is not State.CODE_SENT or not verification.codes:
        return None
    newest: Code = verification.codes[-1]
    return verification_pb2.CodeChallenge(
        length=newest.length,
        delivery_state=_DELIVERY[newest.delivery_state],
        method=METHODS[newest.method],
        send_time=timestamp(newest.send_time),
        expire_time=timestamp(newest.expire_time),
        send_count=verification.codes_counted,
    )


def _network(verification: Verification) -> verification_pb2.NetworkChallenge | None:
    page = verification.page
    if verification.state is not State.NETWORK_PENDING or page is None:
        return None
    return verification_pb2.NetworkChallenge(
        auth_url=page.auth_url, state=page.state, expire_time=timestamp(page.expire_time)
    )


def _methods(verification: Verification) -> list[verification_pb2.MethodOption]:
    if verification.state not in _TAKES_CODES or verification.codes_counted >= MAX_SENDS:
        return []
    available = timestamp(verification.next_send_time)
    return [
        verification_pb2.MethodOption(method=METHODS[method], available_time=available)
        for method in _RESENDABLE
        if method in verification.methods
    ]


def _step_up_options(verification: Verification) -> list[verification_pb2.StepUpOption]:
    if verification.state is not State.STEP_UP_REQUIRED:
        return []
    return [
        verification_pb2.StepUpOption(
            kind=verification_pb2.StepUpKind.Value(f"STEP_UP_KIND_{option.answer.name}"),
            method=METHODS[option.method] if option.method else assurance_pb2.METHOD_UNSPECIFIED,
            available_time=timestamp(option.available_time),
            assurance_level=LEVELS[option.level],
        )
        for option in verification.options
    ]


def _contest(verification: Verification) -> verification_pb2.Contest | None:
    if verification.state is not State.CONTESTED:
        return None
    return verification_pb2.Contest(
        binding_id=verification.contested_binding,
        ways=[
            verification_pb2.ContestWay(
                kind=verification_pb2.ContestWayKind.Value(f"CONTEST_WAY_KIND_{option.answer.name}"),
                available_time=timestamp(option.available_time),
            )
            for option in verification.options
        ],
        create_time=timestamp(verification.option_time),
    )


def way_of(request: verification_pb2.ContinueVerificationRequest) -> Way:
    """Read the way that is taken; raises Refusal where none is named."""
    match request.WhichOneof("way"):
        case "old_account_key":
            return Way(Answer.OLD_ACCOUNT_KEY, signature=request.old_account_key.signature)
        case "registration_lock":
            lock = request.registration_lock
            passed = lock.pass_time.seconds if lock.HasField("pass_time") else None
            return Way(Answer.REGISTRATION_LOCK, pass_time=passed, reference=lock.reference)
        case "new_subscriber":
            return Way(Answer.NEW_SUBSCRIBER)
        case "wait":
            return Way(Answer.WAIT)
        case "method":
            method = method_of(request.method.method)
            if method is None:
                raise invalid(
                    "method.method", "METHOD_REQUIRED", f"method.method: one of {', '.join(Method)} is expected"
                )
            return Way(Answer.NETWORK if method is Method.NETWORK else Answer.METHOD, method)
        case _:
            raise invalid(
                "way",
                "WAY_REQUIRED",
                "way: one of old_account_key, registration_lock, new_subscriber, wait, method is expected",
            )
