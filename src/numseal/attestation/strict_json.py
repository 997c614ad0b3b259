"""JSON as a verifier must read it: one meaning for one text (RFC 8259 with the limits of RFC 7493).

Refuses duplicate names, NaN and Infinity, lone surrogates, other encodings than UTF-8, deep nesting, many
values and oversize. What the values mean is the caller's business.
"""

import json
from typing import Any, NoReturn

from numseal.attestation.errors import AttestationError

MAX_DEPTH = 16
MAX_NODES = 10_000
"""Names and values of a document, counted before it is parsed; a genuine bundle has fewer than 200."""


def loads(data: bytes, what: str, max_bytes: int, max_depth: int = MAX_DEPTH) -> Any:
    """Parse UTF-8 JSON strictly.

    `what` names the document in errors; sizes are bytes, depth counts nested arrays and objects.
    Raises AttestationError (JSON_TOO_LARGE, JSON_TOO_MANY_NODES, JSON_INVALID, JSON_DUPLICATE_NAME,
    JSON_TOO_DEEP).
    """
    if len(data) > max_bytes:
        raise AttestationError("JSON_TOO_LARGE", f"{what} has {len(data)} bytes, at most {max_bytes} are allowed")
    # No shorter document can have that many, so that nothing is counted in those of everyday size.
    if len(data) > MAX_NODES and _most_nodes(data) > MAX_NODES:
        raise AttestationError("JSON_TOO_MANY_NODES", f"{what} may have more than {MAX_NODES} names and values")
    try:
        text = data.decode("utf-8")
        value = _DECODER.decode(text)
    except AttestationError as error:
        raise AttestationError(error.reason, f"{what} {error}") from None
    except RecursionError:
        raise _too_deep(what, max_depth) from None
    except ValueError as error:  # bad UTF-8, bad JSON, or an integer too long to convert
        raise AttestationError("JSON_INVALID", f"{what} is not JSON in UTF-8: {error}") from None
    # Few brackets cannot nest deeply, and only an escape can write a lone surrogate in UTF-8.
    if data.count(b"[") + data.count(b"{") > max_depth or b"\\u" in data:
        _check_tree(value, what, max_depth)
    return value


def loads_object(data: bytes, what: str, max_bytes: int) -> dict[str, Any]:
    """Parse strictly and demand an object; raises AttestationError (JSON_INVALID) for anything else."""
    value = loads(data, what, max_bytes)
    if type(value) is not dict:
        raise AttestationError("JSON_INVALID", f"{what} is not a JSON object")
    return value


def _most_nodes(data: bytes) -> int:
    """Return how many names and values there may be: each but the first follows one of these (RFC 8259 §2)."""
    return 1 + sum(map(data.count, (b"[", b"{", b",", b":")))


def _check_tree(root: Any, what: str, max_depth: int) -> None:
    """Refuse nesting beyond `max_depth` and strings that are not Unicode text (RFC 7493 section 2.1)."""
    pending: list[tuple[Any, int]] = [(root, 1)]
    while pending:
        value, depth = pending.pop()
        if isinstance(value, str):
            _check_text(value, what)
        elif isinstance(value, dict | list):
            if depth > max_depth:
                raise _too_deep(what, max_depth)
            pending.extend((child, depth + 1) for child in value)
            if isinstance(value, dict):
                pending.extend((child, depth + 1) for child in value.values())


def _check_text(value: str, what: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise AttestationError("JSON_INVALID", f"{what} contains a lone surrogate") from None


def _too_deep(what: str, max_depth: int) -> AttestationError:
    return AttestationError("JSON_TOO_DEEP", f"{what} is nested deeper than {max_depth} levels")


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise AttestationError("JSON_DUPLICATE_NAME", "has the same name twice in one object")
    return names


def _refuse_constant(name: str) -> NoReturn:
    raise AttestationError("JSON_INVALID", f"contains {name}, which is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_names, parse_constant=_refuse_constant)
