"""The claims of an attestation: the ones everybody sees, and the ones disclosed one by one.

Names, types and bounds live here, for writing and for reading. Signatures, digests and salts belong to
`sd_jwt`; whether a time is past or an issuer trusted belongs to `numseal.verify`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numseal.attestation import base64url, commitment, jwk
from numseal.attestation.errors import AttestationError

MAX_TEXT = 1024
MAX_TIME = 253_402_300_799  # 9999-12-31T23:59:59Z, the last time RFC 3339 can write
MAX_STATUS_INDEX = 2**32 - 1
ASSURANCE_LEVELS = ("NONE", "LOW", "SUBSTANTIAL", "HIGH")
PLAIN_NAMES = frozenset(
    ("iss", "vct", "jti", "iat", "nbf", "exp", "status", "log", "assurance_level", "evidence", "cnf")
)
_JTI = re.compile(r"[0-9a-f]{32}\Z")
_E164 = re.compile(r"\+[1-9][0-9]{1,14}\Z")


@dataclass(frozen=True, slots=True)
class StatusReference:
    """Where the status of an attestation is kept: an index in the list at a URI (Token Status List)."""

    idx: int
    uri: str


@dataclass(frozen=True, slots=True)
class Claims:
    """The plain claims.

    Times are Unix seconds, `jti` is 32 lowercase hex digits, `evidence_commitment` has 32 bytes, and
    `confirmation_jwk` is the account's P-256 key with its four public members, or None.
    """

    issuer: str
    vct: str
    jti: str
    issued_at: int
    not_before: int
    expires_at: int
    status: StatusReference | None
    log_origin: str
    assurance_level: str
    evidence_commitment: bytes
    confirmation_jwk: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class Disclosed:
    """The claims that are disclosed one by one.

    `phone_number` is E.164, `verified_at` Unix seconds, `policy` the policy's hash, `supersedes` the
    attestation or binding that this one replaces.
    """

    phone_number: str
    account_id: str
    relying_party: str
    verified_at: int
    method: str
    operator: str
    policy: str
    supersedes: str | None = None

    def to_dict(self) -> dict[str, str | int]:
        """Give claim names and values, without `supersedes` when nothing is superseded."""
        values: dict[str, str | int] = {
            "phone_number": self.phone_number,
            "account_id": self.account_id,
            "relying_party": self.relying_party,
            "verified_at": self.verified_at,
            "method": self.method,
            "operator": self.operator,
            "policy": self.policy,
        }
        if self.supersedes is not None:
            values["supersedes"] = self.supersedes
        return values


def to_payload(claims: Claims) -> dict[str, Any]:
    """Write the plain claims as JSON values, in a fixed order."""
    payload: dict[str, Any] = {
        "iss": claims.issuer,
        "vct": claims.vct,
        "jti": claims.jti,
        "iat": claims.issued_at,
        "nbf": claims.not_before,
        "exp": claims.expires_at,
    }
    if claims.status is not None:
        payload["status"] = {"status_list": {"idx": claims.status.idx, "uri": claims.status.uri}}
    payload["log"] = {"origin": claims.log_origin}
    payload["assurance_level"] = claims.assurance_level
    payload["evidence"] = {
        "alg": commitment.ALGORITHM,
        "commitment": base64url.encode(claims.evidence_commitment),
    }
    if claims.confirmation_jwk is not None:
        payload["cnf"] = {"jwk": claims.confirmation_jwk}
    return payload


def from_payload(payload: Mapping[str, Any]) -> Claims:
    """Read the plain claims strictly; the SD-JWT's own names must have been taken out.

    A name that this profile does not have is refused: it could narrow what the attestation says, and another
    meaning deserves another `vct`. Raises AttestationError (CLAIM_UNKNOWN, CLAIM_MISSING, CLAIM_INVALID).
    """
    unknown = payload.keys() - PLAIN_NAMES
    if unknown:
        raise AttestationError("CLAIM_UNKNOWN", f"the plain claim {min(unknown)!r} is not part of this profile")
    claims = Claims(
        issuer=_text(payload, "iss"),
        vct=_text(payload, "vct"),
        jti=_jti(payload),
        issued_at=_integer(payload, "iat", MAX_TIME),
        not_before=_integer(payload, "nbf", MAX_TIME),
        expires_at=_integer(payload, "exp", MAX_TIME),
        status=_status(payload),
        log_origin=_text(_members(payload, "log", ("origin",)), "origin"),
        assurance_level=_level(payload),
        evidence_commitment=_commitment(payload),
        confirmation_jwk=_confirmation(payload),
    )
    if claims.not_before >= claims.expires_at:
        raise AttestationError("CLAIM_INVALID", "`exp` is not later than `nbf`: the attestation is never valid")
    return claims


def check_disclosed(name: str, value: object) -> None:
    """Check one disclosed claim; raises AttestationError (DISCLOSURE_NAME, CLAIM_INVALID)."""
    check = _DISCLOSABLE.get(name)
    if check is None:
        raise AttestationError("DISCLOSURE_NAME", f"{name!r} is no claim that this profile lets be disclosed")
    check({name: value}, name)


def _value(payload: Mapping[str, Any], name: str) -> Any:
    try:
        return payload[name]
    except KeyError:
        raise AttestationError("CLAIM_MISSING", f"the claim `{name}` is missing") from None


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = _value(payload, name)
    if type(value) is not str or not 0 < len(value) <= MAX_TEXT:
        raise _invalid(name, f"a string of 1 to {MAX_TEXT} characters")
    return value


def _integer(payload: Mapping[str, Any], name: str, maximum: int = MAX_TIME) -> int:
    value = _value(payload, name)
    # `type`, not isinstance: true is no integer in JSON.
    if type(value) is not int or not 0 <= value <= maximum:
        raise _invalid(name, f"an integer from 0 to {maximum}")
    return value


def _members(payload: Mapping[str, Any], name: str, members: tuple[str, ...]) -> dict[str, Any]:
    value = _value(payload, name)
    if type(value) is not dict or set(value) != set(members):
        raise _invalid(name, "an object with exactly " + ", ".join(f"`{member}`" for member in members))
    return value


def _jti(payload: Mapping[str, Any]) -> str:
    value = _text(payload, "jti")
    if not _JTI.match(value):
        raise _invalid("jti", "32 lowercase hexadecimal digits")
    return value


def _level(payload: Mapping[str, Any]) -> str:
    value = _text(payload, "assurance_level")
    if value not in ASSURANCE_LEVELS:
        raise _invalid("assurance_level", "one of " + ", ".join(ASSURANCE_LEVELS))
    return value


def _phone_number(payload: Mapping[str, Any], name: str) -> None:
    if not _E164.match(_text(payload, name)):
        raise _invalid(name, "an E.164 number: + and 2 to 15 digits")


def _status(payload: Mapping[str, Any]) -> StatusReference | None:
    if "status" not in payload:
        return None
    reference = _members(_members(payload, "status", ("status_list",)), "status_list", ("idx", "uri"))
    return StatusReference(_integer(reference, "idx", MAX_STATUS_INDEX), _text(reference, "uri"))


def _commitment(payload: Mapping[str, Any]) -> bytes:
    evidence = _members(payload, "evidence", ("alg", "commitment"))
    if evidence["alg"] != commitment.ALGORITHM:
        raise _invalid("evidence", f"a commitment with alg {commitment.ALGORITHM}")
    value = base64url.decode(_text(evidence, "commitment"), "the evidence commitment")
    if len(value) != commitment.COMMITMENT_BYTES:
        raise _invalid("evidence", "a commitment of 32 bytes")
    return value


def _confirmation(payload: Mapping[str, Any]) -> dict[str, str] | None:
    """Read `cnf` (RFC 7800 section 3.2)."""
    if "cnf" not in payload:
        return None
    return jwk.public_jwk(jwk.load_p256(_members(payload, "cnf", ("jwk",))["jwk"], "the key in `cnf`"))


def _invalid(name: str, wanted: str) -> AttestationError:
    return AttestationError("CLAIM_INVALID", f"the claim `{name}` is not {wanted}")


_DISCLOSABLE: dict[str, Callable[[Mapping[str, Any], str], object]] = {
    "phone_number": _phone_number,
    "account_id": _text,
    "relying_party": _text,
    "verified_at": _integer,
    "method": _text,
    "operator": _text,
    "policy": _text,
    "supersedes": _text,
}
