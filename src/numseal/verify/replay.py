"""Replaying a verdict: evidence and policy in, and whether the attestation says what they come to.

For an auditor who was given the evidence. Plain bytes in, a report out; reads no clock and no file. That the
attestation is in the log, valid and not revoked is `verify.bundle`'s to say, not asked here.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from numseal.attestation import disclosures, sd_jwt
from numseal.attestation.bundle import Bundle
from numseal.attestation.errors import AttestationError
from numseal.attestation.evidence_record import EvidenceRecord
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.policy import Policy, PolicyError, parse_policy, policy_of_document
from numseal.domain.rules import SHAPES
from numseal.domain.verdict import Decision, Verdict
from numseal.domain.verdicts import evaluate
from numseal.verify.report import ExitCode, Outcome, Step, printable, worst
from numseal.verify.steps import NotChecked, RefusedError

MAX_POLICY_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found: its steps, the exit code they add up to, and the verdict it came to.

    `exit_code` is VALID where nothing differs, INVALID where something does, USAGE where a file could not be read.
    `verdict` is None in that last case.
    """

    steps: tuple[Step, ...]
    exit_code: ExitCode
    verdict: Verdict | None

    def to_dict(self) -> dict[str, Any]:
        """Give the report as JSON values."""
        return {
            "same": self.exit_code is ExitCode.VALID,
            "exit_code": int(self.exit_code),
            "summary": self.summary(),
            "steps": [
                {"name": step.name, "outcome": step.outcome.value, "reason": step.reason, "sentence": step.sentence}
                for step in self.steps
            ],
            "verdict": None if self.verdict is None else verdict_values(self.verdict),
        }

    def summary(self) -> str:
        """Say in words what was found the same, what differs and what was not checked."""
        names = {outcome: ", ".join(step.name for step in self.steps if step.outcome is outcome) for outcome in Outcome}
        if self.verdict is None:
            return f"Nothing was compared: the {names[Outcome.FAILED]} cannot be used."
        same = self.exit_code is ExitCode.VALID
        parts = [
            "The same: the attestation says what this evidence comes to under this policy."
            if same
            else f"Not the same. Differs: {names[Outcome.FAILED]}."
        ]
        if names[Outcome.NOT_CHECKED]:
            parts.append(f"NOT checked: {names[Outcome.NOT_CHECKED]}.")
        if not same:
            comes_to = f"{self.verdict.decision} at {self.verdict.level.name}"
            parts.append(f"This evidence under this policy comes to {comes_to}.")
        return " ".join(parts)


def verdict_values(verdict: Verdict) -> dict[str, Any]:
    """Give a verdict as JSON values, levels and severities by their names."""
    return {
        "decision": verdict.decision.value,
        "level": verdict.level.name,
        "policy": verdict.policy_hash,
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity.name,
                "sentence": finding.sentence,
                "evidence": list(finding.evidence),
                "cap": None if finding.cap is None else finding.cap.name,
            }
            for finding in verdict.findings
        ],
    }


def read_policy(data: bytes) -> Policy:
    """Read a policy of at most 256 KiB: TOML as it is written, or the JSON that its hash is taken over.

    Raises PolicyError with the key and the reason.
    """
    if len(data) > MAX_POLICY_BYTES:
        raise PolicyError(f"the policy has more than {MAX_POLICY_BYTES} bytes")
    try:
        text = data.decode("utf-8")
        if text.lstrip().startswith("{"):
            return policy_of_document(text, SHAPES)
        document = tomllib.loads(text)
    except PolicyError:
        raise
    except RecursionError:
        raise PolicyError("the policy is nested too deeply") from None
    except ValueError as error:  # bad UTF-8, bad TOML, or a number too long to convert
        raise PolicyError(f"the policy is not TOML in UTF-8: {error}") from None
    return parse_policy(document, SHAPES)


def replay(evidence: bytes, policy: bytes, attestation: bytes, trusted: PublicKeys | None) -> Replay:
    """Recompute the verdict over an evidence file under a policy, and hold an attestation against it.

    `policy` is TOML or canonical JSON, `attestation` a bundle or an SD-JWT. The signature is judged with the pinned
    keys `trusted`, and reported as not checked without them. Hostile bytes end in a report as well.
    """
    case = _Case(evidence, policy, attestation, trusted)
    steps = [_judge(name, check, case) for name, check in _READING]
    if not any(step.outcome is Outcome.FAILED for step in steps):
        steps += [_judge(name, check, case) for name, check in _COMPARING]
    code = worst(step.exit_code for step in steps)
    return Replay(tuple(steps), code, None if code is ExitCode.USAGE else case.verdict)


@dataclass(slots=True)
class _Case:
    """One replay. The steps own it, in their order; a field without a value is set by the step that reads it."""

    evidence: bytes
    policy: bytes
    attestation: bytes
    trusted: PublicKeys | None
    record: EvidenceRecord = field(init=False)
    rules: Policy = field(init=False)
    parts: sd_jwt.Parts = field(init=False)
    profile: sd_jwt.Profile = field(init=False)
    disclosed: dict[str, str | int] = field(init=False)
    verdict: Verdict = field(init=False)


