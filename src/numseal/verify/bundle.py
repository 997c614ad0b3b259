"""The steps of verifying a bundle, as a table, and the two ways to run it.

Anything handed in ends in a report, never in an exception; what a step is, and the checks that a presentation
has too, stand in `steps`.
"""

from dataclasses import dataclass, field

from numseal.attestation import sd_jwt
from numseal.attestation.bundle import Bundle
from numseal.attestation.entry import attestation_entry
from numseal.attestation.public_keys import PublicKeys
from numseal.tlog import note, tlog_proof
from numseal.tlog.checkpoint import Checkpoint, open_checkpoint
from numseal.tlog.errors import TlogError
from numseal.tlog.hashing import leaf_hash
from numseal.tlog.proof import verify_inclusion
from numseal.verify.report import ExitCode, Report
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
class BundleCase(Case):
    """One bundle under verification; `trusted` is None when the keys are to come from the bundle itself."""

    trusted: PublicKeys | None
    bundle: Bundle = field(init=False)
    proof: tlog_proof.Proof = field(init=False)
    checkpoint: Checkpoint = field(init=False)


def verify_bundle(bundle_bytes: bytes, trusted: PublicKeys, at: int) -> Report:
    """Verify a bundle with pinned keys, for the time `at` in Unix seconds.

    The report's exit code is VALID when no step failed; steps that were not checked are named as such.
    Hostile bytes end in a report as well.
    """
    return run(RULES, BundleCase(bundle_bytes, at, trusted))


def verify_bundle_insecurely(bundle_bytes: bytes, at: int) -> Report:
    """Verify a bundle with the keys it carries itself, which proves nothing about who issued it.

    Fit to look into a bundle, unfit to decide anything: the step `keys` is reported as not checked.
    """
    return run(RULES, BundleCase(bundle_bytes, at, None))


def check_format(case: BundleCase) -> str:
    """Read the bundle, take the SD-JWT apart and read the log proof."""
    case.bundle = Bundle.from_json(case.data)
    case.parts = sd_jwt.split(case.bundle.sd_jwt)
    case.proof = tlog_proof.parse(case.bundle.proof)
    return "the bundle holds an SD-JWT and a log proof, both well formed"


def check_keys(case: BundleCase) -> str:
    """Decide which keys count: the pinned ones, never silently the bundle's own."""
    carried = case.bundle.keys.manifest if case.bundle.keys else None
    if case.trusted is None:
        if carried is None:
            raise RefusedError("KEYS_MISSING", "the bundle carries no keys, and none were given", ExitCode.USAGE)
        case.keys = PublicKeys.from_object(carried)
        _check_vkey(case.keys, ExitCode.INVALID)
        raise NotChecked(
            "KEYS_FROM_BUNDLE",
            "the keys were taken from the bundle itself: whoever made it chose them, "
            "so nothing below proves who issued it",
        )
    case.keys = case.trusted
    _check_vkey(case.keys, ExitCode.USAGE)
    if carried is None:
        compared = "the bundle carries none"
    elif carried == case.trusted.to_object():
        compared = "the bundle carries the same"
    else:
        compared = "the bundle carries others, which were not used"
    return f"the pinned keys of {case.keys.issuer} and of the log {case.keys.log_origin} are used; {compared}"


def check_whole_profile(case: BundleCase) -> str:
    """Read the claims of an attestation that nobody has presented: a bundle carries no KB-JWT."""
    sd_jwt.refuse_key_binding(case.parts)
    return check_profile(case)


def check_checkpoint(case: BundleCase) -> str:
    """Check the log's signature over its size and root, and the log's origin."""
    case.checkpoint = open_checkpoint(case.proof.checkpoint, case.keys.log_vkey, case.keys.log_origin)
    return f"the log {case.checkpoint.origin} signed a tree of {case.checkpoint.size} entries"


def check_inclusion(case: BundleCase) -> str:
    """Climb from the attestation's leaf to the signed root (RFC 6962 section 2.1.1)."""
    leaf = leaf_hash(attestation_entry(case.parts.jws.signing_input))
    # The size comes from the signed checkpoint: a root alone does not bind it.
    verify_inclusion(leaf, case.proof.index, case.checkpoint.size, case.proof.path, case.checkpoint.root)
    return f"the attestation is entry {case.proof.index} of that tree (counted from 0)"


def check_witnesses(_case: BundleCase) -> str:
    """Leave the witnesses' cosignatures open."""
    raise NotChecked(
        "WITNESSES_NOT_CHECKED",
        "no witness was asked: a log that shows others another history would go unnoticed",
    )


RULES: tuple[Rule[BundleCase], ...] = (
    Rule("bundle format", (), check_format),
    Rule("keys", ("bundle format",), check_keys),
    Rule("signature", ("keys",), check_signature),
    Rule("profile", ("signature",), check_whole_profile),
    Rule("disclosures", ("profile",), check_disclosures),
    Rule("checkpoint", ("keys",), check_checkpoint),
    Rule("log inclusion", ("checkpoint",), check_inclusion),
    Rule("validity", ("profile",), check_validity),
    Rule("status", (), check_status),
    Rule("witnesses", (), check_witnesses),
)


def _check_vkey(keys: PublicKeys, exit_code: ExitCode) -> None:
    try:
        algorithm = note.parse_vkey(keys.log_vkey).algorithm
    except TlogError as error:
        raise RefusedError("KEYS_UNUSABLE", f"the log's vkey cannot be used: {error}", exit_code) from None
    if algorithm != note.ED25519:
        raise RefusedError("KEYS_UNUSABLE", "the log's vkey is not for plain Ed25519 notes (type 0x01)", exit_code)
