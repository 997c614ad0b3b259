"""Run the offline verification for somebody who asks the server: same steps, this server's own keys, its own clock."""

from dataclasses import dataclass, replace

from numseal.attestation.bundle import Bundle
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.errors import invalid
from numseal.ports.clock import Clock
from numseal.tlog import tlog_proof
from numseal.usecases.presentation_fields import check_presentation_fields, require_demand
from numseal.usecases.start_verification import MAX_ACCOUNT_ID
from numseal.verify import ExitCode, Outcome, Report, Step, verify_bundle, verify_presentation
from numseal.verify.report import printable, worst

MAX_RELYING_PARTY = 64


@dataclass(frozen=True, slots=True)
class Verified:
    """What the verification came to, and the index of the attestation's entry where a bundle proves it logged."""

    report: Report
    leaf_index: int | None


class VerifyAttestation:
    """Verifies bundles and presentations; asks neither the store nor an operator."""

    def __init__(self, *, keys: PublicKeys, clock: Clock) -> None:
        """Take what it needs by name."""
        self._keys = keys
        self._clock = clock

    def __call__(self, bundle: bytes, *, relying_party: str = "", account_id: str = "") -> Verified:
        """Verify a bundle's bytes; `relying_party` and `account_id`, where not empty, must be disclosed in it.

        A bad bundle is an answer. Raises Refusal for expectations that no attestation could meet.
        """
        _check_expectations(relying_party, account_id)
        report = verify_bundle(bundle, self._keys, self._clock.now())
        return Verified(_expecting(report, relying_party, account_id), _leaf_index(report, bundle))

    def presentation(
        self, text: str, *, nonce: str = "", audience: str = "", relying_party: str = "", account_id: str = ""
    ) -> Verified:
        """Verify an SD-JWT with or without a KB-JWT, which must carry `nonce` and `audience` where they are given.

        A bad presentation is an answer. Raises Refusal for fields that are missing or too long: nonce and audience are
        required together, and where a key-bound attestation comes with a KB-JWT.
        """
        _check_expectations(relying_party, account_id)
        check_presentation_fields(text, nonce, audience)
        if nonce or audience:
            require_demand(nonce, audience)
        report = verify_presentation(text.encode(), self._keys, self._clock.now(), nonce=nonce, audience=audience)
        if any(step.reason == "NONCE_REQUIRED" for step in report.steps):
            require_demand(nonce, audience)
        return Verified(_expecting(report, relying_party, account_id), None)


def _check_expectations(relying_party: str, account_id: str) -> None:
    _check_length("relying_party", len(relying_party), MAX_RELYING_PARTY, "characters")
    _check_length("account_id", len(account_id.encode()), MAX_ACCOUNT_ID, "bytes")


def _expecting(report: Report, relying_party: str, account_id: str) -> Report:
    """Add to a report what was disclosed against what the caller expects."""
    steps = (
        *report.steps,
        _compare(report, "relying party", "relying_party", relying_party),
        _compare(report, "account", "account_id", account_id),
    )
    return replace(report, steps=steps, exit_code=worst(step.exit_code for step in steps))


def _compare(report: Report, name: str, claim: str, expected: str) -> Step:
    """Hold a disclosed claim against what the caller expects."""
    if not expected:
        return Step(name, Outcome.NOT_CHECKED, f"no {claim} was given to compare with", "NOTHING_EXPECTED")
    if report.claims is None:
        sentence = f"not judged, because the attestation does not hold and its `{claim}` means nothing"
        return Step(name, Outcome.NOT_CHECKED, sentence, "BLOCKED")
    found = report.claims.get(claim)
    if found is None:
        sentence = f"`{claim}` is not disclosed, so it cannot be compared with {expected!r}"
        return Step(name, Outcome.FAILED, printable(sentence), f"{claim.upper()}_WITHHELD", ExitCode.INVALID)
    if found != expected:
        sentence = f"`{claim}` is {found!r}, and {expected!r} was expected"
        return Step(name, Outcome.FAILED, printable(sentence), f"{claim.upper()}_MISMATCH", ExitCode.INVALID)
    return Step(name, Outcome.OK, printable(f"`{claim}` is {found!r}, as expected"), "OK")


def _leaf_index(report: Report, bundle: bytes) -> int | None:
    """Read the index out of the proof, which is only as good as the step that checked it."""
    if any(step.name == "log inclusion" and step.outcome is Outcome.OK for step in report.steps):
        return tlog_proof.parse(Bundle.from_json(bundle).proof).index
    return None


def _check_length(field: str, length: int, most: int, unit: str) -> None:
    if length > most:
        reason = f"{field.upper()}_TOO_LONG"
        raise invalid(field, reason, f"{field}: {length} {unit}; at most {most} are expected")