def _judge(name: str, check: Callable[[_Case], str], case: _Case) -> Step:
    try:
        return Step(name, Outcome.OK, printable(check(case)), "OK")
    except NotChecked as open_question:
        return Step(name, Outcome.NOT_CHECKED, printable(str(open_question)), open_question.reason)
    except AttestationError as error:
        code = error.exit_code if isinstance(error, RefusedError) else ExitCode.INVALID
        return Step(name, Outcome.FAILED, printable(str(error)), error.reason, code)


def _read_evidence(case: _Case) -> str:
    try:
        case.record = EvidenceRecord.from_json(case.evidence)
    except AttestationError as error:
        raise RefusedError(error.reason, str(error), ExitCode.USAGE) from None
    return f"well formed, for the attestation {case.record.attestation_id}"


def _read_policy(case: _Case) -> str:
    try:
        case.rules = read_policy(case.policy)
    except PolicyError as error:
        raise RefusedError("POLICY_MALFORMED", str(error), ExitCode.USAGE) from None
    return f"{case.rules.name!r}, hash {case.rules.digest}"


def _read_attestation(case: _Case) -> str:
    try:
        raw, what = case.attestation.strip(), "an SD-JWT"
        if raw.startswith(b"{"):
            text, what = Bundle.from_json(case.attestation).sd_jwt, "the SD-JWT of a bundle"
        else:
            # Whatever is not ASCII is refused as such by `split`.
            text = raw.decode("utf-8", "replace")
        # A KB-JWT behind it tells who presents it to whom, which is no question here (RFC 9901 section 4.3).
        case.parts = sd_jwt.split(text)
        case.profile = sd_jwt.read_profile(case.parts)
        case.disclosed = disclosures.resolve(case.parts.disclosures, case.profile.digests, case.profile.plain)
    except AttestationError as error:
        raise RefusedError(error.reason, str(error), ExitCode.USAGE) from None
    return f"{what}, attestation {case.profile.claims.jti} of level {case.profile.claims.assurance_level}"


def _check_signature(case: _Case) -> str:
    if case.trusted is None:
        raise NotChecked("KEYS_NOT_GIVEN", "no keys were given: that the issuer made this attestation is not shown")
    header = sd_jwt.check_signature(case.parts, case.trusted.attestation_keys)
    issuer = case.profile.claims.issuer
    if issuer != case.trusted.issuer:
        raise AttestationError("ISSUER_MISMATCH", f"issued by {issuer!r}, the keys are for {case.trusted.issuer!r}")
    return f"signed by {issuer} with the key {header['kid']}"


def _check_commitment(case: _Case) -> str:
    jti = case.profile.claims.jti
    if case.record.attestation_id != jti:
        sentence = f"the file is for the attestation {case.record.attestation_id}, this one is {jti}"
        raise AttestationError("OTHER_ATTESTATION", sentence)
    if case.record.commitment() != case.profile.claims.evidence_commitment:
        raise AttestationError(
            "COMMITMENT_DIFFERS",
            "the commitment does not hold: this is not the evidence (or not the salt) that the attestation names",
        )
    return "its salted hash is the one that the attestation names"


def _check_policy(case: _Case) -> str:
    named = case.disclosed.get("policy")
    if named is None:
        raise NotChecked("POLICY_NOT_DISCLOSED", "the attestation does not disclose under which policy it was made")
    if named != case.rules.digest:
        sentence = f"this is another policy: the attestation names {named}, the file has {case.rules.digest}"
        raise AttestationError("POLICY_DIFFERS", sentence)
    return "its hash is the one that the attestation names"


def _check_verdict(case: _Case) -> str:
    case.verdict = verdict = evaluate(case.record.evidence, case.rules)
    if verdict.decision is not Decision.ACCEPT:
        reasons = ", ".join(finding.code for finding in verdict.findings) or "no finding"
        sentence = f"the attestation was issued; this comes to {verdict.decision}, for {reasons}"
        raise AttestationError("DECISION_DIFFERS", sentence)
    return "this comes to ACCEPT, as the attestation says by being issued"


def _check_level(case: _Case) -> str:
    claimed, found = case.profile.claims.assurance_level, case.verdict.level.name
    if claimed != found:
        sentence = f"the attestation says {claimed}, this comes to {found}"
        raise AttestationError("LEVEL_DIFFERS", sentence)
    return f"this comes to {found}, as the attestation says"


def _check_disclosed(case: _Case) -> str:
    evidence, shown = case.record.evidence, case.record.evidence.possession
    known = {
        "phone_number": evidence.phone_number,
        "operator": evidence.routed_operator,
        "method": None if shown is None else shown.method.value,
        "verified_at": evidence.time,
    }
    compared = [name for name in known if name in case.disclosed]
    other = [name for name in compared if case.disclosed[name] != known[name]]
    if other:
        raise AttestationError("CLAIM_DIFFERS", f"the evidence and the attestation differ in {', '.join(other)}")
    if not compared:
        raise NotChecked("NOTHING_DISCLOSED", f"the attestation discloses none of {', '.join(known)}")
    return f"the same as in the evidence: {', '.join(compared)}"


_Steps = tuple[tuple[str, Callable[[_Case], str]], ...]
_READING: _Steps = (
    ("evidence file", _read_evidence),
    ("policy file", _read_policy),
    ("attestation", _read_attestation),
)
_COMPARING: _Steps = (
    ("signature", _check_signature),
    ("evidence", _check_commitment),
    ("policy", _check_policy),
    ("decision", _check_verdict),
    ("level", _check_level),
    ("claims", _check_disclosed),
)
