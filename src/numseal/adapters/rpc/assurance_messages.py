"""Translate levels, methods, findings, operators and bundles between domain and messages."""

from collections.abc import Mapping

from google.protobuf.timestamp_pb2 import Timestamp

from numseal.api.verification.v1 import assurance_pb2 as pb
from numseal.attestation.bundle import Bundle
from numseal.domain.evidence import Lookup, Method, Signal
from numseal.domain.number_plan import OperatorInfo
from numseal.domain.verdict import Decision, Finding, Level, Severity

LEVELS = {level: pb.AssuranceLevel.Value(f"ASSURANCE_LEVEL_{level.name}") for level in Level}
METHODS = {method: pb.Method.Value(f"METHOD_{method.name}") for method in Method}
VERDICTS = {decision: pb.Verdict.Value(f"VERDICT_{decision.name}") for decision in Decision}
LEVEL_OF: Mapping[int, Level] = {value: level for level, value in LEVELS.items()}
METHOD_OF: Mapping[int, Method] = {value: method for method, value in METHODS.items()}

_SEVERITIES = {severity: pb.Severity.Value(f"SEVERITY_{severity.name}") for severity in Severity}
_PHASES = {
    "before": pb.EVIDENCE_PHASE_BEFORE,
    "before_resend": pb.EVIDENCE_PHASE_BEFORE,
    "porting": pb.EVIDENCE_PHASE_BEFORE,
    "after": pb.EVIDENCE_PHASE_AFTER,
    "recheck": pb.EVIDENCE_PHASE_RECHECK,
    "event": pb.EVIDENCE_PHASE_EVENT,
    "possession": pb.EVIDENCE_PHASE_CHALLENGE,
    "earlier": pb.EVIDENCE_PHASE_CHALLENGE,
    "grants": pb.EVIDENCE_PHASE_CHALLENGE,
    "network_mismatches": pb.EVIDENCE_PHASE_CHALLENGE,
    "client": pb.EVIDENCE_PHASE_REQUEST,
    "presentation": pb.EVIDENCE_PHASE_REQUEST,
    "required_level": pb.EVIDENCE_PHASE_REQUEST,
    "phone_number": pb.EVIDENCE_PHASE_REQUEST,
}
"""The phase that a path's first part stands for; everything else is what Numseal knew already."""


_NO_LOOKUPS: Mapping[str, Lookup] = {}


def timestamp(seconds: int | None) -> Timestamp | None:
    """Return a message of Unix seconds; None and 0 stand for no time."""
    return Timestamp(seconds=seconds) if seconds else None


def finding_message(finding: Finding, lookups: Mapping[str, Lookup] = _NO_LOOKUPS) -> pb.Finding:
    """Return a finding as a message; a path like "after.sim_change" becomes phase and signal.

    `lookups` are those that paths begin with, by name: they say who told, from which source, and as of when.
    """
    evidence = []
    for path in finding.evidence:
        phase, _, signal = path.partition(".")
        reference = pb.EvidenceReference(phase=_PHASES.get(phase, pb.EVIDENCE_PHASE_RECORD), signal=signal or phase)
        lookup = lookups.get(phase)
        if lookup is not None:
            reference.operator_id = lookup.operator_id
            told: Signal[object] | None = getattr(lookup.subscriber, signal, None)
            if told is not None:
                reference.source = told.meta.source
                if told.meta.observe_time is not None:
                    reference.observe_time.seconds = told.meta.observe_time
        evidence.append(reference)
    return pb.Finding(
        code=finding.code,
        severity=_SEVERITIES[finding.severity],
        sentence=finding.sentence,
        evidence=evidence,
        level_cap=LEVELS[finding.cap] if finding.cap is not None else pb.ASSURANCE_LEVEL_UNSPECIFIED,
    )


def operator_message(operator_id: str, operators: Mapping[str, OperatorInfo]) -> pb.OperatorIdentity:
    """Return an operator by its id, with name and first PLMN where it is known."""
    info = operators.get(operator_id)
    if info is None:
        return pb.OperatorIdentity(operator_id=operator_id)
    return pb.OperatorIdentity(
        operator_id=operator_id, display_name=info.name, plmn=str(info.plmns[0]) if info.plmns else ""
    )


def bundle_message(bundle: Bundle) -> pb.Bundle:
    """Return a bundle as a message, with the JSON file ready to be saved."""
    return pb.Bundle(sd_jwt=bundle.sd_jwt, proof=bundle.proof, bundle_json=bundle.to_json())
