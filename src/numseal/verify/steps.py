"""What the tables of steps are made of, and the checks that a bundle and a presentation have in common.

A check returns the sentence of an ok step; it raises AttestationError or TlogError for a failed one,
`RefusedError` for a failed one with its own exit code, and `NotChecked` when it has no means to judge. Checks
that later ones rely on leave what they read in the `Case`. Nothing here reads a clock, a file or the network.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from numseal.attestation import disclosures, sd_jwt
from numseal.attestation.errors import AttestationError
from numseal.attestation.public_keys import PublicKeys
from numseal.tlog.errors import CheckpointError, ProofError, SignatureError, TlogError
from numseal.verify.report import ExitCode, Outcome, Report, Step, printable, worst, written_time

LEEWAY = 60  # seconds that the issuer's clock may be ahead of the reader's

# A genuine attestation may be revoked, expired, or short of status or witnesses: its claims remain.
_WITHOUT_CLAIMS = frozenset((ExitCode.INVALID, ExitCode.USAGE, ExitCode.EQUIVOCATION))


class RefusedError(AttestationError):
    """Fail a step with an exit code of its own."""

    def __init__(self, reason: str, sentence: str, exit_code: ExitCode) -> None:
        """Keep the exit code beside reason and sentence."""
        super().__init__(reason, sentence)
        self.exit_code = exit_code


class NotChecked(Exception):  # noqa: N818  it reports no error
    """Say why a step was not judged."""

    def __init__(self, reason: str, sentence: str) -> None:
        """Keep the stable reason beside the sentence."""
        super().__init__(sentence)
        self.reason = reason


@dataclass(slots=True)
class Case:
    """One attestation under verification. The steps own it, in the order of their table.

    A field without a value is set by the step that reads it, and read only by steps that need that step.
    """

    data: bytes
    at: int
    parts: sd_jwt.Parts = field(init=False)
    keys: PublicKeys = field(init=False)
    profile: sd_jwt.Profile = field(init=False)
    disclosed: dict[str, str | int] = field(init=False)


AnyCase = TypeVar("AnyCase", bound=Case)


@dataclass(frozen=True, slots=True)
class Rule(Generic[AnyCase]):
    """One row: a step's name, the steps without which it cannot be judged, its check."""

    name: str
    needs: tuple[str, ...]
    check: Callable[[AnyCase], str]


def check_signature(case: Case) -> str:
    """Check the header and the ES256 signature."""
    header = sd_jwt.check_signature(case.parts, case.keys.attestation_keys)
    return f"signed with ES256 by the key {header['kid']}"


def check_profile(case: Case) -> str:
    """Read every plain claim, and compare issuer, type and log with the pinned ones."""
    profile = sd_jwt.read_profile(case.parts)
    claims, keys = profile.claims, case.keys
    for reason, name, found, wanted in (
        ("ISSUER_MISMATCH", "iss", claims.issuer, keys.issuer),
        ("VCT_MISMATCH", "vct", claims.vct, keys.vct or claims.vct),
        ("LOG_ORIGIN_MISMATCH", "log.origin", claims.log_origin, keys.log_origin),
    ):
        if found != wanted:
            raise AttestationError(reason, f"the claim `{name}` is {found!r}, the keys are for {wanted!r}")
    case.profile = profile
    compared = "" if keys.vct else " (type not compared: the keys name none)"
    return f"attestation {claims.jti} of type {claims.vct}{compared}, assurance level {claims.assurance_level}"


def check_disclosures(case: Case) -> str:
    """Match every disclosure with a signed digest."""
    case.disclosed = disclosures.resolve(case.parts.disclosures, case.profile.digests, case.profile.plain)
    withheld = len(case.profile.digests) - len(case.disclosed)
    return f"disclosed: {', '.join(case.disclosed) or 'nothing'}; withheld: {withheld}"


def check_validity(case: Case) -> str:
    """Compare `nbf`, `iat` and `exp` with the time asked for (RFC 7519 section 4.1)."""
    claims = case.profile.claims
    at = written_time(case.at)
    if case.at >= claims.expires_at:
        sentence = f"expired at {written_time(claims.expires_at)}; judged for {at}"
        raise RefusedError("EXPIRED", sentence, ExitCode.OUTSIDE_VALIDITY)
    if claims.not_before > case.at + LEEWAY:
        sentence = f"valid only from {written_time(claims.not_before)}; judged for {at}"
        raise RefusedError("NOT_YET_VALID", sentence, ExitCode.OUTSIDE_VALIDITY)
    if claims.issued_at > case.at + LEEWAY:
        sentence = f"issued at {written_time(claims.issued_at)}, later than the time it is judged for, {at}"
        raise RefusedError("ISSUED_IN_FUTURE", sentence, ExitCode.OUTSIDE_VALIDITY)
    return f"valid from {written_time(claims.not_before)} until {written_time(claims.expires_at)}"


def check_status(_case: Case) -> str:
    """Leave revocation and suspension open."""
    raise NotChecked("STATUS_NOT_CHECKED", "whether it was revoked or suspended since was not checked")


def run(rules: Iterable[Rule[AnyCase]], case: AnyCase) -> Report:
    """Run a table over a case and add the outcomes up; whatever the case holds ends in a report."""
    steps: list[Step] = []
    blocked: set[str] = set()
    for rule in rules:
        missing = [name for name in rule.needs if name in blocked]
        if missing:
            sentence = f"not judged, because the step `{missing[0]}` gave nothing to rely on"
            step = Step(rule.name, Outcome.NOT_CHECKED, sentence, "BLOCKED")
        else:
            step = _judge(rule, case)
        if step.outcome is Outcome.FAILED or missing:
            blocked.add(rule.name)
        steps.append(step)
    exit_code = worst(step.exit_code for step in steps)
    claims = None if exit_code in _WITHOUT_CLAIMS else {**case.profile.plain, **case.disclosed}
    return Report(tuple(steps), exit_code, case.at, claims)


def _judge(rule: Rule[AnyCase], case: AnyCase) -> Step:
    try:
        return Step(rule.name, Outcome.OK, printable(rule.check(case)), "OK")
    except NotChecked as open_question:
        return Step(rule.name, Outcome.NOT_CHECKED, printable(str(open_question)), open_question.reason)
    except (AttestationError, TlogError) as error:
        exit_code = error.exit_code if isinstance(error, RefusedError) else ExitCode.INVALID
        return Step(rule.name, Outcome.FAILED, printable(str(error)), reason_of(error), exit_code)


def reason_of(error: AttestationError | TlogError) -> str:
    """Give the stable reason of a failed check."""
    if isinstance(error, AttestationError):
        return error.reason
    if isinstance(error, ProofError):
        return "LOG_PROOF_INVALID"
    if isinstance(error, SignatureError):
        return "CHECKPOINT_SIGNATURE_INVALID"
    return "CHECKPOINT_ORIGIN_OR_FORM" if isinstance(error, CheckpointError) else "CHECKPOINT_MALFORMED"
