"""Runs the table of steps over one bundle and adds the outcomes up to a report.

Anything handed in ends in a report, never in an exception; the checks themselves stand in `steps`.
"""

from numseal.attestation.errors import AttestationError
from numseal.attestation.public_keys import PublicKeys
from numseal.tlog.errors import TlogError
from numseal.verify.report import ExitCode, Outcome, Report, Step, printable, worst
from numseal.verify.steps import RULES, Case, NotChecked, RefusedError, Rule, reason_of

# A genuine attestation may be revoked, expired, or short of status or witnesses: its claims remain.
_WITHOUT_CLAIMS = frozenset((ExitCode.INVALID, ExitCode.USAGE, ExitCode.EQUIVOCATION))


def verify_bundle(bundle_bytes: bytes, trusted: PublicKeys, at: int) -> Report:
    """Verify a bundle with pinned keys, for the time `at` in Unix seconds.

    The report's exit code is VALID when no step failed; steps that were not checked are named as such.
    Hostile bytes end in a report as well.
    """
    return _run(Case(bundle_bytes, trusted, at))


def verify_bundle_insecurely(bundle_bytes: bytes, at: int) -> Report:
    """Verify a bundle with the keys it carries itself, which proves nothing about who issued it.

    Fit to look into a bundle, unfit to decide anything: the step `keys` is reported as not checked.
    """
    return _run(Case(bundle_bytes, None, at))


def _run(case: Case) -> Report:
    steps: list[Step] = []
    blocked: set[str] = set()
    for rule in RULES:
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


def _judge(rule: Rule, case: Case) -> Step:
    try:
        return Step(rule.name, Outcome.OK, printable(rule.check(case)), "OK")
    except NotChecked as open_question:
        return Step(rule.name, Outcome.NOT_CHECKED, printable(str(open_question)), open_question.reason)
    except (AttestationError, TlogError) as error:
        exit_code = error.exit_code if isinstance(error, RefusedError) else ExitCode.INVALID
        return Step(rule.name, Outcome.FAILED, printable(str(error)), reason_of(error), exit_code)
