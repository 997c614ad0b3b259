"""The steps of verifying a presentation: an SD-JWT as its holder shows it, with a KB-JWT where it has `cnf`.

A presentation carries no log proof, and no status; the steps say so. Anything handed in ends in a report, never in
an exception; what a step is, and the checks that a bundle has too, stand in `steps`.
"""

from dataclasses import dataclass

from numseal.attestation import key_binding, presentation, sd_jwt
from numseal.attestation.errors import AttestationError
from numseal.attestation.public_keys import PublicKeys
from numseal.verify.report import ExitCode, Report, written_time
from numseal.verify.steps import (
    Case,
    NotChecked,
    RefusedError,
    Rule,
    check_disclosures,
    check_profile,
    check_signature,
    check_status,
    check_validity,
    run,
)


@dataclass(slots=True)
class PresentationCase(Case):
    """One presentation under verification; `demand` is None when no nonce and audience were given."""

    trusted: PublicKeys
    demand: key_binding.Demand | None


def verify_presentation(
    presentation_bytes: bytes,
    trusted: PublicKeys,
    at: int,
    *,
    nonce: str = "",
    audience: str = "",
    max_age: int = key_binding.MAX_AGE,
) -> Report:
    """Verify a presentation with pinned keys, for the time `at` in Unix seconds.

    `nonce` and `audience` are what the verifier demanded of the KB-JWT, which must be at most `max_age` seconds old;
    with both empty none is demanded, and an attestation that is bound to a key is not valid. The report's exit code
    is VALID when no step failed; steps that were not checked are named as such. Raises ValueError where only one of
    nonce and audience is given.
    """
    if bool(nonce) != bool(audience):
        raise ValueError("nonce and audience are demanded together or not at all")
    demand = key_binding.Demand(nonce, audience, at, max_age) if nonce else None
    return run(RULES, PresentationCase(presentation_bytes, at, trusted, demand))


def check_format(case: PresentationCase) -> str:
    """Take the presentation apart."""
    # A byte outside ASCII becomes one character outside ASCII, which `split` refuses.
    case.parts = sd_jwt.split(presentation.check_size(case.data.decode("ascii", "replace")))
    shown = "with" if case.parts.key_binding else "without"
    return f"an SD-JWT {shown} a KB-JWT, well formed"


def check_keys(case: PresentationCase) -> str:
    """Take the pinned keys; a presentation carries none."""
    case.keys = case.trusted
    return f"the pinned keys of {case.keys.issuer} are used"


def check_key_binding(case: PresentationCase) -> str:
    """Check that the attestation's own key presents it, where it names one (RFC 9901 section 7.3).

    Whether it must is decided by the attestation and by what was demanded, never by what came along.
    """
    key = case.profile.claims.confirmation_jwk
    if key is None:
        key_binding.refuse_without_key(case.parts)
        if case.demand is not None:
            sentence = "the attestation is bound to no key, so that nobody can answer the nonce that was demanded"
            raise AttestationError("KEY_BINDING_MISSING", sentence)
        raise NotChecked("NOT_KEY_BOUND", "the attestation is bound to no key: whoever has a copy can present it")
    if case.parts.key_binding is None:
        raise key_binding.missing()
    if case.demand is None:
        sentence = "the attestation is bound to a key: without the nonce and the audience demanded of its holder, "
        raise RefusedError("NONCE_REQUIRED", sentence + "a copy looks the same as the holder", ExitCode.USAGE)
    key_binding.check(case.parts, key, case.demand)
    window = f"at most {case.demand.max_age} s before {written_time(case.at)}"
    return f"presented to {case.demand.audience} by the holder of the attestation's key, for this nonce, {window}"


def check_inclusion(_case: PresentationCase) -> str:
    """Leave the log open."""
    raise NotChecked("LOG_NOT_CHECKED", "a presentation carries no log proof: whether it was logged was not checked")


RULES: tuple[Rule[PresentationCase], ...] = (
    Rule("presentation format", (), check_format),
    Rule("keys", (), check_keys),
    Rule("signature", ("presentation format",), check_signature),
    Rule("profile", ("signature",), check_profile),
    Rule("disclosures", ("profile",), check_disclosures),
    Rule("key binding", ("profile",), check_key_binding),
    Rule("validity", ("profile",), check_validity),
    Rule("log inclusion", (), check_inclusion),
    Rule("status", (), check_status),
)
