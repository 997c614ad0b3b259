"""Translate bindings and checks of numbers between domain and messages."""

from collections.abc import Mapping, Sequence

from numseal.adapters.rpc.assurance_messages import (
    LEVEL_OF,
    LEVELS,
    METHODS,
    finding_message,
    operator_message,
    timestamp,
)
from numseal.adapters.rpc.unserved import refusal
from numseal.adapters.rpc.verification_messages import PURPOSES
from numseal.api.verification.v1 import assurance_pb2, binding_pb2
from numseal.domain.binding import LIVE, Binding, BindingState, Check, CheckResult
from numseal.domain.errors import invalid
from numseal.domain.msisdn import mask
from numseal.domain.number_plan import OperatorInfo
from numseal.domain.verdict import Level
from numseal.domain.verification import Purpose
from numseal.usecases.check_number import Shown

MAX_STATES = 16

_STATES = {state: binding_pb2.BindingState.Value(f"BINDING_STATE_{state.name}") for state in BindingState}
_STATE_OF: Mapping[int, BindingState] = {value: state for state, value in _STATES.items()}
_RESULTS = {result: binding_pb2.NumberCheckResult.Value(f"NUMBER_CHECK_RESULT_{result.name}") for result in CheckResult}
_REASONS = {
    name.removeprefix("REVOCATION_REASON_"): value for name, value in binding_pb2.RevocationReason.items() if value
}
_REASON_OF: Mapping[int, str] = {value: name for name, value in _REASONS.items()}
_BY_RELYING_PARTY = ("ACCOUNT_DELETED", "NUMBER_RELEASED", "FRAUD")


def binding_message(binding: Binding, operators: Mapping[str, OperatorInfo], now: int) -> binding_pb2.Binding:
    """Return a binding as a message; a live one past its time reads EXPIRED."""
    expired = binding.state in LIVE and now >= binding.expire_time
    return binding_pb2.Binding(
        binding_id=binding.binding_id,
        account_id=binding.account_id,
        masked_phone_number=mask(binding.phone_number),
        region_code=binding.region_code,
        state=binding_pb2.BINDING_STATE_EXPIRED if expired else _STATES[binding.state],
        assurance_level=LEVELS[binding.level],
        contested=binding.contested_time is not None,
        operator=operator_message(binding.operator_id, operators),
        method=METHODS[binding.method],
        verification_id=binding.verification_id,
        verified_time=timestamp(binding.verified_time),
        observed_time=timestamp(binding.observed_time),
        expire_time=timestamp(binding.expire_time),
        monitoring_state=binding_pb2.MONITORING_STATE_UNMONITORED,
        attestation_id=binding.jti,
        leaf_index=binding.leaf_index,
        account_key_thumbprint=binding.account_key,
        supersedes=binding.supersedes,
        superseded_by=binding.superseded_by,
        revocation_reason=_REASONS.get(binding.end_reason, binding_pb2.REVOCATION_REASON_UNSPECIFIED),
        create_time=timestamp(binding.verified_time),
        update_time=timestamp(max(binding.verified_time, binding.end_time or 0, binding.contested_time or 0)),
        purpose=PURPOSES[Purpose(binding.purpose)],
    )


def shown_of(request: binding_pb2.CheckNumberRequest) -> Shown:
    """Read what is to be checked; raises Refusal for what is missing, unknown or not served."""
    arm = request.WhichOneof("shown")
    if arm is None:
        raise invalid("shown", "SHOWN_REQUIRED", "shown: the phone_number that the account shows is expected")
    if arm == "presentation":
        raise refusal("BindingService.CheckNumber(presentation)")
    level = Level.NONE
    if request.min_level != assurance_pb2.ASSURANCE_LEVEL_UNSPECIFIED:
        known = LEVEL_OF.get(request.min_level)
        if known is None:
            raise invalid("min_level", "LEVEL_UNKNOWN", f"min_level: one of {', '.join(Level.__members__)} is expected")
        level = known
    return Shown(
        account_id=request.account_id,
        phone_number=request.phone_number,
        region_code=request.region_code,
        min_level=level,
        max_age=request.max_age.seconds if request.HasField("max_age") else None,
    )


def check_message(check: Check, now: int) -> binding_pb2.CheckNumberResponse:
    """Return an answer as a message; `now` is when it was given, Unix seconds."""
    binding = check.binding
    return binding_pb2.CheckNumberResponse(
        result=_RESULTS[check.result],
        findings=[finding_message(item) for item in check.findings],
        assurance_level=LEVELS[check.level],
        binding_id=binding.binding_id if binding else "",
        checked_time=timestamp(now),
        observed_time=timestamp(binding.observed_time) if binding else None,
    )


def states_of(values: Sequence[int]) -> frozenset[BindingState]:
    """Read at most 16 states to list; raises Refusal for an unknown one. EXPIRED is not kept but computed."""
    if len(values) > MAX_STATES:
        raise invalid("states", "STATES_COUNT", f"states: {len(values)}; at most {MAX_STATES} are expected")
    states = set()
    for value in values:
        state = _STATE_OF.get(value)
        if state is None:
            raise invalid("states", "STATE_UNKNOWN", f"states: some of {', '.join(BindingState)} are expected")
        states.add(state)
    return frozenset(states)


def revocation_reason_of(value: int) -> str:
    """Read why a relying party revokes; raises Refusal for a reason that is not its own to give."""
    reason = _REASON_OF.get(value, "")
    if reason not in _BY_RELYING_PARTY:
        raise invalid(
            "reason", "REVOCATION_REASON_UNKNOWN", f"reason: one of {', '.join(_BY_RELYING_PARTY)} is expected"
        )
    return reason
