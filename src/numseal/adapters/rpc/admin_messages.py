"""Translate agreements and the audit trail between domain and messages."""

from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from numseal.adapters.rpc.assurance_messages import timestamp
from numseal.api.admin.v1 import resource_pb2 as pb
from numseal.api.operator.v1 import operator_pb2, subscriber_pb2
from numseal.domain.agreement import (
    Acceptance,
    Agreement,
    AgreementRecord,
    AgreementState,
    Offer,
    Quota,
    Side,
    Suspension,
)
from numseal.domain.audit_trail import AuditEvent
from numseal.domain.errors import invalid
from numseal.domain.evidence import SIGNAL_NAMES, Method

N = TypeVar("N")
METHODS = {method: operator_pb2.Method.Value(f"METHOD_{method.name}") for method in Method}
SIGNALS = {name: subscriber_pb2.SignalKind.Value(f"SIGNAL_KIND_{name.upper()}") for name in SIGNAL_NAMES}
_STATES = {state: pb.AgreementState.Value(f"AGREEMENT_STATE_{state.name}") for state in AgreementState}
_SIDES = {side: pb.AgreementSide.Value(f"AGREEMENT_SIDE_{side.name}") for side in Side}
_METHOD_OF: Mapping[int, Method] = {value: method for method, value in METHODS.items()}
_SIGNAL_OF: Mapping[int, str] = {value: name for name, value in SIGNALS.items()}
_STATE_OF: Mapping[int, AgreementState] = {value: state for state, value in _STATES.items()}
_SIDE_OF: Mapping[int, Side] = {value: side for side, value in _SIDES.items()}


def agreement_message(record: AgreementRecord, now: int) -> pb.Agreement:
    """Return an agreement as it stands at a time."""
    terms, quota, offer = record.terms, record.terms.quota, record.terms.offer
    return pb.Agreement(
        agreement_id=terms.agreement_id,
        relying_party_id=terms.relying_party,
        operator_id=terms.operator_id,
        state=_STATES[record.state_at(now)],
        methods=[METHODS[method] for method in terms.methods],
        signals=[SIGNALS[name] for name in terms.signals],
        # 1970 is a time too, and is not left out.
        start_time=Timestamp(seconds=terms.valid_from),
        end_time=timestamp(terms.valid_until),
        quota=pb.Quota(
            daily_verifications=quota.daily_verifications,
            calls_per_second=quota.calls_per_second,
            daily_cost_cap_micros=quota.daily_cost_cap_micros,
            currency_code=quota.currency,
        ),
        offer=None
        if offer is None
        else pb.Offer(uri=offer.uri, sha256=offer.sha256, approval_reference=offer.approval_reference),
        consent_purpose=terms.consent_purpose,
        notification_reference=terms.notification_reference,
        acceptances=[_acceptance_message(item) for item in record.acceptances],
        suspensions=[suspension_message(item) for item in record.suspensions],
        create_time=timestamp(record.create_time),
        update_time=timestamp(record.update_time),
        etag=record.etag,
    )


def _acceptance_message(acceptance: Acceptance) -> pb.Acceptance:
    return pb.Acceptance(
        side=_SIDES[acceptance.side],
        administrator_id=acceptance.administrator_id,
        reference=acceptance.reference,
        accept_time=timestamp(acceptance.time),
    )


def suspension_message(suspension: Suspension) -> pb.Suspension:
    """Return a suspension."""
    return pb.Suspension(
        suspension_id=suspension.suspension_id,
        reason=suspension.reason,
        reference=suspension.reference,
        proposed_by=suspension.proposed_by,
        propose_time=timestamp(suspension.propose_time),
        confirmed_by=suspension.confirmed_by,
        effect_time=timestamp(suspension.effect_time),
        resume_time=timestamp(suspension.resume_time),
        resumed_by=suspension.resumed_by,
        leaf_index=suspension.leaf_index,
    )


def audit_message(event: AuditEvent) -> pb.AuditEvent:
    """Return an event of the audit trail."""
    return pb.AuditEvent(
        sequence=event.sequence,
        event_time=timestamp(event.time),
        administrator_id=event.administrator_id,
        action=event.action,
        resource=event.resource,
        detail_json=event.detail,
        chain_hash=event.chain_hash,
    )


def terms_of(message: pb.Agreement) -> Agreement:
    """Return the terms in a message; what it says beyond them is output, and ignored. Raises Refusal."""
    quota = message.quota
    return Agreement(
        agreement_id=message.agreement_id,
        relying_party=message.relying_party_id,
        operator_id=message.operator_id,
        valid_from=_required_time(message, "start_time"),
        valid_until=time_of(message, "end_time", "agreement."),
        methods=tuple(_known("agreement.methods", "METHOD", _METHOD_OF, value) for value in message.methods),
        signals=tuple(_known("agreement.signals", "SIGNAL", _SIGNAL_OF, value) for value in message.signals),
        quota=Quota(
            quota.daily_verifications, quota.calls_per_second, quota.daily_cost_cap_micros, quota.currency_code
        ),
        offer=Offer(message.offer.uri, message.offer.sha256, message.offer.approval_reference)
        if message.HasField("offer")
        else None,
        consent_purpose=message.consent_purpose,
        notification_reference=message.notification_reference,
    )


def state_of(value: int) -> AgreementState | None:
    """Return a state to filter by, None for every one; raises Refusal."""
    return None if value == 0 else _known("state", "STATE", _STATE_OF, value)


def side_of(value: int) -> Side:
    """Return a side; raises Refusal."""
    return _known("side", "SIDE", _SIDE_OF, value)


def time_of(message: Any, field: str, path: str = "") -> int | None:
    """Return a time in whole Unix seconds, None where there is none; raises Refusal for one before 1970."""
    if not message.HasField(field):
        return None
    seconds: int = getattr(message, field).seconds
    if seconds < 0:
        raise invalid(f"{path}{field}", f"{field.upper()}_MALFORMED", f"{path}{field}: a time since 1970 is expected")
    return seconds


def _required_time(message: pb.Agreement, field: str) -> int:
    found = time_of(message, field, "agreement.")
    if found is None:
        raise invalid(f"agreement.{field}", f"{field.upper()}_REQUIRED", f"agreement.{field}: a time is expected")
    return found


def _known(field: str, what: str, names: Mapping[int, N], value: int) -> N:
    found = names.get(value)
    if found is None:
        expected = ", ".join(str(name) for name in names.values())
        raise invalid(field, f"{what}_UNKNOWN", f"{field}: one of {expected} is expected, not the number {value}")
    return found
