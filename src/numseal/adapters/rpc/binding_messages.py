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
from numseal.adapters.rpc.verification_messages import PURPOSES
from numseal.api.verification.v1 import assurance_pb2, binding_pb2
from numseal.domain.binding import (
    LIVE,
    NEVER_HEARD,
    Binding,
    BindingState,
    Check,
    CheckResult,
    Monitoring,
    Stream,
)
from numseal.domain.binding_change import ChangeKind
from numseal.domain.errors import invalid
from numseal.domain.msisdn import mask
from numseal.domain.number_plan import OperatorInfo
from numseal.domain.verdict import Finding, Level
from numseal.domain.verification import Purpose
from numseal.usecases.check_number import Shown
from numseal.usecases.refresh_binding import Refresh
from numseal.usecases.watch_bindings import Step

MAX_STATES = 16

_STATES = {state: binding_pb2.BindingState.Value(f"BINDING_STATE_{state.name}") for state in BindingState}
_STATE_OF: Mapping[int, BindingState] = {value: state for state, value in _STATES.items()}
_RESULTS = {result: binding_pb2.NumberCheckResult.Value(f"NUMBER_CHECK_RESULT_{result.name}") for result in CheckResult}
_REASONS = {
    name.removeprefix("REVOCATION_REASON_"): value for name, value in binding_pb2.RevocationReason.items() if value
}
_REASON_OF: Mapping[int, str] = {value: name for name, value in _REASONS.items()}
_MONITORING = {
    monitoring: binding_pb2.MonitoringState.Value(f"MONITORING_STATE_{monitoring.name}") for monitoring in Monitoring
}
_KINDS = {kind: binding_pb2.BindingChangeKind.Value(f"BINDING_CHANGE_KIND_{kind.name}") for kind in ChangeKind}
_BY_RELYING_PARTY = ("ACCOUNT_DELETED", "NUMBER_RELEASED", "FRAUD")


def binding_message(
    binding: Binding,
    operators: Mapping[str, OperatorInfo],
    now: int,
    streams: Mapping[str, Stream] | None = None,
) -> binding_pb2.Binding:
    """Return a binding as a message; a live one past its time reads EXPIRED.

    With the operators' `streams` of events, a watched one reads INTERRUPTED while its operator's is silent.
    """
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
        observed_time=timestamp(_observed(binding, streams)),
        expire_time=timestamp(binding.expire_time),
        reverify_by=timestamp(binding.reverify_by) if binding.state in LIVE else None,
        monitoring_state=_monitoring(binding, now, streams),
        attestation_id=binding.jti,
        leaf_index=binding.leaf_index,
        account_key_thumbprint=binding.account_key,
        supersedes=binding.supersedes,
        superseded_by=binding.superseded_by,
        revocation_reason=_REASONS.get(binding.end_reason, binding_pb2.REVOCATION_REASON_UNSPECIFIED),
        findings=findings_messages(binding.findings),
        create_time=timestamp(binding.verified_time),
        update_time=timestamp(max(binding.verified_time, binding.update_time, binding.end_time or 0)),
        purpose=PURPOSES[Purpose(binding.purpose)],
    )


def findings_messages(findings: Sequence[Finding]) -> list[assurance_pb2.Finding]:
    """Return findings as messages, the gravest first."""
    return [finding_message(item) for item in sorted(findings, key=lambda item: -item.severity)]


def _observed(binding: Binding, streams: Mapping[str, Stream] | None) -> int:
    if not streams or binding.state not in LIVE or binding.monitoring is not Monitoring.WATCHED:
        return binding.observed_time
    return streams.get(binding.operator_id, NEVER_HEARD).observed(binding.observed_time)


def _monitoring(
    binding: Binding, now: int, streams: Mapping[str, Stream] | None
) -> "binding_pb2.MonitoringState.ValueType":
    if binding.state not in LIVE:
        return binding_pb2.MONITORING_STATE_UNMONITORED
    watched = binding.monitoring is Monitoring.WATCHED
    if watched and streams is not None and streams.get(binding.operator_id, NEVER_HEARD).silent(now):
        return binding_pb2.MONITORING_STATE_INTERRUPTED
    return _MONITORING[binding.monitoring]


def step_message(step: Step, operators: Mapping[str, OperatorInfo]) -> binding_pb2.WatchBindingsResponse:
    """Return a step of the stream as a message, a binding as it was when the change was committed."""
    change = step.change
    if change is None:
        heartbeat = binding_pb2.Heartbeat(send_time=timestamp(step.time))
        return binding_pb2.WatchBindingsResponse(cursor=step.cursor, heartbeat=heartbeat)
    return binding_pb2.WatchBindingsResponse(
        cursor=step.cursor,
        change=binding_pb2.BindingChange(
            kind=_KINDS[change.kind],
            binding=binding_message(change.binding, operators, change.commit_time),
            findings=findings_messages(change.findings),
            commit_time=timestamp(change.commit_time),
        ),
    )


def refresh_of(request: binding_pb2.RefreshBindingRequest) -> Refresh:
    """Read what is to be refreshed, and how."""
    return Refresh(
        binding_id=request.binding_id,
        max_age=request.max_age.seconds if request.HasField("max_age") else None,
        consent_reference=request.consent_reference,
        request_id=request.request_id,
    )


def shown_of(request: binding_pb2.CheckNumberRequest) -> Shown:
    """Read what is to be checked; raises Refusal for what is missing or unknown."""
    arm = request.WhichOneof("shown")
    if arm is None:
        message = "shown: the phone_number that the account shows, or a presentation, is expected"
        raise invalid("shown", "SHOWN_REQUIRED", message)
    if arm == "presentation" and not request.presentation:
        raise invalid("presentation", "PRESENTATION_REQUIRED", "presentation: empty; an SD-JWT is expected")
    level = Level.LOW
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
        presentation=request.presentation,
        nonce=request.nonce,
        audience=request.audience,
    )


def check_message(check: Check, now: int) -> binding_pb2.CheckNumberResponse:
    """Return an answer as a message; `now` is when it was given, Unix seconds."""
    binding = check.binding
    return binding_pb2.CheckNumberResponse(
        result=_RESULTS[check.result],
        findings=findings_messages(check.findings),
        assurance_level=LEVELS[check.level],
        binding_id=binding.binding_id if binding else "",
        checked_time=timestamp(now),
        observed_time=timestamp(check.observed_time),
    )


def states_of(values: Sequence[int]) -> frozenset[BindingState]:
    """Read at most 16 states to list; raises Refusal for an unknown one."""
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
