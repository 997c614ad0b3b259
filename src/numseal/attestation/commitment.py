"""The salted commitment to evidence, and the one text that evidence has for it.

The commitment hides the evidence (an unsalted hash over a phone number is guessed in minutes) and binds the
issuer to it. What evidence consists of is the domain's business.
"""

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from numseal.attestation.errors import AttestationError

SALT_BYTES = 32
if TYPE_CHECKING:
    from _typeshed import DataclassInstance

COMMITMENT_BYTES = 32
ALGORITHM = "sha-256"
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def commit(salt: bytes, evidence: bytes) -> bytes:
    """Compute SHA-256(salt || evidence), 32 bytes.

    The salt has exactly 32 bytes, so the border between the two is never in doubt.
    """
    if len(salt) != SALT_BYTES:
        raise AttestationError("SALT_INVALID", f"the evidence salt has {len(salt)} bytes, it must have {SALT_BYTES}")
    return hashlib.sha256(salt + evidence).digest()


def canonical_json(value: Any) -> bytes:
    """Write a value as JSON with sorted names, no white space, UTF-8.

    Takes objects with string names, arrays, strings, 64-bit integers, booleans and null. A float is refused:
    its shortest text differs between languages, and an auditor must get the same bytes.
    Raises AttestationError (NOT_CANONICAL).
    """
    _check_plain(value)
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError as error:
        raise AttestationError("NOT_CANONICAL", f"the value has no canonical JSON: {error}") from None


def canonical_record(value: "DataclassInstance") -> bytes:
    """Write a frozen dataclass as canonical JSON, as `canonical_json` writes the object of its fields.

    Its fields may hold what `canonical_json` takes, enumerations, tuples and further dataclasses; floats are the
    caller's to keep out, by the types of the fields.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _check_plain(value: Any) -> None:
    if isinstance(value, dict):
        for name, child in value.items():
            if type(name) is not str:
                raise AttestationError("NOT_CANONICAL", f"the name {name!r} is not a string")
            _check_plain(child)
    elif isinstance(value, list | tuple):
        for child in value:
            _check_plain(child)
    elif value is not None and type(value) not in {str, int, bool}:
        raise AttestationError("NOT_CANONICAL", f"a {type(value).__name__} has no canonical JSON")
