"""The bundle: one JSON file with everything an auditor needs to check an attestation offline.

{"sd_jwt": str, "proof": tlog-proof,
 "status": null | {"token", "proof"}, "keys": null | {"manifest", "proof"}}
Only the form is read here; nothing in it is verified, and its keys are never trusted for being in it.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from numseal.attestation import strict_json
from numseal.attestation.errors import AttestationError

MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class BundleStatus:
    """A status list token (JWT) and the tlog-proof that it was logged."""

    token: str
    proof: str


@dataclass(frozen=True, slots=True)
class BundleKeys:
    """The issuer's key document as JSON values, and the tlog-proof that it was logged, if it was."""

    manifest: dict[str, Any]
    proof: str | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """An attestation with its log proof, and perhaps its status and its issuer's keys."""

    sd_jwt: str
    proof: str
    status: BundleStatus | None = None
    keys: BundleKeys | None = None

    @classmethod
    def from_json(cls, data: bytes) -> "Bundle":
        """Read a bundle of at most 256 KiB strictly; raises AttestationError (BUNDLE_MALFORMED, JSON_*)."""
        document = strict_json.loads_object(data, "the bundle", MAX_BYTES)
        _names(document, "the bundle", {"sd_jwt", "proof", "status", "keys"})
        return cls(
            sd_jwt=_text(document, "sd_jwt"),
            proof=_text(document, "proof"),
            status=_status(document["status"]),
            keys=_keys(document["keys"]),
        )

    def to_json(self) -> bytes:
        """Write the bundle as indented JSON in a fixed order, with a final newline."""
        document = {
            "sd_jwt": self.sd_jwt,
            "proof": self.proof,
            "status": self.status and {"token": self.status.token, "proof": self.status.proof},
            "keys": self.keys and {"manifest": self.keys.manifest, "proof": self.keys.proof},
        }
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _status(value: Any) -> BundleStatus | None:
    if value is None:
        return None
    _names(value, "`status`", {"token", "proof"})
    return BundleStatus(_text(value, "token"), _text(value, "proof"))


def _keys(value: Any) -> BundleKeys | None:
    if value is None:
        return None
    _names(value, "`keys`", {"manifest", "proof"})
    if type(value["manifest"]) is not dict:
        raise AttestationError("BUNDLE_MALFORMED", "`manifest` in the bundle is not a JSON object")
    return BundleKeys(value["manifest"], None if value["proof"] is None else _text(value, "proof"))


def _names(value: Any, what: str, names: set[str]) -> None:
    if type(value) is not dict or value.keys() != names:
        wanted = ", ".join(f"`{name}`" for name in sorted(names))
        raise AttestationError("BUNDLE_MALFORMED", f"{what} is not an object with exactly {wanted}")


def _text(document: dict[str, Any], name: str) -> str:
    if type(document[name]) is not str:
        raise AttestationError("BUNDLE_MALFORMED", f"`{name}` in the bundle is not a string")
    value: str = document[name]
    return value
