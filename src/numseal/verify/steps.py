"""The steps of verifying a bundle, as a table: name, what it needs, what it does.

A check returns the sentence of an ok step; it raises AttestationError or TlogError for a failed one,
`RefusedError` for a failed one with its own exit code, and `NotChecked` when it has no means to judge. Checks
that later ones rely on leave what they read in the `Case`. Nothing here reads a clock, a file or the network.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from numseal.attestation import disclosures, sd_jwt
from numseal.attestation.bundle import Bundle
from numseal.attestation.entry import attestation_entry
from numseal.attestation.errors import AttestationError
from numseal.attestation.public_keys import PublicKeys
from numseal.tlog import note, tlog_proof
from numseal.tlog.checkpoint import Checkpoint, open_checkpoint
from numseal.tlog.errors import CheckpointError, ProofError, SignatureError, TlogError
from numseal.tlog.hashing import leaf_hash
from numseal.tlog.proof import verify_inclusion
from numseal.verify.report import ExitCode, written_time

LEEWAY = 60  # seconds that the issuer's clock may be ahead of the reader's


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
    """One bundle under verification. The steps own it, in the order of the table.

    `trusted` is None when the keys are to come from the bundle itself. A field without a value is set by the
    step that reads it, and read only by steps that need that step.
    """

    data: bytes
    trusted: PublicKeys | None
    at: int
    bundle: Bundle = field(init=False)
    parts: sd_jwt.Parts = field(init=False)
    proof: tlog_proof.Proof = field(init=False)
    keys: PublicKeys = field(init=False)
    profile: sd_jwt.Profile = field(init=False)
    disclosed: dict[str, str | int] = field(init=False)
    checkpoint: Checkpoint = field(init=False)


def check_format(case: Case) -> str:
    """Read the bundle, take the SD-JWT apart and read the log proof."""
    case.bundle = Bundle.from_json(case.data)
    case.parts = sd_jwt.split(case.bundle.sd_jwt)
    case.proof = tlog_proof.parse(case.bundle.proof)
    return "the bundle holds an SD-JWT and a log proof, both well formed"


def check_keys(case: Case) -> str:
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


def check_checkpoint(case: Case) -> str:
    """Check the log's signature over its size and root, and the log's origin."""
    case.checkpoint = open_checkpoint(case.proof.checkpoint, case.keys.log_vkey, case.keys.log_origin)
    return f"the log {case.checkpoint.origin} signed a tree of {case.checkpoint.size} entries"


def check_inclusion(case: Case) -> str:
    """Climb from the attestation's leaf to the signed root (RFC 6962 section 2.1.1)."""
    leaf = leaf_hash(attestation_entry(case.parts.jws.signing_input))
    # The size comes from the signed checkpoint: a root alone does not bind it.
    verify_inclusion(leaf, case.proof.index, case.checkpoint.size, case.proof.path, case.checkpoint.root)
    return f"the attestation is entry {case.proof.index} of that tree (counted from 0)"


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


def check_witnesses(_case: Case) -> str:
    """Leave the witnesses' cosignatures open."""
    raise NotChecked(
        "WITNESSES_NOT_CHECKED",
        "no witness was asked: a log that shows others another history would go unnoticed",
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: a step's name, the steps without which it cannot be judged, its check."""

    name: str
    needs: tuple[str, ...]
    check: Callable[[Case], str]


RULES = (
    Rule("bundle format", (), check_format),
    Rule("keys", ("bundle format",), check_keys),
    Rule("signature", ("keys",), check_signature),
    Rule("profile", ("signature",), check_profile),
    Rule("disclosures", ("profile",), check_disclosures),
    Rule("checkpoint", ("keys",), check_checkpoint),
    Rule("log inclusion", ("checkpoint",), check_inclusion),
    Rule("validity", ("profile",), check_validity),
    Rule("status", (), check_status),
    Rule("witnesses", (), check_witnesses),
)


def reason_of(error: AttestationError | TlogError) -> str:
    """Give the stable reason of a failed check."""
    if isinstance(error, AttestationError):
        return error.reason
    if isinstance(error, ProofError):
        return "LOG_PROOF_INVALID"
    if isinstance(error, SignatureError):
        return "CHECKPOINT_SIGNATURE_INVALID"
    return "CHECKPOINT_ORIGIN_OR_FORM" if isinstance(error, CheckpointError) else "CHECKPOINT_MALFORMED"


def _check_vkey(keys: PublicKeys, exit_code: ExitCode) -> None:
    try:
        algorithm = note.parse_vkey(keys.log_vkey).algorithm
    except TlogError as error:
        raise RefusedError("KEYS_UNUSABLE", f"the log's vkey cannot be used: {error}", exit_code) from None
    if algorithm != note.ED25519:
        raise RefusedError("KEYS_UNUSABLE", "the log's vkey is not for plain Ed25519 notes (type 0x01)", exit_code)
