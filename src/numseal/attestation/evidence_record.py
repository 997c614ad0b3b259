"""The evidence file: what a verdict rested on, with the salt that opens the attestation's commitment to it.

{"attestation_id": jti, "evidence": {...}, "salt": base64url of 32 bytes}
Only form and types are read here, strictly: whether the file belongs to an attestation, and what it comes to, is
`numseal.verify.replay`'s. The readers are built once, at import, from the annotations of the evidence itself, so that
no field escapes them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

from numseal.attestation import base64url, commitment, strict_json
from numseal.attestation.errors import AttestationError
from numseal.domain.evidence import MAX_STATEMENT, Evidence, Statement

MAX_BYTES = 1024 * 1024
MAX_TEXT = 1024
MAX_ITEMS = 64
MAX_NUMBER = 2**63 - 1
_NAMES = ("attestation_id", "evidence", "salt")
_JTI = re.compile(r"[0-9a-f]{32}\Z")

Read = Callable[[Any, str], Any]
"""Turns a JSON value into the domain's; takes where it stands, for the error's sentence."""


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """Evidence, its 32-byte salt, and the id (`jti`) of the attestation that is committed to it."""

    attestation_id: str
    evidence: Evidence
    salt: bytes

    @classmethod
    def from_json(cls, data: bytes) -> "EvidenceRecord":
        """Read a file of at most 1 MiB strictly; raises AttestationError (EVIDENCE_MALFORMED, JSON_*, BASE64URL_*)."""
        document = strict_json.loads_object(data, "the evidence file", MAX_BYTES)
        _check_names(document, _NAMES, "the evidence file")
        jti = document["attestation_id"]
        if type(jti) is not str or not _JTI.match(jti):
            raise _malformed("`attestation_id`", "32 lowercase hexadecimal digits")
        text = document["salt"]
        if type(text) is not str:
            raise _malformed("`salt`", "a string")
        salt = base64url.decode(text, "the salt of the evidence file")
        if len(salt) != commitment.SALT_BYTES:
            raise _malformed("`salt`", f"{commitment.SALT_BYTES} bytes in base64url")
        return cls(jti, read_evidence(document["evidence"]), salt)

    def commitment(self) -> bytes:
        """Compute what the attestation must say: 32 bytes, over the canonical text, however the file is laid out."""
        return commitment.commit(self.salt, commitment.canonical_record(self.evidence))


def write_evidence_file(attestation_id: str, evidence: bytes, salt: bytes) -> bytes:
    """Write an evidence file; `evidence` is the canonical record as it was committed to, and enters unchanged."""
    document = {
        "attestation_id": attestation_id,
        "evidence": orjson.Fragment(evidence),
        "salt": base64url.encode(salt),
    }
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def read_evidence(value: Any) -> Evidence:
    """Read a parsed evidence object; raises AttestationError (EVIDENCE_MALFORMED) naming what and where.

    Exactly the names of the record are taken, none may be missing: a record has one text.
    """
    evidence: Evidence = _EVIDENCE(value, "evidence")
    return evidence


def _reader(hint: Any, bound: Mapping[Any, Any]) -> Read:
    """Build the reader of a type; a type that has none fails at import."""
    hint = bound.get(hint, hint) if isinstance(hint, TypeVar) else hint
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (UnionType, Union) and arguments[1:] == (NoneType,):
        return _optional(_reader(arguments[0], bound))
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return _many(_reader(arguments[0], bound))
    if is_dataclass(origin):
        parameters: tuple[Any, ...] = getattr(origin, "__parameters__", ())
        return _record(origin, dict(zip(parameters, arguments, strict=True)))
    if is_dataclass(hint):
        return _record(hint, {})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _member(hint)
    return _PLAIN[hint]


def _record(kind: Any, bound: Mapping[Any, Any]) -> Read:
    hints = get_type_hints(kind)
    readers = {item.name: _reader(hints[item.name], bound) for item in fields(kind)}

    def read(value: Any, where: str) -> Any:
        _check_names(value, tuple(readers), f"`{where}`")
        return kind(**{name: one(value[name], f"{where}.{name}") for name, one in readers.items()})

    return read


def _optional(one: Read) -> Read:
    return lambda value, where: None if value is None else one(value, where)


def _many(one: Read) -> Read:
    def read(value: Any, where: str) -> Any:
        if type(value) is not list or len(value) > MAX_ITEMS:
            raise _malformed(f"`{where}`", f"an array of at most {MAX_ITEMS}")
        return tuple(one(item, f"{where}.{number}") for number, item in enumerate(value))

    return read


def _member(kind: type[Enum]) -> Read:
    members = {(type(member.value), member.value): member for member in kind}
    allowed = ", ".join(str(member.value) for member in kind)

    def read(value: Any, where: str) -> Any:
        # By type as well: true equals 1 in Python, and is no number in JSON. An array cannot be looked up.
        member = members.get((type(value), value)) if type(value) in {str, int} else None
        if member is None:
            raise _malformed(f"`{where}`", f"one of {allowed}")
        return member

    return read


def _text(value: Any, where: str) -> str:
    if type(value) is not str or len(value) > MAX_TEXT:
        raise _malformed(f"`{where}`", f"a string of at most {MAX_TEXT} characters")
    return value


def _statement(value: Any, where: str) -> str:
    if type(value) is not str or len(value) > MAX_STATEMENT:
        raise _malformed(f"`{where}`", f"a string of at most {MAX_STATEMENT} characters")
    return value


def _number(value: Any, where: str) -> int:
    if type(value) is not int or not 0 <= value <= MAX_NUMBER:
        raise _malformed(f"`{where}`", f"a whole number from 0 to {MAX_NUMBER}")
    return value


def _flag(value: Any, where: str) -> bool:
    if type(value) is not bool:
        raise _malformed(f"`{where}`", "true or false")
    return value


def _check_names(value: Any, names: tuple[str, ...], what: str) -> None:
    if type(value) is not dict:
        raise _malformed(what, "an object with " + ", ".join(names))
    for name in value:
        if name not in names:
            raise _malformed(what, f"an object without {name[:MAX_TEXT]!r}; its names are {', '.join(names)}")
    for name in names:
        if name not in value:
            raise _malformed(what, f"an object with {name!r}, which is missing")


def _malformed(what: str, wanted: str) -> AttestationError:
    return AttestationError("EVIDENCE_MALFORMED", f"{what} is not {wanted}")


_PLAIN: Mapping[Any, Read] = {str: _text, int: _number, bool: _flag, Statement: _statement}
_EVIDENCE = _reader(Evidence, {})
