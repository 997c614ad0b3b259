"""Presentations: an attestation with the disclosures its holder chose, and perhaps a KB-JWT behind them.

Made by the holder, who need not have the issuer's keys; opened by whoever it is shown to. The KB-JWT itself
belongs to `key_binding`, what a presentation is worth today to `numseal.verify` and to the issuer's records.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from numseal.attestation import base64url, claims, disclosures, sd_jwt
from numseal.attestation.errors import AttestationError

MAX_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Held:
    """An attestation as its holder has it, not verified: its claims, and the disclosures by claim, in their order.

    `left_out` counts the claims whose disclosures are no longer with it: it was a presentation already, and nobody
    can tell their names.
    """

    compact: str
    claims: claims.Claims
    disclosures: dict[str, str]
    left_out: int


@dataclass(frozen=True, slots=True)
class Presented:
    """A presentation whose attestation is genuine; its KB-JWT is not checked yet."""

    parts: sd_jwt.Parts
    profile: sd_jwt.Profile
    disclosed: dict[str, str | int]


def read_held(text: str) -> Held:
    """Read what a holder was given; whoever it is presented to checks the signature.

    Raises AttestationError for a text that no verifier would accept, and for one that is a presentation with a
    KB-JWT already (RFC 9901 section 7.2).
    """
    parts = sd_jwt.split(text)
    sd_jwt.refuse_key_binding(parts)
    profile = sd_jwt.read_profile(parts)
    names = disclosures.resolve(parts.disclosures, profile.digests, profile.plain)
    by_name = dict(zip(names, parts.disclosures, strict=True))
    return Held(text.partition("~")[0], profile.claims, by_name, len(profile.digests) - len(by_name))


def presentation(sd_jwt_text: str, disclose: Collection[str]) -> str:
    """Leave only the chosen disclosures in an SD-JWT, in the order they have.

    Raises AttestationError: CLAIM_NOT_DISCLOSABLE for a name that it cannot disclose, PRESENTATION_TOO_LARGE, and
    those of `read_held`.
    """
    held = read_held(sd_jwt_text)
    for name in disclose:
        if name not in held.disclosures:
            known = ", ".join(held.disclosures) or "nothing"
            raise AttestationError(
                "CLAIM_NOT_DISCLOSABLE", f"{name!r} is not among what this attestation can disclose: {known}"
            )
    chosen = (text for name, text in held.disclosures.items() if name in disclose)
    return check_size("~".join((held.compact, *chosen, "")))


def bind(bare: str, signing_input: bytes, signature: bytes) -> str:
    """Put a signed KB-JWT behind a presentation; raises AttestationError (PRESENTATION_TOO_LARGE)."""
    return check_size(f"{bare}{signing_input.decode('ascii')}.{base64url.encode(signature)}")


def open_presentation(text: str, keys: Mapping[str, ec.EllipticCurvePublicKey]) -> Presented:
    """Verify the attestation in a presentation as strictly as `sd_jwt.open_sd_jwt`, and leave its KB-JWT open.

    Raises AttestationError with the reason of the first check that fails.
    """
    parts = sd_jwt.split(check_size(text))
    sd_jwt.check_signature(parts, keys)
    profile = sd_jwt.read_profile(parts)
    return Presented(parts, profile, disclosures.resolve(parts.disclosures, profile.digests, profile.plain))


def check_size(text: str) -> str:
    """Return the text; raises AttestationError (PRESENTATION_TOO_LARGE) beyond 16 KiB."""
    if len(text) > MAX_BYTES:
        raise AttestationError("PRESENTATION_TOO_LARGE", f"the presentation is longer than {MAX_BYTES} bytes")
    return text
